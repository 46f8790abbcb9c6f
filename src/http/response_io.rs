//! The body of a response as a stream of bytes: to be read from, or written to somebody else.

use std::future::poll_fn;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

use crate::http::error::{Error, ErrorKind, Phase};
use crate::http::response::Response;
use crate::observe::Site;

impl Response {
    /// Writes the rest of the body to `writer`, which is flushed and not closed; how many bytes that were. The size of the
    /// body has no limit, and no more of it is in memory than one piece.
    ///
    /// Cancelling it loses the piece that was being written; the rest can still be read. In aiohttp it is a loop around
    /// `content.iter_any`.
    ///
    /// # Errors
    /// [`Error`]; one of the writer is [`ErrorKind::Io`].
    #[track_caller]
    pub fn copy_to<'a, W: AsyncWrite + Unpin>(
        &'a mut self,
        writer: &'a mut W,
    ) -> impl Future<Output = Result<u64, Error>> + use<'a, W> {
        self.copy_at(writer, Location::caller())
    }

    async fn copy_at<W: AsyncWrite + Unpin>(
        &mut self,
        writer: &mut W,
        site: Site,
    ) -> Result<u64, Error> {
        let mut copied = 0;
        while let Some(chunk) = poll_fn(|context| self.poll_chunk(context, site)).await? {
            let mut left = &chunk[..];
            while !left.is_empty() {
                let writing = poll_fn(|context| Pin::new(&mut *writer).poll_write(context, left));
                match writing.await {
                    Ok(0) => return Err(self.not_written(io::ErrorKind::WriteZero.into())),
                    Ok(n) => left = &left[n..],
                    Err(error) => return Err(self.not_written(error)),
                }
            }
            copied += chunk.len() as u64;
        }
        let flushed = poll_fn(|context| Pin::new(&mut *writer).poll_flush(context)).await;
        match flushed {
            Ok(()) => Ok(copied),
            Err(error) => Err(self.not_written(error)),
        }
    }

    fn not_written(&self, error: io::Error) -> Error {
        self.error(ErrorKind::Io(error), Phase::Body)
    }
}

impl AsyncRead for Response {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match ready!(this.poll_chunk(context, Location::caller())) {
            Ok(None) => Poll::Ready(Ok(0)),
            Ok(Some(mut chunk)) => {
                let n = chunk.len().min(buffer.len());
                buffer[..n].copy_from_slice(&chunk.split_to(n));
                this.rest = chunk;
                Poll::Ready(Ok(n))
            }
            Err(error) => Poll::Ready(Err(io::Error::other(error))),
        }
    }
}
