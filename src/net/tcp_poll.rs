//! What the HTTP client needs of a [`TcpStream`] beyond its public methods: single polls, since it reads and writes in one
//! step, and an eye on a connection that nobody uses.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use crate::callback::Handle;
use crate::net::TcpStream;
use crate::observe::Site;
use crate::reactor::Direction;

impl TcpStream {
    /// Ready when something may be there to read, as far as the kernel has told.
    pub(crate) fn poll_readable(&self, context: &Context<'_>, site: Site) -> Poll<()> {
        let look = |_: &mio::net::TcpStream| Ok(());
        let polled = self
            .source
            .poll_io(context, Direction::Read, Some(site), look);
        polled.map(drop)
    }

    /// Reads what there is into `buffer`, or has the task woken when there is something.
    pub(crate) fn poll_read_at(
        &self,
        context: &Context<'_>,
        site: Site,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let wanted = buffer.len();
        let read = |mut io: &mio::net::TcpStream| io.read(buffer);
        self.source
            .poll_bytes(context, Direction::Read, Some(site), wanted, read)
    }

    /// Writes what the socket takes, or has the task woken when it takes something.
    pub(crate) fn poll_write_at(
        &self,
        context: &Context<'_>,
        site: Site,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = |mut io: &mio::net::TcpStream| io.write(bytes);
        self.source
            .poll_bytes(context, Direction::Write, Some(site), bytes.len(), write)
    }

    /// Whoever waited for this socket is not woken any more.
    pub(crate) fn forget_waiters(&self) {
        self.source.forget_waiter(Direction::Read);
        self.source.forget_waiter(Direction::Write);
    }

    /// A callback that is called once, when anything comes or the stream ends; it rests until [`watch`](TcpStream::watch).
    pub(crate) fn eye(&self, site: Site, function: impl FnOnce() + 'static) -> Handle {
        Handle::new(self.source.callback(site, function))
    }

    /// Has the eye called when anything comes. One that has come already, and that the loop knows of, counts too: false.
    pub(crate) fn watch(&self, eye: &Handle) -> bool {
        // The reactor knows of something unread, or of nothing: a read that ended short cleared its mark.
        if self.source.is_ready(Direction::Read) && !self.is_silent() {
            return false;
        }
        self.source.call(Direction::Read, eye.callback().clone());
        true
    }

    pub(crate) fn unwatch(&self) {
        self.source.forget_waiter(Direction::Read);
    }

    /// Reads what there is, without waiting; `WouldBlock` when there is nothing.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source
            .try_io(Direction::Read, |mut io| io.read(buffer))
    }

    /// Whether nothing has arrived: neither bytes nor the end of the stream. Asks the socket without waiting.
    pub(crate) fn is_silent(&self) -> bool {
        let mut byte = [0];
        let peeked = self.source.try_io(Direction::Read, |io| io.peek(&mut byte));
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Begins to connect, from `local` if that is given; the socket is writable when it is over.
    pub(crate) fn begin_connect(
        address: SocketAddr,
        local: Option<SocketAddr>,
    ) -> io::Result<TcpStream> {
        let Some(local) = local else {
            return TcpStream::register(mio::net::TcpStream::connect(address)?, false);
        };
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&local.into())?;
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => Err(error),
            _ => TcpStream::register(mio::net::TcpStream::from_std(socket.into()), false),
        }
    }

    /// Whether the connect that was begun is over.
    pub(crate) fn poll_connected(&self, context: &Context<'_>, site: Site) -> Poll<io::Result<()>> {
        let poll = super::tcp::is_connected;
        self.source
            .poll_io(context, Direction::Write, Some(site), poll)
    }
}

/// `EINPROGRESS`, or on Windows `WSAEWOULDBLOCK`: the connect goes on.
#[cfg(target_os = "linux")]
const IN_PROGRESS: i32 = 115;
#[cfg(all(unix, not(target_os = "linux")))]
const IN_PROGRESS: i32 = 36;
#[cfg(windows)]
const IN_PROGRESS: i32 = 10035;
