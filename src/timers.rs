//! Timers in (deadline, sequence) order: equal deadlines fire in the order in which they were set.
//!
//! A heap with lazy cancellation: a cancelled timer leaves its heap entry behind, which is dropped when it comes to the
//! head or when such entries are the majority. Knows wakers and callbacks, nothing of the loop.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::task::Waker;

use slab::Slab;

use crate::callback::Callback;

/// What happens when a timer's turn has come.
pub(crate) enum Target {
    Waker(Waker),
    Callback(Rc<Callback>),
}

/// Names one timer; stale once it ran or was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    slot: u32,
    /// The low half of the sequence number, enough to tell a reused slot.
    check: u32,
}

struct Entry {
    sequence: u64,
    /// It has left the heap for the ready queue.
    due: bool,
    target: Target,
}

/// Below this many stale entries a rebuild of the heap is not worth its while.
const FEW: usize = 64;

#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    entries: Slab<Entry>,
    stale: usize,
}

impl Timers {
    /// `sequence` must grow from call to call.
    pub(crate) fn insert(&mut self, deadline: u64, sequence: u64, target: Target) -> TimerKey {
        let slot = self.entries.insert(Entry {
            sequence,
            due: false,
            target,
        }) as u32;
        self.heap.push(Reverse((deadline, sequence, slot)));
        TimerKey {
            slot,
            check: sequence as u32,
        }
    }

    /// Timers that are set and not yet due.
    pub(crate) fn len(&self) -> usize {
        self.heap.len() - self.stale
    }

    /// No deadline is before this; it may be of a cancelled timer.
    pub(crate) fn earliest(&self) -> u64 {
        self.heap.peek().map_or(u64::MAX, |Reverse(first)| first.0)
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&mut self) -> Option<u64> {
        self.next().map(|(deadline, _)| deadline)
    }

    /// The earliest deadline, and the sequence number of its timer.
    pub(crate) fn next(&mut self) -> Option<(u64, u64)> {
        loop {
            let &Reverse((deadline, sequence, slot)) = self.heap.peek()?;
            if self.is_set(slot, sequence) {
                return Some((deadline, sequence));
            }
            self.heap.pop();
            self.stale -= 1;
        }
    }

    /// The next timer whose deadline is not after `now`, with its deadline and sequence number. It stays live, and can be
    /// cancelled, until it is taken.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<(TimerKey, u64, u64)> {
        if self.next_deadline()? > now {
            return None;
        }
        let Reverse((deadline, sequence, slot)) = self.heap.pop()?;
        self.entries[slot as usize].due = true;
        let check = sequence as u32;
        Some((TimerKey { slot, check }, deadline, sequence))
    }

    /// Takes the timer out, due or not, with its sequence number: the caller runs its target, or drops it (not under a borrow,
    /// since a drop may call back).
    pub(crate) fn take(&mut self, key: TimerKey) -> Option<(u64, Target)> {
        if !self.is_live(key) {
            return None;
        }
        let entry = self.entries.remove(key.slot as usize);
        if !entry.due {
            self.stale += 1;
            if self.stale > FEW && self.stale * 2 > self.heap.len() {
                self.rebuild();
            }
        }
        Some((entry.sequence, entry.target))
    }

    pub(crate) fn is_live(&self, key: TimerKey) -> bool {
        self.entries
            .get(key.slot as usize)
            .is_some_and(|entry| entry.sequence as u32 == key.check)
    }

    /// Makes a live timer wake `waker` from now on; returns the one it would have woken if that was another.
    pub(crate) fn set_waker(&mut self, key: TimerKey, waker: &Waker) -> Option<Target> {
        let target = &mut self.entries[key.slot as usize].target;
        match target {
            Target::Waker(old) if old.will_wake(waker) => None,
            _ => Some(std::mem::replace(target, Target::Waker(waker.clone()))),
        }
    }

    /// The sequence number of a live timer.
    pub(crate) fn sequence(&self, key: TimerKey) -> u64 {
        self.entries[key.slot as usize].sequence
    }

    fn is_set(&self, slot: u32, sequence: u64) -> bool {
        self.entries
            .get(slot as usize)
            .is_some_and(|entry| entry.sequence == sequence)
    }

    fn rebuild(&mut self) {
        let mut heap = std::mem::take(&mut self.heap).into_vec();
        heap.retain(|&Reverse((_, sequence, slot))| self.is_set(slot, sequence));
        self.heap = heap.into();
        self.stale = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timers(deadlines: &[u64]) -> (Timers, Vec<TimerKey>) {
        let mut timers = Timers::default();
        let keys = (0..)
            .zip(deadlines)
            .map(|(i, &d)| timers.insert(d, i, Target::Waker(Waker::noop().clone())))
            .collect();
        (timers, keys)
    }

    fn fire(timers: &mut Timers, now: u64) -> Vec<u64> {
        let mut fired = Vec::new();
        while let Some((key, _, sequence)) = timers.pop_due(now) {
            assert!(timers.take(key).is_some());
            fired.push(sequence);
        }
        fired
    }

    #[test]
    fn they_fire_in_order_of_deadline_and_sequence() {
        let (mut timers, _) = timers(&[30, 10, 20, 10, 30, 10]);
        assert_eq!(fire(&mut timers, 9), [0; 0]);
        assert_eq!(fire(&mut timers, 20), [1, 3, 5, 2]);
        assert_eq!(fire(&mut timers, u64::MAX), [0, 4]);
        assert_eq!(timers.len(), 0);
    }

    #[test]
    fn a_due_timer_can_be_cancelled_until_it_is_taken() {
        let (mut timers, keys) = timers(&[10]);
        let (key, ..) = timers.pop_due(10).unwrap();
        assert_eq!(key, keys[0]);
        assert!(timers.is_live(key));
        assert!(timers.take(key).is_some());
        assert!(timers.take(key).is_none());
    }

    #[test]
    fn a_stale_key_does_not_touch_the_slot_s_next_owner() {
        let (mut timers, keys) = timers(&[10]);
        assert!(timers.take(keys[0]).is_some());
        let next = timers.insert(5, 1, Target::Waker(Waker::noop().clone()));
        assert_eq!(next.slot, keys[0].slot);
        assert!(timers.take(keys[0]).is_none());
        assert_eq!(timers.next_deadline(), Some(5));
    }

    #[test]
    fn cancelled_timers_do_not_pile_up() {
        let (mut timers, keys) = timers(&(0..1000).collect::<Vec<_>>());
        for key in &keys[1..] {
            timers.take(*key);
        }
        assert_eq!(timers.len(), 1);
        assert!(timers.heap.len() <= 2 * FEW + 2);
        assert_eq!(timers.next_deadline(), Some(0));
    }
}
