//! A ticket names one task of one loop in one word; it owns nothing.
//!
//! Wakers carry tickets instead of pointers, so a clone costs nothing, a forgotten one leaks nothing, and a stale one
//! is recognised by its generation. At worst it causes one spurious poll, which every future must bear.

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "glassloop's wakers pack loop, generation and slot into one 64-bit word; 32-bit targets are not supported"
);

const SLOT_BITS: u32 = 24;
const GENERATION_BITS: u32 = 24;
const MASK: u64 = (1 << 24) - 1;

/// The most tasks that one loop can hold at a time.
pub(crate) const MAX_TASKS: usize = 1 << SLOT_BITS;

/// Loop (16 bits), generation (24) and slot (24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl Ticket {
    /// The generation is the low part of the task's number.
    pub(crate) fn new(loop_id: u16, number: u64, slot: usize) -> Ticket {
        debug_assert!(slot < MAX_TASKS);
        Ticket(
            (loop_id as u64) << (SLOT_BITS + GENERATION_BITS)
                | (number & MASK) << SLOT_BITS
                | slot as u64,
        )
    }

    pub(crate) fn loop_id(self) -> u16 {
        (self.0 >> (SLOT_BITS + GENERATION_BITS)) as u16
    }

    pub(crate) fn slot(self) -> usize {
        (self.0 & MASK) as usize
    }

    pub(crate) fn generation(self) -> u32 {
        ((self.0 >> SLOT_BITS) & MASK) as u32
    }

    pub(crate) fn to_word(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn from_word(word: usize) -> Ticket {
        Ticket(word as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_keeps_its_three_parts_apart() {
        let ticket = Ticket::new(0xFFFF, (7 << 24) | 5, MAX_TASKS - 1);
        assert_eq!(ticket.loop_id(), 0xFFFF);
        assert_eq!(ticket.slot(), MAX_TASKS - 1);
        assert_eq!(ticket.generation(), 5);
        assert_eq!(Ticket::from_word(ticket.to_word()), ticket);
    }
}
