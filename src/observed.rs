//! What the core tells its observer. Out of line, to keep what costs only the observed out of everybody's way.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Waker;

use crate::core::Core;
use crate::header::Runnable;
use crate::observe::{Cause, Event, Observer, WaitKind};
use crate::ready::Woken;
use crate::ticket::Ticket;
use crate::wait_on::Wait;
use crate::waker::task_of;

impl Core {
    /// `--cfg glassloop_blind` compiles a loop that cannot be observed, to measure what it costs that it can; see
    /// `benches/observation`.
    #[inline]
    pub(crate) fn observer(&self) -> Option<&Rc<dyn Observer>> {
        match cfg!(glassloop_blind) {
            true => None,
            false => self.observer.as_ref(),
        }
    }

    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        !cfg!(glassloop_blind) && self.watched
    }

    #[inline]
    pub(crate) fn observe(&self, event: impl FnOnce() -> Event<'static>) {
        if let Some(observer) = self.observer() {
            tell(observer, event);
        }
    }

    /// From now on this is who pushes what is pushed. Only an observer asks for it.
    #[inline]
    pub(crate) fn acts(&self, cause: Cause) {
        if self.observer().is_some() {
            self.cause.set(cause);
        }
    }

    /// The running task, else who was said to act.
    pub(crate) fn actor(&self) -> Cause {
        match self.current_number() {
            Some(task) => Cause::Task(task),
            None => self.cause.get(),
        }
    }

    /// [`wake`](Core::wake) when there is an observer, or the ticket is of another loop.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake_observed(&self, ticket: Ticket) -> bool {
        let ours = ticket.loop_id() == self.id();
        if let (true, Some(observer)) = (ours, self.observer()) {
            // Each by itself: the processor takes long to read a cause as a whole that was written in parts a moment ago.
            match self.current_number() {
                Some(task) => self.push_and_tell(observer, ticket, Cause::Task(task)),
                None => self.push_and_tell(observer, ticket, self.cause.get()),
            }
        }
        ours
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn schedule_observed(
        &self,
        observer: &Rc<dyn Observer>,
        ticket: Ticket,
        cause: Cause,
    ) {
        self.push_and_tell(observer, ticket, cause);
    }

    #[inline(always)]
    fn push_and_tell(&self, observer: &Rc<dyn Observer>, ticket: Ticket, cause: Cause) {
        let mut ready = self.ready.borrow_mut();
        // The number of a task that wakes itself is at hand.
        let number = match self.current.get() == Some(ticket) {
            true => Some(self.current_number.get()),
            false => ready.task(ticket).map(|task| task.header().number),
        };
        let woken = ready.wake(ticket);
        drop(ready);
        match (number, woken) {
            (Some(task), Some(Woken::Pushed)) => observer.event(&Event::Ready { task, cause }),
            (Some(task), Some(Woken::Again)) => observer.event(&Event::WakeAgain { task, cause }),
            _ => {}
        }
    }

    #[cold]
    pub(crate) fn report_spawn(&self, observer: &Rc<dyn Observer>, task: &dyn Runnable) {
        let number = task.header().number;
        observer.event(&Event::TaskSpawn {
            task: number,
            parent: self.current_number(),
            coro: task.coroutine(),
            site: task.header().site,
        });
        observer.event(&Event::Ready {
            task: number,
            cause: self.actor(),
        });
    }

    #[cold]
    pub(crate) fn report_wait(&self, observer: &Rc<dyn Observer>, ticket: Ticket) {
        let wait = self.ready.borrow_mut().wait(ticket).cloned();
        let Wait { on, site } = wait.unwrap_or_default();
        if let (Some(task), Some(kind)) = (self.current_number(), on.kind()) {
            observer.event(&Event::Wait { task, kind, site });
        }
    }

    /// One more is done of the several that a task waits for, whose waker this is; it waits on.
    #[inline]
    pub(crate) fn counts_on(&self, waker: &RefCell<Option<Waker>>) {
        if let Some(observer) = self.observer() {
            self.report_progress(observer, waker);
        }
    }

    #[cold]
    #[inline(never)]
    fn report_progress(&self, observer: &Rc<dyn Observer>, waker: &RefCell<Option<Waker>>) {
        let ticket = waker.borrow().as_ref().and_then(task_of);
        let Some(ticket) = ticket.filter(|ticket| ticket.loop_id() == self.id()) else {
            return;
        };
        let mut ready = self.ready.borrow_mut();
        let task = ready.task(ticket).map(|task| task.header().number);
        let wait = ready.wait(ticket).cloned().unwrap_or_default();
        drop(ready);
        if let (Some(task), Some(WaitKind::Several { done, all, .. })) = (task, wait.on.kind()) {
            observer.event(&Event::WaitProgress { task, done, all });
        }
    }
}

#[cold]
#[inline(never)]
fn tell(observer: &Rc<dyn Observer>, event: impl FnOnce() -> Event<'static>) {
    observer.event(&event());
}
