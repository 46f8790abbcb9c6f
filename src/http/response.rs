//! A response: its head is there, its body comes as it is asked for.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode, Version};

use crate::combine::timeout;
use crate::http::connection::{Connection, Piece};
use crate::http::error::{Error, ErrorKind, Phase};
use crate::http::parser::ResponseHead;
use crate::http::pool::{Key, Permit};
use crate::http::request::Request;
use crate::http::session::ClientSession;

/// A response. Dropping it before its body was read closes the connection.
///
/// aiohttp's `ClientResponse`.
pub struct Response {
    head: ResponseHead,
    request: Request,
    session: ClientSession,
    /// `None` once the body was read to its end.
    reading: Option<(Connection, Permit)>,
    /// When the total time is over, on the session's clock.
    deadline: Option<Duration>,
}

impl Response {
    pub(crate) fn new(
        session: ClientSession,
        request: Request,
        head: ResponseHead,
        reading: (Connection, Permit),
        deadline: Option<Duration>,
    ) -> Response {
        Response {
            head,
            request,
            session,
            reading: Some(reading),
            deadline,
        }
    }

    /// The status: any from 100 to 999 is a response and not an error.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// HTTP/1.1 or HTTP/1.0.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The URL that it answers.
    pub fn url(&self) -> &str {
        self.request.url.as_str()
    }

    /// The next piece of the body, as it comes; `None` at its end, with which the connection goes back to the pool.
    ///
    /// # Errors
    /// [`Error`], also when the body breaks off: what came before was given out by then.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some((connection, _)) = &mut self.reading else {
            return Ok(None);
        };
        let left = self.session.left(self.deadline);
        let piece = timeout(left, connection.next()).await;
        let piece = piece.unwrap_or(Err(ErrorKind::Timeout));
        match piece {
            Ok(Piece::Data(data)) => Ok(Some(data)),
            Ok(Piece::Head(_)) => Ok(Some(Vec::new())),
            Ok(Piece::End(end)) => {
                if let Some((connection, permit)) = self.reading.take() {
                    if end.reusable {
                        self.session.check_in(self.key(), connection);
                    }
                    drop(permit);
                }
                Ok(None)
            }
            Err(kind) => {
                self.reading = None;
                let Request { method, url, .. } = &self.request;
                Err(Error::new(kind, Phase::Body, method, url))
            }
        }
    }

    fn key(&self) -> Key {
        (self.request.host.clone(), self.request.port)
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`Error`]; a body of more than 64 MiB is one (see
    /// [`SessionBuilder::max_body`](crate::http::SessionBuilder::max_body)).
    pub async fn bytes(mut self) -> Result<Vec<u8>, Error> {
        let limit = self.session.max_body();
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                let Request { method, url, .. } = &self.request;
                return Err(Error::new(
                    ErrorKind::BodyTooLarge(limit),
                    Phase::Body,
                    method,
                    url,
                ));
            }
            match body.is_empty() {
                true => body = chunk,
                false => body.extend_from_slice(&chunk),
            }
        }
        Ok(body)
    }

    /// The whole body as text: UTF-8, with what is not replaced; a byte order mark is left out.
    ///
    /// # Errors
    /// As [`bytes`](Response::bytes).
    pub async fn text(self) -> Result<String, Error> {
        let body = self.bytes().await?;
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&body);
        Ok(String::from_utf8_lossy(body).into_owned())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Response [{}]>", self.head.status.as_u16())
    }
}
