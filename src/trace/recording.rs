//! What is recorded of one program, or of one section of it: the loop's ring, and beside it the records of other threads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::kind::Kind;
use super::names::Names;
use super::record::Record;
use super::ring::Ring;

/// As many of the loop's records are kept, if nothing else was asked for: in 24 MiB at most.
pub(crate) const CAPACITY: usize = 1_000_000;

pub(crate) struct Recording {
    pub(crate) title: String,
    pub(crate) start: Instant,
    /// The processors there are.
    pub(crate) cpus: u32,
    pub(crate) ring: Arc<Ring>,
    pub(crate) names: Mutex<Names>,
    beside: Mutex<Beside>,
}

#[derive(Default)]
struct Beside {
    records: Vec<Record>,
    /// The loop of this recording lives in virtual time: records of threads get theirs when the loop takes them in.
    virtual_time: bool,
    /// When the section that is recorded was over: what is recorded of others may go on for long.
    ended: Option<u64>,
}

impl Recording {
    pub(crate) fn new(title: String, capacity: usize) -> Recording {
        // The clock starts last: the program has no part in what the recorder needs first.
        let (ring, names) = (Arc::new(Ring::new(capacity)), Mutex::new(Names::new()));
        let cpus = crate::pool::cpu_count() as u32;
        Recording {
            title,
            ring,
            names,
            cpus,
            beside: Mutex::default(),
            start: Instant::now(),
        }
    }

    pub(crate) fn names(&self) -> MutexGuard<'_, Names> {
        lock(&self.names)
    }

    pub(crate) fn now(&self) -> u64 {
        let elapsed = self.start.elapsed();
        // Not by 128 bits.
        elapsed.as_secs() * 1_000_000_000 + u64::from(elapsed.subsec_nanos())
    }

    /// Adds a record from outside of the loop. The time is read under the lock, so that records of one
    /// time are in order.
    pub(crate) fn add(&self, track: u16, kind: Kind, flags: u8, [a, b, c]: [u32; 3]) {
        let mut beside = lock(&self.beside);
        let t = self.now();
        beside.records.push(Record {
            t,
            kind,
            flags,
            track,
            a,
            b,
            c,
        });
    }

    /// Adds a record of something that began earlier.
    pub(crate) fn add_late(&self, t: u64, track: u16, kind: Kind, flags: u8, [a, b, c]: [u32; 3]) {
        lock(&self.beside).records.push(Record {
            t,
            kind,
            flags,
            track,
            a,
            b,
            c,
        });
    }

    /// The section is over.
    pub(crate) fn end(&self) {
        let mut beside = lock(&self.beside);
        beside.ended = Some(self.now());
    }

    /// How long it has been recorded, or was.
    pub(crate) fn length(&self) -> u64 {
        let ended = lock(&self.beside).ended;
        ended.unwrap_or_else(|| self.now())
    }

    pub(crate) fn set_virtual(&self) {
        lock(&self.beside).virtual_time = true;
    }

    pub(crate) fn is_virtual(&self) -> bool {
        lock(&self.beside).virtual_time
    }

    /// Takes what other threads have added, for a loop in virtual time to give it its own.
    pub(crate) fn take_beside(&self) -> Vec<Record> {
        std::mem::take(&mut lock(&self.beside).records)
    }

    pub(crate) fn beside(&self) -> Vec<Record> {
        let mut records = lock(&self.beside).records.clone();
        records.sort_by_key(|record| record.t);
        records
    }
}

/// A poisoned lock is used as it is: no code of ours panics while it holds one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
