//! TLS over a socket, by `rustls`: the handshake, and records in and out.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::net::TcpStream;
use crate::observe::Site;

pub(crate) struct TlsStream {
    socket: TcpStream,
    tls: ClientConnection,
    record: Record,
}

/// How much of the last record has been read. `rustls` keeps the beginning of one and does not say so.
#[derive(Default)]
struct Record {
    /// Bytes of its head that were read: type, version, and its length in the last two.
    head: usize,
    /// Bytes that are still to come behind the head.
    left: usize,
}

impl Record {
    const HEAD: usize = 5;

    fn follow(&mut self, mut bytes: &[u8]) {
        while let [next, rest @ ..] = bytes {
            if self.head < Self::HEAD {
                self.head += 1;
                // The first bytes are shifted out of it.
                self.left = (self.left << 8 | usize::from(*next)) & 0xFFFF;
                bytes = rest;
            } else {
                let n = self.left.min(bytes.len());
                self.left -= n;
                bytes = &bytes[n..];
            }
            if self.head == Self::HEAD && self.left == 0 {
                self.head = 0;
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.head == 0
    }
}

/// Records on their way to the socket; `WouldBlock` stands for "the task will be woken".
struct Outward<'a, 'b> {
    socket: &'a TcpStream,
    context: &'a Context<'b>,
    site: Site,
}

/// Records from wherever `read` takes them.
struct Inward<'a, F> {
    record: &'a mut Record,
    read: F,
}

/// Whether it is about TLS, such as an alert of the peer, and not about the socket below.
pub(crate) fn is_of_tls(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>())
}

fn blocking<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(done) => done,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl<F: FnMut(&mut [u8]) -> io::Result<usize>> Read for Inward<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = (self.read)(buffer)?;
        self.record.follow(&buffer[..n]);
        Ok(n)
    }
}

impl Write for Outward<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        blocking(self.socket.poll_write_at(self.context, self.site, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TlsStream {
    /// `host` as it stands in a URL: a name, or an address, which is looked for among the certificate's addresses.
    pub(crate) fn new(
        socket: TcpStream,
        config: Arc<ClientConfig>,
        host: &str,
    ) -> io::Result<TlsStream> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(io::Error::other)?;
        let tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let record = Record::default();
        Ok(TlsStream {
            socket,
            tls,
            record,
        })
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(crate) fn poll_handshake(
        &mut self,
        context: &Context<'_>,
        site: Site,
    ) -> Poll<io::Result<()>> {
        while self.tls.is_handshaking() {
            // What is to be said about a refused certificate goes out as well, as far as the socket takes it.
            let flushed = self.poll_flush(context, site);
            if let Poll::Ready(Err(error)) = flushed {
                return Poll::Ready(Err(error));
            }
            if !self.tls.is_handshaking() {
                break;
            }
            match self.poll_records(context, site) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    let _ = self.poll_flush(context, site);
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        self.poll_flush(context, site)
    }

    /// Reads records once; 0 is the end of the stream.
    fn poll_records(&mut self, context: &Context<'_>, site: Site) -> Poll<io::Result<usize>> {
        let polled = |socket: &TcpStream, buffer: &mut [u8]| {
            blocking(socket.poll_read_at(context, site, buffer))
        };
        match self.take_records(polled) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            done => Poll::Ready(done),
        }
    }

    fn take_records(
        &mut self,
        mut read: impl FnMut(&TcpStream, &mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let (socket, record) = (&self.socket, &mut self.record);
        let read = |buffer: &mut [u8]| read(socket, buffer);
        let n = self.tls.read_tls(&mut Inward { record, read })?;
        match self.tls.process_new_packets() {
            Ok(_) => Ok(n),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }

    /// 0 is an end that the peer has announced; a stream that just ends is an `UnexpectedEof`.
    pub(crate) fn poll_read(
        &mut self,
        context: &Context<'_>,
        site: Site,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            // A new key, an answer to an alert: what has to be sent while reading.
            if self.tls.wants_write() {
                if let Poll::Ready(Err(error)) = self.poll_flush(context, site) {
                    // Why the peer takes no more may be in what it has sent.
                    match self.take_records(TcpStream::try_read) {
                        Ok(n) if n > 0 => continue,
                        Err(alert) if is_of_tls(&alert) => return Poll::Ready(Err(alert)),
                        _ => return Poll::Ready(Err(error)),
                    }
                }
            }
            match self.poll_records(context, site) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Reads what the kernel has, without waiting; `WouldBlock` when that ends within a record.
    pub(crate) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            self.take_records(TcpStream::try_read)?;
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        context: &Context<'_>,
        site: Site,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.tls.writer().write(bytes) {
                // Its buffer is full: some of it must go first.
                Ok(0) => match self.poll_flush(context, site) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                },
                done => return Poll::Ready(done),
            }
        }
    }

    pub(crate) fn poll_flush(&mut self, context: &Context<'_>, site: Site) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            let mut records = Outward {
                socket: &self.socket,
                context,
                site,
            };
            match self.tls.write_tls(&mut records) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Neither data, nor the announced end, nor the beginning of a record has been read and not given out.
    pub(crate) fn has_no_rest(&mut self) -> bool {
        let state = self.tls.process_new_packets();
        self.record.is_whole()
            && state
                .is_ok_and(|state| state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed())
    }

    /// Closes our direction, so that the peer can tell the end from a cut.
    pub(crate) fn say_goodbye(&mut self) {
        self.tls.send_close_notify();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_whole_at_its_last_byte_however_it_comes() {
        let records = [&[23, 3, 3, 1, 2][..], &[0; 258], &[21, 3, 3, 0, 0]].concat();
        let ends = [263, 268];
        for step in [1, 2, 3, 7, 100] {
            let mut record = Record::default();
            for (at, piece) in records.chunks(step).enumerate() {
                record.follow(piece);
                let read = at * step + piece.len();
                assert_eq!(record.is_whole(), ends.contains(&read), "{read} by {step}");
            }
        }
        let mut record = Record::default();
        record.follow(&records);
        assert!(record.is_whole());
    }
}
