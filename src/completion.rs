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

    /// Sets the outcome of a promise.
    fn put(self: Rc<Self>, outcome: Result<T, TaskError>) -> Result<(), InvalidStateError>;

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
const FIRST: ListenerKey = ListenerKey(0);

/// The key of a watcher that is alone.
const ALONE: ListenerKey = ListenerKey(1);

#[derive(Default)]
enum Listeners<T> {
    #[default]
    None,
    /// What is watched has mostly one watcher and nobody else.
    Watcher(Watching, u32),
    List(Box<List<T>>),
}

/// The first listener stands in the box itself, since most have just one.
struct List<T> {
    made: u32,
    first: Option<Registered<T>>,
    rest: Vec<Registered<T>>,
}

const NOBODY: u32 = u32::MAX;

pub(crate) struct Completion<T> {
    /// `None` while pending.
    ended: Cell<Option<Ended>>,
    /// Somebody has looked at the outcome.
    retrieved: Cell<bool>,
    /// The slot of a task of the same loop that awaits this and was the first to listen, so that the usual case allocates
    /// nothing; `NOBODY` if there is none. No ticket, to be small: should the slot have another owner by now, since the await
    /// was leaked, then that one is woken in vain.
    awaiter: Cell<u32>,
    listeners: Cell<Listeners<T>>,
}

impl<T> Completion<T> {
    pub(crate) fn new() -> Completion<T> {
        Completion {
            ended: Cell::new(None),
            retrieved: Cell::new(false),
            awaiter: Cell::new(NOBODY),
            listeners: Cell::default(),
        }
    }

    pub(crate) fn ended(&self) -> Option<Ended> {
        self.ended.get()
    }

    pub(crate) fn end(&self, how: Ended) {
        debug_assert_eq!(self.ended.get(), None);
        self.ended.set(Some(how));
    }

    pub(crate) fn mark_retrieved(&self) {
        self.retrieved.set(true);
    }

    pub(crate) fn is_retrieved(&self) -> bool {
        self.retrieved.get()
    }

    pub(crate) fn add_awaiter(&self, core: &Core, waker: &Waker) -> ListenerKey {
        let listeners = self.listeners.take();
        let alone = matches!(listeners, Listeners::None) && self.awaiter.get() == NOBODY;
        self.listeners.set(listeners);
        match slot_of(core, waker) {
            Some(slot) if alone => {
                self.awaiter.set(slot);
                FIRST
            }
            _ => self.add(Listener::Awaiter(waker.clone())),
        }
    }

    pub(crate) fn add(&self, listener: Listener<T>) -> ListenerKey {
        let mut listeners = self.take_list();
        listeners.made += 1;
        let key = ListenerKey(listeners.made);
        match listeners.first {
            // `first` may be empty again while later ones are registered.
            None if listeners.rest.is_empty() => listeners.first = Some((key, listener)),
            _ => listeners.rest.push((key, listener)),
        }
        self.listeners.set(Listeners::List(listeners));
        key
    }

    /// `None` when it has ended already.
    pub(crate) fn watch(&self, watcher: &Watching, index: usize) -> Option<ListenerKey> {
        if self.ended.get().is_some() {
            return None;
        }
        let watcher = watcher.clone();
        match self.listeners.take() {
            Listeners::None => {
                let alone = Listeners::Watcher(watcher, index as u32);
                self.listeners.set(alone);
                Some(ALONE)
            }
            others => {
                self.listeners.set(others);
                Some(self.add(Listener::Watcher(watcher, index as u32)))
            }
        }
    }

    fn take_list(&self) -> Box<List<T>> {
        let (made, first) = match self.listeners.take() {
            Listeners::List(list) => return list,
            Listeners::None => (0, None),
            Listeners::Watcher(watcher, index) => {
                (ALONE.0, Some((ALONE, Listener::Watcher(watcher, index))))
            }
        };
        Box::new(List {
            made,
            first,
            rest: Vec::new(),
        })
    }

    /// Takes the registration of an awaiter back.
    pub(crate) fn remove_awaiter(&self, key: ListenerKey) {
        if key == FIRST && self.awaiter.replace(NOBODY) != NOBODY {
            return;
        }
        drop(self.remove(key));
    }

    /// Takes a registration back; the caller drops what it returns, if it is still there.
    pub(crate) fn remove(&self, key: ListenerKey) -> Option<Listener<T>> {
        let mut listeners = match self.listeners.take() {
            Listeners::List(list) => list,
            Listeners::Watcher(watcher, index) if key == ALONE => {
                return Some(Listener::Watcher(watcher, index));
            }
            other => {
                self.listeners.set(other);
                return None;
            }
        };
        let removed = match listeners.first.take_if(|(k, _)| *k == key) {
            Some(first) => Some(first),
            None => {
                let found = listeners.rest.binary_search_by_key(&key, |(k, _)| *k);
                found.ok().map(|i| listeners.rest.remove(i))
            }
        };
        self.listeners.set(Listeners::List(listeners));
        removed.map(|(_, listener)| listener)
    }

    /// Makes a registered awaiter wake `waker`, in its old place in the order.
    pub(crate) fn set_waker(&self, core: &Core, key: ListenerKey, waker: &Waker) {
        if key == FIRST && self.awaiter.get() != NOBODY {
            return self.replace_awaiter(core, waker);
        }
        let mut new = Some(waker.clone());
        let mut listeners = match self.listeners.take() {
            Listeners::List(list) => list,
            other => return self.listeners.set(other),
        };
        let found = match &mut listeners.first {
            Some((k, listener)) if *k == key => Some(listener),
            _ => match listeners.rest.binary_search_by_key(&key, |(k, _)| *k) {
                Ok(i) => Some(&mut listeners.rest[i].1),
                Err(_) => None,
            },
        };
        if let Some(Listener::Awaiter(registered)) = found {
            new = new.map(|new| std::mem::replace(registered, new));
        }
        self.listeners.set(Listeners::List(listeners));
        // Whichever waker is left over is dropped when the list is whole again: its drop may call back.
        drop(new);
    }

    fn replace_awaiter(&self, core: &Core, waker: &Waker) {
        let slot = slot_of(core, waker);
        self.awaiter.set(slot.unwrap_or(NOBODY));
        if slot.is_none() {
            let mut listeners = self.take_list();
            if let Some(second) = listeners.first.take() {
                listeners.rest.insert(0, second);
            }
            listeners.first = Some((FIRST, Listener::Awaiter(waker.clone())));
            self.listeners.set(Listeners::List(listeners));
        }
    }

    /// The registered callbacks, for the `Debug` form.
    pub(crate) fn with_callbacks(&self, mut look: impl FnMut(&'static str, Site)) {
        let listeners = match self.listeners.take() {
            Listeners::List(list) => list,
            other => return self.listeners.set(other),
        };
        for (_, listener) in listeners.first.iter().chain(&listeners.rest) {
            if let Listener::Callback { name, site, .. } = listener {
                look(name, site);
            }
        }
        self.listeners.set(Listeners::List(listeners));
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

/// Tells everybody who listens to `cell` that it is done.
#[inline]
pub(crate) fn announce<C: Outcome<T> + 'static, T: 'static>(cell: Rc<C>) {
    match cell.completion().awaiter.replace(NOBODY) {
        NOBODY => {}
        slot => cell.core().schedule_slot(slot),
    }
    match cell.completion().listeners.take() {
        Listeners::None => {}
        Listeners::Watcher(watcher, index) => watcher.child_done(index as usize),
        Listeners::List(list) => tell(cell, *list),
    }
}

#[inline(never)]
fn tell<T: 'static>(cell: Rc<dyn Outcome<T>>, listeners: List<T>) {
    let core = cell.core();
    for (_, listener) in listeners.first.into_iter().chain(listeners.rest) {
        match listener {
            Listener::Awaiter(waker) => wake_on(core, waker),
            Listener::Watcher(watcher, index) => watcher.child_done(index as usize),
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
