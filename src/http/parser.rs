//! A response, from bytes to events, without any I/O: the caller owns the read buffer and hands in what is unconsumed.
//!
//! ```text
//!          1xx: skipped                 head                        body complete
//!   Head ───────────────▶ Head    Head ──────▶ Sized | Chunked | UntilEof ──────▶ Done
//!                                   └──── 101 asked for, CONNECT 2xx (Tunnel) ─────▲
//! ```
//!
//! The head is parsed in `head`, what it says about the body decided in `framing`, and chunks are taken apart in `chunked`.
//! Nothing is copied but the header fields: body data are slices of the caller's buffer.

use super::chunked::{Chunk, ChunkDecoder};
use super::head::HeadParser;
use http::{HeaderMap, Method};

pub use super::framing::Framing;
pub use super::head::{Limits, ResponseHead};
pub use super::parse_error::ParseError;

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
    state: State,
    head: HeadParser,
    /// Body bytes delivered.
    got: u64,
    reusable: bool,
}

impl ResponseParser {
    /// A parser for the response to a request with `method`.
    pub fn new(method: &Method, limits: Limits) -> Self {
        Self {
            state: State::Head,
            head: HeadParser::new(method, limits),
            got: 0,
            reusable: false,
        }
    }

    /// The request offered to switch protocols: status 101 becomes a head with [`Framing::Tunnel`] instead of an error.
    pub fn allow_upgrade(mut self) -> Self {
        self.head.allow_upgrade();
        self
    }

    /// Whether `100 Continue` has come: a request that waits with its body may send it.
    pub fn saw_continue(&self) -> bool {
        self.head.saw_continue()
    }

    /// Without more input it can only ask for it.
    pub(crate) fn needs_input(&self) -> bool {
        !matches!(self.state, State::Sized(0) | State::Done | State::Failed(_))
    }

    /// Whether the connection can be used again when this response has ended.
    pub(crate) fn is_reusable(&self) -> bool {
        self.reusable
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
            State::Head => match self.head.feed(input) {
                Ok((used, None)) => Ok((used, Event::NeedMore)),
                Ok((used, Some(head))) => Ok((used, self.begin_body(head))),
                Err(error) => Err(error),
            },
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
                // The caller's buffer bounds this, so no announced length can make anybody allocate (R26).
                let len = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= len as u64;
                Ok((len, self.data(&input[..len])))
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
            State::UntilEof => Ok(self.closed()),
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
            State::Head => self.head.eof(unread).map_or(Ok(Eof::Nothing), Err),
            State::Sized(0) | State::Done => Ok(self.closed()),
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

    fn closed(&mut self) -> Eof {
        self.state = State::Done;
        self.reusable = false;
        Eof::End(End {
            trailers: None,
            reusable: false,
        })
    }

    fn begin_body(&mut self, head: ResponseHead) -> Event<'static> {
        let limits = self.head.limits();
        self.reusable = head.framing.is_self_delimited() && head.keeps;
        self.state = match head.framing {
            Framing::Empty => State::Sized(0),
            Framing::Length(length) => State::Sized(length),
            Framing::Chunked => {
                State::Chunked(ChunkDecoder::new(limits.max_head, limits.max_headers))
            }
            Framing::UntilEof => State::UntilEof,
            Framing::Tunnel => State::Done,
        };
        Event::Head(head)
    }
}
