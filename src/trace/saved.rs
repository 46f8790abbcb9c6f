//! Reads a compact trace back: what `evt_json` wrote is the same trace again, with the texts of its source files as they were.

use std::collections::{BTreeMap, BTreeSet};

use super::kind::Kind;
use super::names::{Track, TrackKind};
use super::record::Record;
use super::scan::Scan;
use super::trace::{SLOW, Trace};

type Result<T> = std::result::Result<T, String>;

/// An error says what is wrong with the text.
pub(super) fn parse(text: &str) -> Result<Vec<Trace>> {
    let other = match text.trim_start() {
        "" => "it is empty",
        page if page.starts_with("<!doctype html>") => "it is a page, .html",
        picture if picture.starts_with("<svg") => "it is a picture, .svg",
        json if json.starts_with('{') => "",
        _ => "it is no JSON",
    };
    if !other.is_empty() {
        return Err(other.to_owned());
    }
    let mut scan = Scan::of(text);
    let (mut several, mut only) = (None, Draft::default());
    scan.object(|scan, key| match key {
        "traces" => {
            let traces = several.insert(Vec::new());
            scan.array(|scan| {
                let mut draft = Draft::default();
                scan.object(|scan, key| draft.member(scan, key))?;
                traces.push(draft.finish()?);
                Ok(())
            })
        }
        "traceEvents" => Err("it is the form for Perfetto and Chrome, .json".to_owned()),
        key => only.member(scan, key),
    })?;
    scan.end()?;
    match several {
        Some(traces) if traces.is_empty() => Err("there is no trace in it".to_owned()),
        Some(traces) => Ok(traces),
        None => Ok(vec![only.finish()?]),
    }
}

/// The members that were read so far, in whichever order they stand.
#[derive(Default)]
struct Draft {
    seen: BTreeSet<String>,
    slow: Option<u64>,
    trace: Trace,
    /// The numbers of each event. What its kind is is known when all members are.
    events: Vec<[u64; STRIDE]>,
    kinds: Vec<Option<Kind>>,
}

const STRIDE: usize = 7;
/// What each number of an event may be at most.
const MOST: [u64; STRIDE] = [
    u64::MAX,
    u8::MAX as u64,
    u8::MAX as u64,
    u16::MAX as u64,
    u32::MAX as u64,
    u32::MAX as u64,
    u32::MAX as u64,
];

impl Draft {
    fn member(&mut self, scan: &mut Scan<'_>, key: &str) -> Result<()> {
        let trace = &mut self.trace;
        match key {
            "evt" => match scan.number()? {
                1 => {}
                other => {
                    return Err(format!(
                        "it is of version {other}, and this reads version 1"
                    ));
                }
            },
            "stride" => match scan.number()? {
                7 => {}
                other => return Err(format!("its events have {other} numbers, not 7")),
            },
            "title" => trace.title = scan.string()?,
            "command" => trace.command = scan.string()?,
            "pid" => trace.pid = narrow(scan)?,
            "slow" => self.slow = Some(scan.number()?),
            "dropped" => trace.dropped = scan.number()?,
            "cost_ns" => trace.cost = scan.number()?,
            "kinds" => scan.array(|scan| {
                self.kinds.push(Kind::from_name(&scan.string()?));
                Ok(())
            })?,
            "str" => scan.array(|scan| {
                trace.strings.push(scan.string()?);
                Ok(())
            })?,
            "loc" => scan.array(|scan| {
                trace.places.push(place(scan)?);
                Ok(())
            })?,
            "src" => {
                let sources = trace.sources.insert(BTreeMap::new());
                scan.object(|scan, file| {
                    sources.insert(file.to_owned(), scan.string()?);
                    Ok(())
                })?;
            }
            "tracks" => scan.array(|scan| {
                trace.tracks.push(track(scan)?);
                Ok(())
            })?,
            "ev" => self.events = events(scan)?,
            _ => scan.skip()?,
        }
        self.seen.insert(key.to_owned());
        Ok(())
    }

    fn finish(self) -> Result<Trace> {
        if !self.seen.contains("evt") {
            return Err("it has no \"evt\":1".to_owned());
        }
        let mut lists = ["kinds", "str", "loc", "tracks", "ev"].iter();
        if let Some(name) = lists.find(|name| !self.seen.contains(**name)) {
            return Err(format!("it has no list {name:?}"));
        }
        let mut t: u64 = 0;
        let record = |(i, numbers): (usize, [u64; STRIDE])| {
            let [since, kind, flags, track, a, b, c] = numbers;
            let kind = self.kinds.get(kind as usize).copied().flatten();
            let kind = kind.ok_or_else(|| format!("event {i} is of an unknown kind"))?;
            let too_late = || format!("event {i} is later than any time");
            t = t.checked_add(since).ok_or_else(too_late)?;
            // What they may be at most was looked at when they were read.
            let [a, b, c] = [a, b, c].map(|number| number as u32);
            Ok(Record {
                t,
                kind,
                flags: flags as u8,
                track: track as u16,
                a,
                b,
                c,
            })
        };
        let records: Result<_> = self.events.into_iter().enumerate().map(record).collect();
        Ok(Trace {
            records: records?,
            slow: self.slow.unwrap_or(SLOW),
            ..self.trace
        })
    }
}

fn events(scan: &mut Scan<'_>) -> Result<Vec<[u64; STRIDE]>> {
    let (mut events, mut event, mut at) = (Vec::new(), [0; STRIDE], 0);
    scan.array(|scan| {
        let number = scan.number()?;
        if number > MOST[at] {
            let most = MOST[at];
            return Err(format!(
                "event {} has {number} where {most} is the most",
                events.len()
            ));
        }
        event[at] = number;
        at = (at + 1) % STRIDE;
        if at == 0 {
            events.push(event);
        }
        Ok(())
    })?;
    match at {
        0 => Ok(events),
        _ => Err(format!("its last event has {at} numbers, not 7")),
    }
}

/// A number of 32 bits.
fn narrow(scan: &mut Scan<'_>) -> Result<u32> {
    let number = scan.number()?;
    u32::try_from(number).map_err(|_| format!("{number} is more than 32 bits hold"))
}

/// `["examples/gather.rs",14,10]`
fn place(scan: &mut Scan<'_>) -> Result<(String, u32, u32)> {
    let (mut place, mut at) = ((String::new(), 0, 0), 0);
    scan.array(|scan| {
        at += 1;
        match at {
            1 => place.0 = scan.string()?,
            2 => place.1 = narrow(scan)?,
            3 => place.2 = narrow(scan)?,
            _ => return Err(scan.expected("the end of a place")),
        }
        Ok(())
    })?;
    Ok(place)
}

fn track(scan: &mut Scan<'_>) -> Result<Track> {
    let (mut name, mut kind) = (String::new(), None);
    scan.object(|scan, key| {
        match key {
            "name" => name = scan.string()?,
            "type" => {
                let given = scan.string()?;
                let kinds = [TrackKind::Loop, TrackKind::Thread, TrackKind::Process];
                kind = kinds.into_iter().find(|kind| kind.name() == given);
            }
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    match kind {
        Some(kind) => Ok(Track { name, kind }),
        None => Err(format!("the track {name:?} is of no known type")),
    }
}
