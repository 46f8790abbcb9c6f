//! The chapter's request without a callback: the result stays in the task until somebody asks for it.
//! Run: cargo run --example no_callback (with `-- http://HOST` it asks that server).
//! Predict: what does `task.result()` give before the loop has run?
//! Expect: the task is printed pending, then finished, then its result; asked too early, result() is an error.
//! Look: `run_until_done` borrows the task, so it can still be printed; `run_until_complete` would take its result along.
//! Change: ask for `task.result()` before the loop runs, and print what you get.

mod support;

use glassloop::http::{ClientSession, Response};
use glassloop::{EventLoop, LoopError};
use support::args::{self, Args};
use support::server;

async fn request(url: String) -> Response {
    let response = ClientSession::new().get(&url).await;
    response.unwrap_or_else(|error| args::fail(error))
}

fn main() -> Result<(), LoopError> {
    let options = [args::delay("0"), args::url()];
    let args = Args::read("One request, and its result.", &options);
    let (url, _server) = server::given_or_started(args.url(), args.seconds("delay"));

    let event_loop = EventLoop::new()?;
    let task = event_loop.create_task(request(url))?;
    println!("Task: {task:?}");
    let result = event_loop.run_until_done(&task)?;
    println!("Task: {task:?}");
    println!("Task Result: {result:?}");
    Ok(())
}
