//! What a request carries: nothing, bytes, a file, or a stream that is asked for one piece after another.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_io::AsyncRead;

use crate::threads::{Offload, to_thread};

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;
pub(crate) type Pulled = Option<Result<Bytes, BoxError>>;

/// A piece of a file or reader is so large.
const PIECE: usize = 64 * 1024;

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
    File {
        file: Arc<Mutex<File>>,
        start: u64,
        length: u64,
    },
    Stream {
        /// Taken by the request that sends it.
        pull: Option<Box<dyn Pull>>,
        length: Option<u64>,
    },
    /// One after another.
    Joined(Vec<Body>),
}

/// Where the pieces of a body come from, one after another.
pub(crate) trait Pull {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Pulled>;
}

impl Body {
    /// No body.
    pub fn empty() -> Body {
        Body(Kind::Empty)
    }

    /// A file, from where it stands to its end. It is read in the thread pool, a piece at a time.
    ///
    /// # Errors
    /// When its length and position cannot be found out.
    pub fn file(mut file: File) -> io::Result<Body> {
        let about = file.metadata()?;
        if !about.is_file() {
            return Ok(Body::pulled(FilePull::new(file, None), None));
        }
        let start = file.stream_position()?;
        let length = about.len().saturating_sub(start);
        let file = Arc::new(Mutex::new(file));
        Ok(Body(Kind::File {
            file,
            start,
            length,
        }))
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
            Kind::File {
                file,
                start,
                length,
            } => Kind::File {
                file: file.clone(),
                start: *start,
                length: *length,
            },
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
            Kind::File { length, .. } => Some(*length),
            Kind::Stream { length, .. } => *length,
            Kind::Joined(bodies) => bodies.iter().map(Body::length).sum(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length() == Some(0) && !matches!(self.0, Kind::Stream { .. })
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
            Kind::Empty => Feed::Done,
            Kind::Bytes(bytes) => Feed::Bytes(bytes.clone()),
            Kind::File {
                file,
                start,
                length,
            } => {
                let file = FilePull {
                    file: file.clone(),
                    at: Some(*start),
                    // It may have grown since; what was announced is sent.
                    left: *length,
                    reading: None,
                };
                Feed::Pull(Box::new(file))
            }
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
            Feed::Bytes(bytes) => Some(Ok(std::mem::take(bytes))),
            Feed::Pull(pull) => loop {
                match pull.poll_next(context) {
                    Poll::Pending => return Poll::Pending,
                    // An empty chunk would be the end of a chunked body.
                    Poll::Ready(Some(Ok(piece))) if piece.is_empty() => {}
                    Poll::Ready(next) => break next,
                }
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

struct FilePull {
    file: Arc<Mutex<File>>,
    /// Where to read next, in a file that can be read from anywhere.
    at: Option<u64>,
    left: u64,
    reading: Option<Offload<io::Result<Vec<u8>>>>,
}

impl FilePull {
    fn new(file: File, at: Option<u64>) -> FilePull {
        FilePull {
            file: Arc::new(Mutex::new(file)),
            at,
            left: u64::MAX,
            reading: None,
        }
    }
}

impl Pull for FilePull {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Pulled> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let (file, at) = (&self.file, self.at);
        let most = self.left.min(PIECE as u64);
        let reading = self.reading.get_or_insert_with(|| {
            let file = file.clone();
            to_thread(move || {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(at) = at {
                    // Others may read the same file meanwhile.
                    file.seek(SeekFrom::Start(at))?;
                }
                let mut piece = Vec::with_capacity(most as usize);
                (&mut *file).take(most).read_to_end(&mut piece)?;
                Ok(piece)
            })
        });
        let read = match Pin::new(reading).poll(context) {
            Poll::Ready(read) => read,
            Poll::Pending => return Poll::Pending,
        };
        self.reading = None;
        Poll::Ready(match read {
            Ok(Ok(piece)) if piece.is_empty() => None,
            Ok(Ok(piece)) => {
                self.at = self.at.map(|at| at + piece.len() as u64);
                self.left -= piece.len() as u64;
                Some(Ok(piece.into()))
            }
            Ok(Err(error)) => Some(Err(error.into())),
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
