//! Seeing the loop turn: recording what it does, and looking at it afterwards.
//!
//! Any program shows itself with one switch, and the file's ending picks the form:
//!
//! ```text
//! GLASSLOOP_TRACE=run.html cargo run --example gather
//! ```
//!
//! `.html` is a page that plays the run, turn by turn, forwards and backwards; `.evt.json` the compact trace, which the others
//! are made of. From code, a [`Recorder`] records one loop, and [`Recorder::trace`] gives a [`Trace`].
//!
//! The recorder is an [`Observer`](crate::observe::Observer) and nothing more. It writes 24 bytes for each event; neither the
//! ready queue nor the timers are recorded, since they follow from the events ([`State`]).
//!
//! The events, with the meaning of their numbers (`flags`, `a`, `b`, `c`), are listed at [`Kind`].

pub use check::{Rule, Violation, check};
pub use evt_json::{evt_json, evt_json_of_all, html};
pub use kind::{Kind, cause, end, wait, why};
pub use names::{Place, Track, TrackKind};
pub use notes::{Process, blocking, join, mark, process, thread};
pub use record::Record;
pub use recorder::Recorder;
pub(crate) use session::recorder_of_environment;
pub use session::{Section, program, section};
pub use state::{Item, State, TaskState, TimerState, Waiting};
pub use trace::Trace;

mod check;
mod cost;
mod evt_json;
mod json;
mod kind;
mod names;
mod notes;
mod output;
mod player;
mod record;
mod recorder;
mod recording;
mod ring;
mod session;
mod state;
// Its one type is named after it.
#[allow(clippy::module_inception)]
mod trace;
