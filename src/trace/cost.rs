//! What recording costs the program: measured on the spot, times how often.

use std::hint::black_box;
use std::time::Instant;

use super::kind::Kind;
use super::record::Record;
use super::ring::Ring;

const ROUNDS: u32 = 2000;

/// So many nanoseconds were spent on these records.
pub(crate) fn estimate(records: &[Record]) -> u64 {
    let readings = records.iter().filter(|record| reads_clock(record.kind));
    let (clock, write) = (clock_cost(), write_cost());
    let readings = readings.count() as u64;
    (readings * clock + records.len() as u64 * write) / 1000
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

/// Of one reading of the clock, in picoseconds.
fn clock_cost() -> u64 {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(Instant::now());
    }
    per_round(start)
}

/// Of one record.
fn write_cost() -> u64 {
    let ring = Ring::new(ROUNDS as usize);
    let record = Record {
        t: 0,
        kind: Kind::Mark,
        flags: 0,
        track: 0,
        a: 0,
        b: 0,
        c: 0,
    };
    ring.push(record);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        ring.push(black_box(record));
    }
    per_round(start)
}

fn per_round(start: Instant) -> u64 {
    start.elapsed().as_nanos() as u64 * 1000 / u64::from(ROUNDS)
}
