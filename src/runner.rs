//! Running a whole program: make a loop, run the main coroutine, clean up behind it. asyncio's `run`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::coroutine::Coroutine;
use crate::current;
use crate::error::LoopError;
use crate::event_loop::{EventLoop, unless_panicked};
use crate::interrupt;
use crate::report;
use crate::task::Task;
use crate::turn;

/// How long [`run`] waits for jobs that are still in the thread pool.
const POOL_JOIN_LIMIT: Duration = Duration::from_secs(300);

/// Runs a coroutine to its end in a new loop: the way to start a program.
///
/// When it has ended, tasks that are left are cancelled in creation order and awaited, again if that left new ones
/// behind; then the thread pool is joined and the loop closed. asyncio's `run`.
///
/// Ctrl-C, when this is the program's main thread: the first cancels the main task, before anything else that is ready runs; the
/// second ends the loop at once and names the tasks that are left. While blocking code holds the loop up it cannot answer: then
/// the second ends the process, as it would without a loop.
///
/// # Errors
/// [`LoopError`] when it cannot run, or when the coroutine was cancelled; [`LoopError::Interrupted`] when it was by Ctrl-C.
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
pub fn run<C>(coroutine: C) -> Result<C::Output, LoopError>
where
    C: Coroutine,
    C::IntoFuture: 'static,
    C::Output: 'static,
{
    if let Some(error) = current::with(|_| LoopError::NestedRun) {
        return Err(error);
    }
    let event_loop = EventLoop::new()?;
    let main = event_loop.create_task(coroutine)?;
    let interrupts = Interrupts::watch(&event_loop, &main);
    let ran = event_loop.drive(&main);
    if interrupts.count() > 1 {
        return Err(end_at_once(&event_loop));
    }
    let cleaned = cancel_all_tasks(&event_loop, &interrupts);
    if interrupts.count() > 1 {
        return Err(end_at_once(&event_loop));
    }
    if !event_loop.core.pool.join(POOL_JOIN_LIMIT) {
        report::warning!("The executor did not finish joining its threads within 300 seconds.");
    }
    // One that came meanwhile, and did not end the process as a second one would have.
    if event_loop.core.inbox.is_interrupted() {
        interrupt::answer(&event_loop.core);
    }
    event_loop.close()?;
    if interrupts.count() > 0 && main.cancelled() {
        return Err(LoopError::Interrupted);
    }
    ran.and(cleaned)?;
    let value = unless_panicked(main.take_outcome())?;
    match interrupts.0.too_late.get() {
        true => Err(LoopError::Interrupted),
        false => Ok(value),
    }
}

/// What Ctrl-C has done since `run` began. The first time it cancels the main task, the second time it ends the loop.
#[derive(Clone, Default)]
struct Interrupts(Rc<Counted>);

#[derive(Default)]
struct Counted {
    count: Cell<u32>,
    /// The main task had ended: it is the run that is interrupted.
    too_late: Cell<bool>,
}

impl Interrupts {
    /// Only the main thread watches, as in asyncio: a program has one Ctrl-C.
    fn watch<T: 'static>(event_loop: &EventLoop, main: &Task<T>) -> Interrupts {
        let interrupts = Interrupts::default();
        #[cfg(unix)]
        if std::thread::current().name() == Some("main") {
            let (counted, main) = (interrupts.clone(), main.clone());
            // The loop's state, and not a handle to the loop: that would keep the one by the other.
            let core = Rc::downgrade(&event_loop.core);
            let interrupt = move || {
                counted.0.count.set(counted.count() + 1);
                if let (true, Some(core)) = (counted.count() > 1, core.upgrade()) {
                    core.stopping.set(true);
                    return true;
                }
                if !main.cancel() {
                    counted.0.too_late.set(true);
                }
                false
            };
            if let Err(error) = event_loop.answer_interrupts(interrupt) {
                report::warning!("Ctrl-C ends the program without a clean-up: {error}");
            }
        }
        interrupts
    }

    fn count(&self) -> u32 {
        self.0.count.get()
    }
}

/// The second Ctrl-C: names those who are left, and closes the loop over their heads.
fn end_at_once(event_loop: &EventLoop) -> LoopError {
    for task in event_loop.all_tasks() {
        eprintln!("interrupted twice, and still pending: {task:?}");
    }
    match event_loop.close() {
        Ok(()) => LoopError::Interrupted,
        Err(error) => error,
    }
}

/// Cancels what is left, in creation order, and runs until it has ended; again, if that left new tasks behind.
fn cancel_all_tasks(event_loop: &EventLoop, interrupts: &Interrupts) -> Result<(), LoopError> {
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
            if interrupts.count() > 1 {
                return Ok(());
            }
            turn::run_one(&event_loop.core)?;
        }
    }
    Ok(())
}
