//! Cancellation: a request that is counted at once, delivered once at an `.await`, and forwarded to what the task awaits.
//!
//! ```text
//!                    the task awaits a task, promise or gather that is pending
//!   cancel() ───────────────────────────────────────────────────────────► FORWARDED ──► asks that object to cancel
//!      │ else                                                              │ it ended cancelled     │ it ended otherwise
//!      ▼                                                                   ▼                        ▼
//!   PENDING, task scheduled ──► in place of its next step ──────────► delivered               swallowed: step as usual
//!
//!   delivered: the innermost catch point drops its body and returns Err(Cancelled); without one the whole future is dropped
//! ```
//!
//! A *bound* (timeout, wait_for, task group) is asked in the same way, but its request stops at the bound: it is delivered
//! to the innermost catch point inside it, and if there is none the bound drops its body.
//!
//! Who caught a request and goes on with it (`Cancelled::raise` in `scope`) delivers it to the next scope outside, in the same step.

use std::rc::Rc;

use crate::core::Core;
use crate::header::{
    Ended, Flags, Header, Request, Runnable, Scope, ScopeKind as Kind, ScopeState as State,
    Waitable,
};
use crate::observe::{Cause, Event};
use crate::wait_on::WaitOn;

/// Asks `object` to cancel; false when it had ended already.
pub(crate) fn request(core: &Core, object: Rc<dyn Waitable>) -> bool {
    if object.ended().is_some() {
        return false;
    }
    let mut request = Request {
        epoch: core.next_number(),
        work: vec![object],
    };
    while let Some(object) = request.work.pop() {
        if object.ended().is_none() {
            object.on_cancel(&mut request);
        }
    }
    true
}

/// A task is asked: the request is counted, and forwarded or scheduled for delivery.
pub(crate) fn ask_task(core: &Core, task: &Rc<dyn Runnable>, request: &mut Request) {
    let header = task.header();
    let more = header.more();
    core.observe(|| Event::CancelRequest {
        task: header.number,
        by: core.current_number(),
    });
    if more.epoch.replace(request.epoch) == request.epoch {
        // Tasks that await each other in a circle: nothing would ever come back, so it ends here.
        return deliver_next_step(core, task);
    }
    more.requests.set(more.requests.get() + 1);
    if is_running(core, task) {
        // It asked for itself: delivered at its next suspension, see `after_step`.
        return set_flags(header, |flags| flags.pending = true);
    }
    match core.wait_of(&**task).on.pending_object() {
        Some(object) => {
            set_flags(header, |flags| flags.forwarded = true);
            request.forward(object);
        }
        None => deliver_next_step(core, task),
    }
}

fn deliver_next_step(core: &Core, task: &Rc<dyn Runnable>) {
    set_flags(task.header(), |flags| flags.pending = true);
    core.schedule_for(core.ticket_of(&**task), Cause::Cancel);
}

pub(crate) fn set_flags(header: &Header, change: impl FnOnce(&mut Flags)) {
    let mut flags = header.flags.get();
    change(&mut flags);
    header.flags.set(flags);
}

pub(crate) fn is_running(core: &Core, task: &Rc<dyn Runnable>) -> bool {
    core.current.get() == Some(core.ticket_of(&**task))
}

/// What is to be done in place of, or before, a step.
#[derive(PartialEq, Eq)]
pub(crate) enum Delivery {
    Step,
    DropFuture,
}

/// Called before a step of a task that has flags set, with what it waited for until now.
#[cold]
#[inline(never)]
pub(crate) fn before_step(header: &Header, waited: &WaitOn) -> Delivery {
    let mut flags = header.flags.get();
    let ended = waited.object().and_then(|object| {
        object.before_step();
        object.ended()
    });
    let came_back = flags.forwarded && ended == Some(Ended::Cancelled);
    if flags.forwarded && ended.is_some() {
        flags.forwarded = false;
    }
    let mut delivery = Delivery::Step;
    if flags.pending || came_back {
        flags = Flags::default();
        let catch = innermost_catch(header, |_| true);
        delivery = deliver_to_task(header, catch.as_ref());
    } else if flags.bounds {
        flags.bounds = deliver_to_bounds(header);
    }
    header.flags.set(flags);
    delivery
}

/// The catch point that was entered last, of those that count.
fn innermost_catch(header: &Header, counts: impl Fn(&Scope) -> bool) -> Option<Rc<Scope>> {
    let scopes = header.more().scopes.borrow();
    let catches = |scope: &&Rc<Scope>| scope.kind == Kind::Catch && counts(scope);
    scopes.iter().rfind(catches).cloned()
}

/// The task's request goes to this catch point; without one the task ends.
pub(crate) fn deliver_to_task(header: &Header, catch: Option<&Rc<Scope>>) -> Delivery {
    let scopes = header.more().scopes.borrow();
    // A request of the whole task overrides those of its bounds: it passes through them on its way up.
    for scope in scopes
        .iter()
        .filter(|scope| scope.state.get() != State::Free)
    {
        scope.state.set(State::Delivered);
    }
    drop(scopes);
    match catch {
        Some(catch) => {
            hit(catch, None);
            Delivery::Step
        }
        None => Delivery::DropFuture,
    }
}

/// The scope must drop its body, because of the whole task's request or of this bound's.
fn hit(scope: &Scope, bound: Option<&Rc<Scope>>) {
    scope.state.set(State::Hit);
    scope.origin.replace(bound.cloned());
    if let Some(waker) = scope.waker.take() {
        waker.wake();
    }
}

/// The bound delivers its request: to this catch point inside it, else to itself.
pub(crate) fn deliver_to_bound(bound: &Rc<Scope>, catch: Option<&Rc<Scope>>) {
    bound.state.set(State::Delivered);
    hit(catch.unwrap_or(bound), Some(bound));
}

fn deliver_inside(header: &Header, bound: &Rc<Scope>) {
    let catch = innermost_catch(header, |scope| scope.is_inside(bound));
    deliver_to_bound(bound, catch.as_ref());
}

/// Whether some bound's request is still under way.
fn deliver_to_bounds(header: &Header) -> bool {
    let scopes = header.more().scopes.borrow().clone();
    let mut under_way = false;
    for bound in &scopes {
        match bound.state.get() {
            State::Requested => deliver_inside(header, bound),
            State::Forwarded => match bound.awaited_ended() {
                Some(Ended::Cancelled) => deliver_inside(header, bound),
                // What the body awaited swallowed the request.
                Some(_) => bound.state.set(State::Delivered),
                None => under_way = true,
            },
            _ => {}
        }
    }
    under_way
}

/// Called after a step that ended pending, of a task that has flags set: requests that were made during the step, or that
/// were forwarded to something it no longer awaits, set out now.
pub(crate) fn after_step(core: &Core, task: &Rc<dyn Runnable>) {
    let header = task.header();
    let flags = header.flags.get();
    let awaits = core.wait_of(&**task).on.pending_object();
    if flags.forwarded && awaits.is_none() {
        return deliver_next_step(core, task);
    }
    let bounds = flags.bounds.then(|| header.more().scopes.borrow().clone());
    // One request, however many ask for it.
    let mut asked: Vec<Rc<dyn Waitable>> = Vec::new();
    for bound in bounds.iter().flatten() {
        match (bound.state.get(), bound.awaited_pending()) {
            (State::Requested, Some(object)) => {
                bound.state.set(State::Forwarded);
                asked.push(object);
            }
            (State::Requested, None) => core.schedule_for(core.ticket_of(&**task), Cause::Cancel),
            _ => {}
        }
    }
    match awaits {
        Some(object) if flags.pending => {
            set_flags(header, |flags| {
                flags.forwarded = true;
                flags.pending = false;
            });
            asked.push(object);
        }
        None if flags.pending => core.schedule_for(core.ticket_of(&**task), Cause::Cancel),
        _ => {}
    }
    asked.dedup_by(|one, other| Rc::ptr_eq(one, other));
    for object in asked {
        request(core, object);
    }
}
