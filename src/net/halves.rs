//! The two halves of a stream, for two tasks. asyncio's `open_connection` gives such a pair, with buffers.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use crate::net::moving::{self, Bytes, poll_read, poll_write};
use crate::net::source::Source;

/// A stream that can be split: [`TcpStream`](crate::net::TcpStream) and `UnixStream`; sealed.
pub trait Duplex {
    #[doc(hidden)]
    type Socket: Bytes;
    #[doc(hidden)]
    fn source(&self) -> &Source<Self::Socket>;
    #[doc(hidden)]
    fn half_close(&self);
}

/// The reading half of a [`TcpStream`](crate::net::TcpStream) or a `UnixStream`, from its `split`.
pub struct ReadHalf<T: Duplex>(Rc<T>);

/// The writing half of a [`TcpStream`](crate::net::TcpStream) or a `UnixStream`, from its `split`. Dropping it closes that
/// direction: the peer reads the end of the stream.
pub struct WriteHalf<T: Duplex>(Rc<T>);

pub(super) fn halves<T: Duplex>(stream: T) -> (ReadHalf<T>, WriteHalf<T>) {
    let stream = Rc::new(stream);
    (ReadHalf(stream.clone()), WriteHalf(stream))
}

impl<T: Duplex> ReadHalf<T> {
    /// As [`TcpStream::read`](crate::net::TcpStream::read). Cancelled, it has read nothing. asyncio's `loop.sock_recv`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a, T> {
        moving::read(self.0.source(), buffer, Location::caller())
    }

    /// As [`TcpStream::read_exact`](crate::net::TcpStream::read_exact). asyncio's `StreamReader.readexactly`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the stream ends before; what was read is in `buffer` then, and lost when it is cancelled.
    #[track_caller]
    pub fn read_exact<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<()>> + use<'a, T> {
        moving::read_exact(self.0.source(), buffer, Location::caller())
    }
}

impl<T: Duplex> WriteHalf<T> {
    /// As [`TcpStream::write`](crate::net::TcpStream::write). Cancelled, it has written nothing. The kernel's `send`, once.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn write<'a>(
        &'a mut self,
        buffer: &'a [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a, T> {
        moving::write(self.0.source(), buffer, Location::caller())
    }

    /// As [`TcpStream::write_all`](crate::net::TcpStream::write_all). How much was written when it is cancelled is not known.
    /// asyncio's `loop.sock_sendall`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn write_all<'a>(
        &'a mut self,
        buffer: &'a [u8],
    ) -> impl Future<Output = io::Result<()>> + use<'a, T> {
        moving::write_all(self.0.source(), buffer, Location::caller())
    }
}

impl<T: Duplex> Drop for WriteHalf<T> {
    fn drop(&mut self) {
        self.0.half_close();
    }
}

impl<T: Duplex> AsyncRead for ReadHalf<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        poll_read(self.0.source(), context, None, buffer)
    }
}

impl<T: Duplex> AsyncWrite for WriteHalf<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        poll_write(self.0.source(), context, None, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.half_close();
        Poll::Ready(Ok(()))
    }
}

impl<T: Duplex + fmt::Debug> fmt::Debug for ReadHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ReadHalf of {:?}>", self.0)
    }
}

impl<T: Duplex + fmt::Debug> fmt::Debug for WriteHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<WriteHalf of {:?}>", self.0)
    }
}
