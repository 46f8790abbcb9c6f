//! What can become a task. asyncio's *coroutine*.

use std::future::Future;

/// What becomes a task, or a part of one: any future, and what turns into one when it is awaited, such as a request that has not
/// been sent. A task or a promise is none, as in asyncio: it is on its way already.
///
/// What [`create_task`](crate::create_task) takes, and, beside tasks and promises, `gather`, `wait_for`, `shield` and
/// `run_until_complete`. To be implemented for an [`IntoFuture`] of one's own, it has no methods.
///
/// ```
/// use glassloop::{Coroutine, create_task, sleep, wait_for};
/// use std::time::Duration;
///
/// /// Sleeps for so many milliseconds when it is awaited.
/// struct Nap(u64);
///
/// impl IntoFuture for Nap {
///     type Output = ();
///     type IntoFuture = glassloop::Sleep;
///
///     fn into_future(self) -> glassloop::Sleep {
///         sleep(Duration::from_millis(self.0))
///     }
/// }
///
/// impl Coroutine for Nap {}
///
/// # glassloop::run(async {
/// let task = create_task(Nap(1));
/// assert!(wait_for(Nap(3_600_000), Duration::from_millis(1)).await.is_err());
/// task.await.unwrap();
/// # }).unwrap();
/// ```
pub trait Coroutine: IntoFuture {}

impl<F: Future> Coroutine for F {}
