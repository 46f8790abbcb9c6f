//! A saved trace read back: it is the same trace, what is no trace is one clear error, and no number in it is a panic.

mod trace_program;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use glassloop::trace::{self, Recorder, Trace};
use glassloop::{EventLoop, create_task, get_running_loop, sleep};
use trace_program::in_virtual_time;

/// What is said of a text that is no compact trace.
fn refused(text: &str) -> String {
    let error = trace::from_evt_json(text).unwrap_err().to_string();
    let error = error.strip_prefix("no compact trace: ");
    error.unwrap().to_owned()
}

#[test]
fn what_is_read_back_is_what_was_written() {
    let trace = in_virtual_time();
    let saved = trace::evt_json(&trace);
    let [read] = &trace::from_evt_json(&saved).unwrap()[..] else {
        panic!("one trace");
    };
    assert_eq!(read.title, trace.title);
    assert_eq!(read.command, trace.command);
    assert_eq!(read.records, trace.records);
    assert_eq!(read.strings, trace.strings);
    assert_eq!(read.places, trace.places);
    assert_eq!(read.tracks, trace.tracks);
    assert_eq!((read.slow, read.dropped), (trace.slow, trace.dropped));
    assert_eq!((read.cost, read.pid), (trace.cost, std::process::id()));
    let sources = read.sources.as_ref().unwrap();
    let program = include_str!("trace_program/mod.rs");
    assert_eq!(sources["tests/trace_program/mod.rs"], program);
    assert_eq!(trace::evt_json(read), saved);

    let both = trace::evt_json_of_all(&[trace.clone(), trace]);
    let read = trace::from_evt_json(&both).unwrap();
    assert_eq!(read.len(), 2);
    assert_eq!(trace::evt_json_of_all(&read), both);
}

#[test]
fn the_members_of_a_trace_may_stand_in_any_order() {
    let saved = trace::evt_json(&in_virtual_time());
    let document: serde_json::Value = serde_json::from_str(&saved).unwrap();
    let members = document.as_object().unwrap().iter().rev();
    let members = members.map(|(name, value)| format!("\"{name}\" :\n{value:#}"));
    let turned = format!(" {{ {} }}\n", members.collect::<Vec<_>>().join(" , "));
    let [read] = &trace::from_evt_json(&turned).unwrap()[..] else {
        panic!("one trace");
    };
    assert_eq!(trace::evt_json(read), saved);
}

#[test]
fn what_is_no_compact_trace_is_said_in_words() {
    let trace = in_virtual_time();
    let saved = trace::evt_json(&trace);
    let one = std::slice::from_ref(&trace);
    let empty = "it is empty";
    let cut = saved[..500].to_owned();
    for (text, expected) in [
        ("", empty),
        (" \n", empty),
        ("turn  ready\n", "it is no JSON"),
        ("[1,2]", "it is no JSON"),
        (&trace::text(&trace), "it is no JSON"),
        (&trace::html(one), "it is a page, .html"),
        (&trace::svg(one), "it is a picture, .svg"),
        (
            &trace::chrome(one),
            "it is the form for Perfetto and Chrome, .json",
        ),
        (&cut, "it breaks off after 500 bytes"),
        ("{}", "it has no \"evt\":1"),
        ("{\"name\":\"x\"}", "it has no \"evt\":1"),
        ("{\"evt\":1}", "it has no list \"kinds\""),
        (
            "{\"evt\":1,\"kinds\":[],\"ev\":[]}",
            "it has no list \"str\"",
        ),
        (
            &saved.replacen("\"evt\":1", "\"evt\":2", 1),
            "it is of version 2, and this reads version 1",
        ),
        (
            &saved.replacen("\"stride\":7", "\"stride\":8", 1),
            "its events have 8 numbers, not 7",
        ),
        ("{\"traces\":[]}", "there is no trace in it"),
        ("{\"evt\" 1}", "at byte 7 a colon is expected"),
        ("{\"evt\":1;}", "at byte 8 a comma is expected"),
        ("{\"evt\":-1}", "at byte 7 a whole number is expected"),
        ("{\"evt\":1.0}", "at byte 7 a whole number is expected"),
        ("{\"evt\":1} x", "at byte 10 the end is expected"),
        ("{\"kinds\":[7]}", "at byte 10 a text is expected"),
        ("{\"kinds\":7}", "at byte 9 a list is expected"),
        (
            "{\"ev\":[0,0,256]}",
            "event 0 has 256 where 255 is the most",
        ),
        ("{\"ev\":[0,0,0]}", "its last event has 3 numbers, not 7"),
        (
            "{\"evt\":1,\"kinds\":[\"TURN\",\"NEW\"],\"str\":[],\"loc\":[],\"tracks\":[],\"ev\":[0,0,0,0,0,0,0,0,1,0,0,0,0,0]}",
            "event 1 is of an unknown kind",
        ),
        (
            "{\"evt\":1,\"kinds\":[\"TURN\"],\"str\":[],\"loc\":[],\"tracks\":[],\"ev\":[18446744073709551615,0,0,0,0,0,0,1,0,0,0,0,0,0]}",
            "event 1 is later than any time",
        ),
        (
            "{\"tracks\":[{\"name\":\"a\",\"type\":\"b\"}]}",
            "the track \"a\" is of no known type",
        ),
        (
            "{\"loc\":[[\"a.rs\",4294967296,1]]}",
            "4294967296 is more than 32 bits hold",
        ),
    ] {
        assert_eq!(refused(text), expected, "{:.60}", text);
    }
}

#[test]
fn a_trace_that_breaks_off_anywhere_is_an_error() {
    let mut trace = in_virtual_time();
    trace.sources = Some(BTreeMap::from([("a.rs".to_owned(), "é\n".to_owned())]));
    let saved = trace::evt_json(&trace);
    let cuts = (1..saved.len()).filter(|at| saved.is_char_boundary(*at));
    for at in cuts {
        let expected = format!("it breaks off after {at} bytes");
        assert_eq!(refused(&saved[..at]), expected);
    }
}

#[test]
fn a_file_that_cannot_be_read_or_written_is_named() {
    let folder = std::env::temp_dir().join(format!("glassloop-saved-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let load = |name: &str| trace::load(folder.join(name)).unwrap_err().to_string();
    let gone = "No such file or directory (os error 2)";
    assert_eq!(load("gone"), format!("{}: {gone}", file("gone")));
    std::fs::write(folder.join("bytes"), [0xff]).unwrap();
    let expected = format!("{} is no compact trace: it is no text", file("bytes"));
    assert_eq!(load("bytes"), expected);

    let save = |name: &str| trace::save(folder.join(name), &[]).unwrap_err().to_string();
    let endings = ".html, .evt.json, .json, .order.txt, .txt, .svg";
    let expected = format!("{}: the ending must be one of {endings}", file("run.foo"));
    assert_eq!(save("run.foo"), expected);
    let expected = format!("{} cannot be written: {gone}", file("no/run.svg"));
    assert_eq!(save("no/run.svg"), expected);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A trace with threads, jobs, processes, blocking code, callbacks: all that the forms draw.
fn of_everything() -> Trace {
    let recorder = Rc::new(Recorder::new("everything"));
    let builder = EventLoop::builder().virtual_time();
    let event_loop = builder.observer(recorder.clone()).build().unwrap();
    let main = async {
        let event_loop = get_running_loop().unwrap();
        event_loop
            .call_soon(|| trace::blocking("read", || ()))
            .unwrap();
        let late = Duration::from_millis(7);
        event_loop.call_later(late, || ()).unwrap();
        let sleeper = create_task(sleep(Duration::from_secs(2)));
        glassloop::to_thread(|| ()).await.unwrap();
        event_loop.advance(Duration::from_millis(150));
        sleeper.await.unwrap();
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    recorder.trace()
}

#[test]
fn no_number_in_a_trace_makes_a_form_panic() {
    let mut seed = 11_u64;
    let mut next = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % n
    };
    for mut good in [in_virtual_time(), of_everything()] {
        good.sources = Some(BTreeMap::new());
        for _ in 0..2_000 {
            let mut trace = good.clone();
            for _ in 0..1 + next(4) {
                let at = next(trace.records.len());
                let record = &mut trace.records[at];
                let number = [0, 1, 2, 3, 77, u32::MAX][next(6)];
                match next(7) {
                    0 => record.a = number,
                    1 => record.b = number,
                    2 => record.c = number,
                    3 => record.flags = number as u8,
                    4 => record.track = number as u16,
                    5 => record.kind = trace::Kind::ALL[next(trace::Kind::ALL.len())],
                    _ => drop(trace.records.remove(at)),
                }
            }
            // As it comes out of a file: times in order, numbers as wide as they are.
            let [trace] = &trace::from_evt_json(&trace::evt_json(&trace)).unwrap()[..] else {
                panic!("one trace");
            };
            let made = [
                trace::text(trace),
                trace::order(trace),
                trace::svg(std::slice::from_ref(trace)),
                trace::chrome(std::slice::from_ref(trace)),
            ];
            assert!(made.iter().all(|form| form.len() < 1_000_000));
            trace::check(trace);
        }
    }
}
