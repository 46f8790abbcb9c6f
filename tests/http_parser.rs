//! The response parser against streams that other projects wrote: `http/replay.tsv` of the reference material, where that
//! is beside the checkout, and always a few of our own.

use glassloop::http::parser::{Eof, Event, Limits, ParseError, ResponseParser};

struct Seen {
    /// The status, or the kind of error.
    verdict: String,
    body: Vec<u8>,
    reusable: bool,
}

fn kind(error: &ParseError) -> String {
    let name = match error {
        ParseError::BadStatusLine(_) => "bad-status-line",
        ParseError::BadHeader(_) => "bad-header",
        ParseError::HeadTooLarge(_) => "too-large",
        ParseError::IncompleteHead(_) => "incomplete-head",
        ParseError::BadFraming(_) => "bad-framing",
        ParseError::BadChunk(_) => "bad-chunk",
        ParseError::UnsupportedTransferEncoding(_) => "unsupported-te",
        ParseError::IncompleteBody { .. } => "incomplete-body",
        ParseError::UnexpectedUpgrade(_) => "unexpected-upgrade",
    };
    name.to_owned()
}

/// Hands in the pieces one after another, and then the end of the stream.
fn parse(method: &str, pieces: &[&[u8]]) -> Seen {
    let mut parser = ResponseParser::new(&method.parse().unwrap(), Limits::default());
    let (mut status, mut body, mut buffer) = (None, Vec::new(), Vec::new());
    let failed = |error: ParseError, body| Seen {
        verdict: kind(&error),
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

fn fnv1a64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf29ce484222325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100000001b3)
    })
}

fn base64(text: &str) -> Vec<u8> {
    let value = |c| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let (mut bits, mut count, mut out) = (0u32, 0, Vec::new());
    for c in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | u32::from(value(c));
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

/// Where the table names another kind of error than the rule that forbids the bytes, the rule holds.
const RULE_OVER_TABLE: [(&str, &str); 3] = [
    // The stream ends inside the head: R13.
    ("5f3c3735b013", "incomplete-head"),
    // A bare CR after the chunk size: R33.
    ("f04856f44ad4", "bad-chunk"),
    // White space before the first header: R8.
    ("25585d53d1cd", "bad-header"),
];

#[test]
fn other_projects_responses_are_judged_as_the_policy_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/http/replay.tsv");
    let Ok(table) = std::fs::read_to_string(path) else {
        println!("note: no replay.tsv beside the checkout, nothing to replay");
        return;
    };
    let mut failures = Vec::new();
    let mut cases = 0;
    for line in table.lines() {
        let column: Vec<&str> = line.split('\t').collect();
        let [
            id,
            _,
            method,
            outcome,
            verdict,
            length,
            hash,
            reuse,
            _,
            name,
            input,
        ] = column[..]
        else {
            continue;
        };
        if !matches!(outcome, "ok" | "err") {
            continue;
        }
        cases += 1;
        let by_rule = RULE_OVER_TABLE.iter().find(|(of, _)| *of == id);
        let verdict = by_rule.map_or(verdict, |(_, verdict)| verdict);
        let input = base64(input);
        let head = input
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .map_or(0, |i| i + 4);
        let deliveries: [(&str, Vec<&[u8]>); 4] = [
            ("whole", vec![&input]),
            ("bytes", input.chunks(1).collect()),
            ("sevens", input.chunks(7).collect()),
            ("head and body", vec![&input[..head], &input[head..]]),
        ];
        for (delivery, pieces) in deliveries {
            let seen = parse(method, &pieces);
            let mut wrong = seen.verdict != verdict;
            if outcome == "ok" {
                wrong |= seen.body.len().to_string() != length;
                wrong |= format!("{:016x}", fnv1a64(&seen.body)) != hash.trim_start_matches("0x");
                // In pieces the rest comes after the end, which only the connection can see.
                wrong |= delivery == "whole" && seen.reusable != (reuse == "1");
            }
            if wrong {
                failures.push(format!(
                    "{id} {name} ({delivery}): {} {} bytes, wanted {verdict} {length}",
                    seen.verdict,
                    seen.body.len()
                ));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {cases}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert_eq!(cases, 205);
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
