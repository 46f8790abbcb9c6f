//! The pool: the connections that are idle, and the right to use one.
//!
//! A request holds a [`Permit`] while it uses a connection. While a connection is idle the loop has an eye on it: whatever the
//! server sends then, the end of the stream too, closes it, so that it can never be taken for an answer.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
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
use crate::http::permits::{Line, Permits};
use crate::http::pool_stats::PoolStats;
use crate::observe::Site;

/// All that lead to one place.
pub(crate) struct Host {
    /// Scheme, name, port, and the proxy on the way.
    pub(crate) name: Box<str>,
    /// The one used last stands at the end.
    idle: RefCell<Vec<Idle>>,
    line: Rc<Line>,
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
    permits: Permits,
    keepalive: Duration,
    force_close: bool,
    idle: Cell<usize>,
    /// Numbers of idle connections.
    numbers: Cell<u64>,
    /// Closes those that have been idle for too long, and when it does.
    sweep: RefCell<Option<(u64, TimerHandle)>>,
    core: RefCell<Weak<Core>>,
    connected: Cell<u64>,
    reused: Cell<u64>,
}

impl Pool {
    pub(crate) fn new(settings: &TcpConnector) -> Rc<Pool> {
        Rc::new(Pool {
            hosts: RefCell::default(),
            last: RefCell::default(),
            permits: Permits::new(settings.limit, settings.limit_per_host),
            keepalive: settings.keepalive,
            force_close: settings.force_close,
            idle: Cell::new(0),
            numbers: Cell::new(0),
            sweep: RefCell::new(None),
            core: RefCell::default(),
            connected: Cell::new(0),
            reused: Cell::new(0),
        })
    }

    pub(crate) fn stats(&self) -> PoolStats {
        PoolStats {
            idle: self.idle.get(),
            in_use: self.permits.in_use(),
            waiting: self.permits.waiting(),
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
                line: Rc::default(),
            });
            hosts.insert(name.into(), host.clone());
            host
        });
        last.insert(host).clone()
    }

    /// The right to use one connection, without waiting.
    pub(crate) fn try_permit(self: &Rc<Self>, host: &Rc<Host>) -> Option<Permit> {
        let taken = self.permits.try_take(&host.line);
        taken.then(|| Permit {
            pool: self.clone(),
            host: host.clone(),
        })
    }

    /// The right to use one connection. First come, first served, for each host. `None` when the session is closed.
    pub(crate) async fn permit(self: &Rc<Self>, host: &Rc<Host>, site: Site) -> Option<Permit> {
        let _wanted = Wanted(self, host);
        let taken = self.permits.take(&host.line, site).await;
        taken.then(|| Permit {
            pool: self.clone(),
            host: host.clone(),
        })
    }

    /// The session belongs to the loop that uses it.
    fn bind(self: &Rc<Self>, core: &Rc<Core>) {
        if self.core.borrow().as_ptr() == Rc::as_ptr(core) {
            return;
        }
        assert!(
            self.permits.in_use() == 0,
            "this ClientSession is in use in another event loop: make one for each loop"
        );
        self.close_idle();
        self.core.replace(Rc::downgrade(core));
        let gauge: Rc<dyn Gauge> = self.clone();
        core.extension::<Gauges>().add(Rc::downgrade(&gauge));
    }

    fn forget_unused(&self, host: &Host) {
        if host.line.is_unused() && host.idle.borrow().is_empty() {
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
        while self
            .permits
            .is_too_many(self.permits.in_use() + self.idle.get())
        {
            let hosts = self.hosts.borrow();
            let until = |host: &&Rc<Host>| host.idle.borrow().first().map(|idle| idle.until);
            let idle = hosts.values().filter(|host| until(host).is_some());
            let Some(host) = idle.min_by_key(until).cloned() else {
                return;
            };
            drop(hosts);
            self.close_first(&host);
        }
        let open = || host.line.in_use() + host.idle.borrow().len();
        while self.permits.is_too_many_of_host(open()) {
            self.close_first(host);
        }
    }

    fn close_first(&self, host: &Host) {
        drop(host.idle.borrow_mut().remove(0));
        self.idle.set(self.idle.get() - 1);
        self.forget_unused(host);
    }

    /// How long the connection would be kept after its response; zero if not at all.
    pub(crate) fn keep_time(&self, connection: &Connection) -> Duration {
        if self.permits.is_closed() || self.force_close {
            return Duration::ZERO;
        }
        connection.keeps.map_or(self.keepalive, |keeps| {
            // The server's clock began before ours.
            self.keepalive
                .min(keeps.saturating_sub(Duration::from_secs(1)))
        })
    }

    /// Keeps the connection for the next request, or closes it.
    pub(crate) fn check_in(self: &Rc<Self>, host: &Rc<Host>, mut connection: Box<Connection>) {
        let keep = self.keep_time(&connection);
        let Some(core) = self.core.borrow().upgrade() else {
            return;
        };
        let here = current::with(|running| Rc::ptr_eq(running, &core)) == Some(true);
        if keep.is_zero() || !here {
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
        let now = core.clock.last();
        let until = now.saturating_add(keep);
        host.idle.borrow_mut().push(Idle {
            number,
            connection,
            until,
        });
        self.idle.set(self.idle.get() + 1);
        self.sweep_at(until, now);
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

    /// Has the sweep done at this time, unless it is done before.
    fn sweep_at(self: &Rc<Self>, until: u64, now: u64) {
        let mut sweep = self.sweep.borrow_mut();
        if sweep.as_ref().is_some_and(|(at, _)| *at <= until) {
            return;
        }
        let Ok(event_loop) = get_running_loop() else {
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
        let timer = event_loop.call_later(Duration::from_nanos(until - now), wake);
        let later = std::mem::replace(&mut *sweep, timer.ok().map(|timer| (until, timer)));
        drop(sweep);
        if let Some((_, later)) = later {
            later.cancel();
        }
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
            self.sweep_at(next, now);
        }
    }

    fn close_idle(&self) {
        let hosts: Vec<_> = self.hosts.borrow().values().cloned().collect();
        for host in &hosts {
            drop(host.idle.take());
            self.forget_unused(host);
        }
        self.idle.set(0);
        if let Some((_, sweep)) = self.sweep.take() {
            sweep.cancel();
        }
    }

    /// No more requests: idle connections are closed now, those in use after their response, and who waits is sent home.
    pub(crate) fn close_all(&self) {
        self.permits.close();
        self.close_idle();
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
        self.pool.permits.release(&self.host.line);
        self.pool.forget_unused(&self.host);
    }
}

/// Somebody waits for a permit: when that is over, however it ends, the host may be one that nobody uses.
struct Wanted<'a>(&'a Pool, &'a Host);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.forget_unused(self.1);
    }
}
