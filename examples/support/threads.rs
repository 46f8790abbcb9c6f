//! Python's habits for the thread examples: names like `Thread-1`, and a start that cannot fail silently.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use glassloop::trace;

use super::args::fail;

/// The running thread's name, as Python says it; Rust calls the main thread just `main`.
pub fn current_name() -> String {
    match thread::current().name() {
        Some("main") => "MainThread".into(),
        Some(name) => name.into(),
        None => "a thread without name".into(),
    }
}

/// Starts `Thread-{number}`; if the system has no thread left, the example ends with exit code 1.
#[track_caller]
pub fn start(number: usize, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let name = format!("Thread-{number}");
    let body = trace::thread(&name, body);
    let started = thread::Builder::new().name(name.clone()).spawn(body);
    started.unwrap_or_else(|error| fail(format!("cannot start {name}: {error}")))
}

/// Waits until all of them have ended.
#[track_caller]
pub fn join_all(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        join(thread);
    }
}

/// Waits until it has ended; a panic in it goes on here.
#[track_caller]
pub fn join(thread: JoinHandle<()>) {
    if let Err(panic) = trace::join(thread) {
        std::panic::resume_unwind(panic);
    }
}

/// Sleeps, and with it the thread.
#[track_caller]
pub fn sleep(delay: Duration) {
    trace::blocking("sleep", || thread::sleep(delay));
}
