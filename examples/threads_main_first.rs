//! The chapter's "main thread and child threads".
//! Run: cargo run --example threads_main_first, then the same with `-- --rust`.
//! Predict: main waits for nobody; do the five lines of the threads still come?
//! Expect: yes after 2 s, main being done long before: Python keeps the process until its threads end. With --rust: no.
//! Look: the last line of `main`: what Python's interpreter does by itself when main is done, Rust leaves to you.
//! Change: run it a few times: do the threads speak in the order in which they were started? Is that promised?

mod support;

use std::time::Instant;

use support::args::{self, Args};
use support::threads::{current_name, join_all, sleep, start};

fn main() {
    let about = "Main finishes first; what becomes of the threads it has started?";
    let options = [
        args::delay("2"),
        args::number("threads", 1..=10_000, "5", "how many threads"),
        args::flag("rust", "Rust's rule: the process ends with main"),
    ];
    let args = Args::read(about, &options);
    let delay = args.seconds("delay");
    let _recorded = glassloop::trace::program();

    let begin = Instant::now();
    println!("main thread: {}", current_name());
    let threads = (1..=args.number("threads")).map(|number| {
        start(number, move || {
            sleep(delay);
            println!("current thread: {}", current_name());
            sleep(delay);
        })
    });
    let threads = threads.collect();
    println!("main thread ends: {}", current_name());
    println!("elapsed: {:.6}", begin.elapsed().as_secs_f64());
    if !args.flag("rust") {
        join_all(threads);
    }
}
