//! Stackful coroutines, as gevent's: a greenlet is an ordinary function that is set aside when it waits, from any depth of
//! calls, without `async` in its signature.
//!
//! A greenlet is a future like any other, run by a task like any other; the loop does not know the difference. [`wait`]
//! suspends it until a future is ready, and [`TcpStream`] has `std::io::Read` and `Write` that do so, for blocking libraries.
//! Built with the feature `greenlet`.
//!
//! Cancelling a greenlet *unwinds* its stack, as a panic does, and with a panic's rules: destructors run but cannot suspend, and
//! one that panics ends the process. `catch_unwind` stops the unwinding only until the next wait. To wait in a clean-up, run
//! the part that may be cancelled as a greenlet of its own, under a catch point:
//!
//! ```
//! # glassloop::run(async {
//! use glassloop::greenlet::{self, Greenlet};
//! use glassloop::{catch_cancel, yield_now};
//! use std::time::Duration;
//!
//! let task = greenlet::spawn(|| {
//!     let work = Greenlet::new(|| greenlet::sleep(Duration::from_secs(3600)));
//!     match greenlet::wait(catch_cancel(work)) {
//!         Ok(()) => "done",
//!         Err(_) => {
//!             greenlet::sleep(Duration::from_millis(1)); // a clean-up that waits
//!             "cancelled, and tidied up"
//!         }
//!     }
//! });
//! yield_now().await;
//! task.cancel();
//! assert_eq!(task.await.unwrap(), "cancelled, and tidied up");
//! # }).unwrap();
//! ```
//!
//! Top of the folder: `stream` rests on `switch`, which rests on `stack` and `overflow`.

mod overflow;
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
/// Cancelling the task, or closing the loop, unwinds a suspended greenlet: the destructors on its stack run, but cannot
/// suspend. One that has not begun never runs. A panic is the task's exception. gevent's `spawn`.
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
/// Outside of a running loop. The task panics if there is no memory for the stack when it begins.
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
/// As [`wait`].
#[track_caller]
pub fn sleep(delay: Duration) {
    wait(crate::sleep(delay));
}

/// Makes greenlets whose stacks are not of the usual size.
///
/// ```
/// use glassloop::greenlet;
///
/// let deep = greenlet::Builder::new().stack_size(8 << 20);
/// let task = glassloop::run(async move { deep.spawn(|| "room for eight MiB").await })?;
/// assert_eq!(task.unwrap(), "room for eight MiB");
/// # Ok::<(), glassloop::LoopError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder does nothing by itself"]
pub struct Builder {
    stack_size: usize,
}

impl Builder {
    /// Greenlets as [`spawn`] makes them.
    #[allow(clippy::new_without_default)] // `Builder::new` is how std's builders begin
    pub const fn new() -> Builder {
        Builder {
            stack_size: STACK_SIZE,
        }
    }

    /// The bytes of the stack; 64 KiB at least, and rounded up to whole pages. They are address space: memory is taken page by
    /// page as the stack grows.
    pub const fn stack_size(self, bytes: usize) -> Builder {
        Builder { stack_size: bytes }
    }

    /// As [`spawn`].
    ///
    /// # Panics
    /// As [`spawn`].
    #[track_caller]
    pub fn spawn<F, T>(self, function: F) -> Task<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        create_task(self.greenlet(function))
    }

    /// As [`Greenlet::new`].
    #[track_caller]
    pub fn greenlet<F, T>(self, function: F) -> Greenlet<F, T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        Greenlet::with_stack_size(self.stack_size, function)
    }
}
