//! The letter box through which other threads reach a loop, and the registry that finds it by the loop's id.
//!
//! Whether there is mail and whether the loop sleeps are one word, so that neither can be missed for the other:
//!
//! ```text
//!   AWAKE ── begin_sleep ──► ASLEEP            post: MAIL from either; from ASLEEP it writes the kernel's wake-up (an eventfd
//!     ▲ ◄──── end_sleep ─────  │               on Linux), from AWAKE it need not, since the loop looks before it sleeps
//!     └─ take ─── MAIL ◄─ post ┘
//! ```

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::observe::Site;
use crate::report;
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

const AWAKE: u8 = 0;
/// The loop is in the kernel, or about to be.
const ASLEEP: u8 = 1;
/// There are letters, or have just been.
const MAIL: u8 = 2;

pub(crate) struct Inbox {
    /// `None` once the loop is closed.
    letters: Mutex<Option<Vec<Letter>>>,
    state: AtomicU8,
    /// Ctrl-C has come: the loop looks here before each item, not only in each turn.
    interrupted: AtomicBool,
    waker: mio::Waker,
}

impl Inbox {
    pub(crate) fn new(waker: mio::Waker) -> Inbox {
        Inbox {
            letters: Mutex::new(Some(Vec::new())),
            state: AtomicU8::new(AWAKE),
            interrupted: AtomicBool::new(false),
            waker,
        }
    }

    /// Gives the letter back when the loop is closed.
    pub(crate) fn post(&self, letter: Letter) -> Result<(), Letter> {
        match lock(&self.letters).as_mut() {
            Some(letters) => letters.push(letter),
            None => return Err(letter),
        }
        self.announce_mail();
        Ok(())
    }

    fn announce_mail(&self) {
        if self.state.swap(MAIL, Ordering::AcqRel) == ASLEEP {
            // It can fail only when the kernel is out of memory; the letter then waits for the next turn.
            if let Err(error) = self.waker.wake() {
                report::error!("cannot wake the event loop: {error}");
            }
        }
    }

    /// The letters that came in since the last call, in place of the empty list that is given.
    pub(crate) fn take(&self, empty: Vec<Letter>) -> Vec<Letter> {
        // Before the letters are taken: a post in between is looked for once too often, never once too seldom.
        self.state.store(AWAKE, Ordering::Release);
        match lock(&self.letters).as_mut() {
            Some(letters) => std::mem::replace(letters, empty),
            None => empty,
        }
    }

    /// The loop goes to sleep: from now on a post writes to the kernel. False when there is mail, and it must not.
    pub(crate) fn begin_sleep(&self) -> bool {
        let (order, failed) = (Ordering::AcqRel, Ordering::Acquire);
        let began = self.state.compare_exchange(AWAKE, ASLEEP, order, failed);
        began.is_ok()
    }

    /// The loop is awake again, by whatever.
    pub(crate) fn end_sleep(&self) {
        // Mail stays mail.
        let (order, failed) = (Ordering::AcqRel, Ordering::Acquire);
        let _ = self.state.compare_exchange(ASLEEP, AWAKE, order, failed);
    }

    pub(crate) fn has_mail(&self) -> bool {
        self.state.load(Ordering::Acquire) == MAIL
    }

    /// Whether there was a Ctrl-C that the loop has not come to.
    #[inline]
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// The loop has come to it.
    pub(crate) fn take_interrupt(&self) {
        self.interrupted.store(false, Ordering::SeqCst);
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

/// Ctrl-C for the loop with this id. False when it has not come to the one before.
#[cfg(unix)]
pub(crate) fn interrupt(id: u16) -> bool {
    let inbox = lock(&REGISTRY).inboxes.get(&id).cloned();
    inbox.is_none_or(|inbox| {
        let first = !inbox.interrupted.swap(true, Ordering::SeqCst);
        inbox.announce_mail();
        first
    })
}

/// A poisoned lock is used as it is: the data is whole, since no code of ours can panic while it holds one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn post(inbox: &Inbox) {
        let letter = Letter::JobDone(1, None);
        assert!(inbox.post(letter).is_ok());
    }

    #[test]
    fn only_a_loop_that_sleeps_is_woken_through_the_kernel() {
        let mut poll = mio::Poll::new().unwrap();
        let mut events = mio::Events::with_capacity(8);
        let inbox = Inbox::new(mio::Waker::new(poll.registry(), mio::Token(7)).unwrap());
        let mut woken = || {
            poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            events.iter().count()
        };
        post(&inbox);
        assert!(inbox.has_mail());
        assert_eq!(woken(), 0, "it is awake");
        assert!(!inbox.begin_sleep(), "there is mail");
        post(&inbox);
        assert_eq!(inbox.take(Vec::new()).len(), 2);
        assert!(!inbox.has_mail());
        assert!(inbox.begin_sleep());
        post(&inbox);
        post(&inbox);
        assert_eq!(woken(), 1);
        inbox.end_sleep();
        assert_eq!(inbox.take(Vec::new()).len(), 2);
        assert!(inbox.begin_sleep());
        inbox.end_sleep();
        post(&inbox);
        assert_eq!(woken(), 0, "it is awake again");
    }
}
