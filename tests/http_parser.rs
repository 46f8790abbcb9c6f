//! The response parser against streams that other projects wrote: `http/replay.tsv` of the reference material, where that
//! is beside the checkout, and always a few of our own.

mod replay_table;
#[path = "replay_table/sockets.rs"]
mod sockets;

use glassloop::http::parser::{Eof, Event, Limits, ParseError, ResponseParser};
use replay_table::{Case, DELIVERIES, kind};

struct Seen {
    /// The status, or the kind of error.
    verdict: String,
    body: Vec<u8>,
    reusable: bool,
}

/// Hands in the pieces one after another, and then the end of the stream.
fn parse(method: &str, pieces: &[&[u8]]) -> Seen {
    let mut parser = ResponseParser::new(&method.parse().unwrap(), Limits::default());
    let (mut status, mut body, mut buffer) = (None, Vec::new(), Vec::new());
    let failed = |error: ParseError, body| Seen {
        verdict: kind(&error).to_owned(),
        body,
        reusable: false,
    };
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let (used, event) = match parser.feed(&buffer) {
                Ok(fed) => fed,
                Err(error) => return failed(error, body),
            };
            let mut ended = None;
            let more = match event {
                Event::NeedMore => false,
                Event::Head(head) => {
                    status = Some(head.status);
                    true
                }
                Event::Data(data) => {
                    body.extend_from_slice(data);
                    true
                }
                Event::End(end) => {
                    ended = Some(end.reusable);
                    false
                }
            };
            buffer.drain(..used);
            if let Some(reusable) = ended {
                return Seen {
                    verdict: status.unwrap().as_str().to_owned(),
                    body,
                    reusable: reusable && buffer.is_empty(),
                };
            }
            if !more {
                break;
            }
        }
    }
    match parser.eof(&buffer) {
        Ok(Eof::End(end)) => Seen {
            verdict: status.unwrap().as_str().to_owned(),
            body,
            reusable: end.reusable,
        },
        Ok(Eof::Nothing) => Seen {
            verdict: "incomplete-head".to_owned(),
            body,
            reusable: false,
        },
        Err(error) => failed(error, body),
    }
}

#[test]
fn other_projects_responses_are_judged_as_the_policy_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/http/replay.tsv");
    let Ok(table) = std::fs::read_to_string(path) else {
        println!("note: no replay.tsv beside the checkout, nothing to replay");
        return;
    };
    let cases = replay_table::read(&table).unwrap();
    assert_eq!(cases.len(), 205);
    let mut failures = Vec::new();
    for case in &cases {
        for delivery in DELIVERIES {
            let seen = parse(&case.method, &case.pieces(delivery));
            let mut complaint = case.complaint(&seen.verdict, &seen.body);
            // In pieces the rest comes after the end, which only the connection can see.
            if case.ok && delivery == "whole" && seen.reusable != case.reuse {
                complaint = Some(format!("reuse {}", seen.reusable));
            }
            if let Some(complaint) = complaint {
                let (id, name) = (&case.id, &case.name);
                failures.push(format!("{id} {name} ({delivery}): {complaint}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn over_sockets_the_same_responses_are_judged_the_same_and_reused_as_the_policy_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/http/replay.tsv");
    let Ok(table) = std::fs::read_to_string(path) else {
        println!("note: no replay.tsv beside the checkout, nothing to replay");
        return;
    };
    let cases = replay_table::read(&table).unwrap();
    let (passed, failed) = sockets::replay(cases).unwrap();
    assert_eq!(failed, [""; 0]);
    assert_eq!(passed, 4 * 205);
}

#[test]
fn our_own_cases() {
    for (method, input, verdict, body, reusable) in [
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "200",
            "ok",
            true,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
            "200",
            "ok",
            true,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            "200",
            "ok",
            false,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            "bad-framing",
            "",
            false,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
            "bad-framing",
            "",
            false,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            "bad-framing",
            "",
            false,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "unsupported-te",
            "",
            false,
        ),
        (
            "GET",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
            "204",
            "",
            true,
        ),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            "200",
            "",
            true,
        ),
        (
            "GET",
            "HTTP/1.0 200 OK\r\n\r\nto the end",
            "200",
            "to the end",
            false,
        ),
        (
            "GET",
            "HTTP/2.0 200 OK\r\n\r\n",
            "bad-status-line",
            "",
            false,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
            "bad-header",
            "",
            false,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
            "incomplete-body",
            "ab",
            false,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokX\r\n",
            "bad-chunk",
            "ok",
            false,
        ),
    ] {
        let bytes: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
        for pieces in [vec![input.as_bytes()], bytes] {
            let seen = parse(method, &pieces);
            assert_eq!(seen.verdict, verdict, "{input:?}");
            assert_eq!(seen.body, body.as_bytes(), "{input:?}");
            assert_eq!(seen.reusable, reusable, "{input:?}");
        }
    }
}
