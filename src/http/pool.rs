//! The pool: connections that wait for their next request, and a limit on how many there are.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::callback::Handle;
use crate::event_loop::get_running_loop;
use crate::http::connection::Connection;
use crate::promise::Promise;

/// Where a connection leads: host and port.
pub(crate) type Key = (String, u16);

struct Idle {
    number: u64,
    connection: Connection,
    since: Instant,
    /// Called when anything comes that nobody has asked for.
    disturbed: Handle,
}

pub(crate) struct Pool {
    idle: RefCell<HashMap<Key, VecDeque<Idle>>>,
    keepalive: Duration,
    /// 0 is no limit.
    limit: usize,
    in_use: Cell<usize>,
    waiters: RefCell<VecDeque<Promise<()>>>,
    /// Numbers of idle connections.
    made: Cell<u64>,
    /// A timer is set that closes those that have been idle for too long.
    sweeping: Cell<bool>,
}

impl Pool {
    pub(crate) fn new(limit: usize, keepalive: Duration) -> Rc<Pool> {
        Rc::new(Pool {
            idle: RefCell::default(),
            keepalive,
            limit,
            in_use: Cell::new(0),
            waiters: RefCell::default(),
            made: Cell::new(0),
            sweeping: Cell::new(false),
        })
    }

    /// The right to use one connection. First come, first served; a waiter that is cancelled passes its turn on.
    pub(crate) async fn permit(self: &Rc<Self>) -> Permit {
        let free = self.limit == 0 || self.in_use.get() < self.limit;
        if free && self.waiters.borrow().is_empty() {
            self.in_use.set(self.in_use.get() + 1);
            return Permit { pool: self.clone() };
        }
        let turn = Promise::new();
        self.waiters.borrow_mut().push_back(turn.clone());
        let mut waiting = Waiting {
            pool: self,
            turn: Some(turn.clone()),
        };
        // It cannot fail: the holder of a permit fulfils it, and a cancellation ends this coroutine.
        let _ = turn.await;
        waiting.turn = None;
        Permit { pool: self.clone() }
    }

    /// The permit goes to the next in line without becoming free in between, so that nobody can slip in.
    fn pass_on(&self) {
        while let Some(next) = self.waiters.borrow_mut().pop_front() {
            if next.set_result(()).is_ok() {
                return;
            }
        }
        self.in_use.set(self.in_use.get() - 1);
    }

    /// The connection to `key` that was used last and is still good. Stale ones on the way are closed.
    pub(crate) fn check_out(&self, key: &Key) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        let connections = idle.get_mut(key)?;
        while let Some(candidate) = connections.pop_back() {
            candidate.disturbed.cancel();
            candidate.connection.forget_reader();
            if candidate.since.elapsed() < self.keepalive && candidate.connection.is_fresh() {
                return Some(candidate.connection);
            }
        }
        None
    }

    /// Keeps the connection for the next request. While it is idle the loop has an eye on it: whatever the server sends
    /// then, the end of the stream too, closes it, so that it can never be taken for an answer.
    pub(crate) fn check_in(self: &Rc<Self>, key: Key, mut connection: Connection) {
        // Only what comes from now on is reported.
        if !connection.is_fresh() {
            return;
        }
        connection.reused = true;
        let number = self.made.get();
        self.made.set(number + 1);
        let (pool, of) = (Rc::downgrade(self), key.clone());
        let disturbed = connection.call_when_readable(move || {
            if let Some(pool) = pool.upgrade() {
                pool.close(&of, number);
            }
        });
        let mut idle = self.idle.borrow_mut();
        idle.entry(key).or_default().push_back(Idle {
            number,
            connection,
            since: Instant::now(),
            disturbed,
        });
        drop(idle);
        self.sweep_after(self.keepalive);
    }

    fn close(&self, key: &Key, number: u64) {
        let mut idle = self.idle.borrow_mut();
        let Some(connections) = idle.get_mut(key) else {
            return;
        };
        // They stand in the order of their numbers.
        let found = connections.binary_search_by_key(&number, |idle| idle.number);
        let closed = found.ok().and_then(|i| connections.remove(i));
        if connections.is_empty() {
            idle.remove(key);
        }
        drop(idle);
        drop(closed);
    }

    fn sweep_after(self: &Rc<Self>, delay: Duration) {
        let Ok(event_loop) = get_running_loop() else {
            return;
        };
        if self.sweeping.replace(true) {
            return;
        }
        let pool = Rc::downgrade(self);
        let sweep = move || {
            if let Some(pool) = pool.upgrade() {
                pool.sweeping.set(false);
                pool.sweep();
            }
        };
        // It fails only when the loop is closed, and the connections with it.
        let _ = event_loop.call_later(delay, sweep);
    }

    /// Closes those that have been idle for too long, and comes back when the next one will have been.
    fn sweep(self: &Rc<Self>) {
        let mut expired = Vec::new();
        let mut next: Option<Duration> = None;
        self.idle.borrow_mut().retain(|_, connections| {
            // The oldest stand in front.
            while let Some(oldest) = connections.front() {
                match self.keepalive.checked_sub(oldest.since.elapsed()) {
                    Some(left) if !left.is_zero() => {
                        next = Some(next.map_or(left, |next| next.min(left)));
                        break;
                    }
                    _ => expired.extend(connections.pop_front()),
                }
            }
            !connections.is_empty()
        });
        drop(expired);
        if let Some(next) = next {
            self.sweep_after(next);
        }
    }
}

/// The right to use one connection; goes to the next in line when it is dropped.
pub(crate) struct Permit {
    pool: Rc<Pool>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool.pass_on();
    }
}

struct Waiting<'a> {
    pool: &'a Pool,
    turn: Option<Promise<()>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        // Refused when it is done already: cancelled by the task's own cancellation, or given the permit in the very turn in
        // which the task was cancelled.
        if !turn.cancel() && !turn.cancelled() {
            self.pool.pass_on();
        }
    }
}
