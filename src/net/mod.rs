//! Sockets on the loop: TCP streams and listeners, and name resolution off the loop.

mod listener;
mod resolver;
mod source;
mod tcp;
#[cfg(unix)]
pub(crate) mod watch;

pub use listener::TcpListener;
pub(crate) use resolver::resolve;
pub use tcp::{ReadHalf, TcpStream, WriteHalf};
