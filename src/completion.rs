//! The part that promises and tasks share: the state, and who is to be told when it changes.
//!
//! The state changes once, from pending to finished or cancelled. Then those who listen are told in the order in which
//! they registered; callbacks and tasks go onto the ready queue, and nothing of the user's is ever called inline.

use std::cell::{Cell, Ref};
use std::rc::Rc;
use std::task::Waker;

use crate::callback::Callback;
use crate::context::Context;
use crate::core::Core;
use crate::error::{InvalidStateError, TaskError};
use crate::header::{Ended, ListenerKey, Runnable, Watchable, Watching};
use crate::observe::Site;
use crate::waker::{ticket_of, wake_on};

/// Something that will have an outcome: what a [`Promise`](crate::Promise) handle points to.
pub(crate) trait Outcome<T>: Watchable {
    fn core(&self) -> &Rc<Core>;

    fn completion(&self) -> &Completion<T>;

    /// The outcome of what is done; not to be called while it is pending.
    fn outcome(&self) -> Ref<'_, Result<T, TaskError>>;

    /// Moves the value out, which counts as having looked at it; `None` while it is pending.
    fn take(&self) -> Option<Result<T, TaskError>>;

    /// Sets the outcome of a promise, at this place in the source.
    fn put(
        self: Rc<Self>,
        outcome: Result<T, TaskError>,
        site: Site,
    ) -> Result<(), InvalidStateError>;

    fn as_task(self: Rc<Self>) -> Option<Rc<dyn Runnable>>;
}

pub(crate) type DoneCallback<T> = Box<dyn FnOnce(Rc<dyn Outcome<T>>)>;

pub(crate) enum Listener<T> {
    Awaiter(Waker),
    Callback {
        name: &'static str,
        site: Site,
        /// Of when it was added.
        context: Context,
        function: DoneCallback<T>,
    },
    Watcher(Watching, u32),
}

type Registered<T> = (ListenerKey, Listener<T>);

/// The key of the awaiter that stands in the completion itself; those in the list count from 1.
const AWAITER: ListenerKey = ListenerKey(0);

/// Pending, with those who listen, or ended.
#[derive(Default)]
enum State<T> {
    #[default]
    Unheard,
    /// By the task of the same loop that stands in this slot, so that the usual case allocates nothing. No ticket, to be small:
    /// should the slot have another owner by now, since the await was leaked, then that one is woken in vain.
    Awaited(u32),
    /// What is watched has mostly one watcher and nobody else.
    Watched(u32, Watching),
    Heard(Box<List<T>>),
    Ended {
        how: Ended,
        /// Somebody has looked at the outcome.
        retrieved: bool,
    },
}

/// The first listener stands in the box itself, since most have just one.
struct List<T> {
    made: u32,
    /// The task of [`State::Awaited`], if that was first.
    awaiter: Option<u32>,
    first: Option<Registered<T>>,
    rest: Vec<Registered<T>>,
}

impl<T> List<T> {
    /// The listener with this key.
    fn find(&mut self, key: ListenerKey) -> Option<&mut Listener<T>> {
        match &mut self.first {
            Some((first, listener)) if *first == key => Some(listener),
            _ => {
                let found = self.rest.binary_search_by_key(&key, |(key, _)| *key);
                found.ok().map(|i| &mut self.rest[i].1)
            }
        }
    }

    fn remove(&mut self, key: ListenerKey) -> Option<Listener<T>> {
        let removed = match self.first.take_if(|(first, _)| *first == key) {
            Some(first) => Some(first),
            None => {
                let found = self.rest.binary_search_by_key(&key, |(key, _)| *key);
                found.ok().map(|i| self.rest.remove(i))
            }
        };
        removed.map(|(_, listener)| listener)
    }
}

impl<T> State<T> {
    /// The list of those who listen, made of what is there.
    fn list(&mut self) -> &mut List<T> {
        if !matches!(self, State::Heard(_)) {
            let mut list = Box::new(List {
                made: 0,
                awaiter: None,
                first: None,
                rest: Vec::new(),
            });
            match std::mem::take(self) {
                State::Awaited(slot) => list.awaiter = Some(slot),
                State::Watched(index, watcher) => {
                    list.made = ListenerKey::FIRST.0;
                    list.first = Some((ListenerKey::FIRST, Listener::Watcher(watcher, index)));
                }
                _ => {}
            }
            *self = State::Heard(list);
        }
        match self {
            State::Heard(list) => list,
            _ => unreachable!("it has just become one"),
        }
    }
}

/// One word beside a tag, since every task has it.
pub(crate) struct Completion<T>(Cell<State<T>>);

impl<T> Completion<T> {
    /// A constant, whose unused bytes are plain zeros: of a value they would be copied by way of the stack, in pieces that overlap,
    /// and the CPU has to wait for those.
    #[inline]
    pub(crate) fn new() -> Completion<T> {
        Completion(const { Cell::new(State::Unheard) })
    }

    /// Nothing of the user's is called or dropped in `look`.
    #[inline]
    fn with<R>(&self, look: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.0.take();
        let seen = look(&mut state);
        self.0.set(state);
        seen
    }

    #[inline]
    pub(crate) fn ended(&self) -> Option<Ended> {
        self.with(|state| match state {
            State::Ended { how, .. } => Some(*how),
            _ => None,
        })
    }

    /// Whether it has ended; if so, somebody has looked at the outcome now.
    #[inline]
    pub(crate) fn retrieve(&self) -> bool {
        self.with(|state| match state {
            State::Ended { retrieved, .. } => {
                *retrieved = true;
                true
            }
            _ => false,
        })
    }

    #[inline]
    pub(crate) fn is_retrieved(&self) -> bool {
        self.with(|state| {
            matches!(
                state,
                State::Ended {
                    retrieved: true,
                    ..
                }
            )
        })
    }

    pub(crate) fn add_awaiter(&self, core: &Core, waker: &Waker) -> ListenerKey {
        let slot = slot_of(core, waker);
        let alone = self.with(|state| match (&state, slot) {
            (State::Unheard, Some(slot)) => {
                *state = State::Awaited(slot);
                true
            }
            _ => false,
        });
        match alone {
            true => AWAITER,
            false => self.add(Listener::Awaiter(waker.clone())),
        }
    }

    /// Only while it is pending.
    pub(crate) fn add(&self, listener: Listener<T>) -> ListenerKey {
        self.with(|state| {
            let list = state.list();
            list.made += 1;
            let key = ListenerKey(list.made);
            match list.first {
                // `first` may be empty again while later ones are registered.
                None if list.rest.is_empty() => list.first = Some((key, listener)),
                _ => list.rest.push((key, listener)),
            }
            key
        })
    }

    /// See [`Watchable::watch`].
    pub(crate) fn watch(&self, watcher: &Watching, index: usize) -> Result<ListenerKey, Ended> {
        let (watcher, index) = (watcher.clone(), index as u32);
        match self.0.take() {
            State::Unheard => {
                self.0.set(State::Watched(index, watcher));
                Ok(ListenerKey::FIRST)
            }
            before => {
                self.0.set(before);
                match self.ended() {
                    Some(how) => Err(how),
                    None => Ok(self.add(Listener::Watcher(watcher, index))),
                }
            }
        }
    }

    /// Takes the registration of an awaiter back.
    #[inline(never)]
    pub(crate) fn remove_awaiter(&self, key: ListenerKey) {
        let removed = self.with(|state| match state {
            State::Awaited(_) if key == AWAITER => {
                *state = State::Unheard;
                true
            }
            State::Heard(list) if key == AWAITER => list.awaiter.take().is_some(),
            _ => false,
        });
        if !removed {
            drop(self.remove(key));
        }
    }

    /// Takes a registration back; the caller drops what it returns, if it is still there.
    pub(crate) fn remove(&self, key: ListenerKey) -> Option<Listener<T>> {
        self.with(|state| match std::mem::take(state) {
            State::Watched(index, watcher) if key == ListenerKey::FIRST => {
                Some(Listener::Watcher(watcher, index))
            }
            State::Heard(mut list) => {
                let removed = list.remove(key);
                *state = State::Heard(list);
                removed
            }
            other => {
                *state = other;
                None
            }
        })
    }

    /// Makes a registered awaiter wake `waker`, in its old place in the order.
    pub(crate) fn set_waker(&self, core: &Core, key: ListenerKey, waker: &Waker) {
        let (slot, mut new) = (slot_of(core, waker), waker.clone());
        self.with(|state| match (&mut *state, slot) {
            (State::Awaited(awaiter), Some(slot)) if key == AWAITER => *awaiter = slot,
            (State::Awaited(_), None) if key == AWAITER => {
                let list = state.list();
                list.awaiter = None;
                list.first = Some((AWAITER, Listener::Awaiter(new.clone())));
            }
            (State::Heard(list), _) => match (list.awaiter, slot) {
                (Some(_), Some(_)) if key == AWAITER => list.awaiter = slot,
                (Some(_), None) if key == AWAITER => {
                    list.awaiter = None;
                    if let Some(second) = list.first.take() {
                        list.rest.insert(0, second);
                    }
                    list.first = Some((AWAITER, Listener::Awaiter(new.clone())));
                }
                _ => {
                    if let Some(Listener::Awaiter(registered)) = list.find(key) {
                        std::mem::swap(registered, &mut new);
                    }
                }
            },
            _ => {}
        });
        // Whichever waker is left over is dropped when the list is whole again: its drop may call back.
        drop(new);
    }

    /// The registered callbacks, for the `Debug` form.
    pub(crate) fn with_callbacks(&self, mut look: impl FnMut(&'static str, Site)) {
        self.with(|state| {
            let State::Heard(list) = state else { return };
            for (_, listener) in list.first.iter().chain(&list.rest) {
                if let Listener::Callback { name, site, .. } = listener {
                    look(name, site);
                }
            }
        });
    }
}

/// The slot of the task that a waker wakes, if it is one of this loop.
fn slot_of(core: &Core, waker: &Waker) -> Option<u32> {
    let ticket = ticket_of(waker)?;
    (ticket.loop_id() == core.id()).then_some(ticket.slot() as u32)
}

/// Moves the value out of an outcome; an error stays, since every handle may ask for it.
pub(crate) fn take_outcome<T>(outcome: &mut Result<T, TaskError>) -> Result<T, TaskError> {
    match outcome {
        Ok(_) => std::mem::replace(outcome, Err(TaskError::Taken)),
        Err(error) => Err(error.clone()),
    }
}

/// `cell` has ended: tells everybody who listens to it.
#[inline]
pub(crate) fn end<C: Outcome<T> + 'static, T: 'static>(cell: &Rc<C>, how: Ended) {
    let retrieved = false;
    match cell.completion().0.replace(State::Ended { how, retrieved }) {
        State::Unheard => {}
        State::Awaited(slot) => cell.core().schedule_slot(slot),
        State::Watched(index, watcher) => watcher.child_done(index as usize, how),
        State::Heard(list) => tell(cell.clone(), list, how),
        State::Ended { .. } => unreachable!("it ends twice"),
    }
}

/// The list leaves its box here, and not where most find that there is none.
#[inline(never)]
#[allow(clippy::boxed_local)]
fn tell<T: 'static>(cell: Rc<dyn Outcome<T>>, listeners: Box<List<T>>, how: Ended) {
    let core = cell.core();
    let listeners = *listeners;
    if let Some(slot) = listeners.awaiter {
        core.schedule_slot(slot);
    }
    for (_, listener) in listeners.first.into_iter().chain(listeners.rest) {
        match listener {
            Listener::Awaiter(waker) => wake_on(core, waker),
            Listener::Watcher(watcher, index) => watcher.child_done(index as usize, how),
            Listener::Callback {
                name,
                site,
                context,
                function,
            } => call_done(&cell, name, context, site, function),
        }
    }
}

/// Schedules a done-callback of something that is done.
pub(crate) fn call_done<T: 'static>(
    cell: &Rc<dyn Outcome<T>>,
    name: &'static str,
    context: Context,
    site: Site,
    function: DoneCallback<T>,
) {
    let core = cell.core();
    let done = cell.clone();
    let run = move || function(done);
    core.push_call(Callback::new(
        core.next_number(),
        name,
        context,
        site,
        None,
        run,
    ));
}
