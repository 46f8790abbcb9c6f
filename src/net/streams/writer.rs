//! The writing half of a stream.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use crate::net::streams::connection::Connection;
use crate::time::yield_now;

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

    /// Waits, once more than 64 KiB are unsent, until no more than 16 KiB are. Cancelling it loses nothing.
    ///
    /// # Errors
    /// `ConnectionReset` when the connection is lost.
    pub async fn drain(&mut self) -> io::Result<()> {
        if self.connection.is_closing() && self.connection.failure().is_none() {
            yield_now().await;
        }
        poll_fn(|context| self.connection.poll_drained(context)).await
    }

    /// How many bytes are written and not yet sent.
    pub fn unsent(&self) -> usize {
        self.connection.unsent()
    }

    /// Ends this direction once everything is sent: the peer reads an end of stream, and can still answer.
    pub fn write_eof(&mut self) {
        self.connection.write_eof();
    }

    /// Closes the connection once everything is sent. Does not wait: see [`wait_closed`](StreamWriter::wait_closed).
    pub fn close(&mut self) {
        self.connection.close();
    }

    /// Waits until the connection is closed.
    ///
    /// # Errors
    /// `ConnectionReset` when it was lost instead.
    pub async fn wait_closed(&mut self) -> io::Result<()> {
        poll_fn(|context| self.connection.poll_closed(context)).await
    }

    /// Whether the connection is closed or about to be.
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
