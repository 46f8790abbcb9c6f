//! Who waits for whom: the tasks of a loop at one moment, as data, as a tree of text, and as a drawing for Graphviz.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write};

use crate::core::Core;
use crate::current;
use crate::header::Runnable;
use crate::observe::{Site, WaitKind};
use crate::text::{function_name, on_one_line};

/// Levels that the text draws: the indentation of longer chains would take more than all else.
const DEEPEST: usize = 100;

/// One task, as it was when [`wait_graph`] looked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitNode {
    /// The task's number: that of `Task-1` is 1.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// The name of its coroutine.
    pub coroutine: String,
    /// Where it was created.
    pub created: Site,
    /// What it waits for, in words; `None` while it runs, is ready, or awaits something that the loop does not know.
    pub waits_for: Option<String>,
    /// The line of the `.await`.
    pub site: Option<Site>,
    /// The tasks that it waits for.
    pub tasks: Vec<u64>,
    /// It awaits a task itself, and nothing that stands in between.
    awaits_directly: bool,
}

/// The tasks of a loop that are not done, in creation order, with what each waits for.
///
/// `Display` is the tree that `python -m asyncio pstree` prints, with what a task waits for in the place of the library's own
/// coroutines. For tasks that await each other in a circle, of which no tree can be drawn, it has a line `cycle: Task-2 → Task-3 →
/// Task-2`; a task that several others await is drawn in full where it comes first. A hundred levels are drawn, and how many tasks
/// are below them is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitGraph {
    /// The tasks.
    pub nodes: Vec<WaitNode>,
}

/// Looks at the tasks of the running loop; empty outside of it. asyncio's counterpart is `capture_call_graph` of 3.14.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{create_task, wait_graph, yield_now};
///
/// let child = create_task(std::future::pending::<()>()).named("child");
/// let parent = create_task(async move { child.await }).named("parent");
/// yield_now().await;
/// let graph = wait_graph();
/// assert_eq!(graph.nodes[2].name, "parent");
/// assert_eq!(graph.nodes[2].tasks, [graph.nodes[1].number]);
/// # drop(parent);
/// # }).unwrap();
/// ```
pub fn wait_graph() -> WaitGraph {
    let graph = current::get().map(|core| wait_graph_of(&core));
    graph.unwrap_or_else(|_| WaitGraph { nodes: Vec::new() })
}

pub(crate) fn wait_graph_of(core: &Core) -> WaitGraph {
    let tasks = core.tasks();
    WaitGraph {
        nodes: tasks.iter().map(|task| node(core, &**task)).collect(),
    }
}

fn node(core: &Core, task: &dyn Runnable) -> WaitNode {
    let header = task.header();
    let wait = core.wait_of(task);
    let kind = wait.on.kind();
    let direct = matches!(kind, Some(WaitKind::Task(_)));
    let tasks = wait.on.tasks();
    WaitNode {
        number: header.number,
        name: header.name(),
        coroutine: function_name(task.coroutine()).to_owned(),
        created: header.site,
        waits_for: kind.map(|kind| kind.to_string()),
        site: wait.site,
        awaits_directly: direct && !tasks.is_empty(),
        tasks,
    }
}

impl WaitGraph {
    /// The graph in Graphviz's language: `dot -Tsvg` draws it. An arrow leads from who waits to whom it waits for.
    /// asyncio has no counterpart.
    pub fn to_dot(&self) -> String {
        let mut dot = "digraph tasks {\n    node [shape=box];\n".to_owned();
        for node in &self.nodes {
            // An arrow to the task itself says all.
            let waits = node.waits_for.as_deref().filter(|_| !node.awaits_directly);
            let waits = waits.map_or_else(String::new, |what| format!("\\n{}", escaped(what)));
            let (name, coroutine) = (escaped(&node.name), escaped(&node.coroutine));
            // Writing to a string cannot fail.
            let _ = writeln!(
                dot,
                "    t{} [label=\"{name}\\n{coroutine}(){waits}\"];",
                node.number
            );
            for task in &node.tasks {
                let _ = writeln!(dot, "    t{} -> t{task};", node.number);
            }
        }
        dot + "}\n"
    }

    /// Draws `root` and below it those that it waits for. What was drawn already is not drawn again.
    fn draw(&self, f: &mut fmt::Formatter<'_>, drawn: &mut HashSet<u64>, root: u64) -> fmt::Result {
        let by_number: HashMap<u64, &WaitNode> =
            self.nodes.iter().map(|node| (node.number, node)).collect();
        // Chains of tasks can be long: a list of what is left, and no recursion.
        let mut left = vec![(root, String::new(), true, 0)];
        while let Some((number, indent, last, depth)) = left.pop() {
            let Some(node) = by_number.get(&number) else {
                continue;
            };
            let (branch, below) = if last {
                ("└── ", "    ")
            } else {
                ("├── ", "│   ")
            };
            if !drawn.insert(number) {
                writeln!(
                    f,
                    "{indent}{branch}(T) {} (see above)",
                    on_one_line(&node.name)
                )?;
                continue;
            }
            if depth == DEEPEST {
                let below = pass(&by_number, drawn, node);
                writeln!(
                    f,
                    "{indent}{branch}(T) {} ({below} more below)",
                    on_one_line(&node.name)
                )?;
                continue;
            }
            writeln!(f, "{indent}{branch}(T) {}", on_one_line(&node.name))?;
            let site = node.site.unwrap_or(node.created);
            let (file, line) = (site.file(), site.line());
            writeln!(f, "{indent}{below}└──  {} {file}:{line}", node.coroutine)?;
            let mut indent = format!("{indent}{below}    ");
            if let Some(what) = node.waits_for.as_deref().filter(|_| !node.awaits_directly) {
                writeln!(f, "{indent}└──  {what}")?;
                indent.push_str("    ");
            }
            for (i, task) in node.tasks.iter().enumerate().rev() {
                let last = i + 1 == node.tasks.len();
                left.push((*task, indent.clone(), last, depth + 1));
            }
        }
        Ok(())
    }

    /// A circle among the tasks in `left`, all of which are awaited by others of them: the first one twice, at both ends.
    fn circle(&self, left: &[&WaitNode]) -> Vec<u64> {
        let awaiter = |number: u64| left.iter().find(|node| node.tasks.contains(&number));
        let mut path: Vec<u64> = left.first().iter().map(|node| node.number).collect();
        // Up the chain of who awaits whom, until somebody comes again.
        while let Some(node) = path.last().and_then(|number| awaiter(*number)) {
            let again = path.iter().position(|number| *number == node.number);
            path.push(node.number);
            if let Some(first) = again {
                path.drain(..first);
                break;
            }
        }
        path.reverse();
        path
    }
}

/// Counts the tasks below `node` as drawn, and says how many they are.
fn pass(nodes: &HashMap<u64, &WaitNode>, drawn: &mut HashSet<u64>, node: &WaitNode) -> usize {
    let before = drawn.len();
    let mut left = node.tasks.clone();
    while let Some(number) = left.pop() {
        if let Some(node) = nodes.get(&number)
            && drawn.insert(number)
        {
            left.extend(&node.tasks);
        }
    }
    drawn.len() - before
}

fn escaped(text: &str) -> String {
    on_one_line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

impl fmt::Display for WaitGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut drawn = HashSet::new();
        loop {
            let left = self.nodes.iter();
            let left: Vec<_> = left.filter(|node| !drawn.contains(&node.number)).collect();
            let awaited: HashSet<u64> = left.iter().flat_map(|node| &node.tasks).copied().collect();
            let roots = left.iter().map(|node| node.number);
            let roots: Vec<u64> = roots.filter(|number| !awaited.contains(number)).collect();
            if left.is_empty() {
                return Ok(());
            }
            for root in &roots {
                self.draw(f, &mut drawn, *root)?;
            }
            if roots.is_empty() {
                let circle = self.circle(&left);
                let name = |number: &u64| left.iter().find(|node| node.number == *number);
                let names: Vec<_> = circle.iter().filter_map(name).collect();
                let names: Vec<_> = names.iter().map(|node| on_one_line(&node.name)).collect();
                writeln!(f, "cycle: {}", names.join(" → "))?;
                drawn.extend(circle);
            }
        }
    }
}
