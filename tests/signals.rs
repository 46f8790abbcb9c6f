//! Signals and Ctrl-C, each in a process of its own that gets real ones.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use glassloop::trace::{self, Kind, Recorder};
use glassloop::{
    EventLoop, LoopError, Promise, catch_cancel, create_task, gather, get_running_loop, run, sleep,
    wait,
};
use signal_hook::consts::{SIGINT, SIGKILL, SIGUSR1};

const HOUR: Duration = Duration::from_secs(3600);

/// What the child processes do; each says `ready` when it may be given signals.
fn child(role: &str) -> Result<(), LoopError> {
    match role {
        "sleeps" => run(async {
            println!("ready");
            sleep(HOUR).await;
        }),
        "cleans up" => run(async {
            println!("ready");
            if let Err(cancelled) = catch_cancel(sleep(HOUR)).await {
                println!("cleaned up");
                cancelled.raise().await
            }
        }),
        "swallows" => run(async {
            println!("ready");
            let swallowed = catch_cancel(sleep(HOUR)).await.is_err();
            println!("swallowed {swallowed}");
        }),
        "lingers" => run(async {
            create_task(async {
                let _ = catch_cancel(sleep(HOUR)).await;
                println!("asked");
                sleep(HOUR).await;
            })
            .set_name("the survivor");
            sleep(Duration::ZERO).await;
            println!("ready");
            sleep(HOUR).await;
        }),
        "blocks" => run(async {
            println!("ready");
            std::thread::sleep(HOUR);
        }),
        "handles" => run(async {
            let event_loop = get_running_loop()?;
            event_loop.add_signal_handler(SIGUSR1, || {
                // Before the word, upon which the next signal comes.
                get_running_loop().unwrap().remove_signal_handler(SIGUSR1);
                println!("handled");
            })?;
            println!("ready");
            sleep(HOUR).await;
            Ok(())
        })?,
        "blocks in turn" => run(async {
            let block = |n| async move {
                println!("block {n}");
                interrupt_myself();
            };
            println!("ready");
            let _ = gather((1..=5).map(block).collect::<Vec<_>>()).await;
        }),
        "blocks in turn and lingers" => run(async {
            let block = |n| async move {
                println!("block {n}");
                interrupt_myself();
            };
            println!("ready");
            let _ = wait((1..=5).map(|n| create_task(block(n)))).await;
        }),
        "blocks at the end" => run(async {
            println!("ready");
            interrupt_myself();
            println!("ended");
        }),
        "runs again" => {
            for _ in 0..2 {
                run(async {})?;
            }
            child("cleans up")
        }
        "ends and waits" => {
            run(async {})?;
            println!("ready");
            std::thread::sleep(HOUR);
            Ok(())
        }
        "two loops" => {
            let (told, hear) = std::sync::mpsc::channel();
            let (begun, wait) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                run(async move {
                    let event_loop = get_running_loop().unwrap();
                    let heard = move || told.send("the other loop heard").unwrap();
                    event_loop.add_signal_handler(SIGUSR1, heard).unwrap();
                    begun.send(()).unwrap();
                    sleep(HOUR).await;
                })
            });
            wait.recv().unwrap();
            let event_loop = EventLoop::new()?;
            event_loop.add_signal_handler(SIGUSR1, || ())?;
            assert!(event_loop.remove_signal_handler(SIGUSR1));
            println!("ready");
            println!("{}", hear.recv().unwrap());
            Ok(())
        }
        "is recorded" => {
            let recorder = Rc::new(Recorder::new("signals"));
            let event_loop = EventLoop::builder().observer(recorder.clone()).build()?;
            println!("ready");
            event_loop.run_until_complete(async {
                let event_loop = get_running_loop().unwrap();
                event_loop.add_signal_handler(SIGUSR1, || ()).unwrap();
                // One of them comes while the loop sleeps, however busy the machine is.
                for _ in 0..5 {
                    let later = || std::thread::sleep(Duration::from_millis(50));
                    let sender = std::thread::spawn(move || {
                        later();
                        send(std::process::id(), "-USR1");
                    });
                    sleep(Duration::from_millis(200)).await;
                    sender.join().unwrap();
                }
            })?;
            event_loop.close()?;
            let trace = recorder.trace();
            let answers = trace.records.iter().filter(|r| r.kind == Kind::PollExit);
            let mut interrupted = answers.filter(|r| r.flags == 1);
            println!("interrupted: {}", interrupted.next().is_some());
            println!("told: {}", trace::text(&trace).contains(" signal "));
            println!("broken rules: {}", trace::check(&trace).len());
            Ok(())
        }
        "handler panics" => run(async {
            fn boom() {
                panic!("in a handler");
            }
            let event_loop = get_running_loop().unwrap();
            let reported = Promise::new();
            let promise = reported.clone();
            event_loop.set_exception_handler(move |failure| {
                let _ = promise.set_result(failure.message.clone());
            });
            event_loop.add_signal_handler(SIGUSR1, boom).unwrap();
            println!("ready");
            let message = reported.await.unwrap();
            println!("{}", message.split(" at ").next().unwrap());
        }),
        other => panic!("no such role: {other}"),
    }
}

/// Blocks until the thread that waits for signals has told the loop.
fn interrupt_myself() {
    send(std::process::id(), "-INT");
    std::thread::sleep(Duration::from_millis(500));
}

fn start(role: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env("GLASSLOOP_TEST_ROLE", role)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(line(&mut output), "ready");
    (child, output)
}

fn line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn signal(child: &Child, name: &str) {
    send(child.id(), name);
}

fn send(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// The exit status, what is left of stdout, and stderr.
fn end(
    mut child: Child,
    mut output: BufReader<std::process::ChildStdout>,
) -> (Option<i32>, String, String) {
    let begin = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if begin.elapsed() > Duration::from_secs(20) => {
                child.kill().unwrap();
                panic!("it does not end");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let (mut out, mut err) = (String::new(), String::new());
    output.read_to_string(&mut out).unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    (status.code(), out, err)
}

fn interrupted(role: &str) -> (Option<i32>, String, String) {
    let (child, output) = start(role);
    signal(&child, "-INT");
    end(child, output)
}

fn parent() {
    let error = "interrupted by Ctrl-C\n".to_owned();
    assert_eq!(
        interrupted("sleeps"),
        (Some(1), String::new(), error.clone())
    );
    assert_eq!(
        interrupted("cleans up"),
        (Some(1), "cleaned up\n".to_owned(), error)
    );
    let fine = (Some(0), "swallowed true\n".to_owned(), String::new());
    assert_eq!(interrupted("swallows"), fine);

    let (child, mut output) = start("lingers");
    signal(&child, "-INT");
    assert_eq!(line(&mut output), "asked");
    signal(&child, "-INT");
    let (code, _, err) = end(child, output);
    assert_eq!(code, Some(1));
    assert!(
        err.starts_with(
            "interrupted twice, and still pending: <Task cancelling name='the survivor'"
        ),
        "{err}"
    );
    assert!(err.ends_with("interrupted by Ctrl-C\n"), "{err}");

    // The chapter's trap: no step ever gives the pen back.
    let (mut child, output) = start("blocks");
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() && begin.elapsed() < Duration::from_secs(20) {
        signal(&child, "-INT");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (code, _, err) = end(child, output);
    assert_eq!(
        (code, err.as_str()),
        (
            None,
            "interrupted twice while a step blocks the event loop: ended without a clean-up\n"
        )
    );

    let (child, mut output) = start("handles");
    signal(&child, "-USR1");
    assert_eq!(line(&mut output), "handled");
    // Without a handler it does again what it does by default: it kills.
    signal(&child, "-USR1");
    assert_eq!(end(child, output).0, None);

    a_signal_that_ends_the_loops_sleep_is_in_its_trace();
    a_second_run_in_a_process_answers_ctrl_c_too();
    a_handler_that_is_removed_leaves_that_of_another_loop();
    ctrl_c_while_steps_block_one_after_another_is_answered_between_them();
    a_failing_handler_is_reported_by_its_own_name();

    let event_loop = EventLoop::new().unwrap();
    let refused = |signal| {
        event_loop
            .add_signal_handler(signal, || {})
            .unwrap_err()
            .to_string()
    };
    assert_eq!(refused(SIGKILL), "sig 9 cannot be caught");
    assert_eq!(refused(9999), "invalid signal number 9999");
    assert!(!event_loop.remove_signal_handler(SIGINT));
}

fn a_signal_that_ends_the_loops_sleep_is_in_its_trace() {
    let (child, output) = start("is recorded");
    let out = "interrupted: true\ntold: true\nbroken rules: 0\n".to_owned();
    assert_eq!(end(child, output), (Some(0), out, String::new()));
}

fn a_second_run_in_a_process_answers_ctrl_c_too() {
    let (code, out, err) = interrupted("runs again");
    assert_eq!(code, Some(1));
    assert_eq!(out, "cleaned up\n");
    assert_eq!(err, "interrupted by Ctrl-C\n");
    // When no loop is left, it kills.
    let (child, output) = start("ends and waits");
    signal(&child, "-INT");
    assert_eq!(end(child, output), (None, String::new(), String::new()));
}

fn a_handler_that_is_removed_leaves_that_of_another_loop() {
    let (child, output) = start("two loops");
    signal(&child, "-USR1");
    let heard = "the other loop heard\n".to_owned();
    assert_eq!(end(child, output), (Some(0), heard, String::new()));
}

fn ctrl_c_while_steps_block_one_after_another_is_answered_between_them() {
    let error = "interrupted by Ctrl-C\n".to_owned();
    // The main task awaits them in a `gather`, which is cancelled with it.
    let (child, output) = start("blocks in turn");
    let out = "block 1\n".to_owned();
    assert_eq!(end(child, output), (Some(1), out, error.clone()));
    // `wait` cancels nothing: the second block runs, and the second Ctrl-C ends the loop before the third.
    let (child, output) = start("blocks in turn and lingers");
    let (code, out, err) = end(child, output);
    assert_eq!((code, out.as_str()), (Some(1), "block 1\nblock 2\n"));
    assert_eq!(
        err.matches("interrupted twice, and still pending").count(),
        4,
        "{err}"
    );
    // There is no step left to be cancelled, but the program is told.
    let (child, output) = start("blocks at the end");
    let out = "ended\n".to_owned();
    assert_eq!(end(child, output), (Some(1), out, error));
}

fn a_failing_handler_is_reported_by_its_own_name() {
    let (child, output) = start("handler panics");
    signal(&child, "-USR1");
    let (code, out, _) = end(child, output);
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "Exception in callback boom()\n")
    );
}

fn main() -> ExitCode {
    match std::env::var("GLASSLOOP_TEST_ROLE") {
        Err(_) => {
            parent();
            println!("test signals ... ok");
            ExitCode::SUCCESS
        }
        Ok(role) => match child(&role) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
    }
}
