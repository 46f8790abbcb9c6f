//! What a program hears that has configured no logger: warnings and errors on stderr, and nothing of what is right. Each test
//! runs itself again in a child process, since a process has one logger and one stderr.

use std::env;
use std::process::Command;
use std::time::Duration;

use glassloop::{EventLoop, Promise, create_task, gather, run, sleep, yield_now};

const CHILD: &str = "LAST_RESORT_CHILD";

/// Runs `program` in a child process that is this test, with these environment variables; gives the child's stderr.
fn stderr_of(test: &str, variables: &[(&str, &str)], program: fn()) -> String {
    if env::var_os(CHILD).is_some() {
        // The words of the panics themselves are Rust's.
        std::panic::set_hook(Box::new(|_| {}));
        program();
        std::process::exit(0);
    }
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    String::from_utf8(child.stderr).unwrap()
}

#[test]
fn a_right_program_is_silent_also_in_debug_mode() {
    let debug = [("GLASSLOOP_DEBUG", "1")];
    let name = "a_right_program_is_silent_also_in_debug_mode";
    let said = stderr_of(name, &debug, || {
        let builder = EventLoop::builder().slow_callback_duration(Duration::from_secs(60));
        let greet = async {
            let tasks = [1, 2].map(|n| create_task(async move { n }));
            sleep(Duration::from_millis(1)).await;
            gather(tasks).await.unwrap()
        };
        let ran = builder.build().unwrap().run_until_complete(greet);
        assert_eq!(ran.unwrap(), [1, 2]);
    });
    assert_eq!(said, "");
}

#[test]
fn an_error_that_nobody_looked_at_is_told_on_stderr() {
    let name = "an_error_that_nobody_looked_at_is_told_on_stderr";
    let said = stderr_of(name, &[], || {
        run(async {
            drop(create_task(async { panic!("lost") }));
            yield_now().await;
            yield_now().await;
        })
        .unwrap();
    });
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert_eq!(lines[0], "Task exception was never retrieved");
    assert!(
        lines[1].starts_with("future: <Task finished name='Task-2' coro="),
        "{said}"
    );
    assert!(lines[2].contains("lost"), "{said}");
}

#[test]
fn a_seed_that_cannot_be_read_is_told_on_stderr() {
    let seed = [("GLASSLOOP_SEED", "seven")];
    let name = "a_seed_that_cannot_be_read_is_told_on_stderr";
    let said = stderr_of(name, &seed, || run(async {}).unwrap());
    assert_eq!(
        said,
        "GLASSLOOP_SEED=\"seven\" is ignored: it has to be a number from 0 to 18446744073709551615\n"
    );
}

#[test]
fn a_deadlock_in_real_time_names_ten_tasks_and_counts_the_others() {
    let name = "a_deadlock_in_real_time_names_ten_tasks_and_counts_the_others";
    let said = stderr_of(name, &[], || {
        let waits = async {
            std::thread::spawn(|| {
                std::thread::sleep(Duration::from_secs(1));
                std::process::exit(0);
            });
            let promise = Promise::<()>::new();
            for _ in 0..200 {
                let promise = promise.clone();
                create_task(async move { promise.await });
            }
            let _ = promise.await;
        };
        let _ = run(waits);
    });
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 12, "{said}");
    assert_eq!(
        lines[0],
        "the event loop sleeps, and nothing but another thread can wake it"
    );
    assert!(
        lines[10].starts_with("  <Task pending name='Task-10' coro="),
        "{said}"
    );
    assert_eq!(lines[11], "  and 191 more");
}

#[test]
fn tasks_that_threads_are_about_to_wake_are_no_deadlock() {
    let name = "tasks_that_threads_are_about_to_wake_are_no_deadlock";
    let said = stderr_of(name, &[], || {
        let woken = |_| {
            let mut begun = false;
            std::future::poll_fn(move |context| {
                if std::mem::replace(&mut begun, true) {
                    return std::task::Poll::Ready(());
                }
                let waker = context.waker().clone();
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(50));
                    waker.wake();
                });
                std::task::Poll::Pending
            })
        };
        let all = run(async move { gather((0..20).map(woken).collect::<Vec<_>>()).await });
        assert_eq!(all.unwrap().unwrap().len(), 20);
    });
    assert_eq!(said, "");
}

#[test]
fn a_program_with_a_logger_has_all_of_it_there() {
    struct Silent(#[expect(dead_code)] u8);
    impl log::Log for Silent {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            false
        }
        fn log(&self, _: &log::Record<'_>) {}
        fn flush(&self) {}
    }
    let name = "a_program_with_a_logger_has_all_of_it_there";
    for level in ["OFF", "WARN"] {
        let said = stderr_of(name, &[("LEVEL", level)], || {
            log::set_boxed_logger(Box::new(Silent(0))).unwrap();
            log::set_max_level(env::var("LEVEL").unwrap().parse().unwrap());
            run(async {
                drop(create_task(async { panic!("lost") }));
                yield_now().await;
            })
            .unwrap();
        });
        assert_eq!(said, "");
    }
}
