//! The live inspector: `GLASSLOOP_INSPECT=127.0.0.1:PORT` has every loop in real time serve a page that shows it at work. It only
//! looks, it serves loopback addresses only, and its URL, printed on stderr, holds a token. SIGUSR1 prints the same as text (`asked.rs`).
//!
//! It is served from the loop itself, by callbacks on file descriptors: so it is no task among the tasks that it shows, and while a
//! step blocks the loop the page gets no answer and says so.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::{Arc, Once, OnceLock};

use crate::core::Core;
use crate::event_loop::{EventLoop, get_running_loop};
use crate::observe::Observer;

use super::asked;
use super::both::Both;
use super::pen::{Pen, PenObserver};
use super::policy::INSPECTOR;
use super::session;
use super::snapshot::{Measured, Snapshot, TurnLengths};
use super::trace::program_name;

const PAGE: &str = include_str!("inspect.html");

/// Longer requests are none of a browser's.
const LONGEST_REQUEST: usize = 16 * 1024;

/// An inspector that waits for its loop.
pub(crate) struct Inspector {
    listener: TcpListener,
    address: SocketAddr,
    token: String,
    lengths: Rc<TurnLengths>,
    /// Unless a recorder knows who has it.
    pen: Option<Arc<Pen>>,
    connections: RefCell<Vec<Rc<Connection>>>,
}

/// The inspector that the environment asks for, for a new loop. If it cannot be, that is said in a line on stderr. A virtual
/// clock would stand still for the inspector's socket, so there is none in virtual time.
pub(crate) fn inspector_of_environment(virtual_time: bool) -> Option<Rc<Inspector>> {
    let address = wanted()?;
    if virtual_time {
        static SAID: Once = Once::new();
        SAID.call_once(|| eprintln!("GLASSLOOP_INSPECT: a loop in virtual time has no inspector"));
        return None;
    }
    match Inspector::bind(address) {
        Ok(inspector) => Some(Rc::new(inspector)),
        Err(error) => {
            eprintln!("GLASSLOOP_INSPECT: {address}: {error}; there is no inspector");
            None
        }
    }
}

/// The address that the environment asks for. What is wrong with it is said once, not for each loop.
fn wanted() -> Option<SocketAddr> {
    static WANTED: OnceLock<Option<SocketAddr>> = OnceLock::new();
    let look = || {
        let wanted = std::env::var_os("GLASSLOOP_INSPECT").filter(|it| !it.is_empty())?;
        let wanted = wanted.to_string_lossy();
        let address = address_of(&wanted);
        let complain =
            |error| eprintln!("GLASSLOOP_INSPECT: {wanted}: {error}; there is no inspector");
        address.map_err(complain).ok()
    };
    *WANTED.get_or_init(look)
}

fn address_of(wanted: &str) -> Result<SocketAddr, &'static str> {
    let local = wanted.strip_prefix("localhost:");
    let local = local.map(|port| format!("127.0.0.1:{port}"));
    let address = local.as_deref().unwrap_or(wanted).parse();
    let address: SocketAddr =
        address.map_err(|_| "not an address and a port, such as 127.0.0.1:8123")?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err("only loopback addresses are served, 127.0.0.1 or [::1]"),
    }
}

impl Inspector {
    fn bind(address: SocketAddr) -> Result<Inspector, String> {
        // The program's second loop gets a port of its own, which its URL tells.
        let listener = match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                TcpListener::bind((address.ip(), 0))
            }
            bound => bound,
        };
        let listener = listener.map_err(|error| error.to_string())?;
        let token = random_token().map_err(|error| format!("no random token: {error}"))?;
        listener
            .set_nonblocking(true)
            .map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        Ok(Inspector {
            listener,
            address,
            token,
            lengths: Rc::default(),
            pen: (!session::is_on()).then(Pen::new),
            connections: RefCell::default(),
        })
    }

    /// What its loop has to be built with: it measures the turns, beside another observer if there is one.
    pub(crate) fn observer(&self, other: Option<Rc<dyn Observer>>) -> Rc<dyn Observer> {
        let mut observer: Rc<dyn Observer> = match other {
            Some(other) => Rc::new(Both(other, self.lengths.clone())),
            None => self.lengths.clone(),
        };
        if let Some(pen) = &self.pen {
            let seen = Arc::downgrade(pen);
            asked::watch(Box::new(move || {
                let line = seen.upgrade().and_then(|pen| pen.line());
                line.into_iter().collect()
            }));
            observer = Rc::new(Both(observer, Rc::new(PenObserver(pen.clone()))));
        }
        observer
    }

    /// Serves the loop from now on.
    pub(crate) fn serve(self: Rc<Self>, event_loop: &EventLoop) {
        let url = format!("http://{}/{}/", self.address, self.token);
        // The loop's callback keeps the inspector, and drops it when the loop is closed.
        let inspector = self.clone();
        let watched = event_loop.add_reader(&self.listener, move || inspector.accept());
        match watched {
            Ok(()) => eprintln!("GLASSLOOP_INSPECT: {url}"),
            Err(error) => eprintln!("GLASSLOOP_INSPECT: {error}; there is no inspector"),
        }
        let measured = event_loop.core.extension::<Measured>();
        measured.0.replace(self.lengths.clone());
    }

    fn accept(self: &Rc<Self>) {
        let Ok(event_loop) = get_running_loop() else {
            return;
        };
        while let Ok((stream, _)) = self.listener.accept() {
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            let connection = Rc::new(Connection {
                stream,
                request: RefCell::default(),
                answer: RefCell::default(),
            });
            self.connections.borrow_mut().push(connection.clone());
            let (inspector, of) = (Rc::downgrade(self), Rc::downgrade(&connection));
            let read = move || {
                if let (Some(inspector), Some(connection)) = (inspector.upgrade(), of.upgrade()) {
                    inspector.read(&connection);
                }
            };
            if event_loop.add_reader(&connection.stream, read).is_err() {
                self.close(&event_loop, &connection);
            }
        }
    }

    fn read(self: &Rc<Self>, connection: &Rc<Connection>) {
        let Ok(event_loop) = get_running_loop() else {
            return;
        };
        let mut request = connection.request.borrow_mut();
        let mut buffer = [0; 4096];
        match (&connection.stream).read(&mut buffer) {
            Ok(n) if n > 0 && request.len() < LONGEST_REQUEST => {
                request.extend_from_slice(&buffer[..n]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            _ => {
                drop(request);
                return self.close(&event_loop, connection);
            }
        }
        if !request.windows(4).any(|end| end == b"\r\n\r\n") {
            return;
        }
        let answer = self.answer(&String::from_utf8_lossy(&request), &event_loop.core);
        drop(request);
        connection.answer.replace(answer);
        event_loop.remove_reader(&connection.stream);
        self.write(&event_loop, connection);
    }

    fn write(self: &Rc<Self>, event_loop: &EventLoop, connection: &Rc<Connection>) {
        let mut answer = connection.answer.borrow_mut();
        match (&connection.stream).write(&answer) {
            Ok(n) if n < answer.len() => drop(answer.drain(..n)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => {
                drop(answer);
                return self.close(event_loop, connection);
            }
        }
        let (inspector, of) = (Rc::downgrade(self), Rc::downgrade(connection));
        let write = move || {
            let event_loop = get_running_loop();
            if let (Some(inspector), Some(connection), Ok(event_loop)) =
                (inspector.upgrade(), of.upgrade(), event_loop)
            {
                inspector.write(&event_loop, &connection);
            }
        };
        drop(answer);
        if event_loop.add_writer(&connection.stream, write).is_err() {
            self.close(event_loop, connection);
        }
    }

    fn close(&self, event_loop: &EventLoop, connection: &Rc<Connection>) {
        event_loop.remove_reader(&connection.stream);
        event_loop.remove_writer(&connection.stream);
        let mut connections = self.connections.borrow_mut();
        connections.retain(|other| !Rc::ptr_eq(other, connection));
    }

    /// The answer to a request: it can look, and nothing else.
    fn answer(&self, request: &str, core: &Rc<Core>) -> Vec<u8> {
        let mut lines = request.lines();
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, path) = (words.next(), words.next().unwrap_or_default());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let mut hosts = headers.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = hosts.next().map_or("", |(_, host)| host.trim());
        let ours = [
            self.address.to_string(),
            format!("localhost:{}", self.address.port()),
        ];
        let page = path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(&*self.token));
        let mut answer = match (method, page) {
            // A page from elsewhere whose name was made to lead here.
            _ if !ours.iter().any(|our| our == host) => refusal("421 Misdirected Request"),
            (Some("GET" | "HEAD"), Some("/")) => response("200 OK", "text/html", &page_here()),
            (Some("GET" | "HEAD"), Some("/state")) => {
                let state = Snapshot::of(core).json();
                response("200 OK", "application/json", &state)
            }
            (Some("GET" | "HEAD"), Some("/text")) => {
                let text = Snapshot::of(core).text();
                response("200 OK", "text/plain", &text)
            }
            (Some("GET" | "HEAD"), _) => refusal("404 Not Found"),
            _ => refusal("405 Method Not Allowed\r\nAllow: GET, HEAD"),
        };
        if method == Some("HEAD") {
            let head = answer.windows(4).position(|end| end == b"\r\n\r\n");
            answer.truncate(head.map_or(0, |head| head + 4));
        }
        answer
    }
}

struct Connection {
    stream: TcpStream,
    request: RefCell<Vec<u8>>,
    answer: RefCell<Vec<u8>>,
}

/// With the program's name in its title, and the process's number, by which tabs differ.
fn page_here() -> String {
    let program = program_name(&std::env::args().next().unwrap_or_default());
    let program = program.replace('&', "&amp;").replace('<', "&lt;");
    let title = format!("<title>{program} {}: live</title>", std::process::id());
    PAGE.replacen("<title>glassloop: live</title>", &title, 1)
}

/// The status, perhaps with a header.
fn refusal(status: &str) -> Vec<u8> {
    let text = status.lines().next().unwrap_or_default();
    response(status, "text/plain", &format!("{text}\n"))
}

fn response(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: {INSPECTOR}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn random_token() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
