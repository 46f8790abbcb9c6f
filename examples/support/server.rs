//! The toy server: "Flask's part" of the chapter. Every request takes `delay` and is answered with `Hello!`.
//!
//! Blocking sockets and a thread for each connection, on purpose: nothing of what is measured against it
//! is also inside it. `server_http.rs` has its HTTP. It listens on 127.0.0.1 only.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::args::fail;
use super::server_http::{self, Form, Incoming, Request, Trouble};

/// Room for so many connections that nobody has accepted yet (the kernel may allow fewer).
const BACKLOG: i32 = 16_384;
/// Enough for one connection, and small enough for 10,000 of them.
const STACK: usize = 64 * 1024;
/// In single mode, how long a client may keep everybody else waiting without saying anything.
const SINGLE_PATIENCE: Duration = Duration::from_secs(2);

/// How a toy server behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Config {
    /// 0 lets the system pick a free one.
    pub port: u16,
    /// How long every request takes.
    pub delay: Duration,
    /// One request at a time, one connection after another: Flask without `threaded=True`.
    pub single: bool,
    /// A line on stdout for each request.
    pub log: bool,
}

/// A running server; dropping it ends it, with all its connections and threads.
#[derive(Debug)]
pub struct ToyServer {
    shared: Arc<Shared>,
    addr: SocketAddr,
    /// The one that accepts, and the one that starts what was accepted.
    threads: Option<(JoinHandle<()>, JoinHandle<()>)>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    open: Mutex<Open>,
    /// Wakes `drop` when the last connection has ended.
    emptied: Condvar,
    served: AtomicUsize,
    in_flight: AtomicUsize,
    peak: AtomicUsize,
}

#[derive(Debug, Default)]
struct Open {
    stopping: bool,
    next: u64,
    connections: HashMap<u64, Arc<Line>>,
}

/// A connection as the server sees it that wants to end it.
#[derive(Debug)]
struct Line {
    stream: TcpStream,
    stopping: Mutex<bool>,
    /// Wakes the request that sleeps. Each has its own: ten thousand that wake at once would queue for a common one.
    stop: Condvar,
}

impl Line {
    fn end(&self) {
        *self.stopping.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.notify_one();
        // The thread behind it may sit in a read or write; this ends it. An error: the client was faster.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Sleeps for so long; `false`: the server stops.
    fn sleep(&self, delay: Duration) -> bool {
        if delay.is_zero() {
            return true;
        }
        let stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = (self.stop).wait_timeout_while(stopping, delay, |stopping| !*stopping);
        let (stopping, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !*stopping
    }
}

impl ToyServer {
    /// Begins to listen and to answer. An error is one of the socket calls', as when the port is taken.
    pub fn start(config: Config) -> io::Result<ToyServer> {
        let listener = listen(config.port)?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            config,
            open: Mutex::default(),
            emptied: Condvar::new(),
            served: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        });
        // Starting a thread takes longer than a client needs to connect. Whoever accepts must do nothing else,
        // or the backlog overflows and the kernel makes the rest try again a second later.
        let (accepted, waiting) = channel::<Connection>();
        let starter = thread::Builder::new().name("toy server: start".into());
        let starter = starter.spawn(move || waiting.into_iter().for_each(Connection::start))?;
        let acceptor = thread::Builder::new().name("toy server: accept".into());
        let acceptor = acceptor.spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listener, &accepted)
        })?;
        Ok(ToyServer {
            shared,
            addr,
            threads: Some((acceptor, starter)),
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Requests answered, with whatever status. What a client has had an answer to is counted.
    pub fn served(&self) -> usize {
        self.shared.served.load(SeqCst)
    }

    /// Most requests that were being worked on at the same time.
    pub fn peak_in_flight(&self) -> usize {
        self.shared.peak.load(SeqCst)
    }

    /// Begins the peak anew, at the number of requests that are being worked on now.
    pub fn reset_peak(&self) {
        let now = self.shared.in_flight.load(SeqCst);
        self.shared.peak.store(now, SeqCst);
    }
}

impl Drop for ToyServer {
    fn drop(&mut self) {
        let mut open = self.shared.lock();
        open.stopping = true;
        open.connections.values().for_each(|line| line.end());
        drop(open);

        if let Some((acceptor, starter)) = self.threads.take() {
            // A blocking accept ends only when somebody connects.
            while !acceptor.is_finished() {
                let _ = TcpStream::connect_timeout(&self.addr, Duration::from_millis(100));
                thread::sleep(Duration::from_millis(1));
            }
            // A panic in one of them has been printed; there is nothing left to save.
            let _ = acceptor.join();
            let _ = starter.join();
        }
        let open = self.shared.lock();
        let waited = (self.shared.emptied).wait_while(open, |open| !open.connections.is_empty());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// The URL that an example is to ask: `given` (its `--url`), or that of a toy server started here, which must be kept alive.
pub fn given_or_started(given: Option<&str>, delay: Duration) -> (String, Option<ToyServer>) {
    if let Some(url) = given {
        return (url.to_owned(), None);
    }
    let config = Config {
        delay,
        ..Config::default()
    };
    match ToyServer::start(config) {
        Ok(server) => (server.url(), Some(server)),
        Err(error) => fail(format!("cannot start the toy server: {error}")),
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Elsewhere than on Unix this option would let two servers share the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener, accepted: &Sender<Connection>) {
        let mut warned = false;
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    let connection = Connection::open(&self, stream);
                    if connection.is_none_or(|connection| accepted.send(connection).is_err()) {
                        return;
                    }
                }
                Err(error) if is_the_clients(&error) => {}
                // Most likely no file descriptor is left: those who wait in the backlog get theirs when others have ended.
                Err(error) => {
                    if self.lock().stopping {
                        return;
                    }
                    if !warned {
                        eprintln!(
                            "toy server: cannot accept for now: {error} (raise `ulimit -n`?)"
                        );
                    }
                    warned = true;
                    thread::sleep(Duration::from_millis(10));
                }
            }
        }
    }
}

/// The client gave up before we accepted, or a signal came: just go on.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::Interrupted
    )
}

/// One accepted connection; it is listed in `Open` for as long as it lives.
struct Connection {
    shared: Arc<Shared>,
    number: u64,
    line: Arc<Line>,
}

impl Connection {
    /// `None`: the server stops.
    fn open(shared: &Arc<Shared>, stream: TcpStream) -> Option<Connection> {
        let line = Arc::new(Line {
            stream,
            stopping: Mutex::new(false),
            stop: Condvar::new(),
        });
        let mut open = shared.lock();
        if open.stopping {
            return None;
        }
        let number = open.next;
        open.next += 1;
        open.connections.insert(number, Arc::clone(&line));
        Some(Connection {
            shared: Arc::clone(shared),
            number,
            line,
        })
    }

    fn start(self) {
        if self.shared.config.single {
            return self.serve();
        }
        let line = Arc::clone(&self.line);
        let spawned = thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || self.serve());
        if spawned.is_err() {
            let _ = server_http::answer(&line.stream, 503, Form::REFUSAL);
            let _ = line.stream.shutdown(Shutdown::Write);
        }
    }

    fn serve(self) {
        // Neither can be helped if refused, and both only make things better.
        let _ = self.line.stream.set_nodelay(true);
        if self.shared.config.single {
            let _ = self.line.stream.set_read_timeout(Some(SINGLE_PATIENCE));
        }
        let mut incoming = Incoming::new(&self.line.stream);
        let trouble = loop {
            match self.exchange(&mut incoming) {
                Ok(true) => {}
                Ok(false) => break Trouble::Gone,
                Err(trouble) => break trouble,
            }
        };
        if let Trouble::Refuse(status) = trouble {
            // A client that does not wait for this answer does not need it.
            let _ = server_http::answer(&self.line.stream, status, Form::REFUSAL)
                .and_then(|()| server_http::linger(&self.line.stream));
        }
    }

    /// One request and its answer; `true`: the connection stays for another one.
    fn exchange(&self, incoming: &mut Incoming) -> Result<bool, Trouble> {
        let request = incoming.head()?;
        let in_flight = InFlight::begin(&self.shared);
        if request.expects_continue {
            server_http::send_continue(&self.line.stream)?;
        }
        incoming.discard(request.body)?;
        let status = status_for(&request);
        if status == 200 && !self.line.sleep(self.shared.config.delay) {
            return Err(Trouble::Gone);
        }
        if self.shared.config.log {
            in_flight.log(&request, status);
        }
        // Counted before the client can know: its next request never overlaps this one.
        self.shared.served.fetch_add(1, SeqCst);
        drop(in_flight);
        let close = self.shared.config.single || !request.keep_alive;
        let form = Form {
            close,
            http_1_1: request.http_1_1,
            head_only: request.method == "HEAD",
        };
        server_http::answer(&self.line.stream, status, form)?;
        Ok(!close)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut open = self.shared.lock();
        open.connections.remove(&self.number);
        if open.connections.is_empty() {
            self.shared.emptied.notify_all();
        }
    }
}

fn status_for(request: &Request) -> u16 {
    match (request.path.as_str(), request.method.as_str()) {
        ("/", "GET" | "HEAD" | "POST") => 200,
        ("/", _) => 405,
        _ => 404,
    }
}

/// Counts a request from its head to its answer, also if the client leaves in between.
struct InFlight<'a>(&'a Shared);

impl<'a> InFlight<'a> {
    fn begin(shared: &'a Shared) -> Self {
        let now = shared.in_flight.fetch_add(1, SeqCst) + 1;
        shared.peak.fetch_max(now, SeqCst);
        InFlight(shared)
    }

    fn log(&self, request: &Request, status: u16) {
        use std::io::Write;
        let Request { method, path, .. } = request;
        let now = self.0.in_flight.load(SeqCst);
        // Not println!, which panics when nobody reads our output any more.
        let _ = writeln!(io::stdout(), "{method} {path} {status}, {now} in flight");
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, SeqCst);
    }
}
