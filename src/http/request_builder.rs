//! `session.get(url)` and all that can be said about a request before it is awaited.

use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};
use url::Url;

use crate::http::auth;
use crate::http::body::Body;
use crate::http::error::{Error, ErrorKind, Phase};
use crate::http::into_url::check_url;
use crate::http::limits::ClientTimeout;
use crate::http::multipart::Form;
use crate::http::request::{Parts, Request};
use crate::http::response::Response;
use crate::http::send::send;
use crate::http::shared::Owner;
use crate::observe::Site;

/// A request that is being put together; awaiting it sends it.
///
/// What cannot be sent (a header with a line break, a `Content-Length` that is not the body's) is refused when it is
/// awaited, before a byte is written.
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
    url: Result<Url, ErrorKind>,
    parts: Parts,
    /// What was wrong with what it was given.
    refused: Option<String>,
}

impl RequestBuilder {
    pub(crate) fn new(
        session: Rc<Owner>,
        method: Method,
        url: Result<Url, ErrorKind>,
    ) -> RequestBuilder {
        let parts = Parts {
            method,
            headers: HeaderMap::new(),
            body: Body::empty(),
            cookies: String::new(),
            timeout: session.0.timeout,
            version: Version::HTTP_11,
            chunked: false,
            expects_continue: false,
            follows_redirects: true,
            idempotent: None,
        };
        RequestBuilder {
            session,
            url,
            parts,
            refused: None,
        }
    }

    fn refuse(&mut self, why: String) {
        self.refused.get_or_insert(why);
    }

    /// Adds a header field. One of the session's default headers with the same name is replaced.
    pub fn header<V>(mut self, name: impl AsRef<str>, value: V) -> RequestBuilder
    where
        V: TryInto<HeaderValue>,
    {
        let name = name.as_ref();
        match (name.parse::<HeaderName>(), value.try_into()) {
            (Ok(name), Ok(value)) => {
                self.parts.headers.append(name, value);
            }
            (Err(_), _) => self.refuse(format!("{name:?} is no header name")),
            (Ok(name), Err(_)) => self.refuse(format!(
                "the value of the header {name} has forbidden bytes"
            )),
        }
        self
    }

    /// Adds header fields; those of the same name that were given before are replaced.
    pub fn headers(mut self, headers: HeaderMap) -> RequestBuilder {
        self.parts.headers.extend(headers);
        self
    }

    /// Adds `name=value` to the URL's query, escaped.
    pub fn query(self, name: impl AsRef<str>, value: impl ToString) -> RequestBuilder {
        self.query_pairs([(name, value)])
    }

    /// Adds several `name=value` to the URL's query, escaped.
    pub fn query_pairs<N: AsRef<str>, V: ToString>(
        mut self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> RequestBuilder {
        if let Ok(url) = &mut self.url {
            let mut query = url.query_pairs_mut();
            for (name, value) in pairs {
                query.append_pair(name.as_ref(), &value.to_string());
            }
        }
        self
    }

    /// User name and password, in the header `Authorization`.
    pub fn basic_auth(
        mut self,
        user: impl AsRef<str>,
        password: impl AsRef<str>,
    ) -> RequestBuilder {
        let (user, password) = (user.as_ref(), password.as_ref());
        if user.contains(':') {
            self.refuse("a user name has no colon".to_owned());
        }
        let value = auth::basic(user.as_bytes(), password.as_bytes());
        self.parts.headers.insert(AUTHORIZATION, value);
        self
    }

    /// A token, in the header `Authorization`.
    pub fn bearer_auth(mut self, token: impl AsRef<str>) -> RequestBuilder {
        match HeaderValue::try_from(format!("Bearer {}", token.as_ref())) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.parts.headers.insert(AUTHORIZATION, value);
            }
            Err(_) => self.refuse("the token has forbidden bytes".to_owned()),
        }
        self
    }

    /// A cookie for this request alone, and for redirects within its origin.
    pub fn cookie(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> RequestBuilder {
        let (name, value) = (name.as_ref(), value.as_ref());
        let is_value = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b';';
        if name.parse::<HeaderName>().is_err() || !value.bytes().all(is_value) {
            self.refuse(format!("the cookie {name:?} has forbidden bytes"));
        }
        let cookies = &mut self.parts.cookies;
        if !cookies.is_empty() {
            cookies.push_str("; ");
        }
        cookies.push_str(name);
        cookies.push('=');
        cookies.push_str(value);
        self
    }

    /// Gives it a body: bytes, text, or a [`Body`].
    pub fn body(mut self, body: impl Into<Body>) -> RequestBuilder {
        self.parts.body = body.into();
        self
    }

    fn typed(mut self, content_type: &'static str, body: Body) -> RequestBuilder {
        let value = HeaderValue::from_static(content_type);
        self.parts.headers.entry(CONTENT_TYPE).or_insert(value);
        self.parts.body = body;
        self
    }

    /// A body of the fields of a form, as a browser sends them.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(
        self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> RequestBuilder {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.typed("application/x-www-form-urlencoded", form.finish().into())
    }

    /// A body of several parts, with files among them.
    pub fn multipart(mut self, form: Form) -> RequestBuilder {
        match form.into_body() {
            Ok((content_type, body)) => {
                self.parts.headers.insert(CONTENT_TYPE, content_type);
                self.parts.body = body;
            }
            Err(why) => self.refuse(why),
        }
        self
    }

    /// A body in JSON. Needs the feature `json`.
    #[cfg(feature = "json")]
    pub fn json(mut self, value: &(impl serde::Serialize + ?Sized)) -> RequestBuilder {
        match serde_json::to_vec(value) {
            Ok(json) => self.typed("application/json", json.into()),
            Err(error) => {
                self.refuse(format!("the value cannot be written as JSON: {error}"));
                self
            }
        }
    }

    /// Sends the body in chunks, although its length may be known.
    pub fn chunked(mut self) -> RequestBuilder {
        self.parts.chunked = true;
        self
    }

    /// Has the server say that it wants the body before it is sent. If it says nothing for a second, the body is sent.
    pub fn expect_continue(mut self) -> RequestBuilder {
        self.parts.expects_continue = true;
        self
    }

    /// The limits of time for this request, in place of the session's.
    pub fn timeout(mut self, timeout: ClientTimeout) -> RequestBuilder {
        self.parts.timeout = timeout;
        self
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(mut self, version: Version) -> RequestBuilder {
        if ![Version::HTTP_10, Version::HTTP_11].contains(&version) {
            self.refuse(format!("{version:?} is not spoken, HTTP/1.1 is"));
        }
        self.parts.version = version;
        self
    }

    /// A redirect is the response, and not followed.
    pub fn no_redirect(mut self) -> RequestBuilder {
        self.parts.follows_redirects = false;
        self
    }

    /// Whether it may be sent again when a kept connection turns out to be closed. As the method says, if not said: a POST
    /// may not.
    pub fn idempotent(mut self, idempotent: bool) -> RequestBuilder {
        self.parts.idempotent = Some(idempotent);
        self
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

    async fn send_at(self, site: Site) -> Result<Response, Error> {
        let (session, request) = self.build()?;
        send(&session.0, request, site).await
    }

    fn build(self) -> Result<(Rc<Owner>, Request), Error> {
        let RequestBuilder {
            session,
            url,
            mut parts,
            refused,
        } = self;
        let method = parts.method.clone();
        let mut url = url.map_err(|kind| Error::new(kind, Phase::Prepare, &method, None))?;
        let credentials = auth::take_credentials(&mut url);
        if let Some(value) = &credentials {
            if !parts.headers.contains_key(AUTHORIZATION) {
                parts.headers.insert(AUTHORIZATION, value.clone());
            } else {
                let why = "credentials in the URL, and a header Authorization as well";
                let kind = ErrorKind::InvalidRequest(why.to_owned());
                return Err(Error::new(kind, Phase::Prepare, &method, Some(&url)));
            }
        }
        let checked = match check_url(&url) {
            Err(why) => Err(ErrorKind::InvalidUrl(why)),
            Ok(()) => match refused {
                Some(why) => Err(ErrorKind::InvalidRequest(why)),
                None => parts.check().map_err(ErrorKind::InvalidRequest),
            },
        };
        match checked {
            Ok(()) => Ok((
                session,
                Request {
                    url,
                    parts,
                    is_abroad: false,
                },
            )),
            Err(kind) => Err(Error::new(kind, Phase::Prepare, &method, Some(&url))),
        }
    }
}

impl IntoFuture for RequestBuilder {
    type Output = Result<Response, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output>>>;

    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send_at(Location::caller()))
    }
}
