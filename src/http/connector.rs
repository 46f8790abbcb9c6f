//! How a session makes and keeps connections: its settings. aiohttp's `TCPConnector`.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use crate::http::dns::Resolve;
use crate::text::shown_as;

/// How a session makes and keeps connections; see [`SessionBuilder::connector`](crate::http::SessionBuilder::connector).
///
/// aiohttp's `TCPConnector`.
#[derive(Clone)]
#[must_use]
pub struct TcpConnector {
    pub(crate) limit: usize,
    pub(crate) limit_per_host: usize,
    pub(crate) keepalive: Duration,
    pub(crate) force_close: bool,
    pub(crate) dns_ttl: Duration,
    pub(crate) happy_eyeballs_delay: Duration,
    pub(crate) local_addr: Option<IpAddr>,
    pub(crate) resolver: Option<Rc<dyn Resolve>>,
    pub(crate) filter: Option<Rc<dyn Fn(SocketAddr) -> bool>>,
}

shown_as! { TcpConnector => "<TcpConnector>" }

impl Default for TcpConnector {
    fn default() -> TcpConnector {
        TcpConnector {
            limit: 100,
            limit_per_host: 0,
            keepalive: Duration::from_secs(15),
            force_close: false,
            dns_ttl: Duration::from_secs(10),
            happy_eyeballs_delay: Duration::from_millis(250),
            local_addr: None,
            resolver: None,
            filter: None,
        }
    }
}

impl TcpConnector {
    /// The defaults, to be changed. It is its own builder: nothing in it can be wrong, and nothing is made before the session is.
    pub fn builder() -> TcpConnector {
        TcpConnector::default()
    }

    /// How many connections may be open at a time; requests beyond wait in line. 100 if not said, as in aiohttp; 0 is no
    /// limit. An idle connection to another host is closed to make room.
    pub fn limit(mut self, connections: usize) -> TcpConnector {
        self.limit = connections;
        self
    }

    /// How many connections may be open to one host (scheme, name and port). 0, no limit, if not said.
    pub fn limit_per_host(mut self, connections: usize) -> TcpConnector {
        self.limit_per_host = connections;
        self
    }

    /// How long an idle connection is kept, if the server does not want less. 15 s if not said.
    pub fn keepalive_timeout(mut self, keepalive: Duration) -> TcpConnector {
        self.keepalive = keepalive;
        self
    }

    /// Closes each connection after its response.
    pub fn force_close(mut self, force_close: bool) -> TcpConnector {
        self.force_close = force_close;
        self
    }

    /// How long the addresses of a name are remembered. 10 s if not said; zero remembers nothing.
    pub fn ttl_dns_cache(mut self, ttl: Duration) -> TcpConnector {
        self.dns_ttl = ttl;
        self
    }

    /// How long one address is tried before the next one is tried as well (RFC 8305). 250 ms if not said.
    pub fn happy_eyeballs_delay(mut self, delay: Duration) -> TcpConnector {
        self.happy_eyeballs_delay = delay;
        self
    }

    /// The address from which to connect. Addresses of the other family are not connected to: a name that has no others is an
    /// error.
    pub fn local_addr(mut self, address: IpAddr) -> TcpConnector {
        self.local_addr = Some(address);
        self
    }

    /// Who looks up names; the system in threads if not said.
    pub fn resolver(mut self, resolver: Rc<dyn Resolve>) -> TcpConnector {
        self.resolver = Some(resolver);
        self
    }

    /// Asked for each address before it is connected to, after names were looked up: false keeps the client away from it,
    /// on redirects too. A server that fetches what its users name keeps them out of its own network so. Where a request goes
    /// through a proxy it sees the proxy's address alone: what that connects to is up to the proxy.
    pub fn connect_filter(mut self, filter: impl Fn(SocketAddr) -> bool + 'static) -> TcpConnector {
        self.filter = Some(Rc::new(filter));
        self
    }
}
