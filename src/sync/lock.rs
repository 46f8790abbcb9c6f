//! The lock: one holder at a time, handed over in the order of the waits.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::current;
use crate::sync::wait_list::{Holder, Kind, Spot, Turn, WaitList, describe};
use crate::text::shown_as;

/// Names one holding of a lock, so that a guard releases its own and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    number: u64,
    /// Whose step took it; `None` outside of tasks.
    task: Option<u64>,
}

#[derive(Default)]
struct Inner {
    held: Cell<Option<Hold>>,
    holds: Cell<u64>,
    list: WaitList,
}

impl Holder for Inner {
    fn task(&self) -> Option<u64> {
        self.held.get()?.task
    }
}

/// Only one task at a time holds it. asyncio's `Lock`.
///
/// Waiters are served first come, first served: a released lock goes to the longest waiting task, and a newcomer queues
/// even if that task has not run yet. Between the two, [`locked`](Lock::locked) is false. A holder that acquires again waits
/// for itself.
///
/// Clones are the same lock. It may be made and looked at outside of a loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::sync::Lock;
///
/// let lock = Lock::new();
/// {
///     let _guard = lock.acquire().await;
///     assert!(lock.locked());
/// }
/// assert!(!lock.locked());
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Lock(Rc<Inner>);

impl Lock {
    /// An unlocked lock.
    pub fn new() -> Lock {
        Lock::default()
    }

    /// Whether somebody holds it.
    pub fn locked(&self) -> bool {
        self.0.held.get().is_some()
    }

    /// Waits until it is free and takes it; does not suspend when it is free and nobody queues.
    ///
    /// Cancelling, or dropping, a wait at any moment loses nothing: the lock goes to the next in line.
    ///
    /// # Panics
    /// When it has to wait and no loop is running.
    #[track_caller]
    pub fn acquire(&self) -> LockAcquire {
        self.acquire_as(Spot::here(Kind::Lock))
    }

    pub(crate) fn acquire_as(&self, spot: Spot) -> LockAcquire {
        LockAcquire {
            lock: self.clone(),
            spot,
            turn: None,
        }
    }

    /// Releases it, whoever holds it, and wakes the first in line. For code that cannot keep the guard: see
    /// [`LockGuard::forget`].
    ///
    /// # Errors
    /// [`NotAcquiredError`] when nobody holds it.
    pub fn release(&self) -> Result<(), NotAcquiredError> {
        if self.0.held.take().is_none() {
            return Err(NotAcquiredError::Release);
        }
        self.0.list.wake_first();
        Ok(())
    }

    fn new_hold(&self) -> Hold {
        let number = self.0.holds.get() + 1;
        self.0.holds.set(number);
        let task = current::with(|core| core.current_number()).flatten();
        Hold { number, task }
    }

    pub(crate) fn hold(&self) -> Option<Hold> {
        self.0.held.get()
    }

    pub(crate) fn release_hold(&self, hold: Hold) {
        if self.hold() == Some(hold) {
            self.0.held.set(None);
            self.0.list.wake_first();
        }
    }

    /// Takes it if it is free and nobody queues.
    pub(crate) fn try_take(&self, hold: impl FnOnce() -> Hold) -> Option<Hold> {
        if self.locked() || self.0.list.is_queued() {
            return None;
        }
        let hold = hold();
        self.0.held.set(Some(hold));
        Some(hold)
    }

    pub(crate) fn queue(&self, waker: &Waker, spot: Spot) -> Turn {
        self.name_holder();
        self.0.list.join(waker, spot)
    }

    /// Those who wait can say who has it.
    fn name_holder(&self) {
        self.0.list.set_holder(|| Rc::downgrade(&self.0));
    }

    pub(crate) fn list(&self) -> &WaitList {
        &self.0.list
    }

    /// Takes it by a turn that was woken.
    pub(crate) fn take_turn(&self, turn: Turn, hold: Hold) {
        self.0.list.leave(turn);
        self.0.held.set(Some(hold));
    }

    /// Gives a place in the line up; if it was that one's turn, it is the next one's now.
    pub(crate) fn give_up(&self, turn: Turn) {
        self.0.list.leave(turn);
        if !self.locked() {
            self.0.list.wake_first();
        }
    }

    pub(crate) fn describe(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        list: &WaitList,
    ) -> fmt::Result {
        let state = if self.locked() { "locked" } else { "unlocked" };
        describe(f, name, state, list)
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe(f, "Lock", &self.0.list)
    }
}

/// The future of [`Lock::acquire`].
#[must_use = "a lock is acquired only when this is awaited"]
pub struct LockAcquire {
    lock: Lock,
    spot: Spot,
    turn: Option<Turn>,
}

impl Future for LockAcquire {
    type Output = LockGuard;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<LockGuard> {
        let this = self.get_mut();
        let lock = &this.lock;
        let taken = match this.turn {
            None => lock.try_take(|| lock.new_hold()),
            Some(_) => None,
        };
        if let Some(hold) = taken {
            return Poll::Ready(LockGuard::new(lock, hold));
        }
        lock.name_holder();
        let woken = lock.0.list.poll_woken(&mut this.turn, context, this.spot);
        woken.map(|()| {
            let hold = lock.new_hold();
            lock.0.held.set(Some(hold));
            LockGuard::new(lock, hold)
        })
    }
}

impl Drop for LockAcquire {
    fn drop(&mut self) {
        if let Some(turn) = self.turn.take() {
            self.lock.give_up(turn);
        }
    }
}

/// Holds a [`Lock`] until it is dropped.
///
/// It stands for one holding: if that was ended by [`Lock::release`], dropping the guard does nothing.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct LockGuard {
    lock: Lock,
    hold: Option<Hold>,
}

impl LockGuard {
    fn new(lock: &Lock, hold: Hold) -> LockGuard {
        LockGuard {
            lock: lock.clone(),
            hold: Some(hold),
        }
    }

    /// Leaves the lock held, until somebody calls [`Lock::release`].
    pub fn forget(mut self) {
        self.hold = None;
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if let Some(hold) = self.hold {
            self.lock.release_hold(hold);
        }
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<LockGuard of {:?}>", self.lock)
    }
}

/// Something was done that needs a held lock, and nobody held it (asyncio's `RuntimeError` with the same sentences).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAcquiredError {
    /// [`Lock::release`].
    Release,
    /// The wait of a condition.
    Wait,
    /// The notify of a condition.
    Notify,
}

impl fmt::Display for NotAcquiredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotAcquiredError::Release => "Lock is not acquired.",
            NotAcquiredError::Wait => "cannot wait on un-acquired lock",
            NotAcquiredError::Notify => "cannot notify on un-acquired lock",
        })
    }
}

impl std::error::Error for NotAcquiredError {}

shown_as! { LockAcquire => "<Lock.acquire>" }
