//! The reading half of a stream. It reads from the socket when its buffer does not suffice, into the buffer: a read that
//! is cancelled has taken nothing out of it.

use std::cmp::Reverse;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::Location;
use std::rc::Rc;

use crate::net::streams::connection::Connection;
use crate::net::streams::error::StreamError;
use crate::observe::Site;

/// The longest line that a reader takes unless it is told otherwise, in bytes: 64 KiB.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// The most that is asked of the socket at a time.
const CHUNK: usize = 64 * 1024;

/// Reads from a connection by lines, separators and lengths. asyncio's `StreamReader`.
///
/// All its reads are cancellation-safe: what had arrived is given to the next one.
pub struct StreamReader {
    connection: Rc<Connection>,
    buffer: Vec<u8>,
    eof: bool,
    limit: usize,
}

/// A read that may wait; when it is over, or dropped, the loop forgets that somebody did.
struct Waiting(Rc<Connection>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.forget_reader();
    }
}

impl StreamReader {
    pub(crate) fn new(connection: Rc<Connection>) -> StreamReader {
        StreamReader {
            connection,
            buffer: Vec::new(),
            eof: false,
            limit: DEFAULT_LIMIT,
        }
    }

    /// Sets how long a line, or what comes before a separator, may be. It does not bound `readexactly` and `read_to_end`.
    /// asyncio's argument `limit`.
    pub fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    /// Whether the stream has ended and everything was read. asyncio's `at_eof`.
    pub fn at_eof(&self) -> bool {
        self.eof && self.buffer.is_empty()
    }

    /// What has arrived and was not yet asked for. asyncio has no counterpart.
    pub fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// Appends to the buffer what arrives next; at the end of the stream it sets `eof`.
    async fn fill(&mut self, site: Site) -> Result<(), StreamError> {
        let _waiting = Waiting(self.connection.clone());
        let read = poll_fn(|context| {
            self.connection
                .poll_read(context, site, &mut self.buffer, CHUNK)
        });
        self.eof = read.await? == 0;
        Ok(())
    }

    fn take(&mut self, n: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(n);
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Up to `n` bytes, at least one; empty at the end of the stream. Cancelled, it loses nothing. asyncio's `read(n)`.
    ///
    /// # Errors
    /// Those of the connection.
    #[track_caller]
    pub fn read(&mut self, n: usize) -> impl Future<Output = Result<Vec<u8>, StreamError>> {
        let site = Location::caller();
        async move {
            if n > 0 && self.buffer.is_empty() && !self.eof {
                self.fill(site).await?;
            }
            Ok(self.take(n.min(self.buffer.len())))
        }
    }

    /// Everything up to the end of the stream. Cancelled, it loses nothing: what has arrived stays in the buffer. asyncio's
    /// `read(-1)`.
    ///
    /// # Errors
    /// Those of the connection; what had arrived stays in the buffer.
    #[track_caller]
    pub fn read_to_end(&mut self) -> impl Future<Output = Result<Vec<u8>, StreamError>> {
        let site = Location::caller();
        async move {
            while !self.eof {
                self.fill(site).await?;
            }
            Ok(self.take(self.buffer.len()))
        }
    }

    /// Exactly `n` bytes. Cancelled, it loses nothing: what has arrived stays in the buffer. asyncio's `readexactly`.
    ///
    /// # Errors
    /// [`StreamError::Incomplete`] when the stream ends before.
    #[track_caller]
    pub fn readexactly(&mut self, n: usize) -> impl Future<Output = Result<Vec<u8>, StreamError>> {
        let site = Location::caller();
        async move {
            while self.buffer.len() < n {
                if self.eof {
                    let partial = self.take(self.buffer.len());
                    let expected = Some(n);
                    return Err(StreamError::Incomplete { partial, expected });
                }
                self.fill(site).await?;
            }
            Ok(self.take(n))
        }
    }

    /// Everything up to and with `separator`. Cancelled, it loses nothing: what has arrived stays in the buffer. asyncio's
    /// `readuntil`.
    ///
    /// # Errors
    /// [`StreamError::Incomplete`] when the stream ends before, [`StreamError::LimitOverrun`] when it is too far away, and
    /// `InvalidInput` for an empty separator.
    #[track_caller]
    pub fn readuntil(
        &mut self,
        separator: &[u8],
    ) -> impl Future<Output = Result<Vec<u8>, StreamError>> {
        let site = Location::caller();
        async move { self.read_until(&[separator], site).await }
    }

    /// [`readuntil`](StreamReader::readuntil) with several separators, of which the one counts that ends first. asyncio's
    /// `readuntil` with a tuple.
    ///
    /// # Errors
    /// Those of `readuntil`, and `InvalidInput` for no separators.
    ///
    /// ```
    /// # glassloop::run(async {
    /// # let server = glassloop::net::start_server("127.0.0.1:0", async |_, mut writer| writer.write(b"a\rb\r\n").unwrap()).unwrap();
    /// # let (mut reader, _writer) = glassloop::net::open_connection(&server.local_addr().unwrap().to_string()).await.unwrap();
    /// // The peer has sent "a\rb\r\n".
    /// assert_eq!(reader.readuntil_any(&[b"\r\n", b"\r"]).await.unwrap(), b"a\r");
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn readuntil_any(
        &mut self,
        separators: &[&[u8]],
    ) -> impl Future<Output = Result<Vec<u8>, StreamError>> {
        self.read_until(separators, Location::caller())
    }

    async fn read_until(
        &mut self,
        separators: &[&[u8]],
        site: Site,
    ) -> Result<Vec<u8>, StreamError> {
        let longest = separators.iter().map(|separator| separator.len()).max();
        let Some(longest) = longest else {
            return Err(no_separator(
                "Separator should contain at least one element",
            ));
        };
        if separators.contains(&&b""[..]) {
            return Err(no_separator("Separator should be at least one-byte string"));
        }
        let mut searched = 0;
        loop {
            let fresh = &self.buffer[searched..];
            let found = separators.iter().filter_map(|separator| {
                let mut windows = fresh.windows(separator.len());
                let at = searched + windows.position(|window| window == *separator)?;
                Some((at + separator.len(), at))
            });
            // The first to end; of several that end there the shortest.
            if let Some((end, at)) = found.min_by_key(|(end, at)| (*end, Reverse(*at))) {
                if at > self.limit {
                    return Err(StreamError::LimitOverrun {
                        consumed: at,
                        found: true,
                    });
                }
                return Ok(self.take(end));
            }
            // The last bytes may be the beginning of a separator.
            searched = (self.buffer.len() + 1).saturating_sub(longest);
            if searched > self.limit {
                return Err(StreamError::LimitOverrun {
                    consumed: searched,
                    found: false,
                });
            }
            if self.eof {
                let partial = self.take(self.buffer.len());
                return Err(StreamError::Incomplete {
                    partial,
                    expected: None,
                });
            }
            self.fill(site).await?;
        }
    }

    /// A line with its `\n`; without one the last line of the stream; empty at the end. Cancelled, it loses nothing. asyncio's
    /// `readline`.
    ///
    /// # Errors
    /// [`StreamError::LimitOverrun`] for a line that is too long. Unlike asyncio's, nothing is thrown away.
    #[track_caller]
    pub fn readline(&mut self) -> impl Future<Output = Result<Vec<u8>, StreamError>> {
        let site = Location::caller();
        async move {
            match self.read_until(&[b"\n"], site).await {
                Err(StreamError::Incomplete { partial, .. }) => Ok(partial),
                other => other,
            }
        }
    }
}

fn no_separator(why: &str) -> StreamError {
    io::Error::new(io::ErrorKind::InvalidInput, why).into()
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<StreamReader")?;
        if !self.buffer.is_empty() {
            write!(f, " {} bytes", self.buffer.len())?;
        }
        f.write_str(if self.eof { " eof>" } else { ">" })
    }
}
