//! The flight recorder: dumps of what the rings hold, while the program runs. SIGUSR2 asks for one; with `GLASSLOOP_TRACE_LAST=N`,
//! which keeps the last N events only, the first panic writes one as well.
//!
//! A thread waits for the signal and reads the rings, so that a loop that is blocked can be dumped too.

use std::sync::atomic::{AtomicBool, Ordering};

use super::recording::CAPACITY;

/// How many events each loop's ring is to keep, and whether the environment said so.
pub(crate) fn capacity_of_environment() -> (usize, bool) {
    let Some(wanted) = std::env::var_os("GLASSLOOP_TRACE_LAST") else {
        return (CAPACITY, false);
    };
    match wanted.to_str().and_then(|text| text.parse().ok()) {
        Some(events) if events > 0 => (events, true),
        _ => {
            eprintln!("GLASSLOOP_TRACE_LAST: {wanted:?} is not a number of events");
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

/// Has `dump` called at each SIGUSR2, with `1`, `2`, ...
#[cfg(unix)]
pub(crate) fn dump_at_signal(dump: fn(&str)) {
    use signal_hook::consts::SIGUSR2;
    use signal_hook::iterator::Signals;

    let wait = move |mut signals: Signals| {
        for (i, _) in signals.forever().enumerate() {
            dump(&(i + 1).to_string());
        }
    };
    let started = Signals::new([SIGUSR2]).and_then(|signals| {
        let thread = std::thread::Builder::new().name("glassloop dumps".to_owned());
        thread.spawn(move || wait(signals))
    });
    if let Err(error) = started {
        eprintln!("GLASSLOOP_TRACE: SIGUSR2 is not watched: {error}");
    }
}
