//! The gate: what an operation costs glassloop in instructions may not drift unnoticed.
//!
//! Instructions do not depend on how busy the machine is, so it cannot fail by chance. They do depend on the compiler, whose
//! version is recorded beside them.

use std::fmt::Write;

use crate::callgrind::instructions;
use crate::workloads::Workload;

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

/// By how much a count may differ from the recorded one.
const TOLERANCE: f64 = 0.05;

/// Which slots of the wheel its timers are in depends on when it runs; `sleep_virtual` is counted instead.
const BY_THE_CLOCK: &str = "sleep_drop";

/// With more connections it depends on the server how many answers a turn finds.
const BY_THE_SERVER: [&str; 2] = ["http/10", "http/100"];

/// Counts every workload of glassloop that can be counted, and compares or records.
pub fn run(workloads: &[Workload], record: bool) -> Result<(), String> {
    if cfg!(feature = "peers") {
        let says = "the gate counts a program without the peers: build with --no-default-features";
        return Err(says.to_owned());
    }
    let mut counted = Vec::new();
    let gated = |workload: &&Workload| {
        workload.family.is_countable()
            && workload.family.name != BY_THE_CLOCK
            && !BY_THE_SERVER.contains(&workload.name().as_str())
    };
    for workload in workloads.iter().filter(gated) {
        counted.push((workload.name(), instructions(workload, ours(workload))?));
    }
    if record {
        let mut text = format!("# instructions an operation of glassloop; {}\n", compiler());
        for (name, count) in &counted {
            let _ = writeln!(text, "{name} {count:.1}");
        }
        return std::fs::write(RECORD, text).map_err(|error| format!("{RECORD}: {error}"));
    }
    let text = std::fs::read_to_string(RECORD).map_err(|error| format!("{RECORD}: {error}"))?;
    compare(&text, &counted)
}

/// The contestant that counts.
fn ours(workload: &Workload) -> &'static str {
    match workload.family.name {
        "trace" => "glassloop recorder",
        _ => "glassloop",
    }
}

fn compare(recorded: &str, counted: &[(String, f64)]) -> Result<(), String> {
    let mut wrong = Vec::new();
    let mut numbers: Vec<(&str, f64)> = Vec::new();
    for line in recorded.lines().filter(|line| !line.starts_with('#')) {
        let split = line
            .split_once(' ')
            .and_then(|(name, count)| Some((name, count.parse().ok()?)));
        match split {
            Some((name, count)) => {
                numbers.push((name, count));
                if !counted.iter().any(|(known, _)| known == name) {
                    wrong.push(format!("{name}: recorded, and counted no more"));
                }
            }
            None => wrong.push(format!("not a name and a number: {line:?}")),
        }
    }
    for (name, count) in counted {
        let before = numbers.iter().find(|(recorded, _)| recorded == name);
        let Some((_, before)) = before else {
            wrong.push(format!("{name}: {count:.1}, not recorded"));
            continue;
        };
        let change = count / before - 1.0;
        let off = change.abs() > TOLERANCE;
        println!(
            "{name:20} {before:8.1} -> {count:8.1}  {:+5.1} %  {}",
            change * 100.0,
            if off { "OFF" } else { "ok" }
        );
        if off {
            let most = TOLERANCE * 100.0;
            wrong.push(format!(
                "{name}: {before:.1} -> {count:.1}, off by more than {most:.0} %"
            ));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "instructions an operation are not as recorded:\n  {}\n\
         If that is meant: `cargo run --release --manifest-path benches/Cargo.toml --no-default-features -- gate --record`, \
         and say why in the commit. ({}; this is {})",
        wrong.join("\n  "),
        recorded.lines().next().unwrap_or_default(),
        compiler(),
    ))
}

fn compiler() -> String {
    let asked = std::process::Command::new("rustc")
        .arg("--version")
        .output();
    let said = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.unwrap_or_else(|_| "unknown compiler".to_owned())
}
