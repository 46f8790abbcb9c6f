//! The chapter's trap: a blocking call inside a coroutine.
//! Run: cargo run --example blocking_in_coroutine -- --delay 0.3 (5 requests of 3 s without options).
//! Predict: five tasks, five requests of one delay each: how long in all?
//! Expect: five delays (the chapter: 15.08 s): nothing overlaps.
//! Look: "Waiting" and "Get response" take turns: a task that never awaits never gives the pen back.
//! Change: put a glassloop::yield_now().await before the request. Does the time change? Does the order of the lines?

mod support;

use std::time::Instant;

use glassloop::{create_task, run, wait};
use support::args::{self, Args};
use support::{blocking, server};

async fn request(url: String) {
    println!("Waiting for {url}");
    let result = blocking::get(&url).unwrap_or_else(|error| args::fail(error));
    println!("Get response from {url} Result: {result}");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = [args::requests("5"), args::delay("3"), args::url()];
    let args = Args::read("Blocking requests inside coroutines.", &options);
    let count = args.number("requests");
    let (url, _server) = server::given_or_started(args.url(), args.seconds("delay"));

    let begin = Instant::now();
    run(async move {
        let tasks: Vec<_> = (0..count)
            .map(|_| create_task(request(url.clone())))
            .collect();
        wait(tasks).await
    })??;
    println!("Cost time: {:.3}", begin.elapsed().as_secs_f64());
    Ok(())
}
