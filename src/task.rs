//! The task: a coroutine on its way, and the promise that it fulfils. One allocation holds both.
//!
//! The loop owns its tasks: it keeps one reference in its table until the coroutine has ended, whatever becomes of the
//! handles. When the coroutine ends, its outcome replaces it in place.

use std::cell::{Ref, RefCell};
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::any_task::AnyTask;
use crate::cancel::{self, Delivery};
use crate::completion::{self, Completion, Outcome, take_outcome};
use crate::core::{Core, Life};
use crate::coroutine::Coroutine;
use crate::current;
use crate::error::{InvalidStateError, LoopError, Panic, TaskError};
use crate::header::{Ended, Header, ListenerKey, Request, Runnable, Waitable, Watchable, Watching};
use crate::observe::{Site, WaitKind};
use crate::promise::{Promise, describe_callbacks, describe_outcome};
use crate::step;
use crate::task_forms;
use crate::text::function_name;
use crate::ticket::Ticket;

enum Stage<F: Future> {
    Running(F),
    Ended(Result<F::Output, TaskError>),
}

struct TaskCell<F: Future> {
    header: Header,
    core: Rc<Core>,
    completion: Completion<F::Output>,
    stage: RefCell<Stage<F>>,
}

impl<F: Future + 'static> TaskCell<F> {
    /// Polls the coroutine once; `None` while it is pending. When it ends, its future is dropped and its outcome set, but
    /// nobody is told yet.
    #[inline]
    fn poll(&self, waker: &Waker) -> Option<Ended> {
        let polled = {
            let mut stage = self.stage.borrow_mut();
            let Stage::Running(future) = &mut *stage else {
                return None;
            };
            // SAFETY: the cell lives in an `Rc` that is never unwrapped, and the future is never moved out of it: it is
            // only ever polled here and dropped in place by `finish`.
            let future = unsafe { Pin::new_unchecked(future) };
            catch_unwind(AssertUnwindSafe(|| {
                future.poll(&mut Context::from_waker(waker))
            }))
        };
        let outcome = match polled {
            Ok(Poll::Pending) => return None,
            // It asked itself to cancel and never gave the request a chance: the value is lost, as in asyncio.
            Ok(Poll::Ready(_)) if self.header.flags.get().pending => Err(TaskError::Cancelled),
            Ok(Poll::Ready(value)) => Ok(value),
            Err(payload) => Err(TaskError::Panicked(Panic::new(payload))),
        };
        Some(self.finish(outcome))
    }

    /// Ends it where it stands.
    #[cold]
    #[inline(never)]
    fn cancelled(&self) -> Ended {
        self.finish(Err(TaskError::Cancelled))
    }

    /// Drops the future in place and puts the outcome there. Its state changes after that: a destructor still sees it pending.
    #[inline(always)]
    fn finish(&self, outcome: Result<F::Output, TaskError>) -> Ended {
        let mut how = match &outcome {
            Ok(_) => Ended::Finished,
            Err(TaskError::Cancelled) => Ended::Cancelled,
            Err(_) => Ended::Panicked,
        };
        let mut stage = self.stage.borrow_mut();
        // An assignment drops the old value where it stands, which is what a pinned future asks for, and stores the new
        // one even if that drop panics.
        let dropped = catch_unwind(AssertUnwindSafe(|| *stage = Stage::Ended(outcome)));
        if let Err(payload) = dropped {
            *stage = Stage::Ended(Err(TaskError::Panicked(Panic::new(payload))));
            how = Ended::Panicked;
        }
        how
    }
}

impl<F: Future + 'static> Runnable for TaskCell<F> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn step(self: Rc<Self>, ticket: Ticket, waited: bool) -> Option<Ended> {
        let (core, header) = (&self.core, &self.header);
        let ended = match step::begin(core, header, ticket, waited) {
            Delivery::Step => self.poll(&step::waker(core, ticket)),
            Delivery::DropFuture => Some(self.cancelled()),
        };
        // It waits, and nobody has asked it to cancel: the usual case.
        if ended.is_none() && !header.flags.get().any() {
            step::end(core, header);
            return None;
        }
        let ended = match ended {
            None if header.flags.get().ends => Some(self.cancelled()),
            ended => ended,
        };
        step::end(core, header);
        match ended {
            Some(how) => {
                completion::end(&self, how);
                core.remove_task(ticket);
            }
            None => {
                let task: Rc<dyn Runnable> = self.clone();
                cancel::after_step(core, &task);
            }
        }
        ended
    }

    fn destroy(self: Rc<Self>) {
        completion::end(&self, self.cancelled());
        self.core.remove_task(self.core.ticket_of(&*self));
    }

    fn request_cancel(self: Rc<Self>) -> bool {
        let core = self.core.clone();
        cancel::request(&core, self)
    }

    fn coroutine(&self) -> &'static str {
        function_name(std::any::type_name::<F>())
    }
}

impl<F: Future + 'static> Waitable for TaskCell<F> {
    fn ended(&self) -> Option<Ended> {
        self.completion.ended()
    }

    fn on_cancel(self: Rc<Self>, request: &mut Request) {
        let task: Rc<dyn Runnable> = self.clone();
        cancel::ask_task(&self.core, &task, request);
    }

    fn wait_kind(&self) -> WaitKind {
        WaitKind::Task(self.header.number)
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        task_forms::describe(&self.core, self, f)?;
        describe_callbacks(&self.completion, f)?;
        f.write_str(">")
    }

    fn describe_awaited(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        task_forms::describe_awaited(&self.core, self, f)?;
        describe_callbacks(&self.completion, f)?;
        f.write_str(">")
    }
}

impl<F: Future + 'static> Watchable for TaskCell<F> {
    fn watch(&self, watcher: &Watching, index: usize) -> Result<ListenerKey, Ended> {
        self.completion.watch(watcher, index)
    }

    fn unwatch(&self, key: ListenerKey) {
        drop(self.completion.remove(key));
    }
}

impl<F: Future + 'static> Outcome<F::Output> for TaskCell<F> {
    fn core(&self) -> &Rc<Core> {
        &self.core
    }

    fn completion(&self) -> &Completion<F::Output> {
        &self.completion
    }

    fn outcome(&self) -> Ref<'_, Result<F::Output, TaskError>> {
        Ref::map(self.stage.borrow(), |stage| match stage {
            Stage::Ended(outcome) => outcome,
            Stage::Running(_) => unreachable!("the outcome of a running task was asked for"),
        })
    }

    fn take(&self) -> Option<Result<F::Output, TaskError>> {
        if !self.completion.retrieve() {
            return None;
        }
        match &mut *self.stage.borrow_mut() {
            Stage::Ended(outcome) => Some(take_outcome(outcome)),
            Stage::Running(_) => None,
        }
    }

    fn put(
        self: Rc<Self>,
        _: Result<F::Output, TaskError>,
        _: Site,
    ) -> Result<(), InvalidStateError> {
        Err(match self.ended() {
            Some(_) => InvalidStateError::AlreadyDone,
            None => InvalidStateError::IsTask,
        })
    }

    fn as_task(self: Rc<Self>) -> Option<Rc<dyn Runnable>> {
        Some(self)
    }
}

impl<F: Future> Drop for TaskCell<F> {
    fn drop(&mut self) {
        if self.completion.is_retrieved() {
            return;
        }
        if let Stage::Ended(Err(TaskError::Panicked(panic))) = self.stage.get_mut() {
            let coroutine = function_name(std::any::type_name::<F>());
            task_forms::report_lost(&self.core, &self.header, coroutine, panic);
        }
    }
}

/// A coroutine on its way: made by [`create_task`], it runs by itself, whether anybody awaits it or not.
///
/// A task is a [`Promise`] that its coroutine fulfils, and dereferences to one: `done`, `cancelled`, `result`,
/// `exception`, `cancel` are there. Dropping the handle detaches: the loop owns the task and runs it to its end.
/// `task.await` gives `Result<T, TaskError>` and moves the value out; `(&task).await` copies it.
///
/// asyncio's `Task`.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::create_task;
///
/// async fn hello() -> &'static str { "Hello!" }
/// let task = create_task(hello());
/// assert!(!task.done()); // it has not even begun: its first step comes in the next turn
/// assert_eq!(task.await.unwrap(), "Hello!");
/// # }).unwrap();
/// ```
pub struct Task<T> {
    /// Of a task's cell: only `spawn` and `add_done_callback` make a `Task`.
    promise: Promise<T>,
}

impl<T: 'static> Task<T> {
    pub(crate) fn promise(&self) -> &Promise<T> {
        &self.promise
    }

    pub(crate) fn into_inner(self) -> Promise<T> {
        self.promise
    }

    /// Its name: `Task-1` for the loop's first, unless it was given another one.
    pub fn name(&self) -> String {
        self.as_any().name()
    }

    /// Gives it a name.
    pub fn set_name(&self, name: impl Into<String>) {
        self.as_any().set_name(name);
    }

    /// [`set_name`](Task::set_name) in the form of a builder: `create_task(work()).named("worker")`. asyncio's argument `name`.
    pub fn named(self, name: impl Into<String>) -> Task<T> {
        self.set_name(name);
        self
    }

    /// How many requests to cancel were made and not taken back.
    pub fn cancelling(&self) -> u32 {
        self.as_any().cancelling()
    }

    /// Takes one request to cancel back and returns how many are left. When none is left, one that is not delivered yet is
    /// withdrawn.
    pub fn uncancel(&self) -> u32 {
        self.as_any().uncancel()
    }

    /// Has `function` called with the task when it is done, by the ready queue; see [`Promise::add_done_callback`].
    #[track_caller]
    pub fn add_done_callback<F>(&self, function: F) -> crate::promise::CallbackId
    where
        F: FnOnce(&Task<T>) + 'static,
    {
        self.promise.add_done_callback_named::<F>(move |promise| {
            let promise = promise.clone();
            function(&Task { promise });
        })
    }

    /// The task without the type of its result, for lists of all kinds of tasks.
    pub fn as_any(&self) -> AnyTask {
        let task = self.promise.cell.clone().as_task();
        AnyTask::new(task.expect("a task's promise is the task"))
    }
}

impl<T> Deref for Task<T> {
    type Target = Promise<T>;

    fn deref(&self) -> &Promise<T> {
        &self.promise
    }
}

impl<T> Clone for Task<T> {
    fn clone(&self) -> Self {
        Task {
            promise: self.promise.clone(),
        }
    }
}

/// Handles are equal when they are of the same task.
impl<T> PartialEq for Task<T> {
    fn eq(&self, other: &Task<T>) -> bool {
        self.promise == other.promise
    }
}

impl<T> Eq for Task<T> {}

impl<T: fmt::Debug + 'static> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{:?}", self.as_any());
        text.pop();
        f.write_str(&text)?;
        describe_outcome(&*self.promise.cell, f)?;
        f.write_str(">")
    }
}

/// Makes a task of the running loop. It does not run now: its first step comes in the next turn.
///
/// asyncio's `create_task`.
///
/// # Panics
/// Without a running loop ([`EventLoop::create_task`](crate::EventLoop::create_task) works outside), and when the loop
/// holds 16,777,216 tasks.
#[track_caller]
pub fn create_task<C>(coroutine: C) -> Task<C::Output>
where
    C: Coroutine,
    C::IntoFuture: 'static,
{
    let coroutine = coroutine.into_future();
    match spawn(current::expect(), coroutine, Location::caller()) {
        Ok(task) => task,
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn spawn<F>(
    core: Rc<Core>,
    coroutine: F,
    site: Site,
) -> Result<Task<F::Output>, LoopError>
where
    F: Future + 'static,
{
    core.check_open()?;
    // A destructor spawns while the loop closes: the task is cancelled before it ever runs.
    let closing = core.life.get() == Life::Closing;
    let (number, slot) = match closing {
        false => core.next_task()?,
        true => (0, 0),
    };
    let task = in_place(|| TaskCell {
        header: Header::new(number, slot, site, core.context.get()),
        core,
        completion: Completion::new(),
        stage: RefCell::new(Stage::Running(coroutine)),
    });
    match closing {
        false => task.core.add_task(&task),
        true => completion::end(&task, task.cancelled()),
    }
    Ok(Task {
        promise: Promise { cell: task },
    })
}

/// `Rc::new`, which would make the value elsewhere and then move it: a coroutine can be large.
#[inline]
fn in_place<T>(make: impl FnOnce() -> T) -> Rc<T> {
    let mut place = Rc::new_uninit();
    let Some(alone) = Rc::get_mut(&mut place) else {
        unreachable!("nobody else has it yet")
    };
    alone.write(make());
    // SAFETY: it was written to just now.
    unsafe { place.assume_init() }
}
