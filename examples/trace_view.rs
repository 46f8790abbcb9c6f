//! Looks again at what was recorded once: a saved trace in every form, some turns of it, or how two runs differ.
//! Run: GLASSLOOP_TRACE=run.evt.json cargo run --example gather, then cargo run --example trace_view -- run.evt.json --turn 2..4
//! Predict: record blocking_in_coroutine and async_client, and give --diff both: which steps does only the cure have?
//! Expect: the table of turns; with --logical the order without times; with --out run.html the page, with two files both on one page.
//! Look: src/trace/files.rs: the ending picks the form here as it does in GLASSLOOP_TRACE, and the file is to the byte the same.
//! Change: record gather with --seed 1 and --seed 2: what does --diff show, and is it what you see in --logical?

mod support;

use std::error::Error;
use std::ops::RangeInclusive;

use glassloop::trace::{self, Trace};
use similar::{Algorithm, ChangeTag, capture_diff_slices};
use support::args::{Args, fail, flag, text, usage_error};

fn main() {
    let about = "trace_view FILE.evt.json ...: shows recorded traces, as tables of turns if nothing else is asked for";
    let (turn, logical) = (
        "only these turns: 6, 6.., ..8, 6..8",
        "the order of the steps without times",
    );
    let (out, diff) = (
        "write the form that FILE's ending names",
        "two traces: in which order things happened",
    );
    let options = [
        text("turn", "TURNS", "", turn),
        flag("logical", logical),
        text("out", "FILE", "", out),
        flag("diff", diff),
    ];
    let (args, files) = Args::read_with_files(about, &options);
    let mut names: Vec<&str> = options_given(&args);
    let mode = names.pop();
    if let (Some(mode), Some(other)) = (mode, names.pop()) {
        usage_error(format!("--{other}: not with --{mode}"));
    }
    if files.is_empty() {
        usage_error("which traces? Give FILE.evt.json");
    }
    let traces = load(&files);
    match mode {
        None => print!("{}", trace::text_of_all(&traces)),
        Some("logical") => print!("{}", joined(&traces, trace::order)),
        Some("turn") => {
            let turns = turns(args.text("turn"), &traces);
            print!(
                "{}",
                joined(&traces, |one| trace::text_of_turns(one, turns.clone()))
            );
        }
        Some("out") => write(args.text("out"), &traces),
        Some(_) => match &traces[..] {
            [left, right] => print_diff(left, right),
            traces => usage_error(format!("--diff: takes two traces, not {}", traces.len())),
        },
    }
}

/// Which of the options that exclude each other were given.
fn options_given(args: &Args) -> Vec<&'static str> {
    let mut given = vec!["turn", "logical", "out", "diff"];
    given.retain(|name| args.first_given(&[name]).is_some());
    given
}

/// The traces of all files. What cannot be read is a line each, and the end.
fn load(files: &[String]) -> Vec<Trace> {
    let (mut traces, mut broken) = (Vec::new(), false);
    for file in files {
        match trace::load(file) {
            Ok(more) => traces.extend(more),
            Err(error) => {
                eprintln!("{error}");
                broken = true;
            }
        }
    }
    if broken {
        std::process::exit(1);
    }
    traces
}

fn joined(traces: &[Trace], form: impl Fn(&Trace) -> String) -> String {
    let forms: Vec<String> = traces.iter().map(form).collect();
    forms.join("\n")
}

fn write(file: &str, traces: &[Trace]) {
    if let Err(error) = trace::save(file, traces) {
        match error.source() {
            Some(_) => fail(error),
            None => usage_error(format!("--out: {error}")),
        }
    }
}

/// The turns that `6..8` and its like mean: with both ends, which some trace must have.
fn turns(given: &str, traces: &[Trace]) -> RangeInclusive<u32> {
    let all = traces.iter().filter_map(Trace::turns);
    let all = all.reduce(|p, q| *p.start().min(q.start())..=*p.end().max(q.end()));
    let all = all.unwrap_or_else(|| usage_error("--turn: there is no loop, and so no turn"));
    let (from, to) = given.split_once("..").unwrap_or((given, given));
    let number = |text: &str, without: u32| match text {
        "" if !given.is_empty() => Some(without),
        text => text.parse().ok().filter(|number| all.contains(number)),
    };
    match (number(from, *all.start()), number(to, *all.end())) {
        (Some(from), Some(to)) if from <= to => from..=to,
        _ => {
            let (first, last) = all.into_inner();
            let expected = "expected 6, 6.., ..8 or 6..8, of the turns";
            usage_error(format!("--turn {given:?}: {expected} {first} to {last}"))
        }
    }
}

/// What happened in the same order in both, and what only one of them has.
fn print_diff(left: &Trace, right: &Trace) {
    let (old, new) = (trace::steps(left), trace::steps(right));
    println!(
        "- {}: {}\n+ {}: {}\n",
        left.title, left.command, right.title, right.command
    );
    let mut same = 0;
    for part in capture_diff_slices(Algorithm::Myers, &old, &new) {
        for (tag, steps) in part.iter_slices(&old[..], &new[..]) {
            let mark = match tag {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            if tag == ChangeTag::Equal {
                same += steps.len();
            }
            steps.iter().for_each(|step| println!("{mark} {step}"));
        }
    }
    let (only_left, only_right) = (old.len() - same, new.len() - same);
    println!(
        "\n{same} steps in the same order in both; {only_left} only in -, {only_right} only in +"
    );
}
