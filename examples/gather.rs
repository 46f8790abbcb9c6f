//! The chapter's ten coroutines that sleep for a random time, gathered.
//! Run: cargo run --example gather (with `-- --delay 0.1` a second takes a tenth of one).
//! Predict: ten sleeps of 1 to 5 s: in which order do they end, and how long does it take in all?
//! Expect: the short ones first, whatever their number; in all as long as the slowest one, not the sum.
//! Look: the results at the end are in the order of the arguments: gather does not care who was first.
//! Change: await each task in a loop instead of gather: is it slower? Then await each sleep before the next is created.

mod support;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use glassloop::{create_task, gather, sleep};
use support::args::{self, Args};

/// Marsaglia's xorshift: enough for a sleep.
struct Random(u64);

impl Random {
    fn new(seed: Option<usize>) -> Random {
        let seed = seed.map_or_else(|| RandomState::new().build_hasher().finish(), |n| n as u64);
        // Spreads small seeds over all bits. It must not be 0, which xorshift never leaves.
        Random(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn one_to_five(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) % 5) as u32 + 1
    }
}

async fn my_coroutine(id: usize, seconds: u32, scale: Duration) -> u32 {
    sleep(scale * seconds).await;
    println!("Coroutine: {id}, done. It took: {seconds} s");
    seconds
}

fn main() {
    let options = [
        args::seconds("delay", "1", "how long one of the printed seconds takes"),
        args::number("seed", 0..=4_294_967_295, "", "the same times again"),
    ];
    let args = Args::read("Ten tasks that sleep for 1 to 5 seconds each.", &options);
    let scale = args.seconds("delay");
    let mut random = Random::new(args.given_number("seed"));

    let begin = Instant::now();
    let main = async move {
        let tasks = (0..10).map(|id| create_task(my_coroutine(id, random.one_to_five(), scale)));
        gather(tasks.collect::<Vec<_>>()).await
    };
    let times = glassloop::run(main).unwrap_or_else(|error| args::fail(error));
    let times = times.unwrap_or_else(|error| args::fail(error));
    let (slowest, sum) = (times.iter().max(), times.iter().sum::<u32>());
    println!("Results: {times:?}");
    println!("Slowest: {} s, sum: {sum} s", slowest.unwrap_or(&0));
    println!("Cost time: {:.2}", begin.elapsed().as_secs_f64());
}
