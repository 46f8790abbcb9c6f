//! Limits in time: a bound around a coroutine that asks it to cancel when the time is over.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::core::Core;
use crate::coroutine::Coroutine;
use crate::current;
use crate::error::{TaskError, TimeoutClosed, TimeoutError};
use crate::observe::Site;
use crate::promise::Promise;
use crate::scope::{Guard, Place};
use crate::task::Task;
use crate::timers::{Target, TimerKey};

/// Awaits `body` for `limit` at most.
///
/// When the time is over, `body` is asked to cancel, in the same way as a task is: a task, promise or gather that it
/// awaits is cancelled and waited for, a [`catch_cancel`](crate::catch_cancel) in it may clean up, and with neither it is
/// dropped. A body that ends with a value all the same has it returned. `Duration::MAX` is no limit. A cancellation of
/// the task itself goes through. asyncio's `async with timeout(limit)`; [`Timeout`] is the form that can be changed.
///
/// # Errors
/// [`TimeoutError`] when the body was cut short.
///
/// # Panics
/// When awaited outside of a task.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{TimeoutError, sleep, timeout};
/// use std::time::Duration;
///
/// let slow = sleep(Duration::from_secs(3600));
/// assert_eq!(timeout(Duration::from_millis(1), slow).await, Err(TimeoutError));
/// let quick = async { "done" };
/// assert_eq!(timeout(Duration::from_millis(1), quick).await, Ok("done"));
/// # }).unwrap();
/// ```
#[track_caller]
pub fn timeout<F: IntoFuture>(
    limit: Duration,
    body: F,
) -> impl Future<Output = Result<F::Output, TimeoutError>> {
    let (body, site) = (body.into_future(), Location::caller());
    async move { Timeout::made(Some(limit), site).run(body).await }
}

/// [`timeout`] with an end in the loop's clock ([`EventLoop::time`](crate::EventLoop::time)) in place of a length.
/// asyncio's `timeout_at`.
///
/// # Errors
/// [`TimeoutError`] when the body was cut short.
///
/// # Panics
/// When awaited outside of a task.
#[track_caller]
pub fn timeout_at<F: IntoFuture>(
    when: Duration,
    body: F,
) -> impl Future<Output = Result<F::Output, TimeoutError>> {
    let (body, site) = (body.into_future(), Location::caller());
    async move {
        let timeout = Timeout::made(None, site);
        timeout.0.when.set(crate::clock::to_nanos(when));
        timeout.run(body).await
    }
}

/// [`timeout`] in the words of asyncio's `wait_for(awaitable, limit)`; `None` is no limit. A task that is handed in is
/// cancelled when the time is over, and waited for.
///
/// With a limit of zero a coroutine does not even begin, a task that is done gives its value, and one that is not is
/// cancelled.
///
/// # Errors
/// [`TimeoutError`].
///
/// # Panics
/// When awaited outside of a task.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{create_task, sleep, wait_for};
/// use std::time::Duration;
///
/// let task = create_task(sleep(Duration::from_secs(3600)));
/// assert!(wait_for(&task, Duration::from_millis(1)).await.is_err());
/// assert!(task.cancelled());
/// # }).unwrap();
/// ```
#[track_caller]
pub fn wait_for<F: Limited>(
    awaitable: F,
    limit: impl Into<Option<Duration>>,
) -> impl Future<Output = Result<F::Output, TimeoutError>> {
    let (limit, site) = (limit.into(), Location::caller());
    let body = awaitable.into_future();
    async move {
        if limit != Some(Duration::ZERO) {
            return Timeout::made(limit, site).run(body).await;
        }
        let Some(asked) = F::end_now(&body) else {
            return Err(TimeoutError);
        };
        let ended = body.await;
        // What had been cancelled before was not cancelled by this limit.
        match asked && F::was_cancelled(&ended) {
            true => Err(TimeoutError),
            false => Ok(ended),
        }
    }
}

/// What [`wait_for`] takes: a coroutine, a task or a promise.
pub trait Limited: IntoFuture {
    /// There is no time at all: cancels what is on its way, and tells whether it was. `None` for a coroutine, which has not begun.
    #[doc(hidden)]
    fn end_now(future: &Self::IntoFuture) -> Option<bool>;

    /// Whether this is the outcome of something that was cancelled.
    #[doc(hidden)]
    fn was_cancelled(outcome: &Self::Output) -> bool;
}

impl<C: Coroutine> Limited for C {
    fn end_now(_: &C::IntoFuture) -> Option<bool> {
        None
    }

    fn was_cancelled(_: &C::Output) -> bool {
        false
    }
}

macro_rules! on_their_way {
    ($(($($clone:ident)?) $handle:ty),+) => {$(
        impl<T: $($clone +)? 'static> Limited for $handle {
            fn end_now(future: &Self::IntoFuture) -> Option<bool> {
                Some(future.cancel())
            }

            fn was_cancelled(outcome: &Result<T, TaskError>) -> bool {
                matches!(outcome, Err(TaskError::Cancelled))
            }
        }
    )+};
}

on_their_way!(() Task<T>, (Clone) &Task<T>, () Promise<T>, (Clone) &Promise<T>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Created,
    Active,
    /// The time is over, and the body is being cancelled.
    Expiring,
    Expired,
    Finished,
}

struct State {
    core: Rc<Core>,
    site: Site,
    when: Cell<Option<u64>>,
    phase: Cell<Phase>,
    timer: Cell<Option<TimerKey>>,
    place: RefCell<Option<Place>>,
}

/// A limit in time that can be looked at and changed while its body runs. Clones are handles to the same limit.
///
/// asyncio's `Timeout`, the object of `async with timeout(...) as t`.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{Timeout, sleep};
/// use std::time::Duration;
///
/// let limit = Timeout::new(Duration::from_millis(1));
/// let ran = limit.run(async {
///     limit.reschedule(None).unwrap(); // no hurry, after all
///     sleep(Duration::from_millis(3)).await;
/// });
/// ran.await.unwrap();
/// assert!(!limit.expired());
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Timeout(Rc<State>);

impl Timeout {
    /// A limit that is over when `limit` is, from now on; `None` is no limit, to be set later.
    ///
    /// # Panics
    /// Without a running loop.
    #[track_caller]
    pub fn new(limit: impl Into<Option<Duration>>) -> Timeout {
        Timeout::made(limit.into(), Location::caller())
    }

    fn made(limit: Option<Duration>, site: Site) -> Timeout {
        let core = current::expect();
        Timeout(Rc::new(State {
            when: Cell::new(limit.and_then(|limit| core.clock.after(limit))),
            core,
            site,
            phase: Cell::new(Phase::Created),
            timer: Cell::new(None),
            place: RefCell::new(None),
        }))
    }

    /// Awaits `body` under this limit; see [`timeout`]. asyncio's `async with` of a timeout.
    ///
    /// # Errors
    /// [`TimeoutError`] when the body was cut short.
    ///
    /// # Panics
    /// When it is called or awaited a second time, or awaited outside of a task.
    #[track_caller]
    pub fn run<F: IntoFuture>(
        &self,
        body: F,
    ) -> impl Future<Output = Result<F::Output, TimeoutError>> {
        // Here, where the caller's line is known; the other check is for what is called twice before it is awaited.
        self.0.check_fresh();
        self.run_body(body.into_future())
    }

    async fn run_body<F: Future>(&self, body: F) -> Result<F::Output, TimeoutError> {
        let state = &self.0;
        state.check_fresh();
        let guard = Guard::bound();
        state.place.replace(Some(guard.place().clone()));
        state.phase.set(Phase::Active);
        state.arm();
        let entered = Entered(state);
        let ran = guard.run(body).await;
        drop(entered);
        match ran {
            Ok(value) => Ok(value),
            // A request of the task, or of a limit outside, goes further than this one.
            Err(_) => match guard.outer_request() {
                Some(cancelled) => cancelled.raise().await,
                None => Err(TimeoutError),
            },
        }
    }

    /// Sets another end, on the loop's clock; `None` is no limit. One that is past is due at once.
    ///
    /// # Errors
    /// [`TimeoutClosed`] when the body does not run, or is being cancelled.
    pub fn reschedule(&self, when: Option<Duration>) -> Result<(), TimeoutClosed> {
        match self.0.phase.get() {
            Phase::Active => {}
            Phase::Created => return Err(TimeoutClosed::NotEntered),
            Phase::Expiring => return Err(TimeoutClosed::Expiring),
            Phase::Expired => return Err(TimeoutClosed::Expired),
            Phase::Finished => return Err(TimeoutClosed::Finished),
        }
        self.0.disarm();
        self.0.when.set(when.and_then(crate::clock::to_nanos));
        self.0.arm();
        Ok(())
    }

    /// When it is over, on the loop's clock; `None` without a limit.
    pub fn when(&self) -> Option<Duration> {
        self.0.when.get().map(Duration::from_nanos)
    }

    /// Whether the time ran out while the body ran.
    pub fn expired(&self) -> bool {
        matches!(self.0.phase.get(), Phase::Expiring | Phase::Expired)
    }
}

impl State {
    #[track_caller]
    fn check_fresh(&self) {
        let fresh = self.phase.get() == Phase::Created;
        assert!(fresh, "Timeout has already been entered");
    }

    fn arm(self: &Rc<Self>) {
        let Some(when) = self.when.get() else { return };
        let state = Rc::downgrade(self);
        let expire = move || {
            if let Some(state) = state.upgrade() {
                // One that was due at once has no timer that a reschedule could have cancelled.
                let due = state.when.get().is_some_and(|due| due <= when);
                if state.phase.get() == Phase::Active && due {
                    state.expire();
                }
            }
        };
        let core = &self.core;
        if when <= core.clock.read() {
            // Not by a timer, which would stand behind a bare yield of the body in the ready queue.
            core.call_soon(self.site, expire);
        } else {
            let callback = core.callback(self.site, Some(when), expire);
            let timer = core.set_timer(when, Target::Callback(Box::new(callback)));
            self.timer.set(Some(timer));
        }
    }

    fn expire(&self) {
        self.phase.set(Phase::Expiring);
        let place = self.place.borrow_mut().take();
        if let Some(place) = place {
            place.request();
        }
    }

    fn disarm(&self) {
        if let Some(timer) = self.timer.take() {
            self.core.cancel_timer(timer);
        }
    }
}

/// The body runs under the limit as long as this lives.
struct Entered<'a>(&'a State);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.disarm();
        self.0.place.take();
        self.0.phase.set(match self.0.phase.get() {
            Phase::Expiring => Phase::Expired,
            _ => Phase::Finished,
        });
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.0.phase.get() {
            Phase::Created => "created",
            Phase::Active => "active",
            Phase::Expiring => "expiring",
            Phase::Expired => "expired",
            Phase::Finished => "finished",
        };
        write!(f, "<Timeout [{word}]")?;
        if self.0.phase.get() == Phase::Active {
            match self.when() {
                Some(when) => write!(f, " when={:.3}", when.as_secs_f64())?,
                None => f.write_str(" when=None")?,
            }
        }
        f.write_str(">")
    }
}
