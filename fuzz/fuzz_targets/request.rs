//! `cargo fuzz run request`: see checks/request.rs for what must hold.
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::request::check(data));
