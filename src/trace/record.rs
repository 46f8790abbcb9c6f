//! One record of a trace.

use super::kind::Kind;

/// Something that happened. What `flags`, `a`, `b` and `c` mean depends on the kind; see the module's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Nanoseconds since the start of the recording. Records of one moment share it; their order is that of the list.
    pub t: u64,
    /// What happened.
    pub kind: Kind,
    /// A detail, or several bits.
    pub flags: u8,
    /// Where: the loop, a thread, a process.
    pub track: u16,
    /// The first number.
    pub a: u32,
    /// The second number.
    pub b: u32,
    /// The third number.
    pub c: u32,
}

impl Record {
    /// A 64-bit value in `a` and `b`.
    pub fn wide_ab(&self) -> u64 {
        u64::from(self.a) | u64::from(self.b) << 32
    }

    /// A 64-bit value in `b` and `c`.
    pub fn wide_bc(&self) -> u64 {
        u64::from(self.b) | u64::from(self.c) << 32
    }
}

/// The two halves of a 64-bit value, the low one first.
pub(crate) fn halves(value: u64) -> (u32, u32) {
    (value as u32, (value >> 32) as u32)
}
