//! The chapter's second attempt: the blocking request moves into an async function that is awaited.
//! Run: cargo run --example blocking_behind_await -- --delay 0.3 (without options: 5 requests of 3 s).
//! Predict: now there is an `.await`; is it concurrent?
//! Expect: no: 5 d again (the chapter: 15.08 s). An await gives way only if what it awaits is pending, and `get` never is.
//! Look: "Waiting" and "Get response" still take turns.
//! Change: replace the body of `get` by a `glassloop::sleep`: the same await now lets the others run.

mod support;

use std::time::Instant;

use glassloop::{create_task, wait};
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

fn main() {
    let about = "Blocking requests behind an await.";
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
