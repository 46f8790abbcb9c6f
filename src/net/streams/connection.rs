//! A connection as reader and writer share it: the socket, and the bytes that still have to go out.
//!
//! Bytes are sent at once as far as the socket takes them; a callback sends the rest when there is room. Above the high
//! water mark `drain` waits, until no more than the low one is left.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::current;
use crate::net::streams::transport::Transport;
use crate::observe::Site;
use crate::report;
use crate::wait_on::WaitOn;

const HIGH_WATER: usize = 64 * 1024;
const LOW_WATER: usize = 16 * 1024;
const LOST_WRITES_OVERLOOKED: u32 = 4;

pub(crate) struct Connection {
    /// `None` once it is closed.
    transport: RefCell<Option<Box<dyn Transport>>>,
    addresses: Option<(SocketAddr, SocketAddr)>,
    unsent: RefCell<VecDeque<u8>>,
    /// `drain` waits.
    paused: Cell<bool>,
    /// A callback will send the rest.
    flushing: Cell<bool>,
    closing: Cell<bool>,
    /// How often something was written to a connection that is closed.
    lost_writes: Cell<u32>,
    pub(crate) eof_written: Cell<bool>,
    failure: Cell<Option<io::ErrorKind>>,
    waiters: RefCell<Vec<Waker>>,
    on_closed: Box<dyn Fn()>,
}

impl Connection {
    pub(crate) fn new(transport: Box<dyn Transport>, on_closed: Box<dyn Fn()>) -> Rc<Connection> {
        Rc::new(Connection {
            addresses: transport.addresses(),
            transport: RefCell::new(Some(transport)),
            unsent: RefCell::default(),
            paused: Cell::new(false),
            flushing: Cell::new(false),
            closing: Cell::new(false),
            lost_writes: Cell::new(0),
            eof_written: Cell::new(false),
            failure: Cell::new(None),
            waiters: RefCell::default(),
            on_closed,
        })
    }

    pub(crate) fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.addresses
    }

    pub(crate) fn unsent(&self) -> usize {
        self.unsent.borrow().len()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.failure.get().map(lost)
    }

    /// Appends what arrives; 0 is the end, also that of a connection that this side has closed.
    pub(crate) fn poll_read(
        &self,
        context: &Context<'_>,
        site: Site,
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        let polled = match &*self.transport.borrow() {
            Some(transport) => transport.poll_read(context, site, buffer, most),
            None => match self.failure() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Ready(Ok(0)),
            },
        };
        match &polled {
            Poll::Ready(Err(error)) => self.fail(error.kind()),
            Poll::Ready(Ok(_)) => {}
            // Closing wakes it, not only the socket.
            Poll::Pending => self.wait(context),
        }
        polled
    }

    /// A read was dropped while it waited.
    pub(crate) fn forget_reader(&self) {
        if let Some(transport) = &*self.transport.borrow() {
            transport.forget_reader();
        }
    }

    pub(crate) fn write(self: &Rc<Self>, mut bytes: &[u8]) {
        if self.closing.get() {
            let before = self.lost_writes.get();
            self.lost_writes.set(before.saturating_add(1));
            // asyncio overlooks as many: whoever writes a last word to a peer that has gone is not told off.
            if before >= LOST_WRITES_OVERLOOKED {
                report::warning!("socket.send() raised exception.");
            }
            return;
        }
        if self.unsent() == 0 {
            bytes = &bytes[self.send(bytes)..];
        }
        self.unsent.borrow_mut().extend(bytes);
        self.flush_later();
        if self.unsent() > HIGH_WATER {
            self.paused.set(true);
        }
    }

    /// As many of `bytes` as the socket takes now; all of them when the connection is lost.
    fn send(&self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while sent < bytes.len() {
            let result = match &*self.transport.borrow() {
                Some(transport) => transport.try_write(&bytes[sent..]),
                None => return bytes.len(),
            };
            match result {
                Ok(n) => sent += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return sent,
                Err(error) => {
                    self.fail(error.kind());
                    return bytes.len();
                }
            }
        }
        sent
    }

    fn flush_later(self: &Rc<Self>) {
        if self.unsent() == 0 || self.flushing.replace(true) {
            return;
        }
        if let Some(transport) = &*self.transport.borrow() {
            let connection = self.clone();
            transport.when_writable(Location::caller(), Box::new(move || connection.flush()));
        }
    }

    fn flush(self: &Rc<Self>) {
        self.flushing.set(false);
        let mut unsent = self.unsent.take();
        let sent = self.send(unsent.make_contiguous());
        unsent.drain(..sent.min(unsent.len()));
        *self.unsent.borrow_mut() = unsent;
        self.flush_later();
        if self.unsent() <= LOW_WATER {
            self.paused.set(false);
            self.wake();
        }
        if self.unsent() == 0 {
            self.all_sent();
        }
    }

    fn all_sent(&self) {
        if self.closing.get() {
            self.end();
        } else if self.eof_written.get() {
            if let Some(transport) = &*self.transport.borrow() {
                // A peer that has gone already needs no end of stream.
                let _ = transport.shutdown();
            }
        }
    }

    pub(crate) fn write_eof(&self) {
        if !self.eof_written.replace(true) && self.unsent() == 0 {
            self.all_sent();
        }
    }

    /// Sends what is left, then closes.
    pub(crate) fn close(&self) {
        if !self.closing.replace(true) && self.unsent() == 0 {
            self.end();
        }
    }

    /// Closes now; what was not sent is lost.
    pub(crate) fn abort(&self) {
        self.closing.set(true);
        self.unsent.take();
        self.end();
    }

    fn fail(&self, kind: io::ErrorKind) {
        let lost = matches!(
            kind,
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
        );
        self.failure.set(Some(match lost {
            true => io::ErrorKind::ConnectionReset,
            false => kind,
        }));
        self.abort();
    }

    fn end(&self) {
        let transport = self.transport.take();
        if transport.is_some() {
            drop(transport);
            self.paused.set(false);
            self.wake();
            (self.on_closed)();
        }
    }

    fn wake(&self) {
        let waiters = self.waiters.take();
        waiters.into_iter().for_each(Waker::wake);
    }

    fn wait(&self, context: &Context<'_>) {
        let mut waiters = self.waiters.borrow_mut();
        if !waiters
            .iter()
            .any(|waiter| waiter.will_wake(context.waker()))
        {
            waiters.push(context.waker().clone());
        }
    }

    /// Whether it is still there; asyncio's words for one that is not.
    pub(crate) fn check(&self) -> io::Result<()> {
        match (self.failure(), &*self.transport.borrow()) {
            (Some(error), _) => Err(error),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(lost(io::ErrorKind::ConnectionReset)),
        }
    }

    pub(crate) fn poll_drained(&self, context: &Context<'_>, site: Site) -> Poll<io::Result<()>> {
        match self.failure() {
            Some(error) => return Poll::Ready(Err(error)),
            None if !self.paused.get() => return Poll::Ready(Ok(())),
            None => {}
        }
        self.wait(context);
        note_wait("StreamWriter.drain", site);
        Poll::Pending
    }

    pub(crate) fn poll_closed(&self, context: &Context<'_>, site: Site) -> Poll<io::Result<()>> {
        if self.transport.borrow().is_none() {
            return Poll::Ready(self.failure().map_or(Ok(()), Err));
        }
        self.wait(context);
        note_wait("StreamWriter.wait_closed", site);
        Poll::Pending
    }
}

fn lost(kind: io::ErrorKind) -> io::Error {
    io::Error::new(kind, "Connection lost")
}

/// The running task is about to wait for this.
pub(super) fn note_wait(what: &'static str, site: Site) {
    current::with(|core| core.note_wait(|| WaitOn::Sync(what), Some(site)));
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end();
    }
}
