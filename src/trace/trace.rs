//! A trace: the records of one program with the names that they use. All forms of output are made of it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::cost;
use super::kind::{Kind, cause, cut, end};
use super::names::{Place, Track};
use super::record::Record;
use super::recording::Recording;
use super::state::{Item, State};

/// A step that takes longer blocks the loop: asyncio's limit, in nanoseconds.
pub(crate) const SLOW: u64 = 100_000_000;

/// What was recorded of a program, ready to be looked at.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The name of the program, or of the section.
    pub title: String,
    /// The command line.
    pub command: String,
    /// The records, in order.
    pub records: Vec<Record>,
    /// Texts, by number; number 0 is empty.
    pub strings: Vec<String>,
    /// Places in the source, by number; number 0 is unknown.
    pub places: Vec<Place>,
    /// The loop, threads and processes, by number.
    pub tracks: Vec<Track>,
    /// A step or callback that takes longer than so many nanoseconds blocks the loop.
    pub slow: u64,
    /// Records that were lost before the first one.
    pub dropped: u64,
    /// What recording has cost the program, in nanoseconds: an estimate.
    pub cost: u64,
    /// The program's process.
    pub pid: u32,
    /// The texts of the source files, by the names that the places have. `None`: a form that shows them reads them from the
    /// present folder, where they are there.
    pub sources: Option<BTreeMap<String, String>>,
}

impl Trace {
    /// What is in a recording now.
    pub(crate) fn of(recording: &Recording) -> Trace {
        let (fallen, mut ring) = recording.ring.contents();
        let mut beside = recording.beside();
        let last = ring.last().map_or(0, |record| record.t);
        if recording.is_virtual() {
            beside.iter_mut().for_each(|record| record.t = last);
        }
        let now = match recording.is_virtual() {
            true => last,
            false => recording.length(),
        };
        let track = ring.last().map_or(0, |record| record.track);
        let mut records = Vec::with_capacity(ring.len() + beside.len());
        let first = ring.first().map_or(0, |record| record.t);
        if fallen.count > 0 {
            let dropped = u32::try_from(fallen.count).unwrap_or(u32::MAX);
            let state = fallen.state.to_records(first, track);
            for (kind, a) in [(Kind::Dropped, dropped), (Kind::Snap, state.len() as u32)] {
                records.push(Record {
                    t: first,
                    kind,
                    flags: 0,
                    track,
                    a,
                    b: 0,
                    c: 0,
                });
            }
            records.extend(state);
        }
        let mut state = fallen.state;
        complete(&mut ring, &mut state);
        // Both are in order, and a record of the loop comes first where times are equal.
        let mut beside = beside.into_iter().peekable();
        for record in ring {
            while let Some(earlier) = beside.next_if(|other| other.t < record.t) {
                records.push(earlier);
            }
            records.push(record);
        }
        records.extend(beside);
        let last = records.last().map_or(0, |record| record.t);
        if records.last().is_none_or(|last| last.kind != Kind::RunEnd) {
            records.push(cut(now.max(last), track, state.running));
        }
        let names = recording.names();
        Trace {
            title: recording.title.clone(),
            command: command(),
            cost: cost::estimate(&records, fallen.count, recording.is_virtual()),
            records,
            strings: names.string_list.clone(),
            places: names.places.clone(),
            tracks: names.tracks.clone(),
            slow: SLOW,
            dropped: fallen.count,
            pid: std::process::id(),
            sources: None,
        }
    }

    /// The text with this number.
    pub fn string(&self, number: u32) -> &str {
        self.strings.get(number as usize).map_or("", String::as_str)
    }

    /// `file:line` of the place with this number; empty if it is unknown.
    pub fn place(&self, number: u32) -> String {
        match self.places.get(number as usize) {
            Some((file, line, _)) if number != 0 => format!("{file}:{line}"),
            _ => String::new(),
        }
    }

    /// The name that a task was given, else `T3`.
    pub fn task_name(&self, task: u32) -> String {
        let mut names = self.records.iter().rev();
        let named = names.find(|r| r.kind == Kind::TaskName && r.a == task && r.b != 0);
        named.map_or_else(
            || format!("T{task}"),
            |record| self.string(record.b).to_owned(),
        )
    }

    /// The time of the last record.
    pub fn end(&self) -> u64 {
        self.records.last().map_or(0, |record| record.t)
    }

    /// The numbers of its turns, the first and the last one; `None` without a loop.
    pub fn turns(&self) -> Option<RangeInclusive<u32>> {
        let mut numbers = self
            .records
            .iter()
            .filter(|r| r.kind == Kind::Turn)
            .map(|r| r.a);
        let first = numbers.next()?;
        Some(first..=numbers.next_back().unwrap_or(first))
    }

    /// Whether the loop's time was virtual.
    pub fn is_virtual(&self) -> bool {
        let begin = self.records.iter().find(|r| r.kind == Kind::RunBegin);
        begin.is_some_and(|record| record.flags & 1 != 0)
    }
}

/// Adds to the records what the recorder leaves out, since it follows from those before: the number of a step, the descriptor of
/// an event, the task of a job, who it is that lets others run, how many waits a step has said and how many jobs are out. `state` goes with them to the end.
fn complete(records: &mut [Record], state: &mut State) {
    let mut said = 0;
    for record in records {
        match record.kind {
            Kind::StepBegin => {
                let steps = state.tasks.get(record.a).map_or(0, |task| task.steps);
                record.b = steps + 1;
                said = 0;
            }
            Kind::Wait => said += 1,
            Kind::StepEnd if record.flags != end::DESTROYED => record.b = said,
            Kind::IoEvent => record.b = state.interests.get(&record.a).copied().unwrap_or(0),
            Kind::Ready | Kind::WakeDup if record.flags == cause::YIELD => record.b = record.a,
            Kind::Turn => record.flags = state.jobs.len().min(255) as u8,
            Kind::OffloadDone => record.b = state.jobs.get(&record.a).copied().unwrap_or(0),
            _ => {}
        }
        state.apply(record);
    }
}

/// What ends a trace, unless the end of its loop does: else a step that hangs would have no length.
fn cut(t: u64, track: u16, running: Option<Item>) -> Record {
    let (flags, a) = match running {
        Some(Item::Task(task)) => (cut::STEP, task),
        Some(Item::Callback(callback)) => (cut::CALLBACK, callback),
        Some(Item::Timer(_)) | None => (cut::NOBODY, 0),
    };
    Record {
        t,
        kind: Kind::Cut,
        flags,
        track,
        a,
        b: 0,
        c: 0,
    }
}

/// The command line, without the folder of the program.
fn command() -> String {
    let mut words = std::env::args();
    let program = words.next().unwrap_or_default();
    let words = std::iter::once(program_name(&program)).chain(words);
    words.collect::<Vec<_>>().join(" ")
}

/// `gather` of `target/debug/examples/gather`.
pub(crate) fn program_name(path: &str) -> String {
    let name = std::path::Path::new(path).file_stem();
    name.map_or_else(
        || path.to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}
