//! What a connection needs of its socket, so that TCP and Unix sockets are one to the streams.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::task::{Context, Poll};

use crate::net::source::Source;
use crate::observe::Site;
use crate::reactor::Direction;

pub(crate) trait Transport {
    /// Appends up to `most` bytes; 0 is the end of the stream.
    fn poll_read(
        &self,
        context: &Context<'_>,
        site: Site,
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> Poll<io::Result<usize>>;
    /// Whoever waited for something to read does not any more.
    fn forget_reader(&self);
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Calls once when there is room again. Only after a `WouldBlock`: the kernel reports changes.
    fn when_writable(&self, site: Site, function: Box<dyn FnOnce()>);
    fn shutdown(&self) -> io::Result<()>;
    /// TCP only.
    fn addresses(&self) -> Option<(SocketAddr, SocketAddr)>;
}

pub(crate) trait Socket: mio::event::Source {
    fn half_close(&self) -> io::Result<()>;
    fn addresses(&self) -> Option<(SocketAddr, SocketAddr)>;
}

impl Socket for mio::net::TcpStream {
    fn half_close(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.local_addr().ok().zip(self.peer_addr().ok())
    }
}

#[cfg(unix)]
impl Socket for mio::net::UnixStream {
    fn half_close(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        None
    }
}

impl<S: Socket> Transport for Source<S>
where
    for<'a> &'a S: Read + Write,
{
    fn poll_read(
        &self,
        context: &Context<'_>,
        site: Site,
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        self.poll_bytes(context, Direction::Read, Some(site), most, |mut io| {
            let filled = buffer.len();
            buffer.resize(filled + most, 0);
            let read = io.read(&mut buffer[filled..]);
            buffer.truncate(filled + read.as_ref().unwrap_or(&0));
            read
        })
    }

    fn forget_reader(&self) {
        self.forget_waiter(Direction::Read);
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_io(Direction::Write, |mut io| io.write(bytes))
    }

    fn when_writable(&self, site: Site, function: Box<dyn FnOnce()>) {
        self.call_when_ready(Direction::Write, site, function);
    }

    fn shutdown(&self) -> io::Result<()> {
        self.io().half_close()
    }

    fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.io().addresses()
    }
}
