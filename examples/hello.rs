//! The chapter's first task: made, pending, run, finished.
//! Run: cargo run --example hello -- --delay 1
//! Predict: is the coroutine running when the task is printed for the first time?
//! Expect: the task pending, then "hello world", one delay later "hello again", then the task finished.
//! Look: the two times differ by the delay; what stands after coro= changes from "running at" to "done".
//! Change: print the task from inside hello() (glassloop::current_task()): where is it running then?

mod support;

use std::time::Duration;

use glassloop::{EventLoop, LoopError, sleep};
use support::args::{self, Args};

async fn hello(delay: Duration) {
    println!("hello world");
    sleep(delay).await;
    println!("hello again");
}

fn main() -> Result<(), LoopError> {
    let args = Args::read("One task that sleeps.", &[args::delay("1")]);

    let event_loop = EventLoop::new()?;
    let task = event_loop.create_task(hello(args.seconds("delay")))?;
    println!("{:.6} s", event_loop.time().as_secs_f64());
    println!("{task:?}");
    event_loop.run_until_done(&task)?;
    println!("{task:?}");
    println!("{:.6} s", event_loop.time().as_secs_f64());
    event_loop.close()
}
