//! Stackful coroutines, as gevent's: a greenlet is an ordinary function that is set aside when it waits, from any depth of
//! calls, without `async` in its signature.
//!
//! A greenlet is a future like any other, run by a task like any other; the loop does not know the difference. [`wait`]
//! suspends it until a future is ready, and [`TcpStream`] has `std::io::Read` and `Write` that do so, for blocking libraries.
//! Built with the feature `greenlet`.
//!
//! Top of the folder: `stream` rests on `switch`, which rests on `stack`.

mod stack;
mod stream;
mod switch;

use std::time::Duration;

use crate::task::{Task, create_task};

pub use stack::STACK_SIZE;
pub use stream::TcpStream;
pub use switch::{Greenlet, wait};

/// Makes a task of the running loop that runs `function` on a stack of its own, of [`STACK_SIZE`] bytes. It does not begin
/// now: its first step comes in the next turn.
///
/// Cancelling the task, or closing the loop, unwinds a suspended greenlet: the destructors on its stack run, but must not
/// wait. A panic is the task's exception. gevent's `spawn`.
///
/// ```
/// use glassloop::greenlet;
/// use std::time::Duration;
///
/// fn ordinary(n: u32) -> u32 {
///     greenlet::sleep(Duration::from_millis(1));
///     n + 1
/// }
/// let outcome = glassloop::run(async { greenlet::spawn(|| ordinary(1)).await })?;
/// assert_eq!(outcome.unwrap(), 2);
/// # Ok::<(), glassloop::LoopError>(())
/// ```
///
/// # Panics
/// Outside of a running loop. The task panics if there is no memory for the stack.
#[track_caller]
pub fn spawn<F, T>(function: F) -> Task<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    create_task(Greenlet::new(function))
}

/// Suspends the greenlet for `delay`, as [`crate::sleep`]; other tasks and greenlets run meanwhile. gevent's `sleep`.
///
/// # Panics
/// Outside of a greenlet.
#[track_caller]
pub fn sleep(delay: Duration) {
    wait(crate::sleep(delay));
}
