//! Servers: each connection is given to a task of its own.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

use crate::core::Core;
use crate::current;
use crate::exception::ExceptionContext;
use crate::net::accept::{ACCEPT_RETRY_DELAY, is_exhausted};
use crate::net::listener::TcpListener;
use crate::net::source::Source;
use crate::net::streams::connection::{Connection, note_wait};
use crate::net::streams::open::pair;
use crate::net::streams::reader::StreamReader;
#[cfg(unix)]
use crate::net::streams::socket_file::SocketFile;
use crate::net::streams::transport::{Socket, Transport};
use crate::net::streams::writer::StreamWriter;
use crate::net::tcp::descriptor;
#[cfg(unix)]
use crate::net::unix::UnixListener;
use crate::observe::Site;
use crate::reactor::Direction;
use crate::report;
use crate::task::{self, Task};
use crate::timers::Target;

/// How many connections are accepted in one turn.
const BACKLOG: usize = 100;

/// A listening socket under the reactor's eye.
trait Accept {
    fn accept(&self, core: &Rc<Core>) -> io::Result<Box<dyn Transport>>;
    fn when_readable(&self, function: Box<dyn FnOnce()>);
}

trait Listener: mio::event::Source {
    type Stream: Socket + 'static;
    fn accept_one(&self) -> io::Result<(Self::Stream, i32)>;
}

impl Listener for mio::net::TcpListener {
    type Stream = mio::net::TcpStream;

    fn accept_one(&self) -> io::Result<(Self::Stream, i32)> {
        let (stream, _) = self.accept()?;
        stream.set_nodelay(true)?;
        let fd = descriptor(&stream);
        Ok((stream, fd))
    }
}

#[cfg(unix)]
impl Listener for mio::net::UnixListener {
    type Stream = mio::net::UnixStream;

    fn accept_one(&self) -> io::Result<(Self::Stream, i32)> {
        let (stream, _) = self.accept()?;
        let fd = descriptor(&stream);
        Ok((stream, fd))
    }
}

impl<L: Listener> Accept for Source<L>
where
    for<'a> &'a L::Stream: Read + Write,
{
    fn accept(&self, core: &Rc<Core>) -> io::Result<Box<dyn Transport>> {
        let (stream, fd) = self.try_io(Direction::Read, Listener::accept_one)?;
        Ok(Box::new(Source::new(core.clone(), stream, fd, true)?))
    }

    fn when_readable(&self, function: Box<dyn FnOnce()>) {
        self.call_when_ready(Direction::Read, Location::caller(), function);
    }
}

/// A Unix listener and its file, which goes with it.
#[cfg(unix)]
struct WithFile(
    Source<mio::net::UnixListener>,
    #[expect(dead_code)] SocketFile,
);

#[cfg(unix)]
impl Accept for WithFile {
    fn accept(&self, core: &Rc<Core>) -> io::Result<Box<dyn Transport>> {
        self.0.accept(core)
    }

    fn when_readable(&self, function: Box<dyn FnOnce()>) {
        self.0.when_readable(function);
    }
}

type Handler = dyn Fn(StreamReader, StreamWriter) -> Result<(), crate::LoopError>;

struct Inner {
    core: Rc<Core>,
    /// `None` once it is closed.
    listener: RefCell<Option<Box<dyn Accept>>>,
    handler: Box<Handler>,
    clients: RefCell<Vec<Weak<Connection>>>,
    /// Connections that are not closed.
    live: Cell<usize>,
    serving_forever: Cell<bool>,
    waiters: RefCell<Vec<Waker>>,
}

/// A server that accepts connections until it is closed or dropped. asyncio's `Server`.
pub struct Server {
    inner: Rc<Inner>,
    address: Option<SocketAddr>,
}

/// Listens on an address such as `127.0.0.1:0`, and runs `handler` as a task for each connection. asyncio's `start_server`.
///
/// # Errors
/// Those of [`TcpListener::bind`].
///
/// # Panics
/// Without a running loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::net::{open_connection, start_server};
///
/// let server = start_server("127.0.0.1:0", async |mut reader, mut writer| {
///     let line = reader.readline().await.unwrap();
///     writer.write(&line).unwrap();
/// }).unwrap();
/// let address = server.local_addr().unwrap().to_string();
/// let (mut reader, mut writer) = open_connection(&address).await.unwrap();
/// writer.write(b"echo\n").unwrap();
/// assert_eq!(reader.readline().await.unwrap(), b"echo\n");
/// # }).unwrap();
/// ```
#[track_caller]
pub fn start_server<H>(address: &str, handler: H) -> io::Result<Server>
where
    H: AsyncFn(StreamReader, StreamWriter) + 'static,
{
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let site = Location::caller();
    Ok(serve(listener.into_source(), Some(address), handler, site))
}

/// Listens on a Unix socket at `path`; as [`start_server`]. A socket that another server has left there is replaced, and the
/// file is removed when the server is closed. asyncio's `start_unix_server`.
///
/// # Errors
/// `AddrInUse` when there is a file that is no socket; others from the kernel.
///
/// # Panics
/// Without a running loop.
#[cfg(unix)]
#[track_caller]
pub fn start_unix_server<H>(path: impl AsRef<std::path::Path>, handler: H) -> io::Result<Server>
where
    H: AsyncFn(StreamReader, StreamWriter) + 'static,
{
    let path = path.as_ref();
    SocketFile::make_room(path)?;
    let listener = UnixListener::bind(path)?.into_source();
    let listener = WithFile(listener, SocketFile::own(path)?);
    Ok(serve(listener, None, handler, Location::caller()))
}

/// `site`: where the tasks of the connections are said to come from.
fn serve<H>(
    listener: impl Accept + 'static,
    address: Option<SocketAddr>,
    handler: H,
    site: Site,
) -> Server
where
    H: AsyncFn(StreamReader, StreamWriter) + 'static,
{
    let core = current::expect();
    let handler = Rc::new(handler);
    let spawner = core.clone();
    let inner = Rc::new(Inner {
        core,
        listener: RefCell::new(Some(Box::new(listener))),
        handler: Box::new(move |reader, writer| {
            let peer = writer.peer_addr();
            let handling = client_connected_cb(handler.clone(), reader, writer);
            let handling: Task<()> = task::spawn(spawner.clone(), handling, site)?;
            handling.add_done_callback(move |handling| report_failure(handling, peer));
            Ok(())
        }),
        clients: RefCell::default(),
        live: Cell::new(0),
        serving_forever: Cell::new(false),
        waiters: RefCell::default(),
    });
    inner.accept_later();
    Server { inner, address }
}

/// The coroutine of a connection, which lists of tasks show by the name of asyncio's parameter.
async fn client_connected_cb<H>(handler: Rc<H>, reader: StreamReader, writer: StreamWriter)
where
    H: AsyncFn(StreamReader, StreamWriter),
{
    handler(reader, writer).await
}

/// Of a handler that has panicked nobody else would tell: its task belongs to the server.
fn report_failure(handling: &Task<()>, peer: Option<SocketAddr>) {
    if let Ok(Some(panic)) = handling.exception() {
        let peer = peer.map_or_else(|| "a Unix socket".to_owned(), |peer| peer.to_string());
        let context = ExceptionContext {
            message: "Unhandled exception in client_connected_cb".to_owned(),
            source: format!("task: {:?}\ntransport: to {peer}", handling.as_any()),
            panic: Some(panic),
        };
        current::expect().exceptions.report(&context);
    }
}

impl Inner {
    fn accept_later(self: &Rc<Self>) {
        let server = Rc::downgrade(self);
        if let Some(listener) = &*self.listener.borrow() {
            listener.when_readable(Box::new(move || {
                if let Some(server) = server.upgrade() {
                    server.accept();
                }
            }));
        }
    }

    /// Accepts until nobody waits; what is too much for one turn, or for the process, comes later.
    fn accept(self: &Rc<Self>) {
        for _ in 0..BACKLOG {
            let accepted = match &*self.listener.borrow() {
                Some(listener) => listener.accept(&self.core),
                None => return,
            };
            match accepted {
                Ok(transport) => self.connected(transport),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.accept_later();
                }
                Err(error) if is_exhausted(&error) => {
                    report::warning!("accept: {error}; trying again in a second");
                    return self.accept_at(self.core.clock.after(ACCEPT_RETRY_DELAY));
                }
                // A peer that has gone before it was accepted.
                Err(error) => log::debug!("accept: {error}"),
            }
        }
        self.accept_at(Some(self.core.clock.last()));
    }

    fn accept_at(self: &Rc<Self>, when: Option<u64>) {
        let server = Rc::downgrade(self);
        let again = move || {
            if let Some(server) = server.upgrade() {
                server.accept();
            }
        };
        let callback = self.core.callback(Location::caller(), when, again);
        if let Some(when) = when {
            self.core
                .set_timer(when, Target::Callback(Box::new(callback)));
        }
    }

    fn connected(self: &Rc<Self>, transport: Box<dyn Transport>) {
        self.live.set(self.live.get() + 1);
        let server = self.clone();
        let on_closed = move || {
            server.live.set(server.live.get() - 1);
            server.wake();
        };
        let connection = Connection::new(transport, Box::new(on_closed));
        let mut clients = self.clients.borrow_mut();
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Rc::downgrade(&connection));
        drop(clients);
        let (reader, writer) = pair(connection);
        if let Err(error) = (self.handler)(reader, writer) {
            report::error!("Unhandled exception in client_connected_cb: {error}");
        }
    }

    fn close(&self) {
        let listener = self.listener.take();
        drop(listener);
        self.wake();
    }

    fn is_closed(&self) -> bool {
        self.listener.borrow().is_none()
    }

    fn wake(&self) {
        let waiters = self.waiters.take();
        waiters.into_iter().for_each(Waker::wake);
    }

    async fn wait_until(&self, reached: impl Fn() -> bool, spot: (&'static str, Site)) {
        let (what, site) = spot;
        poll_fn(|context| {
            if reached() {
                return Poll::Ready(());
            }
            self.waiters.borrow_mut().push(context.waker().clone());
            note_wait(what, site);
            Poll::Pending
        })
        .await;
    }

    fn clients(&self) -> Vec<Rc<Connection>> {
        self.clients
            .borrow()
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }
}

impl Server {
    /// The address it listens on; `None` for a Unix socket. asyncio's `sockets[0].getsockname()`.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether it accepts connections. asyncio's `is_serving`.
    pub fn is_serving(&self) -> bool {
        !self.inner.is_closed()
    }

    /// Stops listening. Connections and their handlers go on. asyncio's `close`.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Closes the connections, each after what was written has been sent. asyncio's `close_clients`.
    pub fn close_clients(&self) {
        self.inner
            .clients()
            .iter()
            .for_each(|client| client.close());
    }

    /// Closes the connections at once; what was not sent is lost. asyncio's `abort_clients`.
    pub fn abort_clients(&self) {
        self.inner
            .clients()
            .iter()
            .for_each(|client| client.abort());
    }

    /// Waits until the server is closed and the last of its connections too. Cancelled, it changes nothing. asyncio's
    /// `wait_closed`.
    #[track_caller]
    pub fn wait_closed(&self) -> impl Future<Output = ()> {
        let spot = ("Server.wait_closed", Location::caller());
        let closed = || self.inner.is_closed() && self.inner.live.get() == 0;
        self.inner.wait_until(closed, spot)
    }

    /// Serves until it is closed. When it is cancelled the server is closed. asyncio's `serve_forever`.
    ///
    /// # Errors
    /// `InvalidInput` for a closed server and for a second call.
    #[track_caller]
    pub fn serve_forever(&self) -> impl Future<Output = io::Result<()>> {
        self.serve(("Server.serve_forever", Location::caller()))
    }

    async fn serve(&self, spot: (&'static str, Site)) -> io::Result<()> {
        let refused = match (self.inner.is_closed(), self.inner.serving_forever.get()) {
            (true, _) => Some("server is closed"),
            (_, true) => Some("server is already being awaited on serve_forever()"),
            _ => None,
        };
        if let Some(refused) = refused {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, refused));
        }
        self.inner.serving_forever.set(true);
        let _closing = CloseOnDrop(&self.inner);
        self.inner.wait_until(|| self.inner.is_closed(), spot).await;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.inner.close();
    }
}

struct CloseOnDrop<'a>(&'a Inner);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<Server")?;
        if let Some(address) = self.address {
            write!(f, " on {address}")?;
        }
        f.write_str(if self.is_serving() {
            " serving>"
        } else {
            " closed>"
        })
    }
}
