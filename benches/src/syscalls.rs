//! System calls an operation, counted by strace: of the server for echo, of the contestant's own process for the rest.
//!
//! Each is the difference of two runs of different size, so that the start of the program cancels out.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use crate::measure::Size;
use crate::rounds::child_arguments;
use crate::workloads::{Family, Workload};

/// How much smaller the counted runs are than the timed ones.
const SMALLER: u64 = 50;

/// Calls of each name.
type Calls = BTreeMap<String, f64>;

fn count(family: &Family, contestant: &str, size: Size) -> Result<Calls, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let summary = std::env::temp_dir().join(format!("strace-{}", std::process::id()));
    let file = summary.to_string_lossy().into_owned();
    let mut command = if family.name == "echo" {
        let mut command = Command::new(program);
        command.args(["--trace", &file]);
        command
    } else {
        let mut command = Command::new("strace");
        command.args(["-c", "-o", &file]);
        // A client's server is a process of its own, which is not to be followed.
        if family.name != "http" && family.name != "chapter" {
            command.arg("-f");
        }
        command.arg(program);
        command
    };
    let output = command
        .args(child_arguments(family, contestant, size))
        .arg("--cold")
        .output()
        .map_err(|error| format!("strace: {error}"))?;
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    let text = std::fs::read_to_string(&summary).map_err(|error| format!("{file}: {error}"))?;
    let _ = std::fs::remove_file(&summary);
    Ok(parse(&text))
}

/// The lines are: share, seconds, microseconds a call, calls, perhaps errors, name.
fn parse(summary: &str) -> Calls {
    let lines = summary.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let calls = words.get(3)?.parse().ok()?;
        let name = words.last().filter(|name| **name != "total")?;
        Some(((*name).to_owned(), calls))
    });
    lines.collect()
}

fn of_operation(workload: &Workload, contestant: &str) -> Result<Calls, String> {
    let Size { population, ops } = workload.size;
    let ops = (ops / SMALLER).max(population).max(1);
    let once = count(workload.family, contestant, Size { population, ops })?;
    let double = Size {
        population,
        ops: 2 * ops,
    };
    let mut twice = count(workload.family, contestant, double)?;
    for (name, calls) in &mut twice {
        *calls = (*calls - once.get(name).unwrap_or(&0.0)) / ops as f64;
    }
    twice.retain(|_, calls| *calls >= 0.005);
    Ok(twice)
}

/// A Markdown table of a workload, and whether all could be counted.
pub fn table(workload: &Workload, wanted: impl Fn(&str) -> bool) -> (String, bool) {
    let mut text = format!("### {}: system calls an operation\n\n", workload.name());
    text.push_str("| | all | which |\n|---|--:|---|\n");
    let mut all_done = true;
    for name in workload.family.within().filter(|name| wanted(name)) {
        let _ = match of_operation(workload, name) {
            Ok(calls) => {
                let all = calls.values().fold(0.0, |sum, calls| sum + calls);
                let which = calls.iter().map(|(call, n)| format!("{call} {n:.2}"));
                let which = which.collect::<Vec<_>>().join(", ");
                writeln!(text, "| {name} | {all:.2} | {which} |")
            }
            Err(failure) => {
                all_done = false;
                writeln!(text, "| {name} | | failed: {failure} |")
            }
        };
    }
    if workload.family.name == "echo" {
        text.push_str(
            "\nstrace slows the server down, so that the next message is there before it waits: with one connection, \
             who reads first and waits then has no wait here.\n",
        );
    }
    (text, all_done)
}
