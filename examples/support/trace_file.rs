//! Reads a compact trace (`.evt.json`) back, as the recorder wrote it.

use glassloop::trace::{Kind, Record, Trace, Track, TrackKind};
use serde_json::Value;

/// The traces in a file: one, or several of one program. An error says what is wrong with it.
pub fn read(path: &str) -> Result<Vec<Trace>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    parse(&text).map_err(|error| format!("{path} is no compact trace: {error}"))
}

/// The traces in the text of a file.
pub fn parse(text: &str) -> Result<Vec<Trace>, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match document["traces"].as_array() {
        Some(traces) => traces.iter().map(trace).collect(),
        None => Ok(vec![trace(&document)?]),
    }
}

fn trace(document: &Value) -> Result<Trace, String> {
    if document["evt"] != 1 || document["stride"] != 7 {
        return Err("it has not \"evt\":1 and \"stride\":7".to_owned());
    }
    let kinds = list(document, "kinds")?;
    let kinds: Vec<Option<Kind>> = kinds
        .iter()
        .map(|name| Kind::from_name(name.as_str()?))
        .collect();
    let strings = list(document, "str")?.iter().map(text).collect();
    let places = list(document, "loc")?.iter();
    let places = places.map(|place| (text(&place[0]), small(&place[1]), small(&place[2])));
    let tracks = list(document, "tracks")?.iter().map(track);
    Ok(Trace {
        title: text(&document["title"]),
        command: text(&document["command"]),
        strings,
        places: places.collect(),
        tracks: tracks.collect::<Result<_, _>>()?,
        records: records(list(document, "ev")?, &kinds)?,
        slow: document["slow"].as_u64().unwrap_or(100_000_000),
        dropped: document["dropped"].as_u64().unwrap_or(0),
        cost: document["cost_ns"].as_u64().unwrap_or(0),
    })
}

fn records(events: &[Value], kinds: &[Option<Kind>]) -> Result<Vec<Record>, String> {
    if events.len() % 7 != 0 {
        return Err(format!("ev has {} numbers, not seven each", events.len()));
    }
    let mut t = 0;
    let record = |(i, numbers): (usize, &[Value])| {
        let number = |j: usize| numbers[j].as_u64().filter(|n| j == 0 || *n <= 0xffff_ffff);
        let numbers: Option<Vec<u64>> = (0..7).map(number).collect();
        let numbers = numbers.ok_or_else(|| format!("event {i} is not seven numbers"))?;
        t += numbers[0];
        let kind = kinds.get(numbers[1] as usize).copied().flatten();
        let kind = kind.ok_or_else(|| format!("event {i} is of an unknown kind"))?;
        Ok(Record {
            t,
            kind,
            flags: numbers[2] as u8,
            track: numbers[3] as u16,
            a: numbers[4] as u32,
            b: numbers[5] as u32,
            c: numbers[6] as u32,
        })
    };
    events.chunks(7).enumerate().map(record).collect()
}

fn list<'a>(document: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    let list = document[name].as_array();
    list.ok_or_else(|| format!("it has no list {name:?}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn small(value: &Value) -> u32 {
    value.as_u64().unwrap_or(0) as u32
}

fn track(value: &Value) -> Result<Track, String> {
    let kinds = [TrackKind::Loop, TrackKind::Thread, TrackKind::Process];
    let kind = kinds.into_iter().find(|kind| value["type"] == kind.name());
    Ok(Track {
        name: text(&value["name"]),
        kind: kind.ok_or_else(|| format!("{} is no kind of track", value["type"]))?,
    })
}
