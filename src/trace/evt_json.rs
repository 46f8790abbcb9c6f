//! The compact trace, `.evt.json`: the form from which all others can be made, and which the player reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use super::json::Quoted;
use super::kind::Kind;
use super::player::page;
use super::trace::Trace;

/// The trace as one JSON document.
pub fn evt_json(trace: &Trace) -> String {
    let mut out = String::with_capacity(trace.records.len() * 24 + 4096);
    // Writing to a string cannot fail.
    let _ = write_trace(&mut out, trace);
    out
}

fn write_trace(out: &mut String, trace: &Trace) -> std::fmt::Result {
    let (title, command) = (Quoted(&trace.title), Quoted(&trace.command));
    write!(
        out,
        r#"{{"evt":1,"unit":"ns","title":{title},"command":{command},"loop":"mio","virtual":{},"pid":{},"slow":{},"#,
        trace.is_virtual(),
        trace.pid,
        trace.slow,
    )?;
    write_list(out, "kinds", Kind::ALL, |out, kind| {
        write!(out, "{}", Quoted(kind.name()))
    })?;
    write_list(out, "str", &trace.strings, |out, text| {
        write!(out, "{}", Quoted(text))
    })?;
    write_list(out, "loc", &trace.places, |out, (file, line, column)| {
        write!(out, "[{},{line},{column}]", Quoted(file))
    })?;
    write_sources(out, trace)?;
    write_list(out, "tracks", &trace.tracks, |out, track| {
        let (name, kind) = (Quoted(&track.name), track.kind.name());
        write!(out, r#"{{"name":{name},"type":"{kind}"}}"#)
    })?;
    let mut last = 0;
    out.push_str(r#""stride":7,"#);
    write_list(out, "ev", &trace.records, |out, record| {
        let since = record.t.saturating_sub(last);
        last = record.t;
        let (kind, flags, track) = (record.kind as u8, record.flags, record.track);
        let (a, b, c) = (record.a, record.b, record.c);
        write!(out, "{since},{kind},{flags},{track},{a},{b},{c}")
    })?;
    write!(
        out,
        r#""dropped":{},"cost_ns":{}}}"#,
        trace.dropped, trace.cost
    )
}

/// `"name":[item,item],`
fn write_list<T>(
    out: &mut String,
    name: &str,
    items: &[T],
    mut write_item: impl FnMut(&mut String, &T) -> std::fmt::Result,
) -> std::fmt::Result {
    write!(out, "\"{name}\":[")?;
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_item(out, item)?;
    }
    out.push_str("],");
    Ok(())
}

fn write_sources(out: &mut String, trace: &Trace) -> std::fmt::Result {
    let sources = match &trace.sources {
        Some(sources) => sources,
        None => &sources_here(trace),
    };
    out.push_str(r#""src":{"#);
    for (i, (file, text)) in sources.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        write!(out, "{comma}{}:{}", Quoted(file), Quoted(text))?;
    }
    out.push_str("},");
    Ok(())
}

/// The texts of the files that the trace names, where they can be read from here.
fn sources_here(trace: &Trace) -> BTreeMap<String, String> {
    let files = trace.places.iter().map(|place| place.0.as_str());
    let files: BTreeSet<&str> = files.collect();
    let here = files
        .into_iter()
        .filter(|file| !file.is_empty() && !Path::new(file).is_absolute());
    here.filter_map(|file| Some((file.to_owned(), std::fs::read_to_string(file).ok()?)))
        .collect()
}

/// Several traces in one document.
pub fn evt_json_of_all(traces: &[Trace]) -> String {
    let traces: Vec<String> = traces.iter().map(evt_json).collect();
    format!(r#"{{"player":1,"traces":[{}]}}"#, traces.join(","))
}

/// The player with the traces in it: one page, which needs nothing else. It holds the texts of the source files that the traces
/// name, where they have them, or they can be read from the present folder.
///
/// ```
/// use std::{rc::Rc, time::Duration};
/// use glassloop::{EventLoop, sleep, trace};
///
/// let recorder = Rc::new(trace::Recorder::new("nap"));
/// let event_loop = EventLoop::builder().virtual_time().observer(recorder.clone()).build()?;
/// event_loop.run_until_complete(sleep(Duration::from_millis(1)))?;
/// event_loop.close()?;
/// let page = trace::html(&[recorder.trace()]); // to be written to a file, and opened in a browser
/// assert!(page.starts_with("<!doctype html>"));
/// # Ok::<(), glassloop::LoopError>(())
/// ```
pub fn html(traces: &[Trace]) -> String {
    page(&evt_json_of_all(traces))
}
