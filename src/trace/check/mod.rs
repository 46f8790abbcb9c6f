//! The checker: replays a trace and looks whether its loop keeps the rules of an event loop. It tests ours, and grades others.

use std::collections::BTreeSet;

use super::kind::{Kind, cause, end};
use super::record::Record;
use super::state::{Item, State};
use super::trace::Trace;
use beside::{Beside, is_beside};
pub use rule::{Rule, Violation};
use turn::Turn;
use wakes::Wakes;

mod beside;
mod made;
mod order;
mod rule;
mod sleep;
mod turn;
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
    let mut checker = Checker {
        beside: Beside::of(trace),
        lost: trace.dropped > 0,
        ..Checker::default()
    };
    let mut head = 0;
    for (event, record) in trace.records.iter().enumerate() {
        checker.event = event;
        // The loop's own readings of the clock.
        if record.t != checker.now && !is_beside(record.kind) {
            checker.before = checker.now;
            checker.now = record.t;
        }
        let in_head = head > 0;
        // The first turn that is left whole is the first that can be checked.
        let in_rest = checker.lost && checker.turns == 0 && record.kind != Kind::Turn;
        match record.kind {
            Kind::Dropped if event == 0 && checker.lost => {}
            Kind::Snap if event == 1 && checker.lost => head = record.a,
            _ if event < 2 && checker.lost => {
                let text = format!(
                    "events were lost, and {} stands for them",
                    record.kind.name()
                );
                checker.broken(Rule::Ended, text);
            }
            _ => {
                // Threads are recorded whole, also where the beginning of the loop was lost.
                let whole = !in_rest || checker.beside.is_of_a_thread(record);
                checker.beside(record, whole && !in_head);
                if in_head || in_rest {
                    checker.step.last(record.kind);
                } else {
                    checker.in_its_place(record);
                    checker.check(record);
                }
            }
        }
        checker.wakes.apply(event, record);
        checker.apply(record);
        if in_head {
            head -= 1;
            if head == 0 {
                checker.head_ends(&trace.records[2..=event]);
            }
        }
    }
    checker.ends_whole(trace.records.last());
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
    /// What the turn is at.
    step: Turn,
    beside: Beside,
    virtual_time: bool,
    /// The beginning of the trace was lost.
    lost: bool,
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
    /// Tasks that have panicked.
    panicked: BTreeSet<u32>,
    callbacks: BTreeSet<u32>,
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
            Kind::Turn => self.turn(record),
            Kind::PollEnter => self.poll_enter(record),
            Kind::IoEvent => self.io_event(record),
            Kind::IoReg => self.is_registered(record),
            Kind::IoDereg => self.is_deregistered(a),
            Kind::TimerSet => self.timer_set(a),
            Kind::TimerCancel => self.timer_cancel(a),
            Kind::TimerFire => self.timer_fire(a),
            Kind::TaskSpawn => self.is_made(record),
            Kind::TaskName | Kind::CancelReq => self.was_made(record),
            Kind::CbAdd => self.is_added(record),
            Kind::ResultLost => self.result_lost(a),
            Kind::Ready | Kind::WakeDup => {
                let timer = Item::Timer(record.b);
                if flags == cause::TIMER && self.state.ready.contains(&timer) {
                    self.step_4();
                    self.runs(timer);
                }
                self.job_was_run(record);
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
            Kind::StepEnd => {
                self.ends(Item::Task(a));
                self.has_said(record);
            }
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
        match record.kind {
            Kind::RunBegin => self.virtual_time = record.flags & 1 != 0,
            Kind::TaskSpawn => drop(self.spawned.insert(record.a)),
            Kind::CbAdd => drop(self.callbacks.insert(record.a)),
            Kind::StepEnd if record.flags == end::PANICKED => drop(self.panicked.insert(record.a)),
            _ => {}
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
}
