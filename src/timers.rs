//! Timers in (deadline, sequence) order: equal deadlines fire in the order in which they were set.
//!
//! The far ones hang in a wheel, in no order; those of the current tick stand in a heap. A cancelled timer leaves its entry in
//! the heap or the wheel behind, which is dropped when it comes up or when such entries are the majority. Knows tickets, wakers
//! and callbacks, nothing of the loop.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::task::Waker;

use slab::Slab;

use crate::callback::Callback;
use crate::ticket::Ticket;
use crate::wheel::{Far, Wheel};

/// What happens when a timer's turn has come. What is larger than a word is in a box, so that a timer is 24 bytes.
pub(crate) enum Target {
    /// A task of this library steps.
    Task(Ticket),
    Waker(Box<Waker>),
    Callback(Box<Rc<Callback>>),
}

impl Target {
    /// Wakes `waker`, which is this ticket's if it is of this library.
    #[inline]
    pub(crate) fn wake(waker: &Waker, ticket: Option<Ticket>) -> Target {
        match ticket {
            Some(ticket) => Target::Task(ticket),
            None => Target::Waker(Box::new(waker.clone())),
        }
    }
}

/// Names one timer; stale once it ran or was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    slot: u32,
    /// The low half of the sequence number, enough to tell a reused slot.
    check: u32,
}

struct Entry {
    /// With [`DUE`] in it when it has left for the ready queue, where its item names it by its slot: until that comes up the slot
    /// is not used again.
    sequence: u64,
    /// `None` when it was cancelled after that.
    target: Option<Target>,
}

const DUE: u64 = 1 << 63;

impl Entry {
    fn is_due(&self) -> bool {
        self.sequence & DUE != 0
    }
}

/// Fewer stale entries than this are not worth a search.
const FEW: usize = 64;

type Near = Reverse<(u64, u64, u32)>;

#[derive(Default)]
pub(crate) struct Timers {
    near: BinaryHeap<Near>,
    far: Wheel,
    entries: Slab<Entry>,
    /// How many of the live ones are due.
    due: usize,
    /// Entries of cancelled timers in `near` and `far`.
    stale: usize,
}

impl Timers {
    /// `sequence` must grow from call to call, and `now` may not shrink.
    pub(crate) fn insert(
        &mut self,
        now: u64,
        deadline: u64,
        sequence: u64,
        target: Target,
    ) -> TimerKey {
        let check = sequence as u32;
        let slot = self.entries.insert(Entry {
            sequence,
            target: Some(target),
        }) as u32;
        self.far.follow(now);
        let timer = Far {
            deadline,
            slot,
            check,
        };
        if self.far.insert(timer).is_err() {
            self.near.push(Reverse((deadline, sequence, slot)));
        }
        TimerKey { slot, check }
    }

    /// Timers that are set and not yet due.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.due
    }

    /// No deadline is before this. It costs nothing to know.
    #[inline]
    pub(crate) fn earliest(&self) -> u64 {
        match self.near.peek() {
            Some(Reverse((deadline, ..))) => *deadline,
            None => self.far.begins().unwrap_or(u64::MAX),
        }
    }

    /// Deadline and sequence number of each timer that is set, the earliest first.
    pub(crate) fn deadlines(&self) -> Vec<(u64, u64)> {
        let near = self.near.iter().map(|Reverse(timer)| *timer);
        let near = near.filter(|(_, sequence, slot)| is_set(&self.entries, *slot, *sequence));
        let far = self.far.timers().filter_map(|timer| {
            let entry = alive(&self.entries, timer)?;
            Some((timer.deadline, entry.sequence))
        });
        let near = near.map(|(deadline, sequence, _)| (deadline, sequence));
        let mut set: Vec<_> = near.chain(far).collect();
        set.sort_unstable();
        set
    }

    /// The earliest deadline, and the sequence number of its timer.
    pub(crate) fn next(&mut self) -> Option<(u64, u64)> {
        if let Some((deadline, sequence)) = self.next_near() {
            return Some((deadline, sequence));
        }
        loop {
            let (timer, _) = self.far.first()?;
            if let Some(entry) = alive(&self.entries, &timer) {
                return Some((timer.deadline, entry.sequence));
            }
            self.sweep_first();
        }
    }

    /// When to wake for the next timer. Among many timers that may be the deadline of one that was cancelled, since a search
    /// for the earliest costs more than to wake in vain once.
    pub(crate) fn next_wake(&mut self) -> Option<u64> {
        if let Some((deadline, _)) = self.next_near() {
            return Some(deadline);
        }
        loop {
            let (timer, among) = self.far.first()?;
            if among > FEW || alive(&self.entries, &timer).is_some() {
                return Some(timer.deadline);
            }
            self.sweep_first();
        }
    }

    fn next_near(&mut self) -> Option<(u64, u64)> {
        loop {
            let &Reverse((deadline, sequence, slot)) = self.near.peek()?;
            if is_set(&self.entries, slot, sequence) {
                return Some((deadline, sequence));
            }
            self.near.pop();
            self.stale -= 1;
        }
    }

    /// The slot of the next timer whose deadline is not after `now`, with its deadline and sequence number. It stays live, and
    /// can be cancelled, until it is taken.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<(u32, u64, u64)> {
        while self.next_near().is_none() {
            let Timers {
                near,
                entries,
                stale,
                ..
            } = self;
            let turned = self.far.turn(now, |timer| match alive(entries, &timer) {
                Some(entry) => near.push(Reverse((timer.deadline, entry.sequence, timer.slot))),
                None => *stale -= 1,
            });
            if !turned {
                return None;
            }
        }
        if self.near.peek()?.0.0 > now {
            return None;
        }
        let Reverse((deadline, sequence, slot)) = self.near.pop()?;
        self.entries[slot as usize].sequence |= DUE;
        self.due += 1;
        Some((slot, deadline, sequence))
    }

    /// The item of a due timer has come up: the caller runs its target. With its sequence number; `None` if it was cancelled.
    pub(crate) fn take_due(&mut self, slot: u32) -> Option<(u64, Target)> {
        let entry = self.entries.remove(slot as usize);
        self.due -= 1;
        Some((entry.sequence & !DUE, entry.target?))
    }

    /// Cancels the timer, due or not: the caller drops its target (not under a borrow, since a drop may call back).
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<Target> {
        let entry = self.entries.get_mut(key.slot as usize)?;
        if entry.sequence as u32 != key.check {
            return None;
        }
        if entry.is_due() {
            return entry.target.take();
        }
        let entry = self.entries.remove(key.slot as usize);
        self.stale += 1;
        if self.stale > FEW && self.stale > self.entries.len() {
            self.sweep();
        }
        entry.target
    }

    pub(crate) fn is_live(&self, key: TimerKey) -> bool {
        let entry = self.entries.get(key.slot as usize);
        entry.is_some_and(|entry| entry.sequence as u32 == key.check && entry.target.is_some())
    }

    /// Makes a live timer wake `waker` from now on, as [`Target::wake`]; the caller drops what it returns.
    pub(crate) fn set_waker(
        &mut self,
        key: TimerKey,
        waker: &Waker,
        ticket: Option<Ticket>,
    ) -> Option<Target> {
        let target = &mut self.entries[key.slot as usize].target;
        match (&target, ticket) {
            (Some(Target::Waker(old)), None) if old.will_wake(waker) => None,
            _ => target.replace(Target::wake(waker, ticket)),
        }
    }

    /// The sequence number of a live timer.
    pub(crate) fn sequence(&self, key: TimerKey) -> u64 {
        self.entries[key.slot as usize].sequence & !DUE
    }

    fn sweep_first(&mut self) {
        let entries = &self.entries;
        self.stale -= self
            .far
            .sweep_first(|timer| alive(entries, timer).is_some());
    }

    /// Apart, since most cancellations do without.
    #[inline(never)]
    fn sweep(&mut self) {
        let entries = &self.entries;
        self.near
            .retain(|&Reverse((_, sequence, slot))| is_set(entries, slot, sequence));
        self.far.sweep(|timer| alive(entries, timer).is_some());
        self.stale = 0;
    }
}

fn alive<'a>(entries: &'a Slab<Entry>, timer: &Far) -> Option<&'a Entry> {
    let entry = entries.get(timer.slot as usize)?;
    (entry.sequence as u32 == timer.check).then_some(entry)
}

fn is_set(entries: &Slab<Entry>, slot: u32, sequence: u64) -> bool {
    let entry = entries.get(slot as usize);
    entry.is_some_and(|entry| entry.sequence == sequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn noop() -> Target {
        Target::wake(Waker::noop(), None)
    }

    fn timers(deadlines: &[u64]) -> (Timers, Vec<TimerKey>) {
        let mut timers = Timers::default();
        let keys = (0..)
            .zip(deadlines)
            .map(|(i, &d)| timers.insert(0, d, i, noop()))
            .collect();
        (timers, keys)
    }

    fn fire(timers: &mut Timers, now: u64) -> Vec<u64> {
        let mut fired = Vec::new();
        while let Some((slot, _, sequence)) = timers.pop_due(now) {
            assert!(timers.take_due(slot).is_some());
            fired.push(sequence);
        }
        fired
    }

    #[test]
    fn they_fire_in_order_of_deadline_and_sequence() {
        for unit in [1, 1 << 10, 1 << 20, 1 << 40, u64::MAX / 30] {
            let (mut timers, _) = timers(&[30, 10, 20, 10, 30, 10].map(|n| n * unit));
            assert_eq!(fire(&mut timers, 10 * unit - 1), [0; 0]);
            assert_eq!(timers.next(), Some((10 * unit, 1)));
            assert_eq!(fire(&mut timers, 20 * unit), [1, 3, 5, 2]);
            assert_eq!(timers.next(), Some((30 * unit, 0)));
            assert_eq!(fire(&mut timers, u64::MAX), [0, 4]);
            assert_eq!(timers.len(), 0);
        }
    }

    #[test]
    fn a_due_timer_can_be_cancelled_until_it_is_taken() {
        let (mut timers, keys) = timers(&[10]);
        let (slot, ..) = timers.pop_due(10).unwrap();
        assert_eq!(slot, keys[0].slot);
        assert!(timers.is_live(keys[0]));
        assert_eq!(timers.len(), 0);
        assert!(timers.cancel(keys[0]).is_some());
        assert!(timers.cancel(keys[0]).is_none());
        assert!(!timers.is_live(keys[0]));
    }

    #[test]
    fn the_slot_of_a_cancelled_due_timer_is_not_used_before_its_item_comes_up() {
        let (mut timers, keys) = timers(&[10]);
        let (slot, ..) = timers.pop_due(10).unwrap();
        assert!(timers.cancel(keys[0]).is_some());
        assert_ne!(timers.insert(0, 20, 1, noop()).slot, slot);
        assert!(timers.take_due(slot).is_none());
        assert_eq!(timers.insert(0, 30, 2, noop()).slot, slot);
        assert_eq!(timers.len(), 2);
    }

    #[test]
    fn a_stale_key_does_not_touch_the_slot_s_next_owner() {
        for unit in [1, 1 << 20, 1 << 40] {
            let (mut timers, keys) = timers(&[10 * unit]);
            assert!(timers.cancel(keys[0]).is_some());
            let next = timers.insert(0, 5 * unit, 1, noop());
            assert_eq!(next.slot, keys[0].slot);
            assert!(timers.cancel(keys[0]).is_none());
            assert_eq!(timers.next(), Some((5 * unit, 1)));
            assert_eq!(timers.next_wake(), Some(5 * unit));
        }
    }

    #[test]
    fn cancelled_timers_do_not_pile_up() {
        for unit in [1, 1 << 14, 1 << 40] {
            let (mut timers, keys) = timers(&(0..1000).map(|n| n * unit).collect::<Vec<_>>());
            for key in &keys[1..] {
                timers.cancel(*key);
            }
            assert_eq!(timers.len(), 1);
            assert!(timers.stale <= FEW);
            assert_eq!(timers.next(), Some((0, 0)));
        }
    }

    #[test]
    fn many_cancelled_ones_cost_at_most_a_wake_in_vain() {
        let (mut timers, keys) = timers(&(1..200).map(|n| (1 << 40) + n).collect::<Vec<_>>());
        timers.cancel(keys[0]);
        assert_eq!(timers.next_wake(), Some((1 << 40) + 1));
        assert_eq!(fire(&mut timers, (1 << 40) + 1), [0; 0]);
        assert_eq!(timers.next_wake(), Some((1 << 40) + 2));
    }

    /// A hundred thousand random operations, beside a sorted map that does the same.
    #[test]
    fn they_agree_with_a_sorted_map() {
        let mut random = 88172645463325252_u64;
        let mut draw = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        let mut timers = Timers::default();
        let mut model = BTreeMap::new();
        let mut now = 0_u64;
        for sequence in 0..100_000 {
            match draw() % 8 {
                0..4 => {
                    let delay = draw() >> (16 + draw() % 48);
                    let deadline = now + delay;
                    let key = timers.insert(now, deadline, sequence, noop());
                    model.insert((deadline, sequence), key);
                }
                4 | 5 => {
                    let from = (now + (draw() >> (16 + draw() % 48)), 0);
                    let found = model.range(from..).next().map(|(at, key)| (*at, *key));
                    if let Some((at, key)) = found {
                        model.remove(&at);
                        assert!(timers.cancel(key).is_some());
                    }
                }
                6 => now += draw() >> (20 + draw() % 44),
                _ => {
                    if let Some((&(deadline, _), _)) = model.first_key_value() {
                        now = now.max(deadline);
                    }
                }
            }
            let mut due = Vec::new();
            while let Some(first) = model.first_entry().filter(|first| first.key().0 <= now) {
                due.push(first.remove_entry().0.1);
            }
            assert_eq!(fire(&mut timers, now), due);
            assert_eq!(timers.len(), model.len());
            let first = model.first_key_value().map(|(at, _)| *at);
            assert!(timers.earliest() <= first.map_or(u64::MAX, |at| at.0));
            if sequence % 3 == 0 {
                assert!(timers.next_wake() <= first.map(|at| at.0) || first.is_none());
                assert_eq!(timers.next().map(|next| next.0), first.map(|at| at.0));
            }
        }
    }
}
