//! A trace as lines of time: for the loop's thread, each task, thread and process, what it did from when to when. Pictures are made
//! of it.

use std::collections::{BTreeMap, BTreeSet};

use super::kind::{Kind, end, wait};
use super::names::TrackKind;
use super::record::Record;
use super::state::{State, Waiting};
use super::trace::Trace;
use super::words::{items, waits_for};

/// What somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// A task runs, or a callback.
    Run,
    /// It is ready, and somebody else runs.
    Ready,
    /// It waits: there is nothing that it could do.
    Wait,
    /// The loop sleeps in the kernel.
    Sleep,
    /// Code that blocks its thread.
    Block,
    /// A thread or process is there.
    Live,
    /// A process works on a chunk, a thread of the pool on a job.
    Work,
}

#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) doing: Doing,
    pub(crate) label: String,
    /// It still does so where the trace is cut.
    pub(crate) open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The loop's thread: who has the pen.
    Pen,
    Task(u32),
    /// A track that is not the loop's.
    Track(u16),
}

#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) owner: Owner,
    pub(crate) name: String,
    pub(crate) spans: Vec<Span>,
    /// How a task ended, if it did: one of [`end`].
    pub(crate) ended: Option<u8>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) lanes: Vec<Lane>,
    /// How many were under way, from each time on: sleeps, waits for sockets, and threads and processes at work.
    pub(crate) in_flight: Vec<(u64, u32)>,
    peak: u32,
}

impl Timeline {
    pub(crate) fn of(trace: &Trace) -> Timeline {
        let mut builder = Builder {
            trace,
            state: State::default(),
            lanes: BTreeMap::new(),
            open: BTreeMap::new(),
            depth: BTreeMap::new(),
            jobs: BTreeMap::new(),
            flying: BTreeSet::new(),
            in_flight: Vec::new(),
            peak: 0,
            cut: false,
        };
        let begin = trace.records.first().map_or(0, |record| record.t);
        for record in &trace.records {
            builder.apply(record);
            builder.state.apply(record);
            builder.count(record.t);
        }
        let end = trace.end();
        builder.cut = trace.records.iter().any(|record| record.kind == Kind::Cut);
        for owner in builder.open.keys().copied().collect::<Vec<_>>() {
            builder.close(owner, end);
        }
        Timeline {
            begin,
            end,
            lanes: builder.lanes.into_values().collect(),
            in_flight: builder.in_flight,
            peak: builder.peak,
        }
    }

    /// The most things that were under way at a time, however short it was.
    pub(crate) fn peak(&self) -> u32 {
        self.peak
    }
}

/// Whether what a task waits for goes on outside the loop meanwhile: a sleep, or a socket.
fn is_outside(what: u8) -> bool {
    matches!(what, wait::TIMER | wait::READABLE | wait::WRITABLE)
}

struct Builder<'a> {
    trace: &'a Trace,
    state: State,
    lanes: BTreeMap<Owner, Lane>,
    /// What each does now, and since when.
    open: BTreeMap<Owner, (u64, Doing, String)>,
    /// How deep blocking code is nested.
    depth: BTreeMap<u16, u32>,
    /// Which job of the pool each thread works on.
    jobs: BTreeMap<u16, u32>,
    /// Who is under way.
    flying: BTreeSet<Owner>,
    in_flight: Vec<(u64, u32)>,
    peak: u32,
    /// What is closed now did not end: the trace was cut.
    cut: bool,
}

impl Builder<'_> {
    fn apply(&mut self, record: &Record) {
        let Record { t, a, b, c, .. } = *record;
        let track = Owner::Track(record.track);
        match record.kind {
            Kind::PollEnter => self.begins(Owner::Pen, t, Doing::Sleep, String::new()),
            Kind::PollExit => self.close(Owner::Pen, t),
            Kind::TaskSpawn => {
                let lane = self.lane(Owner::Task(a));
                lane.name = format!("T{a}");
            }
            Kind::TaskName => {
                let (name, coroutine) = (self.trace.string(b), self.trace.string(c));
                let lane = self.lane(Owner::Task(a));
                match (name.is_empty(), coroutine.is_empty()) {
                    (false, _) => lane.name = name.to_owned(),
                    (true, false) => lane.name = format!("T{a} {coroutine}"),
                    _ => {}
                }
            }
            Kind::Ready if !self.runs(a) => {
                self.flying.remove(&Owner::Task(a));
                self.begins(Owner::Task(a), t, Doing::Ready, String::new());
            }
            Kind::StepBegin => {
                let name = self.lane(Owner::Task(a)).name.clone();
                self.begins(Owner::Pen, t, Doing::Run, name);
                self.begins(Owner::Task(a), t, Doing::Run, String::new());
            }
            Kind::StepEnd => {
                self.close(Owner::Pen, t);
                self.step_end(t, a, record.flags);
            }
            Kind::CbRun => self.begins(Owner::Pen, t, Doing::Run, "callback".to_owned()),
            Kind::CbEnd => self.close(Owner::Pen, t),
            Kind::BlockBegin => self.blocks(record),
            Kind::BlockEnd => self.blocks_no_more(record),
            Kind::ThreadBegin | Kind::ProcBegin => {
                self.begins(track, t, Doing::Live, String::new());
            }
            Kind::ThreadEnd | Kind::ProcEnd => {
                self.close(track, t);
                self.flying.remove(&track);
            }
            Kind::JoinBegin => {
                let joined = self.trace.tracks.get(a as usize);
                let label =
                    joined.map_or_else(String::new, |other| format!("joins {}", other.name));
                self.begins(track, t, Doing::Wait, label);
            }
            Kind::JoinEnd | Kind::ChunkEnd => {
                self.begins(track, t, Doing::Live, String::new());
                self.flying.remove(&track);
            }
            Kind::ChunkBegin => {
                self.flying.insert(track);
                let label = format!("chunk {a}: {}", items(b, c));
                self.begins(track, t, Doing::Work, label);
            }
            Kind::OffloadRun => self.works(record.track, t, a),
            Kind::OffloadDone => self.works_no_more(t, a),
            // At the head of a trace whose beginning is lost: it waits already.
            Kind::Wait if !self.runs(a) && is_outside(record.flags) => {
                self.flying.insert(Owner::Task(a));
            }
            _ => {}
        }
    }

    fn runs(&self, task: u32) -> bool {
        let doing = self.open.get(&Owner::Task(task));
        matches!(doing, Some((_, Doing::Run, _)))
    }

    fn lane(&mut self, owner: Owner) -> &mut Lane {
        let trace = self.trace;
        self.lanes.entry(owner).or_insert_with(|| {
            let name = match owner {
                Owner::Pen => "loop".to_owned(),
                Owner::Task(task) => format!("T{task}"),
                Owner::Track(track) => {
                    let track = trace.tracks.get(usize::from(track));
                    track.map_or_else(String::new, |track| track.name.clone())
                }
            };
            Lane {
                owner,
                name,
                spans: Vec::new(),
                ended: None,
            }
        })
    }

    fn begins(&mut self, owner: Owner, t: u64, doing: Doing, label: String) {
        self.close(owner, t);
        self.open.insert(owner, (t, doing, label));
    }

    fn close(&mut self, owner: Owner, t: u64) {
        let Some((from, doing, label)) = self.open.remove(&owner) else {
            return;
        };
        if t > from {
            let span = Span {
                from,
                to: t,
                doing,
                label,
                open: self.cut,
            };
            self.lane(owner).spans.push(span);
        }
    }

    fn step_end(&mut self, t: u64, task: u32, how: u8) {
        let owner = Owner::Task(task);
        let state = self.state.tasks.get(task);
        let waiting = state.and_then(|task| task.waiting);
        let is_ready = state.is_some_and(|task| task.ready);
        let outside = waiting.is_some_and(|waiting| is_outside(waiting.what));
        match outside && how == end::PENDING && !is_ready {
            true => drop(self.flying.insert(owner)),
            false => drop(self.flying.remove(&owner)),
        }
        if how != end::PENDING {
            self.close(owner, t);
            self.lane(owner).ended = Some(how);
            return;
        }
        match is_ready {
            true => self.begins(owner, t, Doing::Ready, String::new()),
            false => {
                let label = waiting.map_or_else(String::new, |waiting| self.wait_text(waiting));
                self.begins(owner, t, Doing::Wait, label);
            }
        }
    }

    /// A thread of the pool begins a job.
    fn works(&mut self, track: u16, t: u64, job: u32) {
        self.jobs.insert(track, job);
        self.flying.insert(Owner::Track(track));
        self.begins(Owner::Track(track), t, Doing::Work, format!("job {job}"));
    }

    /// The loop hears that a job is done; its thread may have begun the next one.
    fn works_no_more(&mut self, t: u64, job: u32) {
        let of = self.jobs.iter().find(|(_, other)| **other == job);
        let Some(track) = of.map(|(track, _)| *track) else {
            return;
        };
        self.jobs.remove(&track);
        self.flying.remove(&Owner::Track(track));
        self.close(Owner::Track(track), t);
    }

    fn wait_text(&self, waiting: Waiting) -> String {
        let what = waits_for(waiting, &self.trace.strings);
        match self.trace.place(waiting.place) {
            place if place.is_empty() => what,
            place => format!("{what} at {place}"),
        }
    }

    /// Whose line shows what a track does.
    fn line_of(&self, track: u16) -> Owner {
        match self.trace.tracks.get(usize::from(track)) {
            Some(of) if of.kind == TrackKind::Loop => Owner::Pen,
            _ => Owner::Track(track),
        }
    }

    fn blocks(&mut self, record: &Record) {
        let depth = self.depth.entry(record.track).or_default();
        *depth += 1;
        if *depth == 1 {
            let what = self.trace.string(record.b).to_owned();
            let owner = self.line_of(record.track);
            self.flying.insert(owner);
            self.begins(owner, record.t, Doing::Block, what.clone());
            if record.c != 0 {
                self.begins(Owner::Task(record.c), record.t, Doing::Block, what);
            }
        }
    }

    fn blocks_no_more(&mut self, record: &Record) {
        let depth = self.depth.entry(record.track).or_default();
        *depth = depth.saturating_sub(1);
        if *depth > 0 {
            return;
        }
        if let Some(job) = self.jobs.get(&record.track).copied() {
            return self.works(record.track, record.t, job);
        }
        let owner = self.line_of(record.track);
        self.flying.remove(&owner);
        match (owner, self.state.running) {
            (Owner::Pen, Some(super::state::Item::Task(task))) => {
                let name = self.lane(Owner::Task(task)).name.clone();
                self.begins(Owner::Pen, record.t, Doing::Run, name);
                self.begins(Owner::Task(task), record.t, Doing::Run, String::new());
            }
            (Owner::Pen, _) => self.close(Owner::Pen, record.t),
            (owner, _) => self.begins(owner, record.t, Doing::Live, String::new()),
        }
    }

    fn count(&mut self, t: u64) {
        let now = self.flying.len() as u32;
        self.peak = self.peak.max(now);
        match self.in_flight.last_mut() {
            Some((_, count)) if *count == now => {}
            Some((at, count)) if *at == t => *count = now,
            _ => self.in_flight.push((t, now)),
        }
    }
}
