//! The loop's errors: what asyncio raises as `RuntimeError`, `InvalidStateError`, `CancelledError` and `TimeoutError`.
//!
//! The lowest layer together with `observe`: nothing here knows of the loop. Errors of the HTTP client are in `http::error`.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

/// Why the loop refused to do something, or why it ended early.
///
/// asyncio raises `RuntimeError` with the same sentences.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoopError {
    /// The loop was closed before the call.
    Closed,
    /// The loop is running already: it was asked to run from inside itself.
    AlreadyRunning,
    /// The loop was asked to close while it runs.
    CannotCloseRunning,
    /// Another loop runs in this thread, and a thread can run only one.
    AnotherLoopRunning,
    /// [`run`](crate::run) was called inside a running loop.
    NestedRun,
    /// No loop runs in this thread, so there is nothing to schedule on.
    NoRunningLoop,
    /// [`stop`](crate::EventLoop::stop) was called before the future was done.
    Stopped,
    /// Virtual time only: nothing is ready, no timer is set and no thread or socket is outstanding,
    /// so nothing can ever wake. The text lists each task with what it waits for.
    Deadlock(String),
    /// The awaited task did not end with a value.
    Task(TaskError),
    /// The loop holds 16,777,216 tasks, more than which its tickets cannot name.
    TooManyTasks,
    /// Ctrl-C ended [`run`](crate::run) (Python's `KeyboardInterrupt`).
    Interrupted,
    /// The signal cannot have a handler.
    Signal(String),
    /// The operating system refused a resource that the loop needs.
    Io(io::Error),
}

impl fmt::Display for LoopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoopError::Closed => f.write_str("Event loop is closed"),
            LoopError::AlreadyRunning => f.write_str("This event loop is already running"),
            LoopError::CannotCloseRunning => f.write_str("Cannot close a running event loop"),
            LoopError::AnotherLoopRunning => {
                f.write_str("Cannot run the event loop while another loop is running")
            }
            LoopError::NestedRun => f.write_str("run() cannot be called from a running event loop"),
            LoopError::NoRunningLoop => f.write_str("no running event loop"),
            LoopError::Stopped => f.write_str("Event loop stopped before Future completed."),
            LoopError::Deadlock(report) => write!(
                f,
                "deadlock: nothing is ready and nothing can wake the loop\n{report}"
            ),
            LoopError::Interrupted => f.write_str("interrupted by Ctrl-C"),
            LoopError::Signal(why) => f.write_str(why),
            LoopError::TooManyTasks => f.write_str("an event loop holds at most 16,777,216 tasks"),
            LoopError::Task(error) => write!(f, "the main task failed: {error}"),
            LoopError::Io(error) => write!(f, "the kernel refuses the event loop: {error}"),
        }
    }
}

impl std::error::Error for LoopError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LoopError::Task(error) => Some(error),
            LoopError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for LoopError {
    fn from(error: io::Error) -> Self {
        LoopError::Io(error)
    }
}

/// Why a [`Task`](crate::Task) or [`Promise`](crate::Promise) has no value to give.
///
/// The errors of your own coroutines are ordinary `Result` values and never appear here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TaskError {
    /// It was cancelled (asyncio's `CancelledError`).
    Cancelled,
    /// Its coroutine panicked.
    Panicked(Panic),
    /// Its value was moved out before, by an earlier `.await` of a handle.
    Taken,
    /// It is still pending (asyncio's `InvalidStateError`).
    NotDone,
}

impl TaskError {
    /// Whether this is the cancellation.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, TaskError::Cancelled)
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Cancelled => f.write_str("cancelled"),
            TaskError::Panicked(panic) => write!(f, "panicked: {panic}"),
            TaskError::NotDone => f.write_str("Result is not set."),
            TaskError::Taken => f.write_str(
                "the result was already taken by an earlier await; await `&task` to copy it",
            ),
        }
    }
}

impl std::error::Error for TaskError {}

/// What a panicking coroutine, callback or thread job left behind.
#[derive(Clone)]
pub struct Panic(Arc<PanicInner>);

/// Behind one pointer, since every task's outcome has room for it.
struct PanicInner {
    message: String,
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Panic {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Panic {
        let message = payload
            .downcast_ref::<&'static str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("(a panic without a text)")
            .to_owned();
        Panic(Arc::new(PanicInner {
            message,
            payload: Mutex::new(Some(payload)),
        }))
    }

    /// The panic's text.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Takes the payload, for [`std::panic::resume_unwind`]. All clones share one payload; `None` when it was taken before.
    pub fn take_payload(&self) -> Option<Box<dyn Any + Send>> {
        let mut payload = self.0.payload.lock().unwrap_or_else(|e| e.into_inner());
        payload.take()
    }

    /// Goes on panicking here with the original payload.
    pub fn resume(self) -> ! {
        match self.take_payload() {
            Some(payload) => std::panic::resume_unwind(payload),
            None => std::panic::panic_any(self.message().to_owned()),
        }
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Panic({:?})", self.message())
    }
}

/// `set_result()` was refused (asyncio's `InvalidStateError`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidStateError {
    /// It is done or cancelled already.
    AlreadyDone,
    /// It is a task: its coroutine alone sets the result.
    IsTask,
}

impl fmt::Display for InvalidStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InvalidStateError::AlreadyDone => "invalid state: it is done or cancelled already",
            InvalidStateError::IsTask => "Task does not support set_result operation",
        })
    }
}

impl std::error::Error for InvalidStateError {}

/// The time given to [`timeout`](crate::timeout), [`wait_for`](crate::wait_for) ran out (Python's `TimeoutError`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutError;

impl fmt::Display for TimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time limit ran out")
    }
}

impl std::error::Error for TimeoutError {}

/// A [`Timeout`](crate::Timeout) cannot be rescheduled (asyncio's `RuntimeError`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutClosed {
    /// Its body does not run yet.
    NotEntered,
    /// Its time is over and its body is being cancelled.
    Expiring,
    /// Its time ran out.
    Expired,
    /// Its body has ended.
    Finished,
}

impl fmt::Display for TimeoutClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeoutClosed::NotEntered => "Timeout has not been entered",
            TimeoutClosed::Expiring => "Cannot change state of expiring Timeout",
            TimeoutClosed::Expired => "Cannot change state of expired Timeout",
            TimeoutClosed::Finished => "Cannot change state of finished Timeout",
        })
    }
}

impl std::error::Error for TimeoutClosed {}

/// Why a child of [`try_gather`](crate::try_gather) or of a [`TaskGroup`](crate::TaskGroup) failed.
#[derive(Clone, Debug)]
pub enum ChildError<E> {
    /// A child returned this error.
    Failed(E),
    /// A child panicked or was cancelled.
    Task(TaskError),
}

impl<E: fmt::Display> fmt::Display for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildError::Failed(error) => error.fmt(f),
            ChildError::Task(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for ChildError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ChildError::Failed(error) => error.source(),
            ChildError::Task(error) => error.source(),
        }
    }
}

/// Everything that went wrong in a [`TaskGroup`](crate::TaskGroup).
#[derive(Clone, Debug)]
pub struct ExceptionGroup<E> {
    /// The errors of children in the order of their ends, and that of the body last. Empty when the group was cancelled.
    pub errors: Vec<ChildError<E>>,
}

impl<E: fmt::Display> fmt::Display for ExceptionGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.len() {
            0 => return f.write_str("the TaskGroup was cancelled"),
            1 => f.write_str("unhandled errors in a TaskGroup (1 sub-exception): ")?,
            n => write!(f, "unhandled errors in a TaskGroup ({n} sub-exceptions): ")?,
        }
        for (i, error) in self.errors.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for ExceptionGroup<E> {}

/// A [`TaskGroup`](crate::TaskGroup) takes no child now (asyncio's `RuntimeError`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupClosed {
    /// Its body does not run yet.
    NotEntered,
    /// A child or the body failed, or it was cancelled.
    ShuttingDown,
    /// All of it has ended.
    Finished,
}

impl fmt::Display for GroupClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GroupClosed::NotEntered => "TaskGroup has not been entered",
            GroupClosed::ShuttingDown => "TaskGroup is shutting down",
            GroupClosed::Finished => "TaskGroup is finished",
        })
    }
}

impl std::error::Error for GroupClosed {}
