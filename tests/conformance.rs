//! Programs and the traces that CPython prints for them: see tests/programs/README.md.

mod interpreter;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn programs(folder: &Path) -> Vec<Value> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    let mut programs = Vec::new();
    for file in files {
        let text = || std::fs::read_to_string(&file).unwrap();
        match file.extension().and_then(|ending| ending.to_str()) {
            Some("json") => programs.push(serde_json::from_str(&text()).unwrap()),
            Some("jsonl") => {
                let text = text();
                programs.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
            }
            _ => {}
        }
    }
    programs
}

/// The lines of each actor in their order, and the end lines in any.
fn by_actor(trace: &[String]) -> BTreeMap<&str, Vec<&str>> {
    let mut actors: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in trace {
        let actor = match line.starts_with("end ") {
            true => "end",
            false => line.split(' ').nth(1).unwrap_or_default(),
        };
        actors.entry(actor).or_default().push(line);
    }
    if let Some(ends) = actors.get_mut("end") {
        ends.sort_unstable();
    }
    actors
}

/// Runs every program of the folder and compares its trace; gives how many there were.
fn check(folder: &Path) -> usize {
    let mut failed = Vec::new();
    let mut count = 0;
    for program in programs(folder) {
        if program["quirk"] == true {
            continue;
        }
        count += 1;
        let expected: Vec<String> = serde_json::from_value(program["expected"].clone()).unwrap();
        let got = interpreter::trace(&program).unwrap();
        let same = match program["level"].as_str() {
            Some("outcome") => by_actor(&expected) == by_actor(&got),
            _ => expected == got,
        };
        if !same {
            let name = program["name"].as_str().unwrap_or_default();
            failed.push(format!(
                "{name}\n--- CPython\n{}\n--- glassloop\n{}\n",
                expected.join("\n"),
                got.join("\n")
            ));
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {count} programs differ:\n{}",
        failed.len(),
        failed.join("\n")
    );
    count
}

#[test]
fn programs_of_the_project_leave_the_traces_of_cpython() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    assert!(check(&folder) >= 250);
}

/// The whole corpus, where it is present beside the checkout.
#[test]
fn the_corpus_leaves_the_traces_of_cpython() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance/programs");
    if folder.is_dir() {
        assert!(check(&folder) >= 677);
    }
}

#[test]
fn a_bad_program_is_refused_by_name() {
    let refused = |program: &str| {
        let program: Value = serde_json::from_str(program).unwrap();
        interpreter::trace(&program).unwrap_err().0
    };
    assert_eq!(
        refused(r#"{"coroutines": {"main": [{"op": "fly"}]}}"#),
        "unknown op \"fly\""
    );
    assert_eq!(
        refused(r#"{"coroutines": {"main": [{"op": "get", "obj": "q"}]}}"#),
        r#"there is no object "q" for {"op":"get","obj":"q"}"#
    );
    assert_eq!(refused("{}"), "there is no coroutine \"main\"");
    let main = |op: &str| refused(&format!(r#"{{"coroutines": {{"main": [{op}]}}}}"#));
    assert_eq!(main(r#"{"op": "sleep"}"#), r#"the op "sleep" needs "ms""#);
    assert_eq!(
        main(r#"{"op": "try", "body": [{"op": "sleep", "ms": 1.5}]}"#),
        r#""ms" of the op "sleep" is 1.5, and must be a whole number"#
    );
    assert_eq!(
        refused(r#"{"objects": {"b": {"type": "barrier", "parties": 0}}}"#),
        r#""parties" of the object "b" is 0, and must be at least 1"#
    );
    assert_eq!(
        refused(r#"{"until": "never"}"#),
        r#"until is "never", and must be "idle" or "main""#
    );
    let again = r#"{"op": "call", "coro": "main"}"#;
    assert_eq!(main(again), r#""main" is called within calls without end"#);
}

#[test]
fn as_many_calls_within_each_other_as_cpython_can_do() {
    let again = r#"[{"op": "add", "var": "v"}, {"op": "if", "var": "v", "lt": 400, "then": [{"op": "call", "coro": "main"}]}]"#;
    let program =
        format!(r#"{{"objects": {{"v": {{"type": "var"}}}}, "coroutines": {{"main": {again}}}}}"#);
    let trace = interpreter::trace(&serde_json::from_str(&program).unwrap()).unwrap();
    assert_eq!(trace.len(), 400 + 399 + 1);
}
