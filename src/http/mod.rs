//! The HTTP/1.1 client, from the bytes upwards: `parser` (bytes in, events out), `connection`, `pool`, `session`.

mod chunked;
mod connection;
mod cookie;
mod cookie_date;
mod cookies;
#[cfg(feature = "gzip")]
pub mod decode;
mod error;
mod fields;
mod framing;
mod head;
#[cfg(feature = "gzip")]
mod inflate;
mod parse_error;
pub mod parser;
mod pool;
mod request;
mod response;
mod session;

pub use cookie::Cookie;
pub use cookies::CookieJar;
pub use error::{Error, ErrorKind, Phase};
pub use request::RequestBuilder;
pub use response::Response;
pub use session::{ClientSession, ClientTimeout, IntoUrl, SessionBuilder};
