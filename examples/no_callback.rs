//! The same as done_callback, without the callback: the result is read from the task.
//! Run: cargo run --example no_callback -- --url http://127.0.0.1:5000 (without --url it starts a server of its own).
//! Predict: what does result() give before the loop has run?
//! Expect: the task pending; then finished; then its result.
//! Look: the result stays in the task, which can be asked for it any number of times.
//! Change: print task.result() before run_until_done: what does it say?

mod support;

use std::time::Duration;

use glassloop::EventLoop;
use glassloop::http::{ClientSession, Error, Response};
use support::args::{self, Args};
use support::server;

async fn request(url: String) -> Result<Response, Error> {
    ClientSession::new().get(url).await
}

fn main() -> Result<(), glassloop::LoopError> {
    let args = Args::read("The result of a task, without a callback.", &[args::url()]);
    let (url, _server) = server::given_or_started(args.url(), Duration::ZERO);

    let event_loop = EventLoop::new()?;
    let task = event_loop.create_task(request(url))?;
    println!("Task: {task:?}");
    let result = event_loop.run_until_done(&task)?;
    println!("Task: {task:?}");
    match &*result {
        Ok(response) => println!("Task Result: {response:?}"),
        Err(error) => args::fail(error),
    }
    Ok(())
}
