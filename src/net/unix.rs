//! Unix sockets: streams, listeners and datagrams between processes of one machine.

use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::panic::Location;
use std::path::Path;

use crate::current;
use crate::net::accept::accept;
use crate::net::halves::{Duplex, ReadHalf, WriteHalf, halves};
use crate::net::moving::{futures_io, read, read_exact, write, write_all};
use crate::net::source::Source;
use crate::net::tcp::descriptor;
use crate::reactor::Direction;
use crate::text::shown_as;

/// A connected Unix socket. Dropping it closes the connection.
pub struct UnixStream {
    source: Source<mio::net::UnixStream>,
}

impl UnixStream {
    /// Connects to the socket at `path`. asyncio's `loop.create_unix_connection`, without the protocol.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused` and others from the kernel.
    ///
    /// # Panics
    /// When awaited without a running loop.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        UnixStream::register(mio::net::UnixStream::connect(path)?)
    }

    /// Two sockets connected to each other. Python's `socket.socketpair`.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    ///
    /// # Panics
    /// Without a running loop.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = mio::net::UnixStream::pair()?;
        Ok((UnixStream::register(one)?, UnixStream::register(other)?))
    }

    fn register(stream: mio::net::UnixStream) -> io::Result<UnixStream> {
        let fd = descriptor(&stream);
        let source = Source::new(current::expect(), stream, fd, true)?;
        Ok(UnixStream { source })
    }

    pub(crate) fn into_source(self) -> Source<mio::net::UnixStream> {
        self.source
    }

    /// Reads what there is, up to the length of `buffer`; 0 is the end of the stream. Cancelled, it has read nothing.
    /// asyncio's `loop.sock_recv`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a> {
        read(&self.source, buffer, Location::caller())
    }

    /// Fills `buffer`. asyncio's `StreamReader.readexactly`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the stream ends before; what was read is in `buffer` then, and lost when it is cancelled.
    #[track_caller]
    pub fn read_exact<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<()>> + use<'a> {
        read_exact(&self.source, buffer, Location::caller())
    }

    /// Writes as much of `buffer` as the socket takes now, waiting until it takes anything. Cancelled, it has written nothing.
    /// The kernel's `send`, once.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn write<'a>(
        &'a mut self,
        buffer: &'a [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a> {
        write(&self.source, buffer, Location::caller())
    }

    /// Writes all of `buffer`. How much was written when it is cancelled is not known. asyncio's `loop.sock_sendall`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn write_all<'a>(
        &'a mut self,
        buffer: &'a [u8],
    ) -> impl Future<Output = io::Result<()>> + use<'a> {
        write_all(&self.source, buffer, Location::caller())
    }

    /// Two halves that can be moved into two tasks. The connection is closed when both are dropped.
    /// asyncio's pair of reader and writer.
    pub fn split(self) -> (ReadHalf<UnixStream>, WriteHalf<UnixStream>) {
        halves(self)
    }

    /// Closes one or both directions.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.io().shutdown(how)
    }
}

impl Duplex for UnixStream {
    type Socket = mio::net::UnixStream;

    fn source(&self) -> &Source<mio::net::UnixStream> {
        &self.source
    }

    fn half_close(&self) {
        // A connection that is gone already has nothing to close.
        let _ = self.shutdown(Shutdown::Write);
    }
}

futures_io! { UnixStream }

/// A listening Unix socket. Its file stays when it is dropped.
pub struct UnixListener {
    source: Source<mio::net::UnixListener>,
}

impl UnixListener {
    /// Makes a socket at `path` and listens on it.
    ///
    /// # Errors
    /// `AddrInUse` when there is such a file.
    ///
    /// # Panics
    /// Without a running loop.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        let listener = mio::net::UnixListener::bind(path)?;
        let fd = descriptor(&listener);
        let source = Source::new(current::expect(), listener, fd, false)?;
        Ok(UnixListener { source })
    }

    pub(crate) fn into_source(self) -> Source<mio::net::UnixListener> {
        self.source
    }

    /// The next connection; cancelled, it stays for the next call. A peer that has gone before it was accepted is passed
    /// over, and when the process has no descriptors left it rests for a second and tries again. A second task that accepts
    /// from the same listener gets `ResourceBusy`. asyncio's `loop.sock_accept`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<UnixStream>> + use<'_> {
        let site = Location::caller();
        async move {
            let (stream, _) = accept(&self.source, site, |io| io.accept()).await?;
            UnixStream::register(stream)
        }
    }
}

/// A Unix socket of messages, each received whole.
pub struct UnixDatagram {
    source: Source<mio::net::UnixDatagram>,
}

impl UnixDatagram {
    /// A socket at `path`.
    ///
    /// # Errors
    /// `AddrInUse` when there is such a file.
    ///
    /// # Panics
    /// Without a running loop.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixDatagram> {
        UnixDatagram::register(mio::net::UnixDatagram::bind(path)?)
    }

    /// Two sockets connected to each other. Python's `socket.socketpair`.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    ///
    /// # Panics
    /// Without a running loop.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = mio::net::UnixDatagram::pair()?;
        Ok((UnixDatagram::register(one)?, UnixDatagram::register(other)?))
    }

    fn register(socket: mio::net::UnixDatagram) -> io::Result<UnixDatagram> {
        let fd = descriptor(&socket);
        let source = Source::new(current::expect(), socket, fd, true)?;
        Ok(UnixDatagram { source })
    }

    /// Sends one message to the socket at `path`. Cancelled, it has sent nothing. asyncio's `loop.sock_sendto`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn send_to<'a>(
        &'a self,
        message: &'a [u8],
        path: &'a Path,
    ) -> impl Future<Output = io::Result<usize>> + use<'a> {
        let site = Location::caller();
        self.source
            .attempt(Direction::Write, site, move |io| io.send_to(message, path))
    }

    /// Sends one message to the connected peer. Cancelled, it has sent nothing. asyncio's `loop.sock_sendall`, of one datagram.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn send<'a>(
        &'a self,
        message: &'a [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a> {
        let site = Location::caller();
        self.source
            .attempt(Direction::Write, site, move |io| io.send(message))
    }

    /// Receives one message and its sender; what does not fit into `buffer` is lost. Cancelled, it has received nothing.
    /// asyncio's `loop.sock_recvfrom`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn recv_from<'a>(
        &'a self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + use<'a> {
        let site = Location::caller();
        self.source
            .attempt(Direction::Read, site, move |io| io.recv_from(buffer))
    }

    /// Receives one message from the connected peer. Cancelled, it has received nothing. asyncio's `loop.sock_recv`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn recv<'a>(
        &'a self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a> {
        let site = Location::caller();
        self.source
            .attempt(Direction::Read, site, move |io| io.recv(buffer))
    }
}

shown_as! { UnixStream => "<UnixStream>", UnixListener => "<UnixListener>", UnixDatagram => "<UnixDatagram>" }
