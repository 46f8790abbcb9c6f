//! What ends the process, and the words on stderr with which it does: each test runs itself again in a child process.

#![cfg(unix)]

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use glassloop::{greenlet, yield_now};

const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;
const SIGBUS: i32 = if cfg!(target_os = "macos") { 10 } else { 7 };

/// Runs `fatal` in a child process that is this test; gives the child's end and its stderr.
fn end_of(test: &str, fatal: fn()) -> (ExitStatus, String) {
    const CHILD: &str = "GREENLET_FATAL_CHILD";
    if env::var_os(CHILD).is_some() {
        fatal();
        std::process::exit(0);
    }
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    (child.status, String::from_utf8(child.stderr).unwrap())
}

/// Uses a little more than `kib` KiB of stack.
#[inline(never)]
fn use_stack(kib: usize) -> usize {
    let frame = std::hint::black_box([1u8; 1024]);
    match kib {
        0 => frame[0] as usize,
        _ => use_stack(kib - 1) + frame[kib % 1024] as usize,
    }
}

/// Where the greenlets of [`run_on_a_small_stack`] are created.
const CREATED: (u32, u32) = (line!() + 5, 15);

fn run_on_a_small_stack(kib: usize) {
    let main = async move {
        let small = greenlet::Builder::new().stack_size(64 * 1024);
        small.spawn(move || use_stack(kib)).await
    };
    glassloop::run(main).unwrap().unwrap();
}

#[test]
fn an_overflow_is_reported_and_ends_the_process() {
    let overflow = || {
        // Another one has waited before, and its stack is not the one that overflows.
        let other = || greenlet::sleep(Duration::from_millis(1));
        let main = async move { greenlet::spawn(other).await };
        glassloop::run(main).unwrap().unwrap();
        run_on_a_small_stack(1000);
    };
    let (status, stderr) = end_of("an_overflow_is_reported_and_ends_the_process", overflow);
    let signal = status.signal();
    assert!([Some(SIGSEGV), Some(SIGBUS)].contains(&signal), "{status}");
    let (line, column) = CREATED;
    let expected = format!(
        "\na greenlet created at tests/greenlet_fatal.rs:{line}:{column} has overflowed its stack of 65536 bytes; \
         greenlet::Builder::new().stack_size(bytes) makes one with a larger stack\n"
    );
    assert!(stderr.ends_with(&expected), "{stderr}");
}

#[test]
fn what_fits_ends_well() {
    let (status, stderr) = end_of("what_fits_ends_well", || run_on_a_small_stack(4));
    assert!(status.success(), "{status} {stderr}");
}

#[test]
fn a_thread_that_overflows_is_still_rusts_to_report() {
    let overflow = || {
        run_on_a_small_stack(4);
        let small = std::thread::Builder::new()
            .name("small".into())
            .stack_size(64 * 1024);
        small.spawn(|| use_stack(1000)).unwrap().join().unwrap();
    };
    let (status, stderr) = end_of("a_thread_that_overflows_is_still_rusts_to_report", overflow);
    assert_eq!(status.signal(), Some(SIGABRT), "{status}");
    assert!(stderr.contains("thread 'small'"), "{stderr}");
    assert!(stderr.contains("has overflowed its stack\n"), "{stderr}");
    assert!(!stderr.contains("greenlet created"), "{stderr}");
}

/// Cancels a suspended greenlet that has `T` on its stack.
fn cancel_with<T: 'static>(on_stack: T) {
    let cancelled = glassloop::run(async {
        let task = greenlet::spawn(move || {
            let _on_stack = on_stack;
            greenlet::sleep(Duration::from_secs(3600));
        });
        yield_now().await;
        task.cancel();
        task.await
    });
    println!("{cancelled:?}");
}

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

#[test]
fn a_destructor_that_panics_while_its_stack_is_unwound_ends_the_process() {
    let test = "a_destructor_that_panics_while_its_stack_is_unwound_ends_the_process";
    let (status, stderr) = end_of(test, || cancel_with(Panics));
    assert_eq!(status.signal(), Some(SIGABRT), "{status}");
    assert!(stderr.contains("in a destructor\n"), "{stderr}");
    assert!(
        stderr.contains("panic in a destructor during cleanup"),
        "{stderr}"
    );
}

struct Waits;

impl Drop for Waits {
    fn drop(&mut self) {
        greenlet::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_destructor_that_must_suspend_while_its_stack_is_unwound_says_so() {
    let test = "a_destructor_that_must_suspend_while_its_stack_is_unwound_says_so";
    let (status, stderr) = end_of(test, || cancel_with(Waits));
    assert_eq!(status.signal(), Some(SIGABRT), "{status}");
    let expected = "waiting in a destructor of a greenlet that panics or was cancelled: nothing can suspend it any more\n";
    assert!(stderr.contains(expected), "{stderr}");
}
