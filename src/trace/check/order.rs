//! What runs, and in which order: I1, I2 and I6.

use super::{Checker, Rule};
use crate::trace::state::Item;

fn name(item: Item) -> String {
    match item {
        Item::Task(task) => format!("Task-{task}"),
        Item::Callback(callback) => format!("callback {callback}"),
        Item::Timer(timer) => format!("timer {timer}"),
    }
}

impl Checker {
    /// I1.
    pub(super) fn begins(&mut self, item: Item) {
        self.progress = true;
        if let Some(running) = self.state.running {
            let text = format!("{} begins while {} runs", name(item), name(running));
            self.broken(Rule::OneRunning, text);
        }
    }

    /// I1.
    pub(super) fn ends(&mut self, item: Item) {
        if self.state.running != Some(item) {
            let text = format!("{} ends, which does not run", name(item));
            self.broken(Rule::OneRunning, text);
        }
    }

    /// I2: nobody stands in line twice; I7: nobody who has ended.
    pub(super) fn becomes_ready(&mut self, task: u32) {
        match self.state.tasks.get(task) {
            Some(state) if state.ready => {
                let text = format!("Task-{task} enters the ready queue a second time");
                self.broken(Rule::FirstInFirstOut, text);
            }
            Some(_) => {}
            None => {
                let text = format!("READY of Task-{task}, which is no more, or never was");
                self.broken(Rule::Ended, text);
            }
        }
    }

    /// I2 and I6: an item of the queue is about to run.
    pub(super) fn runs(&mut self, item: Item) {
        let queue = &self.state.ready;
        let left = *self.left.get_or_insert(queue.len());
        let Some(at) = queue.iter().position(|other| *other == item) else {
            let text = format!("{} runs, and was not in the ready queue", name(item));
            return self.broken(Rule::FirstInFirstOut, text);
        };
        let passed = queue.iter().take(at);
        // Callbacks and timers that it passes over were cancelled; if not, they are not found when they run.
        // A task that has ended was woken in vain.
        let mut tasks = passed.filter(|item| self.state.is_there(**item));
        let overtaken = tasks.next().copied();
        let last = at + 1 == queue.len();
        if at >= left {
            let text = format!("{} became ready in this very turn", name(item));
            self.broken(Rule::NextTurn, text);
        } else if let (Some(overtaken), false) = (overtaken, self.state.shuffled) {
            let (item, overtaken) = (name(item), name(overtaken));
            let order = match last {
                true => "the newest runs first: last in, first out",
                false => "unfair",
            };
            let text = format!("{item} runs before {overtaken}, which is first in line: {order}");
            self.unordered = true;
            self.broken(Rule::FirstInFirstOut, text);
        }
        let gone = match self.state.shuffled || overtaken.is_some() {
            true => 1,
            false => at + 1,
        };
        self.left = Some(left.saturating_sub(gone));
    }

    /// I6: a turn has ended, and of what was ready for it some task did not run. (Callbacks may have been cancelled.)
    pub(super) fn all_have_run(&mut self) {
        let left = match self.unordered {
            true => 0,
            false => self.left.unwrap_or(0),
        };
        let passed = self.state.ready.iter().take(left);
        // A task that is ready and has ended is a wake-up in vain.
        let is_ready = |item: &Item| match item {
            Item::Task(task) => self.state.tasks.get(*task).is_some_and(|task| task.ready),
            _ => false,
        };
        let tasks: Vec<Item> = passed.copied().filter(is_ready).collect();
        for task in tasks {
            let text = format!(
                "{} was ready for this turn, and did not run in it",
                name(task)
            );
            self.broken(Rule::NextTurn, text);
        }
    }

    /// What was cancelled left no trace when it was skipped; it stands at the front, since all before it has run.
    pub(super) fn skip_cancelled(&mut self, ready: usize) {
        while self.state.ready.len() > ready {
            match self.state.ready.front() {
                Some(&Item::Timer(timer)) => self.skip_timer(timer),
                Some(Item::Callback(_)) => {}
                Some(&item) if !self.state.is_there(item) => {}
                _ => break,
            }
            self.state.ready.pop_front();
        }
        let expected = self.state.ready.len();
        if expected != ready {
            let text = format!("the loop says that {ready} are ready; it should be {expected}");
            self.broken(Rule::FirstInFirstOut, text);
        }
    }

    /// I3: the item of a due timer came up without any effect. A sleeper may be gone, but a callback would have run, or its
    /// timer been cancelled.
    fn skip_timer(&mut self, timer: u32) {
        let callback = self
            .state
            .timers
            .remove(timer)
            .map_or(0, |timer| timer.callback);
        if callback != 0 {
            let text = format!("callback {callback} of timer {timer}, which was due, has not run");
            self.broken(Rule::Wakeable, text);
        }
    }
}
