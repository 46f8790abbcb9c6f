//! The watchdog of debug mode: a thread that notices a step while it blocks the loop, and a warning when it has ended.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::LoopError;
use crate::observe::Site;
use crate::report;

/// So many times a task may wake itself in a row before there is a warning.
pub(crate) const MOST_SPINS: u32 = 10_000;

/// asyncio's `slow_callback_duration`.
const SLOW: Duration = Duration::from_millis(100);

/// What the loop does now.
struct Running {
    what: String,
    site: Site,
    since: Instant,
    /// When it is to be reported next.
    report_after: Duration,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    closing: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A loop's watchdog. Its thread ends when it is dropped.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
    limit: Duration,
    thread: Option<JoinHandle<()>>,
    /// The task that woke itself last, and how many times in a row.
    spinning: Cell<(u64, u32)>,
}

/// The limit that `GLASSLOOP_DEBUG` asks for.
pub(crate) fn limit_of_environment() -> Option<Duration> {
    let on =
        std::env::var_os("GLASSLOOP_DEBUG").is_some_and(|value| !value.is_empty() && value != "0");
    on.then_some(SLOW)
}

impl Watchdog {
    pub(crate) fn start(limit: Duration) -> Result<Watchdog, LoopError> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let watched = shared.clone();
        let thread = thread::Builder::new().name("glassloop watchdog".to_owned());
        let thread = thread.spawn(move || watch(&watched, limit))?;
        Ok(Watchdog {
            shared,
            limit,
            thread: Some(thread),
            spinning: Cell::default(),
        })
    }

    /// A step of a task or a callback begins.
    pub(crate) fn begin(&self, what: String, site: Site) {
        self.shared.lock().running = Some(Running {
            what,
            site,
            since: Instant::now(),
            report_after: self.limit,
        });
    }

    /// A task's step has left it pending, in the ready queue or not. Whether it has now woken itself for too long.
    pub(crate) fn spins(&self, task: u64, queued: bool) -> bool {
        let (last, times) = self.spinning.get();
        let times = if last == task { times + 1 } else { 1 };
        match queued {
            true => self.spinning.set((task, times)),
            false if last == task => self.spinning.set((0, 0)),
            false => {}
        }
        queued && times == MOST_SPINS
    }

    /// It has ended; how long it took, if that was too long.
    pub(crate) fn end(&self) -> Option<Duration> {
        let running = self.shared.lock().running.take()?;
        Some(running.since.elapsed()).filter(|took| *took >= self.limit)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It does nothing that could panic but log.
            let _ = thread.join();
        }
    }
}

fn watch(shared: &Shared, limit: Duration) {
    // Looking four times as often as needed finds a slow step soon after it has become one.
    let pause = (limit / 4).clamp(Duration::from_millis(1), Duration::from_secs(1));
    let mut state = shared.lock();
    while !state.closing {
        if let Some(running) = &mut state.running {
            let blocked = running.since.elapsed();
            if blocked >= running.report_after {
                report::warning!(
                    "{} (created at {}) has blocked the loop for {:.3} seconds and still does: nothing else can run",
                    running.what,
                    running.site,
                    blocked.as_secs_f64(),
                );
                // Less and less often: twice as long until the next time.
                running.report_after = 2 * blocked;
            }
        }
        let waited = shared.changed.wait_timeout(state, pause);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}
