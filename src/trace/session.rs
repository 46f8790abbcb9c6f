//! The recording of a whole program that `GLASSLOOP_TRACE` asks for: one recording for each of its loops or sections, all
//! written to one file.

use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock};

use crate::observe::Observer;
use crate::text::shown_as;

use super::flight;
use super::follow::Follower;
use super::open;
use super::output::Output;
#[cfg(unix)]
use super::pen;
use super::recorder::Recorder;
use super::recording::{Recording, lock};
use super::trace::{Trace, program_name};

/// A program with more loops or sections than this has the rest unrecorded: nobody could compare them.
const MOST: usize = 64;

struct Session {
    /// `None`: the table goes to stderr while the program runs.
    output: Option<Output>,
    /// Events that each loop's ring keeps.
    capacity: usize,
    follower: Mutex<Option<Follower>>,
    recordings: Mutex<Recordings>,
    /// Held while the file is written.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Recordings {
    list: Vec<Arc<Recording>>,
    /// The last one has a loop already, or its section is over: a loop that comes now gets another one.
    taken: bool,
    /// [`Section`]s that are alive: the file is written when they end.
    sections: usize,
}

/// The session of this process, if the environment asks for one.
fn session() -> Option<&'static Session> {
    static SESSION: OnceLock<Option<Session>> = OnceLock::new();
    let start = || {
        let (capacity, last) = flight::capacity_of_environment();
        let path = std::env::var_os("GLASSLOOP_TRACE").filter(|path| !path.is_empty());
        let Some(path) = path else {
            if std::env::var_os("GLASSLOOP_TRACE_LAST").is_some() {
                eprintln!(
                    "GLASSLOOP_TRACE_LAST: nothing is recorded without GLASSLOOP_TRACE, such as GLASSLOOP_TRACE=run.html"
                );
            }
            return None;
        };
        let output = match path == "-" {
            true => None,
            false => match Output::of_process(Path::new(&path)) {
                Ok(output) => Some(output),
                Err(error) => {
                    let or = match Output::has_form(Path::new(&path)) {
                        true => "",
                        false => "; or - for the table of turns on stderr",
                    };
                    eprintln!("GLASSLOOP_TRACE: {error}{or}; this program is not recorded");
                    return None;
                }
            },
        };
        if output.is_some() && last {
            flight::dump_at_panic(dump);
        }
        open::at_exit(finish);
        Recorder::measure();
        #[cfg(unix)]
        super::asked::watch(Box::new(at_work));
        #[cfg(unix)]
        flight::watch_signals(output.is_some().then_some(dump), last_words);
        Some(Session {
            output,
            capacity,
            follower: Mutex::default(),
            recordings: Mutex::default(),
            writing: Mutex::default(),
        })
    };
    SESSION.get_or_init(start).as_ref()
}

impl Session {
    fn add(&self, recordings: &mut Recordings, title: Option<&str>) -> Option<Arc<Recording>> {
        if recordings.list.len() >= MOST {
            return None;
        }
        let title = title.map_or_else(
            || program_name(&std::env::args().next().unwrap_or_default()),
            str::to_owned,
        );
        let recording = Arc::new(Recording::new(title, self.capacity));
        recordings.list.push(recording.clone());
        recordings.taken = false;
        Some(recording)
    }

    /// The recording that what happens now belongs to.
    fn current(&self) -> Option<Arc<Recording>> {
        let mut recordings = lock(&self.recordings);
        let last = recordings.list.last().cloned();
        last.or_else(|| self.add(&mut recordings, None))
    }

    /// The recording for a new loop.
    fn for_a_loop(&self) -> Option<Arc<Recording>> {
        let mut recordings = lock(&self.recordings);
        let last = recordings.list.last().filter(|_| !recordings.taken);
        let recording = match last.cloned() {
            Some(recording) => recording,
            None => self.add(&mut recordings, None)?,
        };
        recordings.taken = true;
        open::begun();
        if self.output.is_none() {
            *lock(&self.follower) = Follower::start(recording.clone());
        }
        Some(recording)
    }

    /// A loop was closed.
    fn closed(&self) {
        open::ended();
        if self.output.is_none() || lock(&self.recordings).sections == 0 {
            self.finish();
        }
    }

    fn finish(&self) {
        let follower = lock(&self.follower).take();
        match follower {
            Some(follower) => follower.finish(),
            None => self.write(),
        }
    }

    fn write(&self) {
        if let Some(output) = &self.output {
            let _alone = lock(&self.writing);
            self.write_to(output);
        }
    }

    fn write_to(&self, output: &Output) {
        let recordings = lock(&self.recordings).list.clone();
        let traces: Vec<Trace> = recordings.iter().map(|one| Trace::of(one)).collect();
        if let Err(error) = output.write(&traces) {
            eprintln!("GLASSLOOP_TRACE: {error}");
        }
    }
}

/// The program ends as it is.
fn finish() {
    if let Some(session) = session() {
        session.finish();
    }
}

/// A signal ends the process next: what is written now shall not be cut off by another thread that writes as well.
#[cfg(unix)]
fn last_words() {
    if let Some(session) = session() {
        session.finish();
        std::mem::forget(lock(&session.writing));
    }
}

/// Writes what there is now into a file of its own.
fn dump(word: &str) {
    if let Some((session, output)) = session().and_then(|one| Some((one, one.output.as_ref()?))) {
        let output = output.with_word(word);
        session.write_to(&output);
        eprintln!("GLASSLOOP_TRACE: dumped to {}", output.path().display());
    }
}

/// Whether the environment asks for a recording.
#[cfg(unix)]
pub(crate) fn is_on() -> bool {
    session().is_some()
}

/// A line for each step that has the pen in a loop of this program.
#[cfg(unix)]
fn at_work() -> Vec<String> {
    let Some(session) = session() else {
        return Vec::new();
    };
    let recordings = lock(&session.recordings).list.clone();
    let lines = recordings.iter().map(|one| pen::line_of(&Trace::of(one)));
    lines.flatten().collect()
}

/// A recorder for a new loop, if the environment asks for one.
pub(crate) fn recorder_of_environment() -> Option<Rc<dyn Observer>> {
    let recording = session()?.for_a_loop()?;
    let at_close = || {
        if let Some(session) = session() {
            session.closed();
        }
    };
    Some(Rc::new(Recorder::of(recording).at_close(at_close)))
}

/// Where what happens outside of loops is recorded, if it is.
pub(crate) fn current() -> Option<Arc<Recording>> {
    session()?.current()
}

/// As long as it lives, what the program does is recorded, if `GLASSLOOP_TRACE` asks for it.
#[must_use = "the recording ends when this is dropped"]
pub struct Section(Option<Arc<Recording>>);

shown_as! { Section => "<Section>" }

/// Records the whole program, with what it does before and after its loop, or without any: to be kept until the end of `main`.
/// It does nothing unless `GLASSLOOP_TRACE` asks for it; a program that only [runs](crate::run) a loop needs no such call.
///
/// ```
/// let _recorded = glassloop::trace::program();
/// let thread = std::thread::spawn(glassloop::trace::thread("worker", || ()));
/// thread.join().unwrap();
/// ```
pub fn program() -> Section {
    Section(session().and_then(|session| {
        lock(&session.recordings).sections += 1;
        open::begun();
        begun(session.current())
    }))
}

/// Begins a part of the program that is to be seen by itself, and compared with the others. It ends when what is returned is
/// dropped. It does nothing unless `GLASSLOOP_TRACE` asks for it.
///
/// ```
/// use glassloop::{run, trace, yield_now};
///
/// for title in ["once", "again"] {
///     let _section = trace::section(title);
///     run(async { yield_now().await })?;
/// }
/// # Ok::<(), glassloop::LoopError>(())
/// ```
pub fn section(title: &str) -> Section {
    Section(session().and_then(|session| {
        let mut recordings = lock(&session.recordings);
        recordings.sections += 1;
        open::begun();
        begun(session.add(&mut recordings, Some(title)))
    }))
}

/// The thread that begins it gets the first line of the picture.
fn begun(recording: Option<Arc<Recording>>) -> Option<Arc<Recording>> {
    if let Some(recording) = &recording {
        recording.names().this_thread();
    }
    recording
}

impl Drop for Section {
    fn drop(&mut self) {
        if let Some(recording) = &self.0 {
            recording.end();
        }
        if let Some(session) = session() {
            let mut recordings = lock(&session.recordings);
            recordings.taken = true;
            recordings.sections -= 1;
            drop(recordings);
            open::ended();
            session.write();
        }
    }
}
