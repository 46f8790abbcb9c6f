//! The other cure: the blocking call goes to a thread, and the loop awaits the thread.
//! Run: cargo run --example to_thread -- --delay 0.3 (5 requests of 3 s without options).
//! Predict: the same blocking client as in the trap: how long for five?
//! Expect: one delay for as many requests as the pool has threads (four more than processors, 32 at most), then the next.
//! Look: all the "Waiting" lines come first; the loop is free while the threads wait.
//! Change: --requests 100: compute the time from cpu_count() first.

mod support;

use std::time::Instant;

use glassloop::{create_task, run, to_thread, wait};
use support::args::{self, Args};
use support::{blocking, server};

async fn request(url: String) {
    println!("Waiting for {url}");
    let (asked, answer) = (url.clone(), to_thread(move || blocking::get(&url)).await);
    match answer {
        Ok(Ok(result)) => println!("Get response from {asked} Result: {result}"),
        Ok(Err(error)) => args::fail(error),
        Err(error) => args::fail(error),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = [args::requests("5"), args::delay("3"), args::url()];
    let args = Args::read("Blocking requests in threads.", &options);
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
