//! The chapter's whole comparison in one table: nine ways to wait for the same answers, ten with --features greenlet.
//! Run: cargo run --release --example race (15 s; --delay 3 is the chapter's own scale).
//! Predict: which rows take one delay, which the sum of all, and which something between?
//! Expect: ratio 5 for the two traps, 1 for async, threads and greenlets, 16 for eight processes, 100 for one after another.
//! Look: the most requests in flight, as the server counted them (one that is not in this process: as we did): that, and not the CPU, is what makes the time.
//! Change: --only async --requests 10000 --delay 3; --simulate 1000000 for clients, network and servers that are not there.

#[path = "support/race_strategies.rs"]
mod strategies;
mod support;

use std::collections::HashSet;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use glassloop::LoopError;
use indicatif::{ProgressBar, ProgressStyle};
use strategies::{Job, Ran, STRATEGIES, Strategy, cpu_time, fetch_in_process, take_peak};
use support::args::{self, Args};
use support::output::counted;
use support::server::{Config, ToyServer};
use support::simulated::{Plan, simulate};
use support::{process_pool, sibling};

/// A row of the table.
struct Row {
    wall: Duration,
    cpu: Option<Duration>,
    peak: Option<usize>,
    used: Result<String, String>,
}

/// Whom a strategy asks.
enum Server {
    /// In this process.
    Here(ToyServer),
    /// A process of its own, so that both sides have all the descriptors that a process may have.
    Beside(Child, String),
    Given(String),
}

/// More requests than this at a time need more descriptors than one process may have for both sides.
const MANY: usize = 4000;

impl Server {
    fn start(
        given: Option<&str>,
        delay: Duration,
        single: bool,
        many: bool,
    ) -> Result<Server, String> {
        if let Some(url) = given {
            return Ok(Server::Given(url.to_owned()));
        }
        if many {
            return Server::start_beside(delay, single);
        }
        let config = Config {
            port: 0,
            delay,
            single,
            log: false,
        };
        let server = ToyServer::start(config);
        server
            .map(Server::Here)
            .map_err(|error| format!("the toy server: {error}"))
    }

    fn start_beside(delay: Duration, single: bool) -> Result<Server, String> {
        let delay = delay.as_secs_f64().to_string();
        let mut command = sibling::example("toy_server")?;
        command
            .args(["--port", "0", "--quiet", "--delay", &delay])
            .args(single.then_some("--single"))
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| format!("the toy server: {error}"))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            let read = std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line);
            read.map_err(|error| format!("the toy server: {error}"))?;
        }
        match line
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
        {
            Some(url) => Ok(Server::Beside(child, url.to_owned())),
            None => Err(format!("the toy server did not start: {line}")),
        }
    }

    fn url(&self) -> String {
        match self {
            Server::Here(server) => server.url(),
            Server::Beside(_, url) | Server::Given(url) => url.clone(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Server::Beside(child, _) = self {
            // It has ended by itself, or it ends now.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn race(strategy: &Strategy, args: &Args) -> Row {
    let requests = args.given_number("requests").unwrap_or(strategy.requests);
    let many = requests > MANY;
    let begin = Instant::now();
    let server = Server::start(
        args.url(),
        args.seconds("delay"),
        strategy.single_server,
        many,
    );
    let server = match server {
        Ok(server) => server,
        Err(error) => {
            return Row {
                wall: begin.elapsed(),
                cpu: None,
                peak: None,
                used: Err(error),
            };
        }
    };
    let job = Job {
        url: server.url(),
        requests,
        workers: args.number("workers"),
    };
    take_peak();
    let (cpu, begin) = (cpu_time(), Instant::now());
    let recorded = glassloop::trace::section(&format!("{} x {requests}", strategy.name));
    let ran = (strategy.run)(&job);
    drop(recorded);
    let (answered, used) = match ran {
        Ok(Ran { answered, used }) => (answered, Ok(used)),
        Err(error) => (Instant::now(), Err(error)),
    };
    let wall = answered - begin;
    let cpu = cpu.zip(cpu_time()).map(|(before, after)| after - before);
    let peak = match &server {
        Server::Here(server) => Some(server.peak_in_flight()),
        _ => take_peak(),
    };
    Row {
        wall,
        cpu,
        peak,
        used,
    }
}

/// The wall time in delays; there is none for a server that answers at once.
fn ratio(row: &Row, delay: f64) -> Option<f64> {
    (delay > 0.0).then(|| row.wall.as_secs_f64() / delay)
}

/// The chapter's time over its delay, where this race runs what the chapter ran.
fn chapter_ratio(strategy: &Strategy, requests: usize) -> Option<f64> {
    let same = requests == strategy.requests;
    strategy
        .chapter
        .filter(|_| same)
        .map(|seconds| seconds / 3.0)
}

/// `-` for what is not known.
fn or_dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "-".to_owned())
}

fn table_line(strategy: &Strategy, requests: usize, delay: f64, row: &Row) -> String {
    let name = strategy.name;
    let used = match &row.used {
        Ok(used) => used,
        Err(error) => return format!("{name:<22}{requests:>9}  failed: {error}"),
    };
    let chapter = or_dash(chapter_ratio(strategy, requests).map(|ratio| format!("{ratio:.2}")));
    let cpu = or_dash(row.cpu.map(|cpu| format!("{:.2}", cpu.as_secs_f64())));
    let peak = or_dash(row.peak.map(|peak| peak.to_string()));
    let wall = row.wall.as_secs_f64();
    let ratio = or_dash(ratio(row, delay).map(|ratio| format!("{ratio:.2}")));
    format!("{name:<22}{requests:>9}{wall:>10.3}{ratio:>9}{chapter:>9}{cpu:>8}{peak:>11}  {used}")
}

fn json_line(strategy: &Strategy, requests: usize, delay: f64, row: &Row) -> String {
    let rounded =
        |value: f64, digits: i32| (value * 10f64.powi(digits)).round() / 10f64.powi(digits);
    let mut line = serde_json::json!({
        "strategy": strategy.name,
        "requests": requests,
        "delay_s": delay,
        "wall_s": rounded(row.wall.as_secs_f64(), 6),
        "ratio": ratio(row, delay).map(|ratio| rounded(ratio, 4)),
        "cpu_s": row.cpu.map(|cpu| rounded(cpu.as_secs_f64(), 3)),
        "peak_in_flight": row.peak,
        "chapter_ratio": chapter_ratio(strategy, requests).map(|ratio| rounded(ratio, 4)),
    });
    if let Err(error) = &row.used {
        line["error"] = error.as_str().into();
    }
    line.to_string()
}

fn chosen(only: &str) -> Vec<&'static Strategy> {
    let names: Vec<&str> = only.split(',').filter(|name| !name.is_empty()).collect();
    let mut known: Vec<&str> = STRATEGIES.iter().map(|strategy| strategy.name).collect();
    let mut seen = HashSet::new();
    known.retain(|name| seen.insert(*name));
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        if *name == "greenlets" {
            args::usage_error(format!(
                "--only: {name:?} takes a feature: cargo run --release --features greenlet --example race"
            ));
        }
        args::usage_error(format!("--only: {name:?} is none of {}", known.join(", ")));
    }
    let wanted = |strategy: &&Strategy| names.is_empty() || names.contains(&strategy.name);
    STRATEGIES.iter().filter(wanted).collect()
}

fn run_simulation(clients: usize, args: &Args) {
    let plan = Plan {
        clients,
        delay: args.seconds("delay"),
        latency: args.seconds("latency"),
        loss: args.number("loss") as f64 / 100.0,
        servers: args.number("servers"),
        limit: args.number("limit"),
    };
    let begin = Instant::now();
    let outcome = simulate(plan).unwrap_or_else(|error| args::fail(error));
    let wall = begin.elapsed();
    if args.flag("json") {
        let line = serde_json::json!({
            "clients": clients,
            "servers": plan.servers,
            "limit": plan.limit,
            "delay_s": plan.delay.as_secs_f64(),
            "latency_s": plan.latency.as_secs_f64(),
            "loss": plan.loss,
            "answered": outcome.answered,
            "failed": outcome.failed,
            "virtual_s": outcome.took.as_secs_f64(),
            "half_s": outcome.half.as_secs_f64(),
            "p99_s": outcome.most.as_secs_f64(),
            "lost": outcome.lost,
            "peak_in_flight": outcome.peak,
            "wall_s": wall.as_secs_f64(),
        });
        return println!("{line}");
    }
    let (took, wall) = (outcome.took.as_secs_f64(), wall.as_secs_f64());
    let count = |count: usize, noun| counted(count as u64, noun);
    println!(
        "{}, {} from {}; each works on up to {} at a time, for {} s",
        count(clients, "client"),
        count(outcome.answered, "answer"),
        count(plan.servers, "server"),
        count(plan.limit, "request"),
        plan.delay.as_secs_f64(),
    );
    println!(
        "virtual time: {took:.3} s; half of the answers came within {:.3} s, 99 of 100 within {:.3} s",
        outcome.half.as_secs_f64(),
        outcome.most.as_secs_f64(),
    );
    println!(
        "{} lost, {} failed after too many of them, {} worked on at a time at most",
        counted(outcome.lost, "message"),
        count(outcome.failed, "request"),
        count(outcome.peak, "request"),
    );
    println!(
        "real time: {wall:.3} s ({:.2} µs a client)",
        wall * 1e6 / clients as f64
    );
}

fn main() {
    process_pool::worker_main_if_asked(fetch_in_process);
    let workers = args::number("workers", 1..=1000, "8", "processes in the pool");
    let options = [
        args::delay("0.1"),
        args::number(
            "requests",
            1..=1_000_000,
            "",
            "instead of the chapter's 5 and 100",
        ),
        workers,
        args::names("only", "only these strategies"),
        args::url(),
        args::flag("json", "one JSON object a line"),
        args::number(
            "simulate",
            1..=4_000_000,
            "",
            "so many clients, network and servers included, in virtual time",
        ),
        args::seconds("latency", "0.02", "simulated: the way there, or back"),
        args::number(
            "loss",
            0..=90,
            "1",
            "simulated: percent of messages that are lost",
        ),
        args::number(
            "servers",
            1..=10_000,
            "1",
            "simulated: servers behind a balancer",
        ),
        args::number(
            "limit",
            1..=4_000_000,
            "10000",
            "simulated: requests a server works on at a time",
        ),
    ];
    let args = Args::read(
        "Compares the chapter's ways of waiting for a server.",
        &options,
    );
    if let Some(clients) = args.given_number("simulate") {
        if let Some(name) = args.first_given(&["only", "requests", "workers", "url"]) {
            args::usage_error(format!("--{name}: not with --simulate"));
        }
        return run_simulation(clients, &args);
    }
    if let Some(name) = args.first_given(&["latency", "loss", "servers", "limit"]) {
        args::usage_error(format!("--{name}: only with --simulate"));
    }
    let mut strategies = chosen(args.text("only"));
    if args.given_number("requests").is_some() {
        // With one number for all, the two rows of a name are the same.
        let mut seen = HashSet::new();
        strategies.retain(|strategy| seen.insert(strategy.name));
    }
    if args.url().is_some() && strategies.iter().any(|strategy| strategy.single_server) {
        eprintln!("note: async-single-server is left out: it needs a server of its own");
        strategies.retain(|strategy| !strategy.single_server);
    }
    let delay = args.seconds("delay").as_secs_f64();
    let wanted = 2 * args.given_number("requests").unwrap_or(0) as u64 + 1000;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < wanted / 2 => {
            eprintln!("note: only {limit} files may be open at a time")
        }
        Ok(_) => {}
        Err(error) => eprintln!("note: the limit of open files cannot be raised: {error}"),
    }

    if !args.flag("json") {
        let whose = match args.url() {
            None => format!("each answer takes {delay} s"),
            Some(url) => format!("--delay {delay} s should be what {url} takes"),
        };
        println!(
            "{whose}; wall (to the last answer) and CPU (with that of a toy server in this process) in seconds, \
             ratio = wall / delay; the chapter's ratio is of 3 s\n"
        );
        println!(
            "strategy               requests      wall    ratio  chapter     CPU  in flight  used"
        );
    }
    let bar = ProgressBar::new(strategies.len() as u64);
    let style = ProgressStyle::with_template("{spinner} {bar:20} {pos}/{len} {msg} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(100));
    let (mut failed, mut interrupted) = (false, false);
    for strategy in strategies {
        bar.set_message(strategy.name);
        let row = race(strategy, &args);
        let requests = args.given_number("requests").unwrap_or(strategy.requests);
        failed |= row.used.is_err();
        let line = match args.flag("json") {
            true => json_line(strategy, requests, delay, &row),
            false => table_line(strategy, requests, delay, &row),
        };
        bar.suspend(|| println!("{line}"));
        bar.inc(1);
        interrupted = row
            .used
            .is_err_and(|error| error == LoopError::Interrupted.to_string());
        if interrupted {
            break;
        }
    }
    bar.finish_and_clear();
    if interrupted {
        args::fail(LoopError::Interrupted);
    }
    if failed {
        std::process::exit(1);
    }
}
