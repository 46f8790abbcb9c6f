//! Seeing the loop turn: recording what it does, and looking at it afterwards.
//!
//! Any program shows itself with one switch, and the file's ending picks the form:
//!
//! ```text
//! GLASSLOOP_TRACE=run.html cargo run --example gather
//! ```
//!
//! | ending | form |
//! |---|---|
//! | `.html` | a page that plays the run, turn by turn, forwards and backwards; it needs nothing else |
//! | `.txt` | a table of turns: what was ready, how long the loop slept, who woke whom, what ran; above it who the tasks are |
//! | `.order.txt` | the order of the steps without times: the same program gives the same text |
//! | `.svg` | the timeline as a picture |
//! | `.json` | for Perfetto, Chrome and Firefox |
//! | `.evt.json` | the compact trace, which the others are made of |
//!
//! `GLASSLOOP_TRACE=-` prints the table of turns to stderr while the program runs. `GLASSLOOP_TRACE_LAST=10000` keeps the loop's
//! last 10,000 events only (a million without it): a flight recorder. With it, and only then, the first panic dumps what there is into
//! a file of its own (`run-panic.html`), be it of a task, caught or not, or of another thread. By itself it records nothing, and a
//! line on stderr says so. SIGUSR2 dumps what there is at any time (`run-1.html`), also while a step blocks the loop.
//!
//! The file is written when the program's last loop is closed or its last [`Section`] ends, and also before SIGTERM or Ctrl-C ends
//! it, and when `std::process::exit` is called in the middle of a step or of anything else that is recorded. What is lost: a
//! program that ends by `exit` in a thread that the recorder does not know of, by SIGKILL, by `abort`; the file of a run before
//! stays as it was, since a new one takes its place when it is whole. A program that neither runs a loop nor calls [`program`] or
//! [`section`] is not recorded.
//!
//! A child process that inherits the switch, while its parent or another process writes that file, writes one of its own with its
//! process id in the name (`run-4711.html`), and says so on stderr. (On Linux; elsewhere the trace of the last one to end is left.)
//!
//! `GLASSLOOP_INSPECT=127.0.0.1:8123` has each loop in real time serve a page that shows it live. Its URL is printed to stderr.
//! It is served to this machine only, and to who knows the URL.
//!
//! With either switch SIGUSR1 ends no program, but has each loop print to stderr what it is at: its tasks with what they wait for,
//! what is ready, timers, thread pool. A loop that a step holds up cannot; after 0.2 s a line tells which task has the pen, where it was
//! made and for how long, and the rest follows when the step returns.
//!
//! From code, a [`Recorder`] records one loop, and [`Recorder::trace`] gives a [`Trace`], which [`html`], [`text`], [`order`],
//! [`svg`], [`chrome`] and [`evt_json`] write, [`Summary`] counts, [`State`] replays and [`check`] checks. None of these needs a
//! loop, and none can fail. asyncio has nothing of the kind. [`save`] writes traces to a file in any form, and [`load`] reads the
//! compact one back, so that what was recorded once can be looked at in every form.
//!
//! The recorder is an [`Observer`](crate::observe::Observer) and nothing more. It writes 8 to 24 bytes for each event; neither the
//! ready queue nor the timers are recorded, since they follow from the events ([`State`]).
//!
//! The events, with the meaning of their numbers (`flags`, `a`, `b`, `c`), are listed at [`Kind`].

#[cfg(unix)]
pub(crate) use asked::{loop_closed, loop_made};
pub use by_number::ByNumber;
pub use check::{Rule, Violation, check};
pub use chrome::chrome;
pub use evt_json::{evt_json, evt_json_of_all, html};
pub use file_error::FileError;
pub use files::{from_evt_json, load, save};
#[cfg(unix)]
pub(crate) use inspect::inspector_of_environment;
pub use kind::{Kind, cause, cut, end, io, wait, why};
pub use names::{Place, Track, TrackKind};
pub use notes::{Process, blocking, join, mark, process, thread};
pub use order::{order, steps};
pub use record::Record;
pub use recorder::Recorder;
pub(crate) use session::recorder_of_environment;
pub use session::{Section, program, section};
pub use state::{Item, State, TaskState, TimerState, Waiting};
pub use summary::{Slow, Summary};
pub use svg::svg;
pub use text::{text, text_of_all, text_of_turns};
pub use trace::Trace;

#[cfg(unix)]
mod asked;
#[cfg(unix)]
mod both;
mod by_number;
mod check;
mod chrome;
mod claim;
mod columns;
mod cost;
mod evt_json;
mod file_error;
mod files;
mod flight;
mod follow;
#[cfg(unix)]
mod inspect;
mod json;
mod kind;
mod legend;
mod names;
mod notes;
mod open;
mod order;
mod output;
mod packed;
#[cfg(unix)]
mod pen;
mod player;
mod policy;
mod record;
mod recorder;
mod recording;
mod ring;
mod saved;
mod scan;
mod session;
#[cfg(unix)]
mod snapshot;
mod state;
mod summary;
mod svg;
mod text;
mod timeline;
// Its one type is named after it.
#[allow(clippy::module_inception)]
mod trace;
mod turns;
mod words;
