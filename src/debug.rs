//! Debug mode: what is said of a step when it has ended, and of the tasks that nobody can wake before the loop sleeps.

use std::rc::Rc;

use crate::any_task::AnyTask;
use crate::core::Core;
use crate::header::Runnable;
use crate::held;
use crate::report;
use crate::ticket::Ticket;
use crate::watchdog::{MOST_SPINS, Watchdog};

/// A step that took too long, or a task that does nothing but wake itself, is reported.
#[cold]
pub(crate) fn after_step(core: &Core, watchdog: &Watchdog, ticket: Ticket, task: Rc<dyn Runnable>) {
    let took = watchdog.end();
    let task = AnyTask::new(task);
    if let Some(took) = took {
        report::warning!("Executing {task:?} took {:.3} seconds", took.as_secs_f64());
    }
    if task.done() {
        return;
    }
    // It stands in the queue already: it woke itself, or was woken, during its own step.
    let queued = core.ready.borrow_mut().is_queued(ticket);
    if watchdog.spins(task.number(), queued) {
        report::warning!(
            "{task:?} has woken itself {MOST_SPINS} times in a row: the loop is busy with nothing else to do"
        );
    }
    held::look_at(ticket);
}

/// Nothing is ready: a task that is pending, and of which nobody has a waker, is reported.
#[cold]
pub(crate) fn before_sleep(core: &Core) {
    let unheld = held::take_unheld(core.id());
    // Asked afterwards: another thread that wakes a task posts its letter before it gives its waker up.
    if core.inbox.has_mail() {
        unheld.into_iter().for_each(held::look_at);
        return;
    }
    for ticket in unheld {
        let Some(task) = core.ready.borrow_mut().task(ticket).cloned() else {
            continue;
        };
        // What is of this library, or has a limit around it, is woken without a waker's help.
        if core.wait_of(&*task).on.kind().is_none() && !task.header().has_scopes() {
            let task = AnyTask::new(task);
            report::warning!(
                "{task:?} is pending, and nobody has its waker: nothing but a cancellation can wake it"
            );
        }
    }
}
