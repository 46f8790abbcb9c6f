//! What a program may tell the recorder of itself: notes, code that blocks, threads, child processes. All of it costs next to
//! nothing while nobody records.

use std::panic::Location;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::current;
use crate::observe::Event;
use crate::text::shown_as;

use super::kind::Kind;
use super::names::TrackKind;
use super::open;
use super::record::halves;
use super::recording::Recording;
use super::session;

/// Tells the running loop's observer; false if there is none.
fn tell_loop(event: &Event<'_>) -> bool {
    let told = current::with(|core| match core.observer() {
        Some(observer) => {
            observer.event(event);
            true
        }
        None => false,
    });
    told == Some(true)
}

/// Notes something with a number, to be found again in the trace. To be called anywhere, in the loop or outside, in any thread.
///
/// ```
/// glassloop::trace::mark("pages in the cache", 17);
/// ```
pub fn mark(text: &str, value: u64) {
    if tell_loop(&Event::Mark { text, value }) {
        return;
    }
    if let Some(recording) = session::current() {
        let (low, high) = halves(value);
        let mut names = recording.names();
        let (track, text) = (names.this_thread(), names.string(text));
        drop(names);
        recording.add(track, Kind::Mark, 0, [text, low, high]);
    }
}

/// Runs code that blocks its thread, such as a blocking read, and shows it as such: in red inside of a task, whose loop stands
/// still meanwhile; as the ordinary thing that it is in a thread. To be called anywhere. The code runs now, and its panics go on.
///
/// ```
/// use glassloop::trace;
///
/// let text = trace::blocking("read", || std::fs::read_to_string("Cargo.toml")).unwrap();
/// assert!(text.contains("glassloop"));
/// ```
#[track_caller]
pub fn blocking<R>(what: &str, code: impl FnOnce() -> R) -> R {
    /// Notes the end even if the code panics.
    struct End(Option<(Arc<Recording>, u16)>);

    impl Drop for End {
        fn drop(&mut self) {
            match &self.0 {
                None => drop(tell_loop(&Event::BlockEnd)),
                Some((recording, track)) => {
                    open::ended();
                    recording.add(*track, Kind::BlockEnd, 0, [0; 3]);
                }
            }
        }
    }

    let site = Location::caller();
    if tell_loop(&Event::BlockBegin { what, site }) {
        let _end = End(None);
        return code();
    }
    let Some(recording) = session::current() else {
        return code();
    };
    let mut names = recording.names();
    let (track, site, what) = (names.this_thread(), names.site(site), names.string(what));
    drop(names);
    recording.add(track, Kind::BlockBegin, 0, [site, what, 0]);
    open::begun();
    let _end = End(Some((recording, track)));
    code()
}

/// Wraps the body of a thread that is about to be started, so that its life is drawn. To be called anywhere.
///
/// ```
/// use glassloop::trace;
///
/// let worker = std::thread::spawn(trace::thread("worker", || 6 * 7));
/// assert_eq!(trace::join(worker).unwrap(), 42);
/// ```
#[track_caller]
pub fn thread<R, F: FnOnce() -> R>(name: &str, body: F) -> impl FnOnce() -> R + use<R, F> {
    struct End(Option<(Arc<Recording>, u16)>);

    impl Drop for End {
        fn drop(&mut self) {
            if let Some((recording, track)) = &self.0 {
                open::ended();
                recording.add(*track, Kind::ThreadEnd, 0, [0; 3]);
            }
        }
    }

    // Not in the closure, whose caller is another one.
    let site = Location::caller();
    let begun = session::current().map(|recording| {
        let mut names = recording.names();
        let (parent, text) = (names.this_thread(), names.string(name));
        let site = names.site(site);
        let track = names.add_track(name, TrackKind::Thread);
        drop(names);
        // Its life begins here: a program may end before the system lets the thread run.
        let numbers = [text, u32::from(parent), site];
        recording.add(track, Kind::ThreadBegin, 0, numbers);
        (recording, track)
    });
    move || {
        let end = End(begun.inspect(|(recording, track)| {
            open::begun();
            recording.names().this_thread_has(*track);
        }));
        let result = body();
        drop(end);
        result
    }
}

/// Joins a thread, which blocks the caller, and shows who waits for whom. To be called anywhere but in a coroutine, whose loop it
/// would hold up.
///
/// # Errors
/// The payload of the thread's panic.
#[track_caller]
pub fn join<T>(thread: JoinHandle<T>) -> std::thread::Result<T> {
    let Some(recording) = session::current() else {
        return thread.join();
    };
    let (id, begin) = (thread.thread().id(), recording.now());
    let result = thread.join();
    let mut names = recording.names();
    // A thread that has not begun yet has no line; now that it has ended it has.
    let Some(joined) = names.track_of(id) else {
        return result;
    };
    let (track, site) = (names.this_thread(), names.site(Location::caller()));
    drop(names);
    let numbers = [u32::from(joined), 0, site];
    recording.add_late(begin, track, Kind::JoinBegin, 0, numbers);
    recording.add(track, Kind::JoinEnd, 0, numbers);
    result
}

/// The line of a child process in the picture, as its parent tells it. Made by [`process`].
pub struct Process {
    line: Option<(Arc<Recording>, u16)>,
    /// The number of the chunk that it works on.
    chunk: Option<u32>,
}

shown_as! { Process => "<Process>" }

/// Draws the life of a child process, the `number`th of its kind, from this place in the source on. It does nothing unless
/// `GLASSLOOP_TRACE` asks for it. To be called anywhere.
///
/// ```
/// use glassloop::trace;
///
/// let mut child = std::process::Command::new("true").spawn()?;
/// let mut line = trace::process(child.id(), 1);
/// line.chunk_begin(1, 0, 10); // it works on the first ten items
/// child.wait()?;
/// line.end();
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn process(id: u32, number: usize) -> Process {
    let site = Location::caller();
    let line = session::current().map(|recording| {
        let mut names = recording.names();
        let track = names.add_track(&format!("worker {id}"), TrackKind::Process);
        let site = names.site(site);
        drop(names);
        recording.add(track, Kind::ProcBegin, 0, [id, number as u32, site]);
        (recording, track)
    });
    Process { line, chunk: None }
}

impl Process {
    fn add(&self, kind: Kind, numbers: [u32; 3]) {
        if let Some((recording, track)) = &self.line {
            recording.add(*track, kind, 0, numbers);
        }
    }

    /// It is given a chunk of work: the items from `first` on.
    pub fn chunk_begin(&mut self, number: usize, first: usize, items: usize) {
        self.chunk_end();
        self.chunk = Some(number as u32);
        self.add(
            Kind::ChunkBegin,
            [number as u32, first as u32, items as u32],
        );
    }

    /// It has done its chunk.
    pub fn chunk_end(&mut self) {
        if let Some(number) = self.chunk.take() {
            self.add(Kind::ChunkEnd, [number, 0, 0]);
        }
    }

    /// It has ended.
    pub fn end(&mut self) {
        self.chunk_end();
        self.add(Kind::ProcEnd, [0; 3]);
        self.line = None;
    }
}
