//! Limits in time: a bound around a coroutine that asks it to cancel when the time is over.

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crate::callback::Callback;
use crate::cancel::Guard;
use crate::core::Core;
use crate::current;
use crate::error::TimeoutError;
use crate::observe::Site;
use crate::timers::{Target, TimerKey};

/// Awaits `body` for `limit` at most.
///
/// When the time is over, `body` is asked to cancel, in the same way as a task is: a task, promise or gather that it
/// awaits is cancelled and waited for, a [`catch_cancel`](crate::catch_cancel) in it may clean up, and with neither it is
/// dropped. A body that ends with a value all the same has it returned. `Duration::MAX` is no limit. A cancellation of
/// the task itself goes through. asyncio's `async with timeout(limit)`.
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
    bounded(Some(limit), body, Location::caller())
}

/// [`timeout`] in the words of asyncio's `wait_for(awaitable, limit)`; `None` is no limit. A task that is handed in is
/// cancelled when the time is over, and waited for.
///
/// With a limit of zero a coroutine runs to its first suspension, and is cut short there; what is done already gives its
/// value. (asyncio does not even start it.)
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
pub fn wait_for<F: IntoFuture>(
    awaitable: F,
    limit: impl Into<Option<Duration>>,
) -> impl Future<Output = Result<F::Output, TimeoutError>> {
    bounded(limit.into(), awaitable, Location::caller())
}

async fn bounded<F: IntoFuture>(
    limit: Option<Duration>,
    body: F,
    site: Site,
) -> Result<F::Output, TimeoutError> {
    let guard = Guard::bound();
    let _timer = limit.and_then(|limit| Expiry::set(limit, &guard, site));
    let mut body = pin!(body.into_future());
    poll_fn(|context| match guard.is_hit() {
        true => Poll::Ready(Err(TimeoutError)),
        false => body.as_mut().poll(context).map(Ok),
    })
    .await
}

/// The timer of a bound; it goes when the bound does.
struct Expiry {
    core: Rc<Core>,
    timer: TimerKey,
}

impl Expiry {
    /// `None` where there is no timer to cancel: for no time at all, and for more than the clock can count.
    fn set(limit: Duration, guard: &Guard, site: Site) -> Option<Expiry> {
        let core = current::expect();
        let deadline = core.clock.after(limit)?;
        let place = guard.place().clone();
        let expire = move || place.request();
        if limit.is_zero() {
            // Not by a timer, which would stand behind a bare yield of the body in the ready queue.
            core.call_soon(site, expire);
            return None;
        }
        let callback = Callback::new(core.next_number(), site, Some(deadline), expire);
        let timer = core.set_timer(deadline, Target::Callback(callback));
        Some(Expiry { core, timer })
    }
}

impl Drop for Expiry {
    fn drop(&mut self) {
        self.core.cancel_timer(self.timer);
    }
}
