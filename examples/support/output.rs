//! Output that cannot be written: a reader that has gone (`example | head -1`), a full disk.

use std::panic;

/// Has `println!` end the process with one line on stderr and exit code 1 when it fails, instead of a panic.
pub fn exit_when_it_fails() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>();
        match text.and_then(|text| text.strip_prefix("failed printing to stdout: ")) {
            Some(why) => {
                eprintln!("cannot write the output: {why}");
                std::process::exit(1)
            }
            None => usual(info),
        }
    }));
}
