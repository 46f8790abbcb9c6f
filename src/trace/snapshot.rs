//! A loop at one moment, as the inspector shows it: read from its core, which alone knows all of it.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::core::Core;
use crate::gauges::{Gauges, Reading};
use crate::observe::{Event, Observer};
use crate::pool::PoolState;
use crate::ready::Queued;
use crate::wait_graph::{WaitNode, wait_graph_of};

use super::json::Quoted;
use super::words::word;

/// As many tasks and timers are shown.
const MOST: usize = 500;

/// The turns by their length: below 10 us, 100 us, ... 10 s, and above.
const BOUNDS: [&str; 8] = [
    "10 us", "100 us", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "more",
];

/// How long the turns took, without their sleep.
#[derive(Default)]
pub(crate) struct TurnLengths {
    began: Cell<Option<Instant>>,
    counts: Cell<[u64; BOUNDS.len()]>,
}

impl TurnLengths {
    fn note(&self, took: Duration) {
        let mut bound = 10_000;
        let mut index = 0;
        while index + 1 < BOUNDS.len() && took.as_nanos() >= bound {
            bound *= 10;
            index += 1;
        }
        let mut counts = self.counts.get();
        counts[index] += 1;
        self.counts.set(counts);
    }
}

/// Those of a loop, if its turns are measured.
#[derive(Default)]
pub(crate) struct Measured(pub(crate) RefCell<Rc<TurnLengths>>);

impl Observer for TurnLengths {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Turn { .. } => {
                let now = Instant::now();
                if let Some(began) = self.began.replace(Some(now)) {
                    self.note(now - began);
                }
            }
            // From here on it works; the sleep before does not count.
            Event::PollExit { .. } => self.began.set(Some(Instant::now())),
            _ => {}
        }
    }
}

pub(crate) struct Snapshot {
    turn: u64,
    time: Duration,
    tasks: Vec<WaitNode>,
    /// What is ready, in its order.
    ready: Vec<String>,
    /// Number and time until it is due, the first one first.
    timers: Vec<(u64, Duration)>,
    timer_count: usize,
    lengths: [u64; BOUNDS.len()],
    pool: PoolState,
    jobs: usize,
    gauges: Vec<Reading>,
}

/// `3 in use, 1 idle`
fn figures(reading: &Reading) -> String {
    let figures = reading.figures.iter();
    let figures: Vec<String> = figures.map(|(n, what)| format!("{n} {what}")).collect();
    figures.join(", ")
}

impl Snapshot {
    pub(crate) fn of(core: &Core) -> Snapshot {
        let lengths = core.extension::<Measured>();
        let now = core.clock.read();
        let queue = core.ready.borrow();
        let ready = queue.items().map(|item| match item {
            Queued::Task(task) => word(&task.header().name()),
            Queued::Gone => "a task that is gone".to_owned(),
            Queued::Timer => "a timer".to_owned(),
            Queued::Callback(callback) => format!("{callback:?}"),
        });
        let ready: Vec<String> = ready.collect();
        drop(queue);
        let timers = core.timers.borrow();
        let mut deadlines = timers.deadlines();
        let timer_count = deadlines.len();
        deadlines.truncate(MOST);
        let until = |(deadline, number): (u64, u64)| {
            (number, Duration::from_nanos(deadline.saturating_sub(now)))
        };
        Snapshot {
            turn: core.turns.get(),
            time: Duration::from_nanos(now),
            tasks: wait_graph_of(core).nodes,
            ready,
            timers: deadlines.into_iter().map(until).collect(),
            timer_count,
            lengths: lengths.0.borrow().counts.get(),
            pool: core.pool.state(),
            jobs: core.jobs.get(),
            gauges: core.extension::<Gauges>().read(),
        }
    }

    /// What a task waits for, and at which line.
    fn waits(&self, task: &WaitNode) -> (String, String) {
        let at = task.site.unwrap_or(task.created);
        let waits = match &task.waits_for {
            _ if self.ready.contains(&word(&task.name)) => "READY".to_owned(),
            Some(what) => what.clone(),
            None => "something that the loop does not know".to_owned(),
        };
        (waits, format!("{}:{}", at.file(), at.line()))
    }

    pub(crate) fn json(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) -> std::fmt::Result {
        let comma = |i: usize| if i > 0 { "," } else { "" };
        let (turn, time) = (self.turn, self.time.as_secs_f64());
        write!(out, r#"{{"turn":{turn},"time":{time},"tasks":["#)?;
        for (i, task) in self.tasks.iter().take(MOST).enumerate() {
            let (waits, at) = self.waits(task);
            let (name, coroutine) = (Quoted(&task.name), Quoted(&task.coroutine));
            let (waits, at, comma) = (Quoted(&waits), Quoted(&at), comma(i));
            write!(
                out,
                r#"{comma}{{"name":{name},"coroutine":{coroutine},"waits":{waits},"at":{at}}}"#
            )?;
        }
        let more = self.tasks.len().saturating_sub(MOST);
        write!(out, r#"],"more":{more},"ready":["#)?;
        for (i, name) in self.ready.iter().take(MOST).enumerate() {
            write!(out, "{}{}", comma(i), Quoted(name))?;
        }
        write!(out, r#"],"timer_count":{},"timers":["#, self.timer_count)?;
        for (i, (number, left)) in self.timers.iter().enumerate() {
            let left = left.as_secs_f64();
            write!(out, r#"{}{{"number":{number},"in":{left}}}"#, comma(i))?;
        }
        out.push_str(r#"],"turns":["#);
        for (i, (bound, count)) in BOUNDS.iter().zip(self.lengths).enumerate() {
            let below = Quoted(bound);
            write!(out, r#"{}{{"below":{below},"count":{count}}}"#, comma(i))?;
        }
        let PoolState {
            threads,
            idle,
            queued,
        } = self.pool;
        let jobs = self.jobs;
        write!(
            out,
            r#"],"pool":{{"threads":{threads},"idle":{idle},"queued":{queued}}},"jobs":{jobs},"gauges":["#
        )?;
        for (i, gauge) in self.gauges.iter().take(MOST).enumerate() {
            let (name, figures) = (Quoted(gauge.name), figures(gauge));
            let (comma, figures) = (comma(i), Quoted(&figures));
            write!(out, r#"{comma}{{"name":{name},"figures":{figures}}}"#)?;
        }
        out.write_str("]}")
    }

    pub(crate) fn text(&self) -> String {
        let mut out = format!("turn {}, {:.3} s\n", self.turn, self.time.as_secs_f64());
        for task in self.tasks.iter().take(MOST) {
            let (waits, at) = self.waits(task);
            let (name, coroutine) = (word(&task.name), &task.coroutine);
            let _ = writeln!(out, "  {name} {coroutine}() {waits} at {at}");
        }
        let ready = match self.ready.is_empty() {
            true => "nothing".to_owned(),
            false => self.ready.join(", "),
        };
        let _ = writeln!(out, "ready: {ready}");
        let next = self
            .timers
            .first()
            .map_or_else(String::new, |(number, left)| {
                format!(", the next, #{number}, due in {:.3} s", left.as_secs_f64())
            });
        let _ = writeln!(out, "timers: {}{next}", self.timer_count);
        let PoolState {
            threads,
            idle,
            queued,
        } = self.pool;
        let jobs = self.jobs;
        let _ = writeln!(
            out,
            "thread pool: {threads} threads, {idle} idle, {queued} queued, {jobs} not yet back"
        );
        for gauge in self.gauges.iter().take(MOST) {
            let _ = writeln!(out, "{}: {}", gauge.name, figures(gauge));
        }
        let lengths = BOUNDS
            .iter()
            .zip(self.lengths)
            .filter(|(_, count)| *count > 0);
        let lengths: Vec<String> = lengths
            .map(|(bound, count)| format!("{count} below {bound}"))
            .collect();
        if !lengths.is_empty() {
            let lengths = lengths.join(", ").replace("below more", "of 10 s or more");
            let _ = writeln!(out, "turns: {lengths}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use crate::{create_task, current, run, sleep, yield_now};

    use super::*;

    #[test]
    fn a_name_moves_no_cursor_and_fits_on_a_line() {
        let long = "long ".repeat(100);
        let text = run(async move {
            let _waits = create_task(sleep(Duration::from_secs(60))).named("\x1b[2J");
            yield_now().await;
            let _ready = create_task(yield_now()).named("two\nlines");
            let _other = create_task(yield_now()).named(long);
            current::with(|core| Snapshot::of(core).text()).unwrap()
        });
        let text = text.unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[2].starts_with(r"  \u{1b}[2J Sleep() sleep until "),
            "{text}"
        );
        assert!(
            lines[3].starts_with(r"  two\nlines Sleep() READY "),
            "{text}"
        );
        assert_eq!(
            lines[5],
            r"ready: two\nlines, 'long long lon...ong long long '"
        );
        assert!(!text.contains('\x1b'), "{text}");
    }
}
