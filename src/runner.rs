//! Running a whole program: make a loop, run the main coroutine, clean up behind it. asyncio's `run`.

use std::future::Future;
use std::time::Duration;

use crate::current;
use crate::error::LoopError;
use crate::event_loop::{EventLoop, unless_panicked};
use crate::turn;

/// How long [`run`] waits for jobs that are still in the thread pool.
const POOL_JOIN_LIMIT: Duration = Duration::from_secs(300);

/// Runs a coroutine to its end in a new loop: the way to start a program.
///
/// When it has ended, tasks that are left are cancelled in creation order and awaited, again if that left new ones
/// behind; then the thread pool is joined and the loop closed. asyncio's `run`.
///
/// # Errors
/// [`LoopError`] when it cannot run, or when the coroutine was cancelled.
///
/// # Panics
/// Goes on with the panic of the coroutine, after the clean-up.
///
/// ```
/// use glassloop::{run, sleep};
/// use std::time::Duration;
///
/// let answer = run(async {
///     sleep(Duration::from_millis(1)).await;
///     42
/// })?;
/// assert_eq!(answer, 42);
/// # Ok::<(), glassloop::LoopError>(())
/// ```
#[track_caller]
pub fn run<F>(coroutine: F) -> Result<F::Output, LoopError>
where
    F: Future + 'static,
{
    if let Some(error) = current::with(|_| LoopError::AnotherLoopRunning) {
        return Err(error);
    }
    let event_loop = EventLoop::new()?;
    let main = event_loop.create_task(coroutine)?;
    let ran = event_loop.drive(&main);
    let cleaned = cancel_all_tasks(&event_loop);
    if !event_loop.core.pool.join(POOL_JOIN_LIMIT) {
        log::warn!("The executor did not finish joining its threads within 300 seconds.");
    }
    event_loop.close()?;
    ran.and(cleaned)?;
    main.cell.completion().mark_retrieved();
    unless_panicked(main.cell.take())
}

/// Cancels what is left, in creation order, and runs until it has ended; again, if that left new tasks behind.
fn cancel_all_tasks(event_loop: &EventLoop) -> Result<(), LoopError> {
    let _running = event_loop.start()?;
    while let Some(last) = event_loop.core.tasks().last() {
        let last = last.header().number;
        for task in event_loop.all_tasks() {
            task.cancel();
        }
        let left = || {
            event_loop
                .core
                .tasks()
                .first()
                .is_some_and(|task| task.header().number <= last)
        };
        while left() {
            turn::turn(&event_loop.core, None)?;
        }
    }
    Ok(())
}
