//! The forms of a trace, against what is expected: `tests/golden/`. `GLASSLOOP_BLESS=1 cargo test` writes what comes out there, to be
//! looked at before it is committed.

#[path = "../examples/support/mod.rs"]
mod support;
mod trace_program;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use glassloop::trace::{self, Kind, Recorder};
use glassloop::{EventLoop, Promise, create_task, get_running_loop, sleep, yield_now};
use support::sibling;
use trace_program::in_virtual_time;

/// Compares `text` with the golden file of that name.
fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("GLASSLOOP_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "{name} differs; see the top of this file");
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("glassloop-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Runs an example, recorded into a file with this ending, and reads the file.
fn recorded(example: &str, ending: &str, args: &[&str]) -> String {
    let folder = Folder::new(&format!("{example}{}{ending}", args.len()));
    let file = folder.0.join(format!("trace{ending}"));
    let mut command = sibling::example(example).unwrap();
    let command = command.args(args).env("GLASSLOOP_TRACE", &file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn the_deterministic_examples_run_in_the_order_of_their_golden_files() {
    let delay = ["--delay", "0.02"];
    for example in [
        "hello",
        "blocking_in_coroutine",
        "blocking_behind_await",
        "threads_join",
    ] {
        let order = recorded(example, ".order.txt", &delay);
        assert_golden(&format!("{example}.order.txt"), &order);
    }
    // One request each: what several sockets and threads do among each other is up to the system.
    let one = ["--requests", "1", "--delay", "0.02"];
    for (example, args) in [
        ("threads_main_first", &delay[..]),
        ("done_callback", &[]),
        ("no_callback", &[]),
        ("async_client", &one),
        ("async_100", &one),
        ("to_thread", &one),
        ("sequential", &["--requests", "3", "--delay", "0.02"]),
        (
            "crawler",
            &["--pages", "3", "--workers", "1", "--delay", "0.02"],
        ),
        (
            "process_pool",
            &["--requests", "6", "--workers", "1", "--delay", "0.02"],
        ),
    ] {
        let order = recorded(example, ".order.txt", args);
        assert_golden(&format!("{example}.order.txt"), &order);
    }
    if cfg!(feature = "greenlet") {
        for (example, args) in [("greenlets_switch", &[][..]), ("greenlets_hub", &delay)] {
            let order = recorded(example, ".order.txt", args);
            assert_golden(&format!("{example}.order.txt"), &order);
        }
    }
    // Long enough that the sleeps of different seconds end in their order on a busy machine.
    let gather = ["--delay", "0.1", "--seed", "3"];
    assert_golden(
        "gather.order.txt",
        &recorded("gather", ".order.txt", &gather),
    );
}

#[test]
fn the_turn_table_shows_who_woke_whom_and_what_blocked() {
    assert_golden("virtual.txt", &trace::text(&in_virtual_time()));
}

#[test]
fn the_chrome_export_has_a_thread_for_each_task_and_an_arrow_for_each_wake() {
    let json = trace::chrome(&[in_virtual_time()]);
    assert_golden("virtual.json", &json);
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let arrows = document["traceEvents"].as_array().unwrap().iter();
    let ends = arrows.filter(|event| event["ph"] == "f").count();
    // Ten steps, of which one follows a yield.
    assert_eq!(ends, 9);
}

#[test]
fn the_compact_trace_can_be_read_back() {
    let trace = in_virtual_time();
    let [read] = &trace::from_evt_json(&trace::evt_json(&trace)).unwrap()[..] else {
        panic!("one trace");
    };
    assert_eq!(read.records, trace.records);
    assert_eq!(read.strings, trace.strings);
    assert_eq!(read.places, trace.places);
    assert_eq!(read.tracks, trace.tracks);
    let both = trace::evt_json_of_all(&[trace.clone(), trace]);
    assert_eq!(trace::from_evt_json(&both).unwrap().len(), 2);
}

#[test]
fn the_page_holds_the_trace_and_nothing_that_could_end_its_script() {
    let page = recorded("hello", ".html", &["--delay", "0.01"]);
    let begin = page.find("id=\"trace\">").unwrap() + "id=\"trace\">".len();
    let json = &page[begin..begin + page[begin..].find("</script>").unwrap()];
    assert!(!json.contains('<'));
    let [trace] = &trace::from_evt_json(json).unwrap()[..] else {
        panic!("one trace");
    };
    assert_eq!(trace.title, "hello");
    assert_eq!(trace::check(trace), []);
}

#[test]
fn the_picture_draws_ready_and_waiting_differently() {
    let svg = recorded("blocking_in_coroutine", ".svg", &["--delay", "0.05"]);
    for piece in [
        "<svg ",
        "class=\"ready\"",
        "class=\"wait\"",
        "class=\"block\"",
        "READY, no pen",
    ] {
        assert!(svg.contains(piece), "{piece}");
    }
}

#[test]
fn threads_jobs_and_processes_stand_on_one_axis() {
    let kinds = |example: &str, args: &[&str]| {
        let traces = trace::from_evt_json(&recorded(example, ".evt.json", args)).unwrap();
        let count = |kind: Kind| traces[0].records.iter().filter(|r| r.kind == kind).count();
        let kinds = [
            Kind::ThreadBegin,
            Kind::JoinEnd,
            Kind::BlockEnd,
            Kind::OffloadRun,
            Kind::ChunkEnd,
            Kind::ProcEnd,
        ];
        kinds.map(count)
    };
    let delay = ["--delay", "0.01"];
    assert_eq!(kinds("threads_join", &delay), [5, 5, 10, 0, 0, 0]);
    assert_eq!(kinds("to_thread", &delay), [0, 0, 5, 5, 0, 0]);
    let pool = ["--delay", "0.01", "--workers", "2", "--requests", "8"];
    assert_eq!(kinds("process_pool", &pool), [0, 0, 0, 0, 8, 2]);

    // Threads are started at a line of the example.
    let traces = trace::from_evt_json(&recorded("threads_join", ".evt.json", &delay)).unwrap();
    let mut records = traces[0].records.iter();
    let begin = records.find(|r| r.kind == Kind::ThreadBegin).unwrap();
    let place = traces[0].place(begin.c);
    assert!(place.starts_with("examples/threads_join.rs:"), "{place}");

    // The processes are begun at a line of the example, and it is in the page.
    let traces = trace::from_evt_json(&recorded("process_pool", ".evt.json", &pool)).unwrap();
    let begin = traces[0].records.iter().find(|r| r.kind == Kind::ProcBegin);
    let place = traces[0].place(begin.unwrap().c);
    let line = include_str!("../examples/process_pool.rs")
        .lines()
        .position(|line| line.contains("Pool::new("));
    assert_eq!(
        place,
        format!("examples/process_pool.rs:{}", line.unwrap() + 1)
    );
}

#[test]
fn race_writes_all_its_strategies_into_one_trace() {
    let text = recorded(
        "race",
        ".evt.json",
        &["--delay", "0.01", "--requests", "4", "--workers", "2"],
    );
    let traces = trace::from_evt_json(&text).unwrap();
    let titles: Vec<&str> = traces.iter().map(|trace| trace.title.as_str()).collect();
    let mut expected = vec![
        "blocking-in-coroutine x 4",
        "blocking-behind-await x 4",
        "async x 4",
        "async-single-server x 4",
        "to-thread x 4",
        "threads x 4",
        "process-pool x 4",
        "sequential x 4",
    ];
    if cfg!(feature = "greenlet") {
        expected.insert(6, "greenlets x 4");
    }
    assert_eq!(titles, expected);
    for trace in &traces {
        assert_eq!(trace::check(trace), [], "{}", trace.title);
    }
}

#[test]
fn a_switch_that_cannot_be_obeyed_is_one_clear_line() {
    for (file, expected) in [
        (
            "run.foo",
            "run.foo: the ending must be one of .html, .evt.json, .json, .order.txt, .txt, .svg; or - for the table of turns on stderr",
        ),
        (
            "run.order.svg",
            "run.order.svg: the order of the steps is written as .order.txt only",
        ),
        (
            ".html",
            ".html: a name must stand before the ending, as in run.html",
        ),
        (
            "/no/such/folder/run.html",
            "/no/such/folder/run.html cannot be written: No such file or directory (os error 2)",
        ),
    ] {
        let mut command = sibling::example("hello").unwrap();
        let output = command
            .args(["--delay", "0.01"])
            .env("GLASSLOOP_TRACE", file)
            .output()
            .unwrap();
        assert!(output.status.success());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            stderr,
            format!("GLASSLOOP_TRACE: {expected}; this program is not recorded\n")
        );
    }
}

#[test]
fn trace_check_goes_on_after_a_file_that_it_cannot_read() {
    let folder = Folder::new("check");
    let file = |name: &str, text: &str| {
        let path = folder.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let trace = in_virtual_time();
    let good = file("good.evt.json", &trace::evt_json(&trace));
    let none = file("none.evt.json", &trace::evt_json_of_all(&[]));
    let torn = file("torn.evt.json", &trace::evt_json(&trace)[..500]);
    let mut half = trace.clone();
    half.records.truncate(20);
    let half = file("half.evt.json", &trace::evt_json(&half));
    let missing = folder.0.join("missing.evt.json").display().to_string();

    let mut command = sibling::example("trace_check").unwrap();
    let output = command
        .args([&missing, &torn, &half, &none, &good])
        .output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (lines(output.stdout), lines(output.stderr));
    let errors: Vec<&str> = stderr.lines().collect();
    assert_eq!(errors.len(), 3, "{stderr}");
    assert_eq!(
        errors[0],
        format!("{missing}: No such file or directory (os error 2)")
    );
    assert!(
        errors[1].starts_with(&format!("{torn} is no compact trace: ")),
        "{stderr}"
    );
    assert_eq!(
        errors[2],
        format!("{none} is no compact trace: there is no trace in it")
    );
    let found: Vec<&str> = stdout.lines().collect();
    assert_eq!(found.len(), 2, "{stdout}");
    assert!(
        found[0].contains("breaks I7")
            && found[0].ends_with("the trace breaks off, without RUN_END or CUT"),
        "{stdout}"
    );
    let events = trace.records.len();
    assert_eq!(
        found[1],
        format!("{good}: virtual: {events} events, keeps all rules")
    );

    let mut command = sibling::example("trace_check").unwrap();
    assert_eq!(command.arg(&good).status().unwrap().code(), Some(0));
}

#[test]
fn the_table_names_who_stood_by_while_a_step_blocked_and_what_was_late() {
    let recorder = Rc::new(Recorder::new("harm"));
    let builder = EventLoop::builder().virtual_time();
    let event_loop = builder.observer(recorder.clone()).build().unwrap();
    let main = async {
        let blocks = create_task(async {
            get_running_loop().unwrap().advance(Duration::from_secs(2));
        });
        let others = (0..2).map(|_| create_task(yield_now())).collect::<Vec<_>>();
        sleep(Duration::from_millis(500)).await;
        blocks.await.unwrap();
        drop(others);
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    let trace = recorder.trace();
    let text = trace::text(&trace);
    let lines: Vec<&str> = text.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.starts_with("!! "))
        .unwrap();
    assert!(lines[at].starts_with("!! T2 blocked the loop for 2.000 s at tests/trace_forms.rs:"));
    assert_eq!(
        lines[at + 1],
        "   meanwhile T3 T4 stood ready; timer#1 was due 1.500 s before its end"
    );

    let recorder = Rc::new(Recorder::new("no harm"));
    let builder = EventLoop::builder().virtual_time();
    let event_loop = builder.observer(recorder.clone()).build().unwrap();
    event_loop.run_until_complete(yield_now()).unwrap();
    event_loop.close().unwrap();
    let text = trace::text(&recorder.trace());
    assert!(
        text.contains("\nno step took 100.0 ms or longer\n"),
        "{text}"
    );
}

#[test]
fn who_fulfils_a_promise_is_told_with_the_line() {
    let recorder = Rc::new(Recorder::new("promise"));
    let builder = EventLoop::builder().virtual_time();
    let event_loop = builder.observer(recorder.clone()).build().unwrap();
    let line = line!() + 4;
    let main = async {
        let promise = Promise::new();
        let given = promise.clone();
        create_task(async move { given.set_result(7).unwrap() });
        assert_eq!(promise.await.unwrap(), 7);
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    let trace = recorder.trace();
    assert_eq!(trace::check(&trace), []);
    let place = format!("tests/trace_forms.rs:{line}");
    let done = trace.records.iter().find(|r| r.kind == Kind::FutDone);
    let done = done.unwrap();
    assert_eq!((done.a, trace.place(done.c)), (2, place.clone()));
    let order = trace::order(&trace);
    let told = format!(" ✓, fulfils a promise at {place}, wakes T1\n");
    assert!(order.contains(&told), "{order}");
    let text = trace::text(&trace);
    assert!(text.contains("T2✓(promise)→T1\n"), "{text}");
    let chrome = trace::chrome(std::slice::from_ref(&trace));
    let told =
        format!(r#""name":"fulfils a promise","ts":0.000,"s":"t","args":{{"at":"{place}"}}"#);
    assert!(chrome.contains(&told), "{chrome}");
}
