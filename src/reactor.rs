//! The reactor: asks the kernel which sources are ready, notes it, and says whom to wake. It runs no user code.
//!
//! Sources are registered once, for both directions and edge-triggered: the kernel reports a change once, so the
//! readiness is kept here until an operation finds nothing left to do (`WouldBlock`, or a short read or write).

use std::io;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::callback::Callback;
use crate::inbox::Inbox;

/// The token of the inbox's waker; no source has it, since slots are below 2^32.
const INBOX: Token = Token(usize::MAX);

/// As many events as the kernel may report at a time.
const EVENTS: usize = 1024;

/// A direction of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

const READABLE: u8 = 1;
const WRITABLE: u8 = 2;
/// The peer has closed: stays set, so that an end of stream that arrives with the last data is not lost by a short read.
const READ_CLOSED: u8 = 4;

/// Names one registered source; stale once it is deregistered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceKey {
    slot: u32,
    generation: u32,
}

impl SourceKey {
    pub(crate) fn slot(self) -> u32 {
        self.slot
    }

    fn token(self) -> Token {
        Token((self.generation as usize) << 32 | self.slot as usize)
    }
}

/// What happens when a direction becomes ready.
pub(crate) enum Waiter {
    /// A task steps.
    Task(Waker),
    /// A callback runs.
    Call(Rc<Callback>),
}

struct Entry {
    generation: u32,
    readiness: u8,
    reader: Option<Waiter>,
    writer: Option<Waiter>,
}

/// What the kernel reported of one source, and who waited for it.
pub(crate) struct Fired {
    pub(crate) source: u32,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer has closed; there is an error.
    pub(crate) closed: bool,
    pub(crate) error: bool,
    pub(crate) reader: Option<Waiter>,
    pub(crate) writer: Option<Waiter>,
}

pub(crate) struct Reactor {
    poll: Poll,
    events: Events,
    sources: Slab<Entry>,
    generation: u32,
    waiting: usize,
    /// What the last poll reported.
    fired: Vec<Fired>,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<(Reactor, Inbox)> {
        let poll = Poll::new()?;
        let inbox = Inbox::new(mio::Waker::new(poll.registry(), INBOX)?);
        let reactor = Reactor {
            poll,
            events: Events::with_capacity(EVENTS),
            sources: Slab::new(),
            generation: 0,
            waiting: 0,
            fired: Vec::new(),
        };
        Ok((reactor, inbox))
    }

    /// Registers for both directions. `writable`: the source is known to be writable, as a connected socket is.
    pub(crate) fn register(
        &mut self,
        source: &mut impl mio::event::Source,
        writable: bool,
    ) -> io::Result<SourceKey> {
        self.generation = self.generation.wrapping_add(1) & (u32::MAX >> 1);
        let key = SourceKey {
            slot: self.sources.vacant_key() as u32,
            generation: self.generation,
        };
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(source, key.token(), both)?;
        self.sources.insert(Entry {
            generation: key.generation,
            readiness: if writable { WRITABLE } else { 0 },
            reader: None,
            writer: None,
        });
        Ok(key)
    }

    /// Sets the directions to watch, and has the kernel report once more what is ready now.
    pub(crate) fn rearm(
        &self,
        key: SourceKey,
        source: &mut impl mio::event::Source,
        interest: Interest,
    ) -> io::Result<()> {
        self.poll
            .registry()
            .reregister(source, key.token(), interest)
    }

    /// Forgets the source and returns its waiters, for the caller to drop. Always called before the source is closed: a
    /// duplicate of its descriptor would keep the kernel reporting.
    pub(crate) fn deregister(
        &mut self,
        key: SourceKey,
        source: &mut impl mio::event::Source,
    ) -> [Option<Waiter>; 2] {
        // It fails only for a descriptor that somebody closed behind our back, and then there is nothing to undo.
        let _ = self.poll.registry().deregister(source);
        if self.get(key).is_none() {
            return [None, None];
        }
        let entry = self.sources.remove(key.slot as usize);
        let waiters = [entry.reader, entry.writer];
        self.waiting -= waiters.iter().flatten().count();
        waiters
    }

    pub(crate) fn is_ready(&self, key: SourceKey, direction: Direction) -> bool {
        let mask = match direction {
            Direction::Read => READABLE | READ_CLOSED,
            Direction::Write => WRITABLE,
        };
        self.get(key)
            .is_some_and(|entry| entry.readiness & mask != 0)
    }

    /// An operation found nothing left to do in this direction.
    pub(crate) fn clear(&mut self, key: SourceKey, direction: Direction) {
        if let Some(entry) = self.get_mut(key) {
            entry.readiness &= match direction {
                Direction::Read => !(READABLE | READ_CLOSED),
                Direction::Write => !WRITABLE,
            };
        }
    }

    /// An operation moved less than it was ready to: the kernel will report when there is more. An end of stream it has
    /// reported already, so that stays.
    pub(crate) fn clear_short(&mut self, key: SourceKey, direction: Direction) {
        if let Some(entry) = self.get_mut(key) {
            entry.readiness &= match direction {
                Direction::Read => !READABLE,
                Direction::Write => !WRITABLE,
            };
        }
    }

    /// Sets (or with `None` clears) who is woken for this direction; returns the one before, for the caller to drop.
    pub(crate) fn set_waiter(
        &mut self,
        key: SourceKey,
        direction: Direction,
        waiter: Option<Waiter>,
    ) -> Option<Waiter> {
        let entry = self.get_mut(key)?;
        let slot = match direction {
            Direction::Read => &mut entry.reader,
            Direction::Write => &mut entry.writer,
        };
        let added = usize::from(waiter.is_some());
        let old = std::mem::replace(slot, waiter);
        self.waiting = self.waiting + added - usize::from(old.is_some());
        old
    }

    /// How many wait for a source to become ready.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Asks the kernel once and returns how many sources it reports; [`take_fired`](Reactor::take_fired) gives them. `None`
    /// sleeps until something happens. A signal ends it with [`Interrupted`](io::ErrorKind::Interrupted).
    pub(crate) fn poll(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        self.poll.poll(&mut self.events, timeout)?;
        for event in self.events.iter().filter(|event| event.token() != INBOX) {
            let slot = event.token().0 as u32;
            let generation = (event.token().0 >> 32) as u32;
            let Some(entry) = self.sources.get_mut(slot as usize) else {
                continue;
            };
            if entry.generation != generation {
                continue;
            }
            let readiness = readiness(event);
            entry.readiness |= readiness;
            let readable = readiness & (READABLE | READ_CLOSED) != 0;
            let writable = readiness & WRITABLE != 0;
            let reader = entry.reader.take_if(|_| readable);
            let writer = entry.writer.take_if(|_| writable);
            self.waiting -= usize::from(reader.is_some()) + usize::from(writer.is_some());
            self.fired.push(Fired {
                source: slot,
                readable,
                writable,
                closed: readiness & READ_CLOSED != 0,
                error: event.is_error(),
                reader,
                writer,
            });
        }
        Ok(self.fired.len())
    }

    /// What was reported. The list comes back with [`recycle`](Reactor::recycle), for its memory.
    pub(crate) fn take_fired(&mut self) -> Vec<Fired> {
        std::mem::take(&mut self.fired)
    }

    pub(crate) fn recycle(&mut self, fired: Vec<Fired>) {
        self.fired = fired;
    }

    fn get(&self, key: SourceKey) -> Option<&Entry> {
        let entry = self.sources.get(key.slot as usize)?;
        (entry.generation == key.generation).then_some(entry)
    }

    fn get_mut(&mut self, key: SourceKey) -> Option<&mut Entry> {
        let entry = self.sources.get_mut(key.slot as usize)?;
        (entry.generation == key.generation).then_some(entry)
    }
}

/// An error or a hang-up makes both directions ready: the operation itself will report it.
fn readiness(event: &Event) -> u8 {
    let mut bits = 0;
    if event.is_readable() {
        bits |= READABLE;
    }
    if event.is_writable() || event.is_write_closed() {
        bits |= WRITABLE;
    }
    if event.is_read_closed() {
        bits |= READ_CLOSED;
    }
    if event.is_error() {
        bits |= READABLE | WRITABLE;
    }
    bits
}
