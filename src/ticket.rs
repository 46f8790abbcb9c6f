//! A ticket names one task of one loop in one word; it owns nothing.
//!
//! Wakers carry tickets instead of pointers, so a clone costs nothing, a forgotten one leaks nothing, and a stale one
//! is recognised by its generation. At worst it causes one spurious poll, which every future must bear.

use std::num::{NonZeroU16, NonZeroU64};

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "glassloop's wakers pack loop, generation and slot into one 64-bit word; 32-bit targets are not supported"
);

const SLOT_BITS: u32 = 24;
const GENERATION_BITS: u32 = 24;
const LOOP_BITS: u32 = 16;

/// The most tasks that one loop can hold at a time.
pub(crate) const MAX_TASKS: usize = 1 << SLOT_BITS;

/// From the top: slot (24 bits), generation (24), loop (16). Never zero, since loops count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(NonZeroU64);

impl Ticket {
    /// The generation is the low part of the task's number.
    pub(crate) fn new(loop_id: NonZeroU16, number: u64, slot: usize) -> Ticket {
        debug_assert!(slot < MAX_TASKS);
        let generation = number & ((1 << GENERATION_BITS) - 1);
        let place = (slot as u64) << GENERATION_BITS | generation;
        Ticket(NonZeroU64::from(loop_id) | place << LOOP_BITS)
    }

    pub(crate) fn loop_id(self) -> u16 {
        self.0.get() as u16
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0.get() >> LOOP_BITS) as u32 & ((1 << GENERATION_BITS) - 1)
    }

    pub(crate) fn slot(self) -> usize {
        (self.0.get() >> (LOOP_BITS + GENERATION_BITS)) as usize
    }

    pub(crate) fn to_word(self) -> usize {
        self.0.get() as usize
    }

    /// `None` for a word that is no ticket's.
    pub(crate) fn from_word(word: usize) -> Option<Ticket> {
        NonZeroU64::new(word as u64).map(Ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_keeps_its_three_parts_apart() {
        let ticket = Ticket::new(NonZeroU16::MAX, (7 << 24) | 5, MAX_TASKS - 1);
        assert_eq!(ticket.loop_id(), 0xFFFF);
        assert_eq!(ticket.slot(), MAX_TASKS - 1);
        assert_eq!(ticket.generation(), 5);
        assert_eq!(Ticket::from_word(ticket.to_word()), Some(ticket));
        assert_eq!(Ticket::from_word(0), None);
    }
}
