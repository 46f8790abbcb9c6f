//! A TCP connection for blocking code: `std::io::Read` and `Write` that suspend the greenlet instead of the thread.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use crate::greenlet::switch::wait;
use crate::net;

/// A [`net::TcpStream`] whose reading and writing looks blocking and suspends the greenlet only.
///
/// Every method that waits panics outside of a greenlet; see [`wait`].
#[derive(Debug)]
pub struct TcpStream(net::TcpStream);

impl TcpStream {
    /// Connects to `host:port`; each address of the name is tried. gevent's `create_connection`.
    pub fn connect(address: &str) -> io::Result<TcpStream> {
        wait(net::TcpStream::connect(address)).map(TcpStream)
    }

    /// Connects to one address.
    pub fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
        wait(net::TcpStream::connect_to(address)).map(TcpStream)
    }

    /// The connection for coroutines.
    pub fn into_inner(self) -> net::TcpStream {
        self.0
    }
}

impl From<net::TcpStream> for TcpStream {
    fn from(stream: net::TcpStream) -> TcpStream {
        TcpStream(stream)
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        wait(self.0.read(buffer))
    }
}

impl Write for TcpStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        wait(self.0.write(buffer))
    }

    /// Does nothing: what is written is the kernel's.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
