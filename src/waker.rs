//! The waker: a ticket in the clothes of `std::task::Waker`. Clone and drop do nothing, since a ticket owns nothing.
//!
//! A wake from the loop's own thread pushes onto the ready queue; from any other thread it goes through the inbox.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::task::{RawWaker, RawWakerVTable, Waker};

use crate::core::Core;
use crate::current;
use crate::held;
use crate::inbox;
use crate::ticket::Ticket;

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| {});

fn clone(word: *const ()) -> RawWaker {
    RawWaker::new(word, &VTABLE)
}

/// Debug mode's: it counts who holds a waker of a task, to tell one that nobody can wake.
static COUNTING: RawWakerVTable =
    RawWakerVTable::new(clone_counted, wake_counted, wake, drop_counted);

fn clone_counted(word: *const ()) -> RawWaker {
    held::add(word.addr());
    RawWaker::new(word, &COUNTING)
}

fn wake_counted(word: *const ()) {
    wake(word);
    held::remove(word.addr(), true);
}

fn drop_counted(word: *const ()) {
    held::remove(word.addr(), false);
}

fn wake(word: *const ()) {
    let Some(ticket) = Ticket::from_word(word.addr()) else {
        return;
    };
    let here = current::with(|core| core.wake(ticket));
    if here != Some(true) {
        inbox::wake_elsewhere(ticket);
    }
}

/// A waker for the length of a poll.
pub(crate) struct TicketWaker(ManuallyDrop<Waker>);

impl TicketWaker {
    #[inline]
    pub(crate) fn new(ticket: Ticket) -> TicketWaker {
        TicketWaker::with(ticket, &VTABLE)
    }

    /// For debug mode.
    pub(crate) fn counting(ticket: Ticket) -> TicketWaker {
        TicketWaker::with(ticket, &COUNTING)
    }

    #[inline]
    fn with(ticket: Ticket, vtable: &'static RawWakerVTable) -> TicketWaker {
        let word = std::ptr::without_provenance(ticket.to_word());
        // SAFETY: the four functions of either table take the data pointer as a number and never dereference it; they may
        // be called from any thread, at any time and in any order, since they own and free nothing behind it.
        TicketWaker(ManuallyDrop::new(unsafe { Waker::new(word, vtable) }))
    }
}

impl Deref for TicketWaker {
    type Target = Waker;

    fn deref(&self) -> &Waker {
        &self.0
    }
}

/// The ticket in a waker of ours.
#[inline]
pub(crate) fn ticket_of(waker: &Waker) -> Option<Ticket> {
    ticket_if(waker, &VTABLE)
}

/// The ticket in a waker of ours or of debug mode's.
pub(crate) fn task_of(waker: &Waker) -> Option<Ticket> {
    ticket_of(waker).or_else(|| ticket_if(waker, &COUNTING))
}

#[inline]
fn ticket_if(waker: &Waker, vtable: &'static RawWakerVTable) -> Option<Ticket> {
    match std::ptr::eq(waker.vtable(), vtable) {
        true => Ticket::from_word(waker.data().addr()),
        false => None,
    }
}

/// Wakes from the loop's own thread: a ticket of this loop is pushed at once even when the loop does not run.
#[inline]
pub(crate) fn wake_on(core: &Core, waker: Waker) {
    match ticket_of(&waker) {
        Some(ticket) => wake_ticket(core, ticket),
        None => waker.wake(),
    }
}

/// [`wake_on`] for a bare ticket.
#[inline]
pub(crate) fn wake_ticket(core: &Core, ticket: Ticket) {
    if !core.wake(ticket) {
        inbox::wake_elsewhere(ticket);
    }
}
