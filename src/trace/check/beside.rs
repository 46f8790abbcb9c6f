//! What happens beside the loop: threads, processes, blocking code and the jobs of the pool. What begins ends once, and nothing
//! happens to what has not begun (I1, I7).

use std::collections::{BTreeMap, BTreeSet};

use super::{Checker, Rule};
use crate::trace::kind::{Kind, cause, end, wait};
use crate::trace::names::TrackKind;
use crate::trace::record::Record;
use crate::trace::trace::Trace;

#[derive(Default)]
pub(super) struct Beside {
    kinds: Vec<TrackKind>,
    /// The beginning of the loop was lost.
    lost: bool,
    lines: BTreeMap<u16, Line>,
    /// How deep in blocking code the running step or callback began.
    depth: u32,
    /// Jobs that were given to the pool, those that a thread has run, and those that came back.
    given: BTreeSet<u32>,
    run: BTreeSet<u32>,
    returned: BTreeSet<u32>,
    /// Those that a thread runs anywhere in the trace: the loop may hear of the end before the beginning is recorded.
    run_ever: BTreeSet<u32>,
    /// The job that has come back last.
    back: Option<u32>,
}

/// What other threads, and the program itself, record beside the loop.
pub(super) fn is_beside(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::BlockBegin
            | Kind::BlockEnd
            | Kind::ThreadBegin
            | Kind::ThreadEnd
            | Kind::JoinBegin
            | Kind::JoinEnd
            | Kind::OffloadRun
            | Kind::ProcBegin
            | Kind::ProcEnd
            | Kind::ChunkBegin
            | Kind::ChunkEnd
            | Kind::Mark
    )
}

/// A thread or a process.
#[derive(Default)]
struct Line {
    begun: bool,
    ended: bool,
    /// How deep it is in blocking code.
    blocks: u32,
    joins: Option<u32>,
    chunk: Option<u32>,
}

impl Beside {
    pub(super) fn of(trace: &Trace) -> Beside {
        let runs = trace.records.iter().filter(|r| r.kind == Kind::OffloadRun);
        Beside {
            kinds: trace.tracks.iter().map(|track| track.kind).collect(),
            lost: trace.dropped > 0,
            run_ever: runs.map(|record| record.a).collect(),
            ..Beside::default()
        }
    }

    fn kind(&self, track: u16) -> Option<TrackKind> {
        self.kinds.get(usize::from(track)).copied()
    }

    pub(super) fn is_of_a_thread(&self, record: &Record) -> bool {
        self.kind(record.track) != Some(TrackKind::Loop)
    }
}

impl Checker {
    /// A record that is not `whole` only leads to the state of those after it.
    pub(super) fn beside(&mut self, record: &Record, whole: bool) {
        if let (Err((rule, text)), true) = (self.beside.apply(record), whole) {
            self.broken(rule, format!("{} {text}", record.kind.name()));
        }
    }

    /// I3: what a task has waited for has come back, so somebody must have done it.
    pub(super) fn job_was_run(&mut self, record: &Record) {
        let Some(job) = self.beside.back.take_if(|_| record.flags == cause::THREAD) else {
            return;
        };
        let waiting = self.state.tasks.get(record.a).and_then(|task| task.waiting);
        let waits = waiting.is_some_and(|it| (it.what, it.object) == (wait::JOB, job));
        if waits && !self.beside.run_ever.contains(&job) {
            let text = format!("job {job} has a result, and no thread ran it");
            self.broken(Rule::Wakeable, text);
        }
    }
}

type Broken = (Rule, String);

impl Beside {
    fn apply(&mut self, record: &Record) -> Result<(), Broken> {
        let Record { kind, a, track, .. } = *record;
        let is_process = self.kind(track) == Some(TrackKind::Process);
        let line = self.lines.entry(track).or_default();
        let ended = |what: &str| Err((Rule::Ended, what.to_owned()));
        let at_once = |what: &str| Err((Rule::OneRunning, what.to_owned()));
        let of_line =
            is_beside(kind) && !matches!(kind, Kind::JoinEnd | Kind::OffloadRun | Kind::Mark);
        if of_line && line.ended {
            return ended("of what has ended");
        }
        if of_line && line.joins.is_some() {
            return at_once("of a thread that waits for another one");
        }
        if is_process && !line.begun && kind != Kind::ProcBegin {
            return ended("of a process that has not begun");
        }
        match kind {
            Kind::ThreadBegin | Kind::ProcBegin if line.begun => return ended("for a second time"),
            Kind::ThreadBegin | Kind::ProcBegin => line.begun = true,
            Kind::ThreadEnd | Kind::ProcEnd => {
                line.ended = true;
                if !line.begun {
                    return ended("of what has not begun");
                }
                if line.blocks > 0 {
                    return at_once("in the middle of blocking code");
                }
                if line.chunk.is_some() {
                    return at_once("in the middle of a chunk");
                }
            }
            Kind::BlockBegin => line.blocks += 1,
            Kind::BlockEnd => match line.blocks.checked_sub(1) {
                Some(blocks) => line.blocks = blocks,
                None => return at_once("of blocking code that has not begun"),
            },
            Kind::StepBegin | Kind::CbRun => self.depth = line.blocks,
            Kind::StepEnd | Kind::CbEnd
                if line.blocks != self.depth && record.flags != end::DESTROYED =>
            {
                line.blocks = self.depth;
                return at_once("in the middle of blocking code");
            }
            Kind::JoinBegin => line.joins = Some(a),
            Kind::JoinEnd => {
                if line.joins.take() != Some(a) {
                    return ended("of a thread that was not waited for");
                }
                let other = self.lines.get(&(a as u16));
                if other.is_some_and(|other| other.begun && !other.ended) {
                    return ended("of a thread that has not ended");
                }
            }
            Kind::ChunkBegin => {
                if line.chunk.replace(a).is_some() {
                    return at_once("in the middle of another chunk");
                }
            }
            Kind::ChunkEnd => {
                if line.chunk.take() != Some(a) {
                    return at_once("of a chunk that has not begun");
                }
            }
            Kind::Offload if !self.given.insert(a) => {
                return ended("of a job that was given before");
            }
            Kind::OffloadRun if !self.lost && !self.given.contains(&a) => {
                return ended("of a job that was not given to the pool");
            }
            Kind::OffloadRun if !self.run.insert(a) => {
                return ended("of a job that another thread has run");
            }
            Kind::OffloadDone => {
                self.back = Some(a);
                if !self.given.contains(&a) || !self.returned.insert(a) {
                    return ended("of a job that was not given to the pool, or is back already");
                }
            }
            Kind::OffloadRun | Kind::Ready | Kind::WakeDup | Kind::StepEnd | Kind::CbEnd => {}
            _ => self.back = None,
        }
        Ok(())
    }
}
