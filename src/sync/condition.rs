//! The condition: waiting, with a lock given up meanwhile, for somebody to say that something has changed.
//!
//! A wait comes back only with its lock, also when it is cancelled. So a cancellation does not take the waiting future away
//! at once: like an awaited task that cleans up, [`Waiting`] takes the request, queues for the lock, and ends as cancelled
//! when it has it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::core::Core;
use crate::current;
use crate::header::{Ended, Request, Waitable};
use crate::observe::WaitKind;
use crate::sync::lock::{Hold, Lock, LockAcquire, NotAcquiredError};
use crate::sync::wait_list::{Kind, Spot, State, Turn, WaitList};
use crate::text::shown_as;
use crate::wait_on::WaitOn;

#[derive(Default)]
struct Inner {
    lock: Lock,
    list: WaitList,
}

/// Lets tasks wait, while they hold a lock, for a change that another task makes under the same lock. asyncio's
/// `Condition`.
///
/// Clones are the same condition. It may be made and looked at outside of a loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{create_task, sync::Condition};
/// use std::{cell::Cell, rc::Rc};
///
/// let (condition, stock) = (Condition::new(), Rc::new(Cell::new(0)));
/// let buyer = create_task({
///     let (condition, stock) = (condition.clone(), stock.clone());
///     async move {
///         let _guard = condition.acquire().await;
///         condition.wait_for(|| stock.get() >= 3).await.unwrap();
///         stock.replace(0)
///     }
/// });
/// for _ in 0..3 {
///     let _guard = condition.acquire().await;
///     stock.set(stock.get() + 1);
///     condition.notify(1).unwrap();
/// }
/// assert_eq!(buyer.await.unwrap(), 3);
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Condition(Rc<Inner>);

impl Condition {
    /// A condition with a lock of its own.
    pub fn new() -> Condition {
        Condition::default()
    }

    /// A condition that shares `lock` with others. asyncio's argument `lock`.
    pub fn with_lock(lock: &Lock) -> Condition {
        Condition(Rc::new(Inner {
            lock: lock.clone(),
            list: WaitList::default(),
        }))
    }

    /// Its lock.
    pub fn lock(&self) -> &Lock {
        &self.0.lock
    }

    /// [`Lock::acquire`] of its lock.
    #[track_caller]
    pub fn acquire(&self) -> LockAcquire {
        self.acquire_as(Spot::here(Kind::Condition))
    }

    pub(crate) fn acquire_as(&self, spot: Spot) -> LockAcquire {
        self.0.lock.acquire_as(spot)
    }

    /// [`Lock::release`] of its lock.
    ///
    /// # Errors
    /// [`NotAcquiredError`] when nobody holds it.
    pub fn release(&self) -> Result<(), NotAcquiredError> {
        self.0.lock.release()
    }

    /// Whether somebody holds its lock.
    pub fn locked(&self) -> bool {
        self.0.lock.locked()
    }

    /// Releases the lock, waits to be notified, and takes the lock again. The guard that the caller has is good for the
    /// second holding, too. To be awaited in a loop that looks for what has changed: [`wait_for`](Condition::wait_for).
    ///
    /// When the task is cancelled, or a limit in time around it expires, the lock is taken back first: who catches that
    /// holds it. A notification that had reached the wait goes to the next one. A wait whose future is just dropped comes
    /// back without the lock, and its guard then does nothing.
    ///
    /// # Errors
    /// [`NotAcquiredError`] when nobody holds the lock.
    ///
    /// # Panics
    /// When no loop is running.
    #[track_caller]
    pub fn wait(&self) -> ConditionWait {
        self.wait_as(Spot::here(Kind::Condition))
    }

    pub(crate) fn wait_as(&self, spot: Spot) -> ConditionWait {
        ConditionWait {
            condition: self.clone(),
            spot,
            waiting: None,
        }
    }

    /// Waits until `predicate` holds: looks at once, and again after each notification. Cancelled, it behaves as
    /// [`wait`](Condition::wait) does. asyncio's `Condition.wait_for`.
    ///
    /// # Errors
    /// [`NotAcquiredError`] when it has to wait and nobody holds the lock.
    #[track_caller]
    pub fn wait_for<P: FnMut() -> bool>(
        &self,
        predicate: P,
    ) -> impl Future<Output = Result<(), NotAcquiredError>> + use<P> {
        self.wait_for_as(predicate, Spot::here(Kind::Condition))
    }

    pub(crate) fn wait_for_as<P: FnMut() -> bool>(
        &self,
        mut predicate: P,
        spot: Spot,
    ) -> impl Future<Output = Result<(), NotAcquiredError>> + use<P> {
        let condition = self.clone();
        async move {
            while !predicate() {
                condition.wait_as(spot).await?;
            }
            Ok(())
        }
    }

    /// Wakes the first `n` who wait. They go on one after the other, as the lock becomes free.
    ///
    /// # Errors
    /// [`NotAcquiredError`] when nobody holds the lock.
    pub fn notify(&self, n: usize) -> Result<(), NotAcquiredError> {
        if !self.locked() {
            return Err(NotAcquiredError::Notify);
        }
        self.wake(n);
        Ok(())
    }

    /// Wakes all who wait.
    ///
    /// # Errors
    /// [`NotAcquiredError`] when nobody holds the lock.
    pub fn notify_all(&self) -> Result<(), NotAcquiredError> {
        self.notify(usize::MAX)
    }

    pub(crate) fn wake_all(&self) {
        self.wake(usize::MAX);
    }

    fn wake(&self, n: usize) {
        for _ in 0..n {
            if !self.0.list.wake_next() {
                return;
            }
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.lock.describe(f, "Condition", &self.0.list)
    }
}

enum Stage {
    /// In the condition's list.
    Notice(Turn),
    /// In the lock's list, to take it back.
    Lock(Turn),
    /// The lock is held again.
    Back,
    /// The future was dropped.
    Gone,
}

/// A wait on its way.
struct Waiting {
    core: Rc<Core>,
    condition: Condition,
    /// What the guard of the caller stands for.
    hold: Hold,
    spot: Spot,
    stage: Cell<Stage>,
    waker: RefCell<Waker>,
    notified: Cell<bool>,
    /// A request to cancel came since the last step ...
    asked: Cell<bool>,
    /// ... or before.
    cancelled: Cell<bool>,
}

impl Waiting {
    fn with_stage<R>(&self, look: impl FnOnce(&Stage) -> R) -> R {
        let stage = self.stage.replace(Stage::Gone);
        let result = look(&stage);
        self.stage.set(stage);
        result
    }

    /// `None` when it is in no list.
    fn with_turn<R>(&self, look: impl FnOnce(&WaitList, &Turn) -> R) -> Option<R> {
        let Inner { lock, list } = &*self.condition.0;
        self.with_stage(|stage| match stage {
            Stage::Notice(turn) => Some(look(list, turn)),
            Stage::Lock(turn) => Some(look(lock.list(), turn)),
            Stage::Back | Stage::Gone => None,
        })
    }

    fn is_woken(&self) -> bool {
        self.with_turn(WaitList::state) == Some(State::Woken)
    }

    fn is_back(&self) -> bool {
        self.with_stage(|stage| matches!(stage, Stage::Back))
    }

    /// Leaves the list that it is in.
    fn leave(&self) {
        match self.stage.replace(Stage::Gone) {
            Stage::Notice(turn) => {
                let woken = self.condition.0.list.leave(turn) == State::Woken;
                self.notified.set(woken);
            }
            Stage::Lock(turn) => self.condition.0.lock.give_up(turn),
            back @ (Stage::Back | Stage::Gone) => self.stage.set(back),
        }
    }

    /// Takes the lock, or queues for it.
    fn take_lock(&self) {
        let lock = &self.condition.0.lock;
        self.stage.set(match lock.try_take(|| self.hold) {
            Some(_) => Stage::Back,
            None => Stage::Lock(lock.queue(&self.waker.borrow(), self.spot)),
        });
    }

    /// Its turn in a list has come.
    fn advance(&self) {
        match self.stage.replace(Stage::Gone) {
            Stage::Lock(turn) => {
                self.condition.0.lock.take_turn(turn, self.hold);
                self.stage.set(Stage::Back);
            }
            stage => {
                self.stage.set(stage);
                self.leave();
                self.take_lock();
            }
        }
    }

    fn pass_notice_on(&self) {
        if self.notified.take() {
            self.condition.wake(1);
        }
    }
}

impl Waitable for Waiting {
    fn ended(&self) -> Option<Ended> {
        self.is_back().then_some(match self.cancelled.get() {
            true => Ended::Cancelled,
            false => Ended::Finished,
        })
    }

    fn on_cancel(self: Rc<Self>, _: &mut Request) {
        self.asked.set(true);
        self.with_turn(WaitList::cancel);
    }

    /// Each request costs it its place, as it does in asyncio: it queues for the lock anew, at the end.
    fn before_step(&self) {
        if self.asked.take() {
            self.cancelled.set(true);
            self.leave();
            self.take_lock();
        } else if self.cancelled.get() && self.is_woken() {
            self.advance();
        }
        if self.cancelled.get() && self.is_back() {
            self.pass_notice_on();
        }
    }

    fn wait_kind(&self) -> WaitKind {
        WaitKind::Sync(self.spot.kind.name())
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.spot.kind.name())
    }
}

/// The future of [`Condition::wait`].
#[must_use = "a wait does nothing unless it is awaited"]
pub struct ConditionWait {
    condition: Condition,
    spot: Spot,
    waiting: Option<Rc<Waiting>>,
}

impl ConditionWait {
    fn begin(&self, waker: &Waker) -> Result<Rc<Waiting>, NotAcquiredError> {
        let lock = &self.condition.0.lock;
        let hold = lock.hold().ok_or(NotAcquiredError::Wait)?;
        lock.release_hold(hold);
        let turn = self.condition.0.list.join(waker, self.spot);
        Ok(Rc::new(Waiting {
            core: current::expect(),
            condition: self.condition.clone(),
            hold,
            spot: self.spot,
            stage: Cell::new(Stage::Notice(turn)),
            waker: RefCell::new(waker.clone()),
            notified: Cell::new(false),
            asked: Cell::new(false),
            cancelled: Cell::new(false),
        }))
    }
}

impl Future for ConditionWait {
    type Output = Result<(), NotAcquiredError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let waiting = match this.waiting.take() {
            Some(waiting) => waiting,
            None => match this.begin(context.waker()) {
                Ok(waiting) => waiting,
                Err(error) => return Poll::Ready(Err(error)),
            },
        };
        waiting.waker.borrow_mut().clone_from(context.waker());
        // Normally done already; not so if the request was meant for another part of the same task.
        waiting.before_step();
        if waiting.is_woken() {
            waiting.advance();
        }
        if waiting.is_back() {
            return Poll::Ready(Ok(()));
        }
        waiting.with_turn(|list, turn| list.set_waker(turn, context.waker()));
        let on = || WaitOn::Object(waiting.clone());
        waiting.core.note_wait(on, Some(this.spot.site));
        this.waiting = Some(waiting);
        Poll::Pending
    }
}

impl Drop for ConditionWait {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.leave();
            waiting.pass_notice_on();
        }
    }
}

shown_as! { ConditionWait => "<Condition.wait>" }
