//! The table of tasks and the ready queue. They stand together because every wake and every step touches both.
//!
//! An item of the queue names what is to run by its slot alone. So a slot is not used again before its item has come up: the
//! entry of a task that ends while it stands in the queue stays behind, empty, until then.

use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;

use slab::Slab;

use crate::callback::Callback;
use crate::header::{Runnable, Wait, WaitOn};
use crate::shuffle::Shuffle;
use crate::ticket::{MAX_TASKS, Ticket};

/// One entry of the ready queue: what stands in a slot is to run.
#[derive(Clone, Copy)]
enum Item {
    Task(u32),
    Timer(u32),
    Callback(u32),
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

/// A live task. What a wake needs stands here, so that it touches the table alone and not the task's memory.
struct Entry {
    /// `None` when the task has ended.
    task: Option<Rc<dyn Runnable>>,
    generation: u32,
    queued: bool,
    /// There is something for it in `Ready::waits`.
    waits: bool,
}

#[derive(Default)]
pub(crate) struct Ready {
    tasks: Slab<Entry>,
    /// What the tasks wait for, by their slots. Beside the table, since a task that awaits no future of ours needs none.
    waits: Vec<Wait>,
    /// Entries whose task has ended.
    empty: usize,
    queue: VecDeque<Item>,
    /// How much at the front of the queue is still to run in this turn.
    batch: usize,
    calls: Slab<Rc<Callback>>,
}

impl Ready {
    /// Items in the queue.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    #[inline]
    pub(crate) fn push_timer(&mut self, slot: u32) {
        self.push(Item::Timer(slot));
    }

    pub(crate) fn push_call(&mut self, callback: Rc<Callback>) {
        let slot = self.calls.insert(callback);
        self.push(Item::Callback(slot as u32));
    }

    /// What is ready now is what [`next`](Ready::next) gives from now on, in an order that `shuffle` may change; what comes
    /// after that waits for the next batch. Returns the length of the batch.
    #[inline]
    pub(crate) fn begin_batch(&mut self, shuffle: Option<&Shuffle>) -> usize {
        // A batch that a panicking observer has interrupted goes on.
        if self.batch == 0 {
            if let Some(shuffle) = shuffle {
                shuffle.permute(self.queue.make_contiguous());
            }
            self.batch = self.queue.len();
        }
        self.batch
    }

    /// Takes the first item of the batch.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Next> {
        self.batch = self.batch.checked_sub(1)?;
        Some(match self.queue.pop_front()? {
            Item::Task(slot) => self.begin_step(slot),
            Item::Timer(slot) => Next::Timer(slot),
            Item::Callback(slot) => Next::Call(self.calls.remove(slot as usize)),
        })
    }

    #[inline]
    fn begin_step(&mut self, slot: u32) -> Next {
        let entry = &mut self.tasks[slot as usize];
        entry.queued = false;
        match &entry.task {
            Some(task) => Next::Step(Begun {
                task: task.clone(),
                slot,
                generation: entry.generation,
                waited: entry.waits,
            }),
            None => {
                self.tasks.remove(slot as usize);
                self.empty -= 1;
                Next::Gone
            }
        }
    }

    /// What a task has waited for.
    pub(crate) fn take_wait(&mut self, ticket: Ticket) -> Option<Wait> {
        let waits = mem::take(&mut self.entry(ticket)?.waits);
        waits.then(|| take_wait(&mut self.waits, ticket.slot() as u32))
    }

    /// Puts the ticket's task into the queue, unless it stands there already. `None` when the task is gone.
    #[inline]
    pub(crate) fn wake(&mut self, ticket: Ticket) -> Option<Woken> {
        let entry = self.entry(ticket)?;
        if mem::replace(&mut entry.queued, true) {
            return Some(Woken::Again);
        }
        self.push(Item::Task(ticket.slot() as u32));
        Some(Woken::Pushed)
    }

    /// The growing stands apart, so that the usual push calls nothing.
    #[inline]
    fn push(&mut self, item: Item) {
        #[cold]
        #[inline(never)]
        fn push_and_grow(queue: &mut VecDeque<Item>, item: Item) {
            queue.push_back(item);
        }
        match self.queue.len() == self.queue.capacity() {
            false => self.queue.push_back(item),
            true => push_and_grow(&mut self.queue, item),
        }
    }

    /// Of the task in this slot.
    pub(crate) fn generation(&self, slot: u32) -> Option<u32> {
        Some(self.tasks.get(slot as usize)?.generation)
    }

    /// Where the next task will stand; `None` when the table is full.
    pub(crate) fn vacant_slot(&self) -> Option<usize> {
        let slot = self.tasks.vacant_key();
        (slot < MAX_TASKS).then_some(slot)
    }

    /// Adds a task at the vacant slot that its ticket names, and its first step.
    pub(crate) fn add(&mut self, ticket: Ticket, task: Rc<dyn Runnable>) {
        let slot = self.tasks.insert(Entry {
            task: Some(task),
            generation: ticket.generation(),
            queued: true,
            waits: false,
        });
        debug_assert_eq!(slot, ticket.slot());
        self.push(Item::Task(slot as u32));
    }

    /// Forgets a task. The caller drops what it returns, the task and what it waits for: not under a borrow, since a drop may
    /// call back.
    #[inline]
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<(Rc<dyn Runnable>, Option<Wait>)> {
        let entry = self.entry(ticket)?;
        let task = entry.task.take()?;
        let waits = mem::take(&mut entry.waits);
        match entry.queued {
            true => self.empty += 1,
            false => drop(self.tasks.remove(ticket.slot())),
        }
        Some((
            task,
            waits.then(|| take_wait(&mut self.waits, ticket.slot() as u32)),
        ))
    }

    /// Whether the task stands in the queue.
    pub(crate) fn is_queued(&mut self, ticket: Ticket) -> bool {
        self.entry(ticket).is_some_and(|entry| entry.queued)
    }

    /// Notes what a task waits for; the caller drops what it returns.
    #[inline]
    pub(crate) fn set_wait(&mut self, ticket: Ticket, wait: Wait) -> Option<Wait> {
        self.entry(ticket)?.waits = true;
        if self.waits.len() <= ticket.slot() {
            self.waits.resize_with(ticket.slot() + 1, Wait::default);
        }
        Some(mem::replace(&mut self.waits[ticket.slot()], wait))
    }

    pub(crate) fn wait(&mut self, ticket: Ticket) -> Option<&Wait> {
        let waits = self.entry(ticket)?.waits;
        waits.then(|| &self.waits[ticket.slot()])
    }

    pub(crate) fn task(&mut self, ticket: Ticket) -> Option<&Rc<dyn Runnable>> {
        self.entry(ticket)?.task.as_ref()
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Rc<dyn Runnable>> {
        self.tasks
            .iter()
            .filter_map(|(_, entry)| entry.task.as_ref())
    }

    /// What is still to run, in its order.
    pub(crate) fn items(&self) -> impl Iterator<Item = Queued<'_>> {
        self.queue.iter().map(|item| match *item {
            Item::Task(slot) => match &self.tasks[slot as usize].task {
                Some(task) => Queued::Task(task),
                None => Queued::Gone,
            },
            Item::Timer(_) => Queued::Timer,
            Item::Callback(slot) => Queued::Callback(&self.calls[slot as usize]),
        })
    }

    pub(crate) fn task_count(&self) -> usize {
        self.tasks.len() - self.empty
    }

    /// Empties the queue of a loop without tasks. The caller drops the callbacks; returns how many items there were, too.
    pub(crate) fn take_queue(&mut self) -> (usize, Slab<Rc<Callback>>) {
        debug_assert_eq!(self.task_count(), 0);
        let items = mem::take(&mut self.queue).len();
        (self.batch, self.empty) = (0, 0);
        self.tasks.clear();
        (items, mem::take(&mut self.calls))
    }

    #[inline]
    fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        let entry = self.tasks.get_mut(ticket.slot())?;
        (entry.generation == ticket.generation()).then_some(entry)
    }
}

/// Plain data need not be moved out to be dropped.
#[inline]
fn take_wait(waits: &mut [Wait], slot: u32) -> Wait {
    let wait = &mut waits[slot as usize];
    match wait.on {
        WaitOn::Unknown | WaitOn::Leaf(_) => Wait::default(),
        _ => mem::take(wait),
    }
}
