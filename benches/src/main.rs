//! glassloop and its peers on the same work, interleaved round by round.
//!
//! ```text
//! cargo run --release --manifest-path benches/Cargo.toml -- all
//! cargo run --release --manifest-path benches/Cargo.toml -- yield spawn_join --rounds 5
//! cargo run --release --manifest-path benches/Cargo.toml -- instructions yield
//! ```

use std::process::ExitCode;

use lexopt::prelude::*;
use serde_json::json;

use measure::Size;
use table::Table;
use workloads::{Family, Workload};

mod callgrind;
mod clients;
mod epoll;
mod gate;
mod growth;
mod http_server;
mod measure;
mod process;
mod rounds;
mod runtimes;
mod svg;
mod syscalls;
mod table;
mod workloads;

#[global_allocator]
static ALLOCATOR: measure::Counting = measure::Counting;

const HELP: &str = "\
glassloop and its peers on the same work.

    all | WORKLOAD...           measure: a family (yield) or one size of it (yield/1000)
    instructions [WORKLOAD...]  count instructions an operation with callgrind instead (CPU-only workloads, and http)
    syscalls [WORKLOAD...]      count system calls an operation with strace instead
    growth                      cost against size, drawn into benches/pictures/
    gate [--record]             compare glassloop's instructions with benches/instructions.txt, or write them there
    --rounds N                  rounds; 3 to 7 if not given, as the workload needs
    --quick                     3 rounds, and a tenth of the operations where more than the CPU decides
    --only NAME,...             these contestants alone
    --json FILE                 write the figures there too
    --list                      what there is
";

struct Options {
    words: Vec<String>,
    rounds: Option<u32>,
    quick: bool,
    only: Vec<String>,
    json: Option<String>,
    list: bool,
    cold: bool,
    record: bool,
    trace: Option<String>,
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        words: Vec::new(),
        rounds: None,
        quick: false,
        only: Vec::new(),
        json: None,
        list: false,
        cold: false,
        record: false,
        trace: None,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("rounds") => options.rounds = Some(arguments.value()?.parse()?),
            Long("quick") => options.quick = true,
            Long("only") => {
                let names = arguments.value()?.string()?;
                options.only = names.split(',').map(str::to_owned).collect();
            }
            Long("json") => options.json = Some(arguments.value()?.string()?),
            Long("list") => options.list = true,
            Long("record") => options.record = true,
            Long("trace") => options.trace = Some(arguments.value()?.string()?),
            Long("cold") => options.cold = true,
            Long("help") | Short('h') => return Ok(None),
            Value(word) => options.words.push(word.string()?),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(options))
}

fn main() -> ExitCode {
    let done = match options() {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => Err(error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    process::raise_file_limit();
    let families = workloads::families();
    let words: Vec<&str> = options.words.iter().map(String::as_str).collect();
    match words[..] {
        _ if options.list => list(&families),
        ["child", family, contestant, population, ops] => {
            let number = |text: &str| text.parse().map_err(|_| format!("not a number: {text}"));
            let size = Size {
                population: number(population)?,
                ops: number(ops)?,
            };
            if let Some(file) = &options.trace {
                let _ = process::TRACE.set(file.clone());
            }
            rounds::child(find(&families, family)?, contestant, size, !options.cold)?;
        }
        ["serve", "http", delay] => {
            process::end_with_parent();
            http_server::serve(delay);
        }
        ["serve", "echo", name] => {
            process::end_with_parent();
            let servers = workloads::echo_servers();
            let found = servers.iter().find(|(server, _)| *server == name);
            let (_, serve) = found.ok_or_else(|| format!("no echo server {name}"))?;
            serve();
        }
        ["instructions", ref names @ ..] => {
            for workload in contested(&families, names, options)?
                .iter()
                .filter(|workload| workload.family.is_countable())
            {
                println!(
                    "{}",
                    callgrind::table(workload, |name| wanted(options, name))
                );
            }
        }
        ["syscalls", ref names @ ..] => {
            for workload in &contested(&families, names, options)? {
                println!(
                    "{}",
                    syscalls::table(workload, |name| wanted(options, name))
                );
            }
        }
        ["growth"] => growth::draw(&families, options.rounds.unwrap_or(3))?,
        ["gate"] => gate::run(&chosen(&families, &[], false)?, options.record)?,
        [] => print!("{HELP}"),
        ref names => measure_all(&contested(&families, names, options)?, options)?,
    }
    Ok(())
}

fn measure_all(workloads: &[Workload], options: &Options) -> Result<(), String> {
    let (mut figures, mut summary) = (Vec::new(), String::from(table::SUMMARY_HEAD));
    for workload in workloads {
        let usual = if options.quick {
            3
        } else {
            workload.family.rounds
        };
        let rounds = options.rounds.unwrap_or(usual);
        let rows = rounds::measure(workload, rounds, |name| wanted(options, name));
        let table = Table::new(workload, rows);
        println!("{}", table.markdown());
        figures.push(table.json());
        summary.push_str(&table.summary());
        if let Some(file) = &options.json {
            let text = json!({"workloads": figures}).to_string();
            std::fs::write(file, text).map_err(|error| format!("{file}: {error}"))?;
        }
    }
    println!("### All in one\n\n{summary}");
    Ok(())
}

fn wanted(options: &Options, name: &str) -> bool {
    options.only.is_empty() || options.only.iter().any(|only| only == name)
}

/// The [`chosen`] workloads in which somebody takes part that is asked for; each name that is asked for must be in one of them.
fn contested<'a>(
    families: &'a [Family],
    names: &[&str],
    options: &Options,
) -> Result<Vec<Workload<'a>>, String> {
    let mut workloads = chosen(families, names, options.quick)?;
    let mut known: Vec<&str> = Vec::new();
    for workload in &workloads {
        let names = workload.family.contestants.iter().map(|(name, _)| *name);
        known.extend(
            names
                .filter(|name| !known.contains(name))
                .collect::<Vec<_>>(),
        );
    }
    let mut asked = options.only.iter();
    if let Some(unknown) = asked.find(|only| !known.contains(&only.as_str())) {
        let known = known.join(", ");
        return Err(format!(
            "no contestant {unknown:?} in these workloads; there are {known}"
        ));
    }
    workloads.retain(|workload| {
        let mut contestants = workload.family.contestants.iter();
        contestants.any(|(name, _)| wanted(options, name))
    });
    Ok(workloads)
}

fn find<'a>(families: &'a [Family], name: &str) -> Result<&'a Family, String> {
    let found = families.iter().find(|family| family.name == name);
    found.ok_or_else(|| format!("no workload {name}; --list shows what there is"))
}

/// The workloads of these names, in the order of the table; all when none is given or `all` is.
fn chosen<'a>(
    families: &'a [Family],
    names: &[&str],
    quick: bool,
) -> Result<Vec<Workload<'a>>, String> {
    let everything = names.is_empty() || names.contains(&"all");
    let mut workloads = Vec::new();
    let mut known = vec!["all".to_owned()];
    for family in families {
        known.push(family.name.to_owned());
        for &(population, ops) in family.sizes {
            let size = Size {
                population,
                ops: match quick && !family.cpu_only {
                    // Of what the CPU alone decides, a tenth would be one batch, and mostly show what fresh memory costs.
                    false => ops,
                    true => (ops / 10).max(population.min(ops)),
                },
            };
            let workload = Workload { family, size };
            let name = workload.name();
            if everything
                || names
                    .iter()
                    .any(|&wanted| wanted == name || wanted == family.name)
            {
                workloads.push(workload);
            }
            known.push(name);
        }
    }
    match names
        .iter()
        .find(|&&name| !known.iter().any(|known| known == name))
    {
        Some(unknown) => Err(format!("no workload {unknown}; --list shows what there is")),
        None => Ok(workloads),
    }
}

fn list(families: &[Family]) {
    for workload in chosen(families, &[], false).unwrap_or_default() {
        let family = workload.family;
        let contestants: Vec<_> = family.contestants.iter().map(|(name, _)| *name).collect();
        println!(
            "{:20} {} ({})",
            workload.name(),
            family.about,
            contestants.join(", ")
        );
    }
}
