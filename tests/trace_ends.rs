//! Programs that do not end by returning from `main`: what is left of their traces.
#![cfg(unix)]

#[path = "../examples/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use glassloop::trace::{self, Kind, Trace};
use glassloop::{current_task, get_running_loop, run, sleep, to_thread};
use support::{sibling, trace_file};

/// A recorded program that was started, and has printed a line.
struct Program {
    child: Child,
    folder: PathBuf,
}

impl Program {
    fn start(command: &mut Command, line: &str) -> Program {
        let name = format!("glassloop-ends-{}-{line}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut child = command
            .env("GLASSLOOP_TRACE", folder.join("run.evt.json"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while !lines.next().unwrap().unwrap().starts_with(line) {}
        // Read on, so that printing does not block it.
        std::thread::spawn(move || lines.for_each(drop));
        Program { child, folder }
    }

    /// This test program again, as the test of this name.
    fn of_this_file(name: &str) -> Program {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--nocapture", "--exact", "programs"]);
        Program::start(command.env("GLASSLOOP_PROGRAM", name), name)
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// How it ended, and its trace, which keeps all rules.
    fn end(mut self) -> (ExitStatus, Trace) {
        let status = self.child.wait().unwrap();
        let file = self.folder.join("run.evt.json");
        let mut traces = trace_file::read(file.to_str().unwrap()).unwrap();
        assert_eq!(traces.len(), 1);
        let trace = traces.remove(0);
        assert_eq!(trace::check(&trace), []);
        std::fs::remove_dir_all(&self.folder).unwrap();
        (status, trace)
    }
}

fn count(trace: &Trace, kind: Kind) -> usize {
    let of_kind = trace.records.iter().filter(|record| record.kind == kind);
    of_kind.count()
}

/// Run by the tests below in processes of their own.
#[test]
fn programs() {
    let Ok(program) = std::env::var("GLASSLOOP_PROGRAM") else {
        return;
    };
    let ready = program.clone();
    let asleep = async move {
        sleep(Duration::from_millis(1)).await;
        println!("\n{ready}");
        sleep(Duration::from_secs(60)).await;
    };
    match &*program {
        "sleeps" => run(asleep).unwrap(),
        "handles SIGTERM" => {
            let ran = run(async move {
                let (event_loop, main) = (get_running_loop().unwrap(), current_task().unwrap());
                let cancel = move || assert!(main.cancel());
                event_loop.add_signal_handler(15, cancel).unwrap();
                asleep.await;
            });
            assert!(ran.is_err());
        }
        "exits in a job" => run(async move {
            let job = to_thread(|| {
                println!("\nexits in a job");
                std::process::exit(3)
            });
            job.await.unwrap()
        })
        .unwrap(),
        "exits in a thread" => {
            let thread = trace::thread("last", || {
                println!("\nexits in a thread");
                std::process::exit(3)
            });
            drop(std::thread::spawn(thread));
            run(asleep).unwrap();
        }
        other => panic!("{other}"),
    }
}

#[test]
fn what_sigterm_ends_leaves_its_trace() {
    let program = Program::of_this_file("sleeps");
    program.signal("-TERM");
    let (status, trace) = program.end();
    assert_eq!(status.signal(), Some(15));
    assert_eq!(count(&trace, Kind::StepBegin), 2);
    assert_eq!(count(&trace, Kind::RunEnd), 0);
}

#[test]
fn what_handles_sigterm_ends_as_it_likes() {
    let program = Program::of_this_file("handles SIGTERM");
    program.signal("-TERM");
    let (status, trace) = program.end();
    assert_eq!(status.code(), Some(0));
    assert_eq!(count(&trace, Kind::CancelReq), 1);
    assert_eq!(count(&trace, Kind::RunEnd), 1);
}

#[test]
fn a_blocked_loop_that_is_interrupted_twice_leaves_its_trace() {
    let mut command = sibling::example("blocking_in_coroutine").unwrap();
    let program = Program::start(command.args(["--delay", "60"]), "Waiting");
    // Time to get from the print to the read, and from the first signal to its thread.
    std::thread::sleep(Duration::from_millis(300));
    program.signal("-INT");
    std::thread::sleep(Duration::from_millis(300));
    program.signal("-INT");
    let (status, trace) = program.end();
    assert_eq!(status.signal(), Some(2));
    assert_eq!(trace.records.last().unwrap().kind, Kind::BlockBegin);
}

#[test]
fn exit_in_a_job_or_in_a_noted_thread_writes_the_trace() {
    let (status, trace) = Program::of_this_file("exits in a job").end();
    assert_eq!(status.code(), Some(3));
    assert_eq!(count(&trace, Kind::OffloadRun), 1);
    assert_eq!(count(&trace, Kind::OffloadDone), 0);

    let (status, trace) = Program::of_this_file("exits in a thread").end();
    assert_eq!(status.code(), Some(3));
    assert_eq!(count(&trace, Kind::ThreadBegin), 1);
    assert_eq!(count(&trace, Kind::ThreadEnd), 0);
}
