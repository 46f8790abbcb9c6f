//! The chapter's "set the number of tasks to 100", with one session for all of them.
//! Run: cargo run --example async_100 -- --delay 0.3 (without options: 100 requests of 3 s).
//! Predict: twenty times the work of async_client; how much longer does it take?
//! Expect: hardly: d and a little (the chapter: 3.44 s), still in a single thread.
//! Look: `limit(0)`: a session has at most 100 connections unless it is told otherwise.
//! Change: --requests 150 with ClientSession::new() instead: how many d, and why?

mod support;

use std::time::Instant;

use glassloop::http::ClientSession;
use glassloop::{create_task, wait};
use support::args::{self, Args};
use support::server;

async fn get(session: &ClientSession, url: &str) -> Result<String, glassloop::http::Error> {
    let response = session.get(url).await?;
    response.text().await
}

async fn request(session: ClientSession, url: String) {
    println!("Waiting for {url}");
    let result = get(&session, &url).await;
    let result = result.unwrap_or_else(|error| args::fail(error));
    println!("Get response from {url} Result: {result}");
}

fn main() {
    let about = "A hundred requests at once with the asynchronous client.";
    let options = [args::requests("100"), args::delay("3"), args::url()];
    let args = Args::read(about, &options);
    let (url, _server) = server::given_or_started(args.url(), args.seconds("delay"));

    let begin = Instant::now();
    let session = ClientSession::builder().limit(0).build();
    let session = session.unwrap_or_else(|error| args::fail(error));
    let main = async move {
        let request = |_| create_task(request(session.clone(), url.clone()));
        wait((0..args.number("requests")).map(request)).await
    };
    match glassloop::run(main) {
        Ok(Ok(_)) => println!("Cost time: {:.2}", begin.elapsed().as_secs_f64()),
        Ok(Err(error)) => args::fail(error),
        Err(error) => args::fail(error),
    }
}
