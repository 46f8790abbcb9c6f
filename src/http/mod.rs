//! An HTTP/1.1 client: a [`ClientSession`] is asked for pages, keeps its connections, and gives a [`Response`] for each request.
//!
//! ```no_run
//! use glassloop::http::ClientSession;
//! use glassloop::{run, try_gather};
//!
//! run(async {
//!     let session = ClientSession::new();
//!     // One page. A status is an error for who asks.
//!     let page = session.get("http://127.0.0.1:5000/").query("q", "a b").await?.error_for_status()?;
//!     println!("{} {:?}", page.status(), page.headers().get("content-type"));
//!     println!("{}", page.text().await?);
//!     // Two at once.
//!     let both = ["http://127.0.0.1:5000/a", "http://127.0.0.1:5000/b"].map(|url| session.get(url));
//!     for page in try_gather(both).await? {
//!         println!("{} bytes", page.bytes().await?.len());
//!     }
//!     // Something is sent, and the answer read piece by piece.
//!     let mut answer = session.post("http://127.0.0.1:5000/").form([("id", 7)]).await?;
//!     while let Some(piece) = answer.chunk().await? {
//!         println!("{} bytes", piece.len());
//!     }
//!     Ok::<(), Box<dyn std::error::Error>>(())
//! })??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | there is |
//! |---|---|
//! | set up a session | [`SessionBuilder`], [`TcpConnector`], [`ClientTimeout`], [`Policy`] of redirects, [`Proxy`], [`CookieJar`], [`Trace`] |
//! | make a request | [`RequestBuilder`], [`Body`], [`Form`] of several parts; [`Request`] to keep or to send again |
//! | read the answer | [`Response`], [`Upgraded`] |
//! | know what went wrong | [`Error`], with [`ErrorKind`] and [`Phase`] |
//!
//! **Names that are not ASCII.** `http://bücher.example/` needs the tables of IDNA, which the crate `url` takes from `idna_adapter`. The
//! newest version of that has them; the lock file of this project holds 1.0.0, which has none, so that fewer crates are built: there
//! such a name is an error ("invalid international domain name"), and `xn--bcher-kva.example` is written instead.
//!
//! **What is not there**: HTTP/2 and HTTP/3, proxies that speak SOCKS or TLS, Unix sockets, and files for the cookie jar
//! ([`CookieJar::cookies`] and [`CookieJar::set`] are what such a file is written from and read into).

// From the bytes upwards: `parser` (bytes in, events out), `connection`, `pool`, `session`.

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
mod tokens;
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
