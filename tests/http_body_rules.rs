//! One small table per rule about what follows a response head: input bytes and the exact outcome, in every delivery.

mod parser_drive;

use glassloop::http::parser::{Eof, Event, Framing, Limits, ParseError, ResponseParser};
use http::Method;
use parser_drive::{all_fail, every_way, get, run};

#[test]
fn r17_r18_r19_upgrade_and_tunnel() {
    let switch =
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nbodyproto";
    all_fail("UnexpectedUpgrade", &[switch, b"HTTP/1.1 101 x\r\n\r\n"]);
    let tunnels: [(Method, &[u8], u16, &[u8]); 3] = [
        (Method::GET, switch, 101, b"bodyproto"),
        (
            Method::CONNECT,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n\x16\x03",
            200,
            b"\x16\x03",
        ),
        (
            Method::CONNECT,
            b"HTTP/1.0 299 OK\r\nContent-Length: x\r\n\r\n",
            299,
            b"",
        ),
    ];
    for (method, input, status, rest) in tunnels {
        let response = every_way(
            || ResponseParser::new(&method, Limits::default()).allow_upgrade(),
            input,
        )
        .unwrap();
        assert_eq!(
            (response.status, response.framing, response.reusable),
            (status, Framing::Tunnel, false)
        );
        assert_eq!(
            (response.body.as_slice(), response.rest.as_slice()),
            (&b""[..], rest)
        );
    }
    let refused = b"HTTP/1.1 407 x\r\nContent-Length: 2\r\n\r\nno";
    let refused = every_way(
        || ResponseParser::new(&Method::CONNECT, Limits::default()),
        refused,
    )
    .unwrap();
    assert_eq!(
        (refused.framing, refused.body.as_slice()),
        (Framing::Length(2), &b"no"[..])
    );
}

#[test]
fn r20_to_r26_framing_reaches_the_parser() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nHello World";
    let response = every_way(
        || ResponseParser::new(&Method::HEAD, Limits::default()),
        head,
    )
    .unwrap();
    assert_eq!(
        (
            response.framing,
            response.reusable,
            response.rest.as_slice()
        ),
        (Framing::Empty, true, &b"Hello World"[..])
    );
    for status in [204, 304] {
        let input = format!("HTTP/1.1 {status} x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n");
        let response = get(input.as_bytes()).unwrap();
        assert_eq!(
            (response.body.as_slice(), response.rest.as_slice()),
            (&b""[..], &b"5\r\n"[..])
        );
    }
    let with = |fields: &str| format!("HTTP/1.1 200 x\r\n{fields}\r\n\r\nabc").into_bytes();
    all_fail(
        "BadFraming",
        &[
            &with("Content-Length: 3\r\nTransfer-Encoding: chunked"),
            &with("Content-Length: +3"),
            &with("Content-Length: 3, 4"),
        ],
    );
    all_fail(
        "BadFraming",
        &[
            b"HTTP/1.0 200 x\r\nTransfer-Encoding: chunked\r\n\r\n",
            &with("Content-Length: 9223372036854775808"),
        ],
    );
    all_fail(
        "UnsupportedTransferEncoding",
        &[&with("Transfer-Encoding: gzip, chunked")],
    );
    all_fail("BadHeader", &[&with("Transfer-Encoding: \x0bchunked")]);
    assert_eq!(
        get(&with("Content-Length: 3,3\r\nContent-Length: 03"))
            .unwrap()
            .body,
        b"abc"
    );
}

#[test]
fn r26_a_huge_length_allocates_nothing_and_r27_bytes_come_before_the_error() {
    assert_eq!(
        get(b"HTTP/1.1 200 x\r\nContent-Length: 9223372036854775807\r\n\r\nabc"),
        Err(("IncompleteBody", b"abc".to_vec()))
    );
    assert_eq!(
        get(b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nd"),
        Err(("IncompleteBody", b"abcd".to_vec()))
    );
    assert_eq!(
        get(b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n-1\r\n"),
        Err(("BadChunk", b"abc".to_vec()))
    );
    let (error, _) = run(
        ResponseParser::new(&Method::GET, Limits::default()),
        b"HTTP/1.1 200 x\r\nContent-Length: 10\r\n\r\nabc",
        &[],
    )
    .unwrap_err();
    assert_eq!(
        error,
        ParseError::IncompleteBody {
            got: 3,
            want: Some(10)
        }
    );
}

#[test]
fn r28_r29_a_body_that_only_the_end_of_the_stream_delimits() {
    let input = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    let response = get(input).unwrap();
    assert_eq!(
        (response.body.as_slice(), response.reusable),
        (&b"HTTP/1.1 200 OK\r\n\r\n"[..], false)
    );
    let mut parser = ResponseParser::new(&Method::GET, Limits::default());
    let (head, _) = parser.feed(input).unwrap();
    assert!(matches!(
        parser.feed(&input[head..]),
        Ok((19, Event::Data(_)))
    ));
    assert_eq!(
        parser.broken(b""),
        Err(ParseError::IncompleteBody {
            got: 19,
            want: None
        })
    );
    assert!(matches!(parser.eof(b""), Ok(Eof::End(_))));
}

#[test]
fn r35_r37_r38_r40_the_end_and_what_follows_it() {
    let chunked = get(b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\nA: 1\r\n\r\n3\r\nabc\r\n0\r\nA: 2\r\n\r\nHTTP/1.1 200 x\r\n\r\n").unwrap();
    assert_eq!(
        (chunked.headers["a"].as_bytes(), chunked.headers.len()),
        (&b"1"[..], 2),
        "trailers are not merged"
    );
    assert_eq!(chunked.trailers.unwrap()["a"], "2");
    assert_eq!(
        (chunked.body.as_slice(), chunked.rest.as_slice()),
        (&b"abc"[..], &b"HTTP/1.1 200 x\r\n\r\n"[..])
    );
    let cases: [(&[u8], bool, &[u8]); 6] = [
        (b"HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\nabc", true, b""),
        (b"HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\nabc\r\n", true, b"\r\n"),
        (b"HTTP/1.1 200 x\r\nContent-Length: 3\r\nConnection: Close\r\n\r\nabc", false, b""),
        (b"HTTP/1.0 200 x\r\nContent-Length: 3\r\n\r\nabc", false, b""),
        (b"HTTP/1.0 200 x\r\nContent-Length: 3\r\nConnection: Keep-Alive\r\n\r\nabc", true, b""),
        (b"HTTP/1.1 200 x\r\nContent-Length: 3\r\nConnection: close\r\nConnection: keep-alive\r\n\r\nabc", false, b""),
    ];
    for (input, reusable, rest) in cases {
        let response = get(input).unwrap();
        assert_eq!(
            (response.reusable, response.rest.as_slice()),
            (reusable, rest),
            "{}",
            input.escape_ascii()
        );
    }
}

#[test]
fn r39_remaining_is_known_for_a_length() {
    let input = b"HTTP/1.1 200 x\r\nContent-Length: 5\r\n\r\nabc";
    let mut parser = ResponseParser::new(&Method::GET, Limits::default());
    assert_eq!(parser.remaining(), None);
    let (head, _) = parser.feed(input).unwrap();
    assert_eq!(parser.remaining(), Some(5));
    assert!(matches!(
        parser.feed(&input[head..]),
        Ok((3, Event::Data(b"abc")))
    ));
    assert_eq!(parser.remaining(), Some(2));
    assert!(matches!(parser.feed(b"de"), Ok((2, Event::Data(b"de")))));
    assert!(matches!(parser.feed(b""), Ok((0, Event::End(_)))));
    assert_eq!(parser.remaining(), Some(0));
}
