//! The chapter's "daemon threads".
//! Run: cargo run --example threads_daemon
//! Predict: each thread prints after 2 s; how many of the five lines appear?
//! Expect: none, and the process is gone in milliseconds: a daemon thread does not keep it alive, it is cut off in its sleep.
//! Look: there is no `daemon=True` here: in Rust the process ends when main returns, so every thread is a daemon thread.
//! Change: let main sleep 3 s at its end: the lines appear, the second sleep is still cut off.

mod support;

use std::time::Instant;

use support::args::{self, Args};
use support::threads::{current_name, sleep, start};

fn main() {
    let about = "Main finishes first, and its daemon threads end with it.";
    let options = [
        args::delay("2"),
        args::number("threads", 1..=10_000, "5", "how many threads"),
    ];
    let args = Args::read(about, &options);
    let delay = args.seconds("delay");
    let _recorded = glassloop::trace::program();

    let begin = Instant::now();
    println!("main thread: {}", current_name());
    for number in 1..=args.number("threads") {
        // The handle is dropped: nobody will wait for this thread.
        start(number, move || {
            sleep(delay);
            println!("current thread: {}", current_name());
            sleep(delay);
        });
    }
    println!("main thread ends: {}", current_name());
    println!("elapsed: {:.6}", begin.elapsed().as_secs_f64());
}
