//! The rules that a trace is checked for, and how a breach of one is told.

use std::fmt;

/// A rule that every event loop of asyncio's kind keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// I1: at most one step or callback runs at a time.
    OneRunning,
    /// I2: what became ready first runs first.
    FirstInFirstOut,
    /// I3: a task that waits can be woken, and is woken when what it waits for has come: else the wake-up is lost.
    Wakeable,
    /// I4: the loop sleeps until the next timer, for ever if there is none, and not at all if something is ready.
    SleepLength,
    /// I5: timers never fire early, and in the order of their deadlines; equal ones in the order in which they were set.
    Timers,
    /// I6: what becomes ready during a turn's steps runs in the next turn.
    NextTurn,
    /// I7: nothing happens to a task that has ended, and every task ends.
    Ended,
    /// I8: the loop does not turn round and round with nothing to do.
    Spin,
}

impl Rule {
    /// Its number, as in `I2`.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    fn text(self) -> &'static str {
        match self {
            Rule::OneRunning => "one runs at a time",
            Rule::FirstInFirstOut => "first in, first out",
            Rule::Wakeable => "no wake-up is lost",
            Rule::SleepLength => "it sleeps as long as it may",
            Rule::Timers => "timers in order, never early",
            Rule::NextTurn => "what is readied now runs in the next turn",
            Rule::Ended => "what has ended is over, and everything ends",
            Rule::Spin => "it sleeps while there is nothing to do",
        }
    }
}

/// A rule that a trace breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The number of the record that breaks it: its index in [`Trace::records`](crate::trace::Trace::records).
    pub event: usize,
    /// When that was, in nanoseconds.
    pub time: u64,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { event, text, .. } = self;
        let (rule, number) = (self.rule.text(), self.rule.number());
        let seconds = self.time as f64 / 1e9;
        write!(
            f,
            "event {event} at {seconds:.6} s breaks I{number} ({rule}): {text}"
        )
    }
}
