//! The chapter's callback: the loop calls a function when the task is done.
//! Run: cargo run --example done_callback -- --url http://127.0.0.1:5000 (without --url it starts a server of its own).
//! Predict: is "Status:" printed before or after the task has finished?
//! Expect: the task pending, with its callback under cb=[...]; then the status; then the task finished.
//! Look: the callback is not called by the task: it goes through the ready queue and runs in the next turn.
//! Change: add a second callback, and one that panics before it: which of them run?

mod support;

use std::time::Duration;

use glassloop::EventLoop;
use glassloop::http::{ClientSession, Error, Response};
use support::args::{self, Args};
use support::server;

async fn request(url: String) -> Result<Response, Error> {
    ClientSession::new().get(url).await
}

fn callback(task: &glassloop::Task<Result<Response, Error>>) {
    match task.result().as_deref() {
        Ok(Ok(response)) => println!("Status: {response:?}"),
        Ok(Err(error)) => args::fail(error),
        Err(error) => args::fail(error),
    }
}

fn main() -> Result<(), glassloop::LoopError> {
    let args = Args::read("A done-callback on a task.", &[args::url()]);
    let (url, _server) = server::given_or_started(args.url(), Duration::ZERO);

    let event_loop = EventLoop::new()?;
    let task = event_loop.create_task(request(url))?;
    task.add_done_callback(callback);
    println!("Task: {task:?}");
    event_loop.run_until_done(&task)?;
    println!("Task: {task:?}");
    Ok(())
}
