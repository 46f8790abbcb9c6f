//! Beyond the chapter: more than one core. A loop belongs to one thread, so a server that wants two cores runs two loops.
//! Run: cargo run --release --example multicore_server, then `curl http://127.0.0.1:5000`; Ctrl-C ends it. With --measure 3 it
//!   measures itself: one loop against all of them.
//! Predict: two loops share nothing. Who decides which of them gets a connection?
//! Expect: the kernel, by SO_REUSEPORT: each loop listens on the same port with a socket of its own, and gets about its share.
//! Look: Ctrl-C: nothing new is accepted, what has arrived is answered with `connection: close`, who is silent for 0.1 s is closed.
//! Change: --delay 5, a request, and Ctrl-C meanwhile; --work 0 --measure 3: what is left to share without work?

#[cfg(unix)]
#[path = "support/multicore/mod.rs"]
mod multicore;
mod support;

#[cfg(not(unix))]
fn main() {
    support::args::fail("SO_REUSEPORT is only on Unix");
}

#[cfg(unix)]
fn main() {
    server::main();
}

#[cfg(unix)]
mod server {
    use std::time::Duration;

    use glassloop::{EventLoop, LoopError, get_running_loop};

    use crate::multicore::loops::Server;
    use crate::multicore::measure::{measure, print_reports};
    use crate::multicore::serve::Cost;
    use crate::support::args::{self, Args};
    use crate::support::output::counted;

    const SIGINT: i32 = 2;
    const SIGTERM: i32 = 15;

    /// A loop that stops when Ctrl-C is pressed or the process is told to end.
    fn until_told() -> Result<EventLoop, LoopError> {
        let event_loop = EventLoop::new()?;
        for signal in [SIGINT, SIGTERM] {
            event_loop.add_signal_handler(signal, || {
                if let Ok(running) = get_running_loop() {
                    running.stop();
                }
            })?;
        }
        Ok(event_loop)
    }

    fn serve_until_told(
        port: u16,
        loops: usize,
        cost: Cost,
        grace: Duration,
    ) -> Result<(), String> {
        let said = |error: LoopError| error.to_string();
        // Before anybody is served, since a signal that nobody handles ends the process at once.
        let told = until_told().map_err(said)?;
        let server = Server::start(port, loops, cost, grace)?;
        let loops = counted(loops as u64, "loop");
        println!(
            "Serving on http://{} with {loops}; Ctrl-C ends it",
            server.address
        );
        told.run_forever().map_err(said)?;
        told.close().map_err(said)?;
        println!("Ending: requests that have arrived are answered first");
        print_reports(&server.end()?);
        Ok(())
    }

    pub fn main() {
        let cores = glassloop::cpu_count().to_string();
        let options = [
            args::number("loops", 1..=1024, &cores, "threads, with a loop each"),
            args::number(
                "port",
                0..=65_535,
                "5000",
                "where to listen; 0 picks a free port",
            ),
            args::delay("0"),
            args::number(
                "work",
                0..=1_000_000,
                "100",
                "µs for which a request keeps its core busy",
            ),
            args::number(
                "connections",
                1..=10_000,
                "64",
                "of the clients that --measure starts",
            ),
            args::seconds("grace", "10", "for requests that have begun when it ends"),
            args::seconds(
                "measure",
                "0",
                "measure one loop against all, for so long each",
            ),
        ];
        let args = Args::read("An HTTP server with one loop per core.", &options);
        let cost = Cost {
            delay: args.seconds("delay"),
            work: Duration::from_micros(args.number("work") as u64),
        };
        let (loops, measured) = (args.number("loops"), args.seconds("measure"));
        let done = match measured.is_zero() {
            true => serve_until_told(
                args.number("port") as u16,
                loops,
                cost,
                args.seconds("grace"),
            ),
            false => measure(loops, args.number("connections"), cost, measured),
        };
        done.unwrap_or_else(|error| args::fail(error));
    }
}
