//! The same trap again: one blocking call whose sockets were not exchanged, and everything stands still.
//! Run: cargo run --features greenlet --example greenlets_trap -- --delay 0.4 (without options: 5 requests of 3 s).
//! Predict: all but one ask on greenlet sockets at 0, the last on the system's at d/2; when do the others read their answers?
//! Expect: at 1.5 d instead of 1 d, though they lay there at d; and a tick that is four periods late.
//! Look: `request` is the same function for all. Nothing in its signature says that it blocks, as nothing did in Python.
//! Change: `n == requests` to `true`, and no sleep: 5 d, the chapter's first attempt, without any coroutine in sight.

mod support;

use std::time::{Duration, Instant};

use glassloop::{gather, greenlet, trace};
use support::args::{self, Args};
use support::{blocking, server, ureq_greenlet};
use ureq::Agent;

fn request(client: &Agent, url: &str, who: &str, begin: Instant) {
    println!("{:.2} {who} waits", begin.elapsed().as_secs_f64());
    let (_, text) = blocking::get_by(client, url).unwrap_or_else(|error| args::fail(error));
    println!("{:.2} {who} got {text}", begin.elapsed().as_secs_f64());
}

fn ticks(period: Duration) {
    loop {
        let begin = Instant::now();
        greenlet::sleep(period);
        let late = (begin.elapsed() - period).as_secs_f64() / period.as_secs_f64();
        println!("     tick, {late:.1} periods late");
    }
}

fn main() {
    let about = "A blocking call among greenlets.";
    let options = [args::requests("5"), args::delay("3"), args::url()];
    let args = Args::read(about, &options);
    let delay = args.seconds("delay").max(Duration::from_millis(1));
    let (url, _server) = server::given_or_started(args.url(), delay);

    let main = async move {
        let (begin, requests) = (Instant::now(), args.number("requests"));
        greenlet::spawn(move || ticks(delay / 4));
        let exchanged = ureq_greenlet::agent(blocking::config());
        let start = |n| {
            let (exchanged, url) = (exchanged.clone(), url.clone());
            greenlet::spawn(move || {
                if n == requests {
                    greenlet::sleep(delay / 2);
                    let system = Agent::from(blocking::config());
                    let who = "the one that blocks";
                    return trace::blocking("GET", || request(&system, &url, who, begin));
                }
                request(&exchanged, &url, "a greenlet", begin);
            })
        };
        gather((1..=requests).map(start).collect::<Vec<_>>()).await
    };
    let ended = glassloop::run(main).unwrap_or_else(|error| args::fail(error));
    ended.unwrap_or_else(|error| args::fail(error));
}
