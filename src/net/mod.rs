//! Sockets on the loop: TCP streams and listeners, and name resolution off the loop.

mod resolver;
mod source;
mod tcp;

pub(crate) use resolver::resolve;
pub use tcp::{ReadHalf, TcpListener, TcpStream, WriteHalf};
