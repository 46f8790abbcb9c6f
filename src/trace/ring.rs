//! Where the loop's records go: a ring of the last so many, written by the loop's thread and readable from any other, so that it
//! can be dumped while a step blocks the loop.
//!
//! The writer only stores words and moves `written` on. At the end of a block it takes the lock of `fallen`, replays the block
//! that it is about to overwrite into the state kept there, and so the ring's rest can always be understood by itself. A reader
//! holds that lock: what it reads cannot be overwritten meanwhile.
//!
//! New memory is the dearest part of a record: the system gives it page by page when it is first written to. So it is taken and
//! cleared in pieces, the first one before the recording begins, each other one by a thread while the one before it fills.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use super::record::Record;
use super::state::State;

/// Records that fall out together.
const BLOCK: u64 = 4096;

/// Records whose memory is taken together, when it is needed: 1.5 MiB, or less for a small ring.
const PIECE: u64 = 16 * BLOCK;

/// The words of the records.
type Piece = Box<[[AtomicU64; 3]]>;

fn new_piece(records: u64) -> Piece {
    let empty = |_| [const { AtomicU64::new(0) }; 3];
    (0..records).map(empty).collect()
}

pub(crate) struct Ring {
    /// A power of two of them, each as long: a power of two as well.
    pieces: Arc<[OnceLock<Piece>]>,
    piece_len: u64,
    /// Its logarithm.
    piece_bits: u32,
    /// So many of the last records are shown.
    keep: u64,
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
    /// It keeps the last `keep` records, and holds those of their block that are older.
    pub(crate) fn new(keep: usize) -> Ring {
        let keep = keep as u64;
        let capacity = (keep + BLOCK).next_power_of_two().max(2 * BLOCK);
        let piece_len = capacity.min(PIECE);
        let pieces = (0..capacity / piece_len).map(|_| OnceLock::new());
        let pieces: Arc<[OnceLock<Piece>]> = pieces.collect();
        pieces[0].get_or_init(|| new_piece(piece_len));
        Ring {
            pieces,
            piece_len,
            piece_bits: piece_len.trailing_zeros(),
            keep,
            written: AtomicU64::new(0),
            fallen: Mutex::default(),
        }
    }

    fn capacity(&self) -> u64 {
        self.pieces.len() as u64 * self.piece_len
    }

    /// Where the record with this number stands; `None` if its memory was not taken yet.
    #[inline]
    fn place(&self, index: u64) -> Option<&[AtomicU64; 3]> {
        // Masks and a shift, where divisions would cost as much as all the rest.
        let piece = index >> self.piece_bits;
        let piece = self.pieces.get(piece as usize & (self.pieces.len() - 1));
        piece?.get()?.get((index & (self.piece_len - 1)) as usize)
    }

    /// Only ever called by one thread, the loop's.
    #[inline]
    pub(crate) fn push(&self, record: [u64; 3]) {
        let index = self.written.load(Ordering::Relaxed);
        match self.place(index) {
            Some(place) if index % BLOCK != 0 => self.store(place, index, record),
            _ => self.push_first(index, record),
        }
    }

    /// The first record of a block.
    #[cold]
    #[inline(never)]
    fn push_first(&self, index: u64, record: [u64; 3]) {
        if index >= self.capacity() {
            self.let_fall(index - self.capacity());
        }
        let piece = (index / self.piece_len) as usize & (self.pieces.len() - 1);
        if index & (self.piece_len - 1) == self.piece_len / 2 {
            self.take_ahead(piece + 1);
        }
        self.pieces[piece].get_or_init(|| new_piece(self.piece_len));
        if let Some(place) = self.place(index) {
            self.store(place, index, record);
        }
    }

    /// Has a thread take the memory of this piece, unless there is no such piece, or it has been used before.
    fn take_ahead(&self, piece: usize) {
        if self
            .pieces
            .get(piece)
            .is_none_or(|piece| piece.get().is_some())
        {
            return;
        }
        let (pieces, records) = (self.pieces.clone(), self.piece_len);
        let thread = thread::Builder::new().name("glassloop ring".to_owned());
        // Without a thread the piece is taken when it is needed.
        let _ = thread.spawn(move || {
            pieces[piece].get_or_init(|| new_piece(records));
        });
    }

    #[inline]
    fn store(&self, place: &[AtomicU64; 3], index: u64, record: [u64; 3]) {
        for (word, value) in place.iter().zip(record) {
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
        let words = self.place(index)?.each_ref();
        Record::from_words(words.map(|word| word.load(Ordering::Relaxed)))
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

    /// The last records that are kept, and what was before them.
    pub(crate) fn contents(&self) -> (Fallen, Vec<Record>) {
        let fallen = self.lock();
        let written = self.written.load(Ordering::Acquire);
        let mut records = (fallen.count..written).filter_map(|index| self.read(index));
        let mut before = fallen.clone();
        let older = written.saturating_sub(self.keep + fallen.count);
        for record in records.by_ref().take(older as usize) {
            before.state.apply(&record);
            before.count += 1;
        }
        (before, records.collect())
    }
}
