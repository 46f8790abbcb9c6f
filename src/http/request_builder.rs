//! `session.get(url)` and all that can be said about a request before it is awaited.

use std::fmt::Display;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::rc::Rc;

use http::Version;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::coroutine::Coroutine;
use crate::http::auth;
use crate::http::body::Body;
use crate::http::error::{Error, ErrorKind};
use crate::http::limits::ClientTimeout;
use crate::http::multipart::Form;
use crate::http::proxy::{Proxies, Proxy};
use crate::http::request::{Request, cookie_name};
use crate::http::response::Response;
use crate::http::send::send;
use crate::http::sending::Sending;
use crate::http::shared::Owner;
use crate::observe::Site;
use crate::text::shown_as;

/// A request that is being put together; awaiting it sends it.
///
/// What cannot be sent (a header with a line break, a `Content-Length` that is not the body's) is refused when it is
/// awaited, before a byte is written. All but awaiting it may be done outside of a loop. Its methods are what aiohttp's
/// `session.get` takes as named arguments.
///
/// ```no_run
/// # use glassloop::http::{ClientSession, Error};
/// # async fn example(session: ClientSession) -> Result<(), Error> {
/// let page = session.get("http://127.0.0.1:5000/").query("q", "1").header("accept", "text/plain").await?;
/// println!("{}", page.error_for_status()?.text().await?);
/// # Ok(())
/// # }
/// ```
#[must_use = "a request is sent when it is awaited"]
pub struct RequestBuilder {
    session: Rc<Owner>,
    /// The error is the first thing that was wrong with what it was given.
    request: Result<Request, Error>,
}

shown_as! { RequestBuilder => "<RequestBuilder>" }

impl RequestBuilder {
    pub(crate) fn new(session: Rc<Owner>, request: Result<Request, Error>) -> RequestBuilder {
        RequestBuilder { session, request }
    }

    /// Changes the request; `change` says why it cannot be changed so.
    fn with(mut self, change: impl FnOnce(&mut Request) -> Result<(), String>) -> RequestBuilder {
        if let Ok(request) = &mut self.request {
            if let Err(why) = change(request) {
                self.request = Err(request.error(ErrorKind::InvalidRequest(why)));
            }
        }
        self
    }

    /// Adds a header field. One of the session's default headers with the same name is replaced, and so are a `Content-Type` and
    /// an `Authorization` that were given before, of which there is one. aiohttp's `headers=`.
    pub fn header<V>(self, name: impl AsRef<str>, value: V) -> RequestBuilder
    where
        V: TryInto<HeaderValue>,
    {
        let name = name.as_ref();
        self.with(
            |request| match (name.parse::<HeaderName>(), value.try_into()) {
                (Ok(name), Ok(value)) => {
                    if [AUTHORIZATION, CONTENT_TYPE].contains(&name) {
                        request.headers.insert(name, value);
                    } else {
                        request.headers.append(name, value);
                    }
                    Ok(())
                }
                (Err(_), _) => Err(format!("{name:?} is no header name")),
                (Ok(name), Err(_)) => Err(format!(
                    "the value of the header {name} has forbidden bytes"
                )),
            },
        )
    }

    /// Adds header fields; those of the same name that were given before are replaced.
    pub fn headers(self, headers: HeaderMap) -> RequestBuilder {
        self.with(|request| {
            request.headers.extend(headers);
            Ok(())
        })
    }

    /// Adds `name=value` to the URL's query, escaped. aiohttp's `params=`.
    pub fn query(self, name: impl AsRef<str>, value: impl ToString) -> RequestBuilder {
        self.query_pairs([(name, value)])
    }

    /// Adds several `name=value` to the URL's query, escaped. One that may be absent is an `Option` of a pair.
    ///
    /// ```
    /// # let (session, limit) = (glassloop::http::ClientSession::new(), None::<u32>);
    /// let request = session.get("http://127.0.0.1:5000/").query_pairs(limit.map(|limit| ("limit", limit)));
    /// ```
    pub fn query_pairs<N: AsRef<str>, V: ToString>(
        self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> RequestBuilder {
        self.with(|request| {
            let mut pairs = pairs.into_iter().peekable();
            if pairs.peek().is_none() {
                // Else there would be a `?` with nothing behind it.
                return Ok(());
            }
            let mut query = Rc::make_mut(&mut request.url).query_pairs_mut();
            for (name, value) in pairs {
                query.append_pair(name.as_ref(), &value.to_string());
            }
            Ok(())
        })
    }

    /// User name and password, in the header `Authorization`, which a redirect to another origin does not get. aiohttp's
    /// `auth=BasicAuth(user, password)`.
    pub fn basic_auth(self, user: impl AsRef<str>, password: impl AsRef<str>) -> RequestBuilder {
        let (user, password) = (user.as_ref(), password.as_ref());
        self.with(|request| {
            if user.contains(':') {
                return Err("a user name has no colon".to_owned());
            }
            let value = auth::basic(user.as_bytes(), password.as_bytes());
            request.headers.insert(AUTHORIZATION, value);
            Ok(())
        })
    }

    /// A token, in the header `Authorization`, which a redirect to another origin does not get.
    pub fn bearer_auth(self, token: impl AsRef<str>) -> RequestBuilder {
        self.with(|request| {
            let value = HeaderValue::try_from(format!("Bearer {}", token.as_ref()));
            let mut value = value.map_err(|_| "the token has forbidden bytes")?;
            value.set_sensitive(true);
            request.headers.insert(AUTHORIZATION, value);
            Ok(())
        })
    }

    /// A cookie for this request alone, and for redirects within its origin, in place of others with its name: given before, as
    /// a header, or in the jar. A `Cookie` header likewise is in place of the jar's cookies of its names.
    /// aiohttp's `cookies=`.
    pub fn cookie(self, name: impl AsRef<str>, value: impl AsRef<str>) -> RequestBuilder {
        let (name, value) = (name.as_ref(), value.as_ref());
        let is_value = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b';';
        self.with(|request| {
            if name.parse::<HeaderName>().is_err() || !value.bytes().all(is_value) {
                return Err(format!("the cookie {name:?} has forbidden bytes"));
            }
            let is_other = |pair: &String| cookie_name(pair.as_bytes()) != name.as_bytes();
            request.cookies.retain(is_other);
            request.cookies.push(format!("{name}={value}"));
            Ok(())
        })
    }

    /// Gives it a body: bytes, text, or a [`Body`]. aiohttp's `data=`.
    pub fn body(self, body: impl Into<Body>) -> RequestBuilder {
        self.with(|request| {
            request.body = body.into();
            Ok(())
        })
    }

    fn typed(self, content_type: &'static str, body: Body) -> RequestBuilder {
        let value = HeaderValue::from_static(content_type);
        self.with(|request| {
            request.headers.entry(CONTENT_TYPE).or_insert(value);
            request.body = body;
            Ok(())
        })
    }

    /// A body of the fields of a form, as a browser sends them. aiohttp's `data=` with a dictionary.
    pub fn form<N: AsRef<str>, V: ToString>(
        self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> RequestBuilder {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            form.append_pair(name.as_ref(), &value.to_string());
        }
        self.typed("application/x-www-form-urlencoded", form.finish().into())
    }

    /// A body of several parts, with files among them. aiohttp's `data=FormData()`.
    pub fn multipart(self, form: Form) -> RequestBuilder {
        self.with(|request| {
            let (content_type, body) = form.into_body()?;
            request.headers.insert(CONTENT_TYPE, content_type);
            request.body = body;
            Ok(())
        })
    }

    /// A body in JSON, written now. Feature `json`. aiohttp's `json=`.
    #[cfg(feature = "json")]
    pub fn json(self, value: &(impl serde::Serialize + ?Sized)) -> RequestBuilder {
        match serde_json::to_vec(value) {
            Ok(json) => self.typed("application/json", json.into()),
            Err(error) => {
                let why = format!("the value cannot be written as JSON: {error}");
                self.with(|_| Err(why))
            }
        }
    }

    /// Sends the body in chunks, although its length may be known. aiohttp's `chunked=True`.
    pub fn chunked(self) -> RequestBuilder {
        self.with(|request| {
            request.chunked = true;
            Ok(())
        })
    }

    /// Has the server say that it wants the body before it is sent. If it says nothing for a second, the body is sent.
    /// aiohttp's `expect100=True`.
    pub fn expect_continue(self) -> RequestBuilder {
        self.with(|request| {
            request.expects_continue = true;
            Ok(())
        })
    }

    /// Sends it through this proxy, whatever the session has. aiohttp's `proxy=`.
    pub fn proxy<P>(self, proxy: P) -> RequestBuilder
    where
        P: TryInto<Proxy>,
        P::Error: Display,
    {
        let proxies = proxy.try_into().map(Proxies::all);
        self.with(|request| {
            request.proxies = Some(Rc::new(proxies.map_err(|why| why.to_string())?));
            Ok(())
        })
    }

    /// Sends it to its host itself, through none of the session's proxies.
    pub fn no_proxy(self) -> RequestBuilder {
        self.with(|request| {
            request.proxies = Some(Rc::default());
            Ok(())
        })
    }

    /// The limits of time for this request, in place of the session's: all four. aiohttp's `timeout=`.
    pub fn timeout(self, timeout: ClientTimeout) -> RequestBuilder {
        self.with(|request| {
            request.timeout = timeout;
            Ok(())
        })
    }

    /// HTTP/1.0 or HTTP/1.1; the latter if not said. aiohttp's `version` of a session.
    pub fn version(self, version: Version) -> RequestBuilder {
        self.with(|request| {
            if ![Version::HTTP_10, Version::HTTP_11].contains(&version) {
                return Err(format!("{version:?} is not spoken, HTTP/1.1 is"));
            }
            request.version = version;
            Ok(())
        })
    }

    /// A redirect is the response, and not followed. aiohttp's `allow_redirects=False`.
    pub fn no_redirect(self) -> RequestBuilder {
        self.with(|request| {
            request.follows_redirects = false;
            Ok(())
        })
    }

    /// Whether it may be sent again when a kept connection turns out to be closed. As the method says, if not said: a POST
    /// may not.
    pub fn idempotent(self, idempotent: bool) -> RequestBuilder {
        self.with(|request| {
            request.idempotent = Some(idempotent);
            Ok(())
        })
    }

    /// Sends it and waits for the head of the response; awaiting the builder does the same, at the price of one allocation.
    ///
    /// Every status is a response; [`error_for_status`](Response::error_for_status) makes errors of some. Cancelling it closes
    /// the connection that it used.
    ///
    /// # Errors
    /// [`Error`], with method, URL, phase and cause.
    ///
    /// # Panics
    /// When awaited without a running loop.
    #[track_caller]
    pub fn send(self) -> impl Future<Output = Result<Response, Error>> {
        self.send_at(Location::caller())
    }

    fn send_at(self, site: Site) -> impl Future<Output = Result<Response, Error>> {
        let RequestBuilder {
            session,
            mut request,
        } = self;
        // A block, and not a function of its own, since an argument would be there twice in the future.
        async move {
            let request = match &mut request {
                Ok(request) => request,
                Err(_) => return request.map(|_| unreachable!("it is an error")),
            };
            request.prepare()?;
            send(&session.0, request, site).await
        }
    }

    /// The request as it can be sent, checked: for [`ClientSession::execute`](crate::http::ClientSession::execute), and for
    /// [`Request::try_clone`]. May be called outside of a loop.
    ///
    /// # Errors
    /// What is wrong with it: [`ErrorKind::InvalidUrl`] or [`ErrorKind::InvalidRequest`].
    pub fn build(self) -> Result<Request, Error> {
        let mut request = self.request?;
        request.prepare()?;
        Ok(request)
    }
}

impl IntoFuture for RequestBuilder {
    type Output = Result<Response, Error>;
    type IntoFuture = Sending;

    #[track_caller]
    fn into_future(self) -> Sending {
        Sending::new(self.send_at(Location::caller()))
    }
}

/// `create_task`, `gather` and `wait_for` take it as it is.
impl Coroutine for RequestBuilder {}

#[cfg(test)]
mod tests {
    use crate::http::ClientSession;

    #[test]
    fn the_future_of_a_request_is_small() {
        let session = ClientSession::new();
        let size = size_of_val(&session.get("http://127.0.0.1/").send());
        // Above 1 KiB the allocator takes three times as long for a block, and the stack is copied with it.
        assert!(size <= 1024, "{size} bytes");
    }
}
