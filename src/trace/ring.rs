//! Where the loop's records go: a ring of the last so many, written by the loop's thread and readable from any other, so that it
//! can be dumped while a step blocks the loop.
//!
//! The [`Writer`] only stores words and moves `written` on. At the end of a block it takes the lock of `fallen`, replays the block
//! that it is about to overwrite into the state kept there, and so the ring's rest can always be understood by itself. A reader
//! holds that lock: what it reads cannot be overwritten meanwhile.
//!
//! The system gives new memory page by page when it is first written to, which takes long. So it is taken and cleared before: the
//! first blocks before the recording begins, the others, several at a time, by a thread while those before fill.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use super::packed::{MOST, Unpacker, head, short, tail, whole};
use super::record::Record;
use super::state::State;

/// Words that fall out together: 64 KiB, which hold 2,730 records or up to three times as many.
const BLOCK: usize = 8192;

/// Records that a block holds at least: its last words may be left over.
const RECORDS: usize = (BLOCK - MOST + 1) / MOST;

/// Blocks whose memory is taken together: 1.5 MiB.
const TOGETHER: usize = 24;

type Block = Box<[AtomicU64; BLOCK]>;

fn new_block() -> Block {
    let words = (0..BLOCK).map(|_| AtomicU64::new(0));
    let words: Box<[AtomicU64]> = words.collect();
    words.try_into().expect("as many words as a block has")
}

pub(crate) struct Ring {
    blocks: Arc<[OnceLock<Block>]>,
    /// So many of the last records are shown.
    keep: usize,
    /// The track of all records that do not say theirs.
    track: AtomicU16,
    /// Words, those that were left over with them.
    written: AtomicU64,
    fallen: Mutex<Fallen>,
}

/// The records that the ring holds no longer.
#[derive(Clone, Default)]
pub(crate) struct Fallen {
    /// How many.
    pub(crate) count: u64,
    /// What they had led to.
    pub(crate) state: State,
    end: Position,
}

/// How far the words have been read.
#[derive(Clone, Copy, Default)]
pub(crate) struct Position {
    /// Of the next word.
    index: u64,
    /// Records before it.
    count: u64,
    unpacker: Unpacker,
}

impl Ring {
    /// It keeps the last `keep` records, and as many more as fit its memory.
    pub(crate) fn new(keep: usize) -> Ring {
        let blocks = (0..keep.div_ceil(RECORDS).max(1) + 1).map(|_| OnceLock::new());
        let blocks: Arc<[OnceLock<Block>]> = blocks.collect();
        take(&blocks, 0);
        Ring {
            blocks,
            keep,
            track: AtomicU16::new(0),
            written: AtomicU64::new(0),
            fallen: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Fallen> {
        self.fallen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The block that this word is in, if its memory was taken.
    fn block(&self, index: u64) -> Option<&[AtomicU64; BLOCK]> {
        let number = index / BLOCK as u64 % self.blocks.len() as u64;
        Some(self.blocks[number as usize].get()?)
    }

    /// Reads on, up to the word with this index.
    fn read(&self, position: &mut Position, until: u64, mut each: impl FnMut(Record)) {
        let track = self.track.load(Ordering::Relaxed);
        while position.index < until
            && let Some(block) = self.block(position.index)
        {
            let first = position.index as usize % BLOCK;
            let words = (until - position.index).min((BLOCK - first) as u64);
            let all = &block[first..first + words as usize];
            let mut all = all.iter().map(|word| word.load(Ordering::Relaxed));
            while let Some(record) = position.unpacker.next(&mut all, track) {
                position.count += 1;
                each(record);
            }
            position.index += words;
        }
    }

    /// The records from that position on, and how many between the two have fallen out. The position moves on.
    pub(crate) fn since(&self, position: &mut Position) -> (u64, Vec<Record>) {
        let fallen = self.lock();
        let lost = fallen.count.saturating_sub(position.count);
        if position.index < fallen.end.index {
            *position = fallen.end;
        }
        let mut records = Vec::new();
        let written = self.written.load(Ordering::Acquire);
        self.read(position, written, |record| records.push(record));
        (lost, records)
    }

    /// The last records that are kept, and what was before them.
    pub(crate) fn contents(&self) -> (Fallen, Vec<Record>) {
        let fallen = self.lock();
        let mut before = fallen.clone();
        let (mut kept, mut position) = (VecDeque::new(), before.end);
        let written = self.written.load(Ordering::Acquire);
        self.read(&mut position, written, |record| {
            kept.push_back(record);
            if kept.len() > self.keep
                && let Some(older) = kept.pop_front()
            {
                before.state.apply(&older);
                before.count += 1;
            }
        });
        (before, kept.into())
    }
}

/// Takes the memory of the blocks from `first` on that are taken together.
fn take(blocks: &[OnceLock<Block>], first: usize) {
    for block in blocks.iter().skip(first).take(TOGETHER) {
        block.get_or_init(new_block);
    }
}

/// The half of the ring that the loop's thread has.
pub(crate) struct Writer {
    ring: Arc<Ring>,
    /// The number of the block that is being filled.
    block: Cell<usize>,
    /// The time of the last record.
    last: Cell<u64>,
}

impl Writer {
    /// There may be one of each ring.
    pub(crate) fn new(ring: Arc<Ring>) -> Writer {
        Writer {
            ring,
            block: Cell::new(0),
            last: Cell::new(0),
        }
    }

    /// From now on this is the loop's track.
    pub(crate) fn set_track(&self, track: u16) {
        self.ring.track.store(track, Ordering::Relaxed);
    }

    /// Adds a record of the loop's track: its [`head`], and its tail if it has one.
    #[inline(always)]
    pub(crate) fn push(&self, t: u64, head: u64, tail: u64) {
        let written = self.ring.written.load(Ordering::Relaxed);
        let at = written as usize % BLOCK;
        if let Some((words, count)) = short(head, t.wrapping_sub(self.last.get()), tail)
            && (1..=BLOCK - MOST).contains(&at)
            && let Some(block) = self.ring.blocks.get(self.block.get())
            && let Some(block) = block.get()
        {
            // Both in any case: the next record begins at the second one if that does not count.
            block[at].store(words[0], Ordering::Relaxed);
            block[at + 1].store(words[1], Ordering::Relaxed);
            self.last.set(t);
            self.ring.written.store(written + count, Ordering::Release);
        } else {
            let track = self.ring.track.load(Ordering::Relaxed);
            self.push_whole(t, head, track, tail);
        }
    }

    /// Adds a record of whatever track.
    pub(crate) fn push_record(&self, record: &Record) {
        let head = head(record.kind, record.flags, record.a);
        let tail = tail(record.b, record.c);
        self.push_whole(record.t, head, record.track, tail);
    }

    #[cold]
    #[inline(never)]
    fn push_whole(&self, t: u64, head: u64, track: u16, tail: u64) {
        let mut written = self.ring.written.load(Ordering::Relaxed);
        if written as usize % BLOCK + MOST > BLOCK {
            written = self.fill_up(written);
        }
        if written as usize % BLOCK == 0 {
            self.begin_block(written);
        }
        let (words, count) = whole(head, t, track, tail);
        if let Some(block) = self.ring.block(written) {
            let places = block[written as usize % BLOCK..].iter();
            for (place, word) in places.zip(&words[..count]) {
                place.store(*word, Ordering::Relaxed);
            }
        }
        self.last.set(t);
        let written = written + count as u64;
        self.ring.written.store(written, Ordering::Release);
    }

    /// Nothing stands in the rest of this block.
    fn fill_up(&self, mut written: u64) -> u64 {
        while written as usize % BLOCK != 0 {
            if let Some(block) = self.ring.block(written) {
                block[written as usize % BLOCK].store(0, Ordering::Relaxed);
            }
            written += 1;
        }
        written
    }

    fn begin_block(&self, index: u64) {
        let blocks = &self.ring.blocks;
        let lap = (blocks.len() * BLOCK) as u64;
        let number = (index / BLOCK as u64 % blocks.len() as u64) as usize;
        if index >= lap {
            self.let_fall(index - lap + BLOCK as u64);
        } else if number % TOGETHER == TOGETHER / 2 {
            self.take_ahead(number / TOGETHER * TOGETHER + TOGETHER);
        }
        blocks[number].get_or_init(new_block);
        self.block.set(number);
    }

    /// Has a thread take the memory of the next blocks.
    fn take_ahead(&self, first: usize) {
        if first >= self.ring.blocks.len() {
            return;
        }
        let blocks = self.ring.blocks.clone();
        let thread = thread::Builder::new().name("glassloop ring".to_owned());
        // Without a thread each block is taken when it is needed.
        let _ = thread.spawn(move || take(&blocks, first));
    }

    /// Up to this word.
    fn let_fall(&self, until: u64) {
        let Fallen { count, state, end } = &mut *self.ring.lock();
        self.ring.read(end, until, |record| state.apply(&record));
        *count = end.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::kind::Kind;

    /// Of all forms: with and without a tail, soon and long after the one before, of the loop's track and of others.
    fn records(count: u32) -> Vec<Record> {
        let mut t = 0;
        let record = |i: u32| {
            t += [0, 0, 1, 65_535, 65_536, 0, 1 << 40, 0][i as usize % 8];
            Record {
                t,
                kind: Kind::ALL[1 + i as usize % (Kind::ALL.len() - 1)],
                flags: (i % 256) as u8,
                track: if i % 11 == 3 { u16::MAX } else { 2 },
                a: u32::MAX - i,
                b: if i % 3 == 0 { u32::MAX } else { 0 },
                c: if i % 5 == 0 { i + 1 } else { 0 },
            }
        };
        (0..count).map(record).collect()
    }

    fn write(writer: &Writer, record: &Record) {
        match record.track {
            2 => {
                let head = head(record.kind, record.flags, record.a);
                writer.push(record.t, head, tail(record.b, record.c));
            }
            _ => writer.push_record(record),
        }
    }

    #[test]
    fn the_last_records_come_out_as_they_went_in() {
        for keep in [0, 1, 100, RECORDS, RECORDS + 1, 20_000] {
            let ring = Arc::new(Ring::new(keep));
            let writer = Writer::new(ring.clone());
            writer.set_track(2);
            let all = records(100_000);
            let (mut position, mut followed) = (Position::default(), 0);
            for (i, record) in all.iter().enumerate() {
                write(&writer, record);
                if i % 7919 == 0 {
                    let (lost, new) = ring.since(&mut position);
                    followed += lost as usize;
                    assert_eq!(new, all[followed..=i]);
                    followed = i + 1;
                }
            }
            let (before, last) = ring.contents();
            assert_eq!(last, all[all.len() - keep..]);
            assert_eq!(before.count as usize, all.len() - keep);
        }
    }
}
