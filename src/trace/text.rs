//! The turn table, `.txt`: a line for each turn of the loop, and the whole in a few figures.

use std::fmt::Write;
use std::ops::RangeBounds;

use crate::text::on_one_line;

use super::columns::{MOST, list, wrapped};
use super::kind::{Kind, end, io, wait};
use super::legend::Legend;
use super::names::TrackKind;
use super::summary::Summary;
use super::trace::Trace;
use super::turns::{Ran, Turn, What, Who, Woke, turns};
use super::words::{Time, short, shown, waits_for, word};

/// The widths of the columns of what is ready, and of who was woken.
const READY: usize = 15;
const WOKE: usize = 25;

/// Escape codes, if the table goes to a terminal.
#[derive(Clone, Copy)]
pub(crate) struct Colours(pub(crate) bool);

impl Colours {
    fn paint(self, code: &str, text: &str) -> String {
        match self.0 {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn alarm(self, text: &str) -> String {
        self.paint("1;31", text)
    }
}

/// The trace as a table of turns; threads and processes as a table of lives.
pub fn text(trace: &Trace) -> String {
    titled(trace, &trace.title)
}

/// The tables of several traces, one below the other: those of one title are told apart by their numbers, as on the page.
///
/// ```
/// use glassloop::trace;
///
/// let trace = trace::Recorder::new("twin").trace();
/// let tables = trace::text_of_all(&[trace.clone(), trace]);
/// let headings: Vec<&str> = tables.lines().filter(|line| line.starts_with("twin")).collect();
/// assert!(headings[0].starts_with("twin 1: ") && headings[1].starts_with("twin 2: "));
/// ```
pub fn text_of_all(traces: &[Trace]) -> String {
    let tables = traces.iter().enumerate().map(|(at, trace)| {
        let mut others = traces[..at].iter().chain(&traces[at + 1..]);
        match others.any(|other| other.title == trace.title) {
            true => titled(trace, &format!("{} {}", trace.title, at + 1)),
            false => text(trace),
        }
    });
    tables.collect::<Vec<_>>().join("\n")
}

fn titled(trace: &Trace, title: &str) -> String {
    let mut out = table(trace, title, ..);
    lives(&mut out, trace);
    figures(&mut out, trace, Colours(false));
    out
}

/// The table of some turns alone, by their numbers: see [`Trace::turns`]. Those that there are not are left out. Above it stands who
/// their tasks are.
///
/// ```
/// use std::{rc::Rc, time::Duration};
/// use glassloop::{EventLoop, sleep, trace};
///
/// let recorder = Rc::new(trace::Recorder::new("nap"));
/// let event_loop = EventLoop::builder().virtual_time().observer(recorder.clone()).build()?;
/// event_loop.run_until_complete(sleep(Duration::from_millis(1)))?;
/// event_loop.close()?;
/// let trace = recorder.trace();
/// assert_eq!(trace.turns(), Some(1..=4));
/// let table = trace::text_of_turns(&trace, 2..=3);
/// let (legend, rows) = table.split_once("\n\n").unwrap().1.split_once("\n\n").unwrap();
/// assert!(legend.starts_with("T1: Sleep() at "));
/// let rows: Vec<&str> = rows.lines().skip(1).collect();
/// assert_eq!(rows.len(), 2);
/// assert!(rows[0].starts_with("   2    0.000000     1.0 ms "));
/// # Ok::<(), glassloop::LoopError>(())
/// ```
pub fn text_of_turns(trace: &Trace, numbers: impl RangeBounds<u32>) -> String {
    table(trace, &trace.title, numbers)
}

fn table(trace: &Trace, title: &str, numbers: impl RangeBounds<u32>) -> String {
    let (title, command) = (on_one_line(title), on_one_line(&trace.command));
    let mut out = format!("{title}: {command}\n\n");
    if trace.dropped > 0 {
        let first = trace.turns().map_or(1, |turns| *turns.start());
        let (events, turns) = (trace.dropped, first.saturating_sub(1));
        let _ = writeln!(
            out,
            "{events} events before this were not kept, with them {turns} turns\n"
        );
    }
    let all = turns(&trace.records);
    let some: Vec<Turn> = all
        .into_iter()
        .filter(|turn| numbers.contains(&turn.number))
        .collect();
    if !some.is_empty() {
        let legend = Legend::default().of(&some, &trace.strings, &trace.places);
        let between = if legend.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{legend}{between}{}", header(Colours(false)));
        for turn in &some {
            let row = row(turn, &trace.strings, trace.slow, Colours(false));
            let _ = writeln!(out, "{row}");
        }
    }
    out
}

pub(crate) fn header(colours: Colours) -> String {
    colours.faint(
        "turn          at      slept  timers  io  ready           woke                      ran",
    )
}

/// A line for a turn, and more if its lists are long.
pub(crate) fn row(turn: &Turn, strings: &[String], slow: u64, colours: Colours) -> String {
    let slept = match turn.slept {
        None => "-".to_owned(),
        Some(slept) => Time(slept).to_string(),
    };
    let mut ready: Vec<String> = turn.ready.iter().map(|who| short(*who, strings)).collect();
    if turn.ready_others > 0 {
        ready.push(format!("+{}", turn.ready_others));
    }
    let woke = turn.woke.iter().map(|woke| woke_text(woke, strings));
    let ran = turn.ran.iter().map(|ran| {
        let text = ran_text(ran, strings);
        match ran.end - ran.begin >= slow {
            true => colours.alarm(&format!("{text}!{}", Time(ran.end - ran.begin))),
            false => text,
        }
    });
    let asleep = turn.asleep.then(|| "still-asleep".to_owned());
    let ready = wrapped(&list(ready), READY);
    let woke = wrapped(&list(woke.collect()), WOKE);
    let ran = list(ran.chain(asleep).collect()).join(" ");
    let at = format!("{:.6}", turn.begin as f64 / 1e9);
    let Turn {
        number,
        timers,
        interests,
        ..
    } = turn;
    let mut begin = format!("{number:>4} {at:>11} {slept:>10}  {timers:>6} {interests:>3}");
    let mut ran = ran.as_str();
    let mut lines = Vec::new();
    for line in 0..ready.len().max(woke.len()) {
        let cell = |column: &[String]| column.get(line).cloned().unwrap_or_default();
        let (ready, woke) = (cell(&ready), cell(&woke));
        let text = format!("{begin}  {ready:<READY$} {woke:<WOKE$} {ran}");
        lines.push(text.trim_end().to_owned());
        begin = " ".repeat(begin.len());
        ran = "";
    }
    lines.join("\n")
}

fn arrows(tasks: &[Who], strings: &[String]) -> String {
    let names = tasks.iter().map(|who| format!("→{}", short(*who, strings)));
    names.collect()
}

fn woke_text(woke: &Woke, strings: &[String]) -> String {
    match woke {
        Woke::Io { fd, bits, tasks } => {
            let direction = ["", "R", "W", "RW"][usize::from(bits & 3)];
            let of_peer = io::of_peer(*bits)
                .into_iter()
                .map(|said| format!("+{said}"));
            let of_peer: String = of_peer.collect();
            format!("fd{fd}:{direction}{of_peer}{}", arrows(tasks, strings))
        }
        Woke::Timer(timer) => format!("timer#{timer}"),
        Woke::Signal => "signal".to_owned(),
        Woke::Thread(who) => format!("thread{}", arrows(&[*who], strings)),
        Woke::Job(tasks) => format!("job{}", arrows(tasks, strings)),
    }
}

fn ran_text(ran: &Ran, strings: &[String]) -> String {
    let what = match ran.what {
        What::Step(who, how, waiting) => {
            let name = short(who, strings);
            match (how, waiting) {
                _ if ran.open => format!("{name}…still-runs"),
                (end::PENDING, Some(waiting)) => {
                    format!(
                        "{name}~{}",
                        compact(&waits_for(waiting, strings), waiting.what)
                    )
                }
                (end::PENDING, None) => format!("{name}~?"),
                (how, _) => format!("{name}{}", end_mark(how)),
            }
        }
        What::Callback { .. } if ran.open => "callback…still-runs".to_owned(),
        What::Callback {
            panicked: false, ..
        } => "callback".to_owned(),
        What::Callback { .. } => "callback✗".to_owned(),
        What::Timer(timer) => format!("timer#{timer}"),
    };
    let spawns: String = match ran.spawns.len() {
        0 => String::new(),
        1..=3 => ran
            .spawns
            .iter()
            .map(|who| format!("+{}", short(*who, strings)))
            .collect(),
        more => format!("+{more}"),
    };
    let counts = ran.counts.iter();
    let counts = counts.map(|(who, done, all)| format!("({}:{done}/{all})", short(*who, strings)));
    let counts: String = counts.collect();
    let fulfils = match ran.fulfils.len() {
        0 => String::new(),
        1 => "(promise)".to_owned(),
        more => format!("({more}-promises)"),
    };
    format!(
        "{what}{spawns}{fulfils}{}{counts}",
        arrows(&ran.wakes, strings)
    )
}

/// Without blanks, since the columns are made of them.
fn compact(text: &str, what: u8) -> String {
    match what {
        wait::READABLE | wait::WRITABLE => text
            .replacen(' ', "", 1)
            .replace(" readable", ":R")
            .replace(" writable", ":W"),
        _ => text.replace(' ', "-"),
    }
}

pub(crate) fn end_mark(how: u8) -> &'static str {
    match how {
        end::FINISHED => "✓",
        end::CANCELLED => "✗cancelled",
        end::PANICKED => "✗panicked",
        end::DESTROYED => "✗destroyed",
        _ => "",
    }
}

/// Threads and processes: from when to when they lived, and how much of it they blocked.
fn lives(out: &mut String, trace: &Trace) {
    for (number, track) in trace.tracks.iter().enumerate() {
        let mut records = trace.records.iter();
        let mine = |record: &&super::record::Record| usize::from(record.track) == number;
        if track.kind == TrackKind::Loop || !records.any(|record| mine(&record)) {
            continue;
        }
        // The main thread is there before all else; of another one that does not tell when it begins that is seen which it does first.
        let mut begin = (track.name == "main").then_some(0);
        let (mut end, mut blocked, mut since, mut depth, mut work) = (None, 0, 0, 0, 0);
        for record in trace.records.iter().filter(mine) {
            begin.get_or_insert(record.t);
            match record.kind {
                Kind::ThreadEnd | Kind::ProcEnd => end = Some(record.t),
                Kind::ChunkBegin | Kind::OffloadRun => work += 1,
                Kind::BlockBegin => {
                    if depth == 0 {
                        since = record.t;
                    }
                    depth += 1;
                }
                Kind::BlockEnd => {
                    depth -= 1;
                    if depth == 0 {
                        blocked += record.t - since;
                    }
                }
                _ => {}
            }
        }
        if depth > 0 {
            blocked += trace.end() - since;
        }
        let begin = begin.unwrap_or(0);
        let life = match end {
            Some(end) => format!("{:.6} to {:.6}", begin as f64 / 1e9, end as f64 / 1e9),
            None => format!("{:.6} to the end", begin as f64 / 1e9),
        };
        let mut did = Vec::new();
        if blocked > 0 {
            did.push(format!("blocked {}", Time(blocked)));
        }
        if work > 0 {
            did.push(format!("{work} jobs"));
        }
        let did = did.join("  ");
        let (kind, name) = (track.kind.name(), shown(&track.name));
        let line = format!("{kind:<8}{name:<16}{life:<26}{did}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

/// The last lines: what took too long, and the sums.
pub(crate) fn figures(out: &mut String, trace: &Trace, colours: Colours) {
    let summary = Summary::of(trace);
    let share = |part: u64| 100.0 * part as f64 / summary.total.max(1) as f64;
    out.push('\n');
    for slow in summary.slow.iter().take(MOST) {
        let who = match slow.task {
            0 => "a callback".to_owned(),
            task => word(&trace.task_name(task)),
        };
        let place = match trace.place(slow.place) {
            place if place.is_empty() => place,
            place => format!(" at {}", on_one_line(&place)),
        };
        let took = Time(slow.took);
        let line = match slow.open {
            true => format!("!! {who} still runs, and has blocked the loop for {took}{place}"),
            false => format!("!! {who} blocked the loop for {took}{place}"),
        };
        let _ = writeln!(out, "{}", colours.alarm(&line));
        let mut harm = Vec::new();
        if !slow.victims.is_empty() {
            let names = slow
                .victims
                .iter()
                .map(|task| word(&trace.task_name(*task)));
            harm.push(format!("{} stood ready", list(names.collect()).join(" ")));
        }
        if let [(timer, late), others @ ..] = &slow.late[..] {
            let more = match others.len() {
                0 => String::new(),
                more => format!(", and {more} more timers"),
            };
            harm.push(format!(
                "timer#{timer} was due {} before its end{more}",
                Time(*late)
            ));
        }
        if !slow.descriptors.is_empty() {
            let was = if slow.descriptors.len() == 1 {
                "was"
            } else {
                "were"
            };
            let all = slow.descriptors.iter().map(|fd| format!("fd{fd}"));
            let all = list(all.collect()).join(" ");
            harm.push(format!("{all} {was} ready when the loop asked next"));
        }
        if !harm.is_empty() {
            let _ = writeln!(out, "   meanwhile {}", harm.join("; "));
        }
    }
    if summary.slow.is_empty() && summary.turns > 0 {
        let _ = writeln!(out, "no step took {} or longer", Time(trace.slow));
    }
    if summary.slow.len() > MOST {
        let _ = writeln!(out, "!! and {} more", summary.slow.len() - MOST);
    }
    if summary.turns > 0 {
        let _ = writeln!(
            out,
            "{} turns  {} steps  {} suspensions  {} wakes ({} duplicate)  busy {:.1} % of {}",
            summary.turns,
            summary.steps,
            summary.suspensions,
            summary.wakes,
            summary.duplicates,
            share(summary.busy),
            Time(summary.total),
        );
    }
    let _ = writeln!(
        out,
        "recording cost {} ({:.2} %), by estimate, for {} events",
        Time(summary.cost),
        share(summary.cost),
        trace.records.len(),
    );
}
