//! The inputs that fuzzing found worth keeping, run through the same checks. A file for which a check fails is named.

#[path = "../fuzz/checks/mod.rs"]
mod checks;

use std::panic::catch_unwind;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 20, "{} files in {folder}", files.len());
    for file in files {
        let input = std::fs::read(&file).unwrap();
        let held = catch_unwind(|| check(&input)).is_ok();
        assert!(held, "{}", file.display());
    }
}

#[test]
fn response() {
    replay("response", checks::response::check);
}

#[test]
fn request() {
    replay("request", checks::request::check);
}

#[test]
fn chunked() {
    replay("chunked", checks::chunked::check);
}

#[test]
fn cookies() {
    replay("cookies", checks::cookies::check);
}

#[cfg(feature = "gzip")]
#[test]
fn decode() {
    replay("decode", checks::decode::check);
}
