//! Who waits for whom: the tasks of a loop at one moment, as data, as a tree of text, and as a drawing for Graphviz.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write};

use crate::current;
use crate::header::{Runnable, WaitOn};
use crate::observe::Site;
use crate::text::function_name;

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
}

/// The tasks of a loop that are not done, in creation order, with what each waits for.
///
/// `Display` is the tree that `python -m asyncio pstree` prints; tasks that await each other in a circle, which no tree can
/// show, are listed under it.
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
    let tasks = current::with(|core| core.tasks()).unwrap_or_default();
    WaitGraph {
        nodes: tasks.iter().map(|task| node(&**task)).collect(),
    }
}

fn node(task: &dyn Runnable) -> WaitNode {
    let header = task.header();
    let (waits_for, site, tasks) = header.with_wait(|wait| {
        let (text, tasks) = match &wait.on {
            WaitOn::Unknown => (None, Vec::new()),
            WaitOn::Leaf(kind) => (Some(kind.to_string()), Vec::new()),
            WaitOn::Several(kind, several) => (Some(kind.to_string()), several.tasks()),
            WaitOn::Object(object) => (Some(object.wait_kind().to_string()), object.tasks()),
        };
        (text, wait.site, tasks)
    });
    WaitNode {
        number: header.number,
        name: header.name(),
        coroutine: function_name(task.coroutine()).to_owned(),
        created: header.site,
        waits_for,
        site,
        tasks,
    }
}

impl WaitGraph {
    /// The graph in Graphviz's language: `dot -Tsvg` draws it. An arrow leads from who waits to whom it waits for.
    pub fn to_dot(&self) -> String {
        let mut dot = "digraph tasks {\n    node [shape=box];\n".to_owned();
        for node in &self.nodes {
            let waits = match (&node.waits_for, node.tasks.is_empty()) {
                (Some(what), true) => format!("\\n{}", escaped(what)),
                _ => String::new(),
            };
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

    /// Draws `number` and below it those that it waits for. What was drawn already is not drawn again.
    fn draw(
        &self,
        f: &mut fmt::Formatter<'_>,
        drawn: &mut HashSet<u64>,
        number: u64,
        last: bool,
    ) -> fmt::Result {
        // Chains of tasks can be long: a list of what is left, and no recursion.
        let by_number: HashMap<u64, &WaitNode> =
            self.nodes.iter().map(|node| (node.number, node)).collect();
        let mut left = vec![(number, String::new(), last)];
        while let Some((number, indent, last)) = left.pop() {
            let Some(node) = by_number.get(&number) else {
                continue;
            };
            let (branch, below) = if last {
                ("└── ", "    ")
            } else {
                ("├── ", "│   ")
            };
            if !drawn.insert(number) {
                writeln!(f, "{indent}{branch}(T) {} (see above)", node.name)?;
                continue;
            }
            writeln!(f, "{indent}{branch}(T) {}", node.name)?;
            let site = node.site.unwrap_or(node.created);
            let (file, line) = (site.file(), site.line());
            write!(f, "{indent}{below}└── {} {file}:{line}", node.coroutine)?;
            match (&node.waits_for, node.tasks.is_empty()) {
                (Some(what), true) => writeln!(f, "  waits for {what}")?,
                _ => writeln!(f)?,
            }
            let indent = format!("{indent}{below}    ");
            for (i, task) in node.tasks.iter().enumerate().rev() {
                left.push((*task, indent.clone(), i + 1 == node.tasks.len()));
            }
        }
        Ok(())
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

impl fmt::Display for WaitGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let awaited: HashSet<u64> = self
            .nodes
            .iter()
            .flat_map(|node| node.tasks.iter().copied())
            .collect();
        let roots = self.nodes.iter().map(|node| node.number);
        let roots: Vec<u64> = roots.filter(|number| !awaited.contains(number)).collect();
        let mut drawn = HashSet::new();
        for (i, root) in roots.iter().enumerate() {
            self.draw(f, &mut drawn, *root, i + 1 == roots.len())?;
        }
        let circular = self
            .nodes
            .iter()
            .filter(|node| !drawn.contains(&node.number));
        for (i, node) in circular.enumerate() {
            if i == 0 {
                writeln!(
                    f,
                    "tasks that await each other in a circle, or are awaited from one:"
                )?;
            }
            let waits_for = node.waits_for.as_deref().unwrap_or("nothing known");
            writeln!(f, "    {} waits for {waits_for}", node.name)?;
        }
        Ok(())
    }
}
