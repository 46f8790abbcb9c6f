//! Why a queue refused. What could not be put in is given back in the error.

use std::fmt;

/// The queue takes, or gives, no more items. A put has its item in it. asyncio's `QueueShutDown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueShutDown<T = ()>(pub T);

impl<T> fmt::Display for QueueShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is shut down")
    }
}

impl<T: fmt::Debug> std::error::Error for QueueShutDown<T> {}

/// Why [`Queue::put_nowait`](super::Queue::put_nowait) did not take the item, which is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutError<T> {
    /// There is no room. asyncio's `QueueFull`.
    QueueFull(T),
    /// The queue takes no more items. asyncio's `QueueShutDown`.
    QueueShutDown(T),
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::QueueFull(_) => "the queue is full",
            PutError::QueueShutDown(_) => "the queue is shut down",
        })
    }
}

impl<T: fmt::Debug> std::error::Error for PutError<T> {}

/// Why [`Queue::get_nowait`](super::Queue::get_nowait) has no item to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetError {
    /// There is none at the moment. asyncio's `QueueEmpty`.
    QueueEmpty,
    /// There is none, and none will come. asyncio's `QueueShutDown`.
    QueueShutDown,
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetError::QueueEmpty => "the queue is empty",
            GetError::QueueShutDown => "the queue is shut down",
        })
    }
}

impl std::error::Error for GetError {}

/// [`Queue::task_done`](super::Queue::task_done) was called more often than items were put in (asyncio's `ValueError`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskDoneError;

impl fmt::Display for TaskDoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task_done() called too many times")
    }
}

impl std::error::Error for TaskDoneError {}
