//! A request that can be sent, hop after hop: where it goes, what it says, and what may happen to it on the way.

use std::fmt;
use std::rc::Rc;

use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap,
    HeaderName, HeaderValue, PROXY_AUTHORIZATION, RANGE, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{Extensions, Method, Version};
use url::{Position, Url};

use crate::http::auth;
use crate::http::body::Body;
use crate::http::error::{Error, ErrorKind, Phase};
use crate::http::into_url::check_url;
use crate::http::limits::ClientTimeout;
use crate::http::proxy::{Proxies, Proxy};
use crate::http::shared::Shared;
use crate::http::shown::ShownUrl;
use crate::http::tokens::has_token;

/// A request that can be sent: [`RequestBuilder::build`](crate::http::RequestBuilder::build) makes it,
/// [`ClientSession::execute`](crate::http::ClientSession::execute) sends it.
pub struct Request {
    /// Without user name and password, from [`prepare`](Request::prepare) on.
    pub(crate) url: Rc<Url>,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Of this request alone: each `name=value`, with names that differ.
    pub(crate) cookies: Vec<String>,
    pub(crate) timeout: ClientTimeout,
    pub(crate) version: Version,
    pub(crate) chunked: bool,
    pub(crate) expects_continue: bool,
    pub(crate) follows_redirects: bool,
    /// `None`: as the method says.
    pub(crate) idempotent: Option<bool>,
    /// A redirect has led to another origin: what was meant for the first one is not sent, from now on.
    pub(crate) is_abroad: bool,
    pub(crate) extensions: Extensions,
    /// In place of the session's.
    pub(crate) proxies: Option<Rc<Proxies>>,
}

/// How the end of a request's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Nothing,
    Length(u64),
    Chunked,
}

/// On the way to a server.
#[derive(Clone, Copy)]
pub(crate) enum Route<'a> {
    Direct,
    /// The proxy gets the whole URL.
    Proxy(&'a Proxy),
    /// Through a proxy that does not see it.
    Tunnel(&'a Proxy),
}

/// What another origin must not see.
pub(crate) fn is_secret(name: &HeaderName) -> bool {
    *name == AUTHORIZATION
        || *name == COOKIE
        || *name == PROXY_AUTHORIZATION
        || name.as_str() == "cookie2"
}

/// What is about the body, and goes with it.
pub(crate) fn is_about_content(name: &HeaderName) -> bool {
    name.as_str().starts_with("content-")
        || ["digest", "last-modified"].contains(&name.as_str())
        || *name == TE
        || *name == TRANSFER_ENCODING
        || *name == EXPECT
}

impl Request {
    pub(crate) fn new(method: Method, url: Rc<Url>, timeout: ClientTimeout) -> Request {
        Request {
            url,
            method,
            headers: HeaderMap::new(),
            body: Body::empty(),
            cookies: Vec::new(),
            timeout,
            version: Version::HTTP_11,
            chunked: false,
            expects_continue: false,
            follows_redirects: true,
            idempotent: None,
            is_abroad: false,
            extensions: Extensions::new(),
            proxies: None,
        }
    }

    /// Its method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Where it goes, without user name and password, which are in the header `Authorization` by now.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its own header fields; those of the session, `Host` and what is about the body's length are added when it is sent.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What it carries.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// What its user has attached to it: it is not sent, and found again in [`Response::extensions`](crate::http::Response::extensions).
    /// aiohttp's `trace_request_ctx`.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The same, to attach something.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// The same request once more; `None` if its body is a stream, which can be sent only once.
    pub fn try_clone(&self) -> Option<Request> {
        Some(Request {
            url: self.url.clone(),
            method: self.method.clone(),
            headers: self.headers.clone(),
            body: self.body.try_clone()?,
            cookies: self.cookies.clone(),
            extensions: self.extensions.clone(),
            proxies: self.proxies.clone(),
            ..*self
        })
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, Phase::Prepare, &self.method, Some(&self.url))
    }

    /// Checks all that can be known before a byte is sent, and makes it such that it can be. Doing it twice does no harm.
    pub(crate) fn prepare(&mut self) -> Result<(), Error> {
        if auth::has_credentials(&self.url) {
            let value = auth::take_credentials(Rc::make_mut(&mut self.url));
            if self.headers.contains_key(AUTHORIZATION) {
                let why = "credentials in the URL, and a header Authorization as well";
                return Err(self.error(ErrorKind::InvalidRequest(why.to_owned())));
            }
            self.headers.insert(AUTHORIZATION, value);
        }
        let checked = check_url(&self.url).map_err(ErrorKind::InvalidUrl);
        let checked = checked.and_then(|()| self.check().map_err(ErrorKind::InvalidRequest));
        checked.map_err(|kind| self.error(kind))
    }

    /// What is wrong with it besides the URL.
    fn check(&mut self) -> Result<(), String> {
        if self.method == Method::CONNECT {
            return Err("CONNECT is what a proxy is asked with (see Proxy)".to_owned());
        }
        if self.headers.is_empty() && self.body.is_empty() && !self.chunked {
            return Ok(());
        }
        for (name, value) in &mut self.headers {
            if is_secret(name) {
                value.set_sensitive(true);
            }
        }
        for name in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
            if self.headers.get_all(&name).iter().count() > 1 {
                return Err(format!("the header {name} is given twice"));
            }
        }
        if has_token(&self.headers, &EXPECT, "100-continue") {
            self.headers.remove(EXPECT);
            self.expects_continue = true;
        }
        let upgrades = self.headers.contains_key(UPGRADE);
        if upgrades && !has_token(&self.headers, &CONNECTION, "upgrade") {
            let option = HeaderValue::from_static("upgrade");
            self.headers.append(CONNECTION, option);
        }
        let length = self.headers.remove(CONTENT_LENGTH);
        let coding = self.headers.remove(TRANSFER_ENCODING);
        if length.is_some() && (coding.is_some() || self.chunked) {
            return Err("a body has a length or is chunked, not both".to_owned());
        }
        if let Some(coding) = coding {
            if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err("the only transfer encoding that is sent is chunked".to_owned());
            }
            self.chunked = true;
        }
        if let Some(length) = length {
            let text = length.to_str().ok();
            let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let length = digits.and_then(|digits| digits.parse::<u64>().ok());
            let length = length.ok_or("the Content-Length is no number")?;
            match self.body.length() {
                Some(known) if known != length => {
                    return Err(format!(
                        "the Content-Length is {length}, the body has {known} bytes"
                    ));
                }
                Some(_) => {}
                None => self.body.set_length(length),
            }
        }
        if self.version == Version::HTTP_10 && self.framing() == Framing::Chunked {
            return Err("HTTP/1.0 has no chunks: give the length of the body".to_owned());
        }
        Ok(())
    }

    pub(crate) fn framing(&self) -> Framing {
        let method = &self.method;
        match self.body.length() {
            _ if self.chunked => Framing::Chunked,
            None => Framing::Chunked,
            Some(0) if self.body.is_empty() => {
                let expects_body = [Method::POST, Method::PUT, Method::PATCH].contains(method);
                if expects_body {
                    Framing::Length(0)
                } else {
                    Framing::Nothing
                }
            }
            Some(length) => Framing::Length(length),
        }
    }

    /// Whether it does no harm when it is done twice.
    pub(crate) fn is_idempotent(&self) -> bool {
        let by_method = self.method.is_idempotent() || self.method.as_str() == "QUERY";
        self.idempotent.unwrap_or(by_method)
    }

    /// Whoever says what codings are accepted decodes by himself, and a part of what is coded cannot be decoded.
    pub(crate) fn has_own_coding(&self) -> bool {
        self.headers.contains_key(ACCEPT_ENCODING) || self.headers.contains_key(RANGE)
    }

    /// Whether it says that its connection ends with it.
    pub(crate) fn ends_connection(&self) -> bool {
        has_token(&self.headers, &CONNECTION, "close")
    }

    pub(crate) fn offers_upgrade(&self) -> bool {
        self.headers.contains_key(UPGRADE)
    }

    /// What it goes through.
    pub(crate) fn proxy<'a>(
        &'a self,
        shared: &'a Shared,
    ) -> Result<Option<&'a Rc<Proxy>>, ErrorKind> {
        let proxies = self.proxies.as_deref().unwrap_or(&shared.proxies);
        proxies.of(&self.url)
    }

    /// What the proxy is told of who asks: as a header of the request, of the session, or with the proxy's URL.
    pub(crate) fn proxy_authorization<'a>(
        &'a self,
        shared: &'a Shared,
        proxy: &'a Proxy,
    ) -> Option<&'a HeaderValue> {
        let default = || shared.defaults.get(PROXY_AUTHORIZATION);
        self.headers
            .get(PROXY_AUTHORIZATION)
            .or_else(|| default().filter(|_| !self.is_abroad))
            .or(proxy.authorization.as_ref())
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Scheme, host and port, each only where needed: the name of where it goes.
    pub(crate) fn origin(&self) -> &str {
        &self.url[..Position::BeforePath]
    }

    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }

    /// Writes the head. `cookies` are those of the jar.
    pub(crate) fn write_head(
        &self,
        out: &mut Vec<u8>,
        shared: &Shared,
        route: Route<'_>,
        cookies: Option<&[u8]>,
    ) {
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        let from = match route {
            Route::Proxy(_) => Position::BeforeScheme,
            _ => Position::BeforePath,
        };
        out.extend_from_slice(self.url[from..Position::AfterQuery].as_bytes());
        out.extend_from_slice(match self.version {
            Version::HTTP_10 => b" HTTP/1.0\r\nHost: ",
            _ => b" HTTP/1.1\r\nHost: ",
        });
        match self.headers.get(HOST) {
            Some(host) => out.extend_from_slice(host.as_bytes()),
            None => out
                .extend_from_slice(self.url[Position::BeforeHost..Position::BeforePath].as_bytes()),
        }
        out.extend_from_slice(b"\r\n");
        let is_proxied = matches!(route, Route::Proxy(_));
        if self.headers.is_empty() && !self.is_abroad && !is_proxied {
            out.extend_from_slice(&shared.default_lines);
        } else {
            self.write_fields(out, shared, route);
        }
        self.write_cookies(out, shared, cookies);
        match self.framing() {
            Framing::Nothing => {}
            Framing::Length(length) => {
                field(out, CONTENT_LENGTH.as_str(), length.to_string().as_bytes());
            }
            Framing::Chunked => field(out, TRANSFER_ENCODING.as_str(), b"chunked"),
        }
        if self.expects_continue {
            field(out, EXPECT.as_str(), b"100-continue");
        }
        out.extend_from_slice(b"\r\n");
    }

    fn write_fields(&self, out: &mut Vec<u8>, shared: &Shared, route: Route<'_>) {
        let given = &self.headers;
        let is_part = shared.decodes && given.contains_key(RANGE);
        let is_sent = |name: &HeaderName| {
            let is_given = given.contains_key(name) || is_part && *name == ACCEPT_ENCODING;
            !(is_given || self.is_abroad && is_secret(name))
        };
        let defaults = shared.defaults.iter();
        let defaults = defaults.filter(|(name, _)| is_sent(name));
        for (name, value) in defaults.chain(given.iter()) {
            let has_its_place = *name == HOST || *name == COOKIE || *name == PROXY_AUTHORIZATION;
            if !has_its_place {
                field(out, name.as_str(), value.as_bytes());
            }
        }
        if let Route::Proxy(proxy) = route {
            if let Some(value) = self.proxy_authorization(shared, proxy) {
                field(out, PROXY_AUTHORIZATION.as_str(), value.as_bytes());
            }
        }
    }

    /// One line for all, those of this request before those given as a header, and these before those of the jar, where the names
    /// are the same.
    fn write_cookies(&self, out: &mut Vec<u8>, shared: &Shared, jar: Option<&[u8]>) {
        let given = match self.headers.contains_key(COOKIE) || self.is_abroad {
            true => Some(&self.headers),
            false => shared.default_cookies.then_some(&shared.defaults),
        };
        // Most requests have none.
        if given.is_none() && self.cookies.is_empty() && jar.is_none() {
            return;
        }
        let given = given.into_iter().flat_map(|given| given.get_all(COOKIE));
        let given = given.flat_map(|value| pairs(value.as_bytes()));
        let own: Vec<_> = self.cookies.iter().map(String::as_bytes).collect();
        let mut nearer: Vec<_> = given.filter(|pair| !has_name_of(&own, pair)).collect();
        nearer.extend(own);
        let jar = jar.into_iter().flat_map(pairs);
        let jar = jar.filter(|pair| !has_name_of(&nearer, pair));
        let mut separator: &[u8] = b"cookie: ";
        for cookies in nearer.iter().copied().chain(jar) {
            out.extend_from_slice(separator);
            out.extend_from_slice(cookies);
            separator = b"; ";
        }
        if separator == b"; " {
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// The cookies of a line.
fn pairs(cookies: &[u8]) -> impl Iterator<Item = &[u8]> {
    let pairs = cookies.split(|byte| *byte == b';');
    pairs
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty())
}

/// Whether one of `cookies` has the name of `pair`.
fn has_name_of(cookies: &[&[u8]], pair: &[u8]) -> bool {
    let name = cookie_name(pair);
    cookies.iter().any(|other| cookie_name(other) == name)
}

pub(crate) fn cookie_name(pair: &[u8]) -> &[u8] {
    let end = pair.iter().position(|byte| *byte == b'=');
    &pair[..end.unwrap_or(pair.len())]
}

pub(crate) fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Request {} {}>", self.method, ShownUrl(&self.url))
    }
}
