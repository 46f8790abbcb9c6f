//! The checker against traces that are wrong in one place: each event of the traces of good programs is deleted, doubled, or swapped
//! with the one after it, and each trace is cut off. What a change may leave is listed here, with the reason why that is a legal trace.

#[path = "../examples/support/mod.rs"]
mod support;
mod trace_all_kinds;
mod trace_program;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use glassloop::trace::Rule::{self, *};
use glassloop::trace::{self, Kind, Record, Trace, cause, check};
use support::sibling;

/// The rules that find an event missing, and doubled; none: that is legal.
fn rules(kind: Kind) -> (&'static [Rule], &'static [Rule]) {
    match kind {
        Kind::RunBegin => (&[Ended], &[OneRunning, Ended]),
        Kind::RunEnd | Kind::Cut | Kind::Snap | Kind::Dropped => (&[Ended], &[Ended]),
        Kind::Turn => (&[SleepLength, NextTurn], &[NextTurn]),
        Kind::PollEnter | Kind::PollExit => (&[SleepLength], &[SleepLength]),
        Kind::IoEvent => (&[Wakeable, SleepLength], &[Ended]),
        Kind::TimerSet => (&[Wakeable, Timers], &[Timers]),
        Kind::TimerCancel => (&[Timers], &[Timers]),
        Kind::TimerFire => (&[Timers, FirstInFirstOut], &[Timers]),
        Kind::TaskSpawn => (&[Ended], &[Ended]),
        Kind::Ready => (&[FirstInFirstOut], &[FirstInFirstOut]),
        Kind::StepBegin => (&[OneRunning], &[OneRunning]),
        Kind::StepEnd => (&[OneRunning, Ended], &[OneRunning, Ended]),
        Kind::Wait => (&[Wakeable], &[Wakeable]),
        Kind::WaitDetail => (&[], &[Wakeable]),
        Kind::WaitProgress => (&[Wakeable], &[Wakeable]),
        Kind::IoReg => (&[Wakeable, Ended], &[Ended]),
        Kind::IoDereg => (&[Ended], &[Ended]),
        Kind::CbAdd => (&[FirstInFirstOut], &[FirstInFirstOut]),
        Kind::CbRun => (&[OneRunning, Wakeable], &[OneRunning]),
        Kind::CbEnd => (&[OneRunning], &[OneRunning]),
        Kind::ResultLost => (&[], &[Ended]),
        Kind::BlockBegin | Kind::BlockEnd => (&[OneRunning], &[OneRunning]),
        Kind::ThreadBegin | Kind::ThreadEnd => (&[Ended], &[Ended]),
        Kind::JoinBegin | Kind::JoinEnd => (&[OneRunning, Ended], &[OneRunning, Ended]),
        Kind::Offload => (&[Wakeable, Ended], &[Ended]),
        Kind::OffloadRun => (&[Wakeable], &[Ended]),
        Kind::OffloadDone => (&[Wakeable], &[Ended]),
        Kind::ProcBegin | Kind::ProcEnd => (&[Ended], &[Ended]),
        Kind::ChunkBegin | Kind::ChunkEnd => (&[OneRunning], &[OneRunning]),
        // Words and figures for the reader.
        _ => (&[], &[]),
    }
}

/// Why this trace is legal all the same, without its event `i`.
fn legal_without(trace: &Trace, i: usize) -> Option<&'static str> {
    let of = trace.records[i];
    let rest = &trace.records[i + 1..];
    let comes = |kind: Kind| rest.iter().any(|r| r.kind == kind && r.a == of.a);
    match of.kind {
        Kind::TaskName | Kind::WaitDetail | Kind::Mark | Kind::Queue => {
            Some("words and figures for the reader")
        }
        Kind::ResultLost => Some("somebody may have looked at the outcome"),
        Kind::WakeDup => Some("nothing follows from it"),
        Kind::CancelReq => Some("a timeout cancels without asking"),
        Kind::FutDone => Some("a task may wake another one without a promise"),
        Kind::WaitProgress => Some("the last count of a wait"),
        Kind::TimerCancel if !rest.iter().any(|r| r.kind == Kind::Turn) => {
            Some("the loop is closed over timers")
        }
        Kind::IoDereg => {
            Some("a source may stay on the list, if neither it nor its descriptor comes again")
        }
        Kind::CbAdd if !comes(Kind::CbRun) => {
            Some("a timer that is cancelled may have been anybody's")
        }
        Kind::BlockEnd | Kind::JoinEnd | Kind::ProcEnd | Kind::ThreadEnd => {
            Some("a thread or process may outlive the trace")
        }
        _ => None,
    }
}

/// Why this trace is legal all the same, with its event `i` twice.
fn legal_doubled(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::TaskName | Kind::Mark | Kind::Queue => Some("words and figures for the reader"),
        Kind::CancelReq | Kind::WakeDup => Some("it may be asked, or woken, twice"),
        Kind::FutDone => Some("a step may fulfil two promises"),
        Kind::WaitProgress => Some("said twice in the step that begins to wait"),
        Kind::BlockBegin => Some("blocking code may be nested, and a thread outlive the trace"),
        _ => None,
    }
}

/// Why this trace is legal all the same, with these two the other way round.
fn legal_swapped(first: &Record, second: &Record) -> Option<&'static str> {
    // What may be done inside of a step and outside, before and after anything else.
    let any_time = |record: &Record| match record.kind {
        Kind::Ready | Kind::WakeDup => {
            matches!(record.flags, cause::OUTSIDE | cause::THREAD | cause::CANCEL)
        }
        Kind::TimerSet | Kind::TimerCancel | Kind::CbAdd | Kind::IoReg | Kind::IoDereg => true,
        Kind::CancelReq | Kind::Offload | Kind::WaitProgress | Kind::TaskSpawn => true,
        _ => false,
    };
    let words = |kind: Kind| {
        matches!(
            kind,
            Kind::TaskName
                | Kind::Mark
                | Kind::Queue
                | Kind::FutDone
                | Kind::ResultLost
                | Kind::BlockBegin
                | Kind::BlockEnd
        )
    };
    let waits = |record: &Record, what: u8| record.kind == Kind::Wait && record.flags == what;
    let related = match (first.kind, second.kind) {
        (Kind::TimerSet, _) if waits(second, 1) => first.a == second.b,
        (Kind::IoReg, _) if waits(second, 2) || waits(second, 3) => first.a == second.b,
        (Kind::Offload, _) if waits(second, 7) => first.a == second.b,
        (Kind::TimerSet, Kind::CbAdd) => first.a == second.b,
        (Kind::TaskSpawn, Kind::TaskName | Kind::Ready) => first.a == second.a,
        (Kind::StepBegin, Kind::TaskSpawn) => first.a == second.b,
        (Kind::TaskSpawn, Kind::StepEnd) => first.b == second.a,
        (Kind::TimerSet, Kind::TimerCancel) | (Kind::IoReg, Kind::IoDereg) => first.a == second.a,
        (a, b) => {
            matches!(
                a,
                Kind::RunBegin | Kind::RunEnd | Kind::Cut | Kind::PollEnter | Kind::Turn
            ) || b == Kind::WaitDetail
        }
    };
    match (first.kind, second.kind) {
        _ if first == second => Some("they are the same"),
        _ if first.track != second.track => Some("two lines beside each other"),
        _ if related => None,
        _ if any_time(first) || any_time(second) => Some("made, set, asked or counted at any time"),
        (a, b) if words(a) || words(b) => Some("words for the reader"),
        (Kind::Ready | Kind::WakeDup, Kind::Wait) | (Kind::Wait, Kind::Ready | Kind::WakeDup) => {
            Some("a step may wake others before and after it says what it waits for")
        }
        _ => None,
    }
}

/// Traces of good programs: between them they have every kind of event.
fn traces() -> &'static [Trace] {
    static TRACES: OnceLock<Vec<Trace>> = OnceLock::new();
    TRACES.get_or_init(recorded)
}

fn recorded() -> Vec<Trace> {
    let mut traces = vec![
        trace_program::in_virtual_time(),
        trace_all_kinds::of_all_kinds(),
        trace_all_kinds::last_events(),
    ];
    let delay = ["--delay", "0.02"];
    for (example, args) in [
        ("hello", &delay[..]),
        ("gather", &["--delay", "0.002", "--seed", "3"]),
        ("async_client", &["--requests", "3", "--delay", "0.02"]),
        ("to_thread", &["--requests", "3", "--delay", "0.02"]),
        (
            "blocking_in_coroutine",
            &["--requests", "2", "--delay", "0.02"],
        ),
        ("threads_join", &delay),
        (
            "process_pool",
            &["--requests", "4", "--workers", "2", "--delay", "0.02"],
        ),
        (
            "crawler",
            &["--pages", "3", "--workers", "2", "--delay", "0.02"],
        ),
    ] {
        let name = format!(
            "glassloop-mutations-{}-{example}.evt.json",
            std::process::id()
        );
        let file = std::env::temp_dir().join(name);
        let mut command = sibling::example(example).unwrap();
        let command = command.args(args).env("GLASSLOOP_TRACE", &file);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        traces.extend(trace::load(&file).unwrap());
        std::fs::remove_file(file).unwrap();
    }
    for trace in &traces {
        assert_eq!(check(trace), [], "{}", trace.title);
    }
    traces
}

/// The events that are changed: of a long trace the first ones, the last ones, and some between.
fn places(trace: &Trace) -> impl Iterator<Item = usize> + use<> {
    let n = trace.records.len();
    let step = (n / 300).max(1);
    (0..n).filter(move |i| i % step == 0 || *i < 80 || *i + 20 > n)
}

/// The first rule that the changed trace breaks; it is never an event before the one that was changed.
fn first_broken(trace: &Trace, i: usize, records: Vec<Record>) -> Option<Rule> {
    let mut changed = trace.clone();
    changed.records = records;
    let first = check(&changed).into_iter().next()?;
    assert!(first.event + 1 >= i, "{i}: {first}");
    Some(first.rule)
}

fn assert_found(
    what: &str,
    trace: &Trace,
    i: usize,
    found: Option<Rule>,
    rules: &[Rule],
    legal: Option<&str>,
) {
    let (title, record) = (&trace.title, &trace.records[i]);
    match found {
        Some(rule) => assert!(
            rules.contains(&rule) || before_a_turn(trace, i).is_some(),
            "{title}: {record:?} {what}: found by {rule:?}"
        ),
        None => assert!(
            legal.is_some(),
            "{title}: event {i}, {record:?}, {what}: not found"
        ),
    }
}

#[test]
fn an_event_that_is_missing_is_found_by_its_rule() {
    let mut kinds = BTreeSet::new();
    for trace in traces() {
        kinds.extend(trace.records.iter().map(|record| record.kind));
        for i in places(trace) {
            let mut records = trace.records.clone();
            let (gone, in_head) = (records.remove(i), is_in_head(trace, i));
            let found = first_broken(trace, i, records);
            let rules = if in_head {
                &[Ended, FirstInFirstOut]
            } else {
                rules(gone.kind).0
            };
            assert_found(
                "deleted",
                trace,
                i,
                found,
                rules,
                before_a_turn(trace, i).or_else(|| legal_without(trace, i)),
            );
        }
    }
    let mut all = Kind::ALL.iter();
    assert_eq!(all.find(|kind| !kinds.contains(kind)), None);
}

/// Why anything may stand at this place of a trace whose beginning was lost.
fn before_a_turn(trace: &Trace, i: usize) -> Option<&'static str> {
    let turns = trace.records[..=i].iter().any(|r| r.kind == Kind::Turn);
    let reason = "before the first turn that is left whole nothing is known of the steps";
    (trace.dropped > 0 && !turns && !is_in_head(trace, i)).then_some(reason)
}

/// Whether this event stands for those that were lost: then one rule says so, whatever it is.
fn is_in_head(trace: &Trace, i: usize) -> bool {
    trace.dropped > 0 && i < 2 + trace.records[1].a as usize
}

#[test]
fn an_event_that_is_doubled_is_found_by_its_rule() {
    for trace in traces() {
        for i in places(trace) {
            let mut records = trace.records.clone();
            let (twice, in_head) = (records[i], is_in_head(trace, i));
            records.insert(i, twice);
            let found = first_broken(trace, i, records);
            let rules = if in_head {
                &[Ended, FirstInFirstOut]
            } else {
                rules(twice.kind).1
            };
            assert_found(
                "doubled",
                trace,
                i,
                found,
                rules,
                before_a_turn(trace, i).or_else(|| legal_doubled(twice.kind)),
            );
        }
    }
}

#[test]
fn two_events_in_the_wrong_order_are_found() {
    for trace in traces() {
        for i in places(trace).filter(|i| i + 1 < trace.records.len()) {
            let mut records = trace.records.clone();
            let (first, second) = (records[i], records[i + 1]);
            records[i] = Record {
                t: first.t,
                ..second
            };
            records[i + 1] = Record {
                t: second.t,
                ..first
            };
            let found = first_broken(trace, i, records);
            let legal = before_a_turn(trace, i).or_else(|| legal_swapped(&first, &second));
            assert!(
                found.is_some() || legal.is_some(),
                "{}: event {i}: {first:?} {second:?}",
                trace.title
            );
        }
    }
}

#[test]
fn a_trace_that_breaks_off_is_found() {
    for trace in traces() {
        for i in places(trace) {
            let whole = i > 0 && trace.records[i - 1].kind == Kind::RunEnd;
            let found = first_broken(trace, i, trace.records[..i].to_vec());
            assert!(whole || found.is_some(), "{}: at event {i}", trace.title);
        }
    }
}
