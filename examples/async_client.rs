//! The chapter's third attempt: a client that gives way while it waits ("aiohttp").
//! Run: cargo run --example async_client -- --delay 0.3 (without options: 5 requests of 3 s).
//! Predict: the same five tasks; how long does it take now?
//! Expect: d instead of 5 d (the chapter: 3.06 s), in a single thread.
//! Look: all the "Waiting" lines come before the first "Get response" line.
//! Change: ask a `toy_server --single` with --url: who queues up now, and can the client do anything about it?

mod support;

use std::time::Instant;

use glassloop::{create_task, http, wait};
use support::args::{self, Args};
use support::server;

async fn get(url: &str) -> Result<String, http::Error> {
    let session = http::ClientSession::new();
    let response = session.get(url).await?;
    response.text().await
}

async fn request(url: String) {
    println!("Waiting for {url}");
    let result = get(&url).await.unwrap_or_else(|error| args::fail(error));
    println!("Get response from {url} Result: {result}");
}

fn main() {
    let about = "Requests with the asynchronous client, one session for each.";
    let options = [args::requests("5"), args::delay("3"), args::url()];
    let args = Args::read(about, &options);
    let (url, _server) = server::given_or_started(args.url(), args.seconds("delay"));

    let begin = Instant::now();
    let main = async move {
        let tasks = (0..args.number("requests")).map(|_| create_task(request(url.clone())));
        wait(tasks).await
    };
    match glassloop::run(main) {
        Ok(Ok(_)) => println!("Cost time: {:.2}", begin.elapsed().as_secs_f64()),
        Ok(Err(error)) => args::fail(error),
        Err(error) => args::fail(error),
    }
}
