//! A request on its way from `session.get(url)` to the bytes on the wire.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::http::error::{Error, ErrorKind, Phase};
use crate::http::response::Response;
use crate::http::session::ClientSession;

/// A request that is being put together; awaiting it sends it.
#[must_use = "a request is sent when it is awaited"]
pub struct RequestBuilder {
    session: ClientSession,
    method: Method,
    url: Result<Url, String>,
    headers: HeaderMap,
    body: Vec<u8>,
    /// What was wrong with what it was given.
    refused: Option<String>,
}

/// A request that can be sent: checked, and written out as bytes.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) bytes: Vec<u8>,
}

impl RequestBuilder {
    pub(crate) fn new(
        session: ClientSession,
        method: Method,
        url: Result<Url, String>,
    ) -> RequestBuilder {
        RequestBuilder {
            session,
            method,
            url,
            headers: HeaderMap::new(),
            body: Vec::new(),
            refused: None,
        }
    }

    /// Adds a header field. What is no field is refused when the request is sent, before a byte is written.
    pub fn header(mut self, name: &str, value: &str) -> RequestBuilder {
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), _) if name == CONTENT_LENGTH || name == TRANSFER_ENCODING => {
                self.refused = Some(format!("the header {name} follows from the body"));
            }
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            (Err(_), _) => self.refused = Some(format!("{name:?} is no header name")),
            (Ok(name), Err(_)) => {
                self.refused = Some(format!(
                    "the value of the header {name} has forbidden bytes"
                ));
            }
        }
        self
    }

    /// Gives it a body, sent with its `Content-Length`.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> RequestBuilder {
        self.body = body.into();
        self
    }

    /// Sends it and waits for the head of the response. Redirects are not followed, and every status is a response.
    ///
    /// # Errors
    /// [`Error`], with method, URL, phase and cause.
    pub async fn send(self) -> Result<Response, Error> {
        let session = self.session.clone();
        session.send(self.build()?).await
    }

    fn build(self) -> Result<Request, Error> {
        let method = self.method;
        let url = self.url.map_err(|why| {
            Error::with_text(ErrorKind::InvalidUrl(why), Phase::Prepare, &method, "")
        })?;
        let refuse = |kind| Error::new(kind, Phase::Prepare, &method, &url);
        let host = match (url.scheme(), url.host_str()) {
            ("http", Some(host)) => host.to_owned(),
            (scheme, _) => {
                let why = format!("the scheme {scheme} is not supported, http is");
                return Err(refuse(ErrorKind::InvalidUrl(why)));
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            let why = "credentials in the URL are not sent; set the header Authorization instead";
            return Err(refuse(ErrorKind::InvalidUrl(why.to_owned())));
        }
        if let Some(why) = self.refused {
            return Err(refuse(ErrorKind::InvalidRequest(why)));
        }
        if self.headers.get_all(HOST).iter().count() > 1 {
            let why = "the header Host is given twice".to_owned();
            return Err(refuse(ErrorKind::InvalidRequest(why)));
        }
        let port = url.port_or_known_default().unwrap_or(80);
        let bytes = write_out(&method, &url, &host, &self.headers, &self.body);
        Ok(Request {
            method,
            url,
            host,
            port,
            bytes,
        })
    }
}

fn write_out(method: &Method, url: &Url, host: &str, headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + body.len());
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(url.path().as_bytes());
    if let Some(query) = url.query() {
        out.push(b'?');
        out.extend_from_slice(query.as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let mut field = |name: &str, value: &[u8]| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    match (headers.get(HOST), url.port()) {
        (Some(given), _) => field("Host", given.as_bytes()),
        (None, Some(port)) => field("Host", format!("{host}:{port}").as_bytes()),
        (None, None) => field("Host", host.as_bytes()),
    }
    for (name, default) in [
        ("accept", "*/*"),
        (
            "user-agent",
            concat!("glassloop/", env!("CARGO_PKG_VERSION")),
        ),
    ] {
        if !headers.contains_key(name) {
            field(name, default.as_bytes());
        }
    }
    for (name, value) in headers.iter().filter(|(name, _)| **name != HOST) {
        field(name.as_str(), value.as_bytes());
    }
    let expects_body = [Method::POST, Method::PUT, Method::PATCH].contains(method);
    if expects_body || !body.is_empty() {
        field("content-length", body.len().to_string().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

impl IntoFuture for RequestBuilder {
    type Output = Result<Response, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
