//! What is measured and how: CPU time, memory, allocations, and the outcome that a workload reports.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How large a run is: `population` is what a workload's cost may grow with (tasks, live timers, connections), `ops` how
/// many operations are timed.
#[derive(Clone, Copy)]
pub struct Size {
    pub population: u64,
    pub ops: u64,
}

/// What a run reports: its figure (lower is better) and what else is worth a column.
pub struct Outcome {
    pub figure: f64,
    pub extras: Vec<(&'static str, f64)>,
}

impl Outcome {
    pub fn new(figure: f64) -> Outcome {
        let extras = Vec::new();
        Outcome { figure, extras }
    }

    pub fn with(mut self, name: &'static str, value: f64) -> Outcome {
        self.extras.push((name, value));
        self
    }
}

/// Takes the time, and the CPU time of the whole process with its helper threads.
pub struct Meter {
    wall: Instant,
    cpu: Duration,
    user: Duration,
}

impl Meter {
    pub fn start() -> Meter {
        let (user, cpu, wall) = (user_time(), cpu_time(), Instant::now());
        Meter { wall, cpu, user }
    }

    pub fn wall(&self) -> Duration {
        self.wall.elapsed()
    }

    pub fn cpu(&self) -> Duration {
        cpu_time() - self.cpu
    }

    /// What of it was spent outside of the kernel, an operation. The kernel looks once a tick which side it is on, so a run
    /// of a second is good for a hundredth or two.
    pub fn user_ns(&self, ops: u64) -> f64 {
        (user_time() - self.user).as_nanos() as f64 / ops as f64
    }

    /// CPU nanoseconds an operation.
    pub fn cpu_ns(&self, ops: u64) -> f64 {
        self.cpu().as_nanos() as f64 / ops as f64
    }

    /// The usual outcome: CPU nanoseconds an operation.
    pub fn per(&self, ops: u64) -> Outcome {
        Outcome::new(self.cpu_ns(ops))
    }
}

/// The CPU time of this process.
pub fn cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a timespec of ours.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0, "no CPU clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The CPU time of this process outside of the kernel.
fn user_time() -> Duration {
    // SAFETY: a rusage may be zero, and the call only writes to the one given.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let failed = libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        assert_eq!(failed, 0, "no account of the CPU time");
        usage
    };
    let time = usage.ru_utime;
    Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000)
}

/// The resident memory of a process in bytes; `self` is this one.
pub fn resident(process: &str) -> u64 {
    let statm =
        std::fs::read_to_string(format!("/proc/{process}/statm")).expect("/proc is mounted");
    let pages = statm.split(' ').nth(1).and_then(|field| field.parse().ok());
    pages.unwrap_or(0u64) * 4096
}

/// Ends the program when the work was not done.
pub fn check<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) {
    assert!(got == expected, "{what}: {got:?}, not {expected:?}");
}

/// The allocator: the system's, which counts while it is told to.
pub struct Counting;

static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static ASKED: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);

/// What was allocated since [`Allocations::start`], by all threads.
pub struct Allocations;

impl Allocations {
    pub fn start() -> Allocations {
        CALLS.store(0, Relaxed);
        ASKED.store(0, Relaxed);
        LIVE.store(0, Relaxed);
        ON.store(true, Relaxed);
        Allocations
    }

    /// How often memory was asked for.
    pub fn calls(&self) -> u64 {
        CALLS.load(Relaxed)
    }

    /// How many bytes were asked for.
    pub fn bytes(&self) -> u64 {
        ASKED.load(Relaxed)
    }

    /// How many bytes were asked for and not given back.
    pub fn live(&self) -> i64 {
        LIVE.load(Relaxed)
    }
}

impl Drop for Allocations {
    fn drop(&mut self) {
        ON.store(false, Relaxed);
    }
}

fn count(calls: u64, asked: usize, freed: usize) {
    if ON.load(Relaxed) {
        CALLS.fetch_add(calls, Relaxed);
        ASKED.fetch_add(asked as u64, Relaxed);
        LIVE.fetch_add(asked as i64 - freed as i64, Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator unchanged; the counters do not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, 0, layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size, layout.size());
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(block, layout, size) }
    }
}
