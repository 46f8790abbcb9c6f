//! The trap again: the blocking call moved into an async function of its own, and awaited.
//! Run: cargo run --example blocking_behind_await -- --delay 0.3 (5 requests of 3 s without options).
//! Predict: now there is an await. Do the requests overlap?
//! Expect: five delays still (the chapter: 15.08 s).
//! Look: get() returns with its first poll: an await of something that never waits never suspends.
//! Change: make get() sleep for a while before it asks. Which part of its time overlaps now?

mod support;

use std::time::Instant;

use glassloop::{create_task, run, wait};
use support::args::{self, Args};
use support::{blocking, server};

async fn get(url: &str) -> String {
    blocking::get(url).unwrap_or_else(|error| args::fail(error))
}

async fn request(url: String) {
    println!("Waiting for {url}");
    let result = get(&url).await;
    println!("Get response from {url} Result: {result}");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = [args::requests("5"), args::delay("3"), args::url()];
    let args = Args::read("Blocking requests behind an await.", &options);
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
