//! Drives the response parser for the tests of its rules: whole, one byte at a time, and cut in two at any place.

use glassloop::http::parser::{Eof, Event, Framing, Limits, ParseError, ResponseParser};
use http::{HeaderMap, Method, Version};

/// What a response came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    pub version: Version,
    pub headers: HeaderMap,
    pub framing: Framing,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
    pub reusable: bool,
    /// Bytes that were not consumed.
    pub rest: Vec<u8>,
}

/// Feeds `input` in pieces that end at `cuts`, then the end of the stream: the response, or the error and the body before it.
pub fn run(
    mut parser: ResponseParser,
    input: &[u8],
    cuts: &[usize],
) -> Result<Response, (ParseError, Vec<u8>)> {
    let (mut done, mut head, mut body, mut end) = (0, None, Vec::new(), None);
    'deliver: for &until in cuts.iter().chain([&input.len()]) {
        loop {
            let (used, event) = match parser.feed(&input[done..until]) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(
                        parser.feed(b"HTTP/1.1 200 OK\r\n\r\n").unwrap_err(),
                        error,
                        "an error stays"
                    );
                    assert_eq!(parser.eof(b"").unwrap_err(), error, "an error stays");
                    return Err((error, body));
                }
            };
            done += used;
            match event {
                Event::NeedMore => break,
                Event::Head(found) => assert!(head.replace(found).is_none(), "a second head"),
                Event::Data(data) => {
                    assert!(!data.is_empty());
                    assert_eq!(
                        data,
                        &input[done - data.len()..done],
                        "the data are the last bytes consumed"
                    );
                    body.extend_from_slice(data);
                }
                Event::End(found) => {
                    assert!(
                        matches!(parser.feed(b"more"), Ok((0, Event::End(_)))),
                        "R37"
                    );
                    end = Some(found);
                    break 'deliver;
                }
            }
        }
    }
    let end = match end.map_or_else(|| parser.eof(&input[done..]), |end| Ok(Eof::End(end))) {
        Ok(Eof::End(end)) => end,
        Ok(Eof::Nothing) => panic!("nothing came"),
        Err(error) => return Err((error, body)),
    };
    let head = head.expect("an end without a head");
    Ok(Response {
        status: head.status.as_u16(),
        version: head.version,
        headers: head.headers().clone(),
        framing: head.framing,
        body,
        trailers: end.trailers,
        reusable: end.reusable,
        rest: input[done..].to_vec(),
    })
}

pub fn every_way(
    make: impl Fn() -> ResponseParser,
    input: &[u8],
) -> Result<Response, (&'static str, Vec<u8>)> {
    // The reason texts quote what had arrived, so only the kind must agree.
    let named = |result: Result<_, (ParseError, Vec<u8>)>| {
        result.map_err(|(error, body)| (kind(&error), body))
    };
    let whole = named(run(make(), input, &[]));
    let bytes: Vec<usize> = (1..input.len()).collect();
    assert_eq!(
        named(run(make(), input, &bytes)),
        whole,
        "1 byte at a time: {}",
        input.escape_ascii()
    );
    for cut in bytes {
        assert_eq!(
            named(run(make(), input, &[cut])),
            whole,
            "cut at {cut}: {}",
            input.escape_ascii()
        );
    }
    whole
}

pub fn get(input: &[u8]) -> Result<Response, (&'static str, Vec<u8>)> {
    every_way(
        || ResponseParser::new(&Method::GET, Limits::default()),
        input,
    )
}

pub fn kind(error: &ParseError) -> &'static str {
    match error {
        ParseError::BadStatusLine(_) => "BadStatusLine",
        ParseError::BadHeader(_) => "BadHeader",
        ParseError::HeadTooLarge(_) => "HeadTooLarge",
        ParseError::IncompleteHead(_) => "IncompleteHead",
        ParseError::BadFraming(_) => "BadFraming",
        ParseError::BadChunk(_) => "BadChunk",
        ParseError::UnsupportedTransferEncoding(_) => "UnsupportedTransferEncoding",
        ParseError::IncompleteBody { .. } => "IncompleteBody",
        ParseError::UnexpectedUpgrade(_) => "UnexpectedUpgrade",
    }
}

/// Every input must be refused as `expected`, with no body delivered.
pub fn all_fail(expected: &str, inputs: &[&[u8]]) {
    for input in inputs {
        assert_eq!(get(input), Err((get(input).unwrap_err().0, vec![])));
        assert_eq!(
            get(input).unwrap_err().0,
            expected,
            "{}",
            input.escape_ascii()
        );
    }
}
