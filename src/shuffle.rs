//! Random schedules: what is ready in a turn is put into another order, to find programs that rely on the order.

use std::cell::Cell;

use crate::report;

/// A sequence of pseudo-random numbers (splitmix64), the same for the same seed.
pub(crate) struct Shuffle {
    seed: u64,
    state: Cell<u64>,
}

/// The seed in `GLASSLOOP_SEED`.
pub(crate) fn seed_of_environment() -> Option<u64> {
    let seed = std::env::var("GLASSLOOP_SEED").ok()?;
    let parsed = seed.trim().parse();
    if parsed.is_err() {
        report::warning!(
            "GLASSLOOP_SEED={seed:?} is ignored: it has to be a number from 0 to {}",
            u64::MAX
        );
    }
    parsed.ok()
}

impl Shuffle {
    pub(crate) fn new(seed: u64) -> Shuffle {
        Shuffle {
            seed,
            state: Cell::new(seed),
        }
    }

    fn next(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Every order is as likely as any other, but for the modulus.
    pub(crate) fn permute<T>(&self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, (self.next() % (end as u64 + 1)) as usize);
        }
    }

    pub(crate) fn print(&self, what: &str) {
        let seed = self.seed;
        eprintln!(
            "glassloop: {what} with the schedule of seed {seed}; GLASSLOOP_SEED={seed} makes it again"
        );
    }

    pub(crate) fn print_if_panicking(&self) {
        if std::thread::panicking() {
            self.print("a panic");
        }
    }
}
