//! The writing half of a stream.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::net::streams::connection::Connection;
use crate::time::sleep_at;

/// Writes to a connection without waiting; [`drain`](StreamWriter::drain) waits for a slow peer. asyncio's `StreamWriter`.
///
/// Dropping it closes the connection, after what was written has been sent.
pub struct StreamWriter {
    connection: Rc<Connection>,
}

impl StreamWriter {
    pub(crate) fn new(connection: Rc<Connection>) -> StreamWriter {
        StreamWriter { connection }
    }

    /// Sends what the socket takes now and keeps the rest, which is sent in the background. Never waits. After
    /// [`close`](StreamWriter::close) or a lost connection the bytes are dropped with a warning, as in asyncio.
    ///
    /// # Errors
    /// `InvalidInput` after [`write_eof`](StreamWriter::write_eof).
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.connection.eof_written.get() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "Cannot call write() after write_eof()",
            ));
        }
        self.connection.write(bytes);
        Ok(())
    }

    /// Writes several pieces, one after another.
    ///
    /// # Errors
    /// Those of [`write`](StreamWriter::write).
    pub fn writelines<B: AsRef<[u8]>>(
        &mut self,
        pieces: impl IntoIterator<Item = B>,
    ) -> io::Result<()> {
        pieces
            .into_iter()
            .try_for_each(|piece| self.write(piece.as_ref()))
    }

    /// Waits, once more than 64 KiB are unsent, until no more than 16 KiB are. Cancelling it loses nothing. asyncio's
    /// `drain`.
    ///
    /// # Errors
    /// `ConnectionReset` when the connection is lost, or was closed before.
    #[track_caller]
    pub fn drain(&mut self) -> impl Future<Output = io::Result<()>> {
        let site = Location::caller();
        async move {
            if self.connection.is_closing() && self.connection.failure().is_none() {
                sleep_at(Duration::ZERO, site).await;
            }
            // Only now: whoever waits already is not told of a close, which loses nothing of what was written before.
            self.connection.check()?;
            poll_fn(|context| self.connection.poll_drained(context, site)).await
        }
    }

    /// How many bytes are written and not yet sent. asyncio's `transport.get_write_buffer_size()`.
    pub fn unsent(&self) -> usize {
        self.connection.unsent()
    }

    /// Ends this direction once everything is sent: the peer reads an end of stream, and can still answer.
    pub fn write_eof(&mut self) {
        self.connection.write_eof();
    }

    /// Closes the connection once everything is sent. Does not wait: see [`wait_closed`](StreamWriter::wait_closed).
    /// asyncio's `close`.
    pub fn close(&mut self) {
        self.connection.close();
    }

    /// Waits until the connection is closed. Cancelled, it is closed all the same, later. asyncio's `wait_closed`.
    ///
    /// # Errors
    /// `ConnectionReset` when it was lost instead.
    #[track_caller]
    pub fn wait_closed(&mut self) -> impl Future<Output = io::Result<()>> {
        let site = Location::caller();
        poll_fn(move |context| self.connection.poll_closed(context, site))
    }

    /// Whether the connection is closed or about to be. asyncio's `is_closing`.
    pub fn is_closing(&self) -> bool {
        self.connection.is_closing()
    }

    /// The address of the peer; `None` for a Unix socket. asyncio's `get_extra_info("peername")`.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.connection.addresses().map(|(_, peer)| peer)
    }

    /// The address of this end; `None` for a Unix socket. asyncio's `get_extra_info("sockname")`.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.connection.addresses().map(|(local, _)| local)
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.connection.close();
    }
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<StreamWriter")?;
        if let Some(peer) = self.peer_addr() {
            write!(f, " to {peer}")?;
        }
        if self.is_closing() {
            f.write_str(" closing")?;
        }
        write!(f, " bufsize={}>", self.unsent())
    }
}
