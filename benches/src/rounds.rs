//! Rounds: each contestant runs in a process of its own, one after the other, and again; so that a busy moment of the machine
//! meets all of them, and none inherits another's memory or threads.

use std::fmt;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::measure::{Outcome, Size};
use crate::process::ABSENT;
use crate::workloads::{Family, Workload};

/// One contestant's figures of all rounds, or why it has none.
pub struct Row {
    pub contestant: &'static str,
    pub figures: Vec<f64>,
    /// Of each further column its name and the figures.
    pub extras: Vec<(String, Vec<f64>)>,
    pub missing: Option<Missing>,
}

/// Why there are no figures.
#[derive(Clone)]
pub enum Missing {
    /// The work was not done.
    Failed(String),
    /// The contestant is not on this machine.
    Absent(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Failed(why) => write!(f, "failed: {why}"),
            Missing::Absent(why) => write!(f, "not measured: {why}"),
        }
    }
}

impl Row {
    pub fn failed(&self) -> bool {
        matches!(self.missing, Some(Missing::Failed(_)))
    }
}

/// Runs a workload `rounds` times on each contestant whose name `wanted` allows.
pub fn measure(workload: &Workload, rounds: u32, wanted: impl Fn(&str) -> bool) -> Vec<Row> {
    let names = workload.family.contestants.iter().map(|(name, _)| *name);
    let mut rows: Vec<Row> = names
        .filter(|name| wanted(name))
        .map(|contestant| Row {
            contestant,
            figures: Vec::new(),
            extras: Vec::new(),
            missing: None,
        })
        .collect();
    for round in 0..rounds {
        // Each round begins with another one.
        let first = round as usize % rows.len().max(1);
        rows.rotate_left(first);
        for row in rows.iter_mut().filter(|row| row.missing.is_none()) {
            match run_child(workload.family, row.contestant, workload.size) {
                Ok((figure, extras)) => {
                    row.figures.push(figure);
                    for (i, (name, value)) in extras.into_iter().enumerate() {
                        if row.extras.len() == i {
                            row.extras.push((name, Vec::new()));
                        }
                        row.extras[i].1.push(value);
                    }
                }
                Err(missing) => row.missing = Some(missing),
            }
        }
        rows.rotate_right(first);
    }
    rows
}

/// The arguments with which this program is such a child.
pub fn child_arguments(family: &Family, contestant: &str, size: Size) -> [String; 5] {
    let numbers = [size.population.to_string(), size.ops.to_string()];
    let [population, ops] = numbers;
    [
        "child".to_owned(),
        family.name.to_owned(),
        contestant.to_owned(),
        population,
        ops,
    ]
}

/// How long a run may take; what hangs is killed.
const LIMIT: Duration = Duration::from_secs(120);

type Figures = (f64, Vec<(String, f64)>);

fn run_child(family: &Family, contestant: &str, size: Size) -> Result<Figures, Missing> {
    let output = output_of(family, contestant, size).map_err(Missing::Failed)?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or("it said nothing").to_owned();
    match output.status.code() {
        Some(0) => {
            parse(&output.stdout).ok_or_else(|| Missing::Failed("it printed no figures".to_owned()))
        }
        Some(ABSENT) => Err(Missing::Absent(said)),
        Some(_) => Err(Missing::Failed(said)),
        None => Err(Missing::Failed(output.status.to_string())),
    }
}

fn output_of(family: &Family, contestant: &str, size: Size) -> Result<Output, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(program)
        .args(child_arguments(family, contestant, size))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let start = Instant::now();
    while child
        .try_wait()
        .map_err(|error| error.to_string())?
        .is_none()
    {
        if start.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("not done after {} s", LIMIT.as_secs()));
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().map_err(|error| error.to_string())
}

fn parse(printed: &[u8]) -> Option<Figures> {
    let value: Value = serde_json::from_slice(printed).ok()?;
    let extras = value["extras"].as_object()?;
    let extras = extras
        .iter()
        .map(|(name, value)| Some((name.clone(), value.as_f64()?)));
    Some((value["figure"].as_f64()?, extras.collect::<Option<_>>()?))
}

/// What a child does: the work to be measured, after a small run to warm up if only the CPU decides. Its figures are a line of JSON.
pub fn child(family: &Family, contestant: &str, size: Size, warm_up: bool) -> Result<(), String> {
    let found = family
        .contestants
        .iter()
        .find(|(name, _)| *name == contestant);
    let (_, run) =
        found.ok_or_else(|| format!("{} has no contestant {contestant}", family.name))?;
    if warm_up && family.cpu_only {
        let ops = (size.ops / 10).max(size.population).max(1);
        run(Size { ops, ..size });
    }
    println!("{}", to_json(&run(size)));
    Ok(())
}

fn to_json(outcome: &Outcome) -> Value {
    let extras = outcome.extras.iter();
    let extras = extras.map(|(name, value)| ((*name).to_owned(), json!(value)));
    json!({"figure": outcome.figure, "extras": extras.collect::<serde_json::Map<_, _>>()})
}
