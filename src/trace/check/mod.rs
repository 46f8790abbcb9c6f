//! The checker: replays a trace and looks whether its loop keeps the rules of an event loop. It tests ours, and grades others.

use std::collections::BTreeSet;

use super::kind::{Kind, cause, end};
use super::record::Record;
use super::state::{Item, State};
use super::trace::Trace;
pub use rule::{Rule, Violation};
use wakes::Wakes;

mod order;
mod rule;
mod sleep;
mod wakes;

/// So many turns in a row without anything to do are a spin; a signal may cause some.
const IDLE_TURNS: u32 = 100;

/// Checks a trace; the violations in order, none if all is well. After one the check goes on with what the trace says, so that one
/// fault may show several times.
///
/// ```
/// use std::{rc::Rc, time::Duration};
/// use glassloop::{EventLoop, sleep, trace};
///
/// let recorder = Rc::new(trace::Recorder::new("nap"));
/// let event_loop = EventLoop::builder().observer(recorder.clone()).build()?;
/// event_loop.run_until_complete(sleep(Duration::from_millis(1)))?;
/// assert_eq!(trace::check(&recorder.trace()), []);
/// # Ok::<(), glassloop::LoopError>(())
/// ```
pub fn check(trace: &Trace) -> Vec<Violation> {
    let mut checker = Checker::default();
    let mut state_at_head = 0;
    for (event, record) in trace.records.iter().enumerate() {
        checker.event = event;
        if record.t != checker.now {
            checker.before = checker.now;
            checker.now = record.t;
        }
        match record.kind {
            Kind::Snap => state_at_head = record.a,
            _ if state_at_head > 0 => state_at_head -= 1,
            // The first turn that is left whole is the first that can be checked.
            _ if trace.dropped > 0 && checker.turns == 0 && record.kind != Kind::Turn => {}
            _ => checker.check(record),
        }
        checker.wakes.apply(event, record);
        checker.apply(record);
    }
    checker.violations
}

#[derive(Default)]
struct Checker {
    state: State,
    wakes: Wakes,
    violations: Vec<Violation>,
    event: usize,
    now: u64,
    /// The time of the clock's last reading before the present one.
    before: u64,
    virtual_time: bool,
    /// When the kernel was asked in this turn, until its timers have been looked at.
    asked: Option<u64>,
    /// Deadlines of cancelled timers that have not passed.
    cancelled: BTreeSet<u64>,
    turns: u32,
    /// Items that this turn's step 4 has still to run; `None` before it has begun.
    left: Option<usize>,
    /// Something ran out of its order in this turn.
    unordered: bool,
    spawned: BTreeSet<u32>,
    /// Turns in a row in which nothing ran, and whether something happened in the present one.
    idle_turns: u32,
    progress: bool,
}

impl Checker {
    fn broken(&mut self, rule: Rule, text: String) {
        let (event, time) = (self.event, self.now);
        self.violations.push(Violation {
            rule,
            event,
            time,
            text,
        });
    }

    fn check(&mut self, record: &Record) {
        let Record { a, flags, .. } = *record;
        match record.kind {
            Kind::RunBegin => self.virtual_time = flags & 1 != 0,
            Kind::Turn => self.turn(record),
            Kind::PollEnter => self.poll_enter(record),
            Kind::IoEvent => self.io_event(record),
            Kind::TimerFire => self.timer_fire(a),
            Kind::Ready | Kind::WakeDup => {
                let timer = Item::Timer(record.b);
                if flags == cause::TIMER && self.state.ready.contains(&timer) {
                    self.step_4();
                    self.runs(timer);
                }
                if record.kind == Kind::Ready {
                    self.becomes_ready(a);
                }
            }
            Kind::StepBegin => {
                self.step_4();
                self.begins(Item::Task(a));
                if self.not_ended(record) {
                    self.runs(Item::Task(a));
                }
            }
            Kind::CbRun => {
                self.step_4();
                self.begins(Item::Callback(a));
                let timer = self.state.due_timer_of(a);
                self.runs(timer.map_or(Item::Callback(a), Item::Timer));
            }
            Kind::StepEnd if flags == end::DESTROYED => drop(self.not_ended(record)),
            Kind::StepEnd => self.ends(Item::Task(a)),
            Kind::CbEnd => self.ends(Item::Callback(a)),
            Kind::Wait | Kind::WaitProgress => drop(self.not_ended(record)),
            Kind::RunEnd => self.closed(),
            _ => {}
        }
    }

    fn apply(&mut self, record: &Record) {
        let due =
            record.kind == Kind::TimerCancel && self.state.ready.contains(&Item::Timer(record.a));
        if due {
            // Its item comes up all the same, and does nothing.
            self.left = self.left.map(|left| left.saturating_sub(1));
        }
        if let (Kind::TimerCancel, Some(timer)) = (record.kind, self.state.timers.get(record.a)) {
            self.cancelled.insert(timer.deadline);
        }
        if record.kind == Kind::TaskSpawn {
            self.spawned.insert(record.a);
        }
        self.state.apply(record);
    }

    /// A turn begins: what the last one had to do is done.
    fn turn(&mut self, record: &Record) {
        self.all_have_run();
        self.skip_cancelled(record.b as usize);
        let found = self.wakes.find_lost(&self.state);
        for (event, task) in found {
            self.violations.push(Violation {
                rule: Rule::Wakeable,
                event,
                time: self.now,
                text: format!("Task-{task} waits, and nothing is left that could wake it"),
            });
        }
        self.idle_turns = match self.progress {
            true => 0,
            false => self.idle_turns + 1,
        };
        if self.idle_turns == IDLE_TURNS {
            let text = format!("{IDLE_TURNS} turns in a row had nothing to do");
            self.broken(Rule::Spin, text);
        }
        self.cancelled = self.cancelled.split_off(&self.before);
        self.progress = false;
        self.left = None;
        self.unordered = false;
        self.turns += 1;
    }

    /// I7: the kernel speaks of what is on its list.
    fn io_event(&mut self, record: &Record) {
        self.progress = true;
        let source = record.a;
        if !self.state.interests.contains_key(&source) {
            let text = format!("IO_EVENT of source {source}, which is not on the kernel's list");
            self.broken(Rule::Ended, text);
        }
    }

    /// I7: whether the task of this record is one that has been made and has not ended.
    fn not_ended(&mut self, record: &Record) -> bool {
        let task = record.a;
        if self.state.tasks.contains(task) {
            return true;
        }
        let name = record.kind.name();
        let text = match self.spawned.contains(&task) {
            true => format!("{name} of Task-{task}, which has ended"),
            false => format!("{name} of Task-{task}, which was never made"),
        };
        self.broken(Rule::Ended, text);
        false
    }

    fn closed(&mut self) {
        let left = self.state.tasks.in_order().into_iter();
        let left: Vec<u32> = left.map(|(task, _)| task).collect();
        for task in left {
            let text = format!("Task-{task} has not ended when the loop is closed");
            self.broken(Rule::Ended, text);
        }
    }
}
