//! What the core notes of what tasks wait for.

use crate::core::Core;
use crate::header::Runnable;
use crate::observe::Site;
use crate::ticket::Ticket;
use crate::wait_on::{Wait, WaitOn};

impl Core {
    /// The running task is about to wait for this; the last such note before its step ends holds.
    #[inline(always)]
    pub(crate) fn note_wait(&self, on: impl FnOnce() -> WaitOn, site: Option<Site>) {
        let Some(ticket) = self.current.get() else {
            return;
        };
        let replaces = self.ready.borrow_mut().set_wait(ticket, on, site);
        if let Some(observer) = self.observer() {
            self.report_wait(observer, ticket);
        }
        if replaces {
            self.drop_replaced();
        }
    }

    /// Seldom is anything noted twice in a step.
    #[cold]
    #[inline(never)]
    fn drop_replaced(&self) {
        let replaced = self.ready.borrow_mut().take_replaced();
        drop(replaced);
    }

    /// What the running task has noted in this step: taken away, and `other` stands there instead.
    pub(crate) fn change_note(&self, other: Option<Wait>) -> Option<Wait> {
        let ticket = self.current.get()?;
        let mut ready = self.ready.borrow_mut();
        let noted = ready.take_note(ticket);
        if let Some(Wait { on, site }) = other {
            ready.set_wait(ticket, || on, site);
        }
        noted
    }

    /// The running task no longer awaits `object`: if it was the last that it noted, it has noted nothing.
    pub(crate) fn forget_wait(&self, object: *const ()) {
        let forgotten = self.change_note(None);
        let same = |wait: &Wait| wait.on.is_object(object);
        if !forgotten.as_ref().is_some_and(same) {
            self.change_note(forgotten);
        }
    }

    /// What the task in this slot has waited for, which its entry in the table says that there is.
    #[cold]
    #[inline(never)]
    pub(crate) fn take_wait(&self, ticket: Ticket) -> WaitOn {
        self.ready.borrow_mut().take_wait(ticket)
    }

    /// What a task waits for.
    pub(crate) fn wait_of(&self, task: &dyn Runnable) -> Wait {
        let mut ready = self.ready.borrow_mut();
        ready
            .wait(self.ticket_of(task))
            .cloned()
            .unwrap_or_default()
    }
}
