//! The turn table and what is like it: that they can be read whatever the program is.

use std::rc::Rc;
use std::time::Duration;

use glassloop::trace::{self, Recorder, Trace};
use glassloop::{EventLoop, create_task, gather, sleep};

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
