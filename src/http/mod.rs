//! The HTTP/1.1 client, from the bytes upwards: `parser` (bytes in, events out), `connection`, `pool`, `session`.

mod auth;
mod base64;
mod body;
#[cfg(feature = "brotli")]
mod brotli;
mod chunked;
mod coding;
mod connect;
mod connection;
mod connector;
mod content;
mod cookie;
mod cookie_date;
mod cookies;
pub mod decode;
mod dial;
mod dns;
mod error;
mod exchange;
mod fields;
mod file_body;
mod framing;
mod head;
mod headers;
#[cfg(feature = "gzip")]
mod inflate;
mod into_request;
mod into_url;
mod limits;
mod multipart;
mod parse_error;
pub mod parser;
mod permits;
mod policy;
mod pool;
mod pool_stats;
mod proxy;
mod pull;
mod raw_head;
mod reading;
mod redirect;
mod request;
mod request_builder;
mod response;
mod response_io;
mod send;
mod sending;
mod session;
mod session_builder;
mod shared;
mod shown;
#[cfg(feature = "stream")]
mod streams;
#[cfg(feature = "tls")]
mod tls;
mod trace;
mod transport;
#[cfg(feature = "tls")]
mod trust;
mod upgrade;
mod urls;
mod whole_body;
#[cfg(feature = "zstd")]
mod zstd;

pub use body::Body;
pub use connector::TcpConnector;
pub use cookie::Cookie;
pub use cookies::CookieJar;
pub use dns::Resolve;
pub use error::{Error, ErrorKind, Phase};
pub use into_request::IntoRequest;
pub use into_url::IntoUrl;
pub use limits::ClientTimeout;
pub use multipart::{Form, Part};
pub use policy::{Hop, Policy};
pub use pool_stats::PoolStats;
pub use proxy::Proxy;
pub use request::Request;
pub use request_builder::RequestBuilder;
pub use response::Response;
pub use sending::Sending;
pub use session::ClientSession;
pub use session_builder::SessionBuilder;
pub use trace::{Trace, TraceEvent};
pub use upgrade::Upgraded;
