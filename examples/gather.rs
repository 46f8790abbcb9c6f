//! The chapter's second program: ten tasks that sleep for 1 to 5 units, gathered.
//! Run: cargo run --example gather -- --delay 0.2 (the length of a unit; 1 s without options).
//! Predict: in which order do they finish, and how long does it take in all?
//! Expect: in the order of their sleeps; all in the time of the longest, not in the sum.
//! Look: the results stand in the order of the arguments all the same: gather sorts, not the clock.
//! Change: give --seed 7 twice: the sleeps repeat. Then await the tasks one after another instead: does the total change?

mod support;

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use glassloop::{create_task, gather, run, sleep};
use support::args::{self, Args};

/// One to five, from a seed that it moves on (xorshift).
fn dice(seed: &mut u64) -> u32 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    (*seed % 5) as u32 + 1
}

async fn coroutine(id: usize, units: u32, unit: Duration) -> u32 {
    sleep(unit * units).await;
    println!("coroutine: {id}, finished. It took {units} units");
    units
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = args::number("seed", 0..=usize::MAX, "0", "0 draws anew in each run");
    let options = [args::delay("1"), args::requests("10"), seed];
    let args = Args::read("Tasks of random length under gather.", &options);
    let (unit, count) = (args.seconds("delay"), args.number("requests"));
    let mut seed = match args.number("seed") {
        0 => RandomState::new().hash_one(0u8) | 1,
        given => given as u64,
    };

    let begin = Instant::now();
    let results = run(async move {
        let start = |id| create_task(coroutine(id, dice(&mut seed), unit));
        let tasks: Vec<_> = (0..count).map(start).collect();
        gather(tasks).await
    })??;
    println!("results: {results:?}");
    println!("Cost time: {:.3}", begin.elapsed().as_secs_f64());
    Ok(())
}
