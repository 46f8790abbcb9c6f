//! Tasks without the type of their result: the running one, all of them, or one in a list.

use std::fmt;
use std::rc::Rc;

use crate::current;
use crate::header::{Ended, Runnable};
use crate::observe::Event;

/// A task of any type, as [`current_task`] and [`all_tasks`] give it.
#[derive(Clone)]
pub struct AnyTask(Rc<dyn Runnable>);

impl AnyTask {
    pub(crate) fn new(task: Rc<dyn Runnable>) -> AnyTask {
        AnyTask(task)
    }

    /// Its name, as [`Task::name`](crate::Task::name).
    pub fn name(&self) -> String {
        self.0.header().name()
    }

    /// Gives it a name.
    pub fn set_name(&self, name: impl Into<String>) {
        let name = name.into();
        current::with(|core| {
            if let Some(observer) = core.observer() {
                let task = self.number();
                observer.event(&Event::TaskName { task, name: &name });
            }
        });
        *self.0.header().more().name.borrow_mut() = Some(name);
    }

    /// Its number: that of `Task-1` is 1. Never used again in the same loop.
    pub fn number(&self) -> u64 {
        self.0.header().number
    }

    /// Whether it has ended.
    pub fn done(&self) -> bool {
        self.0.ended().is_some()
    }

    /// Whether it ended by a cancellation.
    pub fn cancelled(&self) -> bool {
        self.0.ended() == Some(Ended::Cancelled)
    }

    /// Asks it to cancel, as [`Promise::cancel`](crate::Promise::cancel).
    pub fn cancel(&self) -> bool {
        self.0.clone().request_cancel()
    }

    /// How many requests to cancel were made and not taken back.
    pub fn cancelling(&self) -> u32 {
        self.0.header().requests()
    }

    /// Takes one request back, as [`Task::uncancel`](crate::Task::uncancel).
    pub fn uncancel(&self) -> u32 {
        let header = self.0.header();
        let left = header.requests().saturating_sub(1);
        header.more().requests.set(left);
        if left == 0 {
            let mut flags = header.flags.get();
            flags.pending = false;
            header.flags.set(flags);
        }
        left
    }
}

impl PartialEq for AnyTask {
    fn eq(&self, other: &AnyTask) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for AnyTask {}

impl fmt::Debug for AnyTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}

/// The task whose step runs now; `None` in a callback and outside of the loop.
///
/// asyncio's `current_task`.
pub fn current_task() -> Option<AnyTask> {
    current::with(|core| core.current_task())
        .flatten()
        .map(AnyTask)
}

/// The running loop's tasks that are not done, in creation order; empty outside of the loop.
///
/// asyncio's `all_tasks`, which has no order.
pub fn all_tasks() -> Vec<AnyTask> {
    let tasks = current::with(|core| core.tasks()).unwrap_or_default();
    tasks.into_iter().map(AnyTask).collect()
}
