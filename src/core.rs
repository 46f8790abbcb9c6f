//! The loop's state: the table of tasks, the ready queue, the timers, the reactor and the inbox, and the operations that
//! only push onto the ready queue. What runs them is `turn`.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::num::NonZeroU16;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::callback::Callback;
use crate::clock::Clock;
use crate::context::ContextCell;
use crate::error::LoopError;
use crate::exception::ExceptionHandler;
use crate::header::Runnable;
use crate::inbox::{self, Inbox, Letter};
use crate::observe::{self, Cause, Event, Observer, Site};
use crate::pool::ThreadPool;
use crate::reactor::Reactor;
use crate::ready::Ready;
use crate::shuffle::Shuffle;
use crate::ticket::Ticket;
use crate::timers::{Target, TimerKey, Timers};
use crate::wait_on::WaitOn;
use crate::watchdog::Watchdog;

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
    id: NonZeroU16,
    /// The id again, or 0 if there is an observer: a wake compares ids anyway, and so need not ask for the observer.
    unobserved_id: u16,
    pub(crate) clock: Clock,
    pub(crate) life: Cell<Life>,
    pub(crate) stopping: Cell<bool>,
    pub(crate) ready: RefCell<Ready>,
    pub(crate) timers: RefCell<Timers>,
    /// No timer falls due before this.
    pub(crate) next_due: Cell<u64>,
    /// `None` once the loop is closed.
    pub(crate) reactor: RefCell<Option<Reactor>>,
    pub(crate) inbox: Arc<Inbox>,
    /// An empty list for the letters to come, kept for its memory.
    letters: Cell<Vec<Letter>>,
    /// Callbacks on file descriptors.
    pub(crate) observer: Option<Rc<dyn Observer>>,
    /// There is an observer or a watchdog: a step asks once for both.
    pub(crate) watched: bool,
    pub(crate) exceptions: ExceptionHandler,
    /// What parts above the core keep of their own for each loop.
    extensions: RefCell<Vec<Rc<dyn Any>>>,
    /// Looks for steps that take too long, in debug mode.
    pub(crate) watchdog: Option<Watchdog>,
    /// Permutes what is ready; see `Builder::seed`.
    pub(crate) shuffle: Option<Shuffle>,
    /// The task whose step runs.
    pub(crate) current: Cell<Option<Ticket>>,
    /// Its number, while one runs.
    pub(crate) current_number: Cell<u64>,
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
            observe::note_observer();
            observer.event(&Event::Open {
                origin: clock.origin(),
                virtual_time: options.virtual_time,
                shuffled: options.seed.is_some(),
            });
        }
        let id = inbox::register(inbox.clone())?;
        Ok(Rc::new(Core {
            id,
            unobserved_id: match observer {
                Some(_) if !cfg!(glassloop_blind) => 0,
                _ => id.get(),
            },
            clock,
            life: Cell::new(Life::Idle),
            stopping: Cell::new(false),
            ready: RefCell::default(),
            timers: RefCell::default(),
            next_due: Cell::new(u64::MAX),
            reactor: RefCell::new(Some(reactor)),
            inbox,
            letters: Cell::default(),
            watched: observer.is_some() || options.slow.is_some(),
            observer,
            exceptions: ExceptionHandler::default(),
            extensions: RefCell::default(),
            watchdog: options.slow.map(Watchdog::start).transpose()?,
            shuffle: options.seed.map(Shuffle::new),
            current: Cell::new(None),
            current_number: Cell::new(0),
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
        self.id.get()
    }

    /// The id goes back to the registry with the inbox.
    pub(crate) fn release(&self) {
        inbox::unregister(self.id());
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

    /// Moves virtual time on.
    pub(crate) fn jump(&self, to: u64) {
        self.clock.jump(to);
        self.observe(|| Event::Jump {
            now: Duration::from_nanos(self.clock.last()),
        });
    }

    // Tasks.

    /// Number and slot of the task that is added next.
    #[inline]
    pub(crate) fn next_task(&self) -> Result<(u64, u32), LoopError> {
        let Some(slot) = self.ready.borrow().vacant_slot() else {
            return Err(LoopError::TooManyTasks);
        };
        let number = self.tasks_made.get() + 1;
        self.tasks_made.set(number);
        Ok((number, slot))
    }

    /// Adds the task that was made with [`next_task`](Core::next_task), and schedules its first step.
    #[inline]
    pub(crate) fn add_task<T: Runnable + 'static>(&self, task: &Rc<T>) {
        let header = task.header();
        let ticket = self.ticket(header.number, header.slot);
        self.ready.borrow_mut().add(ticket, task.clone());
        if let Some(observer) = self.observer() {
            self.report_spawn(observer, &**task);
        }
    }

    /// A task has ended: the table forgets it.
    #[inline(always)]
    pub(crate) fn remove_task(&self, ticket: Ticket) {
        let Some((task, waits)) = self.ready.borrow_mut().remove(ticket) else {
            return;
        };
        if waits {
            drop(self.take_wait(ticket));
        }
        drop(task);
    }

    /// Live tasks in creation order.
    pub(crate) fn tasks(&self) -> Vec<Rc<dyn Runnable>> {
        let mut tasks: Vec<_> = self.ready.borrow().tasks().cloned().collect();
        tasks.sort_by_key(|task| task.header().number);
        tasks
    }

    /// Whether a task waits for something that is not of this library.
    pub(crate) fn waits_for_unknown(&self) -> bool {
        self.ready.borrow().waits_for_unknown()
    }

    pub(crate) fn task_count(&self) -> usize {
        self.ready.borrow().task_count()
    }

    pub(crate) fn current_number(&self) -> Option<u64> {
        self.current.get().map(|_| self.current_number.get())
    }

    /// The task whose step runs.
    pub(crate) fn current_task(&self) -> Option<Rc<dyn Runnable>> {
        let ticket = self.current.get()?;
        self.ready.borrow_mut().task(ticket).cloned()
    }

    // The ready queue.

    /// Puts the ticket's task into the ready queue, unless it stands there already or is gone. False if it is not of this loop.
    #[inline]
    pub(crate) fn wake(&self, ticket: Ticket) -> bool {
        if ticket.loop_id() == self.unobserved_id {
            self.ready.borrow_mut().wake(ticket);
            return true;
        }
        self.wake_observed(ticket)
    }

    /// [`wake`](Core::wake) for whichever task stands in this slot now.
    pub(crate) fn schedule_slot(&self, slot: u32) {
        let mut ready = self.ready.borrow_mut();
        match self.observer() {
            None => ready.wake_slot(slot),
            Some(observer) => {
                let generation = ready.generation(slot);
                drop(ready);
                if let Some(generation) = generation {
                    let ticket = self.ticket(generation.into(), slot);
                    self.schedule_observed(observer, ticket, self.actor());
                }
            }
        }
    }

    /// [`wake`](Core::wake) for a task of this loop, because of `cause`.
    #[inline]
    pub(crate) fn schedule_for(&self, ticket: Ticket, cause: Cause) {
        match self.observer() {
            None => drop(self.ready.borrow_mut().wake(ticket)),
            Some(observer) => self.schedule_observed(observer, ticket, cause),
        }
    }

    pub(crate) fn ticket_of(&self, task: &dyn Runnable) -> Ticket {
        let header = task.header();
        self.ticket(header.number, header.slot)
    }

    /// Of the task whose number ends like this, in this slot.
    #[inline]
    pub(crate) fn ticket(&self, number: u64, slot: u32) -> Ticket {
        Ticket::new(self.id, number, slot as usize)
    }

    /// A callback that runs in the current context.
    pub(crate) fn callback<F: FnOnce() + 'static>(
        &self,
        site: Site,
        when: Option<u64>,
        function: F,
    ) -> Rc<Callback> {
        self.callback_named(std::any::type_name::<F>(), site, when, function)
    }

    /// [`callback`](Core::callback) for a function that wraps the user's, whose type name is `name`.
    pub(crate) fn callback_named(
        &self,
        name: &'static str,
        site: Site,
        when: Option<u64>,
        function: impl FnOnce() + 'static,
    ) -> Rc<Callback> {
        let number = self.next_number();
        Callback::new(number, name, self.context.get(), site, when, function)
    }

    /// Schedules a callback for the next turn.
    pub(crate) fn push_call(&self, callback: Rc<Callback>) {
        self.observe(|| Event::CallbackAdd {
            callback: callback.number,
            timer: None,
            site: callback.site,
        });
        self.ready.borrow_mut().push_call(callback);
    }

    pub(crate) fn call_soon<F: FnOnce() + 'static>(&self, site: Site, function: F) -> Rc<Callback> {
        let callback = self.callback(site, None, function);
        self.push_call(callback.clone());
        callback
    }

    // Timers.

    pub(crate) fn set_timer(&self, deadline: u64, target: Target) -> TimerKey {
        self.add_timer(self.next_number(), deadline, target)
    }

    /// Sets a timer whose `target` is the running task, and notes that the task waits for it.
    pub(crate) fn sleep_until(&self, deadline: u64, target: Target, site: Site) -> TimerKey {
        let timer = self.next_number();
        let key = self.add_timer(timer, deadline, target);
        self.note_wait(|| WaitOn::Timer(timer, deadline), Some(site));
        key
    }

    #[inline]
    fn add_timer(&self, timer: u64, deadline: u64, target: Target) -> TimerKey {
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
        let now = self.clock.last();
        self.next_due.set(self.next_due.get().min(deadline));
        let mut timers = self.timers.borrow_mut();
        timers.insert(now, deadline, timer, target)
    }

    /// When an idle loop has to wake for a timer. The virtual clock jumps there, so in virtual time it is exact.
    pub(crate) fn next_wake(&self) -> Option<u64> {
        let mut timers = self.timers.borrow_mut();
        match self.clock.is_virtual() {
            true => timers.next().map(|(deadline, _)| deadline),
            false => timers.next_wake(),
        }
    }

    pub(crate) fn cancel_timer(&self, key: TimerKey) {
        if self.observer().is_some() && self.timers.borrow().is_live(key) {
            let timer = self.timers.borrow().sequence(key);
            self.observe(|| Event::TimerCancel { timer });
        }
        // Bound to a name so that the borrow ends before the target is dropped.
        let target = self.timers.borrow_mut().cancel(key);
        drop(target);
    }

    /// What a sleeping task waits for.
    pub(crate) fn timer_wait(&self, key: TimerKey, deadline: u64) -> WaitOn {
        let timer = self.timers.borrow().sequence(key);
        WaitOn::Timer(timer, deadline)
    }

    // Other threads.

    /// Pushes what other threads have posted.
    pub(crate) fn read_inbox(&self, wake: impl Fn(Waker)) {
        let mut letters = self.inbox.take(self.letters.take());
        for letter in letters.drain(..) {
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
        self.letters.set(letters);
    }
}
