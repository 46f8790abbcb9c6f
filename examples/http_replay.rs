//! Responses that other projects wrote, served over real sockets in four deliveries: does our client judge them rightly?
//! Run: cargo run --release --example http_replay -- FILE.tsv
//! Predict: which is harder for a client, a response in one piece or byte by byte?
//! Expect: a line for each case and delivery that fails, and at the end `N passed, N failed`.
//! Look: tests/replay_table/: what is sent, and what counts as right; src/http/parser.rs is told the same bytes in all four.
//! Change: add a line of your own to the table (tests/replay_table/mod.rs tells its columns).

#[path = "../tests/replay_table/mod.rs"]
mod replay_table;
#[path = "../tests/replay_table/sockets.rs"]
mod sockets;
mod support;

use std::process::ExitCode;

use replay_table::{Case, DELIVERIES, kind};

fn main() -> ExitCode {
    let path = support::args::file("http_replay: give one table of cases, FILE.tsv");
    let table =
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read {path:?}: {error}"));
    let cases = table
        .and_then(|table| replay_table::read(&table).map_err(|error| format!("{path:?}, {error}")));
    let cases = match cases {
        Ok(cases) => cases,
        Err(error) => {
            eprintln!("http_replay: {error}");
            return ExitCode::from(2);
        }
    };
    match sockets::replay(cases) {
        Ok((passed, failed)) => {
            failed.iter().for_each(|line| println!("{line}"));
            println!("{passed} passed, {} failed", failed.len());
            ExitCode::from(u8::from(!failed.is_empty()))
        }
        Err(error) => {
            eprintln!("http_replay: {error}");
            ExitCode::FAILURE
        }
    }
}
