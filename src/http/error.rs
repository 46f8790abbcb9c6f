//! The client's one error: what was asked for, how far it got, and why it went no further.

use std::fmt;
use std::io;

use http::Method;
use url::Url;

use crate::http::parser::ParseError;

/// How far a request had got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Before anything was sent.
    Prepare,
    /// Waiting for one of the session's connections to become free.
    PoolWait,
    /// Looking up the name.
    Resolve,
    /// Connecting.
    Connect,
    /// Sending the request.
    Send,
    /// Waiting for the head of the response.
    Head,
    /// Reading the body of the response.
    Body,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Prepare => "request",
            Phase::PoolWait => "pool wait",
            Phase::Resolve => "resolve",
            Phase::Connect => "connect",
            Phase::Send => "send",
            Phase::Head => "response head",
            Phase::Body => "response body",
        })
    }
}

/// What kind of thing went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL cannot be used; the text says why.
    InvalidUrl(String),
    /// The request cannot be sent as it is; the text says why.
    InvalidRequest(String),
    /// The socket or the resolver failed.
    Io(io::Error),
    /// The server closed the connection before the first byte of a response.
    ConnectionClosed,
    /// The response is not HTTP/1.1, or broke off.
    Response(ParseError),
    /// The time of [`ClientTimeout`](crate::http::ClientTimeout) ran out.
    Timeout,
    /// The body is larger than the session permits.
    BodyTooLarge(usize),
}

/// Why a request failed. Its text names method, URL, phase and cause; a password in the URL is not printed.
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    phase: Phase,
    method: Method,
    url: String,
}

/// So much of a URL is printed.
const LONGEST_URL: usize = 256;

impl Error {
    pub(crate) fn new(kind: ErrorKind, phase: Phase, method: &Method, url: &Url) -> Error {
        let mut url = url.clone();
        // A URL that cannot have a password has none to hide.
        let _ = url.set_password(None);
        let _ = url.set_username("");
        Error::with_text(kind, phase, method, url.as_str())
    }

    pub(crate) fn with_text(kind: ErrorKind, phase: Phase, method: &Method, url: &str) -> Error {
        Error(Box::new(Inner {
            kind,
            phase,
            method: method.clone(),
            url: url.chars().take(LONGEST_URL).collect(),
        }))
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// How far the request had got.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// Whether the time ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            phase,
            method,
            url,
        } = &*self.0;
        write!(f, "{method} {url}: {phase}: ")?;
        match kind {
            ErrorKind::InvalidUrl(why) | ErrorKind::InvalidRequest(why) => f.write_str(why),
            ErrorKind::Io(error) => error.fmt(f),
            ErrorKind::ConnectionClosed => {
                f.write_str("the server closed the connection before it answered")
            }
            ErrorKind::Response(error) => error.fmt(f),
            ErrorKind::Timeout => f.write_str("the time limit ran out (see ClientTimeout)"),
            ErrorKind::BodyTooLarge(limit) => {
                write!(
                    f,
                    "the body is larger than {limit} bytes (see SessionBuilder::max_body)"
                )
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Io(error) => Some(error),
            ErrorKind::Response(error) => Some(error),
            _ => None,
        }
    }
}
