//! The player's pages in a real browser: of several runs, of threads and queues, of every example; on any screen, by keyboard, and
//! with many events.
#![cfg(unix)]

// Not every test needs all of it.
#[allow(dead_code)]
mod browser;
#[path = "../examples/support/mod.rs"]
mod support;

use std::rc::Rc;
use std::time::Duration;

use browser::Browser;
use browser::runs::{done, nap, recorded, three_naps};
use glassloop::sync::Queue;
use glassloop::trace::{Recorder, html};
use glassloop::{EventLoop, create_task, gather, sleep, to_thread};
use support::sibling::example;

const SAYS: &str = "$('say').textContent";

#[test]
fn several_runs_are_compared_and_opened() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let one_by_one = async {
        for milliseconds in [30, 10, 20] {
            create_task(nap(milliseconds)).await.unwrap();
        }
    };
    let traces = [
        recorded("one by one", one_by_one),
        recorded("at once", three_naps()),
    ];
    let page = html(&traces);
    browser.visit(&page, "");
    assert_eq!(browser.text("$('title').textContent"), traces[0].command);
    let compared = browser.text("$('compare').textContent");
    assert!(compared.starts_with("2 runs on one axis"), "{compared}");
    assert!(
        compared.contains("Each run begins at 0, even if they ran at the same time.")
            && !compared.contains("Red and crossed"),
        "{compared}"
    );
    let rows = browser
        .text("[...document.querySelectorAll('.open')].map(row => row.textContent).join('|')");
    assert!(
        rows.starts_with("one by one60.0 ms") && rows.contains("|at once30.0 ms"),
        "{rows}"
    );
    assert_eq!(browser.eval("$('player').hidden"), true);

    browser.click("#compare > button");
    assert!(
        !browser.text("$('compare').textContent").contains("60.0 ms"),
        "the times are hidden"
    );
    browser.click("fieldset button");
    let verdict = browser.text("document.querySelector('.wrong').textContent");
    assert!(
        verdict.starts_with("✗ No: at once ends first, after 30.0 ms, with 3 in flight."),
        "{verdict}"
    );

    // The order of both, side by side: one by one, each nap ends before the next begins.
    let order = browser.text("document.querySelector('.diff').textContent");
    let summary = browser.text("document.querySelector('section .dim').textContent");
    assert!(order.contains("T1 ~ a task"), "{order}");
    let only =
        "[...document.querySelectorAll('.diff button:not(.dim)')].map(only => only.textContent)";
    let only = browser.eval(only);
    let only = only.as_array().unwrap();
    assert_eq!(
        summary,
        "8 steps in the same order in both; 6 only on the left, 4 only on the right."
    );
    let expected = [
        "+ T1 ~ a task",
        "+ T1 ~ gather 0/3",
        "+ T2 yields",
        "+ T2 ✓",
        "+ T1 ~ a task",
        "+ T4 ~ a timer",
        "+ T1 ~ a task",
        "+ T4 ~ a timer",
        "+ T2 yields",
        "+ T2 ✓",
    ];
    assert_eq!(*only, expected);
    browser.eval("document.querySelectorAll('.diff select')[0].value = 'at once', document.querySelectorAll('.diff select')[0].onchange()");
    let same = browser.text("document.querySelector('section .dim').textContent");
    assert!(
        same.ends_with("; 0 only on the left, 0 only on the right."),
        "{same}"
    );
    assert_eq!(
        browser.eval("document.querySelectorAll('.diff button:not(.dim)').length"),
        0
    );
    // A step there leads to the moment.
    browser.click(".diff tr:nth-child(3) td button");
    assert_eq!(browser.text("$('title').textContent"), "at once");
    assert_eq!(
        browser.text(SAYS),
        "T2 gets the pen and runs for the first time."
    );
    browser.click("#all");

    browser.click("li:nth-child(2) .open");
    assert_eq!(browser.text("$('title').textContent"), "at once");
    browser.click("#all");
    assert_eq!(browser.eval("$('compare').hidden"), false);
    browser.visit(&page, "#trace=1&step=4");
    assert_eq!(browser.text("$('title').textContent"), "one by one");
    assert_eq!(browser.eval("tr.stopOf[app.i] + 1"), 4);
    done(browser);
}

#[test]
fn a_page_of_nothing_says_so() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    for page in [html(&[]), html(&[Recorder::new("nothing").trace()])] {
        browser.visit(&page, "#step=3");
        let shown = "[...document.querySelectorAll('main')].filter(main => !main.hidden).map(main => main.textContent).join()";
        assert_eq!(browser.text(shown), "Nothing was recorded.");
        // Nor do keys and buttons lead anywhere.
        browser.press(&["ArrowRight", "b", "/"]);
        browser.click("#theme");
        assert_eq!(browser.text(shown), "Nothing was recorded.");
    }
    // Beside others it is left out.
    let traces = [Recorder::new("nothing").trace(), recorded("nap", nap(20))];
    browser.visit(&html(&traces), "");
    assert_eq!(browser.text("$('title').textContent"), "nap");
    done(browser);
}

#[test]
fn small_windows_dark_rooms_and_names_for_every_control() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let page = html(&[recorded("naps", three_naps())]);
    for (width, height, scheme) in [(1280, 800, "light"), (390, 844, "dark")] {
        browser.window(width, height, scheme);
        browser.visit(&page, "#step=20");
        assert_eq!(
            browser.text("document.documentElement.dataset.theme"),
            scheme
        );
        assert!(
            browser
                .eval("document.documentElement.scrollWidth")
                .as_u64()
                .unwrap()
                <= width.into()
        );
        // The sentence and the buttons are in the window without scrolling.
        assert!(
            browser
                .eval("$('steps').getBoundingClientRect().bottom")
                .as_f64()
                .unwrap()
                <= height.into()
        );
        assert!(
            browser
                .eval("$('say').getBoundingClientRect().top")
                .as_f64()
                .unwrap()
                >= 0.0
        );
    }
    let nameless = "[...document.querySelectorAll('button, input, select, canvas[role], section')].filter(node => \
        !(node.ariaLabel || node.textContent.trim() || node.getAttribute('aria-labelledby'))).map(node => node.outerHTML).join()";
    assert_eq!(browser.text(nameless), "");
    assert_eq!(browser.text("$('say').getAttribute('role')"), "status");
    // A dark picture is not a light one.
    let ground = "getComputedStyle(document.querySelector('#timeline')).backgroundColor";
    let dark = browser.text(ground);
    browser.click("#theme");
    assert_ne!(browser.text(ground), dark);
    done(browser);
}

#[test]
fn a_queue_is_a_gauge() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let main = async {
        let queue = Rc::new(Queue::new(2));
        let from = queue.clone();
        let consumer = create_task(async move {
            for _ in 0..4 {
                sleep(Duration::from_millis(10)).await;
                from.get().await.unwrap();
            }
        });
        for item in 0..4 {
            queue.put(item).await.unwrap();
        }
        consumer.await.unwrap();
    };
    browser.visit(&html(&[recorded("queue", main)]), "");
    // Two tasks, and the queue.
    assert_eq!(browser.eval("view.rows.length"), 3);
    let said =
        browser.eval("[...tr.stop].map(i => say(i)).filter(text => text.startsWith('Queue'))");
    let full = "Queue 1 holds 2 items of 2: it is full.";
    let one = "Queue 1 holds 1 item of 2.";
    let empty = "Queue 1 holds 0 items of 2: it is empty.";
    assert_eq!(
        said,
        serde_json::json!([one, full, one, full, one, full, one, empty])
    );
    let gauge = "[...document.querySelectorAll('.two > div')].at(-1).textContent";
    browser.eval("search('it is full')");
    assert_eq!(browser.text(gauge), "Queues 1queue 12 of 2");
    assert_eq!(browser.eval("document.querySelector('meter').value"), 2);
    browser.eval("search('it is empty')");
    assert_eq!(browser.text(gauge), "Queues 1queue 10 of 2");
    done(browser);
}

#[test]
fn gather_says_how_many_of_its_tasks_have_ended() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    browser.visit(&html(&[recorded("naps", three_naps())]), "");
    let main = "document.querySelector('[data-task=\"0\"] small').textContent.split(' @')[0]";
    let mut counts = Vec::new();
    for end in ["T3 has finished", "T4 has finished", "T2 has finished"] {
        browser.eval(&format!("search('{end}')"));
        counts.push(browser.text(main));
    }
    assert_eq!(counts, ["gather 1/3", "gather 2/3", "ready for 0"]);
    done(browser);
}

#[test]
fn a_run_without_a_loop_shows_threads_and_no_empty_panels() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let file = std::env::temp_dir().join(format!("glassloop-bare-{}.html", std::process::id()));
    let page = |name: &str, arguments: &[&str]| {
        let mut command = example(name).unwrap();
        let command = command.args(arguments).args(["--delay", "0.1"]);
        let run = command.env("GLASSLOOP_TRACE", &file).output().unwrap();
        assert!(run.status.success());
        std::fs::read_to_string(&file).unwrap()
    };
    browser.visit(&page("threads_join", &[]), "");
    browser.eval("search('Thread-3 begins')");
    let shown = "[...document.querySelectorAll('#panels > section')].filter(panel => panel.offsetParent).map(panel => panel.ariaLabel).join()";
    assert_eq!(browser.text(shown), "Turn,Source");
    assert_eq!(browser.text("$('turn-h').textContent"), "Who does what");
    assert!(
        browser
            .text("$('facts').textContent")
            .ends_with(" · 5 threads")
    );
    // The question of how long it takes is asked of threads, too.
    browser.click("#predict");
    let answer = browser.text("quiz.list[0].answer");
    assert!(
        answer == "about 1 s" || answer.starts_with("about 1.") && answer.ends_with(" s"),
        "{answer}"
    );

    let pool = ["--requests", "4", "--workers", "2"];
    browser.visit(&page("process_pool", &pool), "");
    assert!(
        browser
            .text("$('facts').textContent")
            .contains("in flight ≤ 2 · 2 processes")
    );
    browser.eval("search('begins chunk 2')");
    let line = browser.text("document.querySelector('.here code').textContent");
    assert!(line.contains("Pool::new("), "{line}");
    std::fs::remove_file(&file).unwrap();
    done(browser);
}

#[test]
fn threads_in_flight_are_those_at_work_and_not_the_tasks_that_wait_for_them() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let recorder = Rc::new(Recorder::new("jobs"));
    let builder = EventLoop::builder().observer(recorder.clone());
    let event_loop = builder.build().unwrap();
    let jobs = async {
        let job = || {
            create_task(async { to_thread(|| std::thread::sleep(Duration::from_millis(20))).await })
        };
        let jobs: Vec<_> = (0..100).map(|_| job()).collect();
        gather(jobs).await.unwrap();
    };
    event_loop.run_until_complete(jobs).unwrap();
    event_loop.close().unwrap();
    browser.visit(&html(&[recorder.trace()]), "");
    let threads = browser.eval("tr.tracks.length - 1").as_u64().unwrap();
    assert!(threads < 100);
    assert!(
        browser
            .text("$('facts').textContent")
            .contains(&format!("in flight ≤ {threads} "))
    );
    done(browser);
}

#[test]
fn everything_can_be_read_and_reached_without_a_mouse() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let page = html(&[recorded("naps", three_naps())]);
    // What is written stands out from its ground by 4.5 to 1.
    let contrast = "(() => { const style = getComputedStyle(root), of = name => style.getPropertyValue('--' + name).trim();         const light = name => { let hex = of(name).slice(1); if (hex.length === 3) hex = [...hex].map(c => c + c).join('');             const [r, g, b] = [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16) / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };         const ratio = (p, q) => { const [a, b] = [light(p), light(q)].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); };         const pairs = ['bg', 'panel', 'soft'].flatMap(ground => ['ink', 'dim', 'run', 'block', 'done', 'path'].map(text => [text, ground]));         pairs.push(['ready', 'panel'], ['panel', 'run'], ['panel', 'block']);         return pairs.filter(pair => ratio(...pair) < 4.5).map(pair => pair.join(' on ') + ' ' + ratio(...pair).toFixed(2)).join(); })()";
    for scheme in ["light", "dark"] {
        browser.window(1280, 800, scheme);
        browser.visit(&page, "");
        assert_eq!(browser.text(contrast), "", "{scheme}");
    }
    // Nothing moves by itself, whether that is wanted or not.
    let moves = "[...document.querySelectorAll('*')].map(node => getComputedStyle(node)).filter(style => style.transitionDuration !== '0s' || style.animationName !== 'none').length";
    assert_eq!(browser.eval(moves), 0);
    // In the order in which it is read: views, timeline, its tools, steps, panels.
    let mut order = Vec::new();
    for _ in 0..19 {
        browser.press(&["Tab"]);
        let focused = "(({ id, dataset, textContent }) => id || dataset.key || textContent.slice(0, 8))(document.activeElement)";
        order.push(browser.text(focused));
        let outline = browser.text("getComputedStyle(document.activeElement).outlineStyle");
        assert_ne!(outline, "none", "{order:?}");
    }
    assert_eq!(
        order.join(" "),
        "predict game theme ? rows path axis - + search Home Shift+ArrowLeft ArrowLeft run ArrowRight Shift+ArrowRight End source T2 waits"
    );
    // A question can be answered by keys alone, and focus stays in the card.
    browser.eval("$('predict').focus(), $('predict').click(), document.querySelector('#card button').focus()");
    browser.eval("document.activeElement.click()");
    assert_eq!(
        browser.text("document.activeElement.textContent"),
        "Next question"
    );
    done(browser);
}

#[test]
fn two_hundred_thousand_events_open_within_a_second() {
    let main = async {
        let naps = (0..600).map(|task| {
            create_task(async move {
                for round in 0..31 {
                    nap((task * 7 + round * 13) % 200 + 1).await;
                }
            })
        });
        gather(naps.collect::<Vec<_>>()).await.unwrap();
    };
    let trace = recorded("many", main);
    assert!(trace.records.len() >= 200_000, "{}", trace.records.len());
    let page = html(&[trace]);
    // Of processor time, since the machine may be busy; and the best of three, since it may be very busy.
    let mut opened = f64::MAX;
    let mut rewound = f64::MAX;
    for _ in 0..3 {
        let Some(mut browser) = Browser::open() else {
            return;
        };
        browser.call(
            "Performance.enable",
            serde_json::json!({ "timeDomain": "threadTicks" }),
        );
        let spent = |browser: &mut Browser| {
            let metrics = browser.call("Performance.getMetrics", serde_json::json!({}));
            let metrics = metrics["metrics"].as_array().unwrap();
            let tasks = metrics.iter().find(|m| m["name"] == "TaskDuration");
            tasks.unwrap()["value"].as_f64().unwrap()
        };
        browser.visit(&page, "");
        let at_first = spent(&mut browser);
        browser.eval("for (let s = 0; s < 20; s++) go(tr.stop.length - 1 - s * 9000)");
        opened = opened.min(at_first);
        rewound = rewound.min((spent(&mut browser) - at_first) / 20.0);
        done(browser);
    }
    println!("opened in {opened:.3} s, a jump back takes {rewound:.3} s");
    assert!(opened < 1.0, "opened in {opened} s");
    assert!(rewound < 0.2, "a jump back takes {rewound} s");
}

#[test]
fn the_page_of_every_example() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let file = std::env::temp_dir().join(format!("glassloop-page-{}.html", std::process::id()));
    let mut asked = 0;
    for (name, arguments) in [
        ("hello", &["--delay", "0.02"][..]),
        ("gather", &["--delay", "0.02"]),
        ("done_callback", &[]),
        ("blocking_in_coroutine", &["--delay", "0.15"]),
        ("async_client", &["--delay", "0.02"]),
        ("to_thread", &["--delay", "0.02"]),
        ("async_100", &["--delay", "0.02"]),
        ("race", &["--delay", "0.02"]),
        ("no_callback", &[]),
        ("blocking_behind_await", &["--delay", "0.15"]),
        ("sequential", &["--requests", "8", "--delay", "0.02"]),
        ("threads_join", &["--delay", "0.05"]),
        (
            "process_pool",
            &["--requests", "8", "--workers", "2", "--delay", "0.05"],
        ),
        ("download", &["--megabytes", "1"]),
        ("crawler", &["--delay", "0.02", "--pages", "15"]),
    ] {
        let run = example(name)
            .unwrap()
            .args(arguments)
            .env("GLASSLOOP_TRACE", &file)
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
        browser.visit(&std::fs::read_to_string(&file).unwrap(), "");
        let walk = "(() => { for (const trace of app.traces) { open(trace); for (let s = 0; s < trace.stop.length; s += 1 + trace.stop.length / 40) go(Math.floor(s)); \
            setMode('predict'); setMode('game'); setMode(''); } return app.traces.reduce((n, trace) => n + trace.n, 0); })()";
        let events = browser.eval(walk).as_u64().unwrap();
        assert!(events > 10, "{name}: {events} events");
        assert_eq!(browser.complaints, [""; 0], "{name}");
        for run in 0..browser.eval("app.traces.length").as_u64().unwrap() {
            browser.eval(&format!("open(app.traces[{run}]), setMode('predict')"));
            let wrong = browser.eval(include_str!("browser/questions.js"));
            assert_eq!(wrong, serde_json::json!([]), "{name}, run {run}");
            asked += browser.eval("quiz.list.length").as_u64().unwrap();
        }
    }
    assert!(asked > 100, "{asked} questions");
    std::fs::remove_file(&file).unwrap();
    done(browser);
}
