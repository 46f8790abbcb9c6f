//! The pool: a limit on how many connections there are, a line of those who wait for one, and the connections that are idle.
//!
//! A request holds a [`Permit`] while it uses a connection. A permit that is dropped goes straight to the next in line, so
//! nobody can slip in; whoever is cancelled with a permit passes it on. While a connection is idle the loop has an eye on it:
//! whatever the server sends then, the end of the stream too, closes it, so that it can never be taken for an answer.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::Duration;

use crate::callback::TimerHandle;
use crate::core::Core;
use crate::current;
use crate::event_loop::get_running_loop;
use crate::gauges::{Gauge, Gauges};
use crate::http::connection::Connection;
use crate::http::connector::TcpConnector;
use crate::http::pool_stats::PoolStats;
use crate::observe::Site;
use crate::promise::Promise;

/// All that lead to one place.
pub(crate) struct Host {
    /// Scheme, name, port, and the proxy on the way.
    pub(crate) name: Box<str>,
    /// The one used last stands at the end.
    idle: RefCell<Vec<Idle>>,
    in_use: Cell<usize>,
    /// In the order of their numbers.
    waiters: RefCell<VecDeque<(u64, Promise<bool>)>>,
}

struct Idle {
    number: u64,
    connection: Box<Connection>,
    /// On the loop's clock.
    until: u64,
}

pub(crate) struct Pool {
    hosts: RefCell<HashMap<Box<str>, Rc<Host>>>,
    /// The one that was asked for last, which mostly is asked for again.
    last: RefCell<Option<Rc<Host>>>,
    limit: usize,
    limit_per_host: usize,
    keepalive: Duration,
    force_close: bool,
    in_use: Cell<usize>,
    idle: Cell<usize>,
    /// Hosts somebody waits for.
    queues: RefCell<Vec<Rc<Host>>>,
    /// Numbers of waiters and idle connections.
    numbers: Cell<u64>,
    closed: Cell<bool>,
    /// Closes those that have been idle for too long.
    sweep: RefCell<Option<TimerHandle>>,
    core: RefCell<Weak<Core>>,
    connected: Cell<u64>,
    reused: Cell<u64>,
}

/// 0 is no limit.
fn has_room(used: usize, limit: usize) -> bool {
    limit == 0 || used < limit
}

impl Pool {
    pub(crate) fn new(settings: &TcpConnector) -> Rc<Pool> {
        Rc::new(Pool {
            hosts: RefCell::default(),
            last: RefCell::default(),
            limit: settings.limit,
            limit_per_host: settings.limit_per_host,
            keepalive: settings.keepalive,
            force_close: settings.force_close,
            in_use: Cell::new(0),
            idle: Cell::new(0),
            queues: RefCell::default(),
            numbers: Cell::new(0),
            closed: Cell::new(false),
            sweep: RefCell::new(None),
            core: RefCell::default(),
            connected: Cell::new(0),
            reused: Cell::new(0),
        })
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let queues = self.queues.borrow();
        PoolStats {
            idle: self.idle.get(),
            in_use: self.in_use.get(),
            waiting: queues.iter().map(|host| host.waiters.borrow().len()).sum(),
            connected: self.connected.get(),
            reused: self.reused.get(),
        }
    }

    /// What leads to `name`.
    ///
    /// # Panics
    /// When another loop uses the session.
    pub(crate) fn host(self: &Rc<Self>, core: &Rc<Core>, name: &str) -> Rc<Host> {
        self.bind(core);
        let mut last = self.last.borrow_mut();
        if let Some(host) = last.as_ref().filter(|host| *host.name == *name) {
            return host.clone();
        }
        let mut hosts = self.hosts.borrow_mut();
        let known = hosts.get(name).cloned();
        let host = known.unwrap_or_else(|| {
            let host = Rc::new(Host {
                name: name.into(),
                idle: RefCell::default(),
                in_use: Cell::new(0),
                waiters: RefCell::default(),
            });
            hosts.insert(name.into(), host.clone());
            host
        });
        last.insert(host).clone()
    }

    /// The right to use one connection, without waiting.
    pub(crate) fn try_permit(self: &Rc<Self>, host: &Rc<Host>) -> Option<Permit> {
        let free = has_room(self.in_use.get(), self.limit)
            && has_room(host.in_use.get(), self.limit_per_host)
            && host.waiters.borrow().is_empty()
            && !self.closed.get();
        free.then(|| {
            self.occupy(host);
            Permit {
                pool: self.clone(),
                host: host.clone(),
            }
        })
    }

    /// The right to use one connection. First come, first served, for each host. `None` when the session is closed.
    pub(crate) async fn permit(self: &Rc<Self>, host: &Rc<Host>, site: Site) -> Option<Permit> {
        if let Some(permit) = self.try_permit(host) {
            return Some(permit);
        }
        if self.closed.get() {
            return None;
        }
        let (number, turn) = self.line_up(host);
        let mut waiting = Waiting {
            pool: self,
            host,
            number,
            turn: Some(turn.clone()),
        };
        // It ends otherwise only with this coroutine.
        let granted = turn.join_at(site).await.unwrap_or(false);
        waiting.turn = None;
        granted.then(|| Permit {
            pool: self.clone(),
            host: host.clone(),
        })
    }

    fn line_up(&self, host: &Rc<Host>) -> (u64, Promise<bool>) {
        let (number, turn) = (self.next_number(), Promise::new());
        host.waiters.borrow_mut().push_back((number, turn.clone()));
        let mut queues = self.queues.borrow_mut();
        if !queues.iter().any(|queue| Rc::ptr_eq(queue, host)) {
            queues.push(host.clone());
        }
        (number, turn)
    }

    /// The session belongs to the loop that uses it.
    fn bind(self: &Rc<Self>, core: &Rc<Core>) {
        if self.core.borrow().as_ptr() == Rc::as_ptr(core) {
            return;
        }
        assert!(
            self.in_use.get() == 0,
            "this ClientSession is in use in another event loop: make one for each loop"
        );
        self.close_idle();
        self.core.replace(Rc::downgrade(core));
        let gauge: Rc<dyn Gauge> = self.clone();
        core.extension::<Gauges>().add(Rc::downgrade(&gauge));
    }

    fn occupy(&self, host: &Host) {
        self.in_use.set(self.in_use.get() + 1);
        host.in_use.set(host.in_use.get() + 1);
    }

    fn vacate(&self, host: &Host) {
        self.in_use.set(self.in_use.get() - 1);
        host.in_use.set(host.in_use.get() - 1);
    }

    /// Frees a place, and gives it to the next in line.
    fn release(&self, host: &Host) {
        self.vacate(host);
        while let Some((next, turn)) = self.next_in_line() {
            self.occupy(&next);
            if turn.set_result(true).is_ok() {
                break;
            }
            self.vacate(&next);
        }
        self.forget_unused(host);
    }

    /// Takes the one out of the line that waits longest among those whose host has room.
    fn next_in_line(&self) -> Option<(Rc<Host>, Promise<bool>)> {
        if !has_room(self.in_use.get(), self.limit) {
            return None;
        }
        let mut queues = self.queues.borrow_mut();
        queues.retain(|host| !host.waiters.borrow().is_empty());
        let ready = |host: &&Rc<Host>| has_room(host.in_use.get(), self.limit_per_host);
        let first = |host: &&Rc<Host>| host.waiters.borrow().front().map(|(number, _)| *number);
        let host = queues.iter().filter(ready).min_by_key(first)?;
        let (_, turn) = host.waiters.borrow_mut().pop_front()?;
        Some((host.clone(), turn))
    }

    fn forget_unused(&self, host: &Host) {
        let unused = host.in_use.get() == 0
            && host.idle.borrow().is_empty()
            && host.waiters.borrow().is_empty();
        if unused {
            self.hosts.borrow_mut().remove(&host.name);
            self.last
                .borrow_mut()
                .take_if(|last| std::ptr::eq(&**last, host));
        }
    }

    fn next_number(&self) -> u64 {
        let number = self.numbers.get();
        self.numbers.set(number + 1);
        number
    }

    /// The connection to `host` that was used last and is still good at this time. Stale ones on the way are closed.
    pub(crate) fn check_out(&self, now: u64, host: &Host) -> Option<Box<Connection>> {
        loop {
            let mut candidate = host.idle.borrow_mut().pop()?;
            self.idle.set(self.idle.get() - 1);
            candidate.connection.unwatch();
            if now < candidate.until && candidate.connection.is_fresh() {
                self.reused.set(self.reused.get() + 1);
                return Some(candidate.connection);
            }
        }
    }

    /// A connection is about to be made by the holder of a permit: idle ones are closed where the limits leave no room.
    pub(crate) fn make_room(&self, host: &Host) {
        self.connected.set(self.connected.get() + 1);
        while self.limit > 0 && self.in_use.get() + self.idle.get() > self.limit {
            let hosts = self.hosts.borrow();
            let until = |host: &&Rc<Host>| host.idle.borrow().first().map(|idle| idle.until);
            let idle = hosts.values().filter(|host| until(host).is_some());
            let Some(host) = idle.min_by_key(until).cloned() else {
                return;
            };
            drop(hosts);
            self.close_first(&host);
        }
        let per_host = self.limit_per_host;
        while per_host > 0 && host.in_use.get() + host.idle.borrow().len() > per_host {
            self.close_first(host);
        }
    }

    fn close_first(&self, host: &Host) {
        drop(host.idle.borrow_mut().remove(0));
        self.idle.set(self.idle.get() - 1);
        self.forget_unused(host);
    }

    /// Keeps the connection for the next request, or closes it.
    pub(crate) fn check_in(self: &Rc<Self>, host: &Rc<Host>, mut connection: Box<Connection>) {
        let keep = connection.keeps.map_or(self.keepalive, |keeps| {
            // The server's clock began before ours.
            self.keepalive
                .min(keeps.saturating_sub(Duration::from_secs(1)))
        });
        let Some(core) = self.core.borrow().upgrade() else {
            return;
        };
        let here = current::with(|running| Rc::ptr_eq(running, &core)) == Some(true);
        if self.closed.get() || self.force_close || keep.is_zero() || !here {
            return;
        }
        let number = match &connection.eye {
            Some((number, _)) => *number,
            None => self.next_number(),
        };
        let (pool, of) = (Rc::downgrade(self), Rc::downgrade(host));
        let disturbed = move || {
            if let (Some(pool), Some(host)) = (pool.upgrade(), of.upgrade()) {
                pool.close(&host, number);
            }
        };
        if !connection.has_no_rest() || !connection.watch(number, Location::caller(), disturbed) {
            return;
        }
        connection.reused = true;
        let keep = crate::clock::to_nanos(keep).unwrap_or(u64::MAX);
        let until = core.clock.last().saturating_add(keep);
        host.idle.borrow_mut().push(Idle {
            number,
            connection,
            until,
        });
        self.idle.set(self.idle.get() + 1);
        self.sweep_after(keep);
    }

    /// Closes an idle connection at which something came; one that is in use by now is not concerned.
    fn close(&self, host: &Host, number: u64) {
        let mut idle = host.idle.borrow_mut();
        let found = idle.iter().position(|idle| idle.number == number);
        let closed = found.map(|at| idle.remove(at));
        drop(idle);
        if closed.is_some() {
            self.idle.set(self.idle.get() - 1);
            self.forget_unused(host);
        }
    }

    fn sweep_after(self: &Rc<Self>, nanos: u64) {
        let mut sweep = self.sweep.borrow_mut();
        let Some(event_loop) = sweep.is_none().then(get_running_loop).and_then(Result::ok) else {
            return;
        };
        let pool = Rc::downgrade(self);
        let wake = move || {
            if let Some(pool) = pool.upgrade() {
                pool.sweep.take();
                pool.sweep();
            }
        };
        // It fails only when the loop is closed, and the connections with it.
        *sweep = event_loop
            .call_later(Duration::from_nanos(nanos), wake)
            .ok();
    }

    /// Closes those that have been idle for too long, and comes back when the next one will have been.
    fn sweep(self: &Rc<Self>) {
        let Some(core) = self.core.borrow().upgrade() else {
            return;
        };
        let now = core.clock.last();
        let (mut expired, mut next) = (Vec::new(), u64::MAX);
        let hosts: Vec<_> = self.hosts.borrow().values().cloned().collect();
        for host in &hosts {
            let (kept, over): (Vec<_>, Vec<_>) = host
                .idle
                .take()
                .into_iter()
                .partition(|idle| idle.until > now);
            next = kept.iter().fold(next, |next, idle| next.min(idle.until));
            host.idle.replace(kept);
            expired.extend(over);
        }
        self.idle.set(self.idle.get() - expired.len());
        drop(expired);
        for host in &hosts {
            self.forget_unused(host);
        }
        if next < u64::MAX {
            self.sweep_after(next - now);
        }
    }

    fn close_idle(&self) {
        let hosts: Vec<_> = self.hosts.borrow().values().cloned().collect();
        for host in &hosts {
            drop(host.idle.take());
            self.forget_unused(host);
        }
        self.idle.set(0);
        if let Some(sweep) = self.sweep.take() {
            sweep.cancel();
        }
    }

    /// No more requests: idle connections are closed now, those in use after their response, and who waits is sent home.
    pub(crate) fn close_all(&self) {
        self.closed.set(true);
        self.close_idle();
        for host in self.queues.take() {
            for (_, turn) in host.waiters.take() {
                let _ = turn.set_result(false);
            }
        }
    }
}

impl Gauge for Pool {
    fn name(&self) -> &'static str {
        "ClientSession"
    }

    fn read(&self) -> Vec<(u64, &'static str)> {
        self.stats().figures()
    }
}

/// The right to use one connection; goes to the next in line when it is dropped.
pub(crate) struct Permit {
    pool: Rc<Pool>,
    host: Rc<Host>,
}

impl Permit {
    pub(crate) fn host(&self) -> &Rc<Host> {
        &self.host
    }

    pub(crate) fn pool(&self) -> &Rc<Pool> {
        &self.pool
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool.release(&self.host);
    }
}

struct Waiting<'a> {
    pool: &'a Rc<Pool>,
    host: &'a Rc<Host>,
    number: u64,
    turn: Option<Promise<bool>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        let mut waiters = self.host.waiters.borrow_mut();
        if let Ok(at) = waiters.binary_search_by_key(&self.number, |(number, _)| *number) {
            waiters.remove(at);
        }
        drop(waiters);
        // Refused when it is done already: cancelled by the task's own cancellation, or given the permit in the very turn in
        // which the task was cancelled.
        if !turn.cancel() && !turn.cancelled() && turn.result().is_ok_and(|granted| *granted) {
            self.pool.release(self.host);
        }
    }
}
