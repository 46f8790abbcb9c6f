//! Bytes in and out of a stream socket as futures, the same for TCP and Unix sockets and for their halves.

use std::future::Future;
use std::io::{self, Read, Write};
use std::task::{Context, Poll};

use crate::net::source::Source;
use crate::observe::Site;
use crate::reactor::Direction;

/// A socket that moves bytes: mio's streams, which read and write behind a shared reference.
pub trait Bytes: mio::event::Source {
    fn get(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn put(&self, bytes: &[u8]) -> io::Result<usize>;
}

impl<S: mio::event::Source> Bytes for S
where
    for<'a> &'a S: Read + Write,
{
    fn get(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut io = self;
        io.read(buffer)
    }

    fn put(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut io = self;
        io.write(bytes)
    }
}

pub(super) fn poll_read<S: Bytes>(
    source: &Source<S>,
    context: &Context<'_>,
    site: Option<Site>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let wanted = buffer.len();
    source.poll_bytes(context, Direction::Read, site, wanted, |io| io.get(buffer))
}

pub(super) fn poll_write<S: Bytes>(
    source: &Source<S>,
    context: &Context<'_>,
    site: Option<Site>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    let wanted = bytes.len();
    source.poll_bytes(context, Direction::Write, site, wanted, |io| io.put(bytes))
}

pub(super) fn read<'a, S: Bytes>(
    source: &'a Source<S>,
    buffer: &'a mut [u8],
    site: Site,
) -> impl Future<Output = io::Result<usize>> + use<'a, S> {
    source.operation(
        Direction::Read,
        site,
        move |source: &Source<S>, context: &Context<'_>, site| {
            poll_read(source, context, site, buffer)
        },
    )
}

pub(super) fn write<'a, S: Bytes>(
    source: &'a Source<S>,
    bytes: &'a [u8],
    site: Site,
) -> impl Future<Output = io::Result<usize>> + use<'a, S> {
    source.operation(
        Direction::Write,
        site,
        move |source: &Source<S>, context: &Context<'_>, site| {
            poll_write(source, context, site, bytes)
        },
    )
}

pub(super) async fn read_exact<S: Bytes>(
    source: &Source<S>,
    buffer: &mut [u8],
    site: Site,
) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read(source, &mut buffer[filled..], site).await? {
            0 => return Err(ended_early(filled, buffer.len())),
            n => filled += n,
        }
    }
    Ok(())
}

pub(super) async fn write_all<S: Bytes>(
    source: &Source<S>,
    mut bytes: &[u8],
    site: Site,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match write(source, bytes, site).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => bytes = &bytes[n..],
        }
    }
    Ok(())
}

fn ended_early(got: usize, wanted: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("{got} bytes read on a total of {wanted} expected bytes"),
    )
}

/// The traits of futures-io for a stream that has a `source`.
macro_rules! futures_io {
    ($stream:ident) => {
        impl futures_io::AsyncRead for $stream {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                crate::net::moving::poll_read(&self.source, context, None, buffer)
            }
        }

        impl futures_io::AsyncWrite for $stream {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                crate::net::moving::poll_write(&self.source, context, None, bytes)
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(self.shutdown(std::net::Shutdown::Write))
            }
        }
    };
}
pub(super) use futures_io;
