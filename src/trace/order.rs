//! The logical form, `.order.txt`: a line for each step in the order in which they ran, without times and without numbers that
//! depend on the system. The same program gives the same text, so it can be compared with what is expected.

use std::fmt::Write;

use crate::text::on_one_line;

use super::kind::{Kind, cause, end, wait};
use super::names::TrackKind;
use super::state::Waiting;
use super::text::end_mark;
use super::trace::Trace;
use super::turns::{Ran, What, Who, turns};
use super::words::{items, short, shown, waits_for};

/// The steps of a trace in their order, without times.
///
/// ```
/// use std::{rc::Rc, time::Duration};
/// use glassloop::{EventLoop, sleep, trace};
///
/// let recorder = Rc::new(trace::Recorder::new("nap"));
/// let event_loop = EventLoop::builder().virtual_time().observer(recorder.clone()).build()?;
/// event_loop.run_until_complete(sleep(Duration::from_millis(1)))?;
/// event_loop.close()?;
/// let order = trace::order(&recorder.trace());
/// let steps: Vec<&str> = order.lines().filter(|line| line.starts_with("T1 ")).collect();
/// assert_eq!(steps[1], "T1 Sleep (by a timer) ✓");
/// # Ok::<(), glassloop::LoopError>(())
/// ```
pub fn order(trace: &Trace) -> String {
    let mut out = String::new();
    for turn in turns(&trace.records) {
        for ran in &turn.ran {
            line(&mut out, trace, ran);
        }
    }
    threads(&mut out, trace);
    out
}

fn line(out: &mut String, trace: &Trace, ran: &Ran) {
    let names = |tasks: &[Who]| {
        let names: Vec<String> = tasks
            .iter()
            .map(|who| short(*who, &trace.strings))
            .collect();
        names.join(" ")
    };
    let mut text = match ran.what {
        What::Step(who, how, waiting) => {
            let ended = match (how, waiting) {
                _ if ran.open => "still runs".to_owned(),
                (end::PENDING, Some(waiting)) => {
                    format!("waits for {}", waiting_text(trace, waiting))
                }
                (end::PENDING, None) => "waits".to_owned(),
                (how, _) => end_mark(how).to_owned(),
            };
            let name = short(who, &trace.strings);
            let coroutine = on_one_line(trace.string(who.coroutine));
            let because = because(ran.cause);
            format!("{name} {coroutine} (by {because}) {ended}")
        }
        What::Callback { panicked, place } => {
            let at = match own_place(trace, place) {
                place if place.is_empty() => place,
                place => format!(" of {place}"),
            };
            let ended = match panicked {
                _ if ran.open => " still runs",
                true => " panicked",
                false => "",
            };
            format!("callback{at}{ended}")
        }
        // When a timer is due is up to the clock; whom it wakes is told at that task's step.
        What::Timer(_) => return,
    };
    if !ran.spawns.is_empty() {
        let _ = write!(text, ", makes {}", names(&ran.spawns));
    }
    let places = ran.fulfils.iter().map(|place| own_place(trace, *place));
    for place in places.filter(|place| !place.is_empty()) {
        let _ = write!(text, ", fulfils a promise at {place}");
    }
    if !ran.wakes.is_empty() {
        let _ = write!(text, ", wakes {}", names(&ran.wakes));
    }
    for (who, done, all) in &ran.counts {
        let _ = write!(
            text,
            ", {} has {done} of {all}",
            short(*who, &trace.strings)
        );
    }
    let _ = writeln!(out, "{text}");
}

/// The steps in words that two runs can have in common: who, and how it ended or what it waits for, without places and causes: what
/// is compared of two runs, as in the player.
///
/// ```
/// use std::{rc::Rc, time::Duration};
/// use glassloop::{EventLoop, sleep, trace};
///
/// let recorder = Rc::new(trace::Recorder::new("nap"));
/// let event_loop = EventLoop::builder().virtual_time().observer(recorder.clone()).build()?;
/// event_loop.run_until_complete(sleep(Duration::from_millis(1)))?;
/// event_loop.close()?;
/// // The callback is that of `run_until_complete`.
/// assert_eq!(trace::steps(&recorder.trace()), ["T1 ~ sleep", "T1 ✓", "callback"]);
/// # Ok::<(), glassloop::LoopError>(())
/// ```
pub fn steps(trace: &Trace) -> Vec<String> {
    let turns = turns(&trace.records);
    let ran = turns.iter().flat_map(|turn| &turn.ran);
    ran.filter_map(|ran| step(trace, ran)).collect()
}

fn step(trace: &Trace, ran: &Ran) -> Option<String> {
    let still = if ran.open { " still runs" } else { "" };
    Some(match ran.what {
        What::Step(who, how, waiting) => {
            let ended = match (how, waiting) {
                _ if ran.open => still.to_owned(),
                (end::PENDING, Some(waiting)) if waiting.what == wait::YIELD => {
                    " yields".to_owned()
                }
                (end::PENDING, Some(waiting)) => format!(" ~ {}", object(trace, waiting)),
                (end::PENDING, None) => " ~ something".to_owned(),
                (how, _) => format!(" {}", end_mark(how)),
            };
            format!("{}{ended}", short(who, &trace.strings))
        }
        What::Callback { .. } => format!("callback{still}"),
        What::Timer(_) => return None,
    })
}

fn because((cause, by): (u8, u32)) -> String {
    match cause {
        cause::TASK => format!("T{by}"),
        cause::CALLBACK => "a callback".to_owned(),
        cause::TIMER => "a timer".to_owned(),
        cause::IO => "I/O".to_owned(),
        cause::THREAD => "a thread".to_owned(),
        cause::CANCEL => "cancellation".to_owned(),
        cause::SPAWN => "its making".to_owned(),
        cause::YIELD => "itself".to_owned(),
        _ => "the outside".to_owned(),
    }
}

/// What a task waits for, without the numbers of the system.
fn object(trace: &Trace, waiting: Waiting) -> String {
    match waiting.what {
        wait::READABLE => "input".to_owned(),
        wait::WRITABLE => "room to write".to_owned(),
        _ => waits_for(waiting, &trace.strings),
    }
}

fn waiting_text(trace: &Trace, waiting: Waiting) -> String {
    let what = object(trace, waiting);
    match own_place(trace, waiting.place) {
        place if place.is_empty() => what,
        place => format!("{what} at {place}"),
    }
}

/// A place in the program itself: those in the library are nobody's business here.
fn own_place(trace: &Trace, place: u32) -> String {
    match trace.place(place) {
        place if place.starts_with("src/") => String::new(),
        place => on_one_line(&place),
    }
}

/// What each thread and process did, in its own order: theirs among each other is up to the system.
fn threads(out: &mut String, trace: &Trace) {
    let with_loop = trace
        .tracks
        .iter()
        .any(|track| track.kind == TrackKind::Loop);
    for (number, track) in trace.tracks.iter().enumerate() {
        if with_loop {
            break;
        }
        let own = trace
            .records
            .iter()
            .filter(|r| usize::from(r.track) == number);
        // A process goes by its number in the pool: that of the system is another one each time.
        let mut begun = own.clone().filter(|r| r.kind == Kind::ProcBegin);
        let named = begun.next().map(|r| format!("worker {}", r.b));
        let named = named.unwrap_or_else(|| shown(&track.name));
        let did = own.filter_map(|record| {
            let name = |track: u32| match trace.tracks.get(track as usize) {
                Some(track) => shown(&track.name),
                None => "?".to_owned(),
            };
            Some(match record.kind {
                Kind::ThreadBegin | Kind::ProcBegin => "begins".to_owned(),
                Kind::ThreadEnd | Kind::ProcEnd => "ends".to_owned(),
                Kind::BlockBegin => format!("blocks ({})", on_one_line(trace.string(record.b))),
                Kind::JoinBegin => format!("joins {}", name(record.a)),
                Kind::ChunkBegin => items(record.b, record.c),
                _ => return None,
            })
        });
        let did: Vec<String> = did.collect();
        if !did.is_empty() {
            let _ = writeln!(out, "{named}: {}", did.join(", "));
        }
    }
}
