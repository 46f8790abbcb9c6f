//! `cargo fuzz run cookies`: see checks/cookies.rs for what must hold.
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::cookies::check(data));
