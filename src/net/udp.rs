//! UDP sockets: messages, each received whole or not at all.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;

use crate::current;
use crate::net::source::Source;
use crate::net::tcp::descriptor;
use crate::reactor::Direction;

type Socket = Source<mio::net::UdpSocket>;

/// A UDP socket. asyncio's counterpart is `create_datagram_endpoint`.
pub struct UdpSocket {
    source: Socket,
}

impl UdpSocket {
    /// A socket at an address; port 0 picks a free one. asyncio's `loop.create_datagram_endpoint`.
    ///
    /// # Errors
    /// `AddrInUse` and others from the kernel.
    ///
    /// # Panics
    /// Without a running loop.
    pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
        let socket = mio::net::UdpSocket::bind(address)?;
        let fd = descriptor(&socket);
        let source = Source::new(current::expect(), socket, fd, true)?;
        Ok(UdpSocket { source })
    }

    /// Sets the peer of `send` and `recv`; nothing is sent, and messages of others are not received any more.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.source.io().connect(peer)
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// Sends one message to `address`. Cancelled, it has sent nothing. asyncio's `loop.sock_sendto`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn send_to<'a>(
        &'a self,
        message: &'a [u8],
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<usize>> + use<'a> {
        let site = Location::caller();
        self.source.attempt(Direction::Write, site, move |io| {
            io.send_to(message, address)
        })
    }

    /// Sends one message to the connected peer. Cancelled, it has sent nothing. asyncio's `loop.sock_sendall`, of one datagram.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn send<'a>(
        &'a self,
        message: &'a [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a> {
        let site = Location::caller();
        self.source
            .attempt(Direction::Write, site, move |io| io.send(message))
    }

    /// Receives one message and its sender; what does not fit into `buffer` is lost. Cancelled, it has received nothing.
    /// asyncio's `loop.sock_recvfrom`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn recv_from<'a>(
        &'a self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + use<'a> {
        let site = Location::caller();
        self.source
            .attempt(Direction::Read, site, move |io| io.recv_from(buffer))
    }

    /// Receives one message from the connected peer. Cancelled, it has received nothing. asyncio's `loop.sock_recv`.
    ///
    /// # Errors
    /// Those of the socket.
    #[track_caller]
    pub fn recv<'a>(
        &'a self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + use<'a> {
        let site = Location::caller();
        self.source
            .attempt(Direction::Read, site, move |io| io.recv(buffer))
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.local_addr() {
            Ok(address) => write!(f, "<UdpSocket on {address}>"),
            Err(_) => f.write_str("<UdpSocket>"),
        }
    }
}
