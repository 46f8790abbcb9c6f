//! The chapter's "compared with several processes": Python's `multiprocessing.Pool.map`, with real processes.
//! Run: cargo run --example process_pool -- --delay 0.3 (without options: 3 s, as in the chapter).
//! Predict: 100 requests of d seconds on 8 workers: 100 / 8 * d = 12.5 d?
//! Expect: 16 d (the chapter: 48.86 s): work goes out in chunks of ceil(100 / (4 * 8)) = 4, 25 chunks are 4 rounds of 4 requests.
//! Look: `htop` or `ps` while it runs: eight more processes, each asleep.
//! Change: --chunksize 1 makes it 13 d; which chunk size is best for --workers 20, and why is the default not 1?

mod support;

use std::time::Instant;

use support::args::{self, Args};
use support::process_pool::{Pool, worker_main_if_asked};
use support::{blocking, server};

fn request(url: &str, _item: usize) -> Result<String, String> {
    println!("Waiting for {url}");
    let result = blocking::get(url)?;
    println!("Get response from {url} Result: {result}");
    Ok(result)
}

fn main() {
    worker_main_if_asked(request);

    let about = "Asks a server from a pool of processes.";
    let options = [
        args::requests("100"),
        args::delay("3"),
        args::url(),
        args::number("workers", 1..=1_000, "8", "how many processes"),
        args::number(
            "chunksize",
            1..=1_000_000,
            "",
            "requests handed out together; if absent, Python's rule",
        ),
    ];
    let args = Args::read(about, &options);
    let _recorded = glassloop::trace::program();
    let (url, _server) = server::given_or_started(args.url(), args.seconds("delay"));

    let begin = Instant::now();
    println!("Cpu count: {}", glassloop::cpu_count());
    let mut failed = None;
    let mapped = Pool::new(args.number("workers"), &url).and_then(|mut pool| {
        pool.map(
            args.number("requests"),
            args.given_number("chunksize"),
            |item, result| {
                if let Err(error) = result {
                    failed.get_or_insert(format!("request {item}: {error}"));
                }
            },
        )
    });
    if let Some(error) = mapped.err().or(failed) {
        args::fail(error);
    }
    println!("Cost time: {:.2}", begin.elapsed().as_secs_f64());
}
