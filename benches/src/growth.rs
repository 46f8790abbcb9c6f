//! How the cost of an operation grows with the number of tasks, timers and connections, drawn.

use crate::measure::Size;
use crate::options::Options;
use crate::rounds::measure;
use crate::svg::{Line, chart};
use crate::table::median;
use crate::workloads::{Family, Workload};

/// Where the pictures that the documents show are, and those of a part.
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pictures");
const DRAFTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/pictures");

/// Who is drawn.
const DRAWN: [&str; 6] = [
    "glassloop",
    "tokio-local",
    "smol",
    "monoio",
    "compio",
    "floor",
];

struct Chart {
    family: &'static str,
    /// The column that is drawn, if it is not the figure.
    extra: Option<&'static str>,
    file: &'static str,
    title: &'static str,
    axis: &'static str,
    unit: &'static str,
    sizes: &'static [u64],
    ops: fn(u64) -> u64,
}

const TASKS: &[u64] = &[10, 100, 1_000, 10_000, 100_000, 1_000_000];
const CONNECTIONS: &[u64] = &[10, 100, 1_000, 10_000];

const CHARTS: [Chart; 8] = [
    Chart {
        family: "spawn_join",
        extra: None,
        file: "growth-spawn.svg",
        title: "Starting and joining N tasks",
        axis: "tasks at once",
        unit: "CPU ns a task",
        sizes: TASKS,
        ops: |_| 1_000_000,
    },
    Chart {
        family: "yield",
        extra: None,
        file: "growth-yield.svg",
        title: "N tasks that let each other run",
        axis: "tasks",
        unit: "CPU ns a yield",
        sizes: TASKS,
        ops: |tasks| tasks.max(1_000_000) * 2,
    },
    Chart {
        family: "sleep_drop",
        extra: None,
        file: "growth-sleep.svg",
        title: "Making and dropping a sleep while N wait",
        axis: "live timers",
        unit: "CPU ns a sleep",
        sizes: TASKS,
        ops: |_| 1_000_000,
    },
    Chart {
        family: "timers",
        extra: None,
        file: "growth-timers.svg",
        title: "N tasks that sleep for 0 to 200 ms, all told",
        axis: "tasks",
        unit: "CPU ns a task",
        sizes: TASKS,
        ops: |tasks| tasks,
    },
    Chart {
        family: "memory_parked",
        extra: None,
        file: "growth-memory.svg",
        title: "Memory of N tasks that wait",
        axis: "tasks",
        unit: "bytes a task",
        sizes: TASKS,
        ops: |tasks| tasks,
    },
    Chart {
        family: "memory_timer",
        extra: None,
        file: "growth-memory-timer.svg",
        title: "Memory of N tasks that sleep",
        axis: "tasks",
        unit: "bytes a task",
        sizes: TASKS,
        ops: |tasks| tasks,
    },
    Chart {
        family: "echo",
        extra: None,
        file: "growth-echo.svg",
        title: "An echo server with N connections",
        axis: "connections",
        unit: "server CPU µs a request",
        sizes: CONNECTIONS,
        ops: |_| 200_000,
    },
    Chart {
        family: "echo",
        extra: Some("bytes a connection"),
        file: "growth-memory-echo.svg",
        title: "Memory of an echo server with N connections",
        axis: "connections",
        unit: "resident bytes a connection",
        // Of fewer the pages of 4096 bytes decide.
        sizes: &[100, 1_000, 10_000],
        ops: |_| 20_000,
    },
];

/// With `--quick` no population is above this.
const QUICK: u64 = 10_000;

/// Measures and draws every chart; whether every contestant did its work.
pub fn draw(families: &[Family], options: &Options) -> Result<bool, String> {
    if let Some(unknown) = options
        .only
        .iter()
        .find(|only| !DRAWN.contains(&only.as_str()))
    {
        let drawn = DRAWN.join(", ");
        return Err(format!(
            "growth has no contestant {unknown:?}; there are {drawn}"
        ));
    }
    let folder = match options.quick || !options.only.is_empty() {
        true => DRAFTS,
        false => PICTURES,
    };
    std::fs::create_dir_all(folder).map_err(|error| format!("{folder}: {error}"))?;
    let rounds = options.rounds.unwrap_or(3);
    let mut all_done = true;
    for plan in &CHARTS {
        let found = families.iter().find(|family| family.name == plan.family);
        let family = found.ok_or_else(|| format!("no workload {}", plan.family))?;
        let mut lines = DRAWN.map(|name| Line {
            name,
            points: Vec::new(),
        });
        let sizes = plan.sizes.iter().copied();
        for population in sizes.filter(|size| !options.quick || *size <= QUICK) {
            let ops = match options.quick {
                true => ((plan.ops)(population) / 10).max(population),
                false => (plan.ops)(population),
            };
            let workload = Workload {
                family,
                size: Size { population, ops },
            };
            let drawn = |name: &str| DRAWN.contains(&name) && options.wanted(name);
            for row in measure(&workload, rounds, drawn) {
                print!("{}/{population} {} ", plan.file, row.contestant);
                if let Some(missing) = &row.missing {
                    println!("{missing}");
                    all_done = false;
                    continue;
                }
                let column = row
                    .extras
                    .iter()
                    .find(|(name, _)| Some(&**name) == plan.extra);
                let cost = median(column.map_or(&row.figures, |(_, values)| values));
                println!("{cost:.2}");
                if let Some(line) = lines.iter_mut().find(|line| line.name == row.contestant) {
                    line.points.push((population, cost));
                }
            }
        }
        let file = format!("{folder}/{}", plan.file);
        let svg = chart(plan.title, plan.axis, plan.unit, &lines);
        std::fs::write(&file, svg).map_err(|error| format!("{file}: {error}"))?;
        println!("{file}");
    }
    Ok(all_done)
}
