//! Checks recorded traces: does the loop that made them keep the rules of an event loop?
//! Run: GLASSLOOP_TRACE=run.evt.json cargo run --example gather, then cargo run --example trace_check -- run.evt.json
//! Predict: which of the eight rules would a loop break that takes the newest of what is ready first?
//! Expect: a line for each trace; the events of one that breaks a rule, a line for what cannot be read, and then exit code 1.
//! Look: nothing of the loop itself is in here: ready queue and timers are replayed from the events (src/trace/check/).
//! Change: swap two STEP_BEGIN events in the file: which rule says what?

mod support;

use glassloop::trace;
use support::output;

/// Violations to print of a trace.
const MOST: usize = 20;

fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let usage = "trace_check FILE.evt.json ...: says which rules of an event loop the traces break";
    output::exit_when_it_fails();
    if files.iter().any(|file| file == "--help" || file == "-h") {
        return println!("{usage}");
    }
    if files.is_empty() || files.iter().any(|file| file.starts_with('-')) {
        eprintln!("{usage}");
        std::process::exit(2);
    }
    let mut broken = false;
    for file in files {
        let traces = match trace::load(&file) {
            Ok(traces) => traces,
            Err(error) => {
                eprintln!("{error}");
                broken = true;
                continue;
            }
        };
        for trace in traces {
            let violations = trace::check(&trace);
            let (title, events) = (&trace.title, trace.records.len());
            if violations.is_empty() {
                println!("{file}: {title}: {events} events, keeps all rules");
            }
            for violation in violations.iter().take(MOST) {
                println!("{file}: {title}: {violation}");
            }
            if violations.len() > MOST {
                println!("{file}: {title}: and {} more", violations.len() - MOST);
            }
            broken |= !violations.is_empty();
        }
    }
    if broken {
        std::process::exit(1);
    }
}
