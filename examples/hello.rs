//! The chapter's first coroutine: a task is pending, runs, and is finished.
//! Run: cargo run --example hello -- --delay 1
//! Predict: between which two lines does "hello world" appear: does create_task run the coroutine?
//! Expect: after the pending task: creating it only schedules it; the two times are the delay apart.
//! Look: the first `<Task pending ...>` and the last `<Task finished ... result=()>`: it is the same object.
//! Change: print the task from a second coroutine while the first one sleeps: `wait_for=` says what it waits for.

mod support;

use std::time::{Duration, SystemTime};

use glassloop::{EventLoop, LoopError, sleep};
use support::args::{self, Args};

async fn hello(delay: Duration) {
    println!("hello world");
    sleep(delay).await;
    println!("hello again");
}

/// The time of day, in UTC.
fn now() -> String {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = since_1970.unwrap_or_default();
    let (seconds, micros) = (now.as_secs(), now.subsec_micros());
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{micros:06} UTC")
}

fn main() -> Result<(), LoopError> {
    let args = Args::read(
        "Runs one task and shows it before and after.",
        &[args::delay("1")],
    );

    let event_loop = EventLoop::new()?;
    let task = event_loop.create_task(hello(args.seconds("delay")))?;
    println!("{}", now());
    println!("{task:?}");
    event_loop.run_until_done(&task)?;
    println!("{task:?}");
    println!("{}", now());
    event_loop.close()
}
