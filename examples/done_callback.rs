//! The chapter's callback: a function that the loop calls when the task is done.
//! Run: cargo run --example done_callback (with `-- http://HOST` it asks that server).
//! Predict: when is the callback called: inside the coroutine, right behind it, or after run_until_done?
//! Expect: between the two prints of the task, by the ready queue, in the turn after the one in which the task ended.
//! Look: `cb=[callback() at ...]` in the pending task; it is gone from the finished one.
//! Change: add the callback twice, and once more after the task is done: how often is it called?

mod support;

use glassloop::http::{ClientSession, Response};
use glassloop::{EventLoop, LoopError, Task};
use support::args::{self, Args};
use support::server;

async fn request(url: String) -> Response {
    let response = ClientSession::new().get(&url).await;
    response.unwrap_or_else(|error| args::fail(error))
}

fn callback(task: &Task<Response>) {
    match task.result() {
        Ok(response) => println!("Status: {response:?}"),
        Err(error) => args::fail(error),
    }
}

fn main() -> Result<(), LoopError> {
    let options = [args::delay("0"), args::url()];
    let args = Args::read("One request, and a callback for its end.", &options);
    let (url, _server) = server::given_or_started(args.url(), args.seconds("delay"));

    let event_loop = EventLoop::new()?;
    let task = event_loop.create_task(request(url))?;
    task.add_done_callback(callback);
    println!("Task: {task:?}");
    event_loop.run_until_done(&task)?;
    println!("Task: {task:?}");
    Ok(())
}
