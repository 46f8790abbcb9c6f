//! One request and its answer on one connection. It reads while it writes: a server may answer before it has read everything,
//! and then the rest is not sent.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use crate::core::Core;
use crate::http::body::{Body, Feed};
use crate::http::connection::{Connection, Piece};
use crate::http::error::{ErrorKind, Phase};
use crate::http::limits::{Alarm, Deadline, Knob};
use crate::http::parser::ResponseHead;
use crate::http::request::Framing;
use crate::http::shared::Tracer;
use crate::http::trace::TraceEvent;
use crate::observe::Site;

/// So long a server has to say that it wants the body; then it is sent unasked.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// A piece up to this size is copied behind the head or its chunk size, which saves a system call.
const SMALL: usize = 16 * 1024;

pub(crate) struct Exchange<'a> {
    pub(crate) core: &'a Rc<Core>,
    pub(crate) connection: &'a mut Connection,
    pub(crate) body: &'a mut Body,
    /// Taken from the body when it is needed: a stream has it only once, and the answer may come before.
    pub(crate) feed: Option<Feed>,
    pub(crate) framing: Framing,
    /// The body waits for `100 Continue`.
    pub(crate) waits: Option<Box<Continue>>,
    pub(crate) total: Deadline,
    pub(crate) sock_read: Option<Duration>,
    pub(crate) site: Site,
    pub(crate) tracer: Tracer<'a>,
    pub(crate) state: State,
    /// When it began, until it waits for the first time.
    pub(crate) began: Option<u64>,
}

/// The wait for `100 Continue`. Few requests have one.
pub(crate) struct Continue {
    alarm: Alarm,
    /// Set when the head is on its way.
    by: Option<Deadline>,
}

impl Continue {
    pub(crate) fn new(core: &Rc<Core>) -> Box<Continue> {
        let alarm = Alarm::new(core.clone());
        Box::new(Continue { alarm, by: None })
    }
}

/// How far the sending is.
pub(crate) enum State {
    Sending {
        /// The head is not gone yet.
        head: bool,
        /// Body bytes that were given to the connection.
        sent: u64,
        /// Those of the last piece, of which the trace was not told yet.
        untold: usize,
    },
    Sent,
    /// The socket takes no more; an answer may have come all the same.
    Broken(io::Error),
}

/// What stops an exchange, and where.
pub(crate) type Failure = (ErrorKind, Phase);

/// The head of the answer, and whether the request was sent to its end.
pub(crate) type Answer = (ResponseHead, bool);

/// Who is waited for.
#[derive(PartialEq, Eq)]
enum On {
    Server,
    /// The one who makes the body.
    Producer,
}

impl Exchange<'_> {
    /// Writes on, until everything is on its way or something has to be waited for.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let mut has_asked = false;
        loop {
            let State::Sending { head, sent, untold } = &mut self.state else {
                return Poll::Ready(Ok(()));
            };
            // A small body goes in one write with the head.
            let may_stage = *head && self.waits.is_none() && self.feed.is_none();
            let may_stage = may_stage && self.body.is_in_memory();
            if !may_stage {
                match self.connection.poll_send(context, self.site) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(error)) => {
                        self.state = State::Broken(error);
                        return Poll::Ready(Ok(()));
                    }
                    Poll::Ready(Ok(())) => {}
                }
                if std::mem::take(head) {
                    self.tracer.tell(|| TraceEvent::HeadSent);
                }
                match std::mem::take(untold) {
                    0 => {}
                    bytes => self.tracer.tell(|| TraceEvent::BodySent { bytes }),
                }
            }
            if let Some(Continue { alarm, by }) = self.waits.as_deref_mut() {
                let wait = || Deadline::new(self.core, Knob::Patience, Some(CONTINUE_WAIT));
                let late = alarm.poll(context, *by.get_or_insert_with(wait)).is_err();
                if !late && !self.connection.saw_continue() {
                    return Poll::Pending;
                }
                self.waits = None;
            }
            let feed = self.feed.get_or_insert_with(|| self.body.feed());
            if feed.is_done() {
                self.state = State::Sent;
                return Poll::Ready(Ok(()));
            }
            if std::mem::replace(&mut has_asked, true) {
                // Whoever makes the body may always be ready: others run between two pieces, and an early answer is seen.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let piece = match feed.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err((ErrorKind::Body(error), Phase::Send)));
                }
                Poll::Ready(Some(Ok(piece))) => Some(piece),
                Poll::Ready(None) => None,
            };
            *untold = piece.as_ref().map_or(0, Bytes::len);
            *sent += *untold as u64;
            if let Framing::Length(length) = self.framing {
                let is_over = feed.is_done() || piece.is_none();
                if *sent > length || is_over && *sent < length {
                    let why =
                        format!("the body has other than the {length} bytes it was said to have");
                    let why: Box<dyn StdError + Send + Sync> = why.into();
                    return Poll::Ready(Err((ErrorKind::Body(why), Phase::Send)));
                }
            }
            let is_last = feed.is_done();
            self.stage(piece, is_last);
        }
    }

    /// Puts the next piece, or the end, where the connection writes it from.
    fn stage(&mut self, piece: Option<Bytes>, is_last: bool) {
        let connection = &mut *self.connection;
        let chunked = self.framing == Framing::Chunked;
        let Some(piece) = piece else {
            if chunked {
                connection.out.extend_from_slice(b"0\r\n\r\n");
            }
            return;
        };
        if chunked {
            let size = format!("{:x}\r\n", piece.len());
            connection.out.extend_from_slice(size.as_bytes());
        }
        let tail: &'static [u8] = match (chunked, is_last) {
            (false, _) => b"",
            (true, false) => b"\r\n",
            (true, true) => b"\r\n0\r\n\r\n",
        };
        if piece.len() <= SMALL {
            connection.out.extend_from_slice(&piece);
            connection.out.extend_from_slice(tail);
        } else {
            connection.piece = piece;
            connection.tail = tail;
        }
    }

    fn poll_exchange(&mut self, context: &mut Context<'_>) -> Poll<Result<Answer, Failure>> {
        loop {
            if let Poll::Ready(Err(failure)) = self.poll_send(context) {
                return Poll::Ready(Err(failure));
            }
            let head = match self.connection.poll_next(context, self.site) {
                Poll::Pending => None,
                Poll::Ready(Ok(Piece::Head(head))) => Some(Ok(head)),
                // There is nothing before a head.
                Poll::Ready(Ok(_)) => Some(Err(ErrorKind::ConnectionClosed)),
                Poll::Ready(Err(kind)) => Some(Err(kind)),
            };
            let Some(head) = head else {
                if self.waits.is_some() && self.connection.saw_continue() {
                    continue;
                }
                return Poll::Pending;
            };
            let sent = self.is_sent();
            let state = std::mem::replace(&mut self.state, State::Sent);
            return Poll::Ready(match (head, state) {
                (Ok(head), _) => Ok((head, sent)),
                (Err(ErrorKind::ConnectionClosed), State::Broken(error)) => {
                    Err((closed_or(error), Phase::Send))
                }
                (Err(kind), State::Sending { .. }) => Err((kind, Phase::Send)),
                (Err(kind), _) => Err((kind, Phase::Head)),
            });
        }
    }

    /// Nothing of the request is missing, though whoever makes the body may not have said yet that it is over.
    fn is_sent(&self) -> bool {
        match self.state {
            State::Sent => true,
            State::Sending {
                head: false,
                sent,
                untold: 0,
            } => self.waits.is_none() && self.framing == Framing::Length(sent),
            _ => false,
        }
    }

    fn waits_on(&self) -> On {
        match &self.state {
            State::Sending { .. }
                if self.connection.out.is_empty() && self.connection.piece.is_empty() =>
            {
                On::Producer
            }
            _ => On::Server,
        }
    }
}

/// A write that fails because the peer is gone says no more than that it is.
fn closed_or(error: io::Error) -> ErrorKind {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset => ErrorKind::ConnectionClosed,
        _ => ErrorKind::Io(error),
    }
}

/// An exchange under way.
pub(crate) struct Exchanging<'a> {
    exchange: Exchange<'a>,
    alarm: Alarm,
    /// What was moved when the alarm was set, and until when more must be.
    moved: u64,
    until: Deadline,
}

impl<'a> Exchanging<'a> {
    pub(crate) fn new(exchange: Exchange<'a>) -> Exchanging<'a> {
        Exchanging {
            alarm: Alarm::new(exchange.core.clone()),
            exchange,
            moved: u64::MAX,
            until: Deadline::NEVER,
        }
    }
}

impl Future for Exchanging<'_> {
    type Output = Result<Answer, Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let polled = this.exchange.poll_exchange(context);
        if polled.is_ready() {
            return polled;
        }
        let exchange = &mut this.exchange;
        let moved = exchange.connection.moved();
        if exchange.waits_on() == On::Producer {
            this.until = exchange.total;
            this.moved = u64::MAX;
            exchange.began = None;
        } else if moved != this.moved {
            this.moved = moved;
            let now = exchange.began.take();
            let now = now.unwrap_or_else(|| exchange.core.clock.read());
            let inactive = Deadline::from(now, Knob::SockRead, exchange.sock_read);
            this.until = inactive.earlier(exchange.total);
        }
        match this.alarm.poll(context, this.until) {
            Ok(()) => Poll::Pending,
            Err(over) => {
                let phase = match exchange.state {
                    State::Sending { .. } => Phase::Send,
                    _ => Phase::Head,
                };
                Poll::Ready(Err((over, phase)))
            }
        }
    }
}
