//! What recording costs the program: measured once, before the first recording begins, times how often. What the loop does to
//! tell its observer is not in it.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Instant;

use crate::observe::{Cause, Event, Observer};

use super::kind::Kind;
use super::record::Record;

const ROUNDS: u64 = 500;

/// Of this machine, in picoseconds.
struct Costs {
    /// Of one reading of the clock.
    clock: u64,
    /// Of one event, from the call of the observer on.
    event: u64,
}

/// Measured once.
static COSTS: OnceLock<Costs> = OnceLock::new();

/// Measures, if nobody has: `scratch` makes a recorder like the one whose costs these are.
pub(crate) fn measure<R: Observer>(scratch: impl FnOnce() -> R) {
    COSTS.get_or_init(|| {
        let scratch = scratch();
        let clock = per_round(|| {
            black_box(Instant::now());
        });
        let cause = Cause::Task(1);
        let pair = per_round(|| {
            let scratch = black_box(&scratch);
            scratch.event(&Event::StepBegin { task: 1 });
            scratch.event(&Event::Ready { task: 1, cause });
        });
        Costs {
            clock,
            event: pair / 2,
        }
    });
}

/// So many nanoseconds were spent on these records and on `dropped` others like them; in virtual time the clock was not read.
pub(crate) fn estimate(records: &[Record], dropped: u64, virtual_time: bool) -> u64 {
    let Some(costs) = COSTS.get() else { return 0 };
    let readings = records.iter().filter(|record| reads_clock(record.kind));
    let (readings, kept) = (readings.count() as u64, records.len() as u64);
    let clock = if virtual_time { 0 } else { costs.clock };
    let cost = readings * clock + kept * costs.event;
    let all = u128::from(cost) * u128::from(kept + dropped) / u128::from(kept.max(1));
    u64::try_from(all / 1000).unwrap_or(u64::MAX)
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
