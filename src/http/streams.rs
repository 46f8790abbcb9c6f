//! Bodies as `Stream`s, for what takes or gives them (feature `stream`).

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

use crate::http::body::Body;
use crate::http::error::Error;
use crate::http::pull::{BoxError, Pull, Pulled};
use crate::http::response::Response;

/// The pieces of the body, as [`chunk`](Response::chunk) gives them; after an error it has ended. Feature `stream`.
impl Stream for Response {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_broken() {
            return Poll::Ready(None);
        }
        let chunk = this.poll_chunk(context, Location::caller());
        chunk.map(Result::transpose)
    }
}

impl Body {
    /// A body of the pieces of `stream`, which is asked for the next one when the socket has taken the one before. Give the
    /// length in bytes if it is known. An error of the stream is [`ErrorKind::Body`](crate::http::ErrorKind::Body) of the
    /// request. Feature `stream`.
    pub fn from_stream<S, B, E>(stream: S, length: impl Into<Option<u64>>) -> Body
    where
        S: Stream<Item = Result<B, E>> + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        Body::pulled(StreamPull(Box::pin(stream)), length.into())
    }
}

struct StreamPull<S>(Pin<Box<S>>);

impl<S, B, E> Pull for StreamPull<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    E: Into<BoxError>,
{
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Pulled> {
        let next = self.0.as_mut().poll_next(context);
        next.map(|next| next.map(|piece| piece.map(Into::into).map_err(Into::into)))
    }
}
