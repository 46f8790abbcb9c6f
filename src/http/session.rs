//! The session: what a program asks for pages. What its requests share is kept here.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use http::{HeaderMap, Method};
use url::Url;

use crate::http::body::Body;
use crate::http::connect::Plan;
use crate::http::cookies::CookieJar;
use crate::http::dns::Dns;
use crate::http::error::{Error, ErrorKind};
use crate::http::into_url::IntoUrl;
use crate::http::limits::ClientTimeout;
use crate::http::parser::Limits;
use crate::http::pool::{Pool, PoolStats};
use crate::http::proxy::Proxies;
use crate::http::redirect::Policy;
use crate::http::request_builder::RequestBuilder;
use crate::http::response::Response;
use crate::http::session_builder::SessionBuilder;
use crate::http::trace::{Trace, TraceEvent};

/// An HTTP/1.1 client that keeps its connections. Clones share them; idle ones are closed with the last clone, those in use
/// after their response.
///
/// aiohttp's `ClientSession`. It belongs to the thread of its loop.
///
/// ```no_run
/// use glassloop::http::ClientSession;
///
/// glassloop::run(async {
///     let session = ClientSession::new();
///     let response = session.get("http://127.0.0.1:5000/").await?;
///     println!("{} {}", response.status(), response.text().await?);
///     Ok::<(), glassloop::http::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClientSession {
    owner: Rc<Owner>,
}

/// What the clones of a session share. Responses have only the inside, so that an unread one keeps no connections.
struct Owner(Rc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.pool.close_all();
    }
}

pub(crate) struct Shared {
    pub(crate) pool: Rc<Pool>,
    pub(crate) dns: Rc<Dns>,
    pub(crate) plan: Plan,
    pub(crate) filter: Option<Rc<dyn Fn(SocketAddr) -> bool>>,
    pub(crate) timeout: ClientTimeout,
    pub(crate) limits: Limits,
    pub(crate) max_body: usize,
    /// Bodies are decoded.
    pub(crate) decodes: bool,
    pub(crate) cookies: Option<CookieJar>,
    pub(crate) base_url: Option<Url>,
    /// The headers of each request that does not have its own.
    pub(crate) defaults: HeaderMap,
    /// The same, written out.
    pub(crate) default_lines: Vec<u8>,
    pub(crate) redirects: Policy,
    pub(crate) proxies: Proxies,
    pub(crate) retry_stale: bool,
    pub(crate) raise_for_status: bool,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::http::tls::Tls,
    pub(crate) trace: Option<Rc<dyn Trace>>,
    pub(crate) requests: Cell<u64>,
}

/// Tells the session's trace, if it has one, what happens to one request.
#[derive(Clone, Copy)]
pub(crate) struct Tracer<'a> {
    trace: Option<&'a dyn Trace>,
    request: u64,
}

impl Tracer<'_> {
    pub(crate) fn tell<'e>(&self, event: impl FnOnce() -> TraceEvent<'e>) {
        if let Some(trace) = self.trace {
            trace.event(self.request, &event());
        }
    }
}

impl Shared {
    pub(crate) fn tracer(&self, request: u64) -> Tracer<'_> {
        Tracer {
            trace: self.trace.as_deref(),
            request,
        }
    }

    /// The number of the next request.
    pub(crate) fn number(&self) -> u64 {
        self.requests.set(self.requests.get() + 1);
        self.requests.get()
    }
}

impl Default for ClientSession {
    fn default() -> ClientSession {
        ClientSession::new()
    }
}

impl ClientSession {
    /// A session with the defaults.
    ///
    /// # Panics
    /// If the TLS library refuses its own defaults.
    pub fn new() -> ClientSession {
        match ClientSession::builder().build() {
            Ok(session) => session,
            Err(error) => panic!("{error}"),
        }
    }

    /// For a session with other settings.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    pub(crate) fn from_shared(shared: Shared) -> ClientSession {
        ClientSession {
            owner: Rc::new(Owner(Rc::new(shared))),
        }
    }

    pub(crate) fn shared(&self) -> &Rc<Shared> {
        &self.owner.0
    }

    /// A GET request: `session.get(url).await?`.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A POST request: `session.post(url).body("...").await?`.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A PUT request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// A PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// A HEAD request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// An OPTIONS request.
    pub fn options(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::OPTIONS, url)
    }

    /// A request with any method but CONNECT.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        let url = url.into_url().or_else(|(text, error)| {
            match (&self.shared().base_url, error) {
                (Some(base), url::ParseError::RelativeUrlWithoutBase) => base.join(&text),
                _ => Err(error),
            }
            .map_err(|error| {
                let shown = hide_credentials(&text);
                ErrorKind::InvalidUrl(format!("{shown:?} is not a URL: {error}"))
            })
        });
        RequestBuilder::new(self.clone(), method, url)
    }

    /// Sends a request that was made with the crate `http`. Its URI must be absolute, or the session have a `base_url`.
    ///
    /// # Errors
    /// As [`RequestBuilder::send`].
    ///
    /// # Panics
    /// When awaited without a running loop.
    pub async fn execute(&self, request: http::Request<Body>) -> Result<Response, Error> {
        let (head, body) = request.into_parts();
        let builder = self.request(head.method, head.uri);
        let builder = builder.version(head.version).headers(head.headers);
        builder.body(body).await
    }

    /// Its cookies, unless it was made without.
    pub fn cookies(&self) -> Option<&CookieJar> {
        self.shared().cookies.as_ref()
    }

    /// What it has open, and has done.
    pub fn stats(&self) -> PoolStats {
        self.shared().pool.stats()
    }

    /// Closes the session and all its clones: idle connections at once, those in use after their response; requests that
    /// wait for a connection fail, and new ones too. Dropping the last clone closes idle connections in the same way, so
    /// that this need not be called. Nothing is waited for.
    pub async fn close(self) {
        self.shared().pool.close_all();
    }
}

/// What stands before an `@` is not to be printed.
fn hide_credentials(text: &str) -> String {
    let shown: String = text.chars().take(128).collect();
    match shown.rfind('@') {
        Some(at) => format!("...{}", &shown[at..]),
        None => shown,
    }
}
