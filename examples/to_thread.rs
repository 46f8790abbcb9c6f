//! The cure for the chapter's blocking requests when there is no asynchronous client: threads that block for us.
//! Run: cargo run --example to_thread -- --delay 0.3 (without options: 5 requests of 3 s).
//! Predict: the same blocking get as in blocking_in_coroutine; how long does it take, and in how many threads?
//! Expect: d, in five threads: the loop hands each call to its thread pool and goes on.
//! Look: all the "Waiting" lines come first; the last line says how many threads there were.
//! Change: --requests 100: the pool has min(32, cpu_count + 4) threads; how many d is that here?

mod support;

use std::collections::HashSet;
use std::thread::{self, ThreadId};
use std::time::Instant;

use glassloop::{create_task, gather};
use support::args::{self, Args};
use support::{blocking, server};

async fn request(url: String) -> ThreadId {
    println!("Waiting for {url}");
    let asked = url.clone();
    let job = glassloop::to_thread(move || (blocking::get(&asked), thread::current().id()));
    let (result, id) = job.await.unwrap_or_else(|error| args::fail(error));
    let result = result.unwrap_or_else(|error| args::fail(error));
    println!("Get response from {url} Result: {result}");
    id
}

fn main() {
    let about = "Blocking requests in the loop's thread pool.";
    let options = [args::requests("5"), args::delay("3"), args::url()];
    let args = Args::read(about, &options);
    let (url, _server) = server::given_or_started(args.url(), args.seconds("delay"));

    let begin = Instant::now();
    let main = async move {
        let tasks = (0..args.number("requests")).map(|_| create_task(request(url.clone())));
        gather(tasks.collect::<Vec<_>>()).await
    };
    let ids = match glassloop::run(main) {
        Ok(Ok(ids)) => HashSet::<ThreadId>::from_iter(ids),
        Ok(Err(error)) => args::fail(error),
        Err(error) => args::fail(error),
    };
    println!("Cost time: {:.2}", begin.elapsed().as_secs_f64());
    println!("Threads used: {}", ids.len());
}
