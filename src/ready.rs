//! The ready queue, together with the table of tasks, because every wake and every step touches both.
//!
//! The queue is two lists: what runs in this turn, and what was pushed since, for the next one. An item names what is to run by
//! its slot alone. So a slot is not used again before its item has come up: the entry of a task that ends while it stands in
//! the queue stays behind, empty, until then.

use std::mem;
use std::rc::Rc;

use slab::Slab;

use crate::callback::Callback;
use crate::header::Runnable;
use crate::observe::Site;
use crate::shuffle::Shuffle;
use crate::table::{Entry, Table};
use crate::ticket::Ticket;
use crate::wait_on::{Note, Wait, WaitOn};

/// One entry of the ready queue: what stands in a slot is to run. In four bytes, since a burst of tasks fills two lists of them:
/// a slot, and in the bits above it whose.
#[derive(Clone, Copy)]
struct Item(u32);

impl Item {
    /// A task's item is its slot. More timers or callbacks than 2^30 no memory holds.
    const TIMER: u32 = 1 << 30;
    const CALLBACK: u32 = 1 << 31;

    #[inline]
    fn new(kind: u32, slot: u32) -> Item {
        debug_assert!(slot < Item::TIMER);
        Item(kind | slot)
    }

    #[inline]
    fn is(self, kind: u32) -> bool {
        self.0 & kind != 0
    }

    #[inline]
    fn is_task(self) -> bool {
        self.0 < Item::TIMER
    }

    #[inline]
    fn slot(self) -> u32 {
        self.0 & (Item::TIMER - 1)
    }
}

/// An item that has come up.
pub(crate) enum Next {
    /// A task, to step.
    Step(Begun),
    /// A task that has ended before.
    Gone,
    /// A timer that fell due: its callback runs, or the task that sleeps on it is pushed.
    Timer(u32),
    /// A callback, to run.
    Call(Rc<Callback>),
}

/// A task whose turn has come.
pub(crate) struct Begun {
    pub(crate) task: Rc<dyn Runnable>,
    pub(crate) slot: u32,
    pub(crate) generation: u32,
    /// What it waited for until now is to be taken.
    pub(crate) waited: bool,
}

/// What a wake found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    Pushed,
    /// The task stands in the queue already.
    Again,
}

/// An item that is still to come up.
pub(crate) enum Queued<'a> {
    Task(&'a Rc<dyn Runnable>),
    Gone,
    Timer,
    Callback(&'a Rc<Callback>),
}

#[derive(Default)]
pub(crate) struct Ready {
    table: Table,
    /// What the tasks wait for, by their slots. Beside the table, since a task that awaits no future of ours needs none.
    waits: Vec<Wait>,
    /// A note that another has replaced, until it is dropped.
    replaced: WaitOn,
    /// What runs in this turn.
    batch: Vec<Item>,
    /// How much of the batch has come up.
    begun: usize,
    /// What runs in the next turn.
    queue: Vec<Item>,
    calls: Slab<Rc<Callback>>,
}

impl Ready {
    /// Items that are still to come up.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.batch.len() - self.begun + self.queue.len()
    }

    #[inline]
    pub(crate) fn push_timer(&mut self, slot: u32) {
        self.push(Item::new(Item::TIMER, slot));
    }

    pub(crate) fn push_call(&mut self, callback: Rc<Callback>) {
        let slot = self.calls.insert(callback);
        self.push(Item::new(Item::CALLBACK, slot as u32));
    }

    /// What is ready now is what [`next`](Ready::next) gives from now on, in an order that `shuffle` may change; what comes
    /// after that waits for the next batch. Returns the length of the batch.
    #[inline]
    pub(crate) fn begin_batch(&mut self, shuffle: Option<&Shuffle>) -> usize {
        // A batch that a panicking observer has interrupted goes on.
        if self.begun == self.batch.len() {
            self.batch.clear();
            mem::swap(&mut self.batch, &mut self.queue);
            self.begun = 0;
            if let Some(shuffle) = shuffle {
                shuffle.permute(&mut self.batch);
            }
        }
        self.batch.len() - self.begun
    }

    /// Takes the next item of the batch.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Next> {
        let item = *self.batch.get(self.begun)?;
        self.begun += 1;
        Some(if item.is_task() {
            self.begin_step(item.0)
        } else if item.is(Item::TIMER) {
            Next::Timer(item.slot())
        } else {
            Next::Call(self.calls.remove(item.slot() as usize))
        })
    }

    #[inline]
    fn begin_step(&mut self, slot: u32) -> Next {
        let entry = self.table.at(slot);
        entry.queued = false;
        match &entry.task {
            Some(task) => Next::Step(Begun {
                task: task.clone(),
                slot,
                generation: entry.generation,
                waited: match entry.note {
                    Note::Nothing => false,
                    note => {
                        entry.note = Note::Nothing;
                        note == Note::Shared
                    }
                },
            }),
            None => {
                self.table.vacate(slot);
                Next::Gone
            }
        }
    }

    /// What the task has waited for whose entry says that it is to be dropped.
    #[inline]
    pub(crate) fn take_wait(&mut self, ticket: Ticket) -> WaitOn {
        mem::take(&mut self.waits[ticket.slot()].on)
    }

    /// Puts the ticket's task into the queue, unless it stands there already. `None` when the task is gone.
    #[inline]
    pub(crate) fn wake(&mut self, ticket: Ticket) -> Option<Woken> {
        let entry = self.entry(ticket)?;
        if mem::replace(&mut entry.queued, true) {
            return Some(Woken::Again);
        }
        self.push(Item(ticket.slot() as u32));
        Some(Woken::Pushed)
    }

    /// [`wake`](Ready::wake) for whichever task stands in this slot.
    #[inline]
    pub(crate) fn wake_slot(&mut self, slot: u32) {
        if let Some(entry) = self.table.live_at(slot)
            && !mem::replace(&mut entry.queued, true)
        {
            self.push(Item(slot));
        }
    }

    /// Of the task in this slot.
    #[inline]
    pub(crate) fn generation(&mut self, slot: u32) -> Option<u32> {
        Some(self.table.live_at(slot)?.generation)
    }

    /// Where the next task will stand; `None` when the table is full.
    #[inline]
    pub(crate) fn vacant_slot(&self) -> Option<u32> {
        self.table.vacant_slot()
    }

    /// Adds a task at the vacant slot that its ticket names, and its first step.
    #[inline]
    pub(crate) fn add(&mut self, ticket: Ticket, task: Rc<dyn Runnable>) {
        self.table.insert(ticket, task);
        self.push(Item(ticket.slot() as u32));
    }

    /// Forgets a task that has ended, and says whether something is left that it waited for. The caller drops what it returns:
    /// not under a borrow, since a drop may call back.
    #[inline]
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<(Rc<dyn Runnable>, bool)> {
        self.table.remove(ticket)
    }

    /// Whether the task stands in the queue.
    pub(crate) fn is_queued(&mut self, ticket: Ticket) -> bool {
        self.entry(ticket).is_some_and(|entry| entry.queued)
    }

    /// Notes what a task waits for, which `on` makes in the place where it is to stand. True when that replaces a note that is to
    /// be dropped: the caller [takes](Ready::take_replaced) it.
    #[inline(always)]
    pub(crate) fn set_wait(
        &mut self,
        ticket: Ticket,
        on: impl FnOnce() -> WaitOn,
        site: Option<Site>,
    ) -> bool {
        let slot = ticket.slot();
        let Some(entry) = self.table.get_mut(ticket) else {
            return false;
        };
        let place = match self.waits.get_mut(slot) {
            Some(place) => place,
            None => grow(&mut self.waits, slot),
        };
        let replaces = entry.note == Note::Shared;
        if replaces {
            self.replaced = mem::take(&mut place.on);
        }
        let on = on();
        entry.note = on.note();
        // What stands there now is plain.
        mem::forget(mem::replace(place, Wait { on, site }));
        replaces
    }

    /// The note that was replaced last; not to be dropped under a borrow.
    pub(crate) fn take_replaced(&mut self) -> WaitOn {
        mem::take(&mut self.replaced)
    }

    /// Takes away what the task has noted in this step.
    pub(crate) fn take_note(&mut self, ticket: Ticket) -> Option<Wait> {
        let note = mem::take(&mut self.table.get_mut(ticket)?.note);
        (note != Note::Nothing).then(|| mem::take(&mut self.waits[ticket.slot()]))
    }

    pub(crate) fn wait(&mut self, ticket: Ticket) -> Option<&Wait> {
        let note = self.entry(ticket)?.note;
        (note != Note::Nothing).then(|| &self.waits[ticket.slot()])
    }

    pub(crate) fn task(&mut self, ticket: Ticket) -> Option<&Rc<dyn Runnable>> {
        self.entry(ticket)?.task.as_ref()
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Rc<dyn Runnable>> {
        self.table.tasks()
    }

    /// Whether a task has left no note of what it waits for.
    pub(crate) fn waits_for_unknown(&self) -> bool {
        self.table.has_unnoted()
    }

    /// What is still to run, in its order.
    pub(crate) fn items(&self) -> impl Iterator<Item = Queued<'_>> {
        let items = self.batch[self.begun..].iter().chain(&self.queue);
        items.map(|item| {
            if item.is(Item::CALLBACK) {
                return Queued::Callback(&self.calls[item.slot() as usize]);
            }
            if item.is(Item::TIMER) {
                return Queued::Timer;
            }
            match self.table.task_at(item.0) {
                Some(task) => Queued::Task(task),
                None => Queued::Gone,
            }
        })
    }

    pub(crate) fn task_count(&self) -> usize {
        self.table.len()
    }

    /// Empties the queue of a loop without tasks. The caller drops the callbacks; returns how many items there were, too.
    pub(crate) fn take_queue(&mut self) -> (usize, Slab<Rc<Callback>>) {
        debug_assert_eq!(self.task_count(), 0);
        let items = self.len();
        let emptied = mem::take(self);
        (items, emptied.calls)
    }

    /// The growing stands apart, so that the usual push calls nothing.
    #[inline]
    fn push(&mut self, item: Item) {
        #[cold]
        #[inline(never)]
        fn push_and_grow(queue: &mut Vec<Item>, item: Item) {
            queue.push(item);
        }
        match self.queue.len() == self.queue.capacity() {
            false => self.queue.push(item),
            true => push_and_grow(&mut self.queue, item),
        }
    }

    #[inline]
    fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        self.table.get_mut(ticket)
    }
}

#[cold]
#[inline(never)]
fn grow(waits: &mut Vec<Wait>, slot: usize) -> &mut Wait {
    waits.resize_with(slot + 1, Wait::default);
    &mut waits[slot]
}
