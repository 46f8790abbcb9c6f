//! The turn table and what is like it: that they can be read whatever the program is.

use std::rc::Rc;
use std::time::Duration;

use glassloop::trace::{self, Kind, Record, Recorder, Summary, Trace, Track, TrackKind};
use glassloop::{EventLoop, create_task, gather, sleep, yield_now};

/// What a program in virtual time leaves behind.
fn recorded(program: impl Future<Output = ()> + 'static) -> Trace {
    let recorder = Rc::new(Recorder::new("table"));
    let builder = EventLoop::builder().virtual_time();
    let event_loop = builder.observer(recorder.clone()).build().unwrap();
    event_loop.run_until_complete(program).unwrap();
    event_loop.close().unwrap();
    let mut trace = recorder.trace();
    (trace.command, trace.cost) = ("program".to_owned(), 0);
    trace
}

fn record(t: u64, kind: Kind, track: u16) -> Record {
    Record {
        t,
        kind,
        flags: 0,
        track,
        a: 0,
        b: 0,
        c: 0,
    }
}

#[test]
fn a_name_is_one_word_whatever_is_in_it() {
    let long = "very-long-name-".repeat(40);
    let names = [
        "\x1b[2J\x1b[31mred\x07",
        "a\nb\tc",
        " ",
        "to be kept",
        "\u{202e}rtl",
        "日本語🎉",
        &long,
    ];
    let tasks = names.map(|name| (name.to_owned(), sleep(Duration::from_millis(1))));
    let mut trace = recorded(async move {
        let tasks = tasks.map(|(name, nap)| create_task(nap).named(name));
        gather(tasks).await.unwrap();
    });
    trace.title = "two\nlines\x1b[2J".to_owned();
    trace.command = "program '\x1b[31m'".to_owned();
    trace.tracks[0].name = "\x07".to_owned();
    let shown = [
        r"\u{1b}[2J\u{1b}[31mred\u{7}✓",
        r"a\nb\tc✓",
        "' '✓",
        "'to be kept'✓",
        r"\u{202e}rtl✓",
        "日本語🎉✓",
        "very-long-nam...ery-long-name-✓",
    ];
    let text = trace::text(&trace);
    assert!(
        text.starts_with("two\\nlines\\u{1b}[2J: program '\\u{1b}[31m'\n\n"),
        "{text}"
    );
    let (order, steps) = (trace::order(&trace), trace::steps(&trace).join("\n"));
    for form in [&text, &order, &steps] {
        let control = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        assert!(!form.contains(control), "{form:?}");
        assert!(
            form.lines().all(|line| line.chars().count() < 400),
            "{form}"
        );
    }
    for name in shown {
        assert!(text.contains(name), "{name}: {text}");
        let (name, end) = name.split_at(name.len() - "✓".len());
        let line = format!("\n{name} ");
        assert!(
            order.contains(&line) && steps.contains(&format!("\n{name} {end}")),
            "{order}"
        );
    }
}

#[test]
fn long_lists_shift_no_column() {
    let trace = recorded(async {
        let tasks = (0..7).map(|i| {
            let name = ["w", "worker-number-"][usize::from(i == 3)];
            create_task(sleep(Duration::from_millis(1))).named(format!("{name}{i}"))
        });
        gather(tasks.collect::<Vec<_>>()).await.unwrap();
    });
    let text = trace::text_of_turns(&trace, 2..=3);
    let begin = text.find("turn ").unwrap();
    let expected = "\
turn          at      slept  timers  io  ready           woke                      ran
   2    0.000000          -       0   0  w0 w1 w2        -                         w0~sleep w1~sleep w2~sleep worker-number-3~sleep w4~sleep w5~sleep w6~sleep
                                         worker-number-3
                                         w4 w5 w6
   3    0.000000     1.0 ms       7   0  -               timer#1 timer#2 timer#3   timer#1→w0 timer#2→w1 timer#3→w2 timer#4→worker-number-3 timer#5→w4 timer#6→w5 timer#7→w6
                                                         timer#4 timer#5 timer#6
                                                         timer#7
";
    assert_eq!(&text[begin..], expected);
}

#[test]
fn who_is_who_stands_above_the_table() {
    let made = line!() + 4;
    let trace = recorded(async {
        let mut tasks = Vec::new();
        for number in 2..=12 {
            let task = create_task(sleep(Duration::from_millis(1)));
            if number == 7 {
                task.set_name("the seventh");
            }
            tasks.push(task);
        }
        gather(tasks).await.unwrap();
    });
    let text = trace::text(&trace);
    let legend = text.split("\n\n").nth(1).unwrap();
    let lines: Vec<&str> = legend.lines().collect();
    assert!(lines[0].starts_with("T1: "), "{text}");
    assert_eq!(
        lines[1],
        format!("T2..T6 T7='the seventh' T8..T12: Sleep() at tests/trace_table.rs:{made}")
    );
}

#[test]
fn who_is_who_takes_no_more_lines_than_a_table_can_bear() {
    let mut trace = recorded(async {
        let tasks: Vec<_> = (0..23).map(|_| create_task(async {})).collect();
        gather(tasks).await.unwrap();
    });
    for record in &mut trace.records {
        if record.kind == Kind::TaskSpawn {
            trace.places.push(("many.rs".to_owned(), record.a, 1));
            record.c = trace.places.len() as u32 - 1;
        }
    }
    let text = trace::text(&trace);
    let legend: Vec<&str> = text.split("\n\n").nth(1).unwrap().lines().collect();
    assert_eq!(legend.len(), 21, "{text}");
    assert_eq!(legend[20], "and 4 more tasks, made at other places");
}

#[test]
fn the_table_of_a_flight_recorder_says_what_is_missing() {
    let recorder = Rc::new(Recorder::with_capacity("last", 40));
    let builder = EventLoop::builder().virtual_time();
    let event_loop = builder.observer(recorder.clone()).build().unwrap();
    let main = async {
        for _ in 0..100 {
            yield_now().await;
        }
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    let trace = recorder.trace();
    let turns = trace.turns().unwrap().start() - 1;
    assert!(
        trace.dropped > 200 && turns > 50,
        "{} {turns}",
        trace.dropped
    );
    let text = trace::text(&trace);
    let told = format!(
        "{} events before this were not kept, with them {turns} turns",
        trace.dropped
    );
    assert_eq!(text.lines().nth(2), Some(told.as_str()), "{text}");
    assert!(text.contains("\nT1: "), "{text}");

    let text = trace::text(&recorded(async {}));
    assert!(!text.contains("not kept"), "{text}");
}

#[test]
fn several_loops_in_a_file_are_told_apart() {
    let mut other = recorded(async {});
    other.title = "another".to_owned();
    let text = trace::text_of_all(&[recorded(async {}), other, recorded(async {})]);
    let headings = text.lines().filter(|line| line.ends_with(": program"));
    let headings: Vec<&str> = headings.collect();
    assert_eq!(
        headings,
        ["table 1: program", "another: program", "table 3: program"]
    );
}

#[test]
fn the_main_thread_was_there_from_the_beginning() {
    let place = |name: &str| Track {
        name: name.to_owned(),
        kind: TrackKind::Thread,
    };
    let trace = Trace {
        tracks: vec![place("main"), place("Thread-1")],
        records: vec![
            record(1_000_000, Kind::ThreadBegin, 1),
            record(2_000_000, Kind::JoinBegin, 0),
            record(3_000_000, Kind::ThreadEnd, 1),
            record(3_000_000, Kind::JoinEnd, 0),
        ],
        ..Trace::default()
    };
    let text = trace::text(&trace);
    assert!(
        text.contains("thread  main            0.000000 to the end"),
        "{text}"
    );
    assert!(
        text.contains("thread  Thread-1        0.001000 to 0.003000"),
        "{text}"
    );
}

#[test]
fn what_was_readable_while_a_step_blocked_was_held_up_too() {
    let of = |slept: u64| {
        let of = |t, kind, a, b| Record {
            a,
            b,
            ..record(t, kind, 0)
        };
        let (end, exit) = (200_000_000, 200_000_000 + slept);
        let records = vec![
            of(0, Kind::Turn, 1, 1),
            of(0, Kind::StepBegin, 1, 1),
            of(end, Kind::StepEnd, 1, 1),
            of(end, Kind::Turn, 2, 0),
            of(end, Kind::PollEnter, u32::MAX, u32::MAX),
            of(exit, Kind::PollExit, 2, 0),
            of(exit, Kind::IoEvent, 7, 12),
            of(exit, Kind::IoEvent, 8, 14),
            of(exit, Kind::Turn, 3, 0),
            of(exit, Kind::PollEnter, u32::MAX, u32::MAX),
            of(exit, Kind::PollExit, 1, 0),
            of(exit, Kind::IoEvent, 7, 12),
        ];
        let (slow, tracks) = (100_000_000, Vec::new());
        Trace {
            records,
            slow,
            tracks,
            ..Trace::default()
        }
    };
    let told = "   meanwhile fd12 fd14 were ready when the loop asked next\n";
    let (at_once, later) = (of(18_000), of(50_000_000));
    assert_eq!(Summary::of(&at_once).slow[0].descriptors, [12, 14]);
    assert!(
        trace::text(&at_once).contains(told),
        "{}",
        trace::text(&at_once)
    );
    assert_eq!(Summary::of(&later).slow[0].descriptors, [0; 0]);
    assert!(
        !trace::text(&later).contains("meanwhile"),
        "{}",
        trace::text(&later)
    );
}
