//! asyncio's streams: a buffered reader and a buffered writer over one connection, and servers that hand them out.
//!
//! `open`, `server` → `reader`, `writer` → `connection` → `transport`.

mod connection;
mod error;
mod open;
mod reader;
mod server;
#[cfg(unix)]
mod socket_file;
mod transport;
mod writer;

pub use error::StreamError;
pub use open::open_connection;
#[cfg(unix)]
pub use open::open_unix_connection;
pub use reader::{DEFAULT_LIMIT, StreamReader};
#[cfg(unix)]
pub use server::start_unix_server;
pub use server::{Server, start_server};
pub use writer::StreamWriter;
