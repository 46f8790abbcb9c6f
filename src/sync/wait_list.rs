//! The wait list under every primitive: who waits, in the order of arrival.
//!
//! One that was woken or cancelled stays in its place until its task steps (or drops the future): that place is what newcomers
//! queue behind. The note of who waits names the list and the number of the place, so that a cancellation finds it.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use crate::current;
use crate::header::Ended;
use crate::observe::{Site, WaitKind};
use crate::sync::places::{Places, Wake};
use crate::wait_on::{Line, WaitOn};

pub(crate) use crate::sync::kind::Kind;
pub(crate) use crate::sync::places::State;

/// What is waited for, and at which line.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) kind: Kind,
    pub(crate) site: Site,
}

impl Spot {
    #[track_caller]
    pub(crate) fn here(kind: Kind) -> Spot {
        Spot::new(kind, Location::caller())
    }

    pub(crate) fn new(kind: Kind, site: Site) -> Spot {
        Spot { kind, site }
    }
}

/// Something that one task has, and others wait for.
pub(crate) trait Holder {
    /// The number of the task that has it.
    fn task(&self) -> Option<u64>;
}

/// A place in a list: to be given back by [`WaitList::leave`].
pub(crate) struct Turn(u32);

/// What the notes of those who wait refer to.
#[derive(Default)]
struct Row {
    places: RefCell<Places>,
    /// Who has what is waited for, where that can be said.
    holder: OnceCell<Weak<dyn Holder>>,
}

impl Row {
    fn holder(&self) -> Option<u64> {
        self.holder.get()?.upgrade()?.task()
    }
}

impl Line for Row {
    fn wait_kind(&self, place: u32) -> Option<WaitKind> {
        let kind = self.places.borrow().kind(place)?;
        Some(WaitKind::Sync(kind.name()))
    }

    fn ended(&self, place: u32) -> Option<Ended> {
        match self.places.borrow().state(place) {
            State::Waiting => None,
            State::Woken => Some(Ended::Finished),
            State::Cancelled | State::Left => Some(Ended::Cancelled),
        }
    }

    fn cancel(&self, place: u32) {
        let cancelled = self.places.borrow_mut().cancel(place);
        if let Some(cancelled) = cancelled {
            cancelled.wake();
        }
    }

    fn describe(&self, kind: WaitKind, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.holder() {
            Some(task) => write!(f, "<{kind} held by {}>", name_of(task)),
            None => write!(f, "<{kind}>"),
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

/// Those who wait for one thing. It holds no memory before somebody has to wait.
#[derive(Default)]
pub(crate) struct WaitList(OnceCell<Rc<Row>>);

impl WaitList {
    fn row(&self) -> &Rc<Row> {
        self.0.get_or_init(Rc::default)
    }

    /// Whom to name as the one who has what is waited for.
    pub(crate) fn set_holder<H: Holder + 'static>(&self, holder: impl FnOnce() -> Weak<H>) {
        self.row().holder.get_or_init(|| holder());
    }

    /// Queues up at the end, on behalf of whom `waker` wakes.
    pub(crate) fn join(&self, waker: &Waker, spot: Spot) -> Turn {
        let wake = Wake::new(current::expect(), waker);
        Turn(self.row().places.borrow_mut().add(spot.kind, wake))
    }

    /// What has become of a place.
    pub(crate) fn state(&self, turn: &Turn) -> State {
        self.row().places.borrow().state(turn.0)
    }

    /// A cancellation reaches it.
    pub(crate) fn cancel(&self, turn: &Turn) {
        self.row().cancel(turn.0);
    }

    /// Makes a place whose wait goes on wake `waker`.
    pub(crate) fn set_waker(&self, turn: &Turn, waker: &Waker) {
        if self.state(turn) == State::Waiting {
            self.keeps(turn, waker);
        }
    }

    /// Gives the place up, and says what had become of it. One that had been woken must be used or passed on.
    pub(crate) fn leave(&self, turn: Turn) -> State {
        let (state, _dropped) = self.row().places.borrow_mut().remove(turn.0);
        state
    }

    /// Gives the place up if it was woken.
    #[inline]
    pub(crate) fn leave_woken(&self, turn: &mut Option<Turn>) -> bool {
        let (Some(Turn(number)), Some(row)) = (&turn, self.0.get()) else {
            return false;
        };
        let woken = row.places.borrow_mut().remove_woken(*number);
        if woken {
            *turn = None;
        }
        woken
    }

    /// Ready when the place in `turn` has been woken, and has then been given up; until then keeps it, or takes one.
    pub(crate) fn poll_woken(
        &self,
        turn: &mut Option<Turn>,
        context: &Context<'_>,
        spot: Spot,
    ) -> Poll<()> {
        if self.leave_woken(turn) {
            return Poll::Ready(());
        }
        self.wait(turn, context.waker(), spot);
        Poll::Pending
    }

    /// Waits in the place in `turn`, or takes one at the end.
    pub(crate) fn wait(&self, turn: &mut Option<Turn>, waker: &Waker, spot: Spot) {
        if turn.is_some() {
            self.stay(turn, waker);
        }
        let (row, core) = (self.row(), current::expect());
        let place = match turn {
            Some(Turn(place)) => *place,
            None => {
                let wake = Wake::new(core.clone(), waker);
                let place = row.places.borrow_mut().add(spot.kind, wake);
                turn.insert(Turn(place)).0
            }
        };
        core.note_wait(|| WaitOn::Place(row.clone(), place), Some(spot.site));
    }

    /// One that was woken in vain, or polled for another reason, keeps its old place. One that was cancelled, by a request that
    /// was meant for another part of the same task, gives it up.
    #[cold]
    fn stay(&self, turn: &mut Option<Turn>, waker: &Waker) {
        if let Some(cancelled) = turn.take_if(|turn| !self.keeps(turn, waker)) {
            self.leave(cancelled);
        }
    }

    /// Whether the wait goes on in this place, or begins anew, and not under a cancellation.
    fn keeps(&self, turn: &Turn, waker: &Waker) -> bool {
        let wake = Wake::new(current::expect(), waker);
        // A name for it, so that what is left over is dropped after the borrow: the drop of a waker may call back.
        let kept = self.row().places.borrow_mut().wait_on(turn.0, wake);
        kept.is_ok()
    }

    /// Wakes the first who waits; false when nobody does.
    pub(crate) fn wake_next(&self) -> bool {
        let Some(row) = self.0.get() else {
            return false;
        };
        let next = row.places.borrow_mut().wake_next();
        next.map(Wake::wake).is_some()
    }

    /// Wakes the first in the list if it waits; one that was woken or cancelled before has to step first.
    pub(crate) fn wake_first(&self) {
        let Some(row) = self.0.get() else {
            return;
        };
        let first = row.places.borrow_mut().wake_first();
        if let Some(first) = first {
            first.wake();
        }
    }

    /// How many can be woken.
    pub(crate) fn waiting(&self) -> usize {
        let waiting = |row: &Rc<Row>| {
            let places = row.places.borrow();
            places
                .states()
                .filter(|state| *state == State::Waiting)
                .count()
        };
        self.0.get().map_or(0, waiting)
    }

    /// Whether anybody is in the list who was not cancelled: a newcomer has to queue.
    pub(crate) fn is_queued(&self) -> bool {
        // From the end, where those who came last are seldom cancelled.
        let queues = |state| matches!(state, State::Waiting | State::Woken);
        let queued = |row: &Rc<Row>| row.places.borrow().states().rev().any(queues);
        self.0.get().is_some_and(queued)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.get().map_or(0, |row| row.places.borrow().len())
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

    /// The numbers of the places that are taken.
    fn taken(list: &WaitList) -> Vec<u32> {
        let places = list.row().places.borrow();
        let is_taken = |number: &u32| places.kind(*number).is_some();
        (0..100).filter(is_taken).collect()
    }

    fn in_a_loop(test: impl FnOnce(&WaitList) + 'static) {
        let event_loop = EventLoop::new().unwrap();
        let main = async move { test(&WaitList::default()) };
        event_loop.run_until_complete(main).unwrap();
    }

    #[test]
    fn places_can_be_left_in_any_order() {
        in_a_loop(|list| {
            let join = || list.join(Waker::noop(), Spot::here(Kind::Lock));
            let (a, b, c, d) = (join(), join(), join(), join());
            assert!(list.wake_next());
            list.leave(b);
            assert_eq!((taken(list), list.len()), (vec![0, 2, 3], 3));
            list.leave(d);
            let e = join();
            list.leave(c);
            assert_eq!((taken(list), list.len()), (vec![0, 4], 2));
            assert!(list.wake_next());
            assert_eq!(
                (list.state(&a), list.state(&e)),
                (State::Woken, State::Woken)
            );
            let mut a = Some(a);
            list.stay(&mut a, Waker::noop());
            let a = a.unwrap();
            assert!(list.wake_next());
            assert!(!list.wake_next());
            list.leave(a);
            assert_eq!(list.leave(e), State::Woken);
            assert_eq!(list.len(), 0);
        });
    }

    #[test]
    fn a_place_that_was_left_cannot_be_cancelled() {
        in_a_loop(|list| {
            let turn = list.join(Waker::noop(), Spot::here(Kind::Event));
            let (row, number) = (list.row(), turn.0);
            assert_eq!(row.wait_kind(number), Some(WaitKind::Sync("Event")));
            list.leave(turn);
            assert_eq!(row.wait_kind(number), None);
            let next = list.join(Waker::noop(), Spot::here(Kind::Event));
            row.cancel(number);
            assert_eq!(list.state(&next), State::Waiting);
            assert_eq!(row.ended(number), Some(Ended::Cancelled));
        });
    }
}
