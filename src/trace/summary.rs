//! A trace in a few figures.

use std::collections::BTreeMap;
use std::ops::Range;

use super::kind::{Kind, cut, end};
use super::record::Record;
use super::state::{Item, State};
use super::trace::Trace;

/// What the kernel reports so soon was there when it was asked, in nanoseconds.
const AT_ONCE: u64 = 1_000_000;

/// A step or callback that blocked the loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slow {
    /// The task, 0 for a callback.
    pub task: u32,
    /// When it began, in nanoseconds.
    pub begin: u64,
    /// How long it took.
    pub took: u64,
    /// The number of the place that blocks, if it says so; else where the task was made or the callback scheduled; 0 if unknown.
    pub place: u32,
    /// It still runs where the trace ends, so it takes longer yet.
    pub open: bool,
    /// The tasks that were ready when it began and stood by, the first in line in front.
    pub victims: Vec<u32>,
    /// The timers that fell due meanwhile, each with how late it was by then, in nanoseconds: the latest first.
    pub late: Vec<(u32, u64)>,
    /// The descriptors that were ready when the loop asked the kernel next: meanwhile, though the trace does not know since when.
    pub descriptors: Vec<u32>,
}

/// What happened in a trace, counted.
///
/// ```
/// use std::{rc::Rc, time::Duration};
/// use glassloop::{EventLoop, sleep, trace};
///
/// let recorder = Rc::new(trace::Recorder::new("nap"));
/// let event_loop = EventLoop::builder().virtual_time().observer(recorder.clone()).build()?;
/// event_loop.run_until_complete(sleep(Duration::from_millis(1)))?;
/// event_loop.close()?;
/// let summary = trace::Summary::of(&recorder.trace());
/// assert_eq!((summary.steps, summary.suspensions, summary.total), (2, 1, 1_000_000));
/// # Ok::<(), glassloop::LoopError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// From the first record to the last, in nanoseconds.
    pub total: u64,
    /// The time in steps and callbacks.
    pub busy: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// Steps of tasks.
    pub steps: u64,
    /// Steps that left their task pending.
    pub suspensions: u64,
    /// Times that a task became ready.
    pub wakes: u64,
    /// Wakes of tasks that were ready already.
    pub duplicates: u64,
    /// What took longer than [`Trace::slow`], in order.
    pub slow: Vec<Slow>,
    /// What recording has cost, by estimate.
    pub cost: u64,
}

impl Summary {
    /// Counts.
    pub fn of(trace: &Trace) -> Summary {
        let first = trace.records.first().map_or(0, |record| record.t);
        let summary = Summary {
            total: trace.end() - first,
            cost: trace.cost,
            ..Summary::default()
        };
        let mut counter = Counter {
            summary,
            state: State::default(),
            slow: trace.slow,
            begun: None,
            stood: 0,
            blocks: 0,
            places: BTreeMap::new(),
            asked: None,
            unasked: 0,
            meanwhile: 0..0,
        };
        for record in &trace.records {
            counter.apply(record);
            counter.state.apply(record);
        }
        counter.summary
    }
}

struct Counter {
    summary: Summary,
    /// Before the record that is counted.
    state: State,
    slow: u64,
    /// When the step or callback began that runs, and how many were ready behind it.
    begun: Option<u64>,
    stood: usize,
    /// The place of the first thing in it that blocks.
    blocks: u32,
    /// Where each task was made (true) and each callback scheduled.
    places: BTreeMap<(bool, u32), u32>,
    /// When the kernel was asked.
    asked: Option<u64>,
    /// Of the slow ones, the first after which the kernel was not asked yet.
    unasked: usize,
    /// Those during which what the kernel reports now became ready.
    meanwhile: Range<usize>,
}

impl Counter {
    fn apply(&mut self, record: &Record) {
        match record.kind {
            Kind::Turn => self.summary.turns += 1,
            Kind::Ready => self.summary.wakes += 1,
            Kind::WakeDup => self.summary.duplicates += 1,
            Kind::TaskSpawn => drop(self.places.insert((true, record.a), record.c)),
            Kind::CbAdd => drop(self.places.insert((false, record.a), record.c)),
            Kind::StepBegin | Kind::CbRun => {
                self.begun = Some(record.t);
                self.blocks = 0;
                self.stood = self.state.ready.len().saturating_sub(1);
            }
            Kind::BlockBegin if self.begun.is_some() && self.blocks == 0 => {
                self.blocks = record.a;
            }
            Kind::StepEnd | Kind::CbEnd | Kind::Cut => self.ends(record),
            Kind::PollEnter => self.asked = Some(record.t),
            Kind::PollExit => {
                let slow = self.summary.slow.len();
                let first = std::mem::replace(&mut self.unasked, slow);
                let asked = self.asked.take();
                self.meanwhile =
                    match asked.is_some_and(|asked| record.t.saturating_sub(asked) < AT_ONCE) {
                        true => first..slow,
                        false => slow..slow,
                    };
            }
            Kind::IoEvent => {
                for slow in &mut self.summary.slow[self.meanwhile.clone()] {
                    slow.descriptors.push(record.b);
                }
            }
            _ => {}
        }
    }

    fn ends(&mut self, record: &Record) {
        let Some(begin) = self.begun.take() else {
            return;
        };
        let open = record.kind == Kind::Cut;
        let step = match open {
            true => record.flags == cut::STEP,
            false => record.kind == Kind::StepEnd,
        };
        let took = record.t - begin;
        self.summary.busy += took;
        self.summary.steps += u64::from(step && !open);
        let pending = record.kind == Kind::StepEnd && record.flags == end::PENDING;
        self.summary.suspensions += u64::from(pending);
        if took < self.slow {
            return;
        }
        let made = self.places.get(&(step, record.a)).copied();
        let place = match self.blocks {
            0 => made.unwrap_or(0),
            blocks => blocks,
        };
        self.summary.slow.push(Slow {
            task: if step { record.a } else { 0 },
            begin,
            took,
            place,
            open,
            victims: victims(&self.state, self.stood),
            late: late(&self.state, record.t),
            descriptors: Vec::new(),
        });
    }
}

/// The first so many of what is ready.
fn victims(state: &State, stood: usize) -> Vec<u32> {
    let ready = state.ready.iter().take(stood);
    let tasks = ready.filter_map(|item| match item {
        Item::Task(task) => Some(*task),
        _ => None,
    });
    tasks.collect()
}

fn late(state: &State, t: u64) -> Vec<(u32, u64)> {
    let set = state.timers.in_order().into_iter();
    let due = set.filter(|(_, timer)| !timer.due && timer.deadline < t);
    let mut late: Vec<(u32, u64)> = due
        .map(|(number, timer)| (number, t - timer.deadline))
        .collect();
    late.sort_by_key(|(_, late)| std::cmp::Reverse(*late));
    late
}
