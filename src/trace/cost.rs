//! What recording costs the program: measured when a loop is made, times how often. What the loop does to tell its observer is not
//! in it.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::observe::{Cause, Event, Observer};

use super::kind::Kind;
use super::record::Record;

const ROUNDS: u64 = 500;

/// In picoseconds; zero before they are measured.
#[derive(Default)]
pub(crate) struct Costs {
    /// Of one reading of the clock.
    clock: AtomicU64,
    /// Of one event, from the call of the observer on.
    event: AtomicU64,
}

impl Costs {
    /// `scratch` is a recorder like the one whose costs these are. One that `reads_clock` is not of a loop in virtual time.
    pub(crate) fn measure(&self, scratch: &dyn Observer, reads_clock: bool) {
        if reads_clock {
            let clock = per_round(|| {
                black_box(Instant::now());
            });
            self.clock.store(clock, Ordering::Relaxed);
        }
        let cause = Cause::Task(1);
        let pair = per_round(|| {
            let scratch = black_box(scratch);
            scratch.event(&Event::StepBegin { task: 1 });
            scratch.event(&Event::Ready { task: 1, cause });
        });
        self.event.store(pair / 2, Ordering::Relaxed);
    }

    /// So many nanoseconds were spent on these records and on `dropped` others like them.
    pub(crate) fn estimate(&self, records: &[Record], dropped: u64) -> u64 {
        let readings = records.iter().filter(|record| reads_clock(record.kind));
        let (readings, kept) = (readings.count() as u64, records.len() as u64);
        let clock = self.clock.load(Ordering::Relaxed);
        let event = self.event.load(Ordering::Relaxed);
        let cost = readings * clock + kept * event;
        let all = u128::from(cost) * u128::from(kept + dropped) / u128::from(kept.max(1));
        u64::try_from(all / 1000).unwrap_or(u64::MAX)
    }
}

/// The kinds before which the recorder reads the clock.
fn reads_clock(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::StepEnd
            | Kind::CbEnd
            | Kind::PollEnter
            | Kind::PollExit
            | Kind::BlockBegin
            | Kind::BlockEnd
            | Kind::Mark
    )
}

fn per_round(mut round: impl FnMut()) -> u64 {
    // The first one takes memory.
    round();
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| round());
    start.elapsed().as_nanos() as u64 * 1000 / ROUNDS
}
