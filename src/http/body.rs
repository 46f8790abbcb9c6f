//! What a request carries: nothing, bytes, a file, or a stream that is asked for one piece after another.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_io::AsyncRead;

use crate::http::file_body::FileBody;
use crate::http::pull::{BoxError, PIECE, Pull, Pulled};

/// The body of a request.
///
/// Made from bytes or text by `into()`, from a file by [`file`](Body::file), and from what comes bit by bit by
/// [`stream`](Body::stream) or [`from_reader`](Body::from_reader). Where its length is known it is sent with
/// `Content-Length`, else chunked.
#[derive(Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Bytes(Bytes),
    File(FileBody),
    Stream {
        /// Taken by the request that sends it.
        pull: Option<Box<dyn Pull>>,
        length: Option<u64>,
    },
    /// One after another.
    Joined(Vec<Body>),
}

impl Body {
    /// No body.
    pub fn empty() -> Body {
        Body(Kind::Empty)
    }

    /// The file at `path`, which is opened now. It is read in the thread pool, a piece at a time, when it is sent: as long as it
    /// is now. What is no file but can be read, like a pipe, is a stream.
    ///
    /// ```no_run
    /// # use glassloop::http::{Body, ClientSession};
    /// # async fn example(session: ClientSession) -> Result<(), Box<dyn std::error::Error>> {
    /// session.put("http://127.0.0.1:5000/a.bin").body(Body::file("a.bin")?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When it cannot be opened; the text names the path. One of reading it is [`ErrorKind::Body`](crate::http::ErrorKind::Body)
    /// of the request, and names it too.
    pub fn file(path: impl AsRef<Path>) -> io::Result<Body> {
        FileBody::open(path.as_ref()).map(Body::of_file)
    }

    /// A file that is open, from where it stands to its end: else as [`file`](Body::file).
    ///
    /// # Errors
    /// When its length and position cannot be found out.
    pub fn from_file(file: File) -> io::Result<Body> {
        FileBody::new(file).map(Body::of_file)
    }

    fn of_file(file: FileBody) -> Body {
        match file.length() {
            Some(_) => Body(Kind::File(file)),
            None => Body::pulled(file.pull(), None),
        }
    }

    /// A body that is asked for one piece after another: `pull` gives a future of the next piece, `None` at the end. It is
    /// asked only when the socket has taken the piece before. Give the length if it is known.
    ///
    /// ```
    /// # use glassloop::http::Body;
    /// let mut pieces = ["Hello", ", ", "world"].into_iter();
    /// let body = Body::stream(
    ///     move || {
    ///         let piece = pieces.next();
    ///         async move { piece.map(Ok::<_, std::io::Error>) }
    ///     },
    ///     None,
    /// );
    /// ```
    pub fn stream<F, T, B, E>(pull: F, length: impl Into<Option<u64>>) -> Body
    where
        F: FnMut() -> T + 'static,
        T: Future<Output = Option<Result<B, E>>> + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        let next = None;
        Body::pulled(FuturePull { pull, next }, length.into())
    }

    /// A body that is read from `reader`, 64 KiB at a time, and only when the socket takes more. Give the length in bytes if it is
    /// known. An error of the reader is [`ErrorKind::Body`](crate::http::ErrorKind::Body) of the request.
    pub fn from_reader(
        reader: impl AsyncRead + Unpin + 'static,
        length: impl Into<Option<u64>>,
    ) -> Body {
        let pull = ReaderPull {
            reader,
            buffer: Vec::new(),
        };
        Body::pulled(pull, length.into())
    }

    pub(crate) fn pulled(pull: impl Pull + 'static, length: Option<u64>) -> Body {
        let pull: Option<Box<dyn Pull>> = Some(Box::new(pull));
        Body(Kind::Stream { pull, length })
    }

    /// A body of the contents of `bodies`.
    pub(crate) fn joined(bodies: Vec<Body>) -> Body {
        Body(Kind::Joined(bodies))
    }

    /// A second body of the same content; `None` for a stream, which can be sent only once.
    pub fn try_clone(&self) -> Option<Body> {
        Some(Body(match &self.0 {
            Kind::Empty => Kind::Empty,
            Kind::Bytes(bytes) => Kind::Bytes(bytes.clone()),
            Kind::File(file) => Kind::File(file.clone()),
            Kind::Stream { .. } => return None,
            Kind::Joined(bodies) => {
                let clones = bodies.iter().map(Body::try_clone);
                Kind::Joined(clones.collect::<Option<_>>()?)
            }
        }))
    }

    /// How many bytes it has, where that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Kind::Empty => Some(0),
            Kind::Bytes(bytes) => Some(bytes.len() as u64),
            Kind::File(file) => file.length(),
            Kind::Stream { length, .. } => *length,
            Kind::Joined(bodies) => bodies.iter().map(Body::length).sum(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length() == Some(0) && !matches!(self.0, Kind::Stream { .. })
    }

    /// Its content is here, in one piece.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.0, Kind::Empty | Kind::Bytes(_))
    }

    /// Says how long a body of unknown length is.
    pub(crate) fn set_length(&mut self, to: u64) {
        if let Kind::Stream { length, .. } = &mut self.0 {
            *length = Some(to);
        } else if let Feed::Pull(pull) = self.feed() {
            self.0 = Kind::Stream {
                pull: Some(pull),
                length: Some(to),
            };
        }
    }

    /// Whether [`feed`](Body::feed) has something to give: false for a stream that was sent before.
    pub(crate) fn can_be_sent(&self) -> bool {
        match &self.0 {
            Kind::Stream { pull, .. } => pull.is_some(),
            Kind::Joined(bodies) => bodies.iter().all(Body::can_be_sent),
            _ => true,
        }
    }

    /// Its content from the beginning. A stream has it only once.
    pub(crate) fn feed(&mut self) -> Feed {
        match &mut self.0 {
            Kind::Empty => Feed::Bytes(Bytes::new()),
            Kind::Bytes(bytes) => Feed::Bytes(bytes.clone()),
            Kind::File(file) => Feed::Pull(Box::new(file.pull())),
            Kind::Stream { pull, .. } => match pull.take() {
                Some(pull) => Feed::Pull(pull),
                None => Feed::Done,
            },
            Kind::Joined(bodies) => {
                let feeds = bodies.iter_mut().map(Body::feed).collect();
                Feed::Pull(Box::new(JoinedPull { feeds }))
            }
        }
    }
}

/// The content of a body on its way.
pub(crate) enum Feed {
    Done,
    Bytes(Bytes),
    Pull(Box<dyn Pull>),
}

impl Feed {
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Feed::Done)
    }

    /// The next piece, which is not empty; `None` at the end.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Pulled> {
        let next = match self {
            Feed::Done => None,
            // An empty chunk would be the end of a chunked body.
            Feed::Bytes(bytes) if bytes.is_empty() => None,
            Feed::Bytes(bytes) => Some(Ok(std::mem::take(bytes))),
            Feed::Pull(pull) => match pull.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(piece))) if piece.is_empty() => {
                    // Whoever gives nothing may do so for ever: others run before he is asked again.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(next) => next,
            },
        };
        if !matches!((&next, &self), (Some(Ok(_)), Feed::Pull(_))) {
            *self = Feed::Done;
        }
        Poll::Ready(next)
    }
}

struct JoinedPull {
    feeds: VecDeque<Feed>,
}

impl Pull for JoinedPull {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Pulled> {
        while let Some(feed) = self.feeds.front_mut() {
            match feed.poll_next(context) {
                Poll::Ready(None) => drop(self.feeds.pop_front()),
                next => return next,
            }
        }
        Poll::Ready(None)
    }
}

struct FuturePull<F, T> {
    pull: F,
    next: Option<Pin<Box<T>>>,
}

impl<F, T, B, E> Pull for FuturePull<F, T>
where
    F: FnMut() -> T,
    T: Future<Output = Option<Result<B, E>>>,
    B: Into<Bytes>,
    E: Into<BoxError>,
{
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Pulled> {
        let pull = &mut self.pull;
        let next = self.next.get_or_insert_with(|| Box::pin(pull()));
        let pulled = next.as_mut().poll(context);
        if pulled.is_ready() {
            self.next = None;
        }
        pulled.map(|pulled| pulled.map(|piece| piece.map(Into::into).map_err(Into::into)))
    }
}

struct ReaderPull<R> {
    reader: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Pull for ReaderPull<R> {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Pulled> {
        self.buffer.resize(PIECE, 0);
        let read = Pin::new(&mut self.reader).poll_read(context, &mut self.buffer);
        read.map(|read| match read {
            Ok(0) => None,
            Ok(n) => Some(Ok(Bytes::copy_from_slice(&self.buffer[..n]))),
            Err(error) => Some(Err(error.into())),
        })
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Body {
        Body(Kind::Bytes(bytes.into()))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length() {
            Some(length) => write!(f, "<Body of {length} bytes>"),
            None => f.write_str("<Body of unknown length>"),
        }
    }
}
