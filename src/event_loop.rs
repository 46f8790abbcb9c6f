//! The loop as its users see it: made, run, stopped, closed, and given things to do.

use std::cell::Ref;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::any_task::AnyTask;
use crate::awaitable::{Awaitable, Spawner};
use crate::core::{Core, Life, Options};
use crate::coroutine::Coroutine;
use crate::current::{self, Entered};
use crate::error::{LoopError, TaskError};
use crate::exception::ExceptionContext;
use crate::observe::{Event, Observer, StepEnd};
use crate::promise::Promise;
use crate::remote::LoopHandle;
use crate::shuffle;
use crate::task::{self, Task};
use crate::text::shown_as;
use crate::trace;
use crate::turn::{self, TurnReport};
use crate::watchdog;

/// An event loop: it runs tasks and callbacks in one thread, and sleeps in the kernel while there is nothing to run.
///
/// [`run`](crate::run) makes one, runs a coroutine in it and closes it, which is what most programs need. The loop made by
/// [`new`](EventLoop::new) is closed when it is dropped; those that [`get_running_loop`] returns are references to it.
///
/// asyncio's `AbstractEventLoop`.
///
/// ```
/// use glassloop::{EventLoop, sleep};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// let task = event_loop.create_task(async {
///     sleep(Duration::from_millis(1)).await;
///     "slept"
/// })?;
/// assert_eq!(event_loop.run_until_complete(task)?, "slept");
/// event_loop.close()?;
/// # Ok::<(), glassloop::LoopError>(())
/// ```
pub struct EventLoop {
    pub(crate) core: Rc<Core>,
    /// The one handle whose drop closes the loop.
    owns: bool,
}

/// How a loop is to be made: see [`EventLoop::builder`].
#[must_use]
pub struct Builder {
    options: Options,
    observer: Option<Rc<dyn Observer>>,
}

impl Builder {
    /// A clock that starts at 0 and, when nothing is ready, jumps to the next timer instead of waiting for it. While a
    /// thread job or a socket is outstanding it stands still. When nothing can ever wake, running ends with
    /// [`LoopError::Deadlock`]. asyncio has no counterpart.
    pub fn virtual_time(mut self) -> Builder {
        self.options.virtual_time = true;
        self
    }

    /// How many items a busy loop runs before it asks the kernel again: 61 by default; 1 asks in every turn, exactly as
    /// asyncio does. 0 counts as 1.
    pub fn io_interval(mut self, items: u32) -> Builder {
        self.options.io_interval = items.max(1);
        self
    }

    /// Runs what is ready in a random order within each turn, which is the same for the same seed: a program that comes out
    /// differently relies on an order that it should not rely on. When the thread panics with the loop, or the loop finds a
    /// deadlock, the seed is printed. Without this call the seed is the number in `GLASSLOOP_SEED`, and if that is not set
    /// the order is that of the queue. asyncio has no counterpart.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.options.seed = Some(seed);
        self
    }

    /// Debug mode: a step or callback that takes longer than `limit` is reported twice by way of `log`: by a thread that
    /// watches, while it still blocks the loop, and when it has ended. Without this call it is as `GLASSLOOP_DEBUG` says: with
    /// `1` the limit is 0.1 s, as in asyncio. It costs some 100 ns a step.
    pub fn slow_callback_duration(mut self, limit: Duration) -> Builder {
        self.options.slow = Some(limit);
        self
    }

    /// Tells `observer` everything that the loop does. Without this call it is as `GLASSLOOP_TRACE` says; see
    /// [`trace`](crate::trace). asyncio has no counterpart.
    pub fn observer(mut self, observer: Rc<dyn Observer>) -> Builder {
        self.observer = Some(observer);
        self
    }

    /// Makes the loop.
    ///
    /// # Errors
    /// [`LoopError::Io`] when the kernel has no descriptors left.
    pub fn build(self) -> Result<EventLoop, LoopError> {
        let observer = self.observer.or_else(trace::recorder_of_environment);
        #[cfg(unix)]
        let inspector = trace::inspector_of_environment(self.options.virtual_time);
        #[cfg(unix)]
        let observer = match &inspector {
            Some(inspector) => Some(inspector.observer(observer)),
            None => observer,
        };
        let event_loop = EventLoop {
            core: Core::new(self.options, observer)?,
            owns: true,
        };
        #[cfg(unix)]
        trace::loop_made(&event_loop.core);
        #[cfg(unix)]
        if let Some(inspector) = inspector {
            inspector.serve(&event_loop);
        }
        Ok(event_loop)
    }
}

impl EventLoop {
    /// A loop in real time. asyncio's `new_event_loop`.
    ///
    /// # Errors
    /// [`LoopError::Io`] when the kernel has no descriptors left.
    pub fn new() -> Result<EventLoop, LoopError> {
        EventLoop::builder().build()
    }

    /// For a loop with other properties.
    pub fn builder() -> Builder {
        Builder {
            options: Options {
                virtual_time: false,
                io_interval: 61,
                seed: shuffle::seed_of_environment(),
                slow: watchdog::limit_of_environment(),
            },
            observer: None,
        }
    }

    /// Runs until `awaitable`, a coroutine or a task, is done, and returns its value. As in asyncio a coroutine becomes a
    /// task, and the loop finishes the turn after the one in which it ended. asyncio's `run_until_complete`.
    ///
    /// # Errors
    /// [`LoopError::Task`] when it was cancelled, [`LoopError::Stopped`] when [`stop`](EventLoop::stop) came first; closed
    /// and already running loops are refused before anything is changed.
    ///
    /// # Panics
    /// Goes on with the panic of the coroutine.
    #[track_caller]
    pub fn run_until_complete<A: Awaitable>(&self, awaitable: A) -> Result<A::Value, LoopError> {
        self.check_can_run()?;
        let spawner = Spawner::new(self.core.clone(), Location::caller());
        let promise = awaitable.into_promise(&spawner)?;
        self.drive(&promise)?;
        unless_panicked(promise.take_outcome())
    }

    /// Runs until `task` is done, and leaves its outcome in it: what is returned is a look at it.
    /// asyncio's `run_until_complete` of a task or future.
    ///
    /// # Errors
    /// As [`run_until_complete`](EventLoop::run_until_complete).
    ///
    /// # Panics
    /// Goes on with the panic of the coroutine.
    pub fn run_until_done<'a, T: 'static>(
        &self,
        task: &'a Promise<T>,
    ) -> Result<Ref<'a, T>, LoopError> {
        self.check_can_run()?;
        self.drive(task)?;
        unless_panicked(task.result())
    }

    pub(crate) fn drive<T: 'static>(&self, promise: &Promise<T>) -> Result<(), LoopError> {
        let core = self.core.clone();
        let stop = promise.add_done_callback(move |_| core.stopping.set(true));
        let ran = self.run_forever();
        promise.remove_done_callback(stop);
        ran?;
        match promise.done() {
            true => Ok(()),
            false => Err(LoopError::Stopped),
        }
    }

    /// Runs turn after turn until [`stop`](EventLoop::stop) is called. Can be called again after that. asyncio's
    /// `run_forever`.
    ///
    /// ```
    /// let event_loop = glassloop::EventLoop::new()?;
    /// event_loop.call_soon(|| glassloop::get_running_loop().unwrap().stop())?;
    /// event_loop.run_forever()?;
    /// # Ok::<(), glassloop::LoopError>(())
    /// ```
    ///
    /// # Errors
    /// Closed and already running loops are refused; [`LoopError::Deadlock`] in virtual time.
    pub fn run_forever(&self) -> Result<(), LoopError> {
        let _running = self.start()?;
        turn::run(&self.core)
    }

    /// Runs a single turn and says what it did. With nothing ready it sleeps until there is. asyncio's private `_run_once`.
    ///
    /// # Errors
    /// As [`run_forever`](EventLoop::run_forever).
    pub fn turn(&self) -> Result<TurnReport, LoopError> {
        let _running = self.start()?;
        turn::run_one(&self.core)
    }

    fn check_can_run(&self) -> Result<(), LoopError> {
        self.core.check_open()?;
        match current::with(|core| Rc::ptr_eq(core, &self.core)) {
            Some(true) => Err(LoopError::AlreadyRunning),
            Some(false) => Err(LoopError::AnotherLoopRunning),
            None => Ok(()),
        }
    }

    pub(crate) fn start(&self) -> Result<Running<'_>, LoopError> {
        self.check_can_run()?;
        let entered = Entered::new(&self.core);
        self.core.life.set(Life::Running);
        self.core.observe(|| Event::Enter);
        Ok(Running {
            core: &self.core,
            _entered: entered,
        })
    }

    /// Has the loop end after the current turn; before it runs, after one turn that does not sleep. May be called from
    /// inside and outside; from another thread by way of [`handle`](EventLoop::handle). asyncio's `stop`.
    pub fn stop(&self) {
        self.core.stopping.set(true);
    }

    /// Closes the loop: pending tasks are dropped in creation order (their destructors run, with the loop still there for
    /// them), then callbacks, timers and the reactor. Closing twice is harmless, and dropping the loop closes it. asyncio's
    /// `close`.
    ///
    /// # Errors
    /// [`LoopError::CannotCloseRunning`] from inside.
    pub fn close(&self) -> Result<(), LoopError> {
        match self.core.life.get() {
            Life::Closed | Life::Closing => return Ok(()),
            Life::Running => return Err(LoopError::CannotCloseRunning),
            Life::Idle => self.core.life.set(Life::Closing),
        }
        let core = &self.core;
        let _entered = Entered::new(core);
        // Round and round, since a destructor may schedule what then has to be dropped too.
        loop {
            for task in core.tasks() {
                core.exceptions.report(&ExceptionContext {
                    message: "Task was destroyed but it is pending!".to_owned(),
                    source: format!("task: {:?}", AnyTask::new(task.clone())),
                    panic: None,
                });
                task.clone().destroy();
                core.observe(|| Event::StepEnd {
                    task: task.header().number,
                    end: StepEnd::Destroyed,
                });
            }
            let (steps, _callbacks) = core.ready.borrow_mut().take_queue();
            let timers = mem::take(&mut *core.timers.borrow_mut());
            let waits = timers.len();
            if core.task_count() == 0 && steps == 0 && waits == 0 {
                break;
            }
            log::debug!(
                "closing the loop drops {steps} entries that were ready and {waits} timers"
            );
        }
        drop(core.inbox.close());
        core.release();
        core.life.set(Life::Closed);
        core.pool.shut_down();
        #[cfg(unix)]
        drop(core.take_extensions());
        let reactor = core.reactor.borrow_mut().take();
        drop(reactor);
        core.observe(|| Event::Close);
        #[cfg(unix)]
        trace::loop_closed(core.id());
        Ok(())
    }

    /// Has `handler` told of failures that nobody awaits: panics of callbacks, panics of tasks whose outcome is never looked at,
    /// tasks that are pending when the loop is closed. Without a handler, or with one that panics itself, they are logged.
    /// asyncio's `set_exception_handler`.
    ///
    /// ```
    /// let event_loop = glassloop::EventLoop::new()?;
    /// event_loop.set_exception_handler(|failure| eprintln!("{}", failure.message));
    /// event_loop.call_soon(|| panic!("seen by the handler"))?;
    /// event_loop.run_until_complete(glassloop::yield_now())?;
    /// # Ok::<(), glassloop::LoopError>(())
    /// ```
    pub fn set_exception_handler(&self, handler: impl Fn(&ExceptionContext) + 'static) {
        self.core.exceptions.set(Some(Rc::new(handler)));
    }

    /// Has failures logged again. asyncio's `set_exception_handler(None)`.
    pub fn reset_exception_handler(&self) {
        self.core.exceptions.set(None);
    }

    /// Whether the loop is running now. asyncio's `is_running`.
    pub fn is_running(&self) -> bool {
        self.core.life.get() == Life::Running
    }

    /// Whether the loop was closed. asyncio's `is_closed`.
    pub fn is_closed(&self) -> bool {
        self.core.life.get() == Life::Closed
    }

    /// The loop's clock: time since it was made. It never goes back; in virtual time it starts at 0 and jumps.
    /// asyncio's `time`.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.core.clock.read())
    }

    /// Moves the clock of a loop in virtual time on, as code would that blocks for so long. In real time it does nothing.
    /// asyncio has no counterpart.
    pub fn advance(&self, by: Duration) {
        if self.core.clock.is_virtual() {
            let to = self.core.clock.after(by).unwrap_or(u64::MAX);
            self.core.jump(to);
        }
    }

    /// Makes a task; its first step comes in the next turn. May be called from inside and outside. asyncio's
    /// `loop.create_task`.
    ///
    /// # Errors
    /// [`LoopError::Closed`]; [`LoopError::TooManyTasks`] beyond 16,777,216.
    #[track_caller]
    pub fn create_task<C>(&self, coroutine: C) -> Result<Task<C::Output>, LoopError>
    where
        C: Coroutine,
        C::IntoFuture: 'static,
    {
        task::spawn(
            self.core.clone(),
            coroutine.into_future(),
            Location::caller(),
        )
    }

    /// A pending promise (asyncio's `create_future`).
    pub fn create_promise<T: 'static>(&self) -> Promise<T> {
        Promise::on(self.core.clone())
    }

    /// The way for other threads to reach this loop, where asyncio has `call_soon_threadsafe` on the loop itself.
    pub fn handle(&self) -> LoopHandle {
        LoopHandle::new(self.core.id(), self.core.inbox.clone())
    }

    /// The loop's tasks that are not done, in creation order. asyncio's `all_tasks`.
    pub fn all_tasks(&self) -> Vec<AnyTask> {
        self.core.tasks().into_iter().map(AnyTask::new).collect()
    }
}

/// While it lives, the loop is running.
pub(crate) struct Running<'a> {
    core: &'a Rc<Core>,
    _entered: Entered,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.core.life.set(Life::Idle);
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        if self.owns {
            if let Some(shuffle) = &self.core.shuffle {
                shuffle.print_if_panicking();
            }
            // It is not running, since running borrows it.
            let _ = self.close();
        }
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (running, closed) = (self.is_running(), self.is_closed());
        let debug = self.core.watchdog.is_some();
        write!(
            f,
            "<EventLoop running={running} closed={closed} debug={debug}>"
        )
    }
}

pub(crate) fn unless_panicked<T>(outcome: Result<T, TaskError>) -> Result<T, LoopError> {
    match outcome {
        Err(TaskError::Panicked(panic)) => panic.resume(),
        other => other.map_err(LoopError::Task),
    }
}

/// The loop that runs in this thread.
///
/// asyncio's `get_running_loop`.
///
/// # Errors
/// [`LoopError::NoRunningLoop`] outside of coroutines and callbacks.
pub fn get_running_loop() -> Result<EventLoop, LoopError> {
    let core = current::get()?;
    Ok(EventLoop { core, owns: false })
}

shown_as! { Builder => "<Builder of an EventLoop>" }
