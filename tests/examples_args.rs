//! Command lines of the examples: what is refused, with which words, and what the threads examples print.

#[path = "../examples/support/mod.rs"]
mod support;

use support::sibling::example;

/// Exit code, stdout and stderr of an example.
fn run(name: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let output = example(name).unwrap().args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn bad_arguments_are_one_line_and_exit_code_2() {
    let seconds = "expected seconds from 0 to 86400";
    let number = "expected a number from 1 to 1000000";
    for (args, message) in [
        (&["--bogus"][..], "invalid option '--bogus'"),
        (&["-x"], "invalid option '-x'"),
        (
            &["stray"], // where there can be a URL, it may stand alone
            "--url \"stray\": expected http://HOST:PORT or https://HOST",
        ),
        (&["--delay"], "missing argument for option '--delay'"),
        (&["--delay", "-1"], &format!("--delay \"-1\": {seconds}")),
        (&["--delay=NaN"], &format!("--delay \"NaN\": {seconds}")),
        (&["--delay=inf"], &format!("--delay \"inf\": {seconds}")),
        (
            &["--delay=86400.1"],
            &format!("--delay \"86400.1\": {seconds}"),
        ),
        (&["--delay="], &format!("--delay \"\": {seconds}")),
        (&["--requests", "0"], &format!("--requests \"0\": {number}")),
        (
            &["--requests", "1000001"],
            &format!("--requests \"1000001\": {number}"),
        ),
        (
            &["--requests", "1.5"],
            &format!("--requests \"1.5\": {number}"),
        ),
        (
            &["--url", "localhost:5000"],
            "--url \"localhost:5000\": expected http://HOST:PORT or https://HOST",
        ),
        (
            &["--url", "http://[::"],
            "--url \"http://[::\": expected http://HOST:PORT or https://HOST",
        ),
        (
            &["http://127.0.0.1:99999"],
            "--url \"http://127.0.0.1:99999\": expected http://HOST:PORT or https://HOST",
        ),
    ] {
        let expected = format!("{message} (--help lists the options)\n");
        assert_eq!(run("sequential", args), (Some(2), String::new(), expected));
    }
    let expected = "unexpected argument \"stray\" (--help lists the options)\n";
    let refused = (Some(2), String::new(), expected.to_owned());
    assert_eq!(run("cpu_count", &["stray"]), refused);
}

#[test]
fn help_lists_the_options() {
    let help = "\
Prints how many CPUs this process may use.

Options (after `--` if cargo runs it):
  --help                 show this
";
    assert_eq!(
        run("cpu_count", &["--help"]),
        (Some(0), help.into(), String::new())
    );
    let (code, help, _) = run("threads_join", &["-h"]);
    assert_eq!(code, Some(0));
    assert!(
        help.contains("\n  --threads N            how many threads [5]\n"),
        "{help}"
    );
}

/// The lines of a threads example; the time it printed becomes `T`.
fn lines(name: &str, args: &[&str]) -> (Vec<String>, f64) {
    let (code, text, error) = run(name, args);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let mut elapsed = f64::NAN;
    let lines = text
        .lines()
        .map(|line| match line.strip_prefix("elapsed: ") {
            Some(time) => {
                elapsed = time.parse().unwrap();
                "elapsed: T".to_owned()
            }
            None => line.to_owned(),
        });
    (lines.collect(), elapsed)
}

#[test]
fn main_does_not_wait_but_python_keeps_the_process() {
    let (mut printed, _) = lines("threads_main_first", &["--threads", "2", "--delay", "0.5"]);
    printed[3..].sort();
    let expected = [
        "main thread: MainThread",
        "main thread ends: MainThread",
        "elapsed: T",
        "current thread: Thread-1",
        "current thread: Thread-2",
    ];
    assert_eq!(printed, expected);
    let (printed, _) = lines(
        "threads_main_first",
        &["--rust", "--threads", "2", "--delay", "60"],
    );
    assert_eq!(printed, expected[..3]);
}

#[test]
fn daemon_threads_end_with_main() {
    let (printed, _) = lines("threads_daemon", &["--threads", "2", "--delay", "60"]);
    assert_eq!(
        printed,
        [
            "main thread: MainThread",
            "main thread ends: MainThread",
            "elapsed: T"
        ]
    );
}

#[test]
fn join_in_the_loop_takes_the_sum() {
    let (printed, elapsed) = lines("threads_join", &["--threads", "3", "--delay", "0.2"]);
    let expected = [
        "main thread: MainThread",
        "current thread: Thread-1",
        "current thread: Thread-2",
        "current thread: Thread-3",
        "main thread ends: MainThread",
        "elapsed: T",
    ];
    assert_eq!(printed, expected);
    assert!(elapsed >= 1.2, "{elapsed}");
    let (mut printed, fixed) = lines(
        "threads_join",
        &["--fixed", "--threads", "3", "--delay", "0.2"],
    );
    printed[1..4].sort();
    assert_eq!(printed, expected);
    assert!(
        fixed >= 0.4 && fixed < elapsed / 1.5,
        "{fixed} against {elapsed}"
    );
}

#[test]
fn sequential_prints_what_the_chapter_prints() {
    let (code, text, error) = run("sequential", &["--requests", "2", "--delay", "0.1"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let lines: Vec<&str> = text.lines().collect();
    let url = lines[0].strip_prefix("Waiting for ").unwrap();
    let answer = format!("Get response from {url} Result: Hello!");
    assert_eq!(lines[..4], [lines[0], &answer, lines[0], &answer]);
    let cost: f64 = lines[4]
        .strip_prefix("Cost time: ")
        .unwrap()
        .parse()
        .unwrap();
    assert!(cost >= 0.2, "{cost}");
    assert_eq!(lines.len(), 5);
}

#[cfg(not(feature = "greenlet"))]
#[test]
fn race_refuses_what_it_would_not_do() {
    for (args, message) in [
        (
            &["--only", ""][..],
            "--only \"\": expected names with commas between them",
        ),
        (
            &["--only", "async,"],
            "--only \"async,\": expected names with commas between them",
        ),
        (&["--latency", "1"], "--latency: only with --simulate"),
        (
            &["--simulate", "9", "--only", "async"],
            "--only: not with --simulate",
        ),
    ] {
        let message = format!("{message} (--help lists the options)\n");
        assert_eq!(run("race", args), (Some(2), String::new(), message));
    }
}

#[test]
fn output_that_cannot_be_written_is_one_line_and_exit_code_1() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let child = example("cpu_count")
        .unwrap()
        .stdout(full)
        .stderr(std::process::Stdio::piped())
        .spawn();
    let output = child.unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "cannot write the output: No space left on device (os error 28)\n"
    );
}

#[test]
fn what_reads_a_file_says_so() {
    let usage = "http_replay: give one table of cases, FILE.tsv\n".to_owned();
    assert_eq!(
        run("http_replay", &["--help"]),
        (Some(0), usage.clone(), String::new())
    );
    assert_eq!(run("http_replay", &[]), (Some(2), String::new(), usage));
}

#[cfg(not(feature = "greenlet"))]
#[test]
fn race_without_greenlets_says_how_to_get_them() {
    let expected = "--only: \"greenlets\" takes a feature: \
        cargo run --release --features greenlet --example race (--help lists the options)\n";
    let refused = (Some(2), String::new(), expected.to_owned());
    assert_eq!(run("race", &["--only", "async,greenlets"]), refused);
}

#[cfg(feature = "greenlet")]
#[test]
fn race_with_greenlets_has_them_in_flight_together() {
    let args = [
        "--only",
        "greenlets",
        "--delay",
        "0.3",
        "--requests",
        "5",
        "--json",
    ];
    let (code, line, _) = run("race", &args);
    assert_eq!(code, Some(0));
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["strategy"], "greenlets");
    assert_eq!(line["peak_in_flight"], 5);
    assert_eq!(line["error"], serde_json::Value::Null);
}

/// What the two examples print, without the times.
#[cfg(feature = "greenlet")]
#[test]
fn greenlets_take_turns_by_way_of_the_hub() {
    let (code, lines, error) = run("greenlets_switch", &[]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(lines, "ping 1\npong 1\nping 2\npong 2\n");

    let (code, lines, error) = run("greenlets_hub", &["--delay", "0"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let expected = "    greenlet of one delay begins
    greenlet of two delays begins
    task of two delays begins
turn 1: slept 0.00 s, ran [Task(1), Task(2), Task(3)]
    greenlet of one delay ends
    greenlet of two delays ends
    task of two delays ends
turn 2: slept 0.00 s, ran [Task(1), Task(2), Task(3)]
";
    assert_eq!(lines, expected);
}

#[test]
fn debug_mode_catches_the_trap_for_whoever_has_no_logger() {
    let mut command = example("blocking_in_coroutine").unwrap();
    command.args(["--delay", "0.5", "--requests", "2"]);
    let quiet = command.output().unwrap();
    assert_eq!(String::from_utf8(quiet.stderr).unwrap(), "");
    let debugged = command.env("GLASSLOOP_DEBUG", "1").output().unwrap();
    let said = String::from_utf8(debugged.stderr).unwrap();
    let of = |task: &str, words: &str| {
        let found = said.lines().filter(|line| line.contains(task));
        found.filter(|line| line.contains(words)).count()
    };
    for task in ["Task-2", "Task-3"] {
        // While it blocks: once, and again after twice as long.
        assert!(of(task, " has blocked the loop for ") >= 1, "{said}");
        let took = format!("Executing <Task finished name='{task}' coro=<request() done, ");
        assert_eq!(of(task, &took), 1, "{said}");
    }
}

/// An example whose output and complaints go into one pipe that nobody reads, as in `example 2>&1 | head -1`.
#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_is_no_abort() {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    let (reader, writer) = UnixStream::pair().unwrap();
    drop(reader);
    let writer = OwnedFd::from(writer);
    let mut hello = example("hello").unwrap();
    hello.args(["--delay", "0"]);
    hello.stdout(writer.try_clone().unwrap()).stderr(writer);
    assert_eq!(hello.status().unwrap().code(), Some(1));
}

/// Ctrl-C once the example has written its first line.
#[cfg(unix)]
#[test]
fn ctrl_c_is_exit_code_130() {
    use std::io::{BufRead, BufReader};
    for name in ["async_100", "gather", "to_thread", "blocking_in_coroutine"] {
        let mut command = example(name).unwrap();
        let piped = command.stdout(std::process::Stdio::piped());
        let mut child = piped.args(["--delay", "1"]).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut String::new()).unwrap();
        let mut kill = std::process::Command::new("kill");
        let sent = kill.args(["-INT", &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        std::io::copy(&mut out, &mut std::io::sink()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
    }
}
