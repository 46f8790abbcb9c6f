//! Run:     cargo run --release --example conformance -- tests/programs/hello.json
//! Predict: which line comes first, that of the task or that of the callback?
//! Expect:  a line per step of the program, with the time, who acts and what came of it; then how each task ended.
//! Look:    tests/interpreter/ does each op by the function of glassloop that it is named after.
//! Change:  write a program of your own; CPython's asyncio prints the same trace (tests/programs/README.md).
//!
//! The argument is a program in JSON, or a file of them, one a line (`.jsonl`).

#[path = "../tests/interpreter/mod.rs"]
mod interpreter;
mod support;

use std::process::ExitCode;

use serde_json::Value;

fn run(path: &str) -> Result<(), String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {path:?}: {error}"))?;
    let many = path.ends_with(".jsonl");
    let programs: Vec<&str> = match many {
        true => text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect(),
        false => vec![&text],
    };
    for (i, program) in programs.into_iter().enumerate() {
        let program: Value = serde_json::from_str(program)
            .map_err(|error| format!("{path:?}, program {}: not JSON: {error}", i + 1))?;
        let name = program["name"].as_str().unwrap_or("(without a name)");
        if many {
            println!("# {name}");
        }
        match interpreter::trace(&program) {
            Ok(lines) => lines.iter().for_each(|line| println!("{line}")),
            Err(bad) => return Err(format!("{name}: {}", bad.0)),
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let path = support::args::file(
        "conformance: give one program file, such as tests/programs/hello.json",
    );
    match run(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::from(2)
        }
    }
}
