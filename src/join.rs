//! Awaiting a promise or task: `promise.await` moves the value out, `(&promise).await` copies it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::cancel;
use crate::completion::Outcome;
use crate::core::Life;
use crate::current;
use crate::error::TaskError;
use crate::header::ListenerKey;
use crate::observe::Site;
use crate::promise::Promise;
use crate::task::Task;
use crate::wait_on::WaitOn;

/// A place in the list of those who wait for one outcome.
struct Waiting<T> {
    cell: Rc<dyn Outcome<T>>,
    registered: Option<ListenerKey>,
    site: Site,
}

impl<T: 'static> Waiting<T> {
    fn new(cell: Rc<dyn Outcome<T>>, site: Site) -> Waiting<T> {
        Waiting {
            cell,
            registered: None,
            site,
        }
    }

    fn cancel(&self) -> bool {
        cancel::request(self.cell.core(), self.cell.clone())
    }

    /// It is pending: has the task woken when that changes.
    fn wait(&mut self, context: &Context<'_>) {
        let (core, completion) = (self.cell.core(), self.cell.completion());
        match self.registered {
            Some(key) => completion.set_waker(core, key, context.waker()),
            None => self.registered = Some(completion.add_awaiter(core, context.waker())),
        }
        let on = || WaitOn::Object(self.cell.clone());
        match core.life.get() {
            Life::Running => core.note_wait(on, Some(self.site)),
            // It belongs to another loop than the one that runs.
            _ => drop(current::with(|core| core.note_wait(on, Some(self.site)))),
        }
    }

    /// It is done: its list of listeners is gone.
    fn finish<R>(&mut self, outcome: R) -> Poll<R> {
        self.registered = None;
        Poll::Ready(outcome)
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        if let Some(key) = self.registered {
            give_up(&self.cell, key);
        }
    }
}

/// Apart, since most waits come to their end.
#[cold]
#[inline(never)]
fn give_up<T>(cell: &Rc<dyn Outcome<T>>, key: ListenerKey) {
    cell.completion().remove_awaiter(key);
    // Dropped in the step in which it was polled, it would be asked to cancel in place of what is awaited.
    let address = Rc::as_ptr(cell).cast();
    let _ = current::with(|core| core.forget_wait(address));
}

/// The future of `task.await` and `promise.await`: moves the value out.
pub struct Join<T>(Waiting<T>);

impl<T: 'static> Join<T> {
    /// Asks what is awaited to cancel.
    pub(crate) fn cancel(&self) -> bool {
        self.0.cancel()
    }
}

impl<T: 'static> Future for Join<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let waiting = &mut self.get_mut().0;
        match waiting.cell.take() {
            Some(outcome) => waiting.finish(outcome),
            None => {
                waiting.wait(context);
                Poll::Pending
            }
        }
    }
}

/// The future of `(&task).await` and `(&promise).await`: copies the value.
pub struct JoinRef<T>(Waiting<T>);

impl<T: 'static> JoinRef<T> {
    /// Asks what is awaited to cancel.
    pub(crate) fn cancel(&self) -> bool {
        self.0.cancel()
    }
}

impl<T: Clone + 'static> Future for JoinRef<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let waiting = &mut self.get_mut().0;
        if !waiting.cell.completion().retrieve() {
            waiting.wait(context);
            return Poll::Pending;
        }
        let outcome = waiting.cell.outcome().clone();
        waiting.finish(outcome)
    }
}

impl<T: 'static> Promise<T> {
    /// For what awaits on behalf of somebody else, whose line it is.
    pub(crate) fn join_at(self, site: Site) -> Join<T> {
        Join(Waiting::new(self.cell, site))
    }
}

impl<T: 'static> IntoFuture for Promise<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = Join<T>;

    #[track_caller]
    fn into_future(self) -> Join<T> {
        self.join_at(Location::caller())
    }
}

impl<T: Clone + 'static> IntoFuture for &Promise<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = JoinRef<T>;

    #[track_caller]
    fn into_future(self) -> JoinRef<T> {
        JoinRef(Waiting::new(self.cell.clone(), Location::caller()))
    }
}

impl<T: 'static> IntoFuture for Task<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = Join<T>;

    #[track_caller]
    fn into_future(self) -> Join<T> {
        self.into_inner().join_at(Location::caller())
    }
}

impl<T: Clone + 'static> IntoFuture for &Task<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = JoinRef<T>;

    #[track_caller]
    fn into_future(self) -> JoinRef<T> {
        JoinRef(Waiting::new(
            self.promise().cell.clone(),
            Location::caller(),
        ))
    }
}

fn describe<T: 'static>(waiting: &Waiting<T>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("<await of ")?;
    waiting.cell.describe(f)?;
    f.write_str(">")
}

impl<T: 'static> fmt::Debug for Join<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(&self.0, f)
    }
}

impl<T: 'static> fmt::Debug for JoinRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(&self.0, f)
    }
}
