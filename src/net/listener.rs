//! A listening TCP socket. asyncio's counterpart is `start_server`.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;

use crate::current;
use crate::net::accept::accept;
use crate::net::source::Source;
use crate::net::tcp::{TcpStream, descriptor};

/// A listening TCP socket.
pub struct TcpListener {
    source: Source<mio::net::TcpListener>,
}

impl TcpListener {
    /// Listens on an address such as `127.0.0.1:5000`; port 0 picks a free one. Python's `socket.create_server`.
    ///
    /// # Errors
    /// `InvalidInput` for what is no address; `AddrInUse` and others from the kernel.
    ///
    /// # Panics
    /// Without a running loop.
    pub fn bind(address: &str) -> io::Result<TcpListener> {
        let address: SocketAddr = address.parse().map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{address:?} is not an address such as 127.0.0.1:5000"),
            )
        })?;
        let listener = mio::net::TcpListener::bind(address)?;
        let fd = descriptor(&listener);
        let source = Source::new(current::expect(), listener, fd, false)?;
        Ok(TcpListener { source })
    }

    /// Takes over a socket that already listens, made with options that [`bind`](TcpListener::bind) does not offer. asyncio's
    /// `sock` argument of `create_server`.
    ///
    /// # Errors
    /// What the kernel says when it is made non-blocking, or watched.
    ///
    /// # Panics
    /// Without a running loop.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        let listener = mio::net::TcpListener::from_std(listener);
        let fd = descriptor(&listener);
        let source = Source::new(current::expect(), listener, fd, false)?;
        Ok(TcpListener { source })
    }

    pub(super) fn into_source(self) -> Source<mio::net::TcpListener> {
        self.source
    }

    /// The next connection; cancelled, it stays for the next call. A peer that has gone before it was accepted is passed
    /// over, and when the process has no descriptors left it rests for a second and tries again. A second task that accepts
    /// from the same listener gets `ResourceBusy`. asyncio's `loop.sock_accept`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + use<'_> {
        let site = Location::caller();
        async move {
            let (stream, peer) = accept(&self.source, site, |io| io.accept()).await?;
            Ok((TcpStream::register(stream, true)?, peer))
        }
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.local_addr() {
            Ok(address) => write!(f, "<TcpListener on {address}>"),
            Err(_) => f.write_str("<TcpListener>"),
        }
    }
}
