//! What parts above the core let people see of themselves, with the loop that they belong to. Asked when somebody looks, and else
//! at no cost.

use std::cell::RefCell;
use std::rc::Weak;

/// Something with figures, under one name.
pub(crate) trait Gauge {
    fn name(&self) -> &'static str;

    /// The figures now, each with what it counts.
    fn read(&self) -> Vec<(u64, &'static str)>;
}

/// The gauges of a loop, an extension of its core.
#[derive(Default)]
pub(crate) struct Gauges(RefCell<Vec<Weak<dyn Gauge>>>);

impl Gauges {
    pub(crate) fn add(&self, gauge: Weak<dyn Gauge>) {
        let mut gauges = self.0.borrow_mut();
        if gauges.len() == gauges.capacity() {
            // Before it grows, it forgets those that are gone.
            gauges.retain(|gauge| gauge.strong_count() > 0);
        }
        gauges.push(gauge);
    }

    /// All that there are, in the order in which they came.
    pub(crate) fn read(&self) -> Vec<Reading> {
        let gauges = self.0.borrow();
        let alive = gauges.iter().filter_map(Weak::upgrade);
        let read = alive.map(|gauge| Reading {
            name: gauge.name(),
            figures: gauge.read(),
        });
        read.collect()
    }
}

/// What a gauge says.
pub(crate) struct Reading {
    pub(crate) name: &'static str,
    pub(crate) figures: Vec<(u64, &'static str)>,
}
