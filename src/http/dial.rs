//! Making a connection: look up, connect, ask the proxy for a tunnel, agree on TLS.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Duration;

use http::Method;
use url::{Host, Url};

use crate::core::Core;
use crate::http::connect::connect;
use crate::http::connection::{Connection, Piece};
use crate::http::error::{ErrorKind, Phase};
use crate::http::limits::{Deadline, Knob, within};
use crate::http::parser::Framing;
use crate::http::proxy::Proxy;
use crate::http::request::{Request, Route};
use crate::http::shared::{Shared, Tracer};
use crate::http::trace::TraceEvent;
use crate::http::transport::Transport;
use crate::net::TcpStream;
use crate::observe::Site;

/// So much of what a proxy says when it refuses is kept.
const MOST_OF_A_REFUSAL: usize = 64 * 1024;

/// And so long it is waited for.
const REFUSAL_WAIT: Duration = Duration::from_secs(1);

pub(crate) struct Dial<'a> {
    pub(crate) core: &'a Rc<Core>,
    pub(crate) shared: &'a Shared,
    pub(crate) request: &'a Request,
    pub(crate) route: Route<'a>,
    /// When there has to be a connection.
    pub(crate) by: Deadline,
    pub(crate) site: Site,
    pub(crate) tracer: Tracer<'a>,
}

impl Dial<'_> {
    /// A connection that is ready for the request. `phase` says how far it got.
    pub(crate) async fn run(&self, phase: &mut Phase) -> Result<Box<Connection>, ErrorKind> {
        let request = self.request;
        let first = match self.route {
            Route::Direct => &*request.url,
            Route::Proxy(proxy) | Route::Tunnel(proxy) => &proxy.url,
        };
        let socket = self.reach(first, phase).await?;
        socket.set_nodelay(true).map_err(ErrorKind::Io)?;
        let mut transport = Transport::Plain(socket);
        if let Route::Tunnel(proxy) = self.route {
            *phase = Phase::Proxy;
            transport = self.open_tunnel(transport, proxy).await?;
        }
        if request.is_https() {
            *phase = Phase::Tls;
            transport = self.agree_on_tls(transport).await?;
        }
        let connection = Connection::new(transport);
        let peer = connection.peer;
        self.tracer.tell(|| TraceEvent::ConnectEnd { peer });
        Ok(connection)
    }

    async fn reach(&self, url: &Url, phase: &mut Phase) -> Result<TcpStream, ErrorKind> {
        *phase = Phase::Resolve;
        let port = url.port_or_known_default().unwrap_or(80);
        let addresses: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(address)) => vec![(address, port).into()],
            Some(Host::Ipv6(address)) => vec![(address, port).into()],
            Some(Host::Domain(name)) => {
                let found = self.resolve(name).await.map_err(ErrorKind::Resolve)?;
                found
                    .iter()
                    .map(|address| (*address, port).into())
                    .collect()
            }
            None => Vec::new(),
        };
        *phase = Phase::Connect;
        let permitted = |address: &SocketAddr| match &self.shared.filter {
            Some(filter) => filter(*address),
            None => true,
        };
        let addresses: Vec<_> = addresses.into_iter().filter(permitted).collect();
        self.tracer.tell(|| TraceEvent::ConnectStart {
            addresses: &addresses,
        });
        let limit = self.request.timeout.sock_connect;
        connect(self.core, &self.shared.plan, limit, &addresses, self.site).await
    }

    async fn resolve(&self, name: &str) -> io::Result<Rc<[IpAddr]>> {
        let dns = &self.shared.dns;
        if let Some(known) = dns.known(self.core, name) {
            self.tracer.tell(|| TraceEvent::DnsCacheHit { name });
            return Ok(known);
        }
        self.tracer.tell(|| TraceEvent::DnsStart { name });
        let found = dns.look_up(self.core, name, self.site).await;
        self.tracer.tell(|| TraceEvent::DnsEnd { name });
        found
    }

    async fn open_tunnel(
        &self,
        transport: Transport,
        proxy: &Proxy,
    ) -> Result<Transport, ErrorKind> {
        let target = format!("{}:{}", self.request.host(), self.request.port());
        let mut connection = Connection::new(transport);
        connection.begin(&Method::CONNECT, self.shared.limits, false);
        let authorization = self.request.proxy_authorization(self.shared, proxy);
        connection.out = Proxy::connect_request(&target, authorization);
        poll_fn(|context| connection.poll_send(context, self.site))
            .await
            .map_err(ErrorKind::Io)?;
        let head = poll_fn(|context| {
            Poll::Ready(match ready!(connection.poll_next(context, self.site)) {
                Ok(Piece::Head(head)) => Ok(head),
                // There is nothing before a head.
                Ok(_) => Err(ErrorKind::ConnectionClosed),
                Err(kind) => Err(kind),
            })
        });
        let head = head.await?;
        if head.framing != Framing::Tunnel {
            let mut said = Vec::new();
            let reading = poll_fn(|context| {
                while said.len() < MOST_OF_A_REFUSAL {
                    match ready!(connection.poll_next(context, self.site)) {
                        Ok(Piece::Data(data)) => said.extend_from_slice(&data),
                        _ => break,
                    }
                }
                Poll::Ready(())
            });
            let by = Deadline::new(self.core, Knob::Patience, Some(REFUSAL_WAIT));
            // What has come by then is told.
            let _ = within(by.earlier(self.by), reading).await;
            said.truncate(MOST_OF_A_REFUSAL);
            return Err(ErrorKind::ProxyRefused(head.status, said));
        }
        if !connection.has_no_rest() {
            let why = "the proxy sent bytes of its own into the tunnel";
            return Err(ErrorKind::Proxy(why.to_owned()));
        }
        Ok(connection.into_parts().0)
    }

    #[cfg(feature = "tls")]
    async fn agree_on_tls(&self, transport: Transport) -> Result<Transport, ErrorKind> {
        let Transport::Plain(socket) = transport else {
            return Ok(transport);
        };
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                ErrorKind::Tls("the server closed the connection in the handshake".into())
            }
            _ => ErrorKind::Tls(Box::new(error)),
        };
        let config = self.shared.tls.config();
        let config = config.map_err(|why| ErrorKind::Tls(why.into()))?;
        let stream = crate::http::tls::TlsStream::new(socket, config, self.request.host());
        let mut stream = Box::new(stream.map_err(failed)?);
        poll_fn(|context| stream.poll_handshake(context, self.site))
            .await
            .map_err(failed)?;
        Ok(Transport::Tls(stream))
    }

    #[cfg(not(feature = "tls"))]
    async fn agree_on_tls(&self, _: Transport) -> Result<Transport, ErrorKind> {
        Err(ErrorKind::Tls(
            "https:// needs glassloop's feature `tls`".into(),
        ))
    }
}
