//! What a connection runs over: a socket, or TLS over one.

use std::io;
use std::task::{Context, Poll};

#[cfg(feature = "tls")]
use crate::http::tls::TlsStream;
use crate::net::TcpStream;
use crate::observe::Site;

pub(crate) enum Transport {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
}

impl Transport {
    /// Pending when it is known that there is nothing to read.
    pub(crate) fn poll_readable(&self, context: &Context<'_>, site: Site) -> Poll<()> {
        match self {
            Transport::Plain(stream) => stream.poll_readable(context, site),
            #[cfg(feature = "tls")]
            Transport::Tls(_) => Poll::Ready(()),
        }
    }

    pub(crate) fn poll_read(
        &mut self,
        context: &Context<'_>,
        site: Site,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Transport::Plain(stream) => stream.poll_read_at(context, site, buffer),
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => stream.poll_read(context, site, buffer),
        }
    }

    /// Reads what the kernel has, without waiting and whatever the reactor knows.
    pub(crate) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(stream) => stream.try_read(buffer),
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => stream.try_read(buffer),
        }
    }

    /// With TLS, what was taken is on its way only after [`poll_flush`](Transport::poll_flush).
    pub(crate) fn poll_write(
        &mut self,
        context: &Context<'_>,
        site: Site,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Transport::Plain(stream) => stream.poll_write_at(context, site, bytes),
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => stream.poll_write(context, site, bytes),
        }
    }

    pub(crate) fn poll_flush(
        &mut self,
        _context: &Context<'_>,
        _site: Site,
    ) -> Poll<io::Result<()>> {
        match self {
            Transport::Plain(_) => Poll::Ready(Ok(())),
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => stream.poll_flush(_context, _site),
        }
    }

    /// Tells the peer that nothing more will be sent.
    pub(crate) fn poll_close(&mut self, context: &Context<'_>, site: Site) -> Poll<io::Result<()>> {
        #[cfg(feature = "tls")]
        if let Transport::Tls(stream) = self {
            stream.say_goodbye();
            match stream.poll_flush(context, site) {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
        }
        let _ = (context, site);
        Poll::Ready(self.socket().shutdown(std::net::Shutdown::Write))
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Transport::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => stream.socket(),
        }
    }

    /// Nothing was read from the socket that is still to be given out.
    pub(crate) fn has_no_rest(&mut self) -> bool {
        match self {
            Transport::Plain(_) => true,
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => stream.has_no_rest(),
        }
    }
}
