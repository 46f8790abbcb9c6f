//! `ureq`, a blocking HTTP client, on greenlets: the library is as it comes; only its sockets and its resolver are ours, by the
//! interface that it has for that.

use std::fmt::{self, Debug};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use glassloop::greenlet::{self, TcpStream};
use glassloop::to_thread;
use send_wrapper::SendWrapper;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Agent, Error};

/// A client for greenlets. Its connections belong to this thread, as all that waits in a loop does.
pub fn agent(config: Config) -> Agent {
    Agent::with_parts(config, GreenletConnector, GreenletResolver)
}

/// Connects, suspending the greenlet.
#[derive(Debug)]
struct GreenletConnector;

impl Connector for GreenletConnector {
    type Out = GreenletTransport;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<GreenletTransport>, Error> {
        if details.needs_tls() {
            return Err(Error::TlsRequired);
        }
        let connect = |address: &SocketAddr| match limit(details.timeout) {
            Some(limit) => TcpStream::connect_timeout(*address, limit),
            None => TcpStream::connect_to(*address),
        };
        let mut result = Err(io::ErrorKind::ConnectionRefused.into());
        for address in &details.addrs {
            result = connect(address);
            if result.is_ok() {
                break;
            }
        }
        let stream = result.map_err(|error| in_time(error, details.timeout))?;
        stream.set_nodelay(details.config.no_delay())?;
        let (input, output) = (
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        Ok(Some(GreenletTransport {
            stream: SendWrapper::new(stream),
            buffers: LazyBuffers::new(input, output),
        }))
    }
}

/// Moves bytes, suspending the greenlet. `ureq` wants it to be `Send`; the wrapper sees to it that nobody makes use of that.
struct GreenletTransport {
    stream: SendWrapper<TcpStream>,
    buffers: LazyBuffers,
}

impl Transport for GreenletTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        self.stream.set_write_timeout(limit(timeout))?;
        let written = self.stream.write_all(&self.buffers.output()[..amount]);
        written.map_err(|error| in_time(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        self.stream.set_read_timeout(limit(timeout))?;
        let read = self.stream.read(self.buffers.input_append_buf());
        let amount = read.map_err(|error| in_time(error, timeout))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.is_silent()
    }
}

impl Debug for GreenletTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

/// Looks names up in the loop's thread pool.
#[derive(Debug)]
struct GreenletResolver;

impl Resolver for GreenletResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(Error::BadUri(uri.to_string()));
        };
        let Some(address) = DefaultResolver::host_and_port(scheme, authority) else {
            return Err(Error::BadUri(format!("{uri} names no port")));
        };
        let mut found = self.empty();
        if let Ok(address) = address.parse() {
            found.push(address);
            return Ok(found);
        }
        let look_up = to_thread(move || address.to_socket_addrs());
        let looked_up = glassloop::timeout(limit(timeout).unwrap_or(Duration::MAX), look_up);
        let addresses = greenlet::wait(looked_up).map_err(|_| Error::Timeout(timeout.reason))?;
        let addresses = addresses.map_err(io::Error::other)??;
        let most = 16; // an array of `ureq`'s
        for address in config.ip_family().keep_wanted(addresses).take(most) {
            found.push(address);
        }
        match found.is_empty() {
            true => Err(Error::HostNotFound),
            false => Ok(found),
        }
    }
}

fn limit(timeout: NextTimeout) -> Option<Duration> {
    timeout.not_zero().map(|limit| *limit)
}

/// The error that `ureq` gives when its time is over.
fn in_time(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => error.into(),
    }
}
