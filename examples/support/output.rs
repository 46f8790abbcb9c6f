//! Output, and the ends of a program that has something to complain of: a reader that has gone (`example | head -1`), a full disk,
//! Ctrl-C.

use std::fmt::Display;
use std::io::{Write, stderr};
use std::panic;
use std::process::exit;

use glassloop::LoopError;

/// Has `println!` end the process with one line on stderr and exit code 1 when it fails, instead of a panic.
pub fn exit_when_it_fails() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>();
        match text.and_then(|text| text.strip_prefix("failed printing to stdout: ")) {
            Some(why) => fail(format!("cannot write the output: {why}")),
            None => usual(info),
        }
    }));
}

/// The example cannot do its work: one line on stderr, exit code 1; after Ctrl-C 130, as shells have it.
pub fn fail(message: impl Display) -> ! {
    let message = message.to_string();
    let code = match message == LoopError::Interrupted.to_string() {
        true => 130,
        false => 1,
    };
    end(message, code)
}

/// One line on stderr. `eprintln!` panics where stderr cannot be written either, which in a panic's hook is the end.
pub fn end(message: impl Display, code: i32) -> ! {
    let _ = writeln!(stderr(), "{message}");
    exit(code)
}

/// `1 loop`, `2 loops`.
pub fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}
