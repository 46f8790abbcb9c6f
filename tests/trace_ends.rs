//! Programs that do not end by returning from `main`: what is left of their traces.
#![cfg(unix)]

#[path = "../examples/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use glassloop::trace::{self, Kind, Summary, Trace, cut};
use glassloop::{current_task, get_running_loop, run, sleep, to_thread};
use support::sibling;

/// A recorded program that was started, and has printed a line.
struct Program {
    child: Child,
    folder: PathBuf,
}

impl Program {
    fn start(command: &mut Command, line: &str) -> Program {
        Program::recorded(command, line, ".evt.json")
    }

    fn recorded(command: &mut Command, line: &str, ending: &str) -> Program {
        let name = format!("glassloop-ends-{}-{line}{ending}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut child = command
            .env("GLASSLOOP_TRACE", folder.join(format!("run{ending}")))
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
        Program::of_this_file_as(name, ".evt.json")
    }

    fn of_this_file_as(name: &str, ending: &str) -> Program {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--nocapture", "--exact", "programs"]);
        Program::recorded(command.env("GLASSLOOP_PROGRAM", name), name, ending)
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
        let mut traces = trace::load(&file).unwrap();
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
        "hangs" => run(async {
            sleep(Duration::from_millis(1)).await;
            println!("\nhangs");
            std::thread::sleep(Duration::from_secs(60));
        })
        .unwrap(),
        "has a child" => {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--nocapture", "--exact", "programs"]);
            child.env("GLASSLOOP_PROGRAM", "is a child");
            run(async move {
                sleep(Duration::from_millis(1)).await;
                assert!(child.status().unwrap().success());
            })
            .unwrap();
        }
        "is a child" => {
            println!("\nchild {}", std::process::id());
            run(sleep(Duration::from_millis(2))).unwrap();
            run(sleep(Duration::from_millis(2))).unwrap();
        }
        "exits unseen" => {
            drop(std::thread::spawn(|| {
                std::thread::sleep(Duration::from_millis(100));
                std::process::exit(3)
            }));
            run(asleep).unwrap();
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
        "sections" => {
            println!("\nsections");
            for (title, pause) in [("short", 1), ("long", 400)] {
                let _section = trace::section(title);
                let thread = std::thread::spawn(trace::thread("worker", || ()));
                thread.join().unwrap();
                std::thread::sleep(Duration::from_millis(pause));
            }
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
    let [.., before, last] = &trace.records[..] else {
        panic!("no records")
    };
    assert_eq!(before.kind, Kind::BlockBegin);
    assert_eq!((last.kind, last.a, last.flags), (Kind::Cut, 2, cut::STEP));
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

/// This test program again, recorded into this file.
fn output_of(name: &str, file: &Path) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--nocapture", "--exact", "programs"]);
    let command = command.env("GLASSLOOP_PROGRAM", name);
    command.env("GLASSLOOP_TRACE", file).output().unwrap()
}

fn folder(name: &str) -> PathBuf {
    let name = format!("glassloop-ends-{}-{name}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[cfg(target_os = "linux")]
#[test]
fn a_child_that_inherits_the_switch_leaves_its_parents_trace_alone() {
    let folder = folder("child");
    let file = folder.join("run.evt.json");
    let output = output_of("has a child", &file);
    assert_eq!(output.status.code(), Some(0));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let mut lines = stdout.lines();
    let child = lines.find_map(|line| line.strip_prefix("child ")).unwrap();
    let own = folder.join(format!("run-{child}.evt.json"));
    let said = format!(
        "GLASSLOOP_TRACE: {} is another process's, so this one writes {}\n",
        file.display(),
        own.display()
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), said);
    assert_eq!(trace::load(&file).unwrap().len(), 1);
    assert_eq!(trace::load(&own).unwrap().len(), 2);

    // When its process is gone, the file may be written over.
    let output = output_of("is a child", &file);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(trace::load(&file).unwrap().len(), 2);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_dies_leaves_no_empty_file_and_a_former_one_as_it_was() {
    let folder = folder("former");
    let file = folder.join("run.html");
    assert_eq!(output_of("exits unseen", &file).status.code(), Some(3));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    std::fs::write(&file, "former").unwrap();
    assert_eq!(output_of("exits unseen", &file).status.code(), Some(3));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "former");
    std::fs::remove_dir_all(folder).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_whole_keeps_what_was_in_it() {
    let trace = trace::Recorder::new("nothing").trace();
    let folder = folder("whole");
    let file = folder.join("run.txt");
    // Another name for the same file: one that is written in place shows in both.
    let other = folder.join("other.txt");
    std::fs::write(&file, "former").unwrap();
    std::fs::hard_link(&file, &other).unwrap();
    trace::save(&file, std::slice::from_ref(&trace)).unwrap();
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "former");
    assert_ne!(std::fs::read_to_string(&file).unwrap(), "former");
    // A link stays one.
    let link = folder.join("link.txt");
    std::os::unix::fs::symlink("other.txt", &link).unwrap();
    trace::save(&link, &[trace]).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_ne!(std::fs::read_to_string(&other).unwrap(), "former");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 3);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_section_without_a_loop_ends_where_it_is_dropped() {
    let mut program = Program::of_this_file("sections");
    program.child.wait().unwrap();
    let traces = trace::load(program.folder.join("run.evt.json")).unwrap();
    let titles = traces.iter().map(|trace| &*trace.title);
    assert_eq!(titles.collect::<Vec<_>>(), ["short", "long"]);
    // The short one is over before the long one begins, and is written once more after it.
    assert!(traces[0].end() < traces[1].end(), "{traces:?}");
    assert!(traces[1].end() >= 400_000_000);
    for trace in &traces {
        let last = trace.records.last().unwrap();
        assert_eq!((last.kind, last.flags), (Kind::Cut, cut::NOBODY));
        assert_eq!(trace::check(trace), []);
    }
    std::fs::remove_dir_all(&program.folder).unwrap();
}

#[test]
fn a_step_that_hangs_lasts_to_the_end_in_every_form() {
    let program = Program::of_this_file("hangs");
    std::thread::sleep(Duration::from_millis(200));
    program.signal("-TERM");
    let (_, trace) = program.end();
    let last = trace.records.last().unwrap();
    assert_eq!((last.kind, last.a, last.flags), (Kind::Cut, 1, cut::STEP));
    let [slow] = &Summary::of(&trace).slow[..] else {
        panic!("one step")
    };
    assert!(slow.open && slow.took >= 200_000_000, "{slow:?}");

    for (ending, words) in [
        (
            ".txt",
            &[
                "T1…still-runs!",
                "!! T1 still runs, and has blocked the loop for ",
            ][..],
        ),
        (".order.txt", &["T1 programs (by a timer) still runs\n"]),
        (
            ".svg",
            &[
                "class=\"block\"",
                "<title>still runs, has blocked for ",
                ">still runs<",
            ],
        ),
        (".json", &["\"run, still runs\""]),
    ] {
        let mut program = Program::of_this_file_as("hangs", ending);
        std::thread::sleep(Duration::from_millis(200));
        program.signal("-TERM");
        program.child.wait().unwrap();
        let file = program.folder.join(format!("run{ending}"));
        let text = std::fs::read_to_string(file).unwrap();
        for words in words {
            assert!(text.contains(words), "{words} in {text}");
        }
        std::fs::remove_dir_all(&program.folder).unwrap();
    }
}
