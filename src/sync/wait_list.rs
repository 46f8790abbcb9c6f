//! The wait list under every primitive: who waits, in the order of arrival.
//!
//! A waiter that was woken or cancelled stays in its place until its task steps (or drops the future): that place is what
//! newcomers queue behind. Entries are linked by index in a slab, so that any of them leaves in constant time. A list keeps
//! some waiters that have left for those who come next, as it keeps the slab's memory.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::core::Core;
use crate::current;
use crate::header::{Ended, Request, WaitOn, Waitable};
use crate::observe::{Site, WaitKind};
use crate::waker::wake_on;

/// What is waited for, and at which line.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) kind: &'static str,
    pub(crate) site: Site,
}

impl Spot {
    #[track_caller]
    pub(crate) fn here(kind: &'static str) -> Spot {
        let site = Location::caller();
        Spot { kind, site }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Waiting,
    /// It is its turn; its task is ready to step.
    Woken,
    /// A cancellation reached it while it waited: it cannot be woken any more.
    Cancelled,
}

/// How many waiters that have left a list keeps at most.
const SPARE: usize = 16;

/// One who waits. Cancelling its task puts it out of the running at once, before the task steps.
#[derive(Default)]
pub(crate) struct Waiter {
    /// `None` while it is spare.
    core: Option<Rc<Core>>,
    state: Cell<State>,
    waker: Cell<Option<Waker>>,
    kind: &'static str,
    /// Who has what is waited for, where that can be said: the same for all in a list.
    holder: OnceCell<Weak<dyn Holder>>,
}

/// Something that one task has, and others wait for.
pub(crate) trait Holder {
    /// The number of the task that has it.
    fn task(&self) -> Option<u64>;
}

impl Waiter {
    fn holder(&self) -> Option<u64> {
        self.holder.get()?.upgrade()?.task()
    }

    fn end(&self, state: State) {
        self.state.set(state);
        if let (Some(waker), Some(core)) = (self.waker.take(), &self.core) {
            wake_on(core, waker);
        }
    }

    fn cancel(&self) {
        if self.state.get() == State::Waiting {
            self.end(State::Cancelled);
        }
    }
}

impl Waitable for Waiter {
    fn ended(&self) -> Option<Ended> {
        match self.state.get() {
            State::Waiting => None,
            State::Woken => Some(Ended::Finished),
            State::Cancelled => Some(Ended::Cancelled),
        }
    }

    fn on_cancel(self: Rc<Self>, _: &mut Request) {
        self.cancel();
    }

    fn wait_kind(&self) -> WaitKind {
        WaitKind::Sync(self.kind)
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.holder() {
            Some(task) => write!(f, "<{} held by {}>", self.kind, name_of(task)),
            None => write!(f, "<{}>", self.kind),
        }
    }

    fn tasks(&self) -> Vec<u64> {
        self.holder().into_iter().collect()
    }
}

/// The name of the task with this number, if the running loop has it.
fn name_of(number: u64) -> String {
    let tasks = current::with(|core| core.tasks()).unwrap_or_default();
    let task = tasks.iter().find(|task| task.header().number == number);
    task.map_or_else(|| format!("Task-{number}"), |task| task.header().name())
}

/// A place in a list: to be given back by [`WaitList::leave`].
pub(crate) struct Turn {
    key: usize,
    waiter: Rc<Waiter>,
}

impl Turn {
    pub(crate) fn state(&self) -> State {
        self.waiter.state.get()
    }

    pub(crate) fn cancel(&self) {
        self.waiter.cancel();
    }

    pub(crate) fn set_holder<H: Holder + 'static>(&self, holder: impl FnOnce() -> Weak<H>) {
        self.waiter.holder.get_or_init(|| holder());
    }

    pub(crate) fn set_waker(&self, waker: &Waker) {
        self.waiter.waker.set(Some(waker.clone()));
    }
}

struct Entry {
    waiter: Rc<Waiter>,
    /// Rises along the list.
    number: u64,
    before: Option<usize>,
    after: Option<usize>,
}

#[derive(Default)]
struct Entries {
    slab: Slab<Entry>,
    first: Option<usize>,
    last: Option<usize>,
    /// Everybody before this one has been woken or cancelled, so that waking many in a row walks the list once.
    unwoken: Option<usize>,
    joined: u64,
    /// Nobody else refers to these.
    spare: Vec<Rc<Waiter>>,
}

impl Entries {
    fn new_waiter(&mut self, waker: &Waker, kind: &'static str) -> Rc<Waiter> {
        let mut waiter = self.spare.pop().unwrap_or_default();
        if let Some(new) = Rc::get_mut(&mut waiter) {
            new.core = Some(current::expect());
            new.state.set(State::Waiting);
            new.waker.set(Some(waker.clone()));
            new.kind = kind;
        }
        waiter
    }

    /// The first who can be woken.
    fn next_waiting(&mut self) -> Option<Rc<Waiter>> {
        while let Some(key) = self.unwoken {
            let entry = &self.slab[key];
            if entry.waiter.state.get() == State::Waiting {
                return Some(entry.waiter.clone());
            }
            self.unwoken = entry.after;
        }
        None
    }

    fn backwards(&self) -> impl Iterator<Item = &Waiter> {
        let mut key = self.last;
        std::iter::from_fn(move || {
            let entry = &self.slab[key?];
            key = entry.before;
            Some(&*entry.waiter)
        })
    }
}

/// Those who wait for one thing. Empty, it holds no memory.
#[derive(Default)]
pub(crate) struct WaitList(RefCell<Entries>);

impl WaitList {
    /// Queues up at the end, on behalf of whom `waker` wakes.
    pub(crate) fn join(&self, waker: &Waker, spot: Spot) -> Turn {
        let entries = &mut *self.0.borrow_mut();
        let waiter = entries.new_waiter(waker, spot.kind);
        entries.joined += 1;
        let key = entries.slab.insert(Entry {
            waiter: waiter.clone(),
            number: entries.joined,
            before: entries.last,
            after: None,
        });
        match entries.last.replace(key) {
            Some(before) => entries.slab[before].after = Some(key),
            None => entries.first = Some(key),
        }
        entries.unwoken.get_or_insert(key);
        Turn { key, waiter }
    }

    /// Gives the place up, and says what had become of it. One that had been woken must be used or passed on.
    pub(crate) fn leave(&self, turn: Turn) -> State {
        let Turn { key, mut waiter } = turn;
        let state = waiter.state.get();
        // Dropped when the list is whole again: the drop of a waker may call back.
        let _left;
        let entries = &mut *self.0.borrow_mut();
        let Entry { before, after, .. } = entries.slab.remove(key);
        match before {
            Some(before) => entries.slab[before].after = after,
            None => entries.first = after,
        }
        match after {
            Some(after) => entries.slab[after].before = before,
            None => entries.last = before,
        }
        if entries.unwoken == Some(key) {
            entries.unwoken = after;
        }
        if entries.spare.len() < SPARE {
            if let Some(spare) = Rc::get_mut(&mut waiter) {
                _left = (spare.core.take(), spare.waker.take());
                entries.spare.push(waiter);
            }
        }
        state
    }

    /// Ready when the place in `turn` has been woken; until then keeps it, or takes one at the end.
    pub(crate) fn poll_woken(
        &self,
        turn: &mut Option<Turn>,
        context: &Context<'_>,
        spot: Spot,
    ) -> Poll<()> {
        match turn.as_ref().map(Turn::state) {
            Some(State::Woken) => return Poll::Ready(()),
            Some(State::Waiting) => {}
            // A request that was meant for another part of the same task: it waits anew.
            Some(State::Cancelled) => {
                turn.take().map(|turn| self.leave(turn));
            }
            None => {}
        }
        let waiter = match turn {
            Some(turn) => {
                turn.set_waker(context.waker());
                &turn.waiter
            }
            None => &turn.insert(self.join(context.waker(), spot)).waiter,
        };
        if let Some(core) = &waiter.core {
            core.note_wait(WaitOn::Object(waiter.clone()), Some(spot.site));
        }
        Poll::Pending
    }

    /// Wakes the first who waits; false when nobody does.
    pub(crate) fn wake_next(&self) -> bool {
        let next = self.0.borrow_mut().next_waiting();
        next.is_some_and(|waiter| {
            waiter.end(State::Woken);
            true
        })
    }

    /// Wakes the first in the list if it waits; one that was woken or cancelled before has to step first.
    pub(crate) fn wake_first(&self) {
        let entries = self.0.borrow();
        let first = entries.first.map(|key| entries.slab[key].waiter.clone());
        drop(entries);
        if let Some(waiter) = first.filter(|waiter| waiter.state.get() == State::Waiting) {
            waiter.end(State::Woken);
        }
    }

    /// One that was woken in vain waits on in its old place.
    pub(crate) fn wait_again(&self, turn: &Turn) {
        turn.waiter.state.set(State::Waiting);
        let entries = &mut *self.0.borrow_mut();
        let number = entries.slab[turn.key].number;
        if entries
            .unwoken
            .is_none_or(|key| entries.slab[key].number > number)
        {
            entries.unwoken = Some(turn.key);
        }
    }

    /// How many can be woken.
    pub(crate) fn waiting(&self) -> usize {
        let entries = self.0.borrow();
        let waiting = |waiter: &&Waiter| waiter.state.get() == State::Waiting;
        entries.backwards().filter(waiting).count()
    }

    /// Whether anybody is in the list who was not cancelled: a newcomer has to queue.
    pub(crate) fn is_queued(&self) -> bool {
        let entries = self.0.borrow();
        // From the end, where those who came last are seldom cancelled.
        entries
            .backwards()
            .any(|waiter| waiter.state.get() != State::Cancelled)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().slab.len()
    }
}

/// The `[locked, waiters:2]` of a primitive's `Debug` form.
pub(crate) fn describe(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    state: impl fmt::Display,
    list: &WaitList,
) -> fmt::Result {
    match list.len() {
        0 => write!(f, "<{name} [{state}]>"),
        waiters => write!(f, "<{name} [{state}, waiters:{waiters}]>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::EventLoop;

    fn kinds(list: &WaitList) -> Vec<&'static str> {
        let entries = list.0.borrow();
        let mut kinds: Vec<_> = entries.backwards().map(|waiter| waiter.kind).collect();
        kinds.reverse();
        kinds
    }

    fn in_a_loop(test: impl FnOnce(&WaitList) + 'static) {
        let event_loop = EventLoop::new().unwrap();
        let main = async move { test(&WaitList::default()) };
        event_loop.run_until_complete(main).unwrap();
    }

    #[test]
    fn places_can_be_left_in_any_order() {
        in_a_loop(|list| {
            let join = |kind| list.join(Waker::noop(), Spot::here(kind));
            let (a, b, c, d) = (join("a"), join("b"), join("c"), join("d"));
            assert!(list.wake_next());
            list.leave(b);
            assert_eq!((kinds(list), list.len()), (vec!["a", "c", "d"], 3));
            list.leave(d);
            let e = join("e");
            list.leave(c);
            assert_eq!((kinds(list), list.len()), (vec!["a", "e"], 2));
            assert!(list.wake_next());
            assert_eq!((a.state(), e.state()), (State::Woken, State::Woken));
            list.wait_again(&a);
            assert!(list.wake_next());
            assert!(!list.wake_next());
            list.leave(a);
            assert_eq!(list.leave(e), State::Woken);
            assert_eq!(list.len(), 0);
        });
    }

    #[test]
    fn only_waiters_that_nobody_refers_to_are_used_again() {
        in_a_loop(|list| {
            let join = |kind| list.join(Waker::noop(), Spot::here(kind));
            let turn = join("noted");
            let noted = turn.waiter.clone();
            list.leave(turn);
            assert!(list.0.borrow().spare.is_empty());
            let turns: Vec<_> = (0..SPARE + 2).map(|_| join("left")).collect();
            turns[0].cancel();
            for turn in turns {
                list.leave(turn);
            }
            assert_eq!(list.0.borrow().spare.len(), SPARE);
            assert!(
                list.0
                    .borrow()
                    .spare
                    .iter()
                    .all(|spare| spare.core.is_none())
            );
            let new = join("new");
            assert_eq!(new.state(), State::Waiting);
            noted.cancel();
            assert_eq!((kinds(list), new.state()), (vec!["new"], State::Waiting));
        });
    }
}
