//! One connection: its transport, what was read and is not used yet, what is to be written, and the parser of the response
//! that is under way.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Method;

use crate::callback::Handle;
use crate::http::error::ErrorKind;
use crate::http::parser::{End, Eof, Event, Limits, ResponseHead, ResponseParser};
use crate::http::transport::Transport;
use crate::observe::Site;

/// So much is read at a time.
const READ_SIZE: usize = 16 * 1024;

pub(crate) struct Connection {
    transport: Transport,
    pub(crate) peer: Option<SocketAddr>,
    /// Bytes `start..end` were read and not used. Allocated by the first read.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    parser: ResponseParser,
    /// To be written: `out[written..]`, then `piece`, then `tail`.
    pub(crate) out: Vec<u8>,
    written: usize,
    pub(crate) piece: Bytes,
    pub(crate) tail: &'static [u8],
    /// Bytes of the present request that the socket has taken.
    pub(crate) sent: u64,
    /// Bytes read, of all responses.
    received: u64,
    /// A byte of the present response has come.
    answered: bool,
    /// It carried a response before.
    pub(crate) reused: bool,
    /// How long the server keeps it idle, where it says so.
    pub(crate) keeps: Option<Duration>,
    /// Is called when anything comes while the connection is idle.
    pub(crate) eye: Option<(u64, Handle)>,
}

/// The next piece of a response.
pub(crate) enum Piece {
    Head(ResponseHead),
    Data(Bytes),
    End(End),
}

/// What is known without reading.
enum Step {
    Head(ResponseHead),
    Data(usize, usize),
    End(End),
    NeedMore,
}

impl Connection {
    pub(crate) fn new(transport: Transport) -> Box<Connection> {
        Box::new(Connection {
            peer: transport.socket().peer_addr().ok(),
            transport,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            parser: ResponseParser::new(&Method::GET, Limits::default()),
            out: Vec::new(),
            written: 0,
            piece: Bytes::new(),
            tail: b"",
            sent: 0,
            received: 0,
            answered: false,
            reused: false,
            keeps: None,
            eye: None,
        })
    }

    /// The transport, and what was read from it and not used.
    pub(crate) fn into_parts(mut self: Box<Self>) -> (Transport, Vec<u8>) {
        self.buffer.truncate(self.end);
        self.buffer.drain(..self.start);
        (self.transport, self.buffer)
    }

    /// Whether it can carry another request: nothing may have come that was not asked for. The socket is asked once more,
    /// however short ago it was read empty: that only says that nothing had come by then.
    pub(crate) fn is_fresh(&mut self) -> bool {
        self.has_no_rest() && self.transport.socket().is_silent()
    }

    pub(crate) fn has_no_rest(&mut self) -> bool {
        self.start == self.end && self.transport.has_no_rest()
    }

    /// Keeps an eye on the idle connection, which has this number; false when something has come already.
    pub(crate) fn watch(
        &mut self,
        number: u64,
        site: Site,
        function: impl FnOnce() + 'static,
    ) -> bool {
        let socket = self.transport.socket();
        let eye = match self.eye.take() {
            // It was not called, and so it is as good as new.
            Some((_, eye)) if !eye.callback().is_spent() => eye,
            _ => socket.eye(site, function),
        };
        let watched = socket.watch(&eye);
        self.eye = Some((number, eye));
        watched
    }

    pub(crate) fn unwatch(&self) {
        self.transport.socket().unwatch();
    }

    /// Nobody waits for the socket any more.
    pub(crate) fn forget_waiters(&self) {
        self.transport.socket().forget_waiters();
    }

    /// Nothing of a response has come, so that the server may not even have seen the request.
    pub(crate) fn is_unanswered(&self) -> bool {
        !self.answered
    }

    /// Changes whenever a byte has moved in either direction.
    pub(crate) fn moved(&self) -> u64 {
        self.sent.wrapping_add(self.received)
    }

    pub(crate) fn saw_continue(&self) -> bool {
        self.parser.saw_continue()
    }

    /// Whether the response says that another one may follow it.
    pub(crate) fn is_reusable(&self) -> bool {
        self.parser.is_reusable()
    }

    /// Body bytes that are still to come, where that is known.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.parser.remaining()
    }

    /// Gets ready for the next exchange; the caller writes the head into `out`.
    pub(crate) fn begin(&mut self, method: &Method, limits: Limits, upgrade: bool) {
        self.parser = ResponseParser::new(method, limits);
        if upgrade {
            let parser = ResponseParser::new(method, limits);
            self.parser = parser.allow_upgrade();
        }
        self.out.clear();
        self.written = 0;
        self.piece = Bytes::new();
        self.tail = b"";
        self.sent = 0;
        self.answered = false;
    }

    /// Writes what is to be written. Ready when all of it is on its way.
    pub(crate) fn poll_send(&mut self, context: &Context<'_>, site: Site) -> Poll<io::Result<()>> {
        loop {
            let next = match (&self.out[self.written..], &self.piece[..]) {
                ([], []) if self.tail.is_empty() => break,
                ([], []) => self.tail,
                ([], piece) => piece,
                (out, _) => out,
            };
            let n = match self.transport.poll_write(context, site, next) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => n,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            };
            self.sent += n as u64;
            if self.written < self.out.len() {
                self.written += n;
            } else if !self.piece.is_empty() {
                let _ = self.piece.split_to(n);
            } else {
                self.tail = &self.tail[n..];
            }
        }
        self.out.clear();
        self.written = 0;
        self.transport.poll_flush(context, site)
    }

    /// The next piece, read if need be. Cancelling it loses nothing.
    pub(crate) fn poll_next(
        &mut self,
        context: &Context<'_>,
        site: Site,
    ) -> Poll<Result<Piece, ErrorKind>> {
        loop {
            if self.start < self.end || !self.parser.needs_input() {
                match self.step()? {
                    Step::Head(head) => return Poll::Ready(Ok(Piece::Head(head))),
                    Step::Data(from, to) => {
                        return Poll::Ready(Ok(Piece::Data(Bytes::copy_from_slice(
                            &self.buffer[from..to],
                        ))));
                    }
                    Step::End(end) => return Poll::Ready(Ok(Piece::End(end))),
                    Step::NeedMore => {}
                }
            }
            match self.poll_fill(context, site) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(kind)) => return Poll::Ready(Err(kind)),
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(
                        match self.parser.eof(&self.buffer[self.start..self.end]) {
                            Ok(Eof::End(end)) => Ok(Piece::End(end)),
                            Ok(Eof::Nothing) => Err(ErrorKind::ConnectionClosed),
                            Err(error) => Err(ErrorKind::Response(error)),
                        },
                    );
                }
                Poll::Ready(Ok(_)) => {}
            }
        }
    }

    /// The rest of the body is here already, in the buffer or in the kernel, and no more than `most`: takes it, and says how
    /// the response ended. `None` if more must come. It does not wait.
    pub(crate) fn drain(&mut self, most: u64) -> Option<End> {
        let mut left = most;
        loop {
            match self.step() {
                Ok(Step::End(end)) => return Some(end),
                Ok(Step::Data(from, to)) => left = left.checked_sub((to - from) as u64)?,
                Ok(Step::NeedMore) => {
                    self.make_room();
                    match self.transport.try_read(&mut self.buffer[self.end..]) {
                        Ok(n) if n > 0 => self.end += n,
                        _ => return None,
                    }
                }
                Ok(Step::Head(_)) | Err(_) => return None,
            }
        }
    }

    fn step(&mut self) -> Result<Step, ErrorKind> {
        let unused = &self.buffer[self.start..self.end];
        let (used, event) = self.parser.feed(unused).map_err(ErrorKind::Response)?;
        let step = match event {
            Event::Head(head) => Step::Head(head),
            Event::Data(data) => {
                // They are the last ones of what was used.
                let to = self.start + used;
                Step::Data(to - data.len(), to)
            }
            Event::End(mut end) => {
                end.reusable &= self.start + used == self.end;
                Step::End(end)
            }
            Event::NeedMore => Step::NeedMore,
        };
        self.start += used;
        Ok(step)
    }

    /// Reads once; 0 is the end of the stream.
    fn poll_fill(&mut self, context: &Context<'_>, site: Site) -> Poll<Result<usize, ErrorKind>> {
        // Ten thousand connections that wait for an answer need no buffers yet.
        if self.buffer.is_empty() && self.transport.poll_readable(context, site).is_pending() {
            return Poll::Pending;
        }
        self.make_room();
        let room = &mut self.buffer[self.end..];
        match self.transport.poll_read(context, site, room) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(n)) => {
                self.end += n;
                self.received += n as u64;
                self.answered |= n > 0;
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.broken(error))),
        }
    }

    /// What is used up makes room before more is asked for; the buffer grows while a head does not fit.
    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.end + READ_SIZE, 0);
        }
    }

    /// A reset before any byte is a close like any other; in the middle of a response the parser names what is lost.
    fn broken(&mut self, error: io::Error) -> ErrorKind {
        // With TLS 1.3 a client certificate is refused when the client takes the handshake for done.
        #[cfg(feature = "tls")]
        if crate::http::tls::is_of_tls(&error) {
            return ErrorKind::Tls(Box::new(error));
        }
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        if !matches!(
            error.kind(),
            ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof
        ) {
            return ErrorKind::Io(error);
        }
        match self.parser.broken(&self.buffer[self.start..self.end]) {
            Err(error) => ErrorKind::Response(error),
            Ok(_) if self.is_unanswered() => ErrorKind::ConnectionClosed,
            Ok(_) => ErrorKind::Io(error),
        }
    }
}
