//! What a suspended task waits for: the note that it leaves in the loop's table, for a cancellation to be forwarded to and for
//! whoever looks.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::header::{Ended, Request, Several, Waitable};
use crate::observe::{Site, WaitKind};

/// What a suspended task waits for, and at which line.
#[derive(Clone, Default)]
pub(crate) struct Wait {
    pub(crate) on: WaitOn,
    pub(crate) site: Option<Site>,
}

/// In 24 bytes, since there is one for every task.
#[derive(Clone, Default)]
pub(crate) enum WaitOn {
    /// A future that is not of this library, or nothing.
    #[default]
    Unknown,
    /// Something that itself can be asked to cancel.
    Object(Rc<dyn Waitable>),
    /// Several of these; a cancelled task just stops waiting.
    Several(Rc<dyn Several>),
    /// A place in a line, which can be asked to cancel.
    Place(Rc<dyn Line>, u32),
    /// From here on, things of which a cancelled task just stops waiting. Everybody else runs once.
    Yield,
    /// The timer with this number, due at this time of the loop's clock in nanoseconds; the greatest is never.
    Timer(u64, u64),
    /// See [`WaitKind`].
    Readable(u32, i32),
    Writable(u32, i32),
    Sync(&'static str),
    Thread(u64),
}

/// What is noted of what a task waits for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Note {
    /// Nothing, or nothing that still holds.
    #[default]
    Nothing,
    /// Plain data.
    Plain,
    /// Something that has to be dropped.
    Shared,
}

/// A line of tasks that wait for the same thing; each knows the number of its place.
pub(crate) trait Line {
    /// What is waited for, from this place; `None` when it was given up.
    fn wait_kind(&self, place: u32) -> Option<WaitKind>;

    /// `None` while the wait goes on.
    fn ended(&self, place: u32) -> Option<Ended>;

    /// Puts the place out of the running, if its wait goes on.
    fn cancel(&self, place: u32);

    /// Its form in `Debug`.
    fn describe(&self, kind: WaitKind, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// The numbers of the tasks that have what is waited for, where that can be said.
    fn tasks(&self) -> Vec<u64>;
}

impl WaitOn {
    #[inline]
    pub(crate) fn note(&self) -> Note {
        match self {
            WaitOn::Object(_) | WaitOn::Several(_) | WaitOn::Place(..) => Note::Shared,
            _ => Note::Plain,
        }
    }

    /// `None` for what is unknown.
    pub(crate) fn kind(&self) -> Option<WaitKind> {
        Some(match self {
            WaitOn::Unknown => return None,
            WaitOn::Object(object) => object.wait_kind(),
            WaitOn::Several(several) => several.wait_kind(),
            WaitOn::Place(line, place) => return line.wait_kind(*place),
            WaitOn::Yield => WaitKind::Yield,
            WaitOn::Timer(number, u64::MAX) => WaitKind::Timer(*number, Duration::MAX),
            WaitOn::Timer(number, due) => WaitKind::Timer(*number, Duration::from_nanos(*due)),
            WaitOn::Readable(source, fd) => WaitKind::Readable(*source, *fd),
            WaitOn::Writable(source, fd) => WaitKind::Writable(*source, *fd),
            WaitOn::Sync(kind) => WaitKind::Sync(kind),
            WaitOn::Thread(job) => WaitKind::Thread(*job),
        })
    }

    /// What a cancellation can be forwarded to.
    pub(crate) fn object(&self) -> Option<Rc<dyn Waitable>> {
        match self {
            WaitOn::Object(object) => Some(object.clone()),
            WaitOn::Place(line, place) => {
                let (line, kind) = (line.clone(), line.wait_kind(*place)?);
                let place = *place;
                Some(Rc::new(Placed { line, place, kind }))
            }
            _ => None,
        }
    }

    /// Whether it is the object at this address.
    pub(crate) fn is_object(&self, address: *const ()) -> bool {
        matches!(self, WaitOn::Object(object) if Rc::as_ptr(object).cast() == address)
    }

    /// What a cancellation has to be forwarded to, if it is still pending.
    pub(crate) fn pending_object(&self) -> Option<Rc<dyn Waitable>> {
        self.object().filter(|object| object.ended().is_none())
    }

    /// The numbers of the tasks that are waited for.
    pub(crate) fn tasks(&self) -> Vec<u64> {
        match self {
            WaitOn::Object(object) => object.tasks(),
            WaitOn::Several(several) => several.tasks(),
            WaitOn::Place(line, _) => line.tasks(),
            _ => Vec::new(),
        }
    }
}

/// A place in a line as something that can be cancelled: made only when it is asked for, so that waiting needs no object.
struct Placed {
    line: Rc<dyn Line>,
    place: u32,
    kind: WaitKind,
}

impl Waitable for Placed {
    fn ended(&self) -> Option<Ended> {
        self.line.ended(self.place)
    }

    fn on_cancel(self: Rc<Self>, _: &mut Request) {
        self.line.cancel(self.place);
    }

    fn wait_kind(&self) -> WaitKind {
        self.kind
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line.describe(self.kind, f)
    }

    fn tasks(&self) -> Vec<u64> {
        self.line.tasks()
    }
}
