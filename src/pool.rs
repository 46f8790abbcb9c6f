//! A bounded thread pool for blocking jobs. Knows nothing of the loop; threads are started as they are needed.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    /// Threads that wait for a job.
    idle: usize,
    started: usize,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Jobs have come, or the pool was closed.
    job_ready: Condvar,
    thread_ended: Condvar,
}

/// A thread pool at one moment.
#[derive(Clone, Copy)]
pub(crate) struct PoolState {
    pub(crate) threads: usize,
    /// Threads that wait for a job.
    pub(crate) idle: usize,
    pub(crate) queued: usize,
}

pub(crate) struct ThreadPool {
    shared: Arc<Shared>,
    most: usize,
}

impl ThreadPool {
    /// asyncio's default size: four more than there are processors, 32 at most.
    pub(crate) fn new() -> ThreadPool {
        ThreadPool::of((cpu_count() + 4).min(32))
    }

    /// A pool of up to so many threads.
    pub(crate) fn of(most: usize) -> ThreadPool {
        ThreadPool {
            shared: Arc::default(),
            most,
        }
    }

    /// Queues a job, which must not panic. An error when not even one thread can be started.
    pub(crate) fn submit(&self, job: Job) -> io::Result<()> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(io::Error::other("the thread pool has been shut down"));
        }
        if state.queue.len() >= state.idle && state.threads < self.most {
            let shared = self.shared.clone();
            let name = format!("glassloop_{}", state.started);
            let started = thread::Builder::new()
                .name(name)
                .spawn(move || shared.work());
            match started {
                Ok(_) => {
                    state.threads += 1;
                    state.started += 1;
                }
                Err(error) if state.threads == 0 => return Err(error),
                // The threads that there are will come to it.
                Err(_) => {}
            }
        }
        state.queue.push_back(job);
        drop(state);
        self.shared.job_ready.notify_one();
        Ok(())
    }

    /// What the inspector shows of it.
    pub(crate) fn state(&self) -> PoolState {
        let state = self.shared.lock();
        PoolState {
            threads: state.threads,
            idle: state.idle,
            queued: state.queue.len(),
        }
    }

    /// Takes no more jobs. Those that it has are still run, and nobody waits for them.
    pub(crate) fn shut_down(&self) {
        self.shared.lock().closed = true;
        self.shared.job_ready.notify_all();
    }

    /// Shuts down and waits until all threads have ended; false when that took longer than `limit`.
    pub(crate) fn join(&self, limit: Duration) -> bool {
        self.shut_down();
        let deadline = Instant::now() + limit;
        let mut state = self.shared.lock();
        while state.threads > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.shared.thread_ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Shared {
    /// No code of ours can panic while it holds the lock, so a poisoned one is as good as new.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a thread.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                job();
                state = self.lock();
            } else if state.closed {
                break;
            } else {
                state.idle += 1;
                state = self
                    .job_ready
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
        state.threads -= 1;
        self.thread_ended.notify_all();
    }
}

/// How many processors this process may use, 1 if that cannot be found out (Python's `os.process_cpu_count`).
/// Python's `os.cpu_count`.
pub fn cpu_count() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, mpsc};

    #[test]
    fn it_runs_every_job_and_never_more_threads_than_its_bound() {
        let pool = ThreadPool::new();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (done, results) = mpsc::channel();
        let together = Arc::new((Barrier::new(pool.most), pool.most));
        for i in 0..200 {
            let (running, most, done) = (running.clone(), most.clone(), done.clone());
            let together = together.clone();
            let job = move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                if i < together.1 {
                    together.0.wait(); // as many jobs as there may be threads are at it at once
                }
                running.fetch_sub(1, Ordering::SeqCst);
                done.send(i).unwrap();
            };
            pool.submit(Box::new(job)).unwrap();
        }
        assert!(pool.join(Duration::from_secs(60)));
        drop(done);
        let mut results: Vec<usize> = results.iter().collect();
        results.sort();
        assert_eq!(results, (0..200).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), pool.most);
    }

    #[test]
    fn it_refuses_jobs_after_the_shutdown() {
        let pool = ThreadPool::new();
        pool.shut_down();
        assert!(pool.submit(Box::new(|| ())).is_err());
        assert!(pool.join(Duration::ZERO));
    }
}
