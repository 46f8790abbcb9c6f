//! The session: what a program asks for pages.

use std::future::Future;
use std::rc::Rc;

use http::Method;
use url::Url;

use crate::http::cookies::CookieJar;
use crate::http::error::Error;
use crate::http::into_request::IntoRequest;
use crate::http::into_url::IntoUrl;
use crate::http::pool_stats::PoolStats;
use crate::http::request::Request;
use crate::http::request_builder::RequestBuilder;
use crate::http::response::Response;
use crate::http::shared::{Owner, Shared};
use crate::text::shown_as;

/// An HTTP/1.1 client that keeps its connections. Clones share them; idle ones are closed with the last clone, those in use
/// after their response.
///
/// aiohttp's `ClientSession`, which must be closed; this one need not be. It belongs to its thread, may be made before there is
/// a loop, and serves one loop at a time: when that has ended, another one may use it.
///
/// Several requests at once are several tasks: `gather([session.get(a), session.get(b)])`. A request is a
/// [`Coroutine`](crate::Coroutine): `create_task`, [`gather`](crate::gather()) and `wait_for` take it as it is.
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

shown_as! { ClientSession => "<ClientSession>" }

impl ClientSession {
    pub(crate) fn from_shared(shared: Shared) -> ClientSession {
        ClientSession {
            owner: Rc::new(Owner(Rc::new(shared))),
        }
    }

    fn shared(&self) -> &Rc<Shared> {
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

    /// A request with any method but CONNECT. Like the methods above, it only describes the request, and may be called
    /// outside of a loop.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        let request = match self.find(url) {
            Ok(url) => Ok(Request::new(method, url, self.shared().timeout)),
            Err((text, error)) => Err(Error::of_no_url(&text, error, &method)),
        };
        RequestBuilder::new(self.owner.clone(), request)
    }

    fn find(&self, url: impl IntoUrl) -> Result<Rc<Url>, (String, url::ParseError)> {
        let Some(text) = url.as_text() else {
            return self.complete(url.into_url()).map(Rc::new);
        };
        let parse = || self.complete(text.into_url());
        self.shared().urls.parse(text, parse)
    }

    /// Puts what is no URL by itself behind the `base_url`.
    fn complete(
        &self,
        parsed: Result<Url, (String, url::ParseError)>,
    ) -> Result<Url, (String, url::ParseError)> {
        parsed.or_else(|(text, error)| {
            let joined = match (&self.shared().base_url, error) {
                (Some(base), url::ParseError::RelativeUrlWithoutBase) => base.join(&text),
                _ => Err(error),
            };
            joined.map_err(|error| (text, error))
        })
    }

    /// Sends a request that was made before: one of [`RequestBuilder::build`], or one of the crate `http`, whose URI must be
    /// absolute, or the session have a `base_url`.
    ///
    /// # Errors
    /// As [`RequestBuilder::send`].
    ///
    /// # Panics
    /// When awaited without a running loop.
    #[track_caller]
    pub fn execute<R: IntoRequest>(
        &self,
        request: R,
    ) -> impl Future<Output = Result<Response, Error>> + use<R> {
        let request = request.into_request(self);
        RequestBuilder::new(self.owner.clone(), request).send()
    }

    /// Its cookies, unless it was made without. aiohttp's `cookie_jar`.
    pub fn cookies(&self) -> Option<&CookieJar> {
        self.shared().cookies.as_ref()
    }

    /// What it has open, and has done. May be called outside of a loop. aiohttp has nothing like it.
    pub fn stats(&self) -> PoolStats {
        self.shared().pool.stats()
    }

    /// Closes the session and all its clones: idle connections at once, those in use after their response; requests that
    /// wait for a connection fail, and new ones too. Dropping the last clone closes idle connections in the same way, so
    /// that this need not be called. Nothing is waited for, so it cannot be cancelled, and needs no loop but to be awaited in.
    /// aiohttp's `close`.
    pub async fn close(self) {
        self.shared().pool.close_all();
    }
}
