//! How the cost of an operation grows with the number of tasks, timers and connections, drawn.

use crate::measure::Size;
use crate::rounds::measure;
use crate::svg::{Line, chart};
use crate::table::median;
use crate::workloads::{Family, Workload};

const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pictures");

/// Who is drawn.
const DRAWN: [&str; 4] = ["glassloop", "tokio-local", "smol", "floor"];

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
        sizes: &[1_000, 10_000, 100_000, 1_000_000],
        ops: |tasks| tasks,
    },
    Chart {
        family: "memory_parked",
        extra: None,
        file: "growth-memory.svg",
        title: "Memory of N tasks that wait",
        axis: "tasks",
        unit: "bytes a task",
        sizes: &[1_000, 10_000, 100_000, 1_000_000],
        ops: |tasks| tasks,
    },
    Chart {
        family: "memory_timer",
        extra: None,
        file: "growth-memory-timer.svg",
        title: "Memory of N tasks that sleep",
        axis: "tasks",
        unit: "bytes a task",
        sizes: &[1_000, 10_000, 100_000, 1_000_000],
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
        sizes: &[100, 1_000, 10_000],
        ops: |_| 20_000,
    },
];

/// Measures and draws every chart.
pub fn draw(families: &[Family], rounds: u32) -> Result<(), String> {
    std::fs::create_dir_all(PICTURES).map_err(|error| format!("{PICTURES}: {error}"))?;
    for plan in &CHARTS {
        let found = families.iter().find(|family| family.name == plan.family);
        let family = found.ok_or_else(|| format!("no workload {}", plan.family))?;
        let mut lines = DRAWN.map(|name| Line {
            name,
            points: Vec::new(),
        });
        for &population in plan.sizes {
            let ops = (plan.ops)(population);
            let workload = Workload {
                family,
                size: Size { population, ops },
            };
            for row in measure(&workload, rounds, |name| DRAWN.contains(&name)) {
                let extras = plan.extra.and_then(|extra| {
                    row.extras
                        .iter()
                        .find(|(name, _)| name == extra)
                        .map(|(_, values)| values)
                });
                let cost = median(extras.unwrap_or(&row.figures));
                let line = lines.iter_mut().find(|line| line.name == row.contestant);
                println!("{}/{population} {} {cost:.2}", plan.file, row.contestant);
                match (&row.failure, line) {
                    (None, Some(line)) => line.points.push((population, cost)),
                    (failure, _) => eprintln!("{}: {failure:?}", row.contestant),
                }
            }
        }
        let svg = chart(plan.title, plan.axis, plan.unit, &lines);
        let file = format!("{PICTURES}/{}", plan.file);
        std::fs::write(&file, svg).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(())
}
