//! Sockets on the loop: TCP, UDP and Unix sockets, asyncio's streams over them, and name resolution off the loop.

mod accept;
mod halves;
mod listener;
mod moving;
mod resolver;
mod source;
mod streams;
mod tcp;
mod tcp_poll;
mod udp;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) mod watch;

pub use halves::{ReadHalf, WriteHalf};
pub use listener::TcpListener;
pub use streams::{
    DEFAULT_LIMIT, Server, StreamError, StreamReader, StreamWriter, open_connection, start_server,
};
#[cfg(unix)]
pub use streams::{open_unix_connection, start_unix_server};
pub use tcp::TcpStream;
pub use udp::UdpSocket;
#[cfg(unix)]
pub use unix::{UnixDatagram, UnixListener, UnixStream};
