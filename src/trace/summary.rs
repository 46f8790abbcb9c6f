//! A trace in a few figures.

use super::kind::{Kind, cut, end};
use super::trace::Trace;

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
        let mut summary = Summary {
            total: trace.end() - first,
            cost: trace.cost,
            ..Summary::default()
        };
        let (mut begun, mut blocks) = (None, 0);
        let mut places = std::collections::BTreeMap::new();
        for record in &trace.records {
            match record.kind {
                Kind::Turn => summary.turns += 1,
                Kind::Ready => summary.wakes += 1,
                Kind::WakeDup => summary.duplicates += 1,
                Kind::TaskSpawn => drop(places.insert((true, record.a), record.c)),
                Kind::CbAdd => drop(places.insert((false, record.a), record.c)),
                Kind::StepBegin | Kind::CbRun => {
                    begun = Some(record.t);
                    blocks = 0;
                }
                Kind::BlockBegin if begun.is_some() && blocks == 0 => blocks = record.a,
                Kind::StepEnd | Kind::CbEnd | Kind::Cut => {
                    let Some(begin) = begun.take() else { continue };
                    let open = record.kind == Kind::Cut;
                    let step = match open {
                        true => record.flags == cut::STEP,
                        false => record.kind == Kind::StepEnd,
                    };
                    let took = record.t - begin;
                    summary.busy += took;
                    summary.steps += u64::from(step && !open);
                    let pending = record.kind == Kind::StepEnd && record.flags == end::PENDING;
                    summary.suspensions += u64::from(pending);
                    if took >= trace.slow {
                        let made = places.get(&(step, record.a)).copied().unwrap_or(0);
                        summary.slow.push(Slow {
                            task: if step { record.a } else { 0 },
                            begin,
                            took,
                            place: if blocks != 0 { blocks } else { made },
                            open,
                        });
                    }
                }
                _ => {}
            }
        }
        summary
    }
}
