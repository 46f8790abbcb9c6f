//! The loop's clock: nanoseconds since the loop was made, real or virtual. Used by the core and the turn.

use std::cell::Cell;
use std::time::{Duration, Instant};

pub(crate) struct Clock {
    origin: Instant,
    /// The last reading; never goes back, even where the system's clock does.
    now: Cell<u64>,
    is_virtual: bool,
}

impl Clock {
    pub(crate) fn new(is_virtual: bool) -> Clock {
        Clock {
            origin: Instant::now(),
            now: Cell::new(0),
            is_virtual,
        }
    }

    /// When it stood at zero.
    pub(crate) fn origin(&self) -> Instant {
        self.origin
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.is_virtual
    }

    /// The time now. In virtual time that is where the last jump led.
    pub(crate) fn read(&self) -> u64 {
        if !self.is_virtual {
            let elapsed = self.origin.elapsed();
            // Enough for 584 years.
            let real = elapsed.as_secs() * 1_000_000_000 + u64::from(elapsed.subsec_nanos());
            self.now.set(self.now.get().max(real));
        }
        self.now.get()
    }

    /// The last reading, which costs nothing.
    pub(crate) fn last(&self) -> u64 {
        self.now.get()
    }

    /// Moves virtual time on to `time`.
    pub(crate) fn jump(&self, time: u64) {
        debug_assert!(self.is_virtual);
        self.now.set(self.now.get().max(time));
    }

    /// When `delay` will be over, or `None` for never: beyond what the clock can count (584 years).
    pub(crate) fn after(&self, delay: Duration) -> Option<u64> {
        self.read().checked_add(to_nanos(delay)?)
    }
}

/// `None` for what 64 bits of nanoseconds cannot hold.
pub(crate) fn to_nanos(duration: Duration) -> Option<u64> {
    u64::try_from(duration.as_nanos()).ok()
}
