//! The run of one program: its names, its objects, its trace, and its end.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::rc::Rc;

use glassloop::{
    CallbackId, EventLoop, Handle, LoopError, Promise, Task, TaskGroup, Timeout, TimerHandle,
};
use serde_json::Value as Json;

use super::check::check;
use super::sync::Object;
use super::value::{Error, Outcome, State};

/// More turns than any program needs that comes to an end.
const MOST_TURNS: usize = 20_000;

/// Calls of coroutines within each other; CPython gives up at 1,000 frames, of which an op takes two or more.
const DEEPEST: usize = 500;

/// Room for these, with blocks in each.
const STACK: usize = 256 << 20;

/// The program is not valid: what is wrong with it.
#[derive(Debug)]
pub struct BadProgram(pub String);

/// What an op can refer to by name.
#[derive(Clone)]
pub enum Thing {
    Future(Promise<Outcome>),
    Task(Task<Outcome>),
    Handle(Handle),
    Timer(TimerHandle),
    Timeout(Timeout),
    Group(TaskGroup<Error>),
}

impl Thing {
    /// Of a task or future.
    pub fn promise(&self) -> Option<Promise<Outcome>> {
        match self {
            Thing::Future(promise) => Some(promise.clone()),
            Thing::Task(task) => Some((**task).clone()),
            _ => None,
        }
    }
}

/// Who acts: a task, or a callback.
pub struct Actor {
    pub name: String,
    /// `None` for a callback.
    pub label: Option<String>,
    /// The task has asked itself to cancel, and has not suspended since.
    pub asked: Cell<bool>,
    /// The limits whose bodies it runs.
    pub limits: RefCell<Vec<Timeout>>,
    /// Held once for each call that it is in.
    calls: Rc<()>,
    /// The same as `asked`, of a limit: a group's errors overtook its request, which is made again.
    pub limit_asked: Cell<bool>,
}

impl Actor {
    pub fn new(name: String, label: Option<String>) -> Actor {
        Actor {
            name,
            label,
            asked: Cell::new(false),
            limits: RefCell::default(),
            calls: Rc::new(()),
            limit_asked: Cell::new(false),
        }
    }

    /// One call more, until what this gives is dropped; `None` when there are too many.
    pub fn enter(&self) -> Option<Rc<()>> {
        let call = self.calls.clone();
        (Rc::strong_count(&call) <= DEEPEST).then_some(call)
    }

    /// How many of its limits have run out.
    pub fn expired(&self) -> usize {
        let limits = self.limits.borrow();
        limits.iter().filter(|limit| limit.expired()).count()
    }
}

pub struct Runner {
    pub program: &'static Json,
    pub event_loop: EventLoop,
    trace: RefCell<Vec<String>>,
    /// How often a name was used for a label.
    used: RefCell<HashMap<String, usize>>,
    names: RefCell<HashMap<String, (String, Thing)>>,
    tasks: RefCell<Vec<(String, Task<Outcome>)>>,
    /// The ends of tasks, also of those whose error a group has taken.
    pub ends: RefCell<HashMap<String, Outcome>>,
    pub objects: RefCell<HashMap<String, Object>>,
    pub variables: RefCell<HashMap<String, i64>>,
    pub done_callbacks: RefCell<HashMap<(String, String), Vec<CallbackId>>>,
    /// The run is over: what destructors do is not part of the trace.
    over: Cell<bool>,
    pub bad: RefCell<Option<BadProgram>>,
}

/// Runs `program` to its end and gives its trace.
pub fn trace(program: &Json) -> Result<Vec<String>, BadProgram> {
    check(program)?;
    let thread = std::thread::Builder::new().stack_size(STACK);
    std::thread::scope(|scope| {
        let run = thread.spawn_scoped(scope, || trace_of_valid(program));
        let run = run.map_err(|error| BadProgram(error.to_string()))?;
        run.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

fn trace_of_valid(program: &Json) -> Result<Vec<String>, BadProgram> {
    // Tasks live as long as they like, and the program with them; it is small.
    let program: &'static Json = Box::leak(Box::new(program.clone()));
    let event_loop = EventLoop::builder().virtual_time().build();
    let event_loop = event_loop.map_err(|error| BadProgram(error.to_string()))?;
    let runner = Rc::new(Runner {
        program,
        event_loop,
        trace: RefCell::default(),
        used: RefCell::default(),
        names: RefCell::default(),
        tasks: RefCell::default(),
        ends: RefCell::default(),
        objects: RefCell::default(),
        variables: RefCell::default(),
        done_callbacks: RefCell::default(),
        over: Cell::new(false),
        bad: RefCell::default(),
    });
    let objects = program["objects"].as_object().into_iter().flatten();
    for (name, spec) in objects {
        runner.declare(name, spec)?;
    }
    runner.run()?;
    runner.over.set(true);
    runner.names.take();
    runner.tasks.take();
    let _ = runner.event_loop.close();
    let trace = runner.trace.take();
    match runner.bad.take() {
        Some(bad) => Err(bad),
        None => Ok(trace),
    }
}

impl Runner {
    fn run(self: &Rc<Self>) -> Result<(), BadProgram> {
        let until_main = self.program["until"] == "main";
        let main = self.clone().coroutine(self.fresh("main"), "main");
        let main = self.event_loop.create_task(main);
        let main = main.map_err(|error| BadProgram(error.to_string()))?;
        self.add_task("main", "main", &main);
        let idle = match until_main {
            true => matches!(
                self.event_loop.run_until_done(&main),
                Err(LoopError::Deadlock(_))
            ),
            false => {
                let mut turns = 0..MOST_TURNS;
                turns
                    .find(|_| self.bad.borrow().is_some() || self.event_loop.turn().is_err())
                    .ok_or_else(|| BadProgram("the program does not come to an end".to_owned()))?;
                true
            }
        };
        if idle && !main.done() {
            let now = self.now();
            self.trace.borrow_mut().push(format!("{now} loop deadlock"));
        }
        for (label, task) in &*self.tasks.borrow() {
            let state = self.state(label, task);
            self.trace.borrow_mut().push(format!("end {label} {state}"));
        }
        Ok(())
    }

    pub fn now(&self) -> u128 {
        self.event_loop.time().as_millis()
    }

    pub fn log(&self, actor: &Actor, text: impl std::fmt::Display) {
        if !self.over.get() {
            let line = format!("{} {} {text}", self.now(), actor.name);
            self.trace.borrow_mut().push(line);
        }
    }

    pub fn is_over(&self) -> bool {
        self.over.get()
    }

    pub fn refuse(&self, what: String) {
        self.bad.borrow_mut().get_or_insert(BadProgram(what));
    }

    /// The state of the task or future with this label.
    pub fn state(&self, label: &str, promise: &Promise<Outcome>) -> State {
        let ended = self.ends.borrow().get(label).cloned();
        match (State::of(promise), ended) {
            (State::Done(_), Some(outcome)) => State::Done(outcome),
            (state, _) => state,
        }
    }

    // Names.

    /// The label of the next thing that is called `name`.
    pub fn fresh(&self, name: &str) -> String {
        let mut used = self.used.borrow_mut();
        let count = used.entry(name.to_owned()).or_default();
        *count += 1;
        match *count {
            1 => name.to_owned(),
            n => format!("{name}#{n}"),
        }
    }

    /// The label was not used after all.
    pub fn take_back(&self, name: &str) {
        if let Some(count) = self.used.borrow_mut().get_mut(name) {
            *count -= 1;
        }
    }

    pub fn bind(&self, name: &str, label: &str, thing: Thing) {
        let mut names = self.names.borrow_mut();
        if label == name {
            names.insert(format!("{name}#1"), (label.to_owned(), thing.clone()));
        }
        names.insert(label.to_owned(), (label.to_owned(), thing.clone()));
        names.insert(name.to_owned(), (label.to_owned(), thing));
    }

    pub fn add_task(&self, name: &str, label: &str, task: &Task<Outcome>) {
        task.set_name(label);
        let entry = (label.to_owned(), task.clone());
        self.tasks.borrow_mut().push(entry);
        self.bind(name, label, Thing::Task(task.clone()));
    }

    pub fn find(&self, actor: &Actor, name: &str) -> Option<(String, Thing)> {
        if name != "self" {
            return self.names.borrow().get(name).cloned();
        }
        let label = actor.label.as_ref()?;
        let tasks = self.tasks.borrow();
        let (_, task) = tasks.iter().find(|(of, _)| of == label)?;
        Some((label.clone(), Thing::Task(task.clone())))
    }

    /// What the op's `target` names; without one a line says so.
    pub fn target(&self, actor: &Actor, op: &Json) -> Option<(String, Thing)> {
        let name = text(op, "target");
        let found = self.find(actor, name);
        if found.is_none() {
            self.log(actor, format_args!("{} {name} missing", text(op, "op")));
        }
        found
    }

    pub fn future(&self, actor: &Actor, op: &Json) -> Option<(String, Promise<Outcome>)> {
        let (label, thing) = self.target(actor, op)?;
        Some((label, thing.promise()?))
    }

    /// What the names in `of` name; a line for each that names nothing.
    pub fn targets(&self, actor: &Actor, op: &Json) -> Vec<(String, Promise<Outcome>)> {
        let mut found = Vec::new();
        for name in list(op, "of") {
            let name = name.as_str().unwrap_or_default();
            match self.find(actor, name) {
                Some((label, thing)) => {
                    found.extend(thing.promise().map(|promise| (label, promise)))
                }
                None => self.log(actor, format_args!("{} {name} missing", text(op, "op"))),
            }
        }
        found
    }
}

// Fields of ops.

pub fn text<'a>(op: &'a Json, key: &str) -> &'a str {
    op[key].as_str().unwrap_or_default()
}

pub fn int(op: &Json, key: &str, default: i64) -> i64 {
    op[key].as_i64().unwrap_or(default)
}

pub fn flag(op: &Json, key: &str) -> bool {
    op[key].as_bool().unwrap_or(false)
}

pub fn list<'a>(op: &'a Json, key: &str) -> &'a [Json] {
    op[key].as_array().map_or(&[], Vec::as_slice)
}
