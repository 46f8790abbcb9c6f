//! What a turn is made of, and in which order: TURN, the question to the kernel, its answer, who is woken, and the steps. What is
//! missing, doubled or in the wrong place breaks the rule that it belongs to.

use super::beside::is_beside;
use super::wakes::is_live;
use super::{Checker, Rule};
use crate::trace::kind::{Kind, cause, cut, io, wait};
use crate::trace::record::Record;
use crate::trace::state::Item;

/// What the loop is at, beside what its state says.
#[derive(Default)]
pub(super) struct Turn {
    /// Its last record.
    last: Option<Kind>,
    /// The events that the kernel has announced and not told.
    announced: u32,
    /// The source whose waiters are being woken, and the timer whose sleeper is.
    source: Option<u32>,
    timer: Option<u32>,
    /// The sources that the kernel has spoken of in this turn.
    told: Vec<u32>,
    /// The waits that the present step has said.
    said: u32,
}

impl Turn {
    /// This record is not looked at.
    pub(super) fn last(&mut self, kind: Kind) {
        if !is_beside(kind) {
            self.last = Some(kind);
        }
    }
}

impl Checker {
    /// Before the other rules are asked about this record.
    pub(super) fn in_its_place(&mut self, record: &Record) {
        let Record {
            kind, a, b, flags, ..
        } = *record;
        if is_beside(kind) {
            return;
        }
        let last = self.step.last.replace(kind);
        self.between_its_ends(last, kind);
        self.between_question_and_answer(last, kind);
        match kind {
            Kind::Turn => self.turn_begins(record),
            Kind::PollExit => {
                self.step.announced = a;
                if flags != 0 && a > 0 {
                    let text = format!("a signal ended the sleep, and so did {a} events");
                    self.broken(Rule::SleepLength, text);
                }
            }
            Kind::IoEvent => self.is_told_of(record),
            Kind::OffloadDone => self.step.source = None,
            Kind::TimerFire | Kind::StepBegin | Kind::CbRun => {
                self.all_was_told();
                (self.step.source, self.step.timer) = (None, None);
                if self.turns == 0 {
                    let text = format!("{}, and no turn has begun", kind.name());
                    self.broken(Rule::NextTurn, text);
                }
                if kind == Kind::TimerFire && self.left.is_some() {
                    let text = format!("timer {a} fires when the steps of the turn have begun");
                    self.broken(Rule::Timers, text);
                }
            }
            Kind::Ready | Kind::WakeDup => self.is_woken_by(record),
            Kind::RunEnd => self.nobody_runs("the loop is closed"),
            Kind::Cut => {
                let running = match flags {
                    cut::STEP => Some(Item::Task(a)),
                    cut::CALLBACK => Some(Item::Callback(a)),
                    _ => None,
                };
                if running != self.state.running {
                    let text = "the end says that somebody else has the pen".into();
                    self.broken(Rule::OneRunning, text);
                }
            }
            Kind::Wait => {
                self.step.said += 1;
                self.only_in_its_step(record);
                self.waits_for_something(record);
            }
            Kind::WaitDetail => {
                self.only_in_its_step(record);
                if last != Some(Kind::Wait) {
                    let text = format!("more of what Task-{a} waits for, and it has not said what");
                    self.broken(Rule::Wakeable, text);
                }
            }
            Kind::FutDone if a != 0 => self.only_in_its_step(record),
            Kind::WaitProgress if self.state.running != Some(Item::Task(a)) => {
                self.counts_on(a, b, record.c);
            }
            _ => {}
        }
        if kind == Kind::StepBegin {
            self.step.said = 0;
        }
    }

    /// I7: nothing is before the loop was made, or after its end.
    fn between_its_ends(&mut self, last: Option<Kind>, kind: Kind) {
        // What outlives the loop is dropped later.
        let late = matches!(
            kind,
            Kind::ResultLost | Kind::IoDereg | Kind::Queue | Kind::FutDone
        );
        match (last, kind) {
            (None, Kind::RunBegin | Kind::Cut) => {}
            (None, _) => self.broken(Rule::Ended, "nothing says that the loop was made".into()),
            (Some(_), Kind::RunBegin) => {
                self.broken(Rule::OneRunning, "a second loop is made in this one".into());
            }
            (Some(Kind::RunEnd), Kind::Cut) => {}
            (Some(Kind::RunEnd | Kind::Cut), _) if !late => {
                let text = format!("{} after the end", kind.name());
                self.broken(Rule::Ended, text);
            }
            _ => {}
        }
    }

    /// I4: the kernel is asked when a turn begins, and nothing is before it answers.
    fn between_question_and_answer(&mut self, last: Option<Kind>, kind: Kind) {
        match kind {
            Kind::PollEnter if last != Some(Kind::Turn) => {
                self.broken(
                    Rule::SleepLength,
                    "the kernel is asked, and no turn has begun".into(),
                );
            }
            Kind::PollExit if last != Some(Kind::PollEnter) => {
                self.broken(
                    Rule::SleepLength,
                    "the kernel answers, and was not asked".into(),
                );
            }
            Kind::PollExit | Kind::Cut => {}
            kind if last == Some(Kind::PollEnter) => {
                let text = format!("{} while the loop asks the kernel", kind.name());
                self.broken(Rule::SleepLength, text);
            }
            _ => {}
        }
    }

    fn turn_begins(&mut self, record: &Record) {
        self.nobody_runs("a turn begins");
        self.all_was_told();
        let before = self.state.turn;
        if (self.turns > 0 || !self.lost) && record.a != before.wrapping_add(1) {
            let text = format!("turn {} comes after turn {before}", record.a);
            self.broken(Rule::NextTurn, text);
        }
        let set = self.state.timers.iter().filter(|(_, timer)| !timer.due);
        let (set, said) = (set.count(), record.c as usize);
        if set != said {
            let text = format!("the loop says that {said} timers are set; it should be {set}");
            self.broken(Rule::Timers, text);
        }
        let out = self.state.jobs.len().min(255);
        if out != usize::from(record.flags) {
            let text = format!(
                "the loop says that {} jobs are out; it should be {out}",
                record.flags
            );
            self.broken(Rule::Wakeable, text);
        }
        (self.step.source, self.step.timer) = (None, None);
        self.step.told.clear();
    }

    fn nobody_runs(&mut self, when: &str) {
        if self.state.running.is_some() {
            self.broken(Rule::OneRunning, format!("{when} while somebody runs"));
        }
    }

    /// I7: the kernel speaks of each source once, and of as many as it has said.
    fn is_told_of(&mut self, record: &Record) {
        let source = record.a;
        (self.step.source, self.step.timer) = (Some(source), None);
        let for_whom = match record.flags {
            flags if flags & io::ERROR != 0 => io::READABLE | io::WRITABLE,
            flags if flags & io::CLOSED != 0 => io::READABLE,
            _ => 0,
        };
        if record.flags & (io::READABLE | io::WRITABLE) == 0 || record.flags & for_whom != for_whom
        {
            let text = format!("source {source} is ready, and not for all who have to see it");
            self.broken(Rule::Wakeable, text);
        }
        if self.step.told.contains(&source) {
            let text = format!("the kernel speaks of source {source} twice in a turn");
            self.broken(Rule::Ended, text);
        }
        self.step.told.push(source);
        match self.step.announced.checked_sub(1) {
            Some(left) => self.step.announced = left,
            None => {
                let text =
                    format!("IO_EVENT of source {source}, which the kernel has not announced");
                self.broken(Rule::SleepLength, text);
            }
        }
    }

    fn all_was_told(&mut self) {
        let missing = std::mem::take(&mut self.step.announced);
        if missing > 0 {
            let text = format!("of the events that the kernel has announced {missing} do not come");
            self.broken(Rule::SleepLength, text);
        }
    }

    /// I1 and I3: who wakes others has the pen, or was told of just now.
    fn is_woken_by(&mut self, record: &Record) {
        let Record {
            a: task,
            b: by,
            flags,
            ..
        } = *record;
        let running = self.state.running;
        let pen = match flags {
            cause::TASK | cause::YIELD => Some(Item::Task(by)),
            cause::CALLBACK => Some(Item::Callback(by)),
            _ => None,
        };
        if pen.is_some() && running != pen {
            let text = format!("Task-{task} is woken by what does not run");
            return self.broken(Rule::OneRunning, text);
        }
        match flags {
            cause::IO if self.step.source != Some(by) => {
                let text = format!(
                    "Task-{task} is woken by source {by}, of which the kernel does not speak"
                );
                self.broken(Rule::Wakeable, text);
            }
            cause::TIMER if self.state.timers.get(by).is_some_and(|timer| timer.due) => {
                self.step.timer = Some(by);
                self.nobody_runs(&format!("timer {by} wakes its sleeper"));
            }
            cause::TIMER if self.step.timer != Some(by) => {
                let text = format!("Task-{task} is woken by timer {by}, which did not fire");
                self.broken(Rule::Timers, text);
            }
            _ => {}
        }
    }

    /// I3: what a task waits for is there.
    fn waits_for_something(&mut self, record: &Record) {
        let waker = (record.flags, record.b);
        if record.flags != wait::YIELD && !is_live(&self.state, waker) {
            let text = format!("Task-{} waits for what is not there", record.a);
            self.broken(Rule::Wakeable, text);
        }
    }

    /// I3: its end says how often a step has said what it waits for.
    pub(super) fn has_said(&mut self, record: &Record) {
        let (said, found) = (record.b, self.step.said);
        if said != 0 && said != found {
            let text =
                format!("the step says {said} times what it waits for, and {found} stand here");
            self.broken(Rule::Wakeable, text);
        }
    }

    fn only_in_its_step(&mut self, record: &Record) {
        let (name, task) = (record.kind.name(), record.a);
        if self.state.running != Some(Item::Task(task)) {
            let text = format!("{name} of Task-{task}, which does not run");
            self.broken(Rule::OneRunning, text);
        }
    }

    /// I3: of what a task waits for, one after another is done.
    fn counts_on(&mut self, task: u32, done: u32, all: u32) {
        let waiting = self.state.tasks.get(task).and_then(|task| task.waiting);
        let Some(before) = waiting.filter(|waiting| waiting.all == all) else {
            let text = format!("Task-{task} has {done} of {all}, and does not wait for as many");
            return self.broken(Rule::Wakeable, text);
        };
        if before.done.checked_add(1) != Some(done) {
            let text = format!("Task-{task} has {done} of {all} after {}", before.done);
            self.broken(Rule::Wakeable, text);
        }
    }
}
