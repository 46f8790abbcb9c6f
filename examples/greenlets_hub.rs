//! The hub: a greenlet never switches to another greenlet. It goes back to the loop, and the loop runs whoever is ready.
//! Run: cargo run --features greenlet --example greenlets_hub -- --delay 0.5
//! Predict: two greenlets and a task; in how many turns do they end, and in which of them does the loop sleep?
//! Expect: turn 1 runs all three, which then wait; in the others one or two go on.
//! Look: the numbers in "ran": the loop steps greenlets as tasks, and cannot tell them apart.
//! Change: let `greenlet` sleep for `std::thread::sleep` instead: what becomes of the turns?

mod support;

use std::time::Duration;

use glassloop::greenlet::{self, Greenlet};
use glassloop::{EventLoop, LoopError, sleep};
use support::args::{self, Args};

fn greenlet(name: &str, delay: Duration) {
    println!("    {name} begins");
    greenlet::sleep(delay);
    println!("    {name} ends");
}

async fn task(name: &str, delay: Duration) {
    println!("    {name} begins");
    sleep(delay).await;
    println!("    {name} ends");
}

fn turns(hub: &EventLoop, delay: Duration) -> Result<(), LoopError> {
    let first = Greenlet::new(move || greenlet("greenlet of one delay", delay));
    let second = Greenlet::new(move || greenlet("greenlet of two delays", 2 * delay));
    hub.create_task(first)?;
    hub.create_task(second)?;
    hub.create_task(task("task of two delays", 2 * delay))?;
    while !hub.all_tasks().is_empty() {
        let turn = hub.turn()?;
        let slept = turn.slept.as_secs_f64();
        println!(
            "turn {}: slept {slept:.2} s, ran {:?}",
            turn.number, turn.ran
        );
    }
    hub.close()
}

fn main() {
    let about = "Drives two greenlets and a task by hand, one turn of the loop at a time.";
    let args = Args::read(about, &[args::delay("0.5")]);
    let turned = EventLoop::new().and_then(|hub| turns(&hub, args.seconds("delay")));
    turned.unwrap_or_else(|error| args::fail(error));
}
