//! How many connections may be in use, in all and to each host, and the line of those who wait for one.
//!
//! A place that becomes free goes straight to the next in line, so nobody can slip in; whoever is cancelled with a place in hand
//! passes it on.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::observe::Site;
use crate::promise::Promise;

pub(crate) struct Permits {
    limit: usize,
    limit_per_host: usize,
    in_use: Cell<usize>,
    /// Those somebody waits in.
    lines: RefCell<Vec<Rc<Line>>>,
    /// How many have waited: the number of the next one.
    waiters: Cell<u64>,
    closed: Cell<bool>,
}

/// Of one host.
#[derive(Default)]
pub(crate) struct Line {
    in_use: Cell<usize>,
    /// In the order of their numbers.
    waiters: RefCell<VecDeque<(u64, Promise<bool>)>>,
}

impl Line {
    pub(crate) fn in_use(&self) -> usize {
        self.in_use.get()
    }

    /// Nobody uses a connection to this host or waits for one.
    pub(crate) fn is_unused(&self) -> bool {
        self.in_use.get() == 0 && self.waiters.borrow().is_empty()
    }
}

/// 0 is no limit.
fn has_room(used: usize, limit: usize) -> bool {
    limit == 0 || used < limit
}

impl Permits {
    pub(crate) fn new(limit: usize, limit_per_host: usize) -> Permits {
        Permits {
            limit,
            limit_per_host,
            in_use: Cell::new(0),
            lines: RefCell::default(),
            waiters: Cell::new(0),
            closed: Cell::new(false),
        }
    }

    pub(crate) fn in_use(&self) -> usize {
        self.in_use.get()
    }

    pub(crate) fn waiting(&self) -> usize {
        let lines = self.lines.borrow();
        lines.iter().map(|line| line.waiters.borrow().len()).sum()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Whether so many connections, in use or idle, are more than there may be in all.
    pub(crate) fn is_too_many(&self, open: usize) -> bool {
        self.limit > 0 && open > self.limit
    }

    /// The same for one host.
    pub(crate) fn is_too_many_of_host(&self, open: usize) -> bool {
        self.limit_per_host > 0 && open > self.limit_per_host
    }

    /// Takes a place, if that needs no waiting.
    pub(crate) fn try_take(&self, line: &Line) -> bool {
        let free = has_room(self.in_use.get(), self.limit)
            && has_room(line.in_use.get(), self.limit_per_host)
            && line.waiters.borrow().is_empty()
            && !self.closed.get();
        if free {
            self.occupy(line);
        }
        free
    }

    /// Waits for a place, first come, first served, for each host. False when the session is closed.
    pub(crate) async fn take(&self, line: &Rc<Line>, site: Site) -> bool {
        if self.try_take(line) {
            return true;
        }
        if self.closed.get() {
            return false;
        }
        let (number, turn) = self.line_up(line);
        let mut waiting = Waiting {
            permits: self,
            line,
            number,
            turn: Some(turn.clone()),
        };
        // It ends otherwise only with this coroutine.
        let granted = turn.join_at(site).await.unwrap_or(false);
        waiting.turn = None;
        granted
    }

    fn line_up(&self, line: &Rc<Line>) -> (u64, Promise<bool>) {
        let (number, turn) = (self.waiters.get(), Promise::new());
        self.waiters.set(number + 1);
        line.waiters.borrow_mut().push_back((number, turn.clone()));
        let mut lines = self.lines.borrow_mut();
        if !lines.iter().any(|other| Rc::ptr_eq(other, line)) {
            lines.push(line.clone());
        }
        (number, turn)
    }

    fn occupy(&self, line: &Line) {
        self.in_use.set(self.in_use.get() + 1);
        line.in_use.set(line.in_use.get() + 1);
    }

    fn vacate(&self, line: &Line) {
        self.in_use.set(self.in_use.get() - 1);
        line.in_use.set(line.in_use.get() - 1);
    }

    /// Frees a place, and gives it to the next in line.
    pub(crate) fn release(&self, line: &Line) {
        self.vacate(line);
        while let Some((next, turn)) = self.next_in_line() {
            self.occupy(&next);
            if turn.set_result(true).is_ok() {
                break;
            }
            self.vacate(&next);
        }
    }

    /// Takes the one out of the line that waits longest among those whose host has room.
    fn next_in_line(&self) -> Option<(Rc<Line>, Promise<bool>)> {
        if !has_room(self.in_use.get(), self.limit) {
            return None;
        }
        let mut lines = self.lines.borrow_mut();
        lines.retain(|line| !line.waiters.borrow().is_empty());
        let ready = |line: &&Rc<Line>| has_room(line.in_use.get(), self.limit_per_host);
        let first = |line: &&Rc<Line>| line.waiters.borrow().front().map(|(number, _)| *number);
        let line = lines.iter().filter(ready).min_by_key(first)?;
        let (_, turn) = line.waiters.borrow_mut().pop_front()?;
        Some((line.clone(), turn))
    }

    /// No more places: who waits is sent home.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        for line in self.lines.take() {
            for (_, turn) in line.waiters.take() {
                let _ = turn.set_result(false);
            }
        }
    }
}

struct Waiting<'a> {
    permits: &'a Permits,
    line: &'a Line,
    number: u64,
    turn: Option<Promise<bool>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        let mut waiters = self.line.waiters.borrow_mut();
        if let Ok(at) = waiters.binary_search_by_key(&self.number, |(number, _)| *number) {
            waiters.remove(at);
        }
        drop(waiters);
        // Refused when it is done already: cancelled by the task's own cancellation, or given the place in the very turn in
        // which the task was cancelled.
        if !turn.cancel() && !turn.cancelled() && turn.result().is_ok_and(|granted| *granted) {
            self.permits.release(self.line);
        }
    }
}
