//! The kinds of a trace's records, in the order of their numbers. The format is described in `evt_json`.

macro_rules! kinds {
    ($($name:ident = $text:literal,)*) => {
        /// The kind of a record in a trace.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Kind {
            $(#[doc = concat!("`", $text, "`")] $name,)*
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
    RunBegin = "RUN_BEGIN",
    RunEnd = "RUN_END",
    Turn = "TURN",
    PollEnter = "POLL_ENTER",
    PollExit = "POLL_EXIT",
    IoEvent = "IO_EVENT",
    TimerSet = "TIMER_SET",
    TimerCancel = "TIMER_CANCEL",
    TimerFire = "TIMER_FIRE",
    TaskSpawn = "TASK_SPAWN",
    TaskName = "TASK_NAME",
    Ready = "READY",
    WakeDup = "WAKE_DUP",
    StepBegin = "STEP_BEGIN",
    StepEnd = "STEP_END",
    Wait = "WAIT",
    WaitDetail = "WAIT_DETAIL",
    WaitProgress = "WAIT_PROGRESS",
    IoReg = "IO_REG",
    IoDereg = "IO_DEREG",
    CbAdd = "CB_ADD",
    CbRun = "CB_RUN",
    CbEnd = "CB_END",
    CancelReq = "CANCEL_REQ",
    ResultLost = "RESULT_LOST",
    BlockBegin = "BLOCK_BEGIN",
    BlockEnd = "BLOCK_END",
    ThreadBegin = "THREAD_BEGIN",
    ThreadEnd = "THREAD_END",
    JoinBegin = "JOIN_BEGIN",
    JoinEnd = "JOIN_END",
    Offload = "OFFLOAD",
    OffloadRun = "OFFLOAD_RUN",
    OffloadDone = "OFFLOAD_DONE",
    ProcBegin = "PROC_BEGIN",
    ProcEnd = "PROC_END",
    ChunkBegin = "CHUNK_BEGIN",
    ChunkEnd = "CHUNK_END",
    Queue = "QUEUE",
    Mark = "MARK",
    Snap = "SNAP",
    Dropped = "DROPPED",
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

/// `READY`, `WAKE_DUP`: who did it.
pub mod cause {
    #![allow(missing_docs)]
    pub const OUTSIDE: u8 = 0;
    pub const TASK: u8 = 1;
    pub const CALLBACK: u8 = 2;
    pub const TIMER: u8 = 3;
    pub const IO: u8 = 4;
    pub const THREAD: u8 = 5;
    pub const CANCEL: u8 = 6;
    pub const SPAWN: u8 = 7;
    pub const YIELD: u8 = 8;
}

/// `WAIT`: what for.
pub mod wait {
    #![allow(missing_docs)]
    pub const YIELD: u8 = 0;
    pub const TIMER: u8 = 1;
    pub const READABLE: u8 = 2;
    pub const WRITABLE: u8 = 3;
    pub const TASK: u8 = 4;
    pub const PROMISE: u8 = 5;
    pub const SYNC: u8 = 6;
    pub const JOB: u8 = 7;
    pub const OTHER: u8 = 8;
}

/// `STEP_END`: how.
pub mod end {
    #![allow(missing_docs)]
    pub const PENDING: u8 = 0;
    pub const FINISHED: u8 = 1;
    pub const CANCELLED: u8 = 2;
    pub const PANICKED: u8 = 3;
    pub const DESTROYED: u8 = 4;
}

/// `POLL_ENTER`: why the loop may sleep for so long.
pub mod why {
    #![allow(missing_docs)]
    pub const READY: u8 = 0;
    pub const TIMER: u8 = 1;
    pub const NOTHING: u8 = 2;
    pub const STOPPING: u8 = 3;
    pub const MAIL: u8 = 4;
    pub const OUTSTANDING: u8 = 5;
}
