//! The cure at a hundred requests, with one session for all.
//! Run: cargo run --example async_100 -- --delay 0.3 (100 requests of 3 s without options).
//! Predict: twenty times as many requests as async_client: how many times as long?
//! Expect: still one delay and a little (the chapter: 3.44 s).
//! Look: the little is the work itself, one request after another in one thread: the waits overlap, the work does not.
//! Change: build the session with .limit(10): compute the time first.

mod support;

use std::time::Instant;

use glassloop::http::{ClientSession, Error};
use glassloop::{run, try_gather};
use support::args::{self, Args};
use support::server;

async fn request(session: ClientSession, url: String) -> Result<(), Error> {
    println!("Waiting for {url}");
    let result = session.get(&url).await?.text().await?;
    println!("Get response from {url} Result: {result}");
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = [args::requests("100"), args::delay("3"), args::url()];
    let args = Args::read("A hundred requests in one thread.", &options);
    let count = args.number("requests");
    let (url, _server) = server::given_or_started(args.url(), args.seconds("delay"));

    let begin = Instant::now();
    run(async move {
        let session = ClientSession::builder().limit(0).build();
        let requests: Vec<_> = (0..count)
            .map(|_| request(session.clone(), url.clone()))
            .collect();
        try_gather(requests).await
    })?
    .map(drop)
    .unwrap_or_else(|error| args::fail(error));
    println!("Cost time: {:.3}", begin.elapsed().as_secs_f64());
    Ok(())
}
