//! Shield: await something in such a way that a cancellation of the one who awaits does not reach it.

use std::panic::Location;

use crate::awaitable::{Awaitable, Spawner};
use crate::current;
use crate::promise::Promise;

/// A promise that follows `awaitable` and protects it: when the promise is cancelled, which is what a cancelled task does to
/// the promise that it awaits, the task within runs on.
///
/// A coroutine becomes a task. Its outcome is moved into the promise, or copied from `&task`. If it is itself cancelled, so
/// is the promise. The end of [`run`](crate::run) does cancel what is shielded. asyncio's `shield`.
///
/// # Panics
/// Without a running loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{create_task, shield, sleep, timeout};
/// use std::time::Duration;
///
/// let vote = create_task(async {
///     sleep(Duration::from_millis(3)).await;
///     "counted"
/// });
/// assert!(timeout(Duration::from_millis(1), shield(&vote)).await.is_err());
/// assert_eq!(vote.await.unwrap(), "counted");
/// # }).unwrap();
/// ```
#[track_caller]
pub fn shield<A: Awaitable>(awaitable: A) -> Promise<A::Value> {
    let (core, site) = (current::expect(), Location::caller());
    let spawner = Spawner::new(core.clone(), site);
    let inner = match awaitable.into_promise(&spawner) {
        Ok(inner) => inner,
        Err(error) => panic!("{error}"),
    };
    let outer = Promise::on(core);
    let follower = outer.clone();
    let follow = move |inner: &Promise<A::Value>| {
        // A value that nobody awaits any more stays where it is.
        if !follower.done() {
            let _ = follower.cell.clone().put(A::fetch(inner), site);
        }
    };
    match inner.done() {
        true => follow(&inner),
        false => drop(inner.add_done_callback(follow)),
    }
    outer
}
