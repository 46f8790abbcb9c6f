//! The chapter's gevent: a hundred requests by a blocking library, in one thread, in the time of one.
//! Run: cargo run --features greenlet --example greenlets_100 -- --delay 0.3 (without options: 100 requests of 3 s).
//! Predict: no `async`, no `.await`, and `ureq` knows of neither; how long does it take?
//! Expect: d and a little, as async_100: all "Waiting" lines come first.
//! Look: `agent` in support/ureq_greenlet.rs: only sockets and name lookups were exchanged, in place of gevent's patching.
//! Change: ureq_greenlet::agent(blocking::config()) to ureq::Agent::from(blocking::config()): how many d now?

mod support;

use std::time::Instant;

use glassloop::{gather, greenlet};
use support::args::{self, Args};
use support::{blocking, server, ureq_greenlet};
use ureq::Agent;

fn request(client: &Agent, url: &str) {
    println!("Waiting for {url}");
    let (_, result) = blocking::get_by(client, url).unwrap_or_else(|error| args::fail(error));
    println!("Get response from {url} Result: {result}");
}

fn main() {
    let about = "A hundred requests at once with a blocking client on greenlets.";
    let options = [args::requests("100"), args::delay("3"), args::url()];
    let args = Args::read(about, &options);
    let (url, _server) = server::given_or_started(args.url(), args.seconds("delay"));

    let begin = Instant::now();
    let main = async move {
        let client = ureq_greenlet::agent(blocking::config());
        let greenlets = (0..args.number("requests")).map(|_| {
            let (client, url) = (client.clone(), url.clone());
            greenlet::spawn(move || request(&client, &url))
        });
        gather(greenlets.collect::<Vec<_>>()).await
    };
    match glassloop::run(main) {
        Ok(Ok(_)) => println!("Cost time: {:.2}", begin.elapsed().as_secs_f64()),
        Ok(Err(error)) => args::fail(error),
        Err(error) => args::fail(error),
    }
}
