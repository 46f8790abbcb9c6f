//! Who has the pen, for other threads to see: of loops that are inspected and not recorded.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::observe::{Event, Observer, Site, StepEnd};

use super::recording::lock;
use super::words::has_the_pen;

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
        Some(has_the_pen(&who, &place, took))
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
