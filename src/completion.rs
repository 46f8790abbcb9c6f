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
use crate::header::{Ended, ListenerKey, Runnable, Watchable, Watcher};
use crate::observe::Site;
use crate::waker::wake_on;

/// Something that will have an outcome: what a [`Promise`](crate::Promise) handle points to.
pub(crate) trait Outcome<T>: Watchable {
    fn core(&self) -> &Rc<Core>;

    fn completion(&self) -> &Completion<T>;

    /// The outcome of what is done; not to be called while it is pending.
    fn outcome(&self) -> Ref<'_, Result<T, TaskError>>;

    /// Moves the value out.
    fn take(&self) -> Result<T, TaskError>;

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
    Watcher(Rc<dyn Watcher>, usize),
}

type Registered<T> = (ListenerKey, Listener<T>);

/// The first listener stands in the box itself, since most have just one.
struct Listeners<T> {
    made: u32,
    first: Option<Registered<T>>,
    rest: Vec<Registered<T>>,
}

pub(crate) struct Completion<T> {
    /// `None` while pending.
    ended: Cell<Option<Ended>>,
    /// Somebody has looked at the outcome.
    retrieved: Cell<bool>,
    listeners: Cell<Option<Box<Listeners<T>>>>,
}

impl<T> Completion<T> {
    pub(crate) fn new() -> Completion<T> {
        Completion {
            ended: Cell::new(None),
            retrieved: Cell::new(false),
            listeners: Cell::new(None),
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

    pub(crate) fn add(&self, listener: Listener<T>) -> ListenerKey {
        let mut listeners = self.listeners.take().unwrap_or_else(|| {
            Box::new(Listeners {
                made: 0,
                first: None,
                rest: Vec::new(),
            })
        });
        let key = ListenerKey(listeners.made);
        listeners.made += 1;
        match listeners.first {
            // `first` may be empty again while later ones are registered.
            None if listeners.rest.is_empty() => listeners.first = Some((key, listener)),
            _ => listeners.rest.push((key, listener)),
        }
        self.listeners.set(Some(listeners));
        key
    }

    pub(crate) fn watch(&self, watcher: Rc<dyn Watcher>, index: usize) -> Option<ListenerKey> {
        let pending = self.ended.get().is_none();
        pending.then(|| self.add(Listener::Watcher(watcher, index)))
    }

    /// Takes a registration back; the caller drops what it returns, if it is still there.
    pub(crate) fn remove(&self, key: ListenerKey) -> Option<Listener<T>> {
        let mut listeners = self.listeners.take()?;
        let removed = match listeners.first.take_if(|(k, _)| *k == key) {
            Some(first) => Some(first),
            None => {
                let found = listeners.rest.binary_search_by_key(&key, |(k, _)| *k);
                found.ok().map(|i| listeners.rest.remove(i))
            }
        };
        self.listeners.set(Some(listeners));
        removed.map(|(_, listener)| listener)
    }

    /// Makes a registered awaiter wake `waker`, in its old place in the order.
    pub(crate) fn set_waker(&self, key: ListenerKey, waker: &Waker) {
        let mut new = Some(waker.clone());
        let Some(mut listeners) = self.listeners.take() else {
            return;
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
        self.listeners.set(Some(listeners));
        // Whichever waker is left over is dropped when the list is whole again: its drop may call back.
        drop(new);
    }

    /// The registered callbacks, for the `Debug` form.
    pub(crate) fn with_callbacks(&self, mut look: impl FnMut(&'static str, Site)) {
        let Some(listeners) = self.listeners.take() else {
            return;
        };
        for (_, listener) in listeners.first.iter().chain(&listeners.rest) {
            if let Listener::Callback { name, site, .. } = listener {
                look(name, site);
            }
        }
        self.listeners.set(Some(listeners));
    }
}

/// Tells everybody who listens to `cell` that it is done.
pub(crate) fn announce<T: 'static>(cell: Rc<dyn Outcome<T>>) {
    let Some(listeners) = cell.completion().listeners.take() else {
        return;
    };
    let core = cell.core();
    for (_, listener) in listeners.first.into_iter().chain(listeners.rest) {
        match listener {
            Listener::Awaiter(waker) => wake_on(core, waker),
            Listener::Watcher(watcher, index) => watcher.child_done(index),
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
