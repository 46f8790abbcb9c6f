//! `GLASSLOOP_TRACE=-`: the turn table on stderr while the program runs. A thread reads the loop's ring, so the loop is not held up.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::kind::Kind;
use super::legend::Legend;
use super::recording::Recording;
use super::ring::Position;
use super::text::{Colours, figures, header, row};
use super::trace::{SLOW, Trace};
use super::turns::{Turn, Turns};

/// How often it looks.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) struct Follower {
    closed: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Colours are for people at a terminal that do not mind them.
fn colours() -> Colours {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Colours(std::io::stderr().is_terminal() && !unwanted)
}

impl Follower {
    /// `None` if the system has no thread left.
    pub(crate) fn start(recording: Arc<Recording>) -> Option<Follower> {
        let closed = Arc::new(AtomicBool::new(false));
        let ends = closed.clone();
        let thread = thread::Builder::new().name("glassloop follower".to_owned());
        let thread = thread.spawn(move || follow(&recording, &ends)).ok()?;
        Some(Follower { closed, thread })
    }

    /// The loop is closed: prints what is left, and the figures.
    pub(crate) fn finish(self) {
        self.closed.store(true, Ordering::Release);
        // It does nothing but print.
        let _ = self.thread.join();
    }
}

fn follow(recording: &Recording, closed: &AtomicBool) {
    let colours = colours();
    let mut turns = Turns::default();
    let (mut legend, mut position) = (Legend::default(), Position::default());
    eprintln!("{}", header(colours));
    loop {
        // Looked at first: what was written before it was set is read after it.
        let last = closed.load(Ordering::Acquire);
        let (lost, records) = recording.ring.since(&mut position);
        if lost > 0 {
            eprintln!("... {lost} events too fast to be followed");
        }
        let mut ended: Vec<Turn> = records.iter().filter_map(|r| turns.apply(r)).collect();
        let whole = last.then(|| Trace::of(recording));
        if let Some(trace) = &whole {
            // The turn that the program's end cuts.
            let cut = trace.records.last().filter(|r| r.kind == Kind::Cut);
            cut.into_iter().for_each(|r| drop(turns.apply(r)));
            ended.extend(std::mem::take(&mut turns).finish());
        }
        if !ended.is_empty() {
            let names = recording.names();
            let (strings, places) = (names.string_list.clone(), names.places.clone());
            drop(names);
            eprint!("{}", colours.faint(&legend.of(&ended, &strings, &places)));
            for turn in &ended {
                eprintln!("{}", row(turn, &strings, SLOW, colours));
            }
        }
        if let Some(trace) = &whole {
            let mut text = String::new();
            figures(&mut text, trace, colours);
            return eprint!("{text}");
        }
        thread::sleep(PAUSE);
    }
}
