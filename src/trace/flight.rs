//! The flight recorder: dumps of what the rings hold, while the program runs. SIGUSR2 asks for one; with `GLASSLOOP_TRACE_LAST=N`,
//! which keeps the last N events only, and not without, the first panic writes one as well.
//!
//! A thread waits for the signal and reads the rings, so that a loop that is blocked can be dumped too.

use std::sync::atomic::{AtomicBool, Ordering};

use super::recording::CAPACITY;

/// As many events can be asked for: 3 GiB.
const MOST: usize = 100_000_000;

/// How many events each loop's ring is to keep, and whether the environment said so.
pub(crate) fn capacity_of_environment() -> (usize, bool) {
    let Some(wanted) = std::env::var_os("GLASSLOOP_TRACE_LAST") else {
        return (CAPACITY, false);
    };
    match wanted.to_str().and_then(|text| text.parse().ok()) {
        Some(events) if (1..=MOST).contains(&events) => (events, true),
        _ => {
            eprintln!(
                "GLASSLOOP_TRACE_LAST: {wanted:?} is not a number of events from 1 to {MOST}, such as 10000; without one the last million is kept"
            );
            (CAPACITY, false)
        }
    }
}

/// Has `dump` called for the first panic, before it is reported.
pub(crate) fn dump_at_panic(dump: fn(&str)) {
    static DUMPED: AtomicBool = AtomicBool::new(false);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !DUMPED.swap(true, Ordering::Relaxed) {
            dump("panic");
        }
        before(panic);
    }));
}

/// Has `dump` called at each SIGUSR2, with `1`, `2`, ..., and `last_words` before SIGTERM or Ctrl-C ends the process: unless the
/// program has a callback for it, or ignores it.
#[cfg(unix)]
pub(crate) fn watch_signals(dump: Option<fn(&str)>, last_words: fn()) {
    use signal_hook::consts::{SIGINT, SIGTERM};

    use crate::process_signals;

    process_signals::before_the_end(last_words);
    let mut ends = [SIGTERM, SIGINT].into_iter().filter(|it| !is_ignored(*it));
    let watched = ends.try_for_each(process_signals::watch);
    let started = watched.and_then(|()| dump.map_or(Ok(()), dump_when_asked));
    if let Err(error) = started {
        eprintln!("GLASSLOOP_TRACE: signals are not watched: {error}");
    }
}

/// A thread of its own, so that a dump holds up no other signal.
#[cfg(unix)]
fn dump_when_asked(dump: fn(&str)) -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGUSR2])?;
    let thread = std::thread::Builder::new().name("glassloop dumps".to_owned());
    let started = thread.spawn(move || {
        for (dumps, _) in (1..).zip(signals.forever()) {
            dump(&i32::to_string(&dumps));
        }
    });
    started.map(drop)
}

/// Whether the process was started with this signal ignored, as a shell does in the background. Known on Linux only.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
