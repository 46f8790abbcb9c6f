//! The loop as other threads see it: a handle that can be sent and cloned, and tasks started by it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, mpsc::Receiver};
use std::time::Duration;

use crate::any_task::all_tasks;
use crate::current;
use crate::error::{LoopError, TaskError};
use crate::inbox::{Inbox, Letter};
use crate::task::create_task;
use crate::text::shown_as;

/// The way for other threads to reach a loop: from [`EventLoop::handle`](crate::EventLoop::handle). Clones are cheap.
#[derive(Clone)]
pub struct LoopHandle {
    id: u16,
    inbox: Arc<Inbox>,
}

impl LoopHandle {
    pub(crate) fn new(id: u16, inbox: Arc<Inbox>) -> LoopHandle {
        LoopHandle { id, inbox }
    }

    /// Schedules `callback` and wakes the loop if it sleeps. From one thread, callbacks run in the order of the calls; from
    /// the loop's own thread they stand in line with those of `call_soon`. asyncio's `call_soon_threadsafe`, which
    /// gives a handle; here the callback cannot be cancelled, since a handle is of the loop's thread.
    ///
    /// # Errors
    /// [`LoopError::Closed`].
    #[track_caller]
    pub fn call_soon_threadsafe(
        &self,
        callback: impl FnOnce() + Send + 'static,
    ) -> Result<(), LoopError> {
        let site = Location::caller();
        let mut callback = Some(callback);
        current::with(|core| {
            if core.id() == self.id {
                if let Some(callback) = callback.take() {
                    core.call_soon(site, callback);
                }
            }
        });
        match callback {
            Some(callback) => self
                .inbox
                .post(Letter::Call(Box::new(callback), site))
                .map_err(|_| LoopError::Closed),
            None => Ok(()),
        }
    }

    /// Has the loop make a task of the coroutine that `make` returns there. The coroutine itself need not be `Send`.
    /// asyncio's `run_coroutine_threadsafe`.
    ///
    /// # Errors
    /// [`LoopError::Closed`].
    ///
    /// ```
    /// use glassloop::{EventLoop, get_running_loop, sleep};
    /// use std::time::Duration;
    ///
    /// let event_loop = EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let thread = std::thread::spawn(move || {
    ///     let task = handle.run_coroutine_threadsafe(|| async {
    ///         sleep(Duration::from_millis(1)).await;
    ///         "from the loop"
    ///     });
    ///     let answer = task.unwrap().result().unwrap();
    ///     handle.call_soon_threadsafe(|| get_running_loop().unwrap().stop()).unwrap();
    ///     answer
    /// });
    /// event_loop.run_forever()?;
    /// assert_eq!(thread.join().unwrap(), "from the loop");
    /// # Ok::<(), glassloop::LoopError>(())
    /// ```
    #[track_caller]
    pub fn run_coroutine_threadsafe<M, F>(
        &self,
        make: M,
    ) -> Result<RemoteTask<F::Output>, LoopError>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send,
    {
        let (sender, receiver) = mpsc::channel();
        let number = Arc::new(AtomicU64::new(0));
        let started = number.clone();
        self.call_soon_threadsafe(move || {
            let task = create_task(make());
            started.store(task.as_any().number(), Ordering::Release);
            task.add_done_callback(move |task| {
                // A receiver that is gone does not want the result.
                let _ = sender.send(task.take_outcome());
            });
        })?;
        Ok(RemoteTask {
            receiver,
            number,
            handle: self.clone(),
        })
    }
}

impl fmt::Debug for LoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<LoopHandle of loop {}>", self.id)
    }
}

/// A task that another thread started: what `run_coroutine_threadsafe` returns. Dropping it detaches.
///
/// asyncio returns a `concurrent.futures.Future`.
pub struct RemoteTask<T> {
    receiver: Receiver<Result<T, TaskError>>,
    /// 0 until the task was made.
    number: Arc<AtomicU64>,
    handle: LoopHandle,
}

impl<T> RemoteTask<T> {
    /// Blocks until the task is done. Not to be called in the loop's own thread, which would then wait for itself.
    /// `concurrent.futures.Future.result`.
    ///
    /// # Errors
    /// [`TaskError`] as for any task; a loop that was closed meanwhile has cancelled it.
    pub fn result(self) -> Result<T, TaskError> {
        self.receiver.recv().unwrap_or(Err(TaskError::Cancelled))
    }

    /// The same for so long at most: [`TaskError::NotDone`] after that. `concurrent.futures.Future.result(timeout)`.
    ///
    /// # Errors
    /// As [`result`](RemoteTask::result).
    pub fn result_timeout(&self, limit: Duration) -> Result<T, TaskError> {
        match self.receiver.recv_timeout(limit) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => Err(TaskError::NotDone),
            Err(RecvTimeoutError::Disconnected) => Err(TaskError::Cancelled),
        }
    }

    /// Has the loop cancel the task. `concurrent.futures.Future.cancel`.
    ///
    /// # Errors
    /// [`LoopError::Closed`].
    pub fn cancel(&self) -> Result<(), LoopError> {
        let number = self.number.clone();
        self.handle.call_soon_threadsafe(move || {
            let number = number.load(Ordering::Acquire);
            if let Some(task) = all_tasks().iter().find(|task| task.number() == number) {
                task.cancel();
            }
        })
    }
}

shown_as! { RemoteTask<T> => "<RemoteTask>" }
