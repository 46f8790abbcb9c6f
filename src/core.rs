//! The loop's state: the table of tasks, the ready queue, the timers, the reactor and the inbox, and the operations that
//! only push onto the ready queue. What runs them is `turn`.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use slab::Slab;

use crate::callback::Callback;
use crate::clock::Clock;
use crate::context::ContextCell;
use crate::error::LoopError;
use crate::exception::ExceptionHandler;
use crate::header::{Runnable, Wait, WaitOn};
use crate::inbox::{self, Inbox, Letter};
use crate::observe::{Cause, Event, Observer, Site, WaitKind};
use crate::pool::ThreadPool;
use crate::reactor::Reactor;
use crate::shuffle::Shuffle;
use crate::ticket::{MAX_TASKS, Ticket};
use crate::timers::{Target, TimerKey, Timers};
use crate::watchdog::Watchdog;

/// One entry of the ready queue.
pub(crate) enum Item {
    /// A task to step.
    Step(Ticket),
    /// A timer that fell due: its callback runs, or the task that sleeps on it is pushed.
    Timer(TimerKey),
    /// A callback to run.
    Call(Rc<Callback>),
}

struct Entry {
    /// Kept here so that a wake touches the table alone, not the task's memory.
    generation: u32,
    /// The task stands in the ready queue: a second wake adds nothing.
    queued: bool,
    task: Rc<dyn Runnable>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Idle,
    Running,
    /// Tasks are being dropped: what their destructors spawn is dropped at once.
    Closing,
    Closed,
}

/// How a loop is to be made.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) virtual_time: bool,
    pub(crate) io_interval: u32,
    pub(crate) seed: Option<u64>,
    /// How long a step may take before there is a warning; `None` outside of debug mode.
    pub(crate) slow: Option<Duration>,
}

pub(crate) struct Core {
    id: u16,
    pub(crate) clock: Clock,
    pub(crate) life: Cell<Life>,
    pub(crate) stopping: Cell<bool>,
    tasks: RefCell<Slab<Entry>>,
    pub(crate) ready: RefCell<VecDeque<Item>>,
    pub(crate) timers: RefCell<Timers>,
    /// `None` once the loop is closed.
    pub(crate) reactor: RefCell<Option<Reactor>>,
    pub(crate) inbox: Arc<Inbox>,
    /// Callbacks on file descriptors.
    pub(crate) observer: Option<Rc<dyn Observer>>,
    pub(crate) exceptions: ExceptionHandler,
    /// What parts above the core keep of their own for each loop.
    extensions: RefCell<Vec<Rc<dyn Any>>>,
    /// Looks for steps that take too long, in debug mode.
    pub(crate) watchdog: Option<Watchdog>,
    /// Permutes what is ready; see `Builder::seed`.
    pub(crate) shuffle: Option<Shuffle>,
    /// The task whose step runs.
    pub(crate) current: RefCell<Option<Rc<dyn Runnable>>>,
    /// The values of context variables for what runs now.
    pub(crate) context: ContextCell,
    /// Who pushes what is being pushed.
    pub(crate) cause: Cell<Cause>,
    /// Task numbers; the first is 1.
    tasks_made: Cell<u64>,
    /// Numbers of callbacks, timers, jobs and cancellation requests.
    sequence: Cell<u64>,
    pub(crate) pool: ThreadPool,
    /// Jobs in the thread pool.
    pub(crate) jobs: Cell<usize>,
    pub(crate) turns: Cell<u64>,
    /// Items run since the kernel was asked last.
    pub(crate) since_poll: Cell<u32>,
    pub(crate) io_interval: u32,
    pub(crate) deadlock_reported: Cell<bool>,
}

impl Core {
    pub(crate) fn new(
        options: Options,
        observer: Option<Rc<dyn Observer>>,
    ) -> Result<Rc<Core>, LoopError> {
        let (reactor, inbox) = Reactor::new()?;
        let inbox = Arc::new(inbox);
        let clock = Clock::new(options.virtual_time);
        if let Some(observer) = &observer {
            observer.event(&Event::Open {
                origin: clock.origin(),
                virtual_time: options.virtual_time,
                shuffled: options.seed.is_some(),
            });
        }
        Ok(Rc::new(Core {
            id: inbox::register(inbox.clone())?,
            clock,
            life: Cell::new(Life::Idle),
            stopping: Cell::new(false),
            tasks: RefCell::default(),
            ready: RefCell::default(),
            timers: RefCell::default(),
            reactor: RefCell::new(Some(reactor)),
            inbox,
            observer,
            exceptions: ExceptionHandler::default(),
            extensions: RefCell::default(),
            watchdog: options.slow.map(Watchdog::start).transpose()?,
            shuffle: options.seed.map(Shuffle::new),
            current: RefCell::default(),
            context: ContextCell::default(),
            cause: Cell::new(Cause::Outside),
            tasks_made: Cell::new(0),
            sequence: Cell::new(0),
            pool: ThreadPool::new(),
            jobs: Cell::new(0),
            turns: Cell::new(0),
            since_poll: Cell::new(0),
            io_interval: options.io_interval,
            deadlock_reported: Cell::new(false),
        }))
    }

    pub(crate) fn id(&self) -> u16 {
        self.id
    }

    /// The id goes back to the registry with the inbox.
    pub(crate) fn release(&self) {
        inbox::unregister(self.id);
    }

    pub(crate) fn check_open(&self) -> Result<(), LoopError> {
        match self.life.get() {
            Life::Closed => Err(LoopError::Closed),
            _ => Ok(()),
        }
    }

    pub(crate) fn next_number(&self) -> u64 {
        let number = self.sequence.get() + 1;
        self.sequence.set(number);
        number
    }

    /// The `T` of this loop, made when it is asked for first.
    pub(crate) fn extension<T: Default + 'static>(&self) -> Rc<T> {
        let mut extensions = self.extensions.borrow_mut();
        let known = extensions.iter().cloned();
        let known = known
            .filter_map(|extension| extension.downcast::<T>().ok())
            .next();
        known.unwrap_or_else(|| {
            let new = Rc::<T>::default();
            extensions.push(new.clone());
            new
        })
    }

    /// The loop closes: what the extensions hold is to be dropped.
    pub(crate) fn take_extensions(&self) -> Vec<Rc<dyn Any>> {
        self.extensions.take()
    }

    // Observer.

    #[inline]
    pub(crate) fn observe(&self, event: impl FnOnce() -> Event<'static>) {
        if let Some(observer) = &self.observer {
            observer.event(&event());
        }
    }

    /// Moves virtual time on.
    pub(crate) fn jump(&self, to: u64) {
        self.clock.jump(to);
        self.observe(|| Event::Jump {
            now: Duration::from_nanos(self.clock.last()),
        });
    }

    // Tasks.

    /// Adds the task that `make` builds from its number and slot, and schedules its first step.
    pub(crate) fn add_task<T: Runnable + 'static>(
        &self,
        make: impl FnOnce(u64, usize) -> Rc<T>,
    ) -> Result<Rc<T>, LoopError> {
        let number = self.tasks_made.get() + 1;
        self.tasks_made.set(number);
        let mut tasks = self.tasks.borrow_mut();
        let slot = tasks.vacant_key();
        if slot >= MAX_TASKS {
            return Err(LoopError::TooManyTasks);
        }
        let task = make(number, slot);
        let ticket = Ticket::new(self.id, number, slot);
        tasks.insert(Entry {
            generation: ticket.generation(),
            queued: true,
            task: task.clone(),
        });
        drop(tasks);
        if let Some(observer) = &self.observer {
            observer.event(&Event::TaskSpawn {
                task: number,
                parent: self.current_number(),
                coro: task.coroutine(),
                site: task.header().site,
            });
            let cause = self.cause.get();
            observer.event(&Event::Ready {
                task: number,
                cause,
            });
        }
        self.push(Item::Step(ticket));
        Ok(task)
    }

    /// The task that a ticket names is about to be stepped. `None` for a stale ticket.
    pub(crate) fn begin_step(&self, ticket: Ticket) -> Option<Rc<dyn Runnable>> {
        let mut tasks = self.tasks.borrow_mut();
        let entry = tasks.get_mut(ticket.slot())?;
        if entry.generation != ticket.generation() {
            return None;
        }
        entry.queued = false;
        Some(entry.task.clone())
    }

    /// Whether the task stands in the ready queue.
    pub(crate) fn is_queued(&self, ticket: Ticket) -> bool {
        let tasks = self.tasks.borrow();
        let entry = tasks.get(ticket.slot());
        entry.is_some_and(|entry| entry.generation == ticket.generation() && entry.queued)
    }

    pub(crate) fn remove_task(&self, slot: u32) {
        // The table held one of several references: the loop's step still has one, so nothing of the user's drops here.
        self.tasks.borrow_mut().try_remove(slot as usize);
    }

    /// Live tasks in creation order.
    pub(crate) fn tasks(&self) -> Vec<Rc<dyn Runnable>> {
        let tasks = self.tasks.borrow();
        let mut tasks: Vec<_> = tasks.iter().map(|(_, entry)| entry.task.clone()).collect();
        tasks.sort_by_key(|task| task.header().number);
        tasks
    }

    pub(crate) fn task_count(&self) -> usize {
        self.tasks.borrow().len()
    }

    pub(crate) fn current_number(&self) -> Option<u64> {
        let current = self.current.borrow();
        current.as_ref().map(|task| task.header().number)
    }

    /// The running task is about to wait for this; the last such note before its step ends holds.
    pub(crate) fn note_wait(&self, on: WaitOn, site: Option<Site>) {
        let current = self.current.borrow();
        let Some(task) = &*current else { return };
        if let Some(observer) = &self.observer {
            let kind = match &on {
                WaitOn::Unknown => None,
                WaitOn::Leaf(kind) | WaitOn::Several(kind, _) => Some(*kind),
                WaitOn::Object(object) => Some(object.wait_kind()),
            };
            if let Some(kind) = kind {
                let task = task.header().number;
                observer.event(&Event::Wait { task, kind, site });
            }
        }
        task.header().wait.set(Wait { on, site });
    }

    // The ready queue.

    #[inline]
    pub(crate) fn push(&self, item: Item) {
        self.ready.borrow_mut().push_back(item);
    }

    /// Puts the ticket's task into the ready queue, unless it stands there already or is gone.
    #[inline]
    pub(crate) fn schedule(&self, ticket: Ticket) {
        self.schedule_for(ticket, self.cause.get());
    }

    pub(crate) fn schedule_for(&self, ticket: Ticket, cause: Cause) {
        let mut tasks = self.tasks.borrow_mut();
        let Some(entry) = tasks.get_mut(ticket.slot()) else {
            return;
        };
        if entry.generation != ticket.generation() {
            return;
        }
        let again = std::mem::replace(&mut entry.queued, true);
        if !again {
            self.push(Item::Step(ticket));
        }
        if let Some(observer) = &self.observer {
            let task = entry.task.header().number;
            observer.event(&match again {
                false => Event::Ready { task, cause },
                true => Event::WakeAgain { task, cause },
            });
        }
    }

    pub(crate) fn ticket_of(&self, task: &dyn Runnable) -> Ticket {
        let header = task.header();
        Ticket::new(self.id, header.number, header.slot as usize)
    }

    /// A callback that runs in the current context.
    pub(crate) fn callback<F: FnOnce() + 'static>(
        &self,
        site: Site,
        when: Option<u64>,
        function: F,
    ) -> Rc<Callback> {
        let (name, context) = (std::any::type_name::<F>(), self.context.get());
        Callback::new(self.next_number(), name, context, site, when, function)
    }

    /// Schedules a callback for the next turn.
    pub(crate) fn push_call(&self, callback: Rc<Callback>) {
        self.observe(|| Event::CallbackAdd {
            callback: callback.number,
            timer: None,
            site: callback.site,
        });
        self.push(Item::Call(callback));
    }

    pub(crate) fn call_soon<F: FnOnce() + 'static>(&self, site: Site, function: F) -> Rc<Callback> {
        let callback = self.callback(site, None, function);
        self.push_call(callback.clone());
        callback
    }

    // Timers.

    pub(crate) fn set_timer(&self, deadline: u64, target: Target) -> TimerKey {
        let timer = self.next_number();
        self.observe(|| Event::TimerSet {
            timer,
            deadline: Duration::from_nanos(deadline),
        });
        if let Target::Callback(callback) = &target {
            self.observe(|| Event::CallbackAdd {
                callback: callback.number,
                timer: Some(timer),
                site: callback.site,
            });
        }
        self.timers.borrow_mut().insert(deadline, timer, target)
    }

    pub(crate) fn cancel_timer(&self, key: TimerKey) {
        if self.observer.is_some() && self.timers.borrow().is_live(key) {
            let timer = self.timers.borrow().sequence(key);
            self.observe(|| Event::TimerCancel { timer });
        }
        // Bound to a name so that the borrow ends before the target is dropped.
        let taken = self.timers.borrow_mut().take(key);
        drop(taken);
    }

    /// What a sleeping task waits for.
    pub(crate) fn timer_wait(&self, key: TimerKey, deadline: u64) -> WaitOn {
        let timer = self.timers.borrow().sequence(key);
        WaitOn::Leaf(WaitKind::Timer(timer, Duration::from_nanos(deadline)))
    }

    // Other threads.

    /// Pushes what other threads have posted.
    pub(crate) fn read_inbox(&self, wake: impl Fn(Waker)) {
        for letter in self.inbox.take() {
            match letter {
                Letter::Wake(ticket) => self.schedule_for(ticket, Cause::Thread),
                Letter::Call(function, site) => {
                    self.call_soon(site, function);
                }
                Letter::JobDone(job, waker) => {
                    self.jobs.set(self.jobs.get() - 1);
                    self.observe(|| Event::OffloadDone { job });
                    if let Some(waker) = waker {
                        wake(waker);
                    }
                }
            }
        }
    }
}
