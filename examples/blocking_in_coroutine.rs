//! The chapter's "asyncio and Flask", first attempt: blocking requests inside coroutines.
//! Run: cargo run --example blocking_in_coroutine -- --delay 0.3 (without options: 5 requests of 3 s).
//! Predict: five tasks at once; how many requests does the server see at a time?
//! Expect: one: 5 d in all (the chapter: 15.08 s), as without any coroutines.
//! Look: "Waiting" and "Get response" take turns: there is no `.await`, so nobody else can run meanwhile.
//! Change: put `glassloop::yield_now().await` between the first print and the get: what changes, and what does not?

mod support;

use std::time::Instant;

use glassloop::{create_task, wait};
use support::args::{self, Args};
use support::{blocking, server};

async fn request(url: String) {
    println!("Waiting for {url}");
    // The whole loop stands still in here.
    let result = blocking::get(&url).unwrap_or_else(|error| args::fail(error));
    println!("Get response from {url} Result: {result}");
}

fn main() {
    let about = "Blocking requests inside coroutines.";
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
