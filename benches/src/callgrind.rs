//! Instructions an operation, counted by callgrind: the figure that no busy machine disturbs.
//!
//! Each is the difference of two runs of different size, so that the start of the program cancels out.

use std::fmt::Write;
use std::process::Command;

use crate::measure::Size;
use crate::rounds::child_arguments;
use crate::workloads::{Family, Workload};

/// How much smaller the counted runs are than the timed ones: callgrind is some fifty times slower than the machine.
const SMALLER: u64 = 50;

/// Those whose sleep of nothing is a millisecond: what they do meanwhile is no cost of it.
const WAIT_FOR_THE_CLOCK: [&str; 3] = ["tokio-local", "tokio-localset", "monoio"];

/// The instructions an operation of one contestant costs.
pub fn instructions(workload: &Workload, contestant: &str) -> Result<f64, String> {
    let Size { population, ops } = workload.size;
    let ops = (ops / SMALLER).max(population).max(1);
    let (family, double) = (
        workload.family,
        Size {
            population,
            ops: 2 * ops,
        },
    );
    let once = count(family, contestant, Size { population, ops })?;
    let twice = count(family, contestant, double)?;
    Ok((twice as f64 - once as f64) / ops as f64)
}

fn count(family: &Family, contestant: &str, size: Size) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(child_arguments(family, contestant, size))
        .arg("--cold")
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let last = said.lines().last().unwrap_or_default();
        return Err(format!("{}: {last}", output.status));
    }
    let collected = said
        .lines()
        .find_map(|line| line.split("Collected : ").nth(1));
    let counted = collected.and_then(|number| number.trim().parse().ok());
    counted.ok_or_else(|| "valgrind printed no count".to_owned())
}

/// A Markdown table of a workload, and whether all could be counted.
pub fn table(workload: &Workload, wanted: impl Fn(&str) -> bool) -> (String, bool) {
    let waits = |name| workload.family.name == "sleep_zero" && WAIT_FOR_THE_CLOCK.contains(&name);
    let counted = workload
        .family
        .within()
        .filter(|name| wanted(name) && !waits(*name));
    let mut rows: Vec<_> = counted
        .map(|name| (name, instructions(workload, name)))
        .collect();
    rows.sort_by(|a, b| {
        let value = |row: &(&str, Result<f64, String>)| row.1.clone().unwrap_or(f64::INFINITY);
        value(a).total_cmp(&value(b))
    });
    let mut text = format!("### {}: instructions an operation\n\n", workload.name());
    text.push_str("| | instructions |\n|---|--:|\n");
    let all_done = rows.iter().all(|(_, count)| count.is_ok());
    for (name, count) in rows {
        let _ = match count {
            Ok(count) => writeln!(text, "| {name} | {count:.0} |"),
            Err(failure) => writeln!(text, "| {name} | failed: {failure} |"),
        };
    }
    (text, all_done)
}
