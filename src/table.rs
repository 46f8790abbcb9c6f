//! The table of tasks: who stands in which slot. What a wake needs stands here, so that it touches the table alone and not the
//! task's memory.

use std::rc::Rc;

use crate::header::Runnable;
use crate::ticket::{MAX_TASKS, Ticket};
use crate::wait_on::Note;

pub(crate) struct Entry {
    /// `None` when the task has ended.
    pub(crate) task: Option<Rc<dyn Runnable>>,
    /// The task's; of a vacant entry [`VACANT`] and the next vacant slot, so that no ticket fits it.
    pub(crate) generation: u32,
    /// It stands in the ready queue.
    pub(crate) queued: bool,
    /// What is noted elsewhere of what the task waits for.
    pub(crate) note: Note,
}

/// Above the bits of a generation and of a slot.
const VACANT: u32 = 1 << 31;

#[derive(Default)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    /// The next vacant slot.
    vacant: u32,
    /// Tasks that have not ended.
    live: usize,
}

impl Table {
    /// Where the next task will stand; `None` when the table is full.
    #[inline]
    pub(crate) fn vacant_slot(&self) -> Option<u32> {
        ((self.vacant as usize) < MAX_TASKS).then_some(self.vacant)
    }

    /// Puts a task, which stands in the queue, into the vacant slot that its ticket names.
    #[inline]
    pub(crate) fn insert(&mut self, ticket: Ticket, task: Rc<dyn Runnable>) {
        debug_assert_eq!(ticket.slot(), self.vacant as usize);
        let new = Entry {
            task: Some(task),
            generation: ticket.generation(),
            queued: true,
            note: Note::Nothing,
        };
        self.live += 1;
        match self.entries.get_mut(ticket.slot()) {
            Some(entry) => {
                self.vacant = entry.generation & !VACANT;
                *entry = new;
            }
            None => {
                self.vacant += 1;
                self.entries.push(new);
            }
        }
    }

    /// Forgets a task that has ended, and says whether there is a note of what it waits for to be dropped. Its slot is vacant as
    /// soon as its item of the queue, if there is one, has come up.
    #[inline]
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<(Rc<dyn Runnable>, bool)> {
        let entry = self.get_mut(ticket)?;
        let (task, note) = (entry.task.take()?, entry.note);
        if !entry.queued {
            self.vacate(ticket.slot() as u32);
        }
        self.live -= 1;
        Some((task, note == Note::Shared))
    }

    /// Gives a slot free whose task has ended.
    #[inline]
    pub(crate) fn vacate(&mut self, slot: u32) {
        self.entries[slot as usize].generation = VACANT | self.vacant;
        self.vacant = slot;
    }

    /// The entry of a ticket that is not stale.
    #[inline]
    pub(crate) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(ticket.slot())?;
        (entry.generation == ticket.generation()).then_some(entry)
    }

    /// What stands in a slot that is not vacant.
    #[inline]
    pub(crate) fn at(&mut self, slot: u32) -> &mut Entry {
        &mut self.entries[slot as usize]
    }

    pub(crate) fn task_at(&self, slot: u32) -> Option<&Rc<dyn Runnable>> {
        self.entries[slot as usize].task.as_ref()
    }

    /// What stands in a slot, unless it is vacant.
    #[inline]
    pub(crate) fn live_at(&mut self, slot: u32) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(slot as usize)?;
        (entry.generation < VACANT).then_some(entry)
    }

    /// The tasks that have not ended.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Rc<dyn Runnable>> {
        self.entries.iter().filter_map(|entry| entry.task.as_ref())
    }

    pub(crate) fn has_unnoted(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.task.is_some() && entry.note == Note::Nothing)
    }

    pub(crate) fn len(&self) -> usize {
        self.live
    }
}
