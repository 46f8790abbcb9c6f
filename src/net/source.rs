//! A socket that the reactor watches, and the one way to do I/O on it: try while it is ready, else wait to be woken.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::callback::Callback;
use crate::core::Core;
use crate::observe::{Event, Site};
use crate::reactor::{Direction, SourceKey, Waiter};
use crate::text::shown_as;
use crate::wait_on::WaitOn;

/// Public in name only, for the sealed trait of the halves.
pub struct Source<S: mio::event::Source> {
    io: S,
    key: SourceKey,
    fd: i32,
    core: Rc<Core>,
    /// An operation waits: reading, writing.
    busy: [Cell<bool>; 2],
}

shown_as! { Source<S: mio::event::Source> => "<Source>" }

impl<S: mio::event::Source> Source<S> {
    /// `writable`: it is known to be, as an accepted socket is.
    pub(crate) fn new(core: Rc<Core>, mut io: S, fd: i32, writable: bool) -> io::Result<Source<S>> {
        let key = match &mut *core.reactor.borrow_mut() {
            Some(reactor) => reactor.register(&mut io, writable)?,
            None => return Err(closed()),
        };
        let source = key.slot();
        core.observe(|| Event::IoRegister { source, fd });
        Ok(Source {
            io,
            key,
            fd,
            core,
            busy: [Cell::new(false), Cell::new(false)],
        })
    }

    pub(crate) fn io(&self) -> &S {
        &self.io
    }

    /// Tries `operation` while the source is ready; then sees to it that the task is woken.
    pub(crate) fn poll_io<R>(
        &self,
        context: &Context<'_>,
        direction: Direction,
        site: Option<Site>,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let ready = match &*self.core.reactor.borrow() {
                Some(reactor) => reactor.is_ready(self.key, direction),
                None => return Poll::Ready(Err(closed())),
            };
            if !ready {
                break;
            }
            match operation(&self.io) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Some(reactor) = &mut *self.core.reactor.borrow_mut() {
                        reactor.clear(self.key, direction);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
        let waker = context.waker().clone();
        let old = match &mut *self.core.reactor.borrow_mut() {
            Some(reactor) => reactor.set_waiter(self.key, direction, Some(Waiter::Task(waker))),
            None => None,
        };
        drop(old);
        let on = || match direction {
            Direction::Read => WaitOn::Readable(self.key.slot(), self.fd),
            Direction::Write => WaitOn::Writable(self.key.slot(), self.fd),
        };
        self.core.note_wait(on, site);
        Poll::Pending
    }

    /// Has `function` called in a turn, once, when the direction becomes ready.
    pub(crate) fn call_when_ready(
        &self,
        direction: Direction,
        site: Site,
        function: impl FnOnce() + 'static,
    ) -> Rc<Callback> {
        let callback = self.callback(site, function);
        self.call(direction, callback.clone());
        callback
    }

    /// A callback for [`call`](Source::call).
    pub(crate) fn callback(&self, site: Site, function: impl FnOnce() + 'static) -> Rc<Callback> {
        self.core.callback(site, None, function)
    }

    /// Has `callback` called in a turn when the direction becomes ready.
    pub(crate) fn call(&self, direction: Direction, callback: Rc<Callback>) {
        let waiter = Some(Waiter::Call(callback));
        let old = match &mut *self.core.reactor.borrow_mut() {
            Some(reactor) => reactor.set_waiter(self.key, direction, waiter),
            None => None,
        };
        drop(old);
    }

    /// As far as the kernel has told.
    pub(crate) fn is_ready(&self, direction: Direction) -> bool {
        let reactor = self.core.reactor.borrow();
        reactor
            .as_ref()
            .is_some_and(|reactor| reactor.is_ready(self.key, direction))
    }

    /// Sets the directions to watch, and has the kernel report once more what is ready now.
    #[cfg(unix)]
    pub(crate) fn rearm(&mut self, interest: mio::Interest) -> io::Result<()> {
        match &*self.core.reactor.borrow() {
            Some(reactor) => reactor.rearm(self.key, &mut self.io, interest),
            None => Err(closed()),
        }
    }

    /// Tries `operation` once, without waiting; `WouldBlock` is for the caller to wait on.
    pub(crate) fn try_io<R>(
        &self,
        direction: Direction,
        operation: impl FnOnce(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let done = operation(&self.io);
        if matches!(&done, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            if let Some(reactor) = &mut *self.core.reactor.borrow_mut() {
                reactor.clear(self.key, direction);
            }
        }
        done
    }

    /// As [`poll_io`](Source::poll_io), for moving up to `wanted` bytes: less than that means that the kernel has no more.
    pub(crate) fn poll_bytes(
        &self,
        context: &Context<'_>,
        direction: Direction,
        site: Option<Site>,
        wanted: usize,
        operation: impl FnMut(&S) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let moved = self.poll_io(context, direction, site, operation);
        if let Poll::Ready(Ok(n)) = moved {
            if 0 < n && n < wanted {
                if let Some(reactor) = &mut *self.core.reactor.borrow_mut() {
                    reactor.clear_short(self.key, direction);
                }
            }
        }
        moved
    }

    pub(crate) fn forget_waiter(&self, direction: Direction) {
        let old = match &mut *self.core.reactor.borrow_mut() {
            Some(reactor) => reactor.set_waiter(self.key, direction, None),
            None => None,
        };
        drop(old);
    }

    /// `attempt` as a future: tried until it would not block any more.
    pub(crate) fn attempt<'a, R>(
        &'a self,
        direction: Direction,
        site: Site,
        mut attempt: impl FnMut(&S) -> io::Result<R> + Unpin + 'a,
    ) -> impl Future<Output = io::Result<R>> + 'a {
        self.operation(
            direction,
            site,
            move |source: &Source<S>, context: &Context<'_>, site| {
                source.poll_io(context, direction, site, &mut attempt)
            },
        )
    }

    /// An operation as a future; dropping it leaves no trace.
    pub(crate) fn operation<R, F>(
        &self,
        direction: Direction,
        site: Site,
        poll: F,
    ) -> Operation<'_, S, F>
    where
        F: FnMut(&Source<S>, &Context<'_>, Option<Site>) -> Poll<io::Result<R>> + Unpin,
    {
        Operation {
            source: self,
            direction,
            site,
            waits: false,
            poll,
        }
    }
}

impl<S: mio::event::Source> Drop for Source<S> {
    fn drop(&mut self) {
        let source = self.key.slot();
        let waiters = match &mut *self.core.reactor.borrow_mut() {
            Some(reactor) => reactor.deregister(self.key, &mut self.io),
            None => return,
        };
        drop(waiters);
        self.core.observe(|| Event::IoDeregister { source });
    }
}

/// See [`Source::operation`].
pub(crate) struct Operation<'a, S: mio::event::Source, F> {
    source: &'a Source<S>,
    direction: Direction,
    site: Site,
    waits: bool,
    poll: F,
}

impl<S, F, R> Future for Operation<'_, S, F>
where
    S: mio::event::Source,
    F: FnMut(&Source<S>, &Context<'_>, Option<Site>) -> Poll<io::Result<R>> + Unpin,
{
    type Output = io::Result<R>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let busy = &this.source.busy[this.direction as usize];
        if !this.waits && busy.get() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another task already waits for this socket in the same direction",
            )));
        }
        let polled = (this.poll)(this.source, context, Some(this.site));
        this.waits = polled.is_pending();
        busy.set(this.waits);
        polled
    }
}

impl<S: mio::event::Source, F> Drop for Operation<'_, S, F> {
    fn drop(&mut self) {
        if self.waits {
            self.source.busy[self.direction as usize].set(false);
            self.source.forget_waiter(self.direction);
        }
    }
}

fn closed() -> io::Error {
    io::Error::other("Event loop is closed")
}
