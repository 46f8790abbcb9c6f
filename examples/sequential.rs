//! The chapter's "compared with a single process": one request after another.
//! Run: cargo run --example sequential -- --requests 10 --delay 0.3 (without options: 100 requests of 3 s, five minutes).
//! Predict: requests times delay, or less?
//! Expect: the sum, 100 x 3 s = 300 s (the chapter: 301.17 s), with almost no CPU time: it waits.
//! Look: "Waiting" and "Get response" take turns: never are two requests under way.
//! Change: run two of these at once against one toy_server (--url): does each take as long as before?

mod support;

use std::time::Instant;

use support::args::{self, Args};
use support::{blocking, server};

fn main() {
    let about = "Asks a server again and again, one request after another.";
    let args = Args::read(
        about,
        &[args::requests("100"), args::delay("3"), args::url()],
    );
    let _recorded = glassloop::trace::program();
    let (url, _server) = server::given_or_started(args.url(), args.seconds("delay"));

    let begin = Instant::now();
    for _ in 0..args.number("requests") {
        println!("Waiting for {url}");
        let result = blocking::get(&url).unwrap_or_else(|error| args::fail(error));
        println!("Get response from {url} Result: {result}");
    }
    println!("Cost time: {:.2}", begin.elapsed().as_secs_f64());
}
