//! A trace: the records of one program with the names that they use. All forms of output are made of it.

use std::collections::BTreeMap;

use super::cost;
use super::kind::{Kind, cut, end};
use super::names::{Place, Track};
use super::record::Record;
use super::recording::Recording;
use super::state::{Item, State};
#[cfg(unix)]
use super::words::has_the_pen;

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
}

impl Trace {
    /// What is in a recording now.
    pub(crate) fn of(recording: &Recording) -> Trace {
        let (fallen, ring) = recording.ring.contents();
        let mut beside = recording.beside();
        let last = ring.last().map_or(0, |record| record.t);
        if recording.is_virtual() {
            beside.iter_mut().for_each(|record| record.t = last);
        }
        let now = match recording.is_virtual() {
            true => last,
            false => recording.now(),
        };
        let cut = cut_at(now, &fallen.state, &ring);
        let mut records = Vec::with_capacity(ring.len() + beside.len());
        let first = ring.first().map_or(0, |record| record.t);
        if fallen.count > 0 {
            let track = ring.first().map_or(0, |record| record.track);
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
        // Both are in order, and a record of the loop comes first where times are equal.
        let mut beside = beside.into_iter().peekable();
        for record in ring {
            while let Some(earlier) = beside.next_if(|other| other.t < record.t) {
                records.push(earlier);
            }
            records.push(record);
        }
        records.extend(beside);
        if records.last().is_none_or(|last| last.kind != Kind::RunEnd) {
            records.push(cut);
        }
        complete(&mut records, fallen.state);
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

    /// The step that still runs, in words.
    #[cfg(unix)]
    pub(crate) fn who_has_the_pen(&self) -> Option<String> {
        let cut = self
            .records
            .last()
            .filter(|record| record.kind == Kind::Cut)?;
        let last = |kind| {
            let mut back = self.records.iter().rev();
            back.find(|record| record.kind == kind && record.a == cut.a)
        };
        let (begins, made) = match cut.flags {
            cut::STEP => (Kind::StepBegin, Kind::TaskSpawn),
            cut::CALLBACK => (Kind::CbRun, Kind::CbAdd),
            _ => return None,
        };
        let place = self.place(last(made).map_or(0, |record| record.c));
        let took = cut.t - last(begins)?.t;
        let who = match cut.flags {
            cut::STEP => {
                let mut names = self.records.iter();
                let coroutine =
                    names.find(|r| r.kind == Kind::TaskName && r.a == cut.a && r.c != 0);
                let coroutine = coroutine.map_or("", |record| self.string(record.c));
                format!("{} {coroutine}()", self.task_name(cut.a))
            }
            _ => "a callback".to_owned(),
        };
        Some(has_the_pen(&who, &place, took))
    }

    /// Whether the loop's time was virtual.
    pub fn is_virtual(&self) -> bool {
        let begin = self.records.iter().find(|r| r.kind == Kind::RunBegin);
        begin.is_some_and(|record| record.flags & 1 != 0)
    }
}

/// What ends a trace, unless the end of its loop does: else a step that hangs would have no length.
fn cut_at(t: u64, before: &State, ring: &[Record]) -> Record {
    let mut state = before.clone();
    ring.iter().for_each(|record| state.apply(record));
    let (flags, a) = match state.running {
        Some(Item::Task(task)) => (cut::STEP, task),
        Some(Item::Callback(callback)) => (cut::CALLBACK, callback),
        Some(Item::Timer(_)) | None => (cut::NOBODY, 0),
    };
    Record {
        t,
        kind: Kind::Cut,
        flags,
        track: ring.last().map_or(0, |last| last.track),
        a,
        b: 0,
        c: 0,
    }
}

/// Adds to the records what the recorder leaves out, since it follows from those before: the number of a step, the descriptor of
/// an event, the task of a job, how many waits a step has said and how many jobs are out.
fn complete(records: &mut [Record], before: State) {
    let mut said = 0;
    let mut steps: BTreeMap<u32, u32> = before
        .tasks
        .iter()
        .map(|(number, task)| {
            let runs = before.running == Some(Item::Task(number));
            (number, task.steps - u32::from(runs))
        })
        .collect();
    let (mut interests, mut jobs) = (before.interests, before.jobs);
    for record in records {
        match record.kind {
            Kind::StepBegin => {
                let step = steps.entry(record.a).or_default();
                *step += 1;
                record.b = *step;
                said = 0;
            }
            Kind::Wait => said += 1,
            Kind::StepEnd => {
                if record.flags != end::DESTROYED {
                    record.b = said;
                }
                if record.flags != end::PENDING {
                    steps.remove(&record.a);
                }
            }
            Kind::IoReg => {
                interests.insert(record.a, record.b);
            }
            Kind::IoEvent => record.b = interests.get(&record.a).copied().unwrap_or(0),
            Kind::Turn => record.flags = jobs.len().min(255) as u8,
            Kind::Offload => {
                jobs.insert(record.a, record.b);
            }
            Kind::OffloadDone => record.b = jobs.remove(&record.a).unwrap_or(0),
            _ => {}
        }
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
