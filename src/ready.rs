//! The table of tasks and the ready queue. They stand together because every wake and every step touches both.
//!
//! A ticket names a place in the table. A task stands in the queue at most once, whatever wakes it how often.

use std::mem;
use std::rc::Rc;

use slab::Slab;

use crate::callback::Callback;
use crate::header::{Runnable, Wait, WaitOn};
use crate::ticket::{MAX_TASKS, Ticket};
use crate::timers::TimerKey;

/// One entry of the ready queue.
pub(crate) enum Item {
    /// A task to step.
    Step(Ticket),
    /// A timer that fell due: its callback runs, or the task that sleeps on it is pushed.
    Timer(TimerKey),
    /// A callback to run.
    Call(Rc<Callback>),
}

/// What a wake found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    Pushed,
    /// The task stands in the queue already.
    Again,
}

/// A live task. What a wake or a wait needs stands here, so that they touch the table alone and not the task's memory.
struct Entry {
    generation: u32,
    queued: bool,
    task: Rc<dyn Runnable>,
    wait: Wait,
}

#[derive(Default)]
pub(crate) struct Ready {
    tasks: Slab<Entry>,
    queue: Vec<Item>,
    /// What runs in this turn, the first at the end.
    batch: Vec<Item>,
}

impl Ready {
    /// Items in the queue.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.queue.push(item);
    }

    /// Sets apart what is ready now, for [`next`](Ready::next); what comes after that waits for the next batch. `arrange` may
    /// change the order. Returns the length of the batch.
    pub(crate) fn begin_batch(&mut self, arrange: impl FnOnce(&mut [Item])) -> usize {
        // A batch that a panicking observer has interrupted goes on.
        if self.batch.is_empty() {
            mem::swap(&mut self.queue, &mut self.batch);
            arrange(&mut self.batch);
            self.batch.reverse();
        }
        self.batch.len()
    }

    /// Takes the first item of the batch.
    pub(crate) fn next(&mut self) -> Option<Item> {
        self.batch.pop()
    }

    /// The task of a ticket that has come up, and what it waited for until now; `None` when the task is gone.
    #[inline]
    pub(crate) fn begin_step(&mut self, ticket: Ticket) -> Option<(Rc<dyn Runnable>, WaitOn)> {
        let entry = self.entry(ticket)?;
        entry.queued = false;
        entry.wait.site = None;
        let waited = match entry.wait.on {
            // Plain data, which need not be moved out to be dropped.
            WaitOn::Unknown | WaitOn::Leaf(_) => {
                entry.wait.on = WaitOn::Unknown;
                WaitOn::Unknown
            }
            _ => mem::take(&mut entry.wait.on),
        };
        Some((entry.task.clone(), waited))
    }

    /// Puts the ticket's task into the queue, unless it stands there already. `None` when the task is gone.
    #[inline]
    pub(crate) fn wake(&mut self, ticket: Ticket) -> Option<Woken> {
        let entry = self.entry(ticket)?;
        if mem::replace(&mut entry.queued, true) {
            return Some(Woken::Again);
        }
        self.queue.push(Item::Step(ticket));
        Some(Woken::Pushed)
    }

    /// Where the next task will stand; `None` when the table is full.
    pub(crate) fn vacant_slot(&self) -> Option<usize> {
        let slot = self.tasks.vacant_key();
        (slot < MAX_TASKS).then_some(slot)
    }

    /// Adds a task at the vacant slot that its ticket names, and its first step.
    pub(crate) fn add(&mut self, ticket: Ticket, task: Rc<dyn Runnable>) {
        let slot = self.tasks.insert(Entry {
            generation: ticket.generation(),
            queued: true,
            task,
            wait: Wait::default(),
        });
        debug_assert_eq!(slot, ticket.slot());
        self.queue.push(Item::Step(ticket));
    }

    /// The caller drops what it returns: not under a borrow, since a drop may call back.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<(Rc<dyn Runnable>, Wait)> {
        self.entry(ticket)?;
        let entry = self.tasks.remove(ticket.slot());
        Some((entry.task, entry.wait))
    }

    /// Whether the task stands in the queue.
    pub(crate) fn is_queued(&mut self, ticket: Ticket) -> bool {
        self.entry(ticket).is_some_and(|entry| entry.queued)
    }

    /// Notes what a task waits for; the caller drops what it returns.
    pub(crate) fn set_wait(&mut self, ticket: Ticket, wait: Wait) -> Option<Wait> {
        let entry = self.entry(ticket)?;
        Some(mem::replace(&mut entry.wait, wait))
    }

    pub(crate) fn wait(&mut self, ticket: Ticket) -> Option<&Wait> {
        self.entry(ticket).map(|entry| &entry.wait)
    }

    pub(crate) fn task(&mut self, ticket: Ticket) -> Option<&Rc<dyn Runnable>> {
        self.entry(ticket).map(|entry| &entry.task)
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Rc<dyn Runnable>> {
        self.tasks.iter().map(|(_, entry)| &entry.task)
    }

    /// What is still to run, in its order, with the tasks of steps.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&Item, Option<&Rc<dyn Runnable>>)> {
        let items = self.batch.iter().rev().chain(&self.queue);
        items.map(|item| match item {
            Item::Step(ticket) => {
                let entry = self.tasks.get(ticket.slot());
                let entry = entry.filter(|entry| entry.generation == ticket.generation());
                (item, entry.map(|entry| &entry.task))
            }
            _ => (item, None),
        })
    }

    pub(crate) fn task_count(&self) -> usize {
        self.tasks.len()
    }

    /// Empties the queue. The caller drops the items.
    pub(crate) fn take_queue(&mut self) -> Vec<Item> {
        mem::take(&mut self.queue)
    }

    #[inline]
    fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        let entry = self.tasks.get_mut(ticket.slot())?;
        (entry.generation == ticket.generation()).then_some(entry)
    }
}
