//! What a session tells about its requests. aiohttp's `TraceConfig`.

use std::fmt;
use std::net::SocketAddr;

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::http::error::Error;
use crate::http::shown::ShownUrl;

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

/// What can happen to a request. Its `Debug` form can be logged: it has no passwords, no cookies, and long URLs in part.
#[non_exhaustive]
pub enum TraceEvent<'a> {
    /// It begins. aiohttp's `on_request_start`.
    RequestStart {
        /// Its method.
        method: &'a Method,
        /// Its URL.
        url: &'a Url,
    },
    /// It waits for one of the session's connections to become free. `on_connection_queued_start`.
    QueueStart,
    /// It has waited. `on_connection_queued_end`.
    QueueEnd,
    /// It uses a kept connection. `on_connection_reuseconn`.
    ConnectionReused,
    /// Its kept connection turned out to be closed; it is sent again on a new one.
    Retry,
    /// The addresses of a name are remembered. `on_dns_cache_hit`.
    DnsCacheHit {
        /// The name.
        name: &'a str,
    },
    /// A name is looked up. `on_dns_resolvehost_start`.
    DnsStart {
        /// The name.
        name: &'a str,
    },
    /// A name was looked up, with or without success. `on_dns_resolvehost_end`.
    DnsEnd {
        /// The name.
        name: &'a str,
    },
    /// A connection is made to one of these. `on_connection_create_start`.
    ConnectStart {
        /// In no particular order.
        addresses: &'a [SocketAddr],
    },
    /// There is a connection, TLS included. `on_connection_create_end`.
    ConnectEnd {
        /// Its other end.
        peer: Option<SocketAddr>,
    },
    /// The head of the request is on its way. `on_request_headers_sent`.
    HeadSent,
    /// A piece of the request's body is on its way. `on_request_chunk_sent`.
    BodySent {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A redirect is followed. `on_request_redirect`.
    Redirect {
        /// The status.
        status: StatusCode,
        /// Where it leads.
        to: &'a Url,
    },
    /// The head of the final response has come. aiohttp's `on_request_end`.
    Response {
        /// The status.
        status: StatusCode,
        /// The fields.
        headers: &'a HeaderMap,
    },
    /// A piece of the response's body was read. `on_response_chunk_received`.
    BodyReceived {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The body was read to its end. aiohttp has no such signal.
    RequestEnd,
    /// It failed, at any point. `on_request_exception`. A request that is cancelled says nothing more.
    Failed {
        /// Why.
        error: &'a Error,
    },
}

impl fmt::Debug for TraceEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceEvent::RequestStart { method, url } => f
                .debug_struct("RequestStart")
                .field("method", method)
                .field("url", &ShownUrl(url))
                .finish(),
            TraceEvent::QueueStart => f.write_str("QueueStart"),
            TraceEvent::QueueEnd => f.write_str("QueueEnd"),
            TraceEvent::ConnectionReused => f.write_str("ConnectionReused"),
            TraceEvent::Retry => f.write_str("Retry"),
            TraceEvent::DnsCacheHit { name } => {
                f.debug_struct("DnsCacheHit").field("name", name).finish()
            }
            TraceEvent::DnsStart { name } => {
                f.debug_struct("DnsStart").field("name", name).finish()
            }
            TraceEvent::DnsEnd { name } => f.debug_struct("DnsEnd").field("name", name).finish(),
            TraceEvent::ConnectStart { addresses } => f
                .debug_struct("ConnectStart")
                .field("addresses", addresses)
                .finish(),
            TraceEvent::ConnectEnd { peer } => {
                f.debug_struct("ConnectEnd").field("peer", peer).finish()
            }
            TraceEvent::HeadSent => f.write_str("HeadSent"),
            TraceEvent::BodySent { bytes } => {
                f.debug_struct("BodySent").field("bytes", bytes).finish()
            }
            TraceEvent::Redirect { status, to } => f
                .debug_struct("Redirect")
                .field("status", status)
                .field("to", &ShownUrl(to))
                .finish(),
            TraceEvent::Response { status, headers } => f
                .debug_struct("Response")
                .field("status", status)
                .field("headers", headers)
                .finish(),
            TraceEvent::BodyReceived { bytes } => f
                .debug_struct("BodyReceived")
                .field("bytes", bytes)
                .finish(),
            TraceEvent::RequestEnd => f.write_str("RequestEnd"),
            TraceEvent::Failed { error } => f.debug_struct("Failed").field("error", error).finish(),
        }
    }
}
