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

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    struct Tank(u64);

    impl Gauge for Tank {
        fn name(&self) -> &'static str {
            "tank"
        }

        fn read(&self) -> Vec<(u64, &'static str)> {
            vec![(self.0, "full")]
        }
    }

    #[test]
    fn what_is_gone_is_neither_read_nor_kept() {
        let gauges = Gauges::default();
        let kept: Rc<dyn Gauge> = Rc::new(Tank(7));
        gauges.add(Rc::downgrade(&kept));
        for i in 0..1000 {
            let gone: Rc<dyn Gauge> = Rc::new(Tank(i));
            gauges.add(Rc::downgrade(&gone));
        }
        let read = gauges.read();
        assert_eq!(read.len(), 1);
        assert_eq!(
            (read[0].name, &*read[0].figures),
            ("tank", &[(7, "full")][..])
        );
        assert!(gauges.0.borrow().capacity() <= 8);
    }
}
