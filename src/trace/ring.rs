//! Where the loop's records go: a ring of the last so many, written by the loop's thread and readable from any other, so that it
//! can be dumped while a step blocks the loop.
//!
//! The writer only stores words and moves `written` on. At the end of a block it takes the lock of `fallen`, replays the block
//! that it is about to overwrite into the state kept there, and so the ring's rest can always be understood by itself. A reader
//! holds that lock: what it reads cannot be overwritten meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::record::Record;
use super::state::State;

/// Records in a block. Memory is taken a block at a time, when it is needed.
const BLOCK: u64 = 4096;

/// The words of the records, in a block of known length, so that no index in it needs a check.
type Block = Box<[[AtomicU64; 3]; BLOCK as usize]>;

#[cold]
fn new_block() -> Block {
    let empty = |_| [const { AtomicU64::new(0) }; 3];
    let records: Box<[_]> = (0..BLOCK).map(empty).collect();
    records.try_into().expect("as many as a block has")
}

pub(crate) struct Ring {
    blocks: Box<[OnceLock<Block>]>,
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
}

impl Ring {
    /// `capacity` is rounded up to a power of two, two blocks at least.
    pub(crate) fn new(capacity: usize) -> Ring {
        let blocks = (capacity as u64).div_ceil(BLOCK).max(2).next_power_of_two();
        Ring {
            blocks: (0..blocks).map(|_| OnceLock::new()).collect(),
            written: AtomicU64::new(0),
            fallen: Mutex::default(),
        }
    }

    fn capacity(&self) -> u64 {
        self.blocks.len() as u64 * BLOCK
    }

    #[inline]
    fn block(&self, index: u64) -> &OnceLock<Block> {
        // Their number is a power of two: a mask, where a division would cost as much as all the rest.
        let mask = self.blocks.len() - 1;
        &self.blocks[(index / BLOCK) as usize & mask]
    }

    /// Only ever called by one thread, the loop's.
    #[inline]
    pub(crate) fn push(&self, record: Record) {
        let index = self.written.load(Ordering::Relaxed);
        // As words, which fit in registers.
        let [t, head, tail] = record.to_words();
        match self.block(index).get() {
            Some(block) if index % BLOCK != 0 => self.store(block, index, [t, head, tail]),
            _ => self.push_first(index, t, head, tail),
        }
    }

    /// The first record of a block.
    #[cold]
    #[inline(never)]
    fn push_first(&self, index: u64, t: u64, head: u64, tail: u64) {
        if index >= self.capacity() {
            self.let_fall(index - self.capacity());
        }
        let block = self.block(index).get_or_init(new_block);
        self.store(block, index, [t, head, tail]);
    }

    #[inline]
    fn store(&self, block: &Block, index: u64, record: [u64; 3]) {
        let words = &block[(index % BLOCK) as usize];
        for (word, value) in words.iter().zip(record) {
            word.store(value, Ordering::Relaxed);
        }
        self.written.store(index + 1, Ordering::Release);
    }

    fn let_fall(&self, from: u64) {
        let mut fallen = self.lock();
        for index in from..from + BLOCK {
            if let Some(record) = self.read(index) {
                fallen.state.apply(&record);
            }
        }
        fallen.count = from + BLOCK;
    }

    fn read(&self, index: u64) -> Option<Record> {
        let words = &self.block(index).get()?[(index % BLOCK) as usize];
        Record::from_words(words.each_ref().map(|word| word.load(Ordering::Relaxed)))
    }

    fn lock(&self) -> MutexGuard<'_, Fallen> {
        self.fallen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records from that number on, and the number of the first of them: a later one if some have fallen out.
    pub(crate) fn since(&self, from: u64) -> (u64, Vec<Record>) {
        let fallen = self.lock();
        let from = from.max(fallen.count);
        let written = self.written.load(Ordering::Acquire);
        let records = (from..written).filter_map(|index| self.read(index));
        (from, records.collect())
    }

    /// What has fallen out, and the records that are left.
    pub(crate) fn contents(&self) -> (Fallen, Vec<Record>) {
        let fallen = self.lock();
        let written = self.written.load(Ordering::Acquire);
        let records = (fallen.count..written).filter_map(|index| self.read(index));
        let records = records.collect();
        (fallen.clone(), records)
    }
}
