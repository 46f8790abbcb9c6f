//! A TCP connection for blocking code: `std::io::Read` and `Write` that suspend the greenlet instead of the thread.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use crate::greenlet::switch::try_wait;
use crate::net;
use crate::timeout;

/// `std::net::TcpStream` for greenlets: what would block the thread suspends the greenlet only. Made for libraries that take
/// anything that is `Read` and `Write`; no `async` is needed anywhere.
///
/// As with std's, a shared reference suffices to read and write, and [`try_clone`](TcpStream::try_clone) gives another handle,
/// so that one greenlet can read while another writes. Two that wait in the same direction are an error, `ResourceBusy`.
///
/// A greenlet that is cancelled in the middle of a `read` has taken nothing; its connection is closed as its stack is unwound.
///
/// # Errors
/// All that waits fails outside of a greenlet, and in a destructor that runs because of a panic or a cancellation when it would
/// have to suspend: a `BufWriter`, say, that cannot flush its rest at once.
///
/// ```
/// use glassloop::greenlet::{self, TcpStream};
/// use glassloop::net::TcpListener;
/// use std::io::{Read, Write};
///
/// glassloop::run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
///     let address = listener.local_addr().unwrap();
///     let server = greenlet::spawn(move || {
///         let (stream, _) = greenlet::wait(listener.accept()).unwrap();
///         TcpStream::from(stream).write_all(b"Hello!").unwrap();
///     });
///     let client = greenlet::spawn(move || {
///         let mut greeting = String::new();
///         let mut stream = TcpStream::connect_to(address).unwrap();
///         stream.read_to_string(&mut greeting).unwrap();
///         greeting
///     });
///     assert_eq!(client.await.unwrap(), "Hello!");
///     server.await.unwrap();
/// }).unwrap();
/// ```
pub struct TcpStream(Rc<Shared>);

/// What all handles of a connection have in common.
struct Shared {
    stream: net::TcpStream,
    read_timeout: Cell<Option<Duration>>,
    write_timeout: Cell<Option<Duration>>,
}

impl TcpStream {
    /// Connects to `host:port`; each address of the name is tried. gevent's `create_connection`.
    ///
    /// # Errors
    /// As [`net::TcpStream::connect`].
    #[track_caller]
    pub fn connect(address: &str) -> io::Result<TcpStream> {
        limited(None, net::TcpStream::connect(address)).map(TcpStream::from)
    }

    /// Connects to one address.
    ///
    /// # Errors
    /// As [`net::TcpStream::connect_to`].
    #[track_caller]
    pub fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
        limited(None, net::TcpStream::connect_to(address)).map(TcpStream::from)
    }

    /// Connects to one address, within `limit`.
    ///
    /// # Errors
    /// `TimedOut`, `InvalidInput` for a limit of zero as in std, and those of [`net::TcpStream::connect_to`].
    #[track_caller]
    pub fn connect_timeout(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
        let limit = not_zero(Some(limit))?;
        limited(limit, net::TcpStream::connect_to(address)).map(TcpStream::from)
    }

    /// How long a read may wait; `None`, as it is at first, is for ever. It holds for all handles of the connection.
    ///
    /// A read that takes longer fails with `TimedOut`, and has taken nothing.
    ///
    /// # Errors
    /// `InvalidInput` for zero, as in std.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.0.read_timeout.set(not_zero(limit)?);
        Ok(())
    }

    /// How long a write may wait; see [`set_read_timeout`](TcpStream::set_read_timeout).
    ///
    /// # Errors
    /// `InvalidInput` for zero, as in std.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.0.write_timeout.set(not_zero(limit)?);
        Ok(())
    }

    /// How long a read may wait.
    pub fn read_timeout(&self) -> Option<Duration> {
        self.0.read_timeout.get()
    }

    /// How long a write may wait.
    pub fn write_timeout(&self) -> Option<Duration> {
        self.0.write_timeout.get()
    }

    /// Another handle of the same connection, which is closed when all are dropped.
    ///
    /// # Errors
    /// None; it is a `Result` because std's is.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream(self.0.clone()))
    }

    /// Closes one or both directions.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.stream.shutdown(how)
    }

    /// Sends small writes at once instead of collecting them (`TCP_NODELAY`).
    ///
    /// # Errors
    /// Those of the socket.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.0.stream.set_nodelay(on)
    }

    /// The address of the peer.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.stream.peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.stream.local_addr()
    }

    /// Whether nothing has arrived, neither bytes nor the end of the stream. Asks the socket without waiting: a pool of
    /// connections wants to know.
    pub fn is_silent(&self) -> bool {
        self.0.stream.is_silent()
    }
}

impl From<net::TcpStream> for TcpStream {
    fn from(stream: net::TcpStream) -> TcpStream {
        TcpStream(Rc::new(Shared {
            stream,
            read_timeout: Cell::new(None),
            write_timeout: Cell::new(None),
        }))
    }
}

fn not_zero(limit: Option<Duration>) -> io::Result<Option<Duration>> {
    match limit {
        Some(Duration::ZERO) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a timeout of zero: use None for no limit",
        )),
        limit => Ok(limit),
    }
}

/// Waits for an operation, with errors in place of panics.
#[track_caller]
fn limited<R>(
    limit: Option<Duration>,
    operation: impl Future<Output = io::Result<R>>,
) -> io::Result<R> {
    let waited = match limit {
        None => try_wait(operation),
        Some(limit) => try_wait(timeout(limit, operation))
            .map(|ended| ended.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))),
    };
    waited.unwrap_or_else(|reason| Err(io::Error::other(reason)))
}

impl Read for &TcpStream {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        limited(self.read_timeout(), self.0.stream.read_shared(buffer))
    }
}

impl Write for &TcpStream {
    #[track_caller]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        limited(self.write_timeout(), self.0.stream.write_shared(buffer))
    }

    /// Does nothing: what is written is the kernel's.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for TcpStream {
    #[track_caller]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&*self).write(buffer)
    }

    /// Does nothing: what is written is the kernel's.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.stream.fmt(f)
    }
}
