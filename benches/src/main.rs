//! glassloop and its peers on the same work, interleaved round by round.
//!
//! ```text
//! cargo run --release --manifest-path benches/Cargo.toml -- all
//! cargo run --release --manifest-path benches/Cargo.toml -- yield spawn_join --rounds 5
//! cargo run --release --manifest-path benches/Cargo.toml -- instructions yield
//! ```

use std::process::ExitCode;

use serde_json::{Value, json};

use measure::Size;
use options::{HELP, Options};
use table::Table;
use workloads::{Family, Workload};

mod callgrind;
mod clients;
mod epoll;
mod gate;
mod growth;
mod http_server;
mod measure;
mod options;
mod process;
mod rounds;
mod runtimes;
mod svg;
mod syscalls;
mod table;
mod workloads;

#[global_allocator]
static ALLOCATOR: measure::Counting = measure::Counting;

fn main() -> ExitCode {
    let done = Options::parse().map_err(|error| error.to_string());
    match done.and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every contestant did its work.
fn run(options: &Options) -> Result<bool, String> {
    process::raise_file_limit();
    let families = workloads::families();
    let words: Vec<&str> = options.words.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse().map_err(|_| format!("not a number: {text}"));
    let wanted = |name: &str| options.wanted(name);
    match words[..] {
        _ if options.help => print!("{HELP}"),
        _ if options.list => list(&families),
        ["child", family, contestant, population, ops] => {
            let size = Size {
                population: number(population)?,
                ops: number(ops)?,
            };
            if let Some(file) = &options.trace {
                let _ = process::TRACE.set(file.clone());
            }
            process::end_by_panic();
            rounds::child(find(&families, family)?, contestant, size, !options.cold)?;
        }
        ["serve", "http", delay] => {
            process::end_by_panic();
            process::end_with_parent();
            http_server::serve(number(delay)?);
        }
        ["serve", "echo", name] => {
            process::end_by_panic();
            process::end_with_parent();
            let servers = workloads::echo_servers();
            let found = servers.iter().find(|(server, _)| *server == name);
            let (_, serve) = found.ok_or_else(|| format!("no echo server {name}"))?;
            serve();
        }
        ["instructions", ref names @ ..] => {
            let mut workloads = contested(&families, names, options)?;
            workloads.retain(|workload| workload.family.is_countable());
            return Ok(print_all(&workloads, |work| callgrind::table(work, wanted)));
        }
        ["syscalls", ref names @ ..] => {
            let workloads = contested(&families, names, options)?;
            return Ok(print_all(&workloads, |work| syscalls::table(work, wanted)));
        }
        ["growth"] => return growth::draw(&families, options),
        ["gate"] => gate::run(&chosen(&families, &[], false)?, options.record)?,
        [word @ ("growth" | "gate"), more, ..] => {
            return Err(format!("{word} takes no workloads: {more}"));
        }
        [] => print!("{HELP}"),
        ref names => return measure_all(&contested(&families, names, options)?, options),
    }
    Ok(true)
}

/// Prints a table for each; whether none says of a contestant that it failed.
fn print_all(workloads: &[Workload], table: impl Fn(&Workload) -> (String, bool)) -> bool {
    let mut all_done = true;
    for workload in workloads {
        let (text, done) = table(workload);
        println!("{text}");
        all_done &= done;
    }
    all_done
}

fn measure_all(workloads: &[Workload], options: &Options) -> Result<bool, String> {
    let (mut figures, mut summary) = (Vec::new(), String::from(table::SUMMARY_HEAD));
    let mut all_done = true;
    let save = |figures: &[Value]| match &options.json {
        Some(file) => {
            let text = json!({"workloads": figures}).to_string();
            std::fs::write(file, text).map_err(|error| format!("{file}: {error}"))
        }
        None => Ok(()),
    };
    save(&figures)?;
    for workload in workloads {
        let usual = if options.quick {
            3
        } else {
            workload.family.rounds
        };
        let rounds = options.rounds.unwrap_or(usual);
        let rows = rounds::measure(workload, rounds, |name| options.wanted(name));
        let table = Table::new(workload, rows);
        println!("{}", table.markdown());
        figures.push(table.json());
        summary.push_str(&table.summary());
        all_done &= table.all_done();
        save(&figures)?;
    }
    println!("### All in one\n\n{summary}");
    Ok(all_done)
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
        contestants.any(|(name, _)| options.wanted(name))
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
            let spelled = [workload.name(), format!("{}/{population}", family.name)];
            let is_named = |name: &&str| *name == family.name || spelled.iter().any(|n| n == name);
            if everything || names.iter().any(is_named) {
                workloads.push(workload);
            }
            known.extend(spelled);
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
