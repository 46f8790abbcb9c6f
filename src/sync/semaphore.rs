//! The semaphore: a number of permits, handed out in the order of the waits.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::sync::wait_list::{Kind, Spot, State, Turn, WaitList, describe};
use crate::text::shown_as;

struct Inner {
    /// Permits that are neither held nor handed to somebody who was woken.
    value: Cell<usize>,
    bound: usize,
    list: WaitList,
}

impl Inner {
    fn new(value: usize, bound: usize) -> Rc<Inner> {
        Rc::new(Inner {
            value: Cell::new(value),
            bound,
            list: WaitList::default(),
        })
    }

    fn locked(&self) -> bool {
        self.value.get() == 0 || self.list.is_queued()
    }

    fn give_back(&self) -> Result<(), OverReleaseError> {
        if self.value.get() >= self.bound {
            return Err(OverReleaseError);
        }
        self.value.set(self.value.get() + 1);
        self.hand_out();
        Ok(())
    }

    /// The permit goes with the wake, so that nobody can take it before the woken one steps.
    fn hand_out(&self) -> bool {
        let given = self.value.get() > 0 && self.list.wake_next();
        self.value.set(self.value.get() - usize::from(given));
        given
    }

    /// Those who came while permits were left, but somebody woken had not stepped yet, had to queue: it is their turn.
    fn hand_out_all(&self) {
        while self.hand_out() {}
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        match self.locked() {
            true => describe(f, name, "locked", &self.list),
            false => {
                let state = format_args!("unlocked, value:{}", self.value.get()).to_string();
                describe(f, name, state, &self.list)
            }
        }
    }
}

/// So many tasks at a time hold a permit of it. asyncio's `Semaphore`.
///
/// Permits go to waiters first come, first served. Clones are the same semaphore. It may be made and looked at outside of a
/// loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::sync::Semaphore;
///
/// let semaphore = Semaphore::new(2);
/// let _one = semaphore.acquire().await;
/// let two = semaphore.acquire().await;
/// assert!(semaphore.locked());
/// drop(two);
/// assert!(!semaphore.locked());
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Semaphore(Rc<Inner>);

impl Semaphore {
    /// A semaphore with `value` permits to begin with.
    pub fn new(value: usize) -> Semaphore {
        Semaphore(Inner::new(value, usize::MAX))
    }

    /// Whether an acquire would have to wait: no permit is left, or others queue for it.
    pub fn locked(&self) -> bool {
        self.0.locked()
    }

    /// Waits for a permit; does not suspend when one is left and nobody queues.
    ///
    /// Cancelling, or dropping, a wait at any moment loses nothing: the permit goes to the next in line.
    ///
    /// # Panics
    /// When it has to wait and no loop is running.
    #[track_caller]
    pub fn acquire(&self) -> SemaphoreAcquire {
        SemaphoreAcquire::new(&self.0, Spot::here(Kind::Semaphore))
    }

    /// Adds a permit, whoever took it, and wakes the first in line. More than there were to begin with are allowed.
    pub fn release(&self) {
        // Refused only beyond `usize::MAX` permits, of which one more makes no difference.
        let _ = self.0.give_back();
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f, "Semaphore")
    }
}

/// A [`Semaphore`] that refuses to have more permits than to begin with. asyncio's `BoundedSemaphore`.
#[derive(Clone)]
pub struct BoundedSemaphore(Rc<Inner>);

impl BoundedSemaphore {
    /// A semaphore with `value` permits, and never more.
    pub fn new(value: usize) -> BoundedSemaphore {
        BoundedSemaphore(Inner::new(value, value))
    }

    /// Whether an acquire would have to wait; see [`Semaphore::locked`].
    pub fn locked(&self) -> bool {
        self.0.locked()
    }

    /// Waits for a permit; see [`Semaphore::acquire`].
    ///
    /// # Panics
    /// When it has to wait and no loop is running.
    #[track_caller]
    pub fn acquire(&self) -> SemaphoreAcquire {
        SemaphoreAcquire::new(&self.0, Spot::here(Kind::BoundedSemaphore))
    }

    /// Gives a permit back, whoever took it, and wakes the first in line.
    ///
    /// # Errors
    /// [`OverReleaseError`] when all permits are there already.
    pub fn release(&self) -> Result<(), OverReleaseError> {
        self.0.give_back()
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f, "BoundedSemaphore")
    }
}

/// The future of [`Semaphore::acquire`] and [`BoundedSemaphore::acquire`].
#[must_use = "a permit is acquired only when this is awaited"]
pub struct SemaphoreAcquire {
    semaphore: Rc<Inner>,
    spot: Spot,
    turn: Option<Turn>,
}

impl SemaphoreAcquire {
    fn new(semaphore: &Rc<Inner>, spot: Spot) -> SemaphoreAcquire {
        SemaphoreAcquire {
            semaphore: semaphore.clone(),
            spot,
            turn: None,
        }
    }
}

impl Future for SemaphoreAcquire {
    type Output = Permit;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Permit> {
        let this = self.get_mut();
        let semaphore = &this.semaphore;
        if this.turn.is_none() && !semaphore.locked() {
            semaphore.value.set(semaphore.value.get() - 1);
            return Poll::Ready(Permit(Some(semaphore.clone())));
        }
        let woken = semaphore
            .list
            .poll_woken(&mut this.turn, context, this.spot);
        woken.map(|()| {
            semaphore.hand_out_all();
            Permit(Some(semaphore.clone()))
        })
    }
}

impl Drop for SemaphoreAcquire {
    fn drop(&mut self) {
        let semaphore = &self.semaphore;
        if let Some(turn) = self.turn.take() {
            if semaphore.list.leave(turn) == State::Woken {
                semaphore.value.set(semaphore.value.get() + 1);
            }
            semaphore.hand_out_all();
        }
    }
}

/// A permit of a [`Semaphore`] or [`BoundedSemaphore`], given back when it is dropped.
#[must_use = "the permit is given back as soon as it is dropped"]
pub struct Permit(Option<Rc<Inner>>);

impl Permit {
    /// Keeps the permit taken, until somebody calls `release` of the semaphore.
    pub fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(semaphore) = &self.0 {
            // Refused if somebody called `release` for this permit: then it is back already.
            let _ = semaphore.give_back();
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<Permit>")
    }
}

/// A bounded semaphore was released too often (asyncio's `ValueError`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverReleaseError;

impl fmt::Display for OverReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoundedSemaphore released too many times")
    }
}

impl std::error::Error for OverReleaseError {}

shown_as! { SemaphoreAcquire => "<Semaphore.acquire>" }
