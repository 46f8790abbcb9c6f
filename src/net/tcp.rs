//! A TCP stream. asyncio's counterpart is what `open_connection` gives.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::panic::Location;

#[cfg(unix)]
use std::os::fd::AsRawFd;

use crate::current;
use crate::net::halves::{Duplex, ReadHalf, WriteHalf, halves};
use crate::net::moving::{futures_io, read, read_exact, write, write_all};
use crate::net::resolver::resolve;
use crate::net::source::Source;
use crate::observe::Site;
use crate::reactor::Direction;

#[cfg(unix)]
pub(super) fn descriptor(io: &impl AsRawFd) -> i32 {
    io.as_raw_fd()
}

#[cfg(not(unix))]
pub(super) fn descriptor<T>(_: &T) -> i32 {
    -1
}

/// A connected TCP socket. Dropping it closes the connection.
///
/// Reading and writing are cancellation-safe: an operation that is dropped before it is ready has moved nothing, except
/// `read_exact` and `write_all`, which may have moved a part.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{create_task, net::{TcpListener, TcpStream}};
///
/// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
/// let address = listener.local_addr().unwrap();
/// let server = create_task(async move {
///     let (mut stream, _) = listener.accept().await.unwrap();
///     stream.write_all(b"Hello!").await.unwrap();
/// });
/// let mut stream = TcpStream::connect(&address.to_string()).await.unwrap();
/// let mut greeting = [0; 6];
/// stream.read_exact(&mut greeting).await.unwrap();
/// assert_eq!(&greeting, b"Hello!");
/// server.await.unwrap();
/// # }).unwrap();
/// ```
pub struct TcpStream {
    pub(super) source: TcpSource,
}

impl TcpStream {
    /// Connects to `host:port`. A name is looked up in the thread pool; its addresses are tried one after another.
    /// Cancelled, it leaves nothing open. asyncio's `loop.create_connection`, without the protocol.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is not `host:port`; else that of the last address tried.
    ///
    /// # Panics
    /// When awaited without a running loop.
    #[track_caller]
    pub fn connect(address: &str) -> impl Future<Output = io::Result<TcpStream>> {
        TcpStream::connect_from(address, Location::caller())
    }

    pub(super) async fn connect_from(address: &str, site: Site) -> io::Result<TcpStream> {
        let wrong =
            |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{address:?} {why}"));
        let Some((host, port)) = address.rsplit_once(':') else {
            return Err(wrong("is not of the form host:port"));
        };
        let port = port
            .parse()
            .map_err(|_| wrong("has no port from 0 to 65535"))?;
        let addresses = resolve(host, port, site).await?;
        TcpStream::connect_any(&addresses, site).await
    }

    async fn connect_any(addresses: &[SocketAddr], site: Site) -> io::Result<TcpStream> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "no address to connect to");
        for address in addresses {
            match TcpStream::connect_to_from(*address, site).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Connects to an address. Nothing blocks: the task waits until the kernel says how it went. Cancelled, it leaves nothing
    /// open. asyncio's `loop.sock_connect`.
    ///
    /// # Errors
    /// What the kernel says, such as `ConnectionRefused`.
    ///
    /// # Panics
    /// When awaited without a running loop.
    #[track_caller]
    pub fn connect_to(address: SocketAddr) -> impl Future<Output = io::Result<TcpStream>> {
        TcpStream::connect_to_from(address, Location::caller())
    }

    async fn connect_to_from(address: SocketAddr, site: Site) -> io::Result<TcpStream> {
        let stream = TcpStream::begin_connect(address, None)?;
        let connected = stream.source.attempt(Direction::Write, site, is_connected);
        connected.await?;
        Ok(stream)
    }

    pub(super) fn into_source(self) -> TcpSource {
        self.source
    }

    pub(super) fn register(stream: mio::net::TcpStream, writable: bool) -> io::Result<TcpStream> {
        let fd = descriptor(&stream);
        let source = Source::new(current::expect(), stream, fd, writable)?;
        Ok(TcpStream { source })
    }

    /// Reads what there is, up to the length of `buffer`; 0 is the end of the stream. Cancelled, it has read nothing. asyncio's
    /// `loop.sock_recv_into`.
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

    /// [`read`](TcpStream::read) of a stream that several share: whoever reads second is told so by an error.
    #[cfg(feature = "greenlet")]
    #[track_caller]
    pub(crate) fn read_shared<'a>(
        &'a self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a> {
        read(&self.source, buffer, Location::caller())
    }

    /// [`write`](TcpStream::write) of a stream that several share.
    #[cfg(feature = "greenlet")]
    #[track_caller]
    pub(crate) fn write_shared<'a>(
        &'a self,
        buffer: &'a [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a> {
        write(&self.source, buffer, Location::caller())
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

    /// Closes one or both directions: after `Shutdown::Write` the peer reads an end of stream and can still answer.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.io().shutdown(how)
    }

    /// Sends small writes at once instead of collecting them (`TCP_NODELAY`).
    ///
    /// # Errors
    /// Those of the socket.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.source.io().set_nodelay(on)
    }

    /// The address of the peer.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// Two halves that can be moved into two tasks. The connection is closed when both are dropped.
    /// asyncio's pair of reader and writer.
    pub fn split(self) -> (ReadHalf<TcpStream>, WriteHalf<TcpStream>) {
        halves(self)
    }
}

impl Duplex for TcpStream {
    type Socket = mio::net::TcpStream;

    fn source(&self) -> &TcpSource {
        &self.source
    }

    fn half_close(&self) {
        // A connection that is gone already has nothing to close.
        let _ = self.shutdown(Shutdown::Write);
    }
}

/// A connect is over when the socket is writable, has no error, and knows its peer.
pub(super) fn is_connected(stream: &mio::net::TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}

pub(super) type TcpSource = Source<mio::net::TcpStream>;

futures_io! { TcpStream }

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer_addr() {
            Ok(peer) => write!(f, "<TcpStream to {peer}>"),
            Err(_) => f.write_str("<TcpStream unconnected>"),
        }
    }
}
