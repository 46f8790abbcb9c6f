//! The barrier: so many tasks meet, then all go on.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::rc::Rc;

use crate::sync::condition::Condition;
use crate::sync::wait_list::{Kind, Spot};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Filling,
    /// All have come, and not all have left: newcomers wait for the next round.
    Draining,
    /// Reset while some waited, who leave with an error.
    Resetting,
    Broken,
}

struct Inner {
    parties: usize,
    state: Cell<State>,
    /// Tasks inside.
    count: Cell<usize>,
    /// Under its lock the state changes.
    condition: Condition,
}

/// A place where a fixed number of tasks wait for each other. asyncio's `Barrier`.
///
/// When the last one arrives all go on, and the barrier can be used again. A wait that is cancelled just leaves. Clones are
/// the same barrier. It may be made and looked at outside of a loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{create_task, sync::Barrier};
///
/// let barrier = Barrier::new(2);
/// let other = create_task({
///     let barrier = barrier.clone();
///     async move { barrier.wait().await.unwrap() }
/// });
/// let mine = barrier.wait().await.unwrap();
/// assert_eq!((mine, other.await.unwrap()), (0, 1));
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Barrier(Rc<Inner>);

impl Barrier {
    /// A barrier for `parties` tasks.
    ///
    /// # Panics
    /// When `parties` is zero.
    #[track_caller]
    pub fn new(parties: usize) -> Barrier {
        assert!(parties > 0, "Barrier::new(0): parties must be > 0");
        Barrier(Rc::new(Inner {
            parties,
            state: Cell::new(State::Filling),
            count: Cell::new(0),
            condition: Condition::new(),
        }))
    }

    /// Waits until all parties have arrived, and gives the number of those who arrived before, from 0. The last one
    /// to arrive does not wait. Cancelled, it leaves, and the others wait for somebody else. asyncio's `Barrier.wait`.
    ///
    /// # Errors
    /// [`BrokenBarrierError`] when it was aborted, or is reset or aborted while this waits.
    ///
    /// # Panics
    /// When it has to wait and no loop is running.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = Result<usize, BrokenBarrierError>> + use<> {
        let (inner, spot) = (self.0.clone(), Spot::here(Kind::Barrier));
        async move { inner.wait(spot).await }
    }

    /// Makes it usable anew; who waits leaves with an error. It is done when this is called, awaited or not. asyncio's
    /// `Barrier.reset`.
    #[track_caller]
    pub fn reset(&self) -> impl Future<Output = ()> + use<> {
        let state = |inner: &Inner| match inner.count.get() {
            0 => State::Filling,
            _ => State::Resetting,
        };
        self.change(state, Spot::here(Kind::Barrier))
    }

    /// Breaks it: who waits, or comes, leaves with an error, until it is [`reset`](Barrier::reset). It is done
    /// when this is called, awaited or not. asyncio's `Barrier.abort`.
    #[track_caller]
    pub fn abort(&self) -> impl Future<Output = ()> + use<> {
        self.change(|_| State::Broken, Spot::here(Kind::Barrier))
    }

    fn change(&self, state: fn(&Inner) -> State, spot: Spot) -> impl Future<Output = ()> + use<> {
        let inner = self.0.clone();
        async move {
            let _guard = inner.condition.acquire_as(spot).await;
            inner.state.set(state(&inner));
            inner.condition.wake_all();
        }
    }

    /// How many it takes.
    pub fn parties(&self) -> usize {
        self.0.parties
    }

    /// How many wait for the others.
    pub fn n_waiting(&self) -> usize {
        match self.0.state.get() {
            State::Filling => self.0.count.get(),
            _ => 0,
        }
    }

    /// Whether it was aborted.
    pub fn broken(&self) -> bool {
        self.0.state.get() == State::Broken
    }
}

impl Inner {
    async fn wait(&self, spot: Spot) -> Result<usize, BrokenBarrierError> {
        let _guard = self.condition.acquire_as(spot).await;
        let leaving = || !matches!(self.state.get(), State::Draining | State::Resetting);
        self.wait_until(leaving, spot).await;
        if self.state.get() == State::Broken {
            return Err(BrokenBarrierError::Aborted);
        }
        let index = self.count.get();
        self.count.set(index + 1);
        let _inside = Inside(self);
        if index + 1 == self.parties {
            self.state.set(State::Draining);
            self.condition.wake_all();
            return Ok(index);
        }
        self.wait_until(|| self.state.get() != State::Filling, spot)
            .await;
        match self.state.get() {
            State::Broken | State::Resetting => Err(BrokenBarrierError::Interrupted),
            State::Filling | State::Draining => Ok(index),
        }
    }

    async fn wait_until(&self, predicate: impl FnMut() -> bool, spot: Spot) {
        let held = self.condition.wait_for_as(predicate, spot).await;
        held.expect("nobody else has the barrier's lock");
    }
}

/// A task is inside until this is dropped, however it leaves.
struct Inside<'a>(&'a Inner);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let Inside(inner) = self;
        inner.count.set(inner.count.get() - 1);
        if inner.count.get() == 0 {
            if matches!(inner.state.get(), State::Draining | State::Resetting) {
                inner.state.set(State::Filling);
            }
            inner.condition.wake_all();
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0.state.get() {
            State::Filling => "filling",
            State::Draining => "draining",
            State::Resetting => "resetting",
            State::Broken => return f.write_str("<Barrier [broken]>"),
        };
        let (waiting, parties) = (self.n_waiting(), self.parties());
        write!(f, "<Barrier [{state}, waiters:{waiting}/{parties}]>")
    }
}

/// The barrier is, or became, unusable (asyncio's `BrokenBarrierError`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokenBarrierError {
    /// It had been aborted before.
    Aborted,
    /// It was aborted or reset during the wait.
    Interrupted,
}

impl fmt::Display for BrokenBarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BrokenBarrierError::Aborted => "Barrier aborted",
            BrokenBarrierError::Interrupted => "Abort or reset of barrier",
        })
    }
}

impl std::error::Error for BrokenBarrierError {}
