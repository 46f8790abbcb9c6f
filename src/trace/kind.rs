//! The kinds of a trace's records, in the order of their numbers.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The kind of a record in a trace, and what its numbers mean: those that are not named are 0. Places and texts are numbers
        /// in the lists of the [`Trace`](super::Trace); sources go by slots, which are used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Kind {
            $(#[doc = concat!("`", $text, "`.")] $(#[$doc])* $name,)*
        }

        impl Kind {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// Its name in the compact trace.
            pub fn name(self) -> &'static str {
                match self {
                    $(Kind::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// The loop was made. `a`: process id, `b`: processors; flags: 1 virtual time, 2 shuffled.
    RunBegin = "RUN_BEGIN",
    /// The loop was closed.
    RunEnd = "RUN_END",
    /// A turn begins. `a`: its number, `b`: items that are ready, `c`: timers; flags: jobs in the thread pool, 255 for more.
    Turn = "TURN",
    /// The loop asks the kernel. `a`, `b`: the longest sleep in nanoseconds, all ones for ever ([`wide_ab`](super::Record::wide_ab)), `c`: the
    /// timer that it sleeps for; flags: [`why`].
    PollEnter = "POLL_ENTER",
    /// The kernel has answered. `a`: how many events; flags: 1 a signal ended the sleep.
    PollExit = "POLL_EXIT",
    /// A source is ready. `a`: the source, `b`: its descriptor; flags: of [`io`].
    IoEvent = "IO_EVENT",
    /// A timer is set. `a`: the timer, `b`, `c`: when it is due ([`wide_bc`](super::Record::wide_bc)).
    TimerSet = "TIMER_SET",
    /// A timer is cancelled. `a`: the timer.
    TimerCancel = "TIMER_CANCEL",
    /// A timer is due, and enters the ready queue. `a`: the timer, `b`: microseconds late.
    TimerFire = "TIMER_FIRE",
    /// A task is made. `a`: the task, `b`: the task that makes it, `c`: the place.
    TaskSpawn = "TASK_SPAWN",
    /// A task has a name. `a`: the task, `b`: the text, `c`: the name of its coroutine, 0 if that is known.
    TaskName = "TASK_NAME",
    /// A task enters the ready queue. `a`: the task, `b`: who did it: a task, callback, timer or source; flags: [`cause`].
    Ready = "READY",
    /// A task that is ready is woken again: as `READY`.
    WakeDup = "WAKE_DUP",
    /// A task has the pen. `a`: the task, `b`: the number of its step.
    StepBegin = "STEP_BEGIN",
    /// A task gives the pen back. `a`: the task, `b`: how often it has said what it waits for; flags: [`end`].
    StepEnd = "STEP_END",
    /// The running task is about to wait. `a`: the task, `b`: what for: a timer, source, task or job, `c`: the place of the
    /// `.await`; flags: [`wait`].
    Wait = "WAIT",
    /// More of the `WAIT` before it. `a`: the task, `b`: a text, `c`: the descriptor.
    WaitDetail = "WAIT_DETAIL",
    /// How many of the several that a task waits for are done. `a`: the task, `b`: so many, `c`: of so many.
    WaitProgress = "WAIT_PROGRESS",
    /// A source is put on the kernel's list. `a`: the source, `b`: its descriptor.
    IoReg = "IO_REG",
    /// A source is taken off it. `a`: the source.
    IoDereg = "IO_DEREG",
    /// A callback is scheduled. `a`: the callback, `b`: the timer that will run it, `c`: the place; flags: 1 by a timer.
    CbAdd = "CB_ADD",
    /// A callback has the pen. `a`: the callback.
    CbRun = "CB_RUN",
    /// A callback has run. `a`: the callback; flags: 1 it panicked.
    CbEnd = "CB_END",
    /// A promise is fulfilled; whom that wakes follows. `a`: the task that does it, 0 for a callback or code outside the loop, `c`: the
    /// place.
    FutDone = "FUT_DONE",
    /// A task is asked to cancel. `a`: the task, `b`: the task that asks.
    CancelReq = "CANCEL_REQ",
    /// The panic of a task was dropped unseen. `a`: the task.
    ResultLost = "RESULT_LOST",
    /// Blocking code begins. `a`: the place, `b`: a text, `c`: the task.
    BlockBegin = "BLOCK_BEGIN",
    /// Blocking code has ended.
    BlockEnd = "BLOCK_END",
    /// A thread is started. `a`: its name, `b`: the track of who started it, `c`: the place.
    ThreadBegin = "THREAD_BEGIN",
    /// A thread has ended.
    ThreadEnd = "THREAD_END",
    /// A thread waits for another one. `a`: that one's track, `c`: the place.
    JoinBegin = "JOIN_BEGIN",
    /// ... and has joined it: as `JOIN_BEGIN`.
    JoinEnd = "JOIN_END",
    /// A job goes to the thread pool. `a`: the job, `b`: the task, `c`: the place.
    Offload = "OFFLOAD",
    /// A thread of the pool begins a job. `a`: the job.
    OffloadRun = "OFFLOAD_RUN",
    /// The loop hears that a job is done. `a`: the job, `b`: the task.
    OffloadDone = "OFFLOAD_DONE",
    /// A child process begins. `a`: its id, `b`: its number in the pool, `c`: the place.
    ProcBegin = "PROC_BEGIN",
    /// A child process has ended.
    ProcEnd = "PROC_END",
    /// It is given work. `a`: the number of the chunk, `b`: its first item, `c`: how many items.
    ChunkBegin = "CHUNK_BEGIN",
    /// It has done its work. `a`: the number of the chunk.
    ChunkEnd = "CHUNK_END",
    /// The length of a queue has changed. `a`: the queue, `b`: its length, `c`: its room, 0 for any; flags: 1 full, 2 empty.
    Queue = "QUEUE",
    /// A note of the program's own. `a`: the text, `b`, `c`: the number ([`wide_bc`](super::Record::wide_bc)).
    Mark = "MARK",
    /// What stands here when the beginning was lost: `a` records follow that lead from nothing to what was so then.
    Snap = "SNAP",
    /// `a` records before this one were lost.
    Dropped = "DROPPED",
    /// What was recorded ends here, and something had not ended: this is the time of the dump, or of the program's end. `a`: the task
    /// or callback that has the pen, and so far has not given it back; flags: [`cut`].
    Cut = "CUT",
}

impl Kind {
    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(number)).copied()
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// `IO_EVENT`: what the kernel says, any of these together.
pub mod io {
    /// There is something to read.
    pub const READABLE: u8 = 1;
    /// There is room to write.
    pub const WRITABLE: u8 = 2;
    /// The peer has closed its side.
    pub const CLOSED: u8 = 4;
    /// There is an error, which the next operation reports.
    pub const ERROR: u8 = 8;

    /// What it says of the peer in words, if anything: `closed`, `error`.
    pub(crate) fn of_peer(flags: u8) -> Vec<&'static str> {
        let all = [(CLOSED, "closed"), (ERROR, "error")];
        let said = all.into_iter().filter(|(bit, _)| flags & bit != 0);
        said.map(|(_, word)| word).collect()
    }
}

/// `READY`, `WAKE_DUP`: who did it.
pub mod cause {
    /// Code outside the loop.
    pub const OUTSIDE: u8 = 0;
    /// The step of a task, `b`.
    pub const TASK: u8 = 1;
    /// A callback, `b`.
    pub const CALLBACK: u8 = 2;
    /// A timer, `b`, was due.
    pub const TIMER: u8 = 3;
    /// The kernel reported a source, `b`.
    pub const IO: u8 = 4;
    /// Another thread.
    pub const THREAD: u8 = 5;
    /// It is to be cancelled; by the task `b`, if any.
    pub const CANCEL: u8 = 6;
    /// It was made: its first step.
    pub const SPAWN: u8 = 7;
    /// It let the others run first.
    pub const YIELD: u8 = 8;
}

/// `WAIT`: what for.
pub mod wait {
    /// Its next turn.
    pub const YIELD: u8 = 0;
    /// A timer.
    pub const TIMER: u8 = 1;
    /// Something to read.
    pub const READABLE: u8 = 2;
    /// Room to write.
    pub const WRITABLE: u8 = 3;
    /// Another task.
    pub const TASK: u8 = 4;
    /// A promise, or several things at once.
    pub const PROMISE: u8 = 5;
    /// A lock, queue or the like.
    pub const SYNC: u8 = 6;
    /// A job in the thread pool.
    pub const JOB: u8 = 7;
    /// Something else.
    pub const OTHER: u8 = 8;
}

/// `STEP_END`: how.
pub mod end {
    /// It waits.
    pub const PENDING: u8 = 0;
    /// The coroutine returned.
    pub const FINISHED: u8 = 1;
    /// The coroutine was cancelled.
    pub const CANCELLED: u8 = 2;
    /// The coroutine panicked.
    pub const PANICKED: u8 = 3;
    /// The loop was closed over it.
    pub const DESTROYED: u8 = 4;
}

/// `CUT`: what the loop was at.
pub mod cut {
    /// Nobody had the pen: the loop slept, or was between two steps.
    pub const NOBODY: u8 = 0;
    /// The step of a task still ran.
    pub const STEP: u8 = 1;
    /// A callback still ran.
    pub const CALLBACK: u8 = 2;
}

/// `POLL_ENTER`: why the loop may sleep for so long.
pub mod why {
    /// Not at all: something is ready.
    pub const READY: u8 = 0;
    /// Until a timer is due.
    pub const TIMER: u8 = 1;
    /// For ever: there is nothing that the loop could do by itself.
    pub const NOTHING: u8 = 2;
    /// Not at all: it was asked to stop.
    pub const STOPPING: u8 = 3;
    /// Not at all: another thread has posted something.
    pub const MAIL: u8 = 4;
    /// For ever, in virtual time: a thread or a socket is outstanding.
    pub const OUTSTANDING: u8 = 5;
}
