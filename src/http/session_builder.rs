//! How a session is described before it is made.

use std::cell::Cell;
use std::fmt::Display;
use std::rc::Rc;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap,
    HeaderValue, PROXY_AUTHORIZATION, RANGE, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use url::Url;

use crate::http::connect::Plan;
use crate::http::connector::TcpConnector;
use crate::http::cookies::CookieJar;
use crate::http::decode::CODINGS;
use crate::http::dns::Dns;
use crate::http::error::{Error, ErrorKind};
use crate::http::into_url::{IntoUrl, check_url};
use crate::http::limits::ClientTimeout;
use crate::http::parser::Limits;
use crate::http::policy::Policy;
use crate::http::pool::Pool;
use crate::http::proxy::{Proxies, Proxy};
use crate::http::request::field;
use crate::http::session::ClientSession;
use crate::http::shared::Shared;
use crate::http::shown::{ShownUrl, without_credentials};
use crate::http::tokens::has_token;
use crate::http::trace::Trace;
#[cfg(feature = "tls")]
use crate::http::trust::{Tls, Trust};
use crate::http::urls::Urls;
use crate::text::shown_as;

/// How a session is to be made: see [`ClientSession::builder`].
#[must_use]
pub struct SessionBuilder {
    connector: TcpConnector,
    timeout: ClientTimeout,
    limits: Limits,
    max_body: usize,
    auto_decompress: bool,
    cookies: Option<CookieJar>,
    base_url: Option<Result<Url, String>>,
    defaults: HeaderMap,
    user_agent: Result<HeaderValue, String>,
    redirects: Policy,
    proxy: Option<Result<Proxy, String>>,
    trust_env: bool,
    https_only: bool,
    retry_stale: bool,
    raise_for_status: bool,
    #[cfg(feature = "tls")]
    trust: Trust,
    trace: Option<Rc<dyn Trace>>,
}

shown_as! { SessionBuilder => "<SessionBuilder>" }

const AGENT: &str = concat!("glassloop/", env!("CARGO_PKG_VERSION"));

impl Default for SessionBuilder {
    fn default() -> SessionBuilder {
        SessionBuilder {
            connector: TcpConnector::builder(),
            timeout: ClientTimeout::default(),
            limits: Limits::default(),
            max_body: 64 << 20,
            auto_decompress: true,
            cookies: Some(CookieJar::new()),
            base_url: None,
            defaults: HeaderMap::new(),
            user_agent: Ok(HeaderValue::from_static(AGENT)),
            redirects: Policy::default(),
            proxy: None,
            trust_env: false,
            https_only: false,
            retry_stale: true,
            raise_for_status: false,
            #[cfg(feature = "tls")]
            trust: Trust::default(),
            trace: None,
        }
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
}

impl SessionBuilder {
    /// How connections are made and kept.
    pub fn connector(mut self, connector: TcpConnector) -> SessionBuilder {
        self.connector = connector;
        self
    }

    /// How many connections may be open at a time: [`TcpConnector::limit`].
    pub fn limit(mut self, connections: usize) -> SessionBuilder {
        self.connector = self.connector.limit(connections);
        self
    }

    /// The limits of time for its requests. aiohttp's `timeout=`.
    pub fn timeout(mut self, timeout: ClientTimeout) -> SessionBuilder {
        self.timeout = timeout;
        self
    }

    /// How many bytes of body, decoded, `bytes`, `text` and `json` take; one more is
    /// [`ErrorKind::BodyTooLarge`]. 64 MiB if not said. What is read piece by piece has no limit.
    pub fn max_body(mut self, bytes: usize) -> SessionBuilder {
        self.max_body = bytes;
        self
    }

    /// How many bytes the heads of a response may have, interim ones included. 64 KiB if not said. aiohttp's `max_line_size`
    /// and `max_field_size` count single lines.
    pub fn max_head(mut self, bytes: usize) -> SessionBuilder {
        self.limits.max_head = bytes;
        self
    }

    /// How many header fields a response may have. 128 if not said. aiohttp's `max_headers`.
    pub fn max_headers(mut self, fields: usize) -> SessionBuilder {
        self.limits.max_headers = fields;
        self
    }

    /// Whether bodies are decoded. So it is if not said, with the features `gzip` (which knows deflate too), `brotli` and
    /// `zstd`, and for requests that have no header `Accept-Encoding` or `Range` of their own. While a body is read its decoder
    /// holds as much of it as the sender has chosen: up to 32 KiB with gzip, 16 MiB with Brotli, 8 MiB with Zstandard.
    pub fn auto_decompress(mut self, decompress: bool) -> SessionBuilder {
        self.auto_decompress = decompress;
        self
    }

    /// The jar for its cookies, perhaps shared with other sessions; `None` keeps and sends none. A jar of its own if not
    /// said.
    pub fn cookie_jar(mut self, jar: impl Into<Option<CookieJar>>) -> SessionBuilder {
        self.cookies = jar.into();
        self
    }

    /// What relative URLs are relative to, in `get("path")`: an `http` URL whose path ends with `/`. Anything else is an error of
    /// [`build`](SessionBuilder::build). aiohttp's `base_url=`.
    pub fn base_url(mut self, url: impl IntoUrl) -> SessionBuilder {
        let refuse = |(text, error): (String, url::ParseError)| {
            let shown = without_credentials(&text);
            format!("the base URL {shown:?} is none: {error}")
        };
        let parsed = url.into_url().map_err(refuse);
        self.base_url = Some(parsed.and_then(|url| check_base(&url).map(|()| url)));
        self
    }

    /// Header fields of each request that does not have its own of that name. Those that belong to one request are an error of
    /// [`build`](SessionBuilder::build): `Host`, `Content-Length`, `Transfer-Encoding`, `Expect`, `Upgrade`. aiohttp's `headers=`.
    pub fn default_headers(mut self, headers: HeaderMap) -> SessionBuilder {
        self.defaults = headers;
        self
    }

    /// The header `User-Agent`; `glassloop/` and its version if not said.
    pub fn user_agent(mut self, agent: &str) -> SessionBuilder {
        let refuse = |_| format!("the user agent {agent:?} has forbidden bytes");
        self.user_agent = HeaderValue::from_str(agent).map_err(refuse);
        self
    }

    /// Which redirects are followed; up to 10 if not said. aiohttp's `max_redirects=`.
    pub fn redirect(mut self, policy: Policy) -> SessionBuilder {
        self.redirects = policy;
        self
    }

    /// Sends every request through this proxy: a [`Proxy`], or its URL, `http://host:port`, perhaps with credentials. One that is
    /// none is an error of [`build`](SessionBuilder::build). aiohttp's `proxy=`.
    pub fn proxy<P>(mut self, proxy: P) -> SessionBuilder
    where
        P: TryInto<Proxy>,
        P::Error: Display,
    {
        self.proxy = Some(proxy.try_into().map_err(|why| why.to_string()));
        self
    }

    /// Uses the proxies that the environment names: `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, also in capitals.
    /// One that cannot be used is an error of the requests that would go through it. aiohttp's `trust_env=`.
    pub fn trust_env(mut self, trust: bool) -> SessionBuilder {
        self.trust_env = trust;
        self
    }

    /// Whether a request for an `http://` URL, or a redirect to one, is an error. Not if not said.
    pub fn https_only(mut self, only: bool) -> SessionBuilder {
        self.https_only = only;
        self
    }

    /// Whether a request is sent once more when its kept connection turns out to be closed and it does no harm to send it
    /// twice. So it is if not said.
    pub fn retry_stale(mut self, retry: bool) -> SessionBuilder {
        self.retry_stale = retry;
        self
    }

    /// Makes an error of each response with a status from 400 on. aiohttp's `raise_for_status=True`.
    pub fn raise_for_status(mut self, raise: bool) -> SessionBuilder {
        self.raise_for_status = raise;
        self
    }

    /// Whether it believes the certificates of the web, a list of Mozilla's that is built in. So it does if not said. A session
    /// that believes nobody is an error of [`build`](SessionBuilder::build). Feature `tls`.
    #[cfg(feature = "tls")]
    pub fn web_roots(mut self, believe: bool) -> SessionBuilder {
        self.trust.web = believe;
        self
    }

    /// Whether it believes the certificates of the system's store as well, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`. So it does
    /// if not said; those that cannot be read are left out. They are read once in a process, when a session first needs them, and not
    /// for one that believes any certificate. Feature `native-roots`.
    #[cfg(feature = "native-roots")]
    pub fn native_roots(mut self, believe: bool) -> SessionBuilder {
        self.trust.native = believe;
        self
    }

    /// Believes this certificate, and those it has signed, in addition to the others: PEM or DER. Feature `tls`.
    #[cfg(feature = "tls")]
    pub fn root_certificate(mut self, certificate: impl AsRef<[u8]>) -> SessionBuilder {
        self.trust.roots.push(certificate.as_ref().to_vec());
        self
    }

    /// Shows this certificate to a server that asks for one: PEM, with the certificate first, those that have signed it, and the
    /// private key anywhere. One that cannot be used is an error of [`build`](SessionBuilder::build). Feature `tls`.
    #[cfg(feature = "tls")]
    pub fn client_certificate(mut self, pem: impl AsRef<[u8]>) -> SessionBuilder {
        self.trust.identity = Some(pem.as_ref().to_vec());
        self
    }

    /// Believes any certificate: whoever is on the way can read and change everything. Feature `tls`.
    #[cfg(feature = "tls")]
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> SessionBuilder {
        self.trust.anything = accept;
        self
    }

    /// Is told what happens to each request. aiohttp's `trace_configs=`.
    pub fn trace(mut self, trace: Rc<dyn Trace>) -> SessionBuilder {
        self.trace = Some(trace);
        self
    }

    /// Makes the session. May be called outside of a loop.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`], with what was wrong with the description.
    pub fn build(self) -> Result<ClientSession, Error> {
        self.make()
            .map_err(|why| Error::of_session(ErrorKind::InvalidRequest(why)))
    }

    fn make(self) -> Result<ClientSession, String> {
        let mut defaults = HeaderMap::new();
        defaults.insert(ACCEPT, HeaderValue::from_static("*/*"));
        defaults.insert(USER_AGENT, self.user_agent?);
        let decodes = self.auto_decompress && !CODINGS.is_empty();
        // Who asks for codings himself is given what comes.
        let own = [ACCEPT_ENCODING, RANGE];
        let decodes = decodes && !own.iter().any(|name| self.defaults.contains_key(name));
        if decodes {
            let codings = HeaderValue::try_from(CODINGS.join(", "));
            defaults.insert(ACCEPT_ENCODING, codings.map_err(|error| error.to_string())?);
        }
        for (name, value) in &self.defaults {
            if [CONTENT_LENGTH, TRANSFER_ENCODING, HOST, EXPECT, UPGRADE].contains(name) {
                return Err(format!("{name} cannot be a default header"));
            }
            defaults.insert(name, value.clone());
        }
        let mut default_lines = Vec::new();
        for (name, value) in &defaults {
            // These have their own ways.
            if ![COOKIE, PROXY_AUTHORIZATION].contains(name) {
                field(&mut default_lines, name.as_str(), value.as_bytes());
            }
        }
        let proxies = match self.proxy {
            Some(proxy) => Proxies::all(proxy?),
            None if self.trust_env => Proxies::from_environment(|name| std::env::var(name).ok()),
            None => Proxies::default(),
        };
        let mut connector = self.connector;
        connector.force_close |= has_token(&defaults, &CONNECTION, "close");
        Ok(ClientSession::from_shared(Shared {
            pool: Pool::new(&connector),
            dns: Dns::new(connector.resolver, connector.dns_ttl),
            plan: Plan {
                delay: connector.happy_eyeballs_delay,
                local: connector.local_addr,
            },
            filter: connector.filter,
            timeout: self.timeout,
            limits: self.limits,
            max_body: self.max_body,
            decodes,
            cookies: self.cookies,
            base_url: self.base_url.transpose()?,
            urls: Urls::default(),
            default_cookies: defaults.contains_key(COOKIE),
            defaults,
            default_lines,
            redirects: self.redirects,
            proxies,
            https_only: self.https_only,
            retry_stale: self.retry_stale,
            raise_for_status: self.raise_for_status,
            #[cfg(feature = "tls")]
            tls: Tls::new(self.trust)?,
            trace: self.trace,
            requests: Cell::new(0),
        }))
    }
}

/// What is relative to `/v1` replaces it, which nobody means.
fn check_base(url: &Url) -> Result<(), String> {
    let shown = ShownUrl(url);
    check_url(url).map_err(|why| format!("the base URL {shown} cannot be used: {why}"))?;
    match url.path().ends_with('/') {
        true => Ok(()),
        false => Err(format!(
            "the path of the base URL {shown} must end with '/'"
        )),
    }
}
