//! The client's one error: what was asked for, how far it got, and why it went no further.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, StatusCode};
use url::Url;

use crate::http::parser::ParseError;
use crate::http::shown::{ShownUrl, without_credentials};

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
    /// Asking a proxy for a tunnel.
    Proxy,
    /// The TLS handshake.
    Tls,
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
            Phase::Proxy => "proxy",
            Phase::Tls => "TLS handshake",
            Phase::Send => "send",
            Phase::Head => "response head",
            Phase::Body => "response body",
        })
    }
}

/// What was given by somebody else: a stream of body data, a TLS library.
type BoxError = Box<dyn StdError + Send + Sync>;

/// What kind of thing went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL cannot be used; the text says why. aiohttp's `InvalidURL`.
    InvalidUrl(String),
    /// The request cannot be sent as it is; the text says why. Nothing was sent.
    InvalidRequest(String),
    /// The name could not be looked up. `ClientConnectorDNSError`.
    Resolve(io::Error),
    /// None of the addresses could be connected to: each with its cause. `ClientConnectorError`.
    Connect(Vec<(SocketAddr, io::Error)>),
    /// TLS failed: the certificate was refused, or the peer does not speak it. `ClientSSLError`.
    Tls(BoxError),
    /// The proxy did what no proxy does; the text says what.
    Proxy(String),
    /// The proxy refused the tunnel, with this status and so much of its answer as was kept. `ClientHttpProxyError`.
    ProxyRefused(StatusCode, Vec<u8>),
    /// The limit of this name in [`ClientTimeout`](crate::http::ClientTimeout) ran out. `ServerTimeoutError`, `TimeoutError`.
    Timeout(&'static str, Duration),
    /// The session was closed.
    SessionClosed,
    /// The server closed the connection before the first byte of a response. `ServerDisconnectedError`.
    ConnectionClosed,
    /// The response is not HTTP/1.1, or broke off. `ClientResponseError`, `ClientPayloadError`.
    Response(ParseError),
    /// The body could not be decoded.
    Decode(BoxError),
    /// The body is larger than the session permits: so many bytes.
    BodyTooLarge(usize),
    /// A redirect cannot be followed; the text says why.
    Redirect(String),
    /// More redirects than permitted; these URLs were asked. `TooManyRedirects`.
    TooManyRedirects(Vec<Url>),
    /// The body would have to be sent again, and cannot be.
    BodyNotReplayable,
    /// There is no connection to hand over; the text says why.
    NotUpgraded(String),
    /// What was to be sent as the body failed, or is not as long as it was said to be.
    Body(BoxError),
    /// The status is one of an error, and [`error_for_status`](crate::http::Response::error_for_status) was asked. `ClientResponseError`.
    Status(StatusCode),
    /// The body is not the JSON that was expected.
    #[cfg(feature = "json")]
    Json(serde_json::Error),
    /// The socket failed. `ClientOSError`.
    Io(io::Error),
}

/// Why a request failed. Its text names method, URL, phase and cause; a password in the URL is not printed, nor are headers.
/// It is one pointer large. aiohttp's `ClientError`, whose subclasses are the [`ErrorKind`]s.
///
/// ```
/// use glassloop::http::{ClientSession, ErrorKind, Phase};
///
/// let error = glassloop::run(async { ClientSession::new().get("http://127.0.0.1:1/").await }).unwrap().unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::Connect(_)) && error.phase() == Phase::Connect);
/// assert!(error.is_connect() && error.is_retryable() && !error.is_timeout());
/// assert!(error.to_string().starts_with("GET http://127.0.0.1:1/: connect: "));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    phase: Phase,
    /// `None` for what is no request: a session that cannot be made.
    method: Option<Method>,
    url: Option<Url>,
    /// What was given for a URL and is none, as it may be printed.
    no_url: Option<String>,
    reused: bool,
    /// Where the connection was to go, if not to the host of the URL.
    proxy: Option<String>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, phase: Phase, method: &Method, url: Option<&Url>) -> Error {
        // `joe:password@host` parses, with the scheme `joe`, and its credentials cannot be taken out.
        let (url, no_url) = match url {
            Some(url) if url.cannot_be_a_base() => (None, Some(without_credentials(url.as_str()))),
            url => (url.cloned(), None),
        };
        let url = url.map(|mut url| {
            let _ = url.set_password(None);
            let _ = url.set_username("");
            url
        });
        Error(Box::new(Inner {
            kind,
            phase,
            method: Some(method.clone()),
            url,
            no_url,
            reused: false,
            proxy: None,
        }))
    }

    /// `text` was given for a URL.
    pub(crate) fn of_no_url(text: &str, error: url::ParseError, method: &Method) -> Error {
        let kind = ErrorKind::InvalidUrl(format!("this is not a URL: {error}"));
        let mut error = Error::new(kind, Phase::Prepare, method, None);
        error.0.no_url = Some(without_credentials(text));
        error
    }

    /// A session that cannot be made as it was described.
    pub(crate) fn of_session(kind: ErrorKind) -> Error {
        Error(Box::new(Inner {
            kind,
            phase: Phase::Prepare,
            method: None,
            url: None,
            no_url: None,
            reused: false,
            proxy: None,
        }))
    }

    pub(crate) fn on_reused(mut self, reused: bool) -> Error {
        self.0.reused = reused;
        self
    }

    pub(crate) fn through(mut self, proxy: Option<&str>) -> Error {
        self.0.proxy = proxy.map(str::to_owned);
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// How far the request had got.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// The URL that was asked, without user name and password; `None` if there was none.
    pub fn url(&self) -> Option<&Url> {
        self.0.url.as_ref()
    }

    /// The status, where the error is one.
    pub fn status(&self) -> Option<StatusCode> {
        match self.0.kind {
            ErrorKind::Status(status) | ErrorKind::ProxyRefused(status, _) => Some(status),
            _ => None,
        }
    }

    /// Whether the time ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout(..))
    }

    /// Whether no connection could be made.
    pub fn is_connect(&self) -> bool {
        matches!(
            self.0.phase,
            Phase::Resolve | Phase::Connect | Phase::Proxy | Phase::Tls
        )
    }

    /// Whether it happened on a connection that had carried a response before. The server may have closed it while the request
    /// was on its way.
    pub fn is_reused(&self) -> bool {
        self.0.reused
    }

    /// Whether the same request may well succeed if it is made again: no connection, no answer, or no time. What was forbidden,
    /// by `connect_filter` or a proxy, is so again.
    pub fn is_retryable(&self) -> bool {
        match &self.0.kind {
            // What `connect_filter` forbids it will forbid again, and `local_addr` stays of its family. The system's own
            // AddrNotAvailable can be that all ports are in use.
            ErrorKind::Connect(tried) => tried.iter().any(|(_, error)| {
                error.kind() != io::ErrorKind::AddrNotAvailable || error.raw_os_error().is_some()
            }),
            ErrorKind::ProxyRefused(status, _) => status.is_server_error(),
            ErrorKind::Resolve(_)
            | ErrorKind::ConnectionClosed
            | ErrorKind::Timeout(..)
            | ErrorKind::Io(_) => true,
            ErrorKind::Response(
                ParseError::IncompleteHead(_) | ParseError::IncompleteBody { .. },
            ) => true,
            _ => false,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::InvalidUrl(why)
            | ErrorKind::InvalidRequest(why)
            | ErrorKind::Proxy(why)
            | ErrorKind::Redirect(why)
            | ErrorKind::NotUpgraded(why) => f.write_str(why),
            ErrorKind::Io(error) | ErrorKind::Resolve(error) => error.fmt(f),
            ErrorKind::Connect(tried) => match &tried[..] {
                [] => f.write_str("none of the addresses is permitted (see connect_filter)"),
                tried => {
                    for (i, (address, error)) in tried.iter().enumerate() {
                        let comma = if i == 0 { "" } else { ", " };
                        write!(f, "{comma}{address}: {error}")?;
                    }
                    Ok(())
                }
            },
            ErrorKind::Tls(error) | ErrorKind::Body(error) | ErrorKind::Decode(error) => {
                error.fmt(f)
            }
            ErrorKind::ProxyRefused(status, _) => write!(f, "the proxy answered {status}"),
            ErrorKind::Timeout(knob, limit) => {
                write!(f, "the limit of {limit:?} ran out (ClientTimeout::{knob})")
            }
            ErrorKind::SessionClosed => f.write_str("the session is closed"),
            ErrorKind::ConnectionClosed => {
                f.write_str("the server closed the connection before it answered")
            }
            ErrorKind::Response(error) => error.fmt(f),
            ErrorKind::BodyTooLarge(limit) => write!(
                f,
                "the body is larger than {limit} bytes (SessionBuilder::max_body)"
            ),
            ErrorKind::TooManyRedirects(history) => {
                write!(f, "more than {} redirects", history.len() - 1)
            }
            ErrorKind::BodyNotReplayable => {
                f.write_str("the body would have to be sent again, and is a stream")
            }
            ErrorKind::Status(status) => write!(f, "the status is {status}"),
            #[cfg(feature = "json")]
            ErrorKind::Json(error) => {
                // serde's text can quote the body; where the error stands is enough.
                let (line, column) = (error.line(), error.column());
                write!(
                    f,
                    "no JSON as expected: {:?} error at line {line} column {column}",
                    error.classify()
                )
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let Some(method) = &inner.method else {
            return write!(f, "ClientSession: {}", inner.kind);
        };
        write!(f, "{method} ")?;
        if let Some(url) = &inner.url {
            write!(f, "{}: ", ShownUrl(url))?;
        }
        if let Some(text) = &inner.no_url {
            write!(f, "{text:?}: ")?;
        }
        write!(f, "{}", inner.phase)?;
        if let Some(proxy) = &inner.proxy {
            // Up to here it was not about the host of the URL.
            match inner.phase {
                Phase::Resolve => write!(f, " for the proxy {proxy}")?,
                Phase::Connect => write!(f, " to the proxy {proxy}")?,
                Phase::Proxy => write!(f, " {proxy}")?,
                _ => {}
            }
        }
        write!(f, ": {}", inner.kind)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl StdError for Error {
    /// What is behind the cause, which the text has already.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.kind {
            ErrorKind::Io(error) | ErrorKind::Resolve(error) => error.source(),
            ErrorKind::Tls(error) | ErrorKind::Decode(error) => error.source(),
            // The caller's own error, for whoever wants it back (R62).
            ErrorKind::Body(error) => Some(&**error),
            // Its text can quote the body, so that of this error has only where it stands.
            #[cfg(feature = "json")]
            ErrorKind::Json(error) => Some(error),
            _ => None,
        }
    }
}
