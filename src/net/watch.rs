//! `add_reader` and `add_writer`: callbacks on any file descriptor, called in each turn while it is ready.
//!
//! The reactor reports a change once. A watch therefore re-arms its source before each call of its callback, upon which
//! the kernel reports once more if the descriptor is still ready when it is asked next: level-triggered, as in asyncio.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;

use mio::event::Source as MioSource;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::callback::{Callback, Handle};
use crate::core::Core;
use crate::net::source::Source;
use crate::observe::Site;
use crate::reactor::Direction;
use crate::report;

/// The watched descriptors of a loop.
type Watches = RefCell<BTreeMap<RawFd, Watch>>;

/// A descriptor that somebody else owns.
struct Borrowed(RawFd);

impl MioSource for Borrowed {
    fn register(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.0).register(to, token, interest)
    }

    fn reregister(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.0).reregister(to, token, interest)
    }

    fn deregister(&mut self, from: &Registry) -> io::Result<()> {
        SourceFd(&self.0).deregister(from)
    }
}

struct Watch {
    source: Source<Borrowed>,
    /// The callbacks armed or in the ready queue: reading, writing.
    armed: [Option<Rc<Callback>>; 2],
}

impl Watch {
    fn interest(&self) -> Option<Interest> {
        let reads = self.armed[0].as_ref().map(|_| Interest::READABLE);
        let writes = self.armed[1].as_ref().map(|_| Interest::WRITABLE);
        match (reads, writes) {
            (Some(reads), Some(writes)) => Some(reads | writes),
            (one, other) => one.or(other),
        }
    }
}

/// What the user wants called.
#[derive(Clone)]
pub(crate) struct Called {
    /// Its type's.
    pub(crate) name: &'static str,
    pub(crate) site: Site,
    pub(crate) function: Rc<dyn Fn()>,
}

/// Watches one direction of `fd`; a callback that was there is replaced, and not called any more.
pub(crate) fn add(
    core: &Rc<Core>,
    fd: RawFd,
    direction: Direction,
    called: Called,
) -> io::Result<()> {
    remove(core, fd, direction);
    let watches = core.extension::<Watches>();
    let mut watches = watches.borrow_mut();
    if let std::collections::btree_map::Entry::Vacant(vacant) = watches.entry(fd) {
        let source = Source::new(core.clone(), Borrowed(fd), fd, false)
            .map_err(|error| refused(fd, error))?;
        vacant.insert(Watch {
            source,
            armed: [None, None],
        });
    }
    drop(watches);
    arm(core, fd, direction, called)
}

fn arm(core: &Rc<Core>, fd: RawFd, direction: Direction, called: Called) -> io::Result<()> {
    let watches = core.extension::<Watches>();
    let mut watches = watches.borrow_mut();
    let Some(watch) = watches.get_mut(&fd) else {
        return Ok(());
    };
    let again = Rc::downgrade(core);
    let Called { name, site, .. } = called;
    let callback = core.callback_named(name, site, None, move || {
        // Before the call, so that a panic in it does not end the watch.
        if let Some(core) = again.upgrade() {
            if let Err(error) = arm(&core, fd, direction, called.clone()) {
                report::error!("fd {fd} is watched no longer: {error}");
                remove(&core, fd, direction);
            }
        }
        (called.function)();
    });
    watch.source.call(direction, callback.clone());
    watch.armed[direction as usize] = Some(callback);
    match watch.interest() {
        Some(interest) => watch.source.rearm(interest),
        None => Ok(()),
    }
}

/// Ends the watch of one direction; whether there was one. A call that stands in the ready queue is cancelled.
pub(crate) fn remove(core: &Rc<Core>, fd: RawFd, direction: Direction) -> bool {
    let watches = core.extension::<Watches>();
    let mut watches = watches.borrow_mut();
    let Some(watch) = watches.get_mut(&fd) else {
        return false;
    };
    let Some(callback) = watch.armed[direction as usize].take() else {
        return false;
    };
    watch.source.forget_waiter(direction);
    let unused = match watch.interest() {
        Some(interest) => {
            // It fails only for a descriptor closed behind our back, and then nothing is reported either.
            let _ = watch.source.rearm(interest);
            None
        }
        None => watches.remove(&fd),
    };
    drop(watches);
    drop(unused);
    Handle::new(callback).cancel();
    true
}

fn refused(fd: RawFd, error: io::Error) -> io::Error {
    let why = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "it is always ready, as regular files are; read it in the thread pool (to_thread)"
                .into()
        }
        io::ErrorKind::AlreadyExists => "a socket of this loop owns it".into(),
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("fd {fd} cannot be watched: {why}"))
}
