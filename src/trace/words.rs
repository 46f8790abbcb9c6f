//! Words for what stands in a trace as numbers.

use std::fmt;

use crate::text::{cut_in_the_middle, on_one_line};

use super::kind::wait;
use super::state::Waiting;
use super::turns::Who;

/// A name may hold anything: what would move a terminal's cursor is escaped, and the middle of a long one left out.
pub(crate) fn shown(name: &str) -> String {
    cut_in_the_middle(&on_one_line(name))
}

/// The same as one word of a list: in quotes if it would not be seen as one.
pub(crate) fn word(name: &str) -> String {
    let line = shown(name);
    match line.is_empty() || line.contains(char::is_whitespace) {
        true => format!("'{line}'"),
        false => line,
    }
}

/// A task in one word: the name that it was given, else `T3`.
pub(crate) fn short(who: Who, strings: &[String]) -> String {
    match strings.get(who.name as usize) {
        Some(name) if who.name != 0 => word(name),
        _ => format!("T{}", who.task),
    }
}

/// What a task waits for, in one or two words.
pub(crate) fn waits_for(waiting: Waiting, strings: &[String]) -> String {
    let Waiting {
        what,
        object,
        detail,
        fd,
        done,
        all,
        ..
    } = waiting;
    let text = on_one_line(strings.get(detail as usize).map_or("", String::as_str));
    match what {
        wait::YIELD => "yield".to_owned(),
        wait::TIMER => "sleep".to_owned(),
        wait::READABLE => format!("fd {fd} readable"),
        wait::WRITABLE => format!("fd {fd} writable"),
        wait::TASK => format!("T{object}"),
        wait::JOB => "thread job".to_owned(),
        _ if all != 0 => format!("{text} {done}/{all}"),
        _ if detail != 0 => text,
        wait::PROMISE => "promise".to_owned(),
        _ => "something".to_owned(),
    }
}

/// Which items a chunk of work has.
pub(crate) fn items(first: u32, count: u32) -> String {
    let last = u64::from(first) + u64::from(count.max(1)) - 1;
    format!("items {first} to {last}")
}

/// Nanoseconds, as people say them.
#[derive(Clone, Copy)]
pub(crate) struct Time(pub(crate) u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0 => "0".to_owned(),
            t @ ..1_000 => format!("{t} ns"),
            t @ ..1_000_000 => format!("{} us", t / 1_000),
            t @ ..1_000_000_000 => format!("{:.1} ms", t as f64 / 1e6),
            t => format!("{:.3} s", t as f64 / 1e9),
        };
        f.pad(&text)
    }
}
