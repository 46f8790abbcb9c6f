//! The toy server's HTTP: reads a request's head (with `httparse`), throws its body away, writes an answer.
//!
//! `server.rs` decides when to answer and with which status; this file knows how it looks on the wire.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use httparse::Status;

/// Longest request head, chunk-size line or trailer part accepted, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Most header lines in a head.
const MAX_HEADERS: usize = 64;

/// A request's head, as far as the toy server cares.
#[derive(Debug)]
pub struct Request {
    /// As sent; methods are case-sensitive.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The client speaks 1.1 or newer, not 1.0.
    pub http_1_1: bool,
    /// The client lets us keep the connection for its next request.
    pub keep_alive: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// How much of the stream belongs to it after the head.
    pub body: Body,
}

/// How the end of a request's body is found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Body {
    /// So many bytes; 0 if there is no body.
    Length(u64),
    /// Up to the chunk of size 0 and the trailers after it.
    Chunked,
}

/// Why there is no (further) request on a connection.
#[derive(Debug)]
pub enum Trouble {
    /// The client has left, or was silent for too long: nobody to answer.
    Gone,
    /// Not HTTP as we understand it: answer with this status and close.
    Refuse(u16),
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Self {
        Trouble::Gone
    }
}

impl From<httparse::Error> for Trouble {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::TooManyHeaders => Trouble::Refuse(431),
            _ => Trouble::Refuse(400),
        }
    }
}

/// The incoming half of a connection; bytes read beyond one request are kept for the next (pipelining).
pub struct Incoming<'a> {
    stream: &'a TcpStream,
    buffer: Vec<u8>,
}

impl<'a> Incoming<'a> {
    /// Reads from this connection; nothing has been read from it before.
    pub fn new(stream: &'a TcpStream) -> Self {
        Incoming {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Waits for the next request's head.
    pub fn head(&mut self) -> Result<Request, Trouble> {
        loop {
            match parse_head(&self.buffer)? {
                Some((request, length)) if length <= MAX_HEAD => {
                    self.buffer.drain(..length);
                    return Ok(request);
                }
                None if self.buffer.len() < MAX_HEAD => self.fill()?,
                _ => return Err(Trouble::Refuse(431)),
            }
        }
    }

    /// Reads a body to its end and forgets it.
    pub fn discard(&mut self, body: Body) -> Result<(), Trouble> {
        match body {
            Body::Length(length) => self.skip(length),
            Body::Chunked => self.skip_chunks(),
        }
    }

    fn skip_chunks(&mut self) -> Result<(), Trouble> {
        loop {
            let (line, size) = self.parse(|bytes| {
                httparse::parse_chunk_size(bytes).map_err(|_| Trouble::Refuse(400))
            })?;
            self.buffer.drain(..line);
            if size == 0 {
                break;
            }
            self.skip(size)?;
            while self.buffer.len() < 2 {
                self.fill()?;
            }
            if !self.buffer.starts_with(b"\r\n") {
                return Err(Trouble::Refuse(400));
            }
            self.buffer.drain(..2);
        }
        let trailers = self.parse(|bytes| {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            Ok(match httparse::parse_headers(bytes, &mut headers)? {
                Status::Complete((length, _)) => Status::Complete(length),
                Status::Partial => Status::Partial,
            })
        })?;
        self.buffer.drain(..trailers);
        Ok(())
    }

    /// Reads on until `parser` has what it wants.
    fn parse<T>(
        &mut self,
        parser: impl Fn(&[u8]) -> Result<Status<T>, Trouble>,
    ) -> Result<T, Trouble> {
        loop {
            if let Status::Complete(value) = parser(&self.buffer)? {
                return Ok(value);
            }
            if self.buffer.len() >= MAX_HEAD {
                return Err(Trouble::Refuse(400));
            }
            self.fill()?;
        }
    }

    fn skip(&mut self, mut length: u64) -> Result<(), Trouble> {
        loop {
            let here = self
                .buffer
                .len()
                .min(usize::try_from(length).unwrap_or(usize::MAX));
            self.buffer.drain(..here);
            length -= here as u64;
            if length == 0 {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// Waits for more bytes; the end of the stream is `Gone`.
    fn fill(&mut self) -> Result<(), Trouble> {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(Trouble::Gone),
                Ok(count) => {
                    self.buffer.extend_from_slice(&bytes[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// `None`: the head is not complete yet. The number is the head's length in bytes.
fn parse_head(bytes: &[u8]) -> Result<Option<(Request, usize)>, Trouble> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let Status::Complete(length) = head.parse(bytes)? else {
        return Ok(None);
    };
    let values = |name: &'static str| {
        let named = head
            .headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| {
            String::from_utf8_lossy(header.value)
                .trim()
                .to_ascii_lowercase()
        })
    };
    let connection_says =
        |word| values("connection").any(|list| list.split(',').any(|w| w.trim() == word));

    let http_1_1 = head.version == Some(1);
    if http_1_1 && values("host").count() != 1 {
        return Err(Trouble::Refuse(400));
    }
    let lengths: Vec<String> = values("content-length").collect();
    let encodings: Vec<String> = values("transfer-encoding").collect();
    let body = match (&encodings[..], &lengths[..]) {
        ([], []) => Body::Length(0),
        ([], [length]) => Body::Length(content_length(length)?),
        ([encoding], []) if encoding == "chunked" && http_1_1 => Body::Chunked,
        // Two ways to find the body's end, or none: whoever guesses can be tricked into seeing a request that is not there.
        _ => return Err(Trouble::Refuse(400)),
    };
    let request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        path: path_of(head.path.unwrap_or_default()).to_owned(),
        http_1_1,
        keep_alive: !connection_says("close") && (http_1_1 || connection_says("keep-alive")),
        expects_continue: http_1_1
            && body != Body::Length(0)
            && values("expect").any(|value| value == "100-continue"),
        body,
    };
    Ok(Some((request, length)))
}

/// Digits only: Rust's own parser would also take a `+`.
fn content_length(text: &str) -> Result<u64, Trouble> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let length = text.parse().ok().filter(|_| digits);
    length.ok_or(Trouble::Refuse(400))
}

/// `/a?b` and `http://host/a?b` both ask for `/a`.
fn path_of(target: &str) -> &str {
    let path = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |start| &rest[start..]),
        None => target,
    };
    path.split('?').next().unwrap_or_default()
}

/// How an answer is to look, apart from its status.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Announce that the connection ends here.
    pub close: bool,
    /// A client of 1.0 is told that its wish for keep-alive was heard.
    pub http_1_1: bool,
    /// `HEAD`: the header of the answer without its body.
    pub head_only: bool,
}

impl Form {
    /// For an answer that is given before, or instead of, reading a request.
    pub const REFUSAL: Form = Form {
        close: true,
        http_1_1: true,
        head_only: false,
    };
}

/// Sends one answer, in one write.
pub fn answer(mut stream: &TcpStream, status: u16, form: Form) -> io::Result<()> {
    let (reason, body) = match status {
        200 => ("OK", "Hello!"),
        400 => ("Bad Request", "Bad Request"),
        404 => ("Not Found", "Not Found"),
        405 => ("Method Not Allowed", "Method Not Allowed"),
        431 => (
            "Request Header Fields Too Large",
            "Request Header Fields Too Large",
        ),
        _ => ("Service Unavailable", "Service Unavailable"),
    };
    let allow = if status == 405 {
        "Allow: GET, HEAD, POST\r\n"
    } else {
        ""
    };
    let connection = match form {
        Form { close: true, .. } => "Connection: close\r\n",
        Form {
            http_1_1: false, ..
        } => "Connection: keep-alive\r\n",
        _ => "",
    };
    let length = body.len();
    let body = if form.head_only { "" } else { body };
    let text = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Length: {length}\r\n{allow}{connection}\r\n{body}"
    );
    stream.write_all(text.as_bytes())
}

/// Tells the client to go on and send its body.
pub fn send_continue(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
}

/// Ends a connection of which unread bytes may be left: closing at once would send a reset,
/// and that can destroy the answer on its way. Takes at most a second.
pub fn linger(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end && stream.read(&mut [0; 4096])? > 0 {}
    Ok(())
}
