//! What is made once and ends once, and nothing happens to it before or after: I7, with what a number can be used for once.

use super::{Checker, Rule};
use crate::trace::kind::Kind;
use crate::trace::record::Record;
use crate::trace::state::Item;

impl Checker {
    /// I7: the kernel speaks of what is on its list.
    pub(super) fn io_event(&mut self, record: &Record) {
        self.progress = true;
        let source = record.a;
        if !self.state.interests.contains_key(&source) {
            let text = format!("IO_EVENT of source {source}, which is not on the kernel's list");
            self.broken(Rule::Ended, text);
        }
    }

    /// I7: whether the task of this record is one that has been made and has not ended.
    pub(super) fn not_ended(&mut self, record: &Record) -> bool {
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

    pub(super) fn closed(&mut self) {
        let left = self.state.tasks.in_order().into_iter();
        let left: Vec<u32> = left.map(|(task, _)| task).collect();
        for task in left {
            let text = format!("Task-{task} has not ended when the loop is closed");
            self.broken(Rule::Ended, text);
        }
    }

    pub(super) fn is_made(&mut self, record: &Record) {
        let Record { a: task, b: by, .. } = *record;
        if by != 0 && self.state.running != Some(Item::Task(by)) {
            let text = format!("Task-{task} is made by Task-{by}, which does not run");
            self.broken(Rule::OneRunning, text);
        }
        if self.spawned.contains(&task) {
            self.broken(Rule::Ended, format!("Task-{task} is made a second time"));
        }
    }

    pub(super) fn was_made(&mut self, record: &Record) {
        let (name, task) = (record.kind.name(), record.a);
        // Numbers ascend: of those that are lost, none comes after one that is known.
        let may_be_lost = self.lost && self.spawned.last() > Some(&task);
        if !may_be_lost && !self.spawned.contains(&task) {
            self.broken(
                Rule::Ended,
                format!("{name} of Task-{task}, which was never made"),
            );
        }
    }

    /// I2: a callback stands in line once; I5: or is run by a timer that is set.
    pub(super) fn is_added(&mut self, record: &Record) {
        let Record {
            a: callback,
            b: timer,
            flags,
            ..
        } = *record;
        if flags != 0 && !self.state.timers.contains(timer) {
            let text =
                format!("callback {callback} is to be run by timer {timer}, which is not set");
            self.broken(Rule::Timers, text);
        }
        if self.callbacks.contains(&callback) {
            let text = format!("callback {callback} is scheduled a second time");
            self.broken(Rule::FirstInFirstOut, text);
        }
    }

    pub(super) fn is_registered(&mut self, record: &Record) {
        let Record {
            a: source, b: fd, ..
        } = *record;
        if self.state.interests.contains_key(&source) {
            let text = format!("source {source} is put on the kernel's list, and is on it");
            return self.broken(Rule::Ended, text);
        }
        // Not everything has a descriptor.
        let same = self.state.interests.values().any(|other| *other == fd);
        if same && fd != u32::MAX {
            let text = format!("fd {fd} is put on the kernel's list, and is on it");
            self.broken(Rule::Ended, text);
        }
    }

    pub(super) fn is_deregistered(&mut self, source: u32) {
        if !self.state.interests.contains_key(&source) {
            let text = format!("source {source} is taken off the kernel's list, and is not on it");
            self.broken(Rule::Ended, text);
        }
    }

    pub(super) fn result_lost(&mut self, task: u32) {
        // With the beginning of the trace the end of the task may be lost.
        let known = self.spawned.contains(&task);
        if !self.panicked.remove(&task) && known {
            let text = format!(
                "the panic of Task-{task} is lost, which did not panic, or was told before"
            );
            self.broken(Rule::Ended, text);
        }
    }

    /// The events at the head of a trace whose beginning was lost are those that lead to the state that they lead to.
    pub(super) fn head_ends(&mut self, head: &[Record]) {
        // How many steps a task has begun is known of the whole trace only.
        let of = |record: &Record| {
            let b = match record.kind {
                Kind::StepBegin => 0,
                _ => record.b,
            };
            (record.kind, record.flags, record.a, b, record.c)
        };
        let state = self.state.to_records(0, 0);
        if !state.iter().map(of).eq(head.iter().map(of)) {
            let text = "the events for what was lost do not lead to one state".to_owned();
            self.broken(Rule::Ended, text);
        }
    }

    /// A trace ends by saying so.
    pub(super) fn ends_whole(&mut self, last: Option<&Record>) {
        if !last.is_some_and(|last| matches!(last.kind, Kind::RunEnd | Kind::Cut)) {
            let text = "the trace breaks off, without RUN_END or CUT".to_owned();
            self.broken(Rule::Ended, text);
        }
    }
}
