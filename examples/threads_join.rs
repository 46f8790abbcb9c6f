//! The chapter's "waiting for threads".
//! Run: cargo run --example threads_join, then the same with `-- --fixed`.
//! Predict: five threads that sleep 2 + 2 s each; how long does it take in all?
//! Expect: 20 s: join inside the loop waits for each thread before the next one is started. With --fixed: 4 s.
//! Look: the two branches differ only in where `join` stands; threads do not make a program concurrent by themselves.
//! Change: join them in reverse order with --fixed: is it still 4 s, and why?

mod support;

use std::time::Instant;

use support::args::{self, Args};
use support::threads::{current_name, join, join_all, sleep, start};

fn main() {
    let about = "Starts threads and joins them, in one loop or in two.";
    let options = [
        args::delay("2"),
        args::number("threads", 1..=10_000, "5", "how many threads"),
        args::flag("fixed", "start all of them before joining any"),
    ];
    let args = Args::read(about, &options);
    let delay = args.seconds("delay");
    let _recorded = glassloop::trace::program();
    let run = move || {
        sleep(delay);
        println!("current thread: {}", current_name());
        sleep(delay);
    };

    let begin = Instant::now();
    println!("main thread: {}", current_name());
    if args.flag("fixed") {
        let threads = (1..=args.number("threads")).map(|number| start(number, run));
        join_all(threads.collect());
    } else {
        for number in 1..=args.number("threads") {
            join(start(number, run));
        }
    }
    println!("main thread ends: {}", current_name());
    println!("elapsed: {:.6}", begin.elapsed().as_secs_f64());
}
