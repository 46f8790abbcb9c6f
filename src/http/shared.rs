//! What the requests of a session share.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use http::HeaderMap;
use url::Url;

use crate::http::connect::Plan;
use crate::http::cookies::CookieJar;
use crate::http::dns::Dns;
use crate::http::limits::ClientTimeout;
use crate::http::parser::Limits;
use crate::http::policy::Policy;
use crate::http::pool::Pool;
use crate::http::proxy::Proxies;
use crate::http::trace::{Trace, TraceEvent};
use crate::http::urls::Urls;

/// What the clones of a session share. Responses have only the inside, so that an unread one keeps no connections.
pub(crate) struct Owner(pub(crate) Rc<Shared>);

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
    pub(crate) urls: Urls,
    /// The headers of each request that does not have its own.
    pub(crate) defaults: HeaderMap,
    /// The same, written out.
    pub(crate) default_lines: Vec<u8>,
    /// There are cookies among them.
    pub(crate) default_cookies: bool,
    pub(crate) redirects: Policy,
    pub(crate) proxies: Proxies,
    pub(crate) https_only: bool,
    pub(crate) retry_stale: bool,
    pub(crate) raise_for_status: bool,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::http::trust::Tls,
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
