//! `.json`: the trace in the format of Chrome's tracing, which Perfetto and Firefox read as well. For export only; what they cannot
//! draw is left out.
//!
//! The loop is a thread, and so is each task, since what a task does (run, be ready, wait) never overlaps. An arrow leads from what
//! woke a task to its step.

use std::fmt::Write;

use super::json::Quoted;
use super::kind::{Kind, cause, io};
use super::timeline::{Doing, Lane, Owner, Timeline};
use super::trace::Trace;

/// Thread numbers: the loop, then other tracks, then tasks.
const PEN: u64 = 1;
const TRACKS: u64 = 100;
const TASKS: u64 = 100_000;

fn thread(owner: Owner) -> u64 {
    match owner {
        Owner::Pen => PEN,
        Owner::Track(track) => TRACKS + u64::from(track),
        Owner::Task(task) => TASKS + u64::from(task),
    }
}

/// Microseconds, which the format counts in, to the nanosecond.
struct Micros(u64);

impl std::fmt::Display for Micros {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// The traces for Chrome's tracing, a process for each.
pub fn chrome(traces: &[Trace]) -> String {
    let mut events = Vec::new();
    for (i, trace) in traces.iter().enumerate() {
        Process {
            number: i + 1,
            events: &mut events,
        }
        .write(trace);
    }
    format!(
        "{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n",
        events.join(",\n")
    )
}

struct Process<'a> {
    number: usize,
    events: &'a mut Vec<String>,
}

impl Process<'_> {
    /// An event: its phase, thread and name, and what else it has.
    fn put(&mut self, phase: &str, thread: u64, name: &str, more: std::fmt::Arguments<'_>) {
        let (process, name) = (self.number, Quoted(name));
        let mut event = format!(r#"{{"ph":"{phase}","pid":{process},"tid":{thread},"name":{name}"#);
        // Writing to a string cannot fail.
        let _ = write!(event, "{more}}}");
        self.events.push(event);
    }

    fn write(&mut self, trace: &Trace) {
        let title = Quoted(&trace.title);
        self.put(
            "M",
            0,
            "process_name",
            format_args!(r#","args":{{"name":{title}}}"#),
        );
        let timeline = Timeline::of(trace);
        for lane in &timeline.lanes {
            self.lane(lane);
        }
        for (t, count) in &timeline.in_flight {
            let t = Micros(*t);
            let more = format_args!(r#","ts":{t},"args":{{"count":{count}}}"#);
            self.put("C", PEN, "in flight", more);
        }
        self.marks(trace);
        self.wakes(trace);
    }

    fn lane(&mut self, lane: &Lane) {
        let thread = thread(lane.owner);
        let name = Quoted(&lane.name);
        self.put(
            "M",
            thread,
            "thread_name",
            format_args!(r#","args":{{"name":{name}}}"#),
        );
        let order = format_args!(r#","args":{{"sort_index":{thread}}}"#);
        self.put("M", thread, "thread_sort_index", order);
        for span in &lane.spans {
            let name = match (span.doing, span.label.is_empty()) {
                (Doing::Run, true) => "run".to_owned(),
                (Doing::Ready, _) => "READY".to_owned(),
                (Doing::Wait, true) => "wait".to_owned(),
                (Doing::Wait, false) => format!("wait: {}", span.label),
                (Doing::Sleep, _) => "asleep in the kernel".to_owned(),
                (Doing::Block, _) => format!("BLOCKED: {}", span.label),
                (Doing::Live, _) => "alive".to_owned(),
                _ => span.label.clone(),
            };
            let name = match (span.doing, span.open) {
                (Doing::Run | Doing::Block, true) => format!("{name}, still runs"),
                _ => name,
            };
            let (from, took) = (Micros(span.from), Micros(span.to - span.from));
            self.put(
                "X",
                thread,
                &name,
                format_args!(r#","ts":{from},"dur":{took}"#),
            );
        }
    }

    fn marks(&mut self, trace: &Trace) {
        for record in &trace.records {
            match record.kind {
                Kind::Mark => {
                    let (t, value) = (Micros(record.t), record.wide_bc());
                    let more = format_args!(r#","ts":{t},"s":"p","args":{{"value":{value}}}"#);
                    self.put("i", PEN, trace.string(record.a), more);
                }
                Kind::FutDone => {
                    let (t, place) = (Micros(record.t), Quoted(&trace.place(record.c)).to_string());
                    let thread = match record.a {
                        0 => PEN,
                        task => TASKS + u64::from(task),
                    };
                    let more = format_args!(r#","ts":{t},"s":"t","args":{{"at":{place}}}"#);
                    self.put("i", thread, "fulfils a promise", more);
                }
                Kind::PollExit if record.flags != 0 => {
                    let t = Micros(record.t);
                    self.put("i", PEN, "signal", format_args!(r#","ts":{t},"s":"t""#));
                }
                Kind::IoEvent if record.flags & (io::CLOSED | io::ERROR) != 0 => {
                    let t = Micros(record.t);
                    let said = io::of_peer(record.flags).join(", ");
                    let name = format!("fd {}: {said}", record.b);
                    self.put("i", PEN, &name, format_args!(r#","ts":{t},"s":"t""#));
                }
                Kind::Queue => {
                    let (t, length) = (Micros(record.t), record.b);
                    let name = format!("queue {}", record.a);
                    let more = format_args!(r#","ts":{t},"args":{{"length":{length}}}"#);
                    self.put("C", PEN, &name, more);
                }
                _ => {}
            }
        }
    }

    /// An arrow for each wake, from who caused it to the step that it led to.
    fn wakes(&mut self, trace: &Trace) {
        let mut woken = std::collections::BTreeMap::new();
        for (number, record) in trace.records.iter().enumerate() {
            let from = match (record.kind, record.flags) {
                (Kind::Ready, cause::TASK | cause::CANCEL) => TASKS + u64::from(record.b),
                (Kind::Ready, cause::YIELD) => continue,
                (Kind::Ready, _) => PEN,
                (Kind::StepBegin, _) => {
                    if let Some(arrow) = woken.remove(&record.a) {
                        let (t, to) = (Micros(record.t), TASKS + u64::from(record.a));
                        let more = format_args!(r#","cat":"wake","id":{arrow},"ts":{t},"bp":"e""#);
                        self.put("f", to, "wake", more);
                    }
                    continue;
                }
                _ => continue,
            };
            let t = Micros(record.t);
            let more = format_args!(r#","cat":"wake","id":{number},"ts":{t}"#);
            self.put("s", from, "wake", more);
            woken.insert(record.a, number);
        }
    }
}
