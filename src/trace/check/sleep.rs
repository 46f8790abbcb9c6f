//! How long the loop sleeps, and its timers: I4 and I5.

use super::{Checker, Rule};
use crate::trace::kind::why;
use crate::trace::record::Record;

/// The longest sleep that a loop has to ask for: ours wakes up once a day.
const DAY: u64 = 24 * 3600 * 1_000_000_000;

impl Checker {
    /// The timer that is due first, with its deadline.
    fn next_timer(&self) -> Option<(u64, u32)> {
        let set = self.state.timers.iter().filter(|(_, timer)| !timer.due);
        set.map(|(number, timer)| (timer.deadline, number)).min()
    }

    /// I4.
    pub(super) fn poll_enter(&mut self, record: &Record) {
        let timeout = record.wide_ab();
        self.progress |= timeout != 0;
        self.asked = Some(record.t);
        if let Err(text) = self.sleep_length(timeout, record.flags) {
            self.broken(Rule::SleepLength, text);
        }
    }

    fn sleep_length(&self, timeout: u64, reason: u8) -> Result<(), String> {
        let ready = self.state.ready.len();
        if ready > 0 {
            return match timeout {
                0 => Ok(()),
                _ => Err(format!("it sleeps, and {ready} are ready")),
            };
        }
        match (reason, timeout) {
            (why::READY, _) => return Err("it says that something is ready, and nothing is".into()),
            (why::STOPPING | why::MAIL, 0) => return Ok(()),
            (why::OUTSTANDING, u64::MAX) if self.virtual_time => return Ok(()),
            _ => {}
        }
        // A loop may wake up in vain for a timer that was cancelled, where to look for the next one would cost more.
        let vain = timeout.saturating_add(self.before)..=timeout.saturating_add(self.now);
        let in_vain = self.cancelled.range(vain).next().is_some();
        let Some((deadline, timer)) = self.next_timer() else {
            return match timeout {
                u64::MAX => Ok(()),
                _ if in_vain => Ok(()),
                _ => Err("there is no timer, and it does not sleep for ever".into()),
            };
        };
        if timeout == u64::MAX {
            return Err(format!("it sleeps for ever, and timer {timer} is set"));
        }
        // It read the clock at some time between the last record and this one.
        let from = deadline.saturating_sub(self.now);
        let to = match self.virtual_time {
            true => from,
            false => deadline.saturating_sub(self.before),
        };
        match timeout {
            DAY if from > DAY => Ok(()),
            _ if timeout > to => Err(format!(
                "it sleeps for {timeout} ns, and timer {timer} is due in {to} ns"
            )),
            _ if timeout < from && !in_vain => Err(format!(
                "it sleeps for {timeout} ns only, and the next timer, {timer}, is due in {from} ns"
            )),
            _ => Ok(()),
        }
    }

    /// I5: the fourth step of a turn begins, so all timers have fired that were due when the kernel was asked.
    pub(super) fn step_4(&mut self) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        if let Some((deadline, timer)) =
            self.next_timer().filter(|(deadline, _)| *deadline <= asked)
        {
            let late = asked - deadline;
            let text = format!(
                "timer {timer} was due {late} ns before the kernel was asked, and does not fire"
            );
            self.broken(Rule::Timers, text);
        }
    }

    /// I5.
    pub(super) fn timer_set(&mut self, timer: u32) {
        if self.state.timers.contains(timer) {
            self.broken(Rule::Timers, format!("timer {timer} is set a second time"));
        }
    }

    /// I5.
    pub(super) fn timer_cancel(&mut self, timer: u32) {
        if !self.state.timers.contains(timer) {
            let text = format!("timer {timer} is cancelled, and is not set");
            self.broken(Rule::Timers, text);
        }
    }

    /// I5.
    pub(super) fn timer_fire(&mut self, timer: u32) {
        self.progress = true;
        let Some(state) = self.state.timers.get(timer).copied().filter(|t| !t.due) else {
            let text = format!("timer {timer} fires, and is not set");
            return self.broken(Rule::Timers, text);
        };
        if state.deadline > self.now {
            let early = state.deadline - self.now;
            let text = format!("timer {timer} fires {early} ns early");
            return self.broken(Rule::Timers, text);
        }
        if let Some((deadline, next)) = self.next_timer().filter(|(_, next)| *next != timer) {
            let order = match deadline == state.deadline {
                true => "due at the same time and set earlier",
                false => "due earlier",
            };
            let text = format!("timer {timer} fires before timer {next}, which is {order}");
            self.broken(Rule::Timers, text);
        }
    }
}
