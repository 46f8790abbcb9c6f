//! The cure: a client that waits by way of the loop (the chapter's aiohttp).
//! Run: cargo run --example async_client -- --delay 0.3 (5 requests of 3 s without options).
//! Predict: one thread, five requests: how long now?
//! Expect: one delay (the chapter: 3.06 s).
//! Look: all the "Waiting" lines come first: every task sends its request and gives the pen back.
//! Change: start toy_server --single and give its --url: what does the best client gain from a serial server?

mod support;

use std::time::Instant;

use glassloop::http::{ClientSession, Error};
use glassloop::{create_task, run, wait};
use support::args::{self, Args};
use support::server;

async fn get(url: &str) -> Result<String, Error> {
    let session = ClientSession::new();
    let response = session.get(url).await?;
    response.text().await
}

async fn request(url: String) {
    println!("Waiting for {url}");
    let result = get(&url).await.unwrap_or_else(|error| args::fail(error));
    println!("Get response from {url} Result: {result}");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = [args::requests("5"), args::delay("3"), args::url()];
    let args = Args::read("Requests that wait by way of the loop.", &options);
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
