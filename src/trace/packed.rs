//! How records lie in the ring: in one to three words, mostly in one, since new memory is the dearest part of a record.
//!
//! The first word has kind, flags and `a`. `b` and `c` follow only if they are not 0 ([`TAIL`]). Time and track are told by 16 bits,
//! the nanoseconds since the record before; a record that is WHOLE has its track there, and its time in a word of its own: the
//! first of a block, what comes after more than 65 µs, and what is not of the loop's track.

use super::kind::Kind;
use super::record::Record;

/// The most words that a record takes.
pub(crate) const MOST: usize = 3;

const WHOLE: u64 = 1 << 6;
const TAIL_BIT: u32 = 7;
const TAIL: u64 = 1 << TAIL_BIT;

const _: () = assert!(Kind::ALL.len() <= WHOLE as usize);

/// The first word, without time and track.
#[inline(always)]
pub(crate) fn head(kind: Kind, flags: u8, a: u32) -> u64 {
    kind as u64 | u64::from(flags) << 8 | u64::from(a) << 32
}

/// The last word, unless it is 0.
#[inline(always)]
pub(crate) fn tail(b: u32, c: u32) -> u64 {
    u64::from(b) | u64::from(c) << 32
}

/// The two words of a record that comes so many nanoseconds after the one before, and how many of them count. `None` if it has to
/// be whole.
#[inline(always)]
pub(crate) fn short(head: u64, since: u64, tail: u64) -> Option<([u64; 2], u64)> {
    let has_tail = u64::from(tail != 0);
    let head = head | since << 16 | has_tail << TAIL_BIT;
    (since <= u16::MAX.into()).then_some(([head, tail], 1 + has_tail))
}

/// The words of a record that is whole, and how many they are.
pub(crate) fn whole(head: u64, t: u64, track: u16, tail: u64) -> ([u64; MOST], usize) {
    let head = head | WHOLE | u64::from(track) << 16;
    match tail {
        0 => ([head, t, 0], 2),
        tail => ([head | TAIL, t, tail], 3),
    }
}

/// Makes records of words again.
#[derive(Clone, Copy, Default)]
pub(crate) struct Unpacker {
    /// The time of the record before.
    t: u64,
}

impl Unpacker {
    /// The next record; `None` where there is none, or what stands there is no record. What is not whole is of the `track`.
    #[inline]
    pub(crate) fn next(
        &mut self,
        words: &mut impl Iterator<Item = u64>,
        track: u16,
    ) -> Option<Record> {
        // A word of 0 fills a block up: the one kind whose number is 0 says the process.
        let head = words.next().filter(|head| *head != 0)?;
        let kind = Kind::from_number(head as u8 & (WHOLE - 1) as u8)?;
        let since = (head >> 16) as u16;
        let track = match head & WHOLE {
            0 => {
                self.t += u64::from(since);
                track
            }
            _ => {
                self.t = words.next()?;
                since
            }
        };
        let tail = match head & TAIL {
            0 => 0,
            _ => words.next()?,
        };
        Some(Record {
            t: self.t,
            kind,
            flags: (head >> 8) as u8,
            track,
            a: (head >> 32) as u32,
            b: tail as u32,
            c: (tail >> 32) as u32,
        })
    }
}
