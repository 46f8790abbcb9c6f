//! Looking at a program while it runs: the inspector, the live table, and dumps by signal and by panic.
#![cfg(unix)]

#[path = "../examples/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use glassloop::trace::{self, Kind, cut};
use glassloop::{EventLoop, create_task, run, sleep, yield_now};
use support::sibling;

/// A program under test; it is ended if the test ends first.
struct Program {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Program {
    fn start(command: &mut Command) -> Program {
        let command = command.stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Program { child, stderr }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// Ten sleepers, for a long time.
fn sleepers() -> Command {
    let mut command = sibling::example("gather").unwrap();
    command.args(["--delay", "60", "--seed", "3"]);
    command
}

fn full_answer(address: &str, method: &str, path: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Status line, and body, of the answer to a request.
fn ask(address: &str, method: &str, path: &str, host: &str) -> (String, String) {
    let answer = full_answer(address, method, path, host);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap();
    (
        status.trim_start_matches("HTTP/1.1 ").to_owned(),
        body.to_owned(),
    )
}

#[test]
fn the_inspector_shows_the_loop_to_who_knows_its_url_and_to_nobody_else() {
    let mut program = Program::start(sleepers().env("GLASSLOOP_INSPECT", "127.0.0.1:0"));
    let line = program.line();
    let url = line.strip_prefix("GLASSLOOP_INSPECT: http://").unwrap();
    let (address, token) = url.trim_end_matches('/').split_once('/').unwrap();
    assert_eq!(token.len(), 32);

    let (status, page) = ask(address, "GET", &format!("/{token}/"), address);
    assert_eq!(status, "200 OK");
    let title = format!("<title>gather {}: live</title>", program.child.id());
    assert!(page.contains(&title), "{page}");
    // The head alone has the length of what it does not have.
    let head = full_answer(address, "HEAD", &format!("/{token}/"), address);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"));
    let length = format!("\r\nContent-Length: {}\r\n", page.len());
    assert!(head.contains(&length), "{head}");
    let refused = full_answer(address, "PUT", &format!("/{token}/"), address);
    let expected = "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n";
    assert!(refused.starts_with(expected), "{refused}");
    assert!(refused.ends_with("\r\n\r\n405 Method Not Allowed\n"));

    let (status, state) = ask(address, "GET", &format!("/{token}/state"), address);
    assert_eq!(status, "200 OK");
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let tasks = state["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 11);
    assert_eq!(tasks[0]["name"], "Task-1");
    let waits = tasks[1]["waits"].as_str().unwrap();
    assert!(waits.starts_with("sleep until "), "{waits}");
    let at = tasks[1]["at"].as_str().unwrap();
    assert!(at.starts_with("examples/gather.rs:"), "{at}");
    assert_eq!(state["timer_count"], 10);
    assert_eq!(state["timers"].as_array().unwrap().len(), 10);
    let turns = state["turns"].as_array().unwrap().iter();
    assert!(
        turns
            .map(|turn| turn["count"].as_u64().unwrap())
            .sum::<u64>()
            > 0
    );

    let refused = [
        ("GET", "/".to_owned(), address, "404 Not Found"),
        (
            "GET",
            format!("/{}/", "0".repeat(32)),
            address,
            "404 Not Found",
        ),
        ("GET", format!("/{token}/other"), address, "404 Not Found"),
        (
            "POST",
            format!("/{token}/state"),
            address,
            "405 Method Not Allowed",
        ),
        (
            "GET",
            format!("/{token}/state"),
            "evil.example",
            "421 Misdirected Request",
        ),
    ];
    for (method, path, host, expected) in refused {
        let (status, _) = ask(address, method, &path, host);
        assert_eq!(status, expected, "{method} {path} of {host}");
    }

    program.signal("-USR1");
    let line = program.line();
    assert!(line.starts_with("turn "), "{line}");
    let line = program.line();
    assert!(
        line.starts_with("  Task-1 main() gather 0/10 at examples/gather.rs:"),
        "{line}"
    );
}

/// An address at which nobody listens.
fn free_port() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Run by the next test in a process of its own.
#[test]
fn loops_that_run_until_they_are_told() {
    if std::env::var_os("GLASSLOOP_INSPECT").is_none() {
        return;
    }
    let until_complete = EventLoop::new().unwrap();
    let _later = until_complete.call_later(Duration::from_secs(60), || {});
    let forever = std::thread::spawn(|| {
        let event_loop = EventLoop::new().unwrap();
        drop(event_loop.create_task(sleep(Duration::from_secs(60))));
        event_loop.run_forever().unwrap();
    });
    // In virtual time there is none: its clock would wait for the browser.
    let virtual_time = EventLoop::builder().virtual_time().build().unwrap();
    virtual_time
        .run_until_complete(sleep(Duration::from_secs(3600)))
        .unwrap();
    drop(EventLoop::builder().virtual_time().build().unwrap());
    until_complete
        .run_until_complete(sleep(Duration::from_secs(60)))
        .unwrap();
    forever.join().unwrap();
}

#[test]
fn every_loop_in_real_time_has_its_inspector() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--nocapture",
        "--exact",
        "loops_that_run_until_they_are_told",
    ]);
    // The port is taken by the first loop; the second has one of its own.
    let port = free_port();
    let mut program = Program::start(command.env("GLASSLOOP_INSPECT", port.to_string()));
    let mut timers = Vec::new();
    let said = "GLASSLOOP_INSPECT: a loop in virtual time has no inspector";
    // Two loops in virtual time have none, which is said once.
    let (virtual_time, served): (Vec<_>, Vec<_>) = (0..3)
        .map(|_| program.line())
        .partition(|line| line == said);
    assert_eq!(virtual_time.len(), 1);
    for (line, first) in served.iter().zip([true, false]) {
        let url = line.strip_prefix("GLASSLOOP_INSPECT: http://").unwrap();
        let (address, token) = url.trim_end_matches('/').split_once('/').unwrap();
        assert_eq!(address == port.to_string(), first);
        let (status, state) = ask(address, "GET", &format!("/{token}/state"), address);
        assert_eq!(status, "200 OK");
        let state: serde_json::Value = serde_json::from_str(&state).unwrap();
        assert_eq!(state["tasks"][0]["name"], "Task-1");
        timers.push(state["timer_count"].as_u64().unwrap());
    }
    assert_eq!(timers, [2, 1]);
}

/// Run by the next test in processes of its own.
#[test]
fn two_loops_one_after_the_other() {
    if std::env::var_os("GLASSLOOP_INSPECT").is_some() {
        for _ in 0..2 {
            run(sleep(Duration::from_millis(1))).unwrap();
        }
    }
}

#[test]
fn an_address_that_cannot_be_is_complained_about_once_and_localhost_is_one() {
    let lines = |address: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--nocapture", "--exact", "two_loops_one_after_the_other"]);
        let output = command.env("GLASSLOOP_INSPECT", address).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        stderr.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let bad = "GLASSLOOP_INSPECT: here: not an address and a port, such as 127.0.0.1:8123; there is no inspector";
    assert_eq!(lines("here"), [bad]);
    let served = lines("localhost:0");
    assert_eq!(served.len(), 2);
    for line in served {
        assert!(
            line.starts_with("GLASSLOOP_INSPECT: http://127.0.0.1:"),
            "{line}"
        );
    }
}

#[test]
fn the_inspector_serves_loopback_only() {
    for (address, why) in [
        (
            "0.0.0.0:0",
            "only loopback addresses are served, 127.0.0.1 or [::1]",
        ),
        ("here", "not an address and a port, such as 127.0.0.1:8123"),
    ] {
        let mut command = sibling::example("gather").unwrap();
        let command = command
            .args(["--delay", "0.01"])
            .env("GLASSLOOP_INSPECT", address);
        let output = command.output().unwrap();
        assert!(output.status.success());
        let stderr = String::from_utf8(output.stderr).unwrap();
        let expected = format!("GLASSLOOP_INSPECT: {address}: {why}; there is no inspector\n");
        assert_eq!(stderr, expected);
    }
}

#[test]
fn the_live_table_has_the_rows_of_the_turns_and_no_colours_in_a_pipe() {
    let mut command = sibling::example("hello").unwrap();
    let output = command
        .args(["--delay", "0.05"])
        .env("GLASSLOOP_TRACE", "-")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains('\x1b'));
    let rows: Vec<&str> = stderr.lines().collect();
    assert!(rows[0].starts_with("turn "), "{stderr}");
    assert!(
        rows[1].starts_with("T1: hello() at examples/hello.rs:"),
        "{stderr}"
    );
    let ran: Vec<&str> = rows[2..6]
        .iter()
        .filter_map(|row| row.split_whitespace().last())
        .collect();
    assert_eq!(ran, ["T1~sleep", "timer#1→T1", "T1✓", "callback"]);
    assert!(
        stderr.contains("4 turns  2 steps  1 suspensions"),
        "{stderr}"
    );
}

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("glassloop-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn a_loop_that_is_blocked_can_be_dumped() {
    let folder = folder("blocked");
    let file = folder.join("run.evt.json");
    let mut command = sibling::example("blocking_in_coroutine").unwrap();
    let command = command
        .args(["--delay", "60"])
        .env("GLASSLOOP_TRACE", &file);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("Waiting") {
        line.clear();
        assert!(stdout.read_line(&mut line).unwrap() > 0);
    }
    let mut program = Program { child, stderr };
    // Time to get from the print to the read.
    std::thread::sleep(Duration::from_millis(500));
    program.signal("-USR2");
    let line = program.line();
    let dump = folder.join("run-1.evt.json");
    assert_eq!(
        line,
        format!("GLASSLOOP_TRACE: dumped to {}", dump.display())
    );
    let traces = trace::load(&dump).unwrap();
    let [.., begin, last] = &traces[0].records[..] else {
        panic!("no records")
    };
    assert_eq!((begin.kind, last.kind), (Kind::BlockBegin, Kind::Cut));
    assert!(last.t - begin.t >= 200_000_000, "{}", last.t - begin.t);
    assert_eq!(trace::check(&traces[0]), []);
    drop(program);
    std::fs::remove_dir_all(folder).unwrap();
}

/// Run by the next test in a process of its own.
#[test]
fn a_program_that_exits_in_the_middle_of_a_step() {
    if std::env::var_os("GLASSLOOP_TRACE").is_none() {
        return;
    }
    run(async {
        yield_now().await;
        std::process::exit(3);
    })
    .unwrap();
}

#[test]
fn exit_in_the_middle_of_a_step_writes_the_trace() {
    let folder = folder("exit");
    let file = folder.join("run.evt.json");
    let program = |trace: &std::ffi::OsStr| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--nocapture",
            "--exact",
            "a_program_that_exits_in_the_middle_of_a_step",
        ]);
        let output = command.env("GLASSLOOP_TRACE", trace).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8(output.stderr).unwrap()
    };
    program(file.as_os_str());
    let [trace] = &trace::load(&file).unwrap()[..] else {
        panic!("one loop")
    };
    let steps = trace.records.iter().map(|record| record.kind);
    let steps: Vec<Kind> = steps
        .filter(|kind| [Kind::StepBegin, Kind::StepEnd, Kind::RunEnd].contains(kind))
        .collect();
    assert_eq!(steps, [Kind::StepBegin, Kind::StepEnd, Kind::StepBegin]);
    assert_eq!(trace::check(trace), []);

    // A section that is never dropped.
    let mut command = sibling::example("process_pool").unwrap();
    let command = command.args(["--requests", "1", "--workers", "1", "--url"]);
    let command = command.arg(format!("http://{}/", free_port()));
    let output = command.env("GLASSLOOP_TRACE", &file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let traces = trace::load(&file).unwrap();
    let [.., before, last] = &traces[0].records[..] else {
        panic!("no records")
    };
    assert_eq!((before.kind, last.kind), (Kind::ProcEnd, Kind::Cut));

    // The live table has its last rows.
    let live = program("-".as_ref());
    assert!(live.contains("T1~yield\n"), "{live}");
    assert!(live.contains("T1…still-runs\n"), "{live}");
    assert!(live.contains("2 turns  1 steps  1 suspensions"), "{live}");
    std::fs::remove_dir_all(folder).unwrap();
}

/// Run by the next test in a process of its own.
#[test]
fn a_program_that_panics() {
    if std::env::var_os("GLASSLOOP_TRACE_LAST").is_none() {
        return;
    }
    run(async {
        for _ in 0..20_000 {
            yield_now().await;
        }
        let _ = create_task(async { panic!("on purpose") }).await;
    })
    .unwrap();
}

#[test]
fn the_first_panic_dumps_the_last_events() {
    let folder = folder("panic");
    let file = folder.join("run.evt.json");
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = command
        .args(["--exact", "a_program_that_panics"])
        .env("GLASSLOOP_TRACE", &file)
        .env("GLASSLOOP_TRACE_LAST", "9000");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let dump = folder.join("run-panic.evt.json");
    let traces = trace::load(&dump).unwrap();
    let [trace] = &traces[..] else {
        panic!("one loop")
    };
    assert!(trace.dropped > 50_000, "{}", trace.dropped);
    // DROPPED, SNAP, what stands for the lost ones, the last ones, CUT.
    let head = trace.records[1].a as usize;
    assert_eq!(trace.records.len(), 2 + head + 9000 + 1);
    let [.., begin, last] = &trace.records[..] else {
        panic!("no records")
    };
    assert_eq!((begin.kind, last.kind), (Kind::StepBegin, Kind::Cut));
    assert_eq!((last.a, last.flags), (begin.a, cut::STEP));
    assert_eq!(trace::check(trace), []);
    std::fs::remove_dir_all(folder).unwrap();
}

/// Run by the next test in processes of its own.
#[test]
fn a_program_of_a_few_thousand_events() {
    if std::env::var_os("GLASSLOOP_TRACE_LAST").is_none() {
        return;
    }
    run(async {
        for _ in 0..1000 {
            yield_now().await;
        }
    })
    .unwrap();
}

#[test]
fn as_many_of_the_last_events_are_kept_as_were_asked_for() {
    let folder = folder("last");
    let file = folder.join("run.evt.json");
    let record = |last: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let command = command
            .args([
                "--exact",
                "--nocapture",
                "a_program_of_a_few_thousand_events",
            ])
            .env("GLASSLOOP_TRACE", &file)
            .env("GLASSLOOP_TRACE_LAST", last);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let mut traces = trace::load(&file).unwrap();
        assert_eq!(trace::check(&traces[0]), [], "{last}");
        let errors = String::from_utf8(output.stderr).unwrap();
        let errors = errors.lines().filter(|line| line.contains("GLASSLOOP"));
        let errors: Vec<String> = errors.map(str::to_owned).collect();
        (traces.remove(0), errors)
    };
    for last in [1, 2, 7, 100, 1000, 4096, 5000] {
        let (trace, errors) = record(&last.to_string());
        assert_eq!(errors, [""; 0]);
        let head = 2 + trace.records[1].a as usize;
        assert_eq!(trace.records.len(), head + last, "{last}");
        assert_eq!(trace.records.last().unwrap().kind, Kind::RunEnd);
    }
    for bad in [
        "0",
        "",
        "-5",
        "many",
        "1e4",
        "100000001",
        "99999999999999999999",
    ] {
        let (trace, errors) = record(bad);
        assert_eq!(trace.dropped, 0);
        let expected = format!(
            "GLASSLOOP_TRACE_LAST: {bad:?} is not a number of events from 1 to 100000000, such as 10000; without one the last million is kept"
        );
        assert_eq!(errors, [expected]);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn how_many_events_are_kept_needs_a_recording() {
    let complaints = |last: &str| {
        let mut command = sibling::example("gather").unwrap();
        let command = command.args(["--delay", "0.01"]);
        let output = command.env("GLASSLOOP_TRACE_LAST", last).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let needs = "GLASSLOOP_TRACE_LAST: nothing is recorded without GLASSLOOP_TRACE, such as GLASSLOOP_TRACE=run.html\n";
    assert_eq!(complaints("1000"), needs);
    let no_number = "GLASSLOOP_TRACE_LAST: \"abc\" is not a number of events from 1 to 100000000, such as 10000; without one the last million is kept\n";
    assert_eq!(complaints("abc"), format!("{no_number}{needs}"));
}

#[test]
fn sigusr1_ends_no_program_and_tells_of_the_step_that_holds_up_the_loop() {
    let folder = folder("asked");
    let file = folder.join("run.evt.json");
    for (variable, value, name) in [
        ("GLASSLOOP_TRACE", file.to_str().unwrap(), "T2"),
        ("GLASSLOOP_INSPECT", "127.0.0.1:0", "Task-2"),
    ] {
        // Blocked for a while: a line from outside, and the rest when the step returns.
        let mut command = sibling::example("blocking_in_coroutine").unwrap();
        let command = command.args(["--requests", "1", "--delay", "2"]);
        let command = command.env(variable, value).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        while !stdout.next().unwrap().unwrap().starts_with("Waiting") {}
        let mut program = Program { child, stderr };
        if variable == "GLASSLOOP_INSPECT" {
            assert!(program.line().starts_with("GLASSLOOP_INSPECT: http://"));
        }
        program.signal("-USR1");
        let line = program.line();
        let begin = format!("{name} request(), made at examples/blocking_in_coroutine.rs:");
        let end = "; what the loop is at besides follows when the step returns";
        assert!(line.starts_with(&begin), "{line}");
        assert!(
            line.contains(", has had the pen for ") && line.ends_with(end),
            "{line}"
        );
        let line = program.line();
        assert!(line.starts_with("turn "), "{line}");
        let text = stdout.map(Result::unwrap).collect::<Vec<_>>().join("\n");
        assert!(text.contains("Cost time"), "{text}");
        assert!(program.child.wait().unwrap().success());
    }

    // A recorded program that sleeps answers at once, and its trace is written as ever.
    let mut program = Program::start(sleepers().env("GLASSLOOP_TRACE", &file));
    // Time to begin.
    std::thread::sleep(Duration::from_millis(500));
    program.signal("-USR1");
    let line = program.line();
    assert!(line.starts_with("turn "), "{line}");
    let line = program.line();
    assert!(
        line.starts_with("  Task-1 main() gather 0/10 at examples/gather.rs:"),
        "{line}"
    );
    program.signal("-TERM");
    program.child.wait().unwrap();
    let traces = trace::load(&file).unwrap();
    assert_eq!(trace::check(&traces[0]), []);
    std::fs::remove_dir_all(folder).unwrap();
}
