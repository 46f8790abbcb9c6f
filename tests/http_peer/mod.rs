//! A server in a thread that says exactly what a test has it say, one function for each connection.
#![allow(dead_code)] // each test uses what it needs

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A test that goes wrong ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server's end of a connection.
pub struct Peer {
    pub stream: TcpStream,
    /// Read beyond the last request.
    rest: Vec<u8>,
}

/// What a connection does.
pub type Script = Box<dyn FnOnce(&mut Peer) + Send>;

pub fn script(run: impl FnOnce(&mut Peer) + Send + 'static) -> Script {
    Box::new(run)
}

/// Serves one connection for each script, each in a thread, and then no more. The handle ends when all scripts have.
pub fn serve(scripts: Vec<Script>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut threads = Vec::new();
        for script in scripts {
            let (stream, _) = listener.accept().unwrap();
            threads.push(thread::spawn(move || {
                let mut peer = Peer::new(stream);
                script(&mut peer);
            }));
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
    (url, server)
}

/// Serves any number of connections with one function, which is told the number of the connection; never ends.
pub fn serve_all(run: impl Fn(usize, &mut Peer) + Send + Sync + 'static) -> (String, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let run = std::sync::Arc::new(run);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (run, stream) = (run.clone(), stream.unwrap());
            thread::spawn(move || run(number, &mut Peer::new(stream)));
        }
    });
    (format!("http://{address}/"), address)
}

/// An address at which nobody listens, for as long as the socket is kept.
pub fn nobody() -> (String, socket2::Socket) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (address.to_string(), socket)
}

impl Peer {
    pub fn new(stream: TcpStream) -> Peer {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Peer {
            stream,
            rest: Vec::new(),
        }
    }

    /// The next request, head and body, as it came; `None` when the client has closed.
    pub fn request(&mut self) -> Option<String> {
        let head = self.head()?;
        let length = field(&head, "content-length").map_or(0, |n| n.parse().unwrap());
        let mut body = self.take(length);
        if field(&head, "transfer-encoding") == Some("chunked") {
            while !body.ends_with(b"0\r\n\r\n") {
                body.extend(self.take(1));
            }
        }
        Some(head + &String::from_utf8(body).unwrap())
    }

    pub fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if self.rest.is_empty() && !self.fill() {
                return None;
            }
            head.push(self.rest.remove(0));
        }
        Some(String::from_utf8(head).unwrap())
    }

    fn fill(&mut self) -> bool {
        let mut piece = [0; 4096];
        let n = self.stream.read(&mut piece).unwrap_or(0);
        self.rest.extend_from_slice(&piece[..n]);
        n > 0
    }

    /// So many bytes, or as many as come before the end.
    pub fn take(&mut self, bytes: usize) -> Vec<u8> {
        while self.rest.len() < bytes && self.fill() {}
        let n = bytes.min(self.rest.len());
        self.rest.drain(..n).collect()
    }

    /// Whether nothing comes for a tenth of a second.
    pub fn hears_nothing(&mut self) -> bool {
        let brief = Duration::from_millis(100);
        self.stream.set_read_timeout(Some(brief)).unwrap();
        let heard = self.take(1);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        heard.is_empty()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // A client that has gone is what some tests are about.
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// A response with this body.
    pub fn answer(&mut self, body: &str) {
        let length = body.len();
        self.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
    }

    /// Answers every request with `body`, until the client closes.
    pub fn answer_all(&mut self, body: &str) {
        while self.request().is_some() {
            self.answer(body);
        }
    }

    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes with a reset.
    pub fn reset(&mut self) {
        socket2::SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    /// Waits until the client has closed, and says what it sent before.
    pub fn until_closed(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.rest)
    }
}

/// A header field of a request.
pub fn field<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let lines = request.split("\r\n\r\n").next()?.lines();
    let mut fields = lines.skip(1).filter_map(|line| line.split_once(": "));
    let found = fields.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}
