//! The checker of traces: it finds nothing in the traces of good loops, and each mistake of a broken one by its rule.

mod trace_model;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use glassloop::trace::{Kind, Record, Recorder, Rule, Trace, Track, TrackKind};
use glassloop::trace::{cause, check, cut, end, wait, why};
use glassloop::{
    EventLoop, create_task, gather, get_running_loop, sleep, timeout, to_thread, wait_for,
    yield_now,
};
use trace_model::{Fault, Op};

const SCRIPTS: [&[Op]; 7] = [
    &[Op::Yield, Op::Sleep(5), Op::Join(2), Op::Sleep(2)],
    &[Op::Sleep(10), Op::Yield, Op::Yield],
    &[Op::Yield, Op::Sleep(5)],
    &[Op::Yield, Op::Yield, Op::Sleep(5), Op::Sleep(1)],
    // A socket is waited for again in the step that it woke.
    &[Op::Read(7), Op::Read(7), Op::Yield, Op::Read(8)],
    &[Op::Job, Op::Yield, Op::Job],
    // It keeps the loop busy for a while, with a callback due in the middle.
    &[
        Op::Later(1),
        Op::Later(3),
        Op::Sleep(3),
        Op::Yield,
        Op::Yield,
    ],
];

/// The rules that a loop with this mistake breaks.
fn broken_by(fault: Fault) -> BTreeSet<Rule> {
    let trace = trace_model::run(&SCRIPTS, fault, 300);
    let violations = check(&trace);
    for violation in violations.iter().take(3) {
        println!("{fault:?}: {violation}");
    }
    violations.iter().map(|violation| violation.rule).collect()
}

#[test]
fn the_model_without_a_mistake_keeps_all_rules() {
    assert_eq!(broken_by(Fault::None), BTreeSet::new());
}

#[test]
fn each_mistake_is_found_by_its_rule() {
    let faults = [
        (Fault::TwoAtOnce, Rule::OneRunning),
        (Fault::Lifo, Rule::FirstInFirstOut),
        (Fault::LostWake, Rule::Wakeable),
        (Fault::LostJoin, Rule::Wakeable),
        (Fault::SleepsForEver, Rule::SleepLength),
        (Fault::SleepsWhileReady, Rule::SleepLength),
        (Fault::NoSleep, Rule::SleepLength),
        (Fault::EarlyTimer, Rule::Timers),
        (Fault::EqualDeadlines, Rule::Timers),
        (Fault::SameTurn, Rule::NextTurn),
        (Fault::StepOfDone, Rule::Ended),
        (Fault::Spin, Rule::Spin),
        (Fault::OneATurn, Rule::NextTurn),
        (Fault::LateTimer, Rule::Timers),
        (Fault::LostIo, Rule::Wakeable),
        (Fault::StaleIo, Rule::Ended),
        (Fault::LostJob, Rule::Wakeable),
        (Fault::LostCallback, Rule::Wakeable),
        (Fault::CallbackTwice, Rule::FirstInFirstOut),
        (Fault::ForgottenTask, Rule::Ended),
    ];
    for (fault, rule) in faults {
        assert_eq!(broken_by(fault), BTreeSet::from([rule]), "{fault:?}");
    }
}

#[test]
fn a_breach_names_the_event_the_rule_and_the_tasks() {
    let scripts: [&[Op]; 2] = [&[Op::Yield], &[Op::Yield]];
    let violations = check(&trace_model::run(&scripts, Fault::Lifo, 9));
    assert_eq!(
        violations[0].to_string(),
        "event 8 at 0.000000 s breaks I2 (first in, first out): Task-2 runs before Task-1, which is first in line: \
         the newest runs first: last in, first out"
    );
}

/// What is found in the trace of one of our loops.
fn checked<F>(builder: glassloop::Builder, main: F) -> Vec<String>
where
    F: Future<Output = ()> + 'static,
{
    let recorder = Rc::new(Recorder::new("test"));
    let event_loop = builder.observer(recorder.clone()).build().unwrap();
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    let trace = recorder.trace();
    assert!(trace.records.len() > 20);
    check(&trace).iter().map(ToString::to_string).collect()
}

async fn a_bit_of_everything() {
    let naps = (0..20).map(|i| create_task(sleep(Duration::from_millis(i % 5))));
    let naps: Vec<_> = naps.collect();
    let _ = gather(naps).await;
    let cancelled = create_task(sleep(Duration::from_secs(9)));
    yield_now().await;
    cancelled.cancel();
    let _ = cancelled.await;
    let _ = timeout(Duration::from_millis(2), sleep(Duration::from_secs(9))).await;
    let _ = wait_for(
        create_task(std::future::pending::<()>()),
        Duration::from_millis(2),
    )
    .await;
    assert_eq!(to_thread(|| 7).await.unwrap(), 7);
    let event_loop = get_running_loop().unwrap();
    let never = event_loop.call_soon(|| unreachable!()).unwrap();
    let late = event_loop.call_later(Duration::from_millis(1), || unreachable!());
    let soon = event_loop.call_later(Duration::from_millis(1), || {});
    never.cancel();
    late.unwrap().cancel();
    sleep(Duration::from_millis(3)).await;
    drop(soon);
    // Left behind: it is destroyed when the loop is closed.
    create_task(sleep(Duration::from_secs(9)));
    yield_now().await;
}

#[test]
fn our_loop_keeps_all_rules() {
    assert_eq!(
        checked(EventLoop::builder(), a_bit_of_everything()),
        [""; 0]
    );
    let as_asyncio = EventLoop::builder().io_interval(1);
    assert_eq!(checked(as_asyncio, a_bit_of_everything()), [""; 0]);
    let in_virtual_time = EventLoop::builder().virtual_time();
    assert_eq!(checked(in_virtual_time, a_bit_of_everything()), [""; 0]);
    for seed in 0..20 {
        let shuffled = EventLoop::builder().virtual_time().seed(seed);
        assert_eq!(checked(shuffled, a_bit_of_everything()), [""; 0]);
    }
}

#[test]
fn what_is_left_of_a_trace_whose_beginning_was_lost_can_be_checked() {
    let recorder = Rc::new(Recorder::with_capacity("last", 5000));
    let builder = EventLoop::builder().virtual_time();
    let event_loop = builder.observer(recorder.clone()).build().unwrap();
    let main = async {
        let sleeper = create_task(sleep(Duration::from_secs(1)));
        for _ in 0..100 {
            let naps = (0..100).map(|i| create_task(sleep(Duration::from_millis(i % 7))));
            let _ = gather(naps.collect::<Vec<_>>()).await;
        }
        sleeper.await.unwrap();
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    let trace = recorder.trace();
    assert!(trace.dropped > 10_000, "{}", trace.dropped);
    assert_eq!(trace.records.len(), 2 + trace.records[1].a as usize + 5000);
    assert_eq!(check(&trace), []);
}

#[test]
fn a_step_whose_beginning_was_lost_has_the_pen_at_the_head() {
    let recorder = Rc::new(Recorder::with_capacity("last", 5000));
    let event_loop = EventLoop::builder().observer(recorder.clone());
    let event_loop = event_loop.build().unwrap();
    let inside = recorder.clone();
    let main = async move {
        yield_now().await;
        let tasks: Vec<_> = (0..10_000).map(|_| create_task(yield_now())).collect();
        let trace = inside.trace();
        let _ = gather(tasks).await;
        trace
    };
    let trace = event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    assert!(trace.dropped > 10_000, "{}", trace.dropped);
    let begins = trace.records.iter().filter(|r| r.kind == Kind::StepBegin);
    let begins: Vec<_> = begins.map(|r| (r.a, r.b)).collect();
    assert_eq!(begins, [(1, 2)]);
    let last = trace.records.last().unwrap();
    assert_eq!((last.kind, last.a, last.flags), (Kind::Cut, 1, cut::STEP));
    assert_eq!(check(&trace), []);
    assert_eq!(check(&recorder.trace()), []);
}

#[test]
fn waking_in_vain_for_a_cancelled_timer_breaks_no_rule() {
    // More of them than the wheel of timers searches for the next one that is left.
    let main = async {
        let sleep_for = |millis| create_task(sleep(Duration::from_millis(millis)));
        let cancelled: Vec<_> = (0..200).map(|i| sleep_for(20 + i % 5)).collect();
        let last = sleep_for(60);
        yield_now().await;
        assert!(cancelled.iter().all(|task| task.cancel()));
        last.await.unwrap();
    };
    assert_eq!(checked(EventLoop::builder(), main), [""; 0]);
}

#[test]
fn a_trace_does_not_begin_with_what_the_recorder_needs_itself() {
    // From the making of the loop to its first turn: the shortest of many, on a busy machine.
    let first = || {
        let recorder = Rc::new(Recorder::new("first"));
        let event_loop = EventLoop::builder().observer(recorder.clone());
        let event_loop = event_loop.build().unwrap();
        event_loop.run_until_complete(async {}).unwrap();
        let records = recorder.trace().records;
        let turn = records.iter().find(|record| record.kind == Kind::Turn);
        assert_eq!(records[0].kind, Kind::RunBegin);
        turn.unwrap().t - records[0].t
    };
    let shortest = (0..50).map(|_| first()).min().unwrap();
    // The processors alone take some files to be counted, and new memory as long.
    assert!(shortest < 60_000, "{shortest} ns");
}

fn record(t: u64, track: u16, kind: Kind, flags: u8, [a, b, c]: [u32; 3]) -> Record {
    Record {
        t,
        kind,
        flags,
        track,
        a,
        b,
        c,
    }
}

/// A loop in real time with Task-1, whose first step does these things and ends in this way; then its next turn.
fn of_a_step(doings: &[Record], how: u8, then: &[Record]) -> Vec<String> {
    let mut records = vec![
        record(0, 0, Kind::RunBegin, 0, [1, 1, 0]),
        record(0, 0, Kind::TaskSpawn, 0, [1, 0, 0]),
        record(0, 0, Kind::Ready, cause::SPAWN, [1, 0, 0]),
        record(0, 0, Kind::Turn, 0, [1, 1, 0]),
        record(0, 0, Kind::StepBegin, 0, [1, 1, 0]),
    ];
    records.extend(doings);
    records.push(record(10, 0, Kind::StepEnd, how, [1, 0, 0]));
    records.extend(then);
    records.push(record(99, 0, Kind::Cut, 0, [0, 0, 0]));
    let tracks = ["loop", "thread"].map(|name| Track {
        name: name.to_owned(),
        kind: if name == "loop" {
            TrackKind::Loop
        } else {
            TrackKind::Thread
        },
    });
    let (strings, places) = (vec![String::new()], vec![(String::new(), 0, 0)]);
    let trace = Trace {
        records,
        tracks: tracks.into(),
        strings,
        places,
        ..Trace::default()
    };
    check(&trace).iter().map(ToString::to_string).collect()
}

#[test]
fn a_task_that_wakes_itself_and_ends_overtakes_nobody() {
    let doings = [
        record(0, 0, Kind::Ready, cause::YIELD, [1, 1, 0]),
        record(0, 0, Kind::CbAdd, 0, [1, 0, 0]),
    ];
    let then = [
        record(10, 0, Kind::Turn, 0, [2, 2, 0]),
        record(10, 0, Kind::CbRun, 0, [1, 0, 0]),
        record(11, 0, Kind::CbEnd, 0, [1, 0, 0]),
        record(11, 0, Kind::Turn, 0, [3, 0, 0]),
    ];
    assert_eq!(of_a_step(&doings, end::FINISHED, &then), [""; 0]);
}

#[test]
fn what_a_thread_records_is_no_reading_of_the_loops_clock() {
    let doings = [
        record(0, 0, Kind::TimerSet, 0, [1, 1000, 0]),
        record(0, 0, Kind::Offload, 0, [1, 1, 0]),
        record(0, 0, Kind::Wait, wait::JOB, [1, 1, 0]),
    ];
    let then = [
        record(10, 0, Kind::Turn, 1, [2, 0, 1]),
        record(30, 1, Kind::OffloadRun, 0, [1, 0, 0]),
        // It read its clock at 20.
        record(40, 0, Kind::PollEnter, why::TIMER, [980, 0, 1]),
    ];
    assert_eq!(of_a_step(&doings, end::PENDING, &then), [""; 0]);
}

#[test]
fn a_source_may_be_made_again_in_the_step_that_dropped_it() {
    let doings = [
        record(0, 0, Kind::IoReg, 0, [0, 6, 0]),
        record(0, 0, Kind::Wait, wait::WRITABLE, [1, 0, 0]),
        record(0, 0, Kind::IoDereg, 0, [0, 0, 0]),
        record(0, 0, Kind::IoReg, 0, [0, 6, 0]),
        record(0, 0, Kind::Wait, wait::WRITABLE, [1, 0, 0]),
    ];
    let then = [record(10, 0, Kind::Turn, 0, [2, 0, 0])];
    assert_eq!(of_a_step(&doings, end::PENDING, &then), [""; 0]);
}

#[test]
fn a_timeout_cancels_without_asking_from_any_step() {
    let doings = [
        record(0, 0, Kind::TaskSpawn, 0, [2, 1, 0]),
        record(0, 0, Kind::Ready, cause::SPAWN, [2, 0, 0]),
        record(0, 0, Kind::Wait, wait::TASK, [1, 2, 0]),
    ];
    let then = [
        record(10, 0, Kind::Turn, 0, [2, 1, 0]),
        record(10, 0, Kind::StepBegin, 0, [2, 1, 0]),
        record(10, 0, Kind::Ready, cause::CANCEL, [1, 2, 0]),
        record(20, 0, Kind::StepEnd, end::FINISHED, [2, 0, 0]),
        record(20, 0, Kind::Turn, 0, [3, 1, 0]),
    ];
    assert_eq!(of_a_step(&doings, end::PENDING, &then), [""; 0]);
}

/// The limit of a sleep without one, and no timer.
const FOR_EVER: [u32; 3] = [u32::MAX, u32::MAX, 0];

#[test]
fn a_signal_ends_a_sleep_that_nothing_else_has_ended() {
    let after_a_poll = |interrupted: u8, events: u32| {
        let doings = [record(0, 0, Kind::Wait, wait::PROMISE, [1, 0, 0])];
        let io = [
            record(10, 0, Kind::Turn, 0, [2, 0, 0]),
            record(10, 0, Kind::PollEnter, why::NOTHING, FOR_EVER),
            record(20, 0, Kind::PollExit, interrupted, [events, 0, 0]),
        ];
        let violations = of_a_step(&doings, end::PENDING, &io);
        violations
            .into_iter()
            .filter(|text| text.contains("a signal"))
            .count()
    };
    assert_eq!(after_a_poll(1, 0), 0);
    assert_eq!(after_a_poll(0, 1), 0);
    assert_eq!(after_a_poll(1, 1), 1);
}

#[test]
fn what_the_peer_has_done_is_ready_for_all_who_have_to_see_it() {
    let of_a_source = |flags: u8| {
        let doings = [
            record(0, 0, Kind::IoReg, 0, [0, 6, 0]),
            record(0, 0, Kind::Wait, wait::READABLE, [1, 0, 0]),
        ];
        let then = [
            record(10, 0, Kind::Turn, 0, [2, 0, 0]),
            record(10, 0, Kind::PollEnter, why::NOTHING, FOR_EVER),
            record(20, 0, Kind::PollExit, 0, [1, 0, 0]),
            record(20, 0, Kind::IoEvent, flags, [0, 6, 0]),
            record(20, 0, Kind::Ready, cause::IO, [1, 0, 0]),
        ];
        let violations = of_a_step(&doings, end::PENDING, &then);
        violations
            .into_iter()
            .filter(|text| text.contains("for all who"))
            .count()
    };
    // Readable, writable, closed by the peer, with an error.
    for good in [1, 2, 3, 1 | 4, 3 | 4, 3 | 8, 3 | 4 | 8] {
        assert_eq!(of_a_source(good), 0, "{good}");
    }
    for bad in [0, 4, 2 | 4, 8, 1 | 8, 2 | 8, 1 | 4 | 8] {
        assert_eq!(of_a_source(bad), 1, "{bad}");
    }
}

#[test]
fn a_promise_is_fulfilled_by_who_runs() {
    let by = |task: u32| {
        let doings = [record(0, 0, Kind::FutDone, 0, [task, 0, 0])];
        of_a_step(&doings, end::FINISHED, &[])
    };
    assert_eq!(by(1), [""; 0]);
    let [violation] = &by(2)[..] else {
        panic!("one rule is broken");
    };
    assert!(violation.contains("breaks I1"), "{violation}");
    assert!(
        violation.ends_with("FUT_DONE of Task-2, which does not run"),
        "{violation}"
    );
}
