//! The queue that gives the newest item first.

use std::fmt;
use std::ops::Deref;

use crate::sync::queue::{Queue, Store};
use crate::sync::wait_list::Kind;
use crate::text::shown_as;

/// Last in, first out.
pub struct Lifo<T>(Vec<T>);

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Lifo(Vec::new())
    }
}

impl<T> Store<T> for Lifo<T> {
    const KIND: Kind = Kind::LifoQueue;

    fn push(&mut self, item: T) {
        self.0.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn items(&self) -> Vec<&T> {
        self.0.iter().rev().collect()
    }
}

/// A [`Queue`] that gives the newest item first: it dereferences to one. asyncio's `LifoQueue`.
///
/// ```
/// use glassloop::sync::LifoQueue;
///
/// let queue = LifoQueue::new(0);
/// queue.put_nowait("first").unwrap();
/// queue.put_nowait("second").unwrap();
/// assert_eq!(queue.get_nowait(), Ok("second"));
/// ```
pub struct LifoQueue<T>(Queue<T, Lifo<T>>);

impl<T> LifoQueue<T> {
    /// A queue with room for `maxsize` items; 0 is no limit.
    pub fn new(maxsize: usize) -> LifoQueue<T> {
        LifoQueue(Queue::with_store(maxsize))
    }
}

impl<T> Deref for LifoQueue<T> {
    type Target = Queue<T, Lifo<T>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> Clone for LifoQueue<T> {
    fn clone(&self) -> Self {
        LifoQueue(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for LifoQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

shown_as! { Lifo<T> => "<Lifo>" }
