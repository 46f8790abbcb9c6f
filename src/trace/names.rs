//! Strings, places in the source and tracks, which records name by number. Each is stored once.

use std::collections::HashMap;
use std::thread::ThreadId;

use crate::observe::Site;

/// A line of a picture: the loop, a thread or a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TrackKind,
}

/// What a [`Track`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackKind {
    /// The thread of the loop.
    Loop,
    /// Another thread.
    Thread,
    /// A child process.
    Process,
}

impl TrackKind {
    /// Its name in the compact trace.
    pub fn name(self) -> &'static str {
        match self {
            TrackKind::Loop => "loop",
            TrackKind::Thread => "thread",
            TrackKind::Process => "process",
        }
    }
}

/// A place in the source: file, line, column.
pub type Place = (String, u32, u32);

pub(crate) struct Names {
    strings: HashMap<String, u32>,
    pub(crate) string_list: Vec<String>,
    sites: HashMap<Site, u32>,
    pub(crate) places: Vec<Place>,
    pub(crate) tracks: Vec<Track>,
    threads: HashMap<ThreadId, u16>,
}

impl Names {
    pub(crate) fn new() -> Names {
        Names {
            strings: HashMap::from([(String::new(), 0)]),
            string_list: vec![String::new()],
            sites: HashMap::new(),
            places: vec![(String::new(), 0, 0)],
            tracks: Vec::new(),
            threads: HashMap::new(),
        }
    }

    pub(crate) fn string(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.strings.get(text) {
            return number;
        }
        let number = self.string_list.len() as u32;
        self.string_list.push(text.to_owned());
        self.strings.insert(text.to_owned(), number);
        number
    }

    pub(crate) fn site(&mut self, site: Site) -> u32 {
        let places = &mut self.places;
        *self.sites.entry(site).or_insert_with(|| {
            places.push((site.file().to_owned(), site.line(), site.column()));
            places.len() as u32 - 1
        })
    }

    pub(crate) fn add_track(&mut self, name: &str, kind: TrackKind) -> u16 {
        self.tracks.push(Track {
            name: name.to_owned(),
            kind,
        });
        (self.tracks.len() - 1) as u16
    }

    /// The calling thread's track.
    pub(crate) fn this_thread(&mut self) -> u16 {
        let thread = std::thread::current();
        if let Some(&track) = self.threads.get(&thread.id()) {
            return track;
        }
        let track = self.add_track(thread.name().unwrap_or("thread"), TrackKind::Thread);
        self.threads.insert(thread.id(), track);
        track
    }

    /// From now on the calling thread is that of the loop.
    pub(crate) fn this_thread_is_the_loop(&mut self) -> u16 {
        let track = self.this_thread();
        self.tracks[usize::from(track)] = Track {
            name: "loop".to_owned(),
            kind: TrackKind::Loop,
        };
        track
    }

    /// The calling thread is the one that this track was made for.
    pub(crate) fn this_thread_has(&mut self, track: u16) {
        self.threads.insert(std::thread::current().id(), track);
    }

    pub(crate) fn track_of(&self, thread: ThreadId) -> Option<u16> {
        self.threads.get(&thread).copied()
    }
}
