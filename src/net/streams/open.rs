//! Connecting: `open_connection`, and what makes a reader and a writer of a socket.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::rc::Rc;

use crate::net::streams::connection::Connection;
use crate::net::streams::reader::StreamReader;
use crate::net::streams::transport::Transport;
use crate::net::streams::writer::StreamWriter;
use crate::net::tcp::TcpStream;

pub(super) fn pair(connection: Rc<Connection>) -> (StreamReader, StreamWriter) {
    (
        StreamReader::new(connection.clone()),
        StreamWriter::new(connection),
    )
}

fn opened(transport: impl Transport + 'static) -> (StreamReader, StreamWriter) {
    pair(Connection::new(Box::new(transport), Box::new(|| ())))
}

/// Connects to `host:port`. Cancelled, it leaves nothing open. asyncio's `open_connection`.
///
/// # Errors
/// Those of [`TcpStream::connect`].
///
/// # Panics
/// When awaited without a running loop.
#[track_caller]
pub fn open_connection(
    address: &str,
) -> impl Future<Output = io::Result<(StreamReader, StreamWriter)>> {
    let site = Location::caller();
    async move {
        let stream = TcpStream::connect_from(address, site).await?;
        stream.set_nodelay(true)?;
        Ok(opened(stream.into_source()))
    }
}

/// Connects to a Unix socket, which never waits. asyncio's `open_unix_connection`.
///
/// # Errors
/// What the kernel says, such as `NotFound` and `ConnectionRefused`.
///
/// # Panics
/// When awaited without a running loop.
#[cfg(unix)]
pub async fn open_unix_connection(
    path: impl AsRef<std::path::Path>,
) -> io::Result<(StreamReader, StreamWriter)> {
    Ok(opened(
        crate::net::unix::UnixStream::connect(path)
            .await?
            .into_source(),
    ))
}
