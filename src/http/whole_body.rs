//! A body that is had at once: as bytes, as text, as JSON.

use std::future::Future;
use std::panic::Location;

use bytes::Bytes;

use crate::http::error::{Error, ErrorKind, Phase};
use crate::http::response::Response;
use crate::observe::Site;

impl Response {
    /// The whole body, or what [`chunk`](Response::chunk) has left of it. One that came in one piece is not copied. aiohttp's
    /// `read`.
    ///
    /// It takes the response, so cancelling it drops that: what was read is lost, and the connection closed.
    ///
    /// # Errors
    /// [`Error`]; a body that is larger than the session's
    /// [`max_body`](crate::http::SessionBuilder::max_body), 64 MiB if not said, is one.
    #[track_caller]
    pub fn bytes(self) -> impl Future<Output = Result<Bytes, Error>> {
        self.bytes_at(Location::caller())
    }

    // An argument of an `async fn` is there twice in its future.
    #[expect(clippy::manual_async_fn)]
    fn bytes_at(mut self, site: Site) -> impl Future<Output = Result<Bytes, Error>> {
        async move { self.read_all(site).await }
    }

    async fn read_all(&mut self, site: Site) -> Result<Bytes, Error> {
        let limit = self.session.max_body;
        let mut first = Bytes::new();
        let mut all: Vec<u8> = Vec::new();
        loop {
            let Some(chunk) = self.chunk_at(site).await? else {
                break;
            };
            if first.len() + all.len() + chunk.len() > limit {
                return Err(self.error(ErrorKind::BodyTooLarge(limit), Phase::Body));
            }
            // A body in one piece, which most are, is not copied.
            if first.is_empty() && all.is_empty() {
                first = chunk;
                continue;
            }
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&chunk);
        }
        match all.is_empty() {
            true => Ok(first),
            false => Ok(all.into()),
        }
    }

    /// The whole body as text: UTF-8, where what is none is replaced by U+FFFD; a byte order mark is left out. Whatever charset
    /// the server names, no other is known. aiohttp's `text`. Cancelled it is as [`bytes`](Response::bytes).
    ///
    /// # Errors
    /// As [`bytes`](Response::bytes).
    #[track_caller]
    pub fn text(self) -> impl Future<Output = Result<String, Error>> {
        let body = self.bytes_at(Location::caller());
        async move {
            let mut body = body.await?;
            if body.starts_with(b"\xEF\xBB\xBF") {
                let _ = body.split_to(3);
            }
            let text = String::from_utf8(body.into());
            Ok(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
        }
    }

    /// The whole body, read as JSON, whatever `Content-Type` says. Feature `json`. aiohttp's `json`. Cancelled it is as
    /// [`bytes`](Response::bytes).
    ///
    /// # Errors
    /// As [`bytes`](Response::bytes), and [`ErrorKind::Json`], whose text says where the error stands and nothing of the
    /// body.
    #[cfg(feature = "json")]
    #[track_caller]
    pub fn json<T: serde::de::DeserializeOwned>(
        mut self,
    ) -> impl Future<Output = Result<T, Error>> {
        let site = Location::caller();
        async move {
            let body = self.read_all(site).await?;
            let value = serde_json::from_slice(&body);
            value.map_err(|error| self.error(ErrorKind::Json(error), Phase::Body))
        }
    }
}
