//! The pool: connections that wait for their next request, and a limit on how many there are.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::http::connection::Connection;
use crate::promise::Promise;

/// Where a connection leads: host and port.
pub(crate) type Key = (String, u16);

struct Idle {
    connection: Connection,
    since: Instant,
}

pub(crate) struct Pool {
    idle: RefCell<HashMap<Key, VecDeque<Idle>>>,
    keepalive: Duration,
    /// 0 is no limit.
    limit: usize,
    in_use: Cell<usize>,
    waiters: RefCell<VecDeque<Promise<()>>>,
}

impl Pool {
    pub(crate) fn new(limit: usize, keepalive: Duration) -> Rc<Pool> {
        Rc::new(Pool {
            idle: RefCell::default(),
            keepalive,
            limit,
            in_use: Cell::new(0),
            waiters: RefCell::default(),
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
            if candidate.since.elapsed() < self.keepalive && candidate.connection.is_fresh() {
                return Some(candidate.connection);
            }
        }
        None
    }

    pub(crate) fn check_in(&self, key: Key, mut connection: Connection) {
        connection.reused = true;
        let mut idle = self.idle.borrow_mut();
        let connections = idle.entry(key).or_default();
        // The oldest stand in front, and only they can have expired.
        while connections
            .front()
            .is_some_and(|oldest| oldest.since.elapsed() >= self.keepalive)
        {
            connections.pop_front();
        }
        connections.push_back(Idle {
            connection,
            since: Instant::now(),
        });
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
