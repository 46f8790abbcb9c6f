//! Debug mode's count of who holds a waker of which task, by which it finds a task that nobody can wake any more.
//!
//! Any thread may hold wakers, so this is shared by all loops of the process.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::current;
use crate::inbox;
use crate::ticket::Ticket;

struct Held {
    /// How many wakers there are of each ticket.
    wakers: BTreeMap<usize, usize>,
    /// The tickets whose last waker was dropped, or that had none when a step ended. They may have one again.
    unheld: BTreeSet<usize>,
}

static HELD: Mutex<Held> = Mutex::new(Held {
    wakers: BTreeMap::new(),
    unheld: BTreeSet::new(),
});

fn held() -> MutexGuard<'static, Held> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A waker of this ticket was cloned.
pub(crate) fn add(word: usize) {
    *held().wakers.entry(word).or_default() += 1;
}

/// A waker of this ticket was dropped. `used`: it has woken the task before.
pub(crate) fn remove(word: usize, used: bool) {
    let mut held = held();
    let Entry::Occupied(mut count) = held.wakers.entry(word) else {
        return;
    };
    *count.get_mut() -= 1;
    if *count.get() > 0 {
        return;
    }
    count.remove();
    if used {
        return;
    }
    held.unheld.insert(word);
    drop(held);
    let Some(ticket) = Ticket::from_word(word) else {
        return;
    };
    if current::with(|core| core.id() == ticket.loop_id()) != Some(true) {
        // Its loop may sleep; it looks at what is unheld before it sleeps again.
        inbox::call_elsewhere(ticket.loop_id(), Box::new(|| {}));
    }
}

/// A step has left this ticket's task pending.
pub(crate) fn look_at(ticket: Ticket) {
    let mut held = held();
    if !held.wakers.contains_key(&ticket.to_word()) {
        held.unheld.insert(ticket.to_word());
    }
}

/// The tickets of a loop that nobody holds a waker of, since the last call.
pub(crate) fn take_unheld(loop_id: u16) -> Vec<Ticket> {
    let mut held = held();
    let ours =
        |word: &usize| Ticket::from_word(*word).is_some_and(|ticket| ticket.loop_id() == loop_id);
    let (taken, left) = std::mem::take(&mut held.unheld).into_iter().partition(ours);
    held.unheld = left;
    let taken: BTreeSet<usize> = taken;
    let unheld = taken
        .into_iter()
        .filter(|word| !held.wakers.contains_key(word));
    unheld.filter_map(Ticket::from_word).collect()
}
