//! The queue that gives the item with the smallest priority first.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fmt;
use std::ops::Deref;

use crate::sync::queue::{Queue, Store};
use crate::sync::wait_list::Kind;
use crate::text::shown_as;

struct Entry<P, T> {
    item: (P, T),
    /// Items of one priority come out in the order in which they went in.
    number: u64,
}

impl<P: Ord, T> Ord for Entry<P, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_priority = self.item.0.cmp(&other.item.0);
        by_priority.then(self.number.cmp(&other.number))
    }
}

impl<P: Ord, T> PartialOrd for Entry<P, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: Ord, T> PartialEq for Entry<P, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<P: Ord, T> Eq for Entry<P, T> {}

/// Smallest priority first.
pub struct Heap<P, T> {
    entries: BinaryHeap<Reverse<Entry<P, T>>>,
    pushed: u64,
}

impl<P: Ord, T> Default for Heap<P, T> {
    fn default() -> Self {
        Heap {
            entries: BinaryHeap::new(),
            pushed: 0,
        }
    }
}

impl<P: Ord, T> Store<(P, T)> for Heap<P, T> {
    const KIND: Kind = Kind::PriorityQueue;

    fn push(&mut self, item: (P, T)) {
        let number = self.pushed;
        self.pushed += 1;
        self.entries.push(Reverse(Entry { item, number }));
    }

    fn pop(&mut self) -> Option<(P, T)> {
        self.entries.pop().map(|Reverse(entry)| entry.item)
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn items(&self) -> Vec<&(P, T)> {
        let mut entries: Vec<_> = self.entries.iter().map(|Reverse(entry)| entry).collect();
        entries.sort();
        entries.into_iter().map(|entry| &entry.item).collect()
    }
}

/// A [`Queue`] of pairs of priority and item, that gives the smallest priority first, and equal ones in the order in which
/// they were put in: it dereferences to one. asyncio's `PriorityQueue`, which compares the items of equal priority.
///
/// ```
/// use glassloop::sync::PriorityQueue;
///
/// let queue = PriorityQueue::new(0);
/// for item in [(2, "code"), (1, "eat"), (3, "sleep"), (1, "drink")] {
///     queue.put_nowait(item).unwrap();
/// }
/// assert_eq!(queue.get_nowait(), Ok((1, "eat")));
/// assert_eq!(queue.get_nowait(), Ok((1, "drink")));
/// assert_eq!(queue.get_nowait(), Ok((2, "code")));
/// ```
pub struct PriorityQueue<P, T>(Queue<(P, T), Heap<P, T>>);

impl<P: Ord, T> PriorityQueue<P, T> {
    /// A queue with room for `maxsize` items; 0 is no limit.
    pub fn new(maxsize: usize) -> PriorityQueue<P, T> {
        PriorityQueue(Queue::with_store(maxsize))
    }
}

impl<P, T> Deref for PriorityQueue<P, T> {
    type Target = Queue<(P, T), Heap<P, T>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<P, T> Clone for PriorityQueue<P, T> {
    fn clone(&self) -> Self {
        PriorityQueue(self.0.clone())
    }
}

impl<P: Ord + fmt::Debug, T: fmt::Debug> fmt::Debug for PriorityQueue<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

shown_as! { Heap<P, T> => "<Heap>" }
