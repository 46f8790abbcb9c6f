//! The loop's window: an [`Observer`] is told of everything that the loop does, in order.
//!
//! The lowest layer. Without an observer each site costs one predictable branch. Ready queue, timers and interests are not
//! reported as such: they follow from the events, and a replay of the events that disagrees has found a bug in the loop.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A place in the source: of an `.await`, or of the call that made a task.
pub type Site = &'static Location<'static>;

/// Why something became ready to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Code outside the loop: before it ran, or between two runs.
    Outside,
    /// The step of this task (its number, as in `Task-3`).
    Task(u64),
    /// The callback with this number.
    Callback(u64),
    /// This timer fell due.
    Timer(u64),
    /// The kernel reported this source ready.
    Io(u32),
    /// Another thread woke it.
    Thread,
    /// It was cancelled.
    Cancel,
}

/// What a suspended task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitKind {
    /// A bare yield: it runs again in the next turn.
    Yield,
    /// The timer with this number, due at this time of the loop's clock.
    Timer(u64, Duration),
    /// Data to read from this source, whose file descriptor follows.
    Readable(u32, i32),
    /// Room to write to this source, whose file descriptor follows.
    Writable(u32, i32),
    /// The task with this number.
    Task(u64),
    /// A promise.
    Promise,
    /// Several tasks or promises at once.
    Several {
        /// By what.
        combinator: Combinator,
        /// So many of them are done.
        done: u32,
        /// So many there are.
        all: u32,
    },
    /// A lock, queue, event or the like.
    Sync(&'static str),
    /// The job with this number, in the thread pool.
    Thread(u64),
}

/// What waits for several tasks or promises at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Combinator {
    /// [`gather`](crate::gather) and [`try_gather`](crate::try_gather).
    Gather,
    /// [`wait`](crate::wait) and [`try_wait`](crate::try_wait).
    Wait,
    /// [`as_completed`](crate::as_completed).
    AsCompleted,
    /// The end of the block of a [`TaskGroup`](crate::TaskGroup).
    TaskGroup,
}

impl Combinator {
    /// It waits for `all`, of which `left` are not done.
    pub(crate) fn waits(self, left: usize, all: usize) -> WaitKind {
        WaitKind::Several {
            combinator: self,
            done: (all - left) as u32,
            all: all as u32,
        }
    }
}

impl fmt::Display for Combinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Combinator::Gather => "gather",
            Combinator::Wait => "wait",
            Combinator::AsCompleted => "as_completed",
            Combinator::TaskGroup => "TaskGroup",
        })
    }
}

impl fmt::Display for WaitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitKind::Yield => f.write_str("its next turn"),
            WaitKind::Timer(_, Duration::MAX) => f.write_str("sleep until never"),
            WaitKind::Timer(_, due) => write!(f, "sleep until {:.3} s", due.as_secs_f64()),
            WaitKind::Readable(_, fd) => write!(f, "fd {fd} readable"),
            WaitKind::Writable(_, fd) => write!(f, "fd {fd} writable"),
            WaitKind::Task(number) => write!(f, "Task-{number}"),
            WaitKind::Promise => f.write_str("Promise"),
            WaitKind::Several {
                combinator,
                done,
                all,
            } => write!(f, "{combinator} {done}/{all}"),
            WaitKind::Sync(what) => f.write_str(what),
            WaitKind::Thread(_) => f.write_str("a thread job"),
        }
    }
}

/// How a task's step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// The task waits.
    Pending,
    /// The coroutine returned.
    Finished,
    /// The coroutine was cancelled.
    Cancelled,
    /// The coroutine panicked.
    Panicked,
    /// The loop was closed over it: no step, yet the end of the task.
    Destroyed,
}

/// Why the loop may sleep in the kernel for as long as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PollReason {
    /// Not at all: something is ready.
    Ready,
    /// Until this timer is due; 0 for one that was cancelled, which the loop has not looked for.
    Timer(u64),
    /// For ever: there is nothing that the loop could do by itself.
    Nothing,
    /// Not at all: it was asked to stop.
    Stopping,
    /// Not at all: another thread has posted something.
    Mail,
    /// For ever, in virtual time: a thread or a socket is outstanding, and they live in real time.
    Outstanding,
}

/// One thing that happened in the loop. Tasks, timers and callbacks are named by their numbers, which are never used again;
/// sources by their slot, which is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The loop was made.
    Open {
        /// When its clock stood at zero.
        origin: Instant,
        /// Its time is virtual: [`Jump`](Event::Jump) tells when it moves.
        virtual_time: bool,
        /// What is ready runs in a random order.
        shuffled: bool,
    },
    /// The loop runs (again); what happened since the last event was not its doing.
    Enter,
    /// The loop's virtual clock was moved on.
    Jump {
        /// Its time now.
        now: Duration,
    },
    /// The loop was closed: the last event.
    Close,
    /// A turn begins with so many items ready.
    Turn {
        /// Its number, from 1.
        number: u64,
        /// Items in the ready queue.
        ready: usize,
        /// Live timers.
        timers: usize,
    },
    /// The loop asks the kernel and may sleep this long (`None`: until something happens).
    PollEnter {
        /// The longest sleep.
        timeout: Option<Duration>,
        /// Why as long as that.
        why: PollReason,
    },
    /// The kernel answered.
    PollExit {
        /// Readiness events that it reported.
        events: usize,
        /// A signal came while the loop slept, and ended the sleep.
        interrupted: bool,
    },
    /// The kernel reported a source ready.
    IoEvent {
        /// The source.
        source: u32,
        /// There is something to read, or the end of the stream.
        readable: bool,
        /// There is room to write, or the connection is gone.
        writable: bool,
        /// The peer has closed its side.
        closed: bool,
        /// There is an error, which the next operation reports.
        error: bool,
    },
    /// A timer was set.
    TimerSet {
        /// The timer.
        timer: u64,
        /// When it is due, on the loop's clock.
        deadline: Duration,
    },
    /// A timer was cancelled before it fell due.
    TimerCancel {
        /// The timer.
        timer: u64,
    },
    /// A timer fell due and entered the ready queue.
    TimerFire {
        /// The timer.
        timer: u64,
        /// How late.
        late: Duration,
    },
    /// A task was created.
    TaskSpawn {
        /// The task.
        task: u64,
        /// The task that created it.
        parent: Option<u64>,
        /// The coroutine's name.
        coro: &'a str,
        /// Where it was created.
        site: Site,
    },
    /// A task was given a name.
    TaskName {
        /// The task.
        task: u64,
        /// Its name from now on.
        name: &'a str,
    },
    /// A task entered the ready queue.
    Ready {
        /// The task.
        task: u64,
        /// Why.
        cause: Cause,
    },
    /// A wake of a task that is in the ready queue already.
    WakeAgain {
        /// The task.
        task: u64,
        /// Who woke it.
        cause: Cause,
    },
    /// A task is given the pen.
    StepBegin {
        /// The task.
        task: u64,
    },
    /// A task gives the pen back.
    StepEnd {
        /// The task.
        task: u64,
        /// In what state.
        end: StepEnd,
    },
    /// The running task is about to wait.
    Wait {
        /// The task.
        task: u64,
        /// What for.
        kind: WaitKind,
        /// Where its `.await` stands.
        site: Option<Site>,
    },
    /// Of the [`Several`](WaitKind::Several) that a suspended task waits for, one more is done, and it waits on.
    WaitProgress {
        /// The task.
        task: u64,
        /// So many of them are done.
        done: u32,
        /// So many there are.
        all: u32,
    },
    /// A source was registered with the kernel.
    IoRegister {
        /// The source.
        source: u32,
        /// Its file descriptor, where there is such a thing.
        fd: i32,
    },
    /// A source was taken from the kernel's list.
    IoDeregister {
        /// The source.
        source: u32,
    },
    /// A callback was scheduled.
    CallbackAdd {
        /// The callback.
        callback: u64,
        /// The timer that will run it, for `call_later` and `call_at`.
        timer: Option<u64>,
        /// Where it was scheduled.
        site: Site,
    },
    /// A callback is about to run.
    CallbackRun {
        /// The callback.
        callback: u64,
    },
    /// A callback has run.
    CallbackEnd {
        /// The callback.
        callback: u64,
        /// It panicked.
        panicked: bool,
    },
    /// A promise is fulfilled by whoever runs: by its `set_result`, or since what it shields is done. Whom that wakes follows.
    PromiseDone {
        /// Where.
        site: Site,
    },
    /// A cancellation of this task was asked for.
    CancelRequest {
        /// The task.
        task: u64,
        /// The task that asks for it.
        by: Option<u64>,
    },
    /// The outcome of a task, a panic, was dropped unseen.
    ResultLost {
        /// The task.
        task: u64,
    },
    /// A job went to the thread pool.
    Offload {
        /// The job.
        job: u64,
        /// Where it was handed over.
        site: Site,
    },
    /// In a thread of the pool: the job begins. Told to the [`ThreadObserver`].
    OffloadRun {
        /// The job.
        job: u64,
    },
    /// In the same thread: the job has ended.
    OffloadEnd {
        /// The job.
        job: u64,
    },
    /// The thread pool gave a job's result back.
    OffloadDone {
        /// The job.
        job: u64,
    },
    /// Code that blocks its thread begins; see [`trace::blocking`](crate::trace::blocking).
    BlockBegin {
        /// What it does.
        what: &'a str,
        /// Where it does so.
        site: Site,
    },
    /// The code that blocks has ended.
    BlockEnd,
    /// A note of the program's own; see [`trace::mark`](crate::trace::mark).
    Mark {
        /// What it says.
        text: &'a str,
        /// A number that goes with it.
        value: u64,
    },
    /// The length of a [`Queue`](crate::sync::Queue) has changed.
    Queue {
        /// The queue. It gets its number when it is told of first.
        queue: u64,
        /// Items in it.
        length: usize,
        /// As many as it takes; 0 for any number.
        capacity: usize,
    },
}

static OBSERVED: AtomicBool = AtomicBool::new(false);

/// A loop has an observer: to be called before it does anything.
pub(crate) fn note_observer() {
    OBSERVED.store(true, Ordering::Relaxed);
}

/// Whether any loop of this process has had an observer. What has not its loop at hand asks this first: looking for the loop
/// costs more.
#[inline]
pub(crate) fn is_observed() -> bool {
    OBSERVED.load(Ordering::Relaxed)
}

/// Told of everything that the loop does.
///
/// It is called in the middle of the loop's work: it must not call back into the loop, and it should be quick.
pub trait Observer {
    /// Something happened at this moment.
    fn event(&self, event: &Event<'_>);

    /// Whom the loop's helpers in other threads tell what they do, if anybody.
    fn for_threads(&self) -> Option<Arc<dyn ThreadObserver>> {
        None
    }
}

/// Told, from other threads, of what happens there for a loop.
pub trait ThreadObserver: Send + Sync {
    /// Something happened at this moment, in the calling thread.
    fn event(&self, event: &Event<'_>);
}
