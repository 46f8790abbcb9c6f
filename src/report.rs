//! What the loop itself has to say: to the program's logger, or to stderr in a program that has none.

use std::fmt::Arguments;
use std::io::{self, Write};

use log::{Level, LevelFilter};

/// The caller's words as a warning, as `log::warn!` takes them.
macro_rules! warning {
    ($($words:tt)+) => { $crate::report::say(log::Level::Warn, format_args!($($words)+)) };
}
pub(crate) use warning;

/// The caller's words as an error.
macro_rules! error {
    ($($words:tt)+) => { $crate::report::say(log::Level::Error, format_args!($($words)+)) };
}
pub(crate) use error;

/// Python's logging has a "handler of last resort" too: whoever has configured nothing still hears of warnings and errors.
#[cold]
pub(crate) fn say(level: Level, words: Arguments<'_>) {
    if !nobody_listens() {
        log::log!(level, "{words}");
    } else if level <= log::STATIC_MAX_LEVEL {
        // In one piece, since other threads write there too; and a closed stderr is no reason to panic.
        let _ = io::stderr().write_all(format!("{words}\n").as_bytes());
    }
}

/// Whether no logger was ever set. `log` cannot be asked, but what stands in for one is off and has no size; a logger that was
/// switched off has one, and is left in peace.
fn nobody_listens() -> bool {
    log::max_level() == LevelFilter::Off && size_of_val(log::logger()) == 0
}
