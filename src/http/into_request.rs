//! What can be meant as a whole request.

use crate::http::body::Body;
use crate::http::error::Error;
use crate::http::request::Request;
use crate::http::session::ClientSession;

/// What [`ClientSession::execute`] sends: a [`Request`], or one of the crate `http`, whose extensions go with it.
pub trait IntoRequest {
    /// The request, for this session.
    ///
    /// # Errors
    /// Why it is none.
    fn into_request(self, session: &ClientSession) -> Result<Request, Error>;
}

impl IntoRequest for Request {
    fn into_request(self, _: &ClientSession) -> Result<Request, Error> {
        Ok(self)
    }
}

impl<B: Into<Body>> IntoRequest for http::Request<B> {
    fn into_request(self, session: &ClientSession) -> Result<Request, Error> {
        let (head, body) = self.into_parts();
        let builder = session.request(head.method, head.uri);
        let builder = builder.version(head.version).headers(head.headers);
        let mut request = builder.body(body).build()?;
        request.extensions = head.extensions;
        Ok(request)
    }
}
