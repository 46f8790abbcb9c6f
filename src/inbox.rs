//! The letter box through which other threads reach a loop, and the registry that finds it by the loop's id.
//!
//! A post writes the kernel's wake-up (an eventfd on Linux) only on the false-to-true edge of `notified`. There is no
//! "is it asleep?" flag to save even that write: testing one would need a fence on both sides, or lose a wake-up.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::observe::Site;
use crate::ticket::Ticket;

/// What another thread wants of the loop.
pub(crate) enum Letter {
    /// A task may have something to do.
    Wake(Ticket),
    /// Run this as a callback.
    Call(Box<dyn FnOnce() + Send>, Site),
    /// A thread job has ended.
    JobDone(u64, Option<Waker>),
}

pub(crate) struct Inbox {
    /// `None` once the loop is closed.
    letters: Mutex<Option<Vec<Letter>>>,
    notified: AtomicBool,
    waker: mio::Waker,
}

impl Inbox {
    pub(crate) fn new(waker: mio::Waker) -> Inbox {
        Inbox {
            letters: Mutex::new(Some(Vec::new())),
            notified: AtomicBool::new(false),
            waker,
        }
    }

    /// Gives the letter back when the loop is closed.
    pub(crate) fn post(&self, letter: Letter) -> Result<(), Letter> {
        match lock(&self.letters).as_mut() {
            Some(letters) => letters.push(letter),
            None => return Err(letter),
        }
        if !self.notified.swap(true, Ordering::AcqRel) {
            // It can fail only when the kernel is out of memory; the letter then waits for the next turn.
            if let Err(error) = self.waker.wake() {
                log::error!("cannot wake the event loop: {error}");
            }
        }
        Ok(())
    }

    /// The letters that came in since the last call. One plain load when there are none.
    pub(crate) fn take(&self) -> Vec<Letter> {
        if !self.notified.load(Ordering::Acquire) {
            return Vec::new();
        }
        // Cleared before the letters are taken: a post in between wakes once too often, never once too seldom.
        self.notified.store(false, Ordering::Release);
        lock(&self.letters)
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    pub(crate) fn has_mail(&self) -> bool {
        self.notified.load(Ordering::Acquire)
    }

    /// Refuses letters from now on and returns the last ones, for the caller to drop.
    pub(crate) fn close(&self) -> Vec<Letter> {
        lock(&self.letters).take().unwrap_or_default()
    }
}

struct Registry {
    inboxes: BTreeMap<u16, Arc<Inbox>>,
    last: u16,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    inboxes: BTreeMap::new(),
    last: 0,
});

/// Gives the loop of this inbox an id, which is not 0. Ids go round, so one is used again as late as possible.
pub(crate) fn register(inbox: Arc<Inbox>) -> io::Result<NonZeroU16> {
    let mut registry = lock(&REGISTRY);
    for step in 1..=u16::MAX {
        let Some(id) = NonZeroU16::new(registry.last.wrapping_add(step)) else {
            continue;
        };
        if !registry.inboxes.contains_key(&id.get()) {
            registry.last = id.get();
            registry.inboxes.insert(id.get(), inbox);
            return Ok(id);
        }
    }
    Err(io::Error::other("65,535 event loops exist already"))
}

pub(crate) fn unregister(id: u16) {
    lock(&REGISTRY).inboxes.remove(&id);
}

/// Wakes a task of a loop that is not this thread's. A ticket of a loop that is gone is void.
pub(crate) fn wake_elsewhere(ticket: Ticket) {
    let inbox = lock(&REGISTRY).inboxes.get(&ticket.loop_id()).cloned();
    if let Some(inbox) = inbox {
        // A closed loop has no tasks left to wake.
        let _ = inbox.post(Letter::Wake(ticket));
    }
}

/// Has a callback called in the loop with this id, if it still exists.
#[track_caller]
pub(crate) fn call_elsewhere(id: u16, callback: Box<dyn FnOnce() + Send>) {
    let inbox = lock(&REGISTRY).inboxes.get(&id).cloned();
    if let Some(inbox) = inbox {
        let _ = inbox.post(Letter::Call(callback, std::panic::Location::caller()));
    }
}

/// A poisoned lock is used as it is: the data is whole, since no code of ours can panic while it holds one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
