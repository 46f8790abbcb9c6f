//! What each thread has begun and not ended: loops, sections, jobs, threads that were noted.
//!
//! `std::process::exit` in the middle of them ends none, but it does destroy the locals of the thread that calls it: the last
//! moment to write the trace.

use std::cell::Cell;
use std::sync::OnceLock;

/// What is to be done then.
static AT_EXIT: OnceLock<fn()> = OnceLock::new();

struct Open(Cell<u32>);

thread_local! {
    static OPEN: Open = const { Open(Cell::new(0)) };
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(write) = AT_EXIT.get().filter(|_| self.0.get() > 0) {
            write();
        }
    }
}

/// Has `write` called when a thread ends in the middle of something.
pub(crate) fn at_exit(write: fn()) {
    // A second one is the same.
    let _ = AT_EXIT.set(write);
}

/// The calling thread begins something. While its locals are destroyed, nothing begins or ends any more.
pub(crate) fn begun() {
    let _ = OPEN.try_with(|open| open.0.set(open.0.get() + 1));
}

/// ... and has ended it.
pub(crate) fn ended() {
    let _ = OPEN.try_with(|open| open.0.set(open.0.get().saturating_sub(1)));
}
