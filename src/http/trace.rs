//! What a session tells about its requests. aiohttp's `TraceConfig`.

use std::net::SocketAddr;

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::http::error::Error;

/// Is told what happens to each request: see [`SessionBuilder::trace`](crate::http::SessionBuilder::trace).
///
/// ```
/// use glassloop::http::{ClientSession, Trace, TraceEvent};
/// use std::rc::Rc;
///
/// struct Print;
///
/// impl Trace for Print {
///     fn event(&self, request: u64, event: &TraceEvent<'_>) {
///         println!("{request}: {event:?}");
///     }
/// }
///
/// let session = ClientSession::builder().trace(Rc::new(Print)).build()?;
/// # Ok::<(), glassloop::http::Error>(())
/// ```
pub trait Trace {
    /// Something has happened to the request of this number, which counts from 1. Called inside the request's own step: it
    /// must not block.
    fn event(&self, request: u64, event: &TraceEvent<'_>);
}

/// What can happen to a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum TraceEvent<'a> {
    /// It begins.
    RequestStart {
        /// Its method.
        method: &'a Method,
        /// Its URL.
        url: &'a Url,
    },
    /// It waits for one of the session's connections to become free.
    QueueStart,
    /// It has waited.
    QueueEnd,
    /// It uses a kept connection.
    ConnectionReused,
    /// Its kept connection turned out to be closed; it is sent again on a new one.
    Retry,
    /// The addresses of a name are remembered.
    DnsCacheHit {
        /// The name.
        name: &'a str,
    },
    /// A name is looked up.
    DnsStart {
        /// The name.
        name: &'a str,
    },
    /// A name was looked up.
    DnsEnd {
        /// The name.
        name: &'a str,
    },
    /// A connection is made to one of these.
    ConnectStart {
        /// In no particular order.
        addresses: &'a [SocketAddr],
    },
    /// There is a connection, TLS included.
    ConnectEnd {
        /// Its other end.
        peer: Option<SocketAddr>,
    },
    /// The head of the request is on its way.
    HeadSent,
    /// A piece of the request's body is on its way.
    BodySent {
        /// Its length.
        bytes: usize,
    },
    /// A redirect is followed.
    Redirect {
        /// The status.
        status: StatusCode,
        /// Where it leads.
        to: &'a Url,
    },
    /// The head of the final response has come.
    Response {
        /// The status.
        status: StatusCode,
        /// The fields.
        headers: &'a HeaderMap,
    },
    /// A piece of the response's body was read.
    BodyReceived {
        /// Its length.
        bytes: usize,
    },
    /// The body was read to its end.
    RequestEnd,
    /// It failed.
    Failed {
        /// Why.
        error: &'a Error,
    },
}
