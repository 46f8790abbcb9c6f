//! A connection that has left HTTP behind: after `101 Switching Protocols` it belongs to whoever asked for that.

use std::fmt;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use crate::http::pool::Permit;
use crate::http::reading::Reading;
use crate::http::transport::Transport;

/// What [`Response::upgrade`](crate::http::Response::upgrade) gives: bytes in both directions. Dropping it closes the
/// connection; until then it counts in the session's limits.
///
/// Reading and writing need the loop. A read that is cancelled loses nothing; what a write took before it was cancelled is sent.
/// Errors are those of the socket.
pub struct Upgraded {
    transport: Transport,
    /// What the server has sent behind the head, from `at` on.
    first: Vec<u8>,
    at: usize,
    _permit: Permit,
}

impl Upgraded {
    pub(crate) fn new(reading: Reading) -> Upgraded {
        let (connection, permit) = reading.into_parts();
        let (transport, first) = connection.into_parts();
        Upgraded {
            transport,
            first,
            at: 0,
            _permit: permit,
        }
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let first = &self.first[self.at..];
        if first.is_empty() {
            return self
                .transport
                .poll_read(context, Location::caller(), buffer);
        }
        let n = first.len().min(buffer.len());
        buffer[..n].copy_from_slice(&first[..n]);
        self.at += n;
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.transport
            .poll_write(context, Location::caller(), bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_flush(context, Location::caller())
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_close(context, Location::caller())
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<Upgraded connection>")
    }
}
