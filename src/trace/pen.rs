//! Who has the pen, for other threads to see: of a recorded loop its trace says so, of one that is only inspected an observer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::observe::{Event, Observer, Site, StepEnd};

use super::kind::{Kind, cut};
use super::recording::lock;
use super::trace::Trace;
use super::words::{Time, word};

fn line(who: &str, place: &str, took: u64) -> String {
    let took = Time(took);
    format!("{who}, made at {place}, has had the pen for {took}")
}

/// The line about the step or callback that runs where this trace ends.
pub(crate) fn line_of(trace: &Trace) -> Option<String> {
    let cut = trace.records.last().filter(|r| r.kind == Kind::Cut)?;
    let (begins, made) = match cut.flags {
        cut::STEP => (Kind::StepBegin, Kind::TaskSpawn),
        cut::CALLBACK => (Kind::CbRun, Kind::CbAdd),
        _ => return None,
    };
    let last = |kind| {
        let mut back = trace.records.iter().rev();
        back.find(|record| record.kind == kind && record.a == cut.a)
    };
    let who = match begins {
        Kind::StepBegin => {
            let mut names = trace.records.iter();
            let named = names.find(|r| r.kind == Kind::TaskName && r.a == cut.a && r.c != 0);
            let coroutine = named.map_or("", |record| trace.string(record.c));
            format!("{} {coroutine}()", word(&trace.task_name(cut.a)))
        }
        _ => "a callback".to_owned(),
    };
    let place = trace.place(last(made).map_or(0, |record| record.c));
    Some(line(&who, &place, cut.t - last(begins)?.t))
}

/// Of a loop that is not recorded.
pub(crate) struct Pen {
    start: Instant,
    /// The task, or 0; and since when, in nanoseconds.
    task: AtomicU64,
    since: AtomicU64,
    /// Coroutine and place of each task.
    tasks: Mutex<HashMap<u64, (String, Site)>>,
}

impl Pen {
    pub(crate) fn new() -> Arc<Pen> {
        Arc::new(Pen {
            start: Instant::now(),
            task: AtomicU64::new(0),
            since: AtomicU64::new(0),
            tasks: Mutex::default(),
        })
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// The line that says so, if a task has it.
    pub(crate) fn line(&self) -> Option<String> {
        let task = self.task.load(Ordering::Acquire);
        let since = self.since.load(Ordering::Relaxed);
        let tasks = lock(&self.tasks);
        let (coroutine, site) = tasks.get(&task).filter(|_| task != 0)?;
        let place = format!("{}:{}", site.file(), site.line());
        let who = format!("Task-{task} {coroutine}()");
        let took = self.now().saturating_sub(since);
        Some(line(&who, &place, took))
    }
}

/// The half in the loop's thread.
pub(crate) struct PenObserver(pub(crate) Arc<Pen>);

impl Observer for PenObserver {
    fn event(&self, event: &Event<'_>) {
        let pen = &self.0;
        match *event {
            Event::TaskSpawn {
                task, coro, site, ..
            } => {
                lock(&pen.tasks).insert(task, (coro.to_owned(), site));
            }
            Event::StepBegin { task } => {
                pen.since.store(pen.now(), Ordering::Relaxed);
                pen.task.store(task, Ordering::Release);
            }
            Event::StepEnd { task, end } => {
                pen.task.store(0, Ordering::Release);
                if end != StepEnd::Pending {
                    lock(&pen.tasks).remove(&task);
                }
            }
            _ => {}
        }
    }
}
