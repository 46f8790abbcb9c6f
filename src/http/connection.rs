//! One connection: a socket, what was read from it and not used yet, and the parser of the response that is under way.

use std::io;

use http::Method;

use crate::callback::Handle;
use crate::http::error::ErrorKind;
use crate::http::parser::{End, Eof, Event, Limits, ResponseHead, ResponseParser};
use crate::net::TcpStream;

/// So much is read at a time.
const READ_SIZE: usize = 16 * 1024;

pub(crate) struct Connection {
    stream: TcpStream,
    /// Bytes `start..` were read and not used.
    buffer: Vec<u8>,
    start: usize,
    parser: ResponseParser,
    /// It carried a response before.
    pub(crate) reused: bool,
    /// A byte of the present response has come.
    answered: bool,
}

/// The next piece of a response.
pub(crate) enum Piece {
    Head(ResponseHead),
    Data(Vec<u8>),
    End(End),
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Connection {
        Connection {
            stream,
            buffer: Vec::new(),
            start: 0,
            parser: ResponseParser::new(&Method::GET, Limits::default()),
            reused: false,
            answered: false,
        }
    }

    /// Whether it can carry another request: nothing may have come that was not asked for.
    pub(crate) fn is_fresh(&self) -> bool {
        self.start == self.buffer.len() && self.stream.is_silent()
    }

    /// Has `function` called when anything comes, or the stream ends.
    pub(crate) fn call_when_readable(&self, function: impl FnOnce() + 'static) -> Handle {
        self.stream.call_when_readable(function)
    }

    pub(crate) fn forget_reader(&self) {
        self.stream.forget_reader();
    }

    /// Nothing of a response has come, so that the server may not even have seen the request.
    pub(crate) fn is_unanswered(&self) -> bool {
        !self.answered
    }

    pub(crate) async fn send(&mut self, method: &Method, request: &[u8]) -> io::Result<()> {
        self.parser = ResponseParser::new(method, Limits::default());
        self.answered = false;
        self.stream.write_all(request).await
    }

    /// Reads on. Cancelling it loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Piece, ErrorKind> {
        loop {
            let (used, event) = self
                .parser
                .feed(&self.buffer[self.start..])
                .map_err(ErrorKind::Response)?;
            self.start += used;
            match event {
                Event::Head(head) => return Ok(Piece::Head(head)),
                Event::Data(data) => return Ok(Piece::Data(data.to_vec())),
                Event::End(mut end) => {
                    end.reusable &= self.start == self.buffer.len();
                    return Ok(Piece::End(end));
                }
                Event::NeedMore => {}
            }
            if self.read().await? == 0 {
                return match self.parser.eof(&self.buffer[self.start..]) {
                    Ok(Eof::End(end)) => Ok(Piece::End(end)),
                    Ok(Eof::Nothing) => Err(ErrorKind::ConnectionClosed),
                    Err(error) => Err(ErrorKind::Response(error)),
                };
            }
        }
    }

    async fn read(&mut self) -> Result<usize, ErrorKind> {
        // What is used up makes room before more is asked for.
        self.buffer.drain(..self.start);
        self.start = 0;
        let read = self.stream.read_more(&mut self.buffer, READ_SIZE).await;
        self.answered |= !self.buffer.is_empty();
        match read {
            Ok(n) => Ok(n),
            // A reset before any byte is a close like any other; in the middle of a response the parser names what is lost.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                match self.parser.broken(&self.buffer[self.start..]) {
                    Err(error) => Err(ErrorKind::Response(error)),
                    Ok(_) if self.is_unanswered() => Err(ErrorKind::ConnectionClosed),
                    Ok(_) => Err(ErrorKind::Io(error)),
                }
            }
            Err(error) => Err(ErrorKind::Io(error)),
        }
    }
}
