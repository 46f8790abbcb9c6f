//! A response, from bytes to events, without any I/O: the caller owns the read buffer and hands in what is unconsumed.
//!
//! ```text
//!          1xx: skipped                 head                        body complete
//!   Head ───────────────▶ Head    Head ──────▶ Sized | Chunked | UntilEof ──────▶ Done
//!                                   └──── 101 asked for, CONNECT 2xx (Tunnel) ─────▲
//! ```
//!
//! The head is parsed where it lies in the buffer, by `httparse`; body data are slices of the buffer. What decides about the
//! body is in `framing`, the chunk state machine in `chunked`.

use super::chunked::{Chunk, ChunkDecoder};
use super::fields::{bad_line, header_map, is_folded};
use super::framing::{Asked, keep_alive};
use super::parse_error::quote;
use http::{HeaderMap, Method, StatusCode, Version};
use std::mem::MaybeUninit;

pub use super::framing::Framing;
pub use super::parse_error::ParseError;

/// A server may send empty lines before a status line, but not for ever (R7).
const MAX_EMPTY_LINES: usize = 16;

/// Up to this many fields are parsed in an array on the stack.
const STACK_FIELDS: usize = 128;

/// How much head a response may have. The read buffer must be able to hold `max_head` bytes and one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all heads of one response, interim ones and empty lines included; also bytes of the trailers. 64 KiB.
    pub max_head: usize,
    /// Fields of all heads of one response; also fields of the trailers. 128.
    pub max_headers: usize,
    /// Interim (1xx) heads of one response. 32.
    pub max_interim: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_head: 64 * 1024,
            max_headers: 128,
            max_interim: 32,
        }
    }
}

/// The final head of a response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status code, 100 to 999.
    pub status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The header fields in their order, folded values joined.
    pub headers: HeaderMap,
    /// Where the body ends. With `Tunnel`, what follows the head is not HTTP and stays in the buffer.
    pub framing: Framing,
}

/// The end of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Trailer fields of a chunked body, where any were sent.
    pub trailers: Option<HeaderMap>,
    /// As far as the response decides, the connection may carry another exchange. If bytes are left in the buffer it may not (R40).
    pub reusable: bool,
}

/// What the front of the input was.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// Nothing complete: read more, then feed again what is unconsumed.
    NeedMore,
    /// The final head; comes once.
    Head(ResponseHead),
    /// Body bytes, never empty.
    Data(&'a [u8]),
    /// The response is complete. From now on nothing is consumed.
    End(End),
}

/// What the end of the stream means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eof {
    /// The response is complete.
    End(End),
    /// Not one byte of a response came: the connection was closed before it, not in it (R46).
    Nothing,
}

#[derive(Debug)]
enum State {
    Head,
    /// So many body bytes are still to come.
    Sized(u64),
    Chunked(ChunkDecoder),
    UntilEof,
    Done,
    Failed(ParseError),
}

/// The parser of one response to one request.
#[derive(Debug)]
pub struct ResponseParser {
    asked: Asked,
    limits: Limits,
    state: State,
    scan: HeadScan,
    /// Head bytes consumed so far, and the fields, interim heads and empty lines in them.
    head_bytes: usize,
    fields: usize,
    interim: usize,
    empty_lines: usize,
    saw_continue: bool,
    /// Body bytes delivered.
    got: u64,
    reusable: bool,
}

impl ResponseParser {
    /// A parser for the response to a request with `method`.
    pub fn new(method: &Method, limits: Limits) -> Self {
        Self {
            asked: Asked::new(method),
            limits,
            state: State::Head,
            scan: HeadScan::default(),
            head_bytes: 0,
            fields: 0,
            interim: 0,
            empty_lines: 0,
            saw_continue: false,
            got: 0,
            reusable: false,
        }
    }

    /// The request offered to switch protocols: status 101 becomes a head with [`Framing::Tunnel`] instead of an error.
    pub fn allow_upgrade(mut self) -> Self {
        self.asked.upgrade = true;
        self
    }

    /// Whether `100 Continue` has come: a request that waits with its body may send it.
    pub fn saw_continue(&self) -> bool {
        self.saw_continue
    }

    /// Body bytes still to come, where Content-Length (or the end of the response) tells.
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Sized(left) => Some(left),
            State::Done => Some(0),
            _ => None,
        }
    }

    /// Takes what it can from the front of `input`: how many bytes were consumed, and what they were.
    ///
    /// Call it until it says `NeedMore` or `End`. Bytes that are not consumed must be at the front of the next input.
    ///
    /// # Errors
    /// The response is not to be trusted; the same error comes back from every later call.
    pub fn feed<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), ParseError> {
        let result = match &mut self.state {
            State::Head => self.head(input),
            State::Sized(0) => Ok((0, self.end(None))),
            State::Chunked(decoder) => match decoder.decode(input) {
                Ok((used, Chunk::NeedMore)) => Ok((used, Event::NeedMore)),
                Ok((used, Chunk::Data(data))) => Ok((used, self.data(data))),
                Ok((used, Chunk::End(trailers))) => Ok((used, self.end(trailers))),
                Err(error) => Err(error),
            },
            State::Done => Ok((0, self.end(None))),
            State::Failed(error) => return Err(error.clone()),
            State::Sized(_) | State::UntilEof if input.is_empty() => Ok((0, Event::NeedMore)),
            State::Sized(left) => {
                let data = &input
                    [..usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()))];
                *left -= data.len() as u64;
                Ok((data.len(), self.data(data)))
            }
            State::UntilEof => Ok((input.len(), self.data(input))),
        };
        result.inspect_err(|error| self.state = State::Failed(error.clone()))
    }

    /// The peer closed the stream in an orderly way after `unread`, all of which was fed already: what does that mean?
    ///
    /// # Errors
    /// The response is incomplete, or was already bad.
    pub fn eof(&mut self, unread: &[u8]) -> Result<Eof, ParseError> {
        match &self.state {
            State::UntilEof => {
                self.state = State::Done;
                Ok(Eof::End(End {
                    trailers: None,
                    reusable: false,
                }))
            }
            _ => self.broken(unread),
        }
    }

    /// The connection broke after `unread`: a reset, or TLS closed without its closure alert. As [`eof`](Self::eof), but a
    /// body that only the end of the stream delimits is not complete (R28, R29).
    ///
    /// # Errors
    /// The response is incomplete, or was already bad.
    pub fn broken(&mut self, unread: &[u8]) -> Result<Eof, ParseError> {
        match &self.state {
            State::Head if self.head_bytes == 0 && unread.is_empty() => Ok(Eof::Nothing),
            // The last line was not looked at before its end had come, and may be wrong already.
            State::Head => Err(self
                .parse_head(unread)
                .err()
                .unwrap_or_else(|| self.incomplete_head(unread))),
            State::Sized(0) | State::Done => {
                self.state = State::Done;
                Ok(Eof::End(End {
                    trailers: None,
                    reusable: false,
                }))
            }
            State::Sized(left) => Err(ParseError::IncompleteBody {
                got: self.got,
                want: Some(self.got + left),
            }),
            State::Chunked(_) | State::UntilEof => Err(ParseError::IncompleteBody {
                got: self.got,
                want: None,
            }),
            State::Failed(error) => Err(error.clone()),
        }
    }

    fn incomplete_head(&self, unread: &[u8]) -> ParseError {
        ParseError::IncompleteHead(match unread {
            [] => format!(
                "the stream ended after {} interim heads, before the final one",
                self.interim
            ),
            _ => format!("the stream ended after {}", quote(unread)),
        })
    }

    fn data<'a>(&mut self, data: &'a [u8]) -> Event<'a> {
        self.got += data.len() as u64;
        Event::Data(data)
    }

    fn end(&mut self, trailers: Option<HeaderMap>) -> Event<'static> {
        self.state = State::Done;
        Event::End(End {
            trailers,
            reusable: self.reusable,
        })
    }

    fn head(&mut self, input: &[u8]) -> Result<(usize, Event<'static>), ParseError> {
        let mut used = 0;
        loop {
            used += self.skip_empty_lines(&input[used..])?;
            let rest = &input[used..];
            check_start(rest)?;
            // Nothing beyond the limit is looked at, so that the verdict does not depend on how much was read at once.
            let budget = self.limits.max_head.saturating_sub(self.head_bytes);
            let window = &rest[..rest.len().min(budget)];
            let is_over = rest.len() > budget;
            let look = self.scan.is_worth_parsing(window) || is_over;
            let Some(parsed) = (if look { self.parse_head(window)? } else { None }) else {
                if is_over {
                    return Err(ParseError::HeadTooLarge(format!(
                        "more than {} bytes",
                        self.limits.max_head
                    )));
                }
                return Ok((used, Event::NeedMore));
            };
            used += parsed.bytes;
            self.head_bytes += parsed.bytes;
            self.fields += parsed.fields;
            self.scan = HeadScan::default();
            match parsed.head {
                Some(head) => {
                    self.begin_body(&head);
                    return Ok((used, Event::Head(head)));
                }
                None => self.count_interim(parsed.status)?,
            }
        }
    }

    fn begin_body(&mut self, head: &ResponseHead) {
        self.reusable = head.framing.is_self_delimited() && keep_alive(head.version, &head.headers);
        self.state = match head.framing {
            Framing::Empty => State::Sized(0),
            Framing::Length(length) => State::Sized(length),
            Framing::Chunked => State::Chunked(ChunkDecoder::new(
                self.limits.max_head,
                self.limits.max_headers,
            )),
            Framing::UntilEof => State::UntilEof,
            Framing::Tunnel => State::Done,
        };
    }

    fn count_interim(&mut self, status: StatusCode) -> Result<(), ParseError> {
        self.saw_continue |= status == StatusCode::CONTINUE;
        self.interim += 1;
        if self.interim > self.limits.max_interim {
            return Err(ParseError::HeadTooLarge(format!(
                "more than {} interim heads",
                self.limits.max_interim
            )));
        }
        Ok(())
    }

    /// Empty lines before a status line are consumed at once, so that a head always begins at the front of the input (R7).
    fn skip_empty_lines(&mut self, input: &[u8]) -> Result<usize, ParseError> {
        let mut used = 0;
        while let [b'\n', ..] | [b'\r', b'\n', ..] = &input[used..] {
            used += if input[used] == b'\n' { 1 } else { 2 };
            self.empty_lines += 1;
            if self.empty_lines > MAX_EMPTY_LINES {
                let why = format!("more than {MAX_EMPTY_LINES} empty lines before it");
                return Err(ParseError::BadStatusLine(why));
            }
        }
        self.head_bytes += used;
        Ok(used)
    }

    /// Parses the head at the front of `window`; `None` if it is not complete.
    fn parse_head(&self, window: &[u8]) -> Result<Option<ParsedHead>, ParseError> {
        let max_fields = self.limits.max_headers.saturating_sub(self.fields);
        let mut on_stack = [const { MaybeUninit::uninit() }; STACK_FIELDS];
        let mut on_heap = Vec::new();
        let slots = if max_fields <= STACK_FIELDS {
            &mut on_stack[..max_fields]
        } else {
            on_heap.resize_with(max_fields, MaybeUninit::uninit);
            &mut on_heap[..]
        };
        let mut response = httparse::Response::new(&mut []);
        let mut config = httparse::ParserConfig::default();
        config.allow_obsolete_multiline_headers_in_responses(true);
        let bytes = match config.parse_response_with_uninit_headers(&mut response, window, slots) {
            Ok(httparse::Status::Complete(bytes)) => bytes,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                let why = format!("more than {} header fields", self.limits.max_headers);
                return Err(ParseError::HeadTooLarge(why));
            }
            // The reason is set when the status line is complete.
            Err(error) if response.reason.is_some() => {
                let why = format!("{error} in {}", quote(bad_line(window)));
                return Err(ParseError::BadHeader(why));
            }
            Err(_) => return Err(bad_status_line(window)),
        };
        let status = response
            .code
            .and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or_else(|| bad_status_line(window))?;
        let fields = response.headers.len();
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Some(ParsedHead {
                bytes,
                fields,
                status,
                head: None,
            }));
        }
        let version = if response.version == Some(0) {
            Version::HTTP_10
        } else {
            Version::HTTP_11
        };
        for field in response.headers.iter() {
            let frames = ["content-length", "transfer-encoding"]
                .iter()
                .any(|name| field.name.eq_ignore_ascii_case(name));
            // Receivers disagree on what a folded length means, and that is an attack's material (R11).
            if frames && is_folded(&window[..bytes], field) {
                return Err(ParseError::BadHeader(format!(
                    "{} is continued on a second line",
                    field.name
                )));
            }
        }
        let headers = header_map(response.headers).map_err(ParseError::BadHeader)?;
        let framing = Framing::new(self.asked, status, version, &headers)?;
        let head = Some(ResponseHead {
            status,
            version,
            headers,
            framing,
        });
        Ok(Some(ParsedHead {
            bytes,
            fields,
            status,
            head,
        }))
    }
}

/// A complete head at the front of the input; `head` is absent if it is an interim one.
struct ParsedHead {
    bytes: usize,
    fields: usize,
    status: StatusCode,
    head: Option<ResponseHead>,
}

/// What is known of an unfinished head, so that small reads do not have it parsed again each time.
#[derive(Debug, Default)]
struct HeadScan {
    seen: usize,
    parsed: usize,
}

impl HeadScan {
    /// Says yes when an empty line has arrived, and before that when a line has and there is twice as much as the last time:
    /// a bad line is reported without waiting for the end, and all parses together stay linear (R36).
    fn is_worth_parsing(&mut self, window: &[u8]) -> bool {
        let from = std::mem::replace(&mut self.seen, window.len()).min(window.len());
        if !window[from..].contains(&b'\n') {
            return false;
        }
        let ends_empty_line = |at: usize| {
            window[at] == b'\n'
                && (window[..at].ends_with(b"\n") || window[..at].ends_with(b"\n\r"))
        };
        let worth = window.len() / 2 >= self.parsed || (from..window.len()).any(ends_empty_line);
        if worth {
            self.parsed = window.len();
        }
        worth
    }
}

/// Whether `HTTP/1.0 ` or `HTTP/1.1 ` and a status code can still come of this: a peer that speaks something else (TLS, SSH,
/// HTTP/0.9) is found out at its first bytes, and may never send a line end (R1, R2, R3).
fn check_start(input: &[u8]) -> Result<(), ParseError> {
    if input == b"\r" {
        return Ok(());
    }
    let prefix = &input[..input.len().min(7)];
    let fits = |(at, byte): (usize, &u8)| match at {
        7 => matches!(byte, b'0' | b'1'),
        8 => *byte == b' ',
        9 => matches!(byte, b'1'..=b'9'),
        _ => byte.is_ascii_digit(),
    };
    if b"HTTP/1.".starts_with(prefix) && input.iter().enumerate().take(12).skip(7).all(fits) {
        Ok(())
    } else {
        Err(bad_status_line(input))
    }
}

fn bad_status_line(input: &[u8]) -> ParseError {
    let line = input.split(|&b| b == b'\n').next().unwrap_or(input);
    ParseError::BadStatusLine(format!(
        "expected `HTTP/1.1` and a status code, got {}",
        quote(line)
    ))
}
