//! Drives the response parser, which must come to the same in whatever pieces the bytes arrive.

use glassloop::http::parser::{Eof, Event, Framing, ParseError, ResponseParser};
use http::{HeaderMap, StatusCode, Version};

/// What a response came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub head: Option<(StatusCode, Version, HeaderMap, Framing)>,
    pub body: Vec<u8>,
    /// Trailers, whether the connection may go on, and how many bytes were used; or the kind of error.
    pub end: Result<(Option<HeaderMap>, bool, usize), &'static str>,
}

/// Where to cut, from one byte: nowhere, everywhere, or in pieces of 1 to 32 bytes.
pub fn cuts(seed: u8, length: usize) -> Vec<usize> {
    let mut state = u32::from(seed) | 0x100;
    let mut at = 0;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        at += 1 + (state >> 27) as usize;
        (at < length).then_some(at)
    };
    match seed {
        0 => Vec::new(),
        1 => (1..length).collect(),
        _ => std::iter::from_fn(&mut next).collect(),
    }
}

/// Feeds `input` in pieces that end at `cuts`, then the end of the stream.
pub fn run(mut parser: ResponseParser, input: &[u8], cuts: &[usize]) -> Response {
    let (mut done, mut head, mut body) = (0, None, Vec::new());
    for &until in cuts.iter().chain([&input.len()]) {
        loop {
            let given = &input[done..until];
            let (used, event) = match parser.feed(given) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(parser.feed(b"HTTP/1.1 200 OK\r\n\r\n").unwrap_err(), error);
                    let end = Err(kind(&error));
                    return Response { head, body, end };
                }
            };
            assert!(used <= given.len());
            done += used;
            match event {
                Event::NeedMore => break,
                Event::Head(found) => {
                    let headers = found.headers().clone();
                    let found = (found.status, found.version, headers, found.framing);
                    assert!(head.replace(found).is_none(), "a second head");
                }
                Event::Data(data) => {
                    assert!(!data.is_empty() && data.len() <= used);
                    assert_eq!(data, &input[done - data.len()..done]);
                    body.extend_from_slice(data);
                }
                Event::End(end) => {
                    assert!(matches!(parser.feed(b"more"), Ok((0, Event::End(_)))));
                    let end = Ok((end.trailers, end.reusable, done));
                    return Response { head, body, end };
                }
            }
        }
    }
    let end = match parser.eof(&input[done..]) {
        Ok(Eof::End(end)) => Ok((end.trailers, end.reusable, done)),
        Ok(Eof::Nothing) => Err("nothing"),
        Err(error) => Err(kind(&error)),
    };
    Response { head, body, end }
}

fn kind(error: &ParseError) -> &'static str {
    assert!(error.to_string().len() < 1000, "it quotes little: {error}");
    match error {
        ParseError::BadStatusLine(_) => "bad status line",
        ParseError::BadHeader(_) => "bad header",
        ParseError::HeadTooLarge(_) => "head too large",
        ParseError::IncompleteHead(_) => "incomplete head",
        ParseError::BadFraming(_) => "bad framing",
        ParseError::BadChunk(_) => "bad chunk",
        ParseError::UnsupportedTransferEncoding(_) => "unsupported transfer encoding",
        ParseError::IncompleteBody { .. } => "incomplete body",
        ParseError::UnexpectedUpgrade(_) => "unexpected upgrade",
    }
}
