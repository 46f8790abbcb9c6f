//! The HTTP/1.1 client, from the bytes upwards: `parser` (bytes in, events out), `connection`, `pool`, `session`.

mod auth;
mod base64;
mod body;
mod chunked;
mod connect;
mod connection;
mod connector;
mod content;
mod cookie;
mod cookie_date;
mod cookies;
#[cfg(feature = "gzip")]
pub mod decode;
mod dial;
mod dns;
mod error;
mod exchange;
mod fields;
mod framing;
mod head;
#[cfg(feature = "gzip")]
mod inflate;
mod into_url;
mod limits;
mod multipart;
mod parse_error;
pub mod parser;
mod policy;
mod pool;
mod proxy;
mod reading;
mod redirect;
mod request;
mod request_builder;
mod response;
mod response_io;
mod send;
mod session;
mod session_builder;
mod shared;
#[cfg(feature = "tls")]
mod tls;
mod trace;
mod transport;
mod upgrade;

pub use body::Body;
pub use connector::TcpConnector;
pub use cookie::Cookie;
pub use cookies::CookieJar;
pub use dns::Resolve;
pub use error::{Error, ErrorKind, Phase};
pub use into_url::IntoUrl;
pub use limits::ClientTimeout;
pub use multipart::{Form, Part};
pub use policy::{Hop, Policy};
pub use pool::PoolStats;
pub use proxy::Proxy;
pub use request_builder::RequestBuilder;
pub use response::Response;
pub use session::ClientSession;
pub use session_builder::SessionBuilder;
pub use trace::{Trace, TraceEvent};
pub use upgrade::Upgraded;
