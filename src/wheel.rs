//! Timers that are still far: a wheel of wheels. To put one in, and to move it on, is an append to a list, however many there are.
//!
//! Time is counted in ticks of 65.5 us. A timer hangs in the level of the highest group of six bits in which its tick differs
//! from the wheel's, in the slot that this group names. When the wheel's time comes to a slot, the slot's timers move to lower
//! levels, and those of its first tick leave the wheel. Knows nothing of what they are for: a cancelled timer is one that
//! `alive` denies.

use std::mem;

/// A timer in the wheel.
#[derive(Clone, Copy, Default)]
pub(crate) struct Far {
    pub(crate) deadline: u64,
    pub(crate) slot: u32,
    pub(crate) check: u32,
}

const TICK_BITS: u32 = 16;
const GROUP_BITS: u32 = 6;
const SLOTS: usize = 1 << GROUP_BITS;

/// A slot's memory is kept for its next timers if it is for no more than so many.
const KEPT: usize = 16;

#[derive(Default)]
struct Slot {
    timers: Vec<Far>,
    /// Of the timers that were put in, the one with the earliest deadline; it may be cancelled.
    earliest: Far,
}

struct Level {
    /// A bit for each slot that has timers.
    occupied: u64,
    slots: [Slot; SLOTS],
}

#[derive(Default)]
pub(crate) struct Wheel {
    /// All timers up to this tick have left the wheel.
    tick: u64,
    /// The tick at which the first occupied slot begins.
    first: Option<u64>,
    levels: Vec<Level>,
}

impl Wheel {
    /// Gives a timer back that is not after the wheel's time.
    pub(crate) fn insert(&mut self, timer: Far) -> Result<(), Far> {
        let tick = timer.deadline >> TICK_BITS;
        if tick <= self.tick {
            return Err(timer);
        }
        let level = (tick ^ self.tick).ilog2() / GROUP_BITS;
        if self.levels.len() <= level as usize {
            self.add_levels(level as usize);
        }
        let shift = level * GROUP_BITS;
        let i = (tick >> shift) as usize % SLOTS;
        let level = &mut self.levels[level as usize];
        let slot = &mut level.slots[i];
        if slot.timers.is_empty() || timer.deadline < slot.earliest.deadline {
            slot.earliest = timer;
        }
        slot.timers.push(timer);
        level.occupied |= 1 << i;
        let begins = tick >> shift << shift;
        self.first = Some(self.first.map_or(begins, |first| first.min(begins)));
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn add_levels(&mut self, highest: usize) {
        self.levels.resize_with(highest + 1, || Level {
            occupied: 0,
            slots: std::array::from_fn(|_| Slot::default()),
        });
    }

    /// The wheel's time follows the clock as far as that moves no timer, so that the next ones hang as low as can be.
    pub(crate) fn follow(&mut self, now: u64) {
        let now = now >> TICK_BITS;
        if self.first.is_none_or(|first| now < first) {
            self.tick = self.tick.max(now);
        }
    }

    /// All timers in it, in no order.
    pub(crate) fn timers(&self) -> impl Iterator<Item = &Far> {
        let slots = self.levels.iter().flat_map(|level| &level.slots);
        slots.flat_map(|slot| &slot.timers)
    }

    /// When the first occupied slot begins: no deadline is before.
    pub(crate) fn begins(&self) -> Option<u64> {
        self.first.map(|tick| tick << TICK_BITS)
    }

    /// Turns to the first occupied slot, if it has begun at `now`, and gives the timers of its first tick to `near`; false when
    /// it has not.
    pub(crate) fn turn(&mut self, now: u64, mut near: impl FnMut(Far)) -> bool {
        let begun = self.first.filter(|&first| first <= now >> TICK_BITS);
        let (Some(tick), Some((level, i))) = (begun, self.first_slot()) else {
            return false;
        };
        self.tick = tick;
        let mut timers = mem::take(&mut self.levels[level].slots[i].timers);
        self.vacate(level, i);
        for timer in timers.drain(..) {
            if let Err(timer) = self.insert(timer) {
                near(timer);
            }
        }
        if timers.capacity() <= KEPT {
            self.levels[level].slots[i].timers = timers;
        }
        true
    }

    /// The earliest timer of the first occupied slot, and how many hang there; it may be cancelled.
    pub(crate) fn first(&self) -> Option<(Far, usize)> {
        let (level, i) = self.first_slot()?;
        let slot = &self.levels[level].slots[i];
        Some((slot.earliest, slot.timers.len()))
    }

    /// Drops the cancelled timers of the first occupied slot. Returns how many there were.
    pub(crate) fn sweep_first(&mut self, alive: impl Fn(&Far) -> bool) -> usize {
        match self.first_slot() {
            Some((level, i)) => self.sweep_slot(level, i, &alive),
            None => 0,
        }
    }

    /// Drops all cancelled timers. Returns how many there were.
    pub(crate) fn sweep(&mut self, alive: impl Fn(&Far) -> bool) -> usize {
        let mut dropped = 0;
        for level in 0..self.levels.len() {
            let mut left = self.levels[level].occupied;
            while left != 0 {
                let i = left.trailing_zeros() as usize;
                left &= left - 1;
                dropped += self.sweep_slot(level, i, &alive);
            }
        }
        dropped
    }

    fn sweep_slot(&mut self, level: usize, i: usize, alive: &impl Fn(&Far) -> bool) -> usize {
        let slot = &mut self.levels[level].slots[i];
        let before = slot.timers.len();
        slot.timers.retain(alive);
        let left = slot.timers.len();
        match slot.timers.iter().min_by_key(|timer| timer.deadline) {
            Some(earliest) => slot.earliest = *earliest,
            None => self.vacate(level, i),
        }
        before - left
    }

    fn vacate(&mut self, level: usize, i: usize) {
        self.levels[level].occupied &= !(1 << i);
        self.first = self.first_slot().map(|(level, i)| {
            let shift = level as u32 * GROUP_BITS;
            let above = self.tick >> shift >> GROUP_BITS << GROUP_BITS;
            (above | i as u64) << shift
        });
    }

    /// In the lowest level that has timers, since those of the higher ones are later.
    fn first_slot(&self) -> Option<(usize, usize)> {
        let level = self.levels.iter().position(|level| level.occupied != 0)?;
        Some((level, self.levels[level].occupied.trailing_zeros() as usize))
    }
}
