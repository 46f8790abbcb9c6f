//! A map by the numbers of tasks or timers. The loop stands by while what falls out of its ring is replayed, so a look-up has to
//! cost next to nothing.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What the tasks or timers of a loop are known by: [`State`](super::State) keeps them so.
#[derive(Clone, Debug)]
pub struct ByNumber<T>(HashMap<u32, T, BuildHasherDefault<Spread>>);

impl<T> Default for ByNumber<T> {
    fn default() -> Self {
        ByNumber(HashMap::default())
    }
}

impl<T> ByNumber<T> {
    /// The one with this number.
    pub fn get(&self, number: u32) -> Option<&T> {
        self.0.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.0.get_mut(&number)
    }

    pub(crate) fn insert(&mut self, number: u32, value: T) {
        self.0.insert(number, value);
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        self.0.remove(&number)
    }

    /// Whether there is one with this number.
    pub fn contains(&self, number: u32) -> bool {
        self.0.contains_key(&number)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.0.iter().map(|(number, value)| (*number, value))
    }

    /// All of them by their numbers, the lowest first.
    pub fn in_order(&self) -> Vec<(u32, &T)> {
        let mut all: Vec<(u32, &T)> = self.iter().collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all
    }
}

/// One multiplication: the numbers are our own, so nobody can choose them to collide.
#[derive(Clone, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32((*byte).into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
