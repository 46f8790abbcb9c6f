//! Blocking work, out of the loop's way: jobs in the thread pool that a task can await.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::core::Core;
use crate::current;
use crate::error::{Panic, TaskError};
use crate::inbox::Letter;
use crate::observe::{Event, Site};
use crate::pool::ThreadPool;
use crate::text::shown_as;
use crate::wait_on::WaitOn;

/// Where a job leaves its result, and whom it wakes.
struct Slot<T> {
    outcome: Option<Result<T, TaskError>>,
    waker: Option<Waker>,
    /// Nobody wants the result any more: a job that has not begun need not.
    abandoned: bool,
}

type SharedSlot<T> = Arc<Mutex<Slot<T>>>;

fn lock<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A job in the thread pool; awaiting it gives `Result<T, TaskError>`, an error when the job panicked.
///
/// Dropping it, as a cancellation does, prevents a job that has not begun. One that runs cannot be stopped: it runs on,
/// and its result is thrown away. asyncio's `run_in_executor` future.
#[must_use = "a job of `to_thread` begins only when it is awaited"]
pub struct Offload<T> {
    /// Not submitted yet.
    job: Option<Box<dyn FnOnce() -> T + Send>>,
    slot: SharedSlot<T>,
    /// The job's number, 0 before it is submitted.
    number: u64,
    /// Another pool than the loop's.
    pool: Option<&'static ThreadPool>,
    site: Site,
}

/// Runs a blocking function in the thread pool while the loop goes on: `let text = to_thread(|| read()).await?`.
///
/// The job is submitted by the first poll. The pool has up to `min(32, cpu_count() + 4)` threads, as asyncio's default
/// executor; more jobs wait for their turn. asyncio's `to_thread`.
///
/// # Panics
/// When awaited without a running loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::to_thread;
///
/// let sum = to_thread(|| (1..=10).sum::<u32>()).await.unwrap();
/// assert_eq!(sum, 55);
/// # }).unwrap();
/// ```
#[track_caller]
pub fn to_thread<T, F>(job: F) -> Offload<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    to_thread_at(job, Location::caller())
}

/// For a job on behalf of a caller at `site`.
pub(crate) fn to_thread_at<T, F>(job: F, site: Site) -> Offload<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Offload {
        job: Some(Box::new(job)),
        slot: Arc::new(Mutex::new(Slot {
            outcome: None,
            waker: None,
            abandoned: false,
        })),
        number: 0,
        pool: None,
        site,
    }
}

/// As [`to_thread`], in a pool that outlives the loop: nobody waits for its jobs at the end.
#[track_caller]
pub(crate) fn to_thread_of<T, F>(pool: &'static ThreadPool, job: F) -> Offload<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let mut offload = to_thread(job);
    offload.pool = Some(pool);
    offload
}

/// For a job that is to begin now.
pub(crate) fn submit<T, F>(core: &Rc<Core>, job: F, site: Site) -> Offload<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let mut offload = to_thread_at(job, site);
    if let Err(error) = offload.submit(core) {
        let payload = format!("the thread pool refused the job: {error}");
        lock(&offload.slot).outcome = Some(Err(TaskError::Panicked(Panic::new(Box::new(payload)))));
    }
    offload
}

impl<T: Send + 'static> Offload<T> {
    fn submit(&mut self, core: &Rc<Core>) -> io::Result<()> {
        let Some(job) = self.job.take() else {
            return Ok(());
        };
        let number = core.next_number();
        self.number = number;
        let threads = core.observer().and_then(|observer| observer.for_threads());
        let (slot, inbox) = (self.slot.clone(), core.inbox.clone());
        let pool = self.pool.unwrap_or(&core.pool);
        let site = self.site;
        // Told first: a thread may have begun with it, and even ended the process, before `submit` returns.
        core.observe(|| Event::Offload { job: number, site });
        pool.submit(Box::new(move || {
            if !lock(&slot).abandoned {
                if let Some(threads) = &threads {
                    threads.event(&Event::OffloadRun { job: number });
                }
                let outcome = catch_unwind(AssertUnwindSafe(job))
                    .map_err(|payload| TaskError::Panicked(Panic::new(payload)));
                if let Some(threads) = &threads {
                    threads.event(&Event::OffloadEnd { job: number });
                }
                lock(&slot).outcome = Some(outcome);
            }
            let waker = lock(&slot).waker.take();
            // A loop that was closed meanwhile does not want to know.
            let _ = inbox.post(Letter::JobDone(number, waker));
        }))
        .inspect_err(|_| core.observe(|| Event::OffloadDone { job: number }))?;
        core.jobs.set(core.jobs.get() + 1);
        Ok(())
    }
}

impl<T: Send + 'static> Future for Offload<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let core = current::expect();
        if let Err(error) = this.submit(&core) {
            let payload = format!("the thread pool refused the job: {error}");
            return Poll::Ready(Err(TaskError::Panicked(Panic::new(Box::new(payload)))));
        }
        let mut slot = lock(&this.slot);
        if let Some(outcome) = slot.outcome.take() {
            return Poll::Ready(outcome);
        }
        slot.waker = Some(context.waker().clone());
        core.note_wait(|| WaitOn::Thread(this.number), Some(this.site));
        Poll::Pending
    }
}

impl<T> Drop for Offload<T> {
    fn drop(&mut self) {
        lock(&self.slot).abandoned = true;
    }
}

shown_as! { Offload<T> => "<to_thread>" }
