//! The chapter's "asyncio and Flask", the server's side: it answers `Hello!` after a sleep.
//! Run: cargo run --example toy_server -- --delay 3, then `curl http://127.0.0.1:5000` in a second terminal (or in five).
//! Predict: five requests at once; how long until the last has its answer? And with --single?
//! Expect: 3 seconds, since each connection has a thread of its own; with --single they queue up: 15 seconds.
//! Look: the number in flight at the end of each line; no client, however asynchronous, can raise it above 1 with --single.
//! Change: run one of the clients with `--url http://127.0.0.1:5000` against both kinds of server.

mod support;

use std::io::ErrorKind;

use support::args::{self, Args};
use support::server::{Config, ToyServer};

fn main() {
    let about = "Answers every request with Hello! after a delay.";
    let options = [
        args::delay("3"),
        args::flag(
            "single",
            "one request at a time, like Flask without threaded=True",
        ),
        args::number(
            "port",
            0..=65_535,
            "5000",
            "where to listen; 0 picks a free port",
        ),
        args::flag("quiet", "no line for each request"),
    ];
    let args = Args::read(about, &options);
    let port = args.number("port") as u16;
    let config = Config {
        port,
        delay: args.seconds("delay"),
        single: args.flag("single"),
        log: !args.flag("quiet"),
    };
    let server = match ToyServer::start(config) {
        Ok(server) => server,
        Err(error) if error.kind() == ErrorKind::AddrInUse => args::fail(format!(
            "port {port} is taken: stop the program that listens there, or let --port 0 pick a free one"
        )),
        Err(error) => args::fail(format!(
            "cannot listen on port {port}: {error}; --port 0 picks a free one"
        )),
    };
    let kind = if config.single { "single" } else { "threaded" };
    let delay = config.delay.as_secs_f64();
    // A parent process may wait for this line: println! writes each line at once, into a pipe too.
    println!("Serving on {} ({kind}, delay {delay} s)", server.url());
    loop {
        std::thread::park();
    }
}
