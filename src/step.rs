//! What happens before and after the poll of a coroutine, whatever its type. The task itself does this, since it knows how to poll.

use crate::cancel::{self, Delivery};
use crate::core::Core;
use crate::header::Header;
use crate::ticket::Ticket;
use crate::wait_on::WaitOn;
use crate::waker::TicketWaker;

/// The task gets the pen: its context is the current one, and what it waited for is forgotten. Says what has to be done.
#[inline]
pub(crate) fn begin(core: &Core, header: &Header, ticket: Ticket, waited: bool) -> Delivery {
    core.current.set(Some(ticket));
    core.current_number.set(header.number);
    // Most tasks have none, and then there is none to be put away.
    if header.more.get().is_some() || core.context.is_set() {
        core.context.replace(header.take_context());
    }
    match waited || header.flags.get().any() {
        true => after_waiting(core, header, ticket, waited),
        false => Delivery::Step,
    }
}

fn after_waiting(core: &Core, header: &Header, ticket: Ticket, waited: bool) -> Delivery {
    let on = match waited {
        true => core.ready.borrow_mut().take_wait(ticket),
        false => WaitOn::Unknown,
    };
    match header.flags.get().any() {
        true => cancel::before_step(header, &on),
        false => Delivery::Step,
    }
}

/// The waker to poll it with.
#[inline]
pub(crate) fn waker(core: &Core, ticket: Ticket) -> TicketWaker {
    match core.watchdog {
        None => TicketWaker::new(ticket),
        Some(_) => TicketWaker::counting(ticket),
    }
}

/// It gives the pen back.
#[inline]
pub(crate) fn end(core: &Core, header: &Header) {
    if core.context.is_set() {
        header.keep_context(core.context.replace(None));
    }
    core.current.set(None);
}
