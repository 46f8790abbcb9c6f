//! The recording of a whole program that `GLASSLOOP_TRACE` asks for: one recording for each of its loops or sections, all
//! written to one file.

use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock};

use crate::observe::Observer;

use super::output::Output;
use super::recorder::Recorder;
use super::recording::{CAPACITY, Recording, lock};
use super::trace::{Trace, program_name};

/// A program with more loops or sections than this has the rest unrecorded: nobody could compare them.
const MOST: usize = 64;

struct Session {
    output: Output,
    recordings: Mutex<Recordings>,
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
        let path = std::env::var_os("GLASSLOOP_TRACE").filter(|path| !path.is_empty())?;
        match Output::to(Path::new(&path)) {
            Ok(output) => Some(Session {
                output,
                recordings: Mutex::default(),
            }),
            Err(error) => {
                eprintln!("GLASSLOOP_TRACE: {error}; this program is not recorded");
                None
            }
        }
    };
    SESSION.get_or_init(start).as_ref()
}

impl Session {
    fn add(recordings: &mut Recordings, title: Option<&str>) -> Option<Arc<Recording>> {
        if recordings.list.len() >= MOST {
            return None;
        }
        let title = title.map_or_else(
            || program_name(&std::env::args().next().unwrap_or_default()),
            str::to_owned,
        );
        let recording = Arc::new(Recording::new(title, CAPACITY));
        recordings.list.push(recording.clone());
        recordings.taken = false;
        Some(recording)
    }

    /// The recording that what happens now belongs to.
    fn current(&self) -> Option<Arc<Recording>> {
        let mut recordings = lock(&self.recordings);
        let last = recordings.list.last().cloned();
        last.or_else(|| Session::add(&mut recordings, None))
    }

    /// The recording for a new loop.
    fn for_a_loop(&self) -> Option<Arc<Recording>> {
        let mut recordings = lock(&self.recordings);
        let last = recordings.list.last().filter(|_| !recordings.taken);
        let recording = match last.cloned() {
            Some(recording) => recording,
            None => Session::add(&mut recordings, None)?,
        };
        recordings.taken = true;
        Some(recording)
    }

    fn write(&self) {
        let recordings = lock(&self.recordings).list.clone();
        let traces: Vec<Trace> = recordings.iter().map(|one| Trace::of(one)).collect();
        if let Err(error) = self.output.write(&traces) {
            let path = self.output.path().display();
            eprintln!("GLASSLOOP_TRACE: {path} cannot be written: {error}");
        }
    }
}

/// A recorder for a new loop, if the environment asks for one.
pub(crate) fn recorder_of_environment() -> Option<Rc<dyn Observer>> {
    let recording = session()?.for_a_loop()?;
    let at_close = || {
        if let Some(session) = session() {
            if lock(&session.recordings).sections == 0 {
                session.write();
            }
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
pub struct Section(());

/// Records the whole program, with what it does before and after its loop, or without any: to be kept until the end of `main`.
/// It does nothing unless `GLASSLOOP_TRACE` asks for it; a program that only [runs](crate::run) a loop needs no such call.
pub fn program() -> Section {
    if let Some(session) = session() {
        lock(&session.recordings).sections += 1;
        // The main thread gets the first line of the picture.
        if let Some(recording) = session.current() {
            recording.names().this_thread();
        }
    }
    Section(())
}

/// Begins a part of the program that is to be seen by itself, and compared with the others. It ends when what is returned is
/// dropped. It does nothing unless `GLASSLOOP_TRACE` asks for it.
pub fn section(title: &str) -> Section {
    if let Some(session) = session() {
        let mut recordings = lock(&session.recordings);
        recordings.sections += 1;
        if let Some(recording) = Session::add(&mut recordings, Some(title)) {
            recording.names().this_thread();
        }
    }
    Section(())
}

impl Drop for Section {
    fn drop(&mut self) {
        if let Some(session) = session() {
            let mut recordings = lock(&session.recordings);
            recordings.taken = true;
            recordings.sections -= 1;
            drop(recordings);
            session.write();
        }
    }
}
