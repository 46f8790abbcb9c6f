//! A response: its head is there, its body comes as it is asked for.

use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Extensions, HeaderMap, Method, StatusCode, Version};
use url::Url;

use crate::current;
use crate::http::connection::Piece;
use crate::http::content::Content;
use crate::http::cookie::Cookie;
use crate::http::cookies;
use crate::http::error::{Error, ErrorKind, Phase};
use crate::http::limits::{Alarm, Deadline, Knob};
use crate::http::parser::{Framing, ResponseHead};
use crate::http::policy::Hop;
use crate::http::reading::{Reading, Source};
use crate::http::request::Request;
use crate::http::shared::Shared;
use crate::http::tokens::tokens;
use crate::http::trace::TraceEvent;
use crate::http::upgrade::Upgraded;
use crate::observe::Site;

/// A response. Dropping it before its body was read closes the connection, unless the rest is small and here already.
///
/// The body is had at once by [`bytes`](Response::bytes), [`text`](Response::text) or `json`, piece by piece by
/// [`chunk`](Response::chunk), or by reading: a response is an [`AsyncRead`](futures_io::AsyncRead). No more than 16 KiB are read ahead of whoever
/// asks, so a slow reader slows the server down. What says something about it may be called outside of a loop, and after
/// the loop has ended; what waits for the body needs the loop that sent the request.
///
/// ```
/// # use std::io::{Read, Write};
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # std::thread::spawn(move || {
/// #     let (mut peer, _) = listener.accept().unwrap();
/// #     let _ = peer.read(&mut [0; 1000]);
/// #     peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello").unwrap();
/// # });
/// use glassloop::http::ClientSession;
///
/// glassloop::run(async move {
///     let session = ClientSession::new();
///     let mut response = session.get(&url).await?;
///     assert_eq!(response.status(), 200);
///     assert_eq!(response.headers()["content-type"], "text/plain");
///     let mut bytes = 0;
///     while let Some(chunk) = response.chunk().await? {
///         bytes += chunk.len();
///     }
///     assert_eq!(bytes, 5);
///     Ok::<(), glassloop::http::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// aiohttp's `ClientResponse`.
pub struct Response {
    head: ResponseHead,
    url: Rc<Url>,
    method: Method,
    history: Vec<Hop>,
    remote_addr: Option<SocketAddr>,
    is_early: bool,
    trailers: Option<Box<HeaderMap>>,
    extensions: Extensions,
    pub(crate) session: Rc<Shared>,
    number: u64,
    source: Source,
    content: Content,
    /// What `AsyncRead` has and did not give out.
    pub(crate) rest: Bytes,
    total: Deadline,
    sock_read: Option<Duration>,
    waiting: Option<Waiting>,
}

/// Something is to come from the server.
struct Waiting {
    alarm: Alarm,
    until: Deadline,
    /// What was moved by the connection when the limit began.
    moved: u64,
}

impl Response {
    pub(crate) fn new(
        session: Rc<Shared>,
        number: u64,
        request: &mut Request,
        (head, content, reading): (ResponseHead, Content, Reading),
        history: Vec<Hop>,
        total: Deadline,
    ) -> Response {
        Response {
            head,
            remote_addr: reading.connection.peer,
            is_early: !reading.sent,
            source: Source::Open(reading),
            url: request.url.clone(),
            method: request.method.clone(),
            history,
            trailers: None,
            extensions: mem::take(&mut request.extensions),
            session,
            number,
            content,
            rest: Bytes::new(),
            total,
            sock_read: request.timeout.sock_read,
            waiting: None,
        }
    }

    /// The status: any from 100 to 999 is a response and not an error. aiohttp's `status`.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The header fields, names in any case, repeated ones in their order. Where the body is decoded, its coding and its length
    /// are not among them. The map is made at the first call. aiohttp's `headers`.
    pub fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// HTTP/1.1 or HTTP/1.0. aiohttp's `version`.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The URL that it answers, after redirects. aiohttp's `url`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The redirects on the way to it, the first one first. aiohttp's `history`.
    pub fn history(&self) -> &[Hop] {
        &self.history
    }

    /// The address that it came from: the proxy's, where there is one. aiohttp's `connection.transport`.
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.remote_addr
    }

    /// The length of the body in bytes, where the server has said it and it is not decoded. Of a response to HEAD, and of a `304`,
    /// which have none, it is that of the body that a GET would have. aiohttp's `content_length`.
    pub fn content_length(&self) -> Option<u64> {
        match self.head.framing {
            _ if self.content.is_decoded() => None,
            Framing::Length(length) => Some(length),
            Framing::Empty if self.head.status == StatusCode::NO_CONTENT => Some(0),
            Framing::Empty => announced(self.headers()),
            _ => None,
        }
    }

    /// The fields behind a chunked body, once it was read to its end; `None` before, and where there are none. aiohttp drops
    /// them.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_deref()
    }

    /// Whether it came before the body of the request was sent to its end, the rest of which was not sent then: the server may
    /// know only a part of it, whatever the status says.
    pub fn is_early(&self) -> bool {
        self.is_early
    }

    /// The cookies that it sets, whether the session keeps them or not; without those that its host may not set. Those that
    /// redirects on the way have set are in the jar. aiohttp's `cookies`.
    pub fn cookies(&self) -> Vec<Cookie> {
        cookies::set_by(&self.url, self.headers())
    }

    /// What was attached to the request, as to a [`Request`] by [`extensions_mut`](Request::extensions_mut), and what was added
    /// since.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The same, to attach something to the response.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// The response, if its status is below 400. aiohttp's `raise_for_status`.
    ///
    /// # Errors
    /// [`ErrorKind::Status`].
    pub fn error_for_status(self) -> Result<Response, Error> {
        match self.error_for_status_ref() {
            Ok(_) => Ok(self),
            Err(error) => Err(error),
        }
    }

    /// As [`error_for_status`](Response::error_for_status), and the body can still be read after an error.
    ///
    /// # Errors
    /// [`ErrorKind::Status`].
    pub fn error_for_status_ref(&self) -> Result<&Response, Error> {
        match self.head.status.as_u16() {
            400.. => Err(self.error(ErrorKind::Status(self.head.status), Phase::Head)),
            _ => Ok(self),
        }
    }

    pub(crate) fn error(&self, kind: ErrorKind, phase: Phase) -> Error {
        Error::new(kind, phase, &self.method, Some(&self.url))
    }

    /// The next piece of the body, as it comes and never empty; `None` at its end, with which the connection goes back
    /// to the pool. It is aiohttp's `content.readany`, and in a loop its `content.iter_any`.
    ///
    /// Cancelling it loses nothing: the next call goes on where it was.
    ///
    /// # Errors
    /// [`Error`], also when the body breaks off: what came before was given out by then. The limits of time count while the
    /// server is waited for, not while nobody asks.
    #[track_caller]
    pub fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, Error>> + use<'_> {
        self.chunk_at(Location::caller())
    }

    pub(crate) fn chunk_at(&mut self, site: Site) -> Chunk<'_> {
        Chunk {
            response: self,
            site,
        }
    }

    pub(crate) fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
        site: Site,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Ok(Some(mem::take(&mut self.rest))));
        }
        let piece = match self.poll_piece(context, site) {
            Poll::Pending => match self.wait(context) {
                Ok(()) => return Poll::Pending,
                Err(over) => Err(over),
            },
            Poll::Ready(piece) => {
                self.waiting = None;
                piece
            }
        };
        let tracer = self.session.tracer(self.number);
        match &piece {
            Ok(Some(piece)) => tracer.tell(|| TraceEvent::BodyReceived { bytes: piece.len() }),
            Ok(None) => {}
            Err(_) => {}
        }
        Poll::Ready(piece.map_err(|kind| {
            self.source = Source::Failed;
            self.waiting = None;
            let error = self.error(kind, Phase::Body);
            let tracer = self.session.tracer(self.number);
            tracer.tell(|| TraceEvent::Failed { error: &error });
            error
        }))
    }

    /// The next piece of the decoded body.
    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        site: Site,
    ) -> Poll<Result<Option<Bytes>, ErrorKind>> {
        loop {
            if let Some(decoded) = ready!(self.content.poll(context)) {
                return Poll::Ready(decoded.map(Some));
            }
            let reading = match &mut self.source {
                Source::Open(reading) => reading,
                Source::Ended => return Poll::Ready(Ok(None)),
                Source::Failed => {
                    let why = io::Error::other("the body broke off before");
                    return Poll::Ready(Err(ErrorKind::Io(why)));
                }
            };
            match ready!(reading.connection.poll_next(context, site)) {
                Ok(Piece::Data(data)) => self.content.give(data),
                // A head was the first piece, and is not there twice.
                Ok(Piece::Head(_)) => {}
                Ok(Piece::End(mut end)) => {
                    self.trailers = end.trailers.take().map(Box::new);
                    if let Some(reading) = self.source.take(Source::Ended) {
                        reading.finish(&end);
                    }
                    if let Err(kind) = self.content.finish() {
                        return Poll::Ready(Err(kind));
                    }
                    let tracer = self.session.tracer(self.number);
                    tracer.tell(|| TraceEvent::RequestEnd);
                    return Poll::Ready(Ok(None));
                }
                Err(kind) => return Poll::Ready(Err(kind)),
            }
        }
    }

    /// The limits of time count while the server is waited for, and only then.
    fn wait(&mut self, context: &Context<'_>) -> Result<(), ErrorKind> {
        let Source::Open(reading) = &self.source else {
            return Ok(());
        };
        let moved = reading.connection.moved();
        let core = current::expect();
        let (total, sock_read) = (self.total, self.sock_read);
        let until = || Deadline::new(&core, Knob::SockRead, sock_read).earlier(total);
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            alarm: Alarm::new(core.clone()),
            until: until(),
            moved,
        });
        if waiting.moved != moved {
            (waiting.until, waiting.moved) = (until(), moved);
        }
        waiting.alarm.poll(context, waiting.until)
    }

    /// The connection itself, after `101 Switching Protocols`: what the server has sent behind the head comes first. It need not
    /// wait, so there is nothing to cancel. In aiohttp only `ws_connect` does this.
    ///
    /// # Errors
    /// [`ErrorKind::NotUpgraded`] if the server has not switched.
    pub async fn upgrade(mut self) -> Result<Upgraded, Error> {
        let why = if self.head.framing != Framing::Tunnel {
            format!("status {} is no upgrade", self.head.status.as_u16())
        } else if let Some(reading) = self.source.take(Source::Ended) {
            return Ok(Upgraded::new(reading));
        } else {
            "the response was read to its end".to_owned()
        };
        Err(self.error(ErrorKind::NotUpgraded(why), Phase::Body))
    }

    /// The body broke off, and the error was given out.
    #[cfg(feature = "stream")]
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.source, Source::Failed)
    }

    /// A future that waited is gone, and nobody is to be woken for it.
    fn wait_no_more(&mut self) {
        if self.waiting.take().is_some() {
            if let Source::Open(reading) = &self.source {
                reading.connection.forget_waiters();
            }
        }
    }
}

/// The length that the fields speak of with one voice. No body follows that would have had it checked.
fn announced(headers: &HeaderMap) -> Option<u64> {
    let mut lengths = tokens(headers, &CONTENT_LENGTH);
    let first = lengths.next()?;
    let is_length =
        first.bytes().all(|byte| byte.is_ascii_digit()) && lengths.all(|other| other == first);
    is_length.then(|| first.parse().ok())?
}

impl Drop for Response {
    fn drop(&mut self) {
        if let Some(reading) = self.source.take(Source::Ended) {
            reading.abandon();
        }
    }
}

/// The future of [`Response::chunk`].
pub(crate) struct Chunk<'a> {
    response: &'a mut Response,
    site: Site,
}

impl Future for Chunk<'_> {
    type Output = Result<Option<Bytes>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let site = self.site;
        self.response.poll_chunk(context, site)
    }
}

impl Drop for Chunk<'_> {
    fn drop(&mut self) {
        self.response.wait_no_more();
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Response [{}]>", self.head.status.as_u16())
    }
}
