//! The promise: asyncio's `Future`. A place for a value that is not there yet, which any number of tasks can await.
//!
//! A [`Task`](crate::Task) is a promise that a coroutine fulfils: it dereferences to one, so what stands here serves both.

use std::cell::{Ref, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::cancel;
use crate::completion::{self, Completion, Listener, Outcome, take_outcome};
use crate::core::Core;
use crate::current;
use crate::error::{InvalidStateError, Panic, TaskError};
use crate::header::{Ended, ListenerKey, Request, Runnable, Waitable, Watchable, Watching};
use crate::observe::{Event, Site, WaitKind};
use crate::text::{Short, function_name};

struct PromiseCell<T> {
    core: Rc<Core>,
    completion: Completion<T>,
    outcome: RefCell<Result<T, TaskError>>,
}

impl<T: 'static> PromiseCell<T> {
    fn settle(self: Rc<Self>, how: Ended, outcome: Result<T, TaskError>) {
        *self.outcome.borrow_mut() = outcome;
        completion::end(&self, how);
    }
}

impl<T: 'static> Waitable for PromiseCell<T> {
    fn ended(&self) -> Option<Ended> {
        self.completion.ended()
    }

    fn on_cancel(self: Rc<Self>, _: &mut Request) {
        self.settle(Ended::Cancelled, Err(TaskError::Cancelled));
    }

    fn wait_kind(&self) -> WaitKind {
        WaitKind::Promise
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Promise {}", state_word(self.completion.ended()))?;
        describe_callbacks(&self.completion, f)?;
        f.write_str(">")
    }
}

impl<T: 'static> Watchable for PromiseCell<T> {
    fn watch(&self, watcher: &Watching, index: usize) -> Result<ListenerKey, Ended> {
        self.completion.watch(watcher, index)
    }

    fn unwatch(&self, key: ListenerKey) {
        drop(self.completion.remove(key));
    }
}

impl<T: 'static> Outcome<T> for PromiseCell<T> {
    fn core(&self) -> &Rc<Core> {
        &self.core
    }

    fn completion(&self) -> &Completion<T> {
        &self.completion
    }

    fn outcome(&self) -> Ref<'_, Result<T, TaskError>> {
        self.outcome.borrow()
    }

    fn take(&self) -> Option<Result<T, TaskError>> {
        let ended = self.completion.retrieve();
        ended.then(|| take_outcome(&mut self.outcome.borrow_mut()))
    }

    fn put(
        self: Rc<Self>,
        outcome: Result<T, TaskError>,
        site: Site,
    ) -> Result<(), InvalidStateError> {
        if self.completion.ended().is_some() {
            return Err(InvalidStateError::AlreadyDone);
        }
        let how = match &outcome {
            Ok(_) => Ended::Finished,
            Err(TaskError::Cancelled) => Ended::Cancelled,
            Err(_) => Ended::Panicked,
        };
        self.core.observe(|| Event::PromiseDone { site });
        self.settle(how, outcome);
        Ok(())
    }

    fn as_task(self: Rc<Self>) -> Option<Rc<dyn Runnable>> {
        None
    }
}

/// A place for a value that is not there yet. asyncio's `Future`, renamed since Rust's prelude has a trait of that name.
///
/// Clones are handles to the same promise. Somebody calls [`set_result`](Promise::set_result); whoever awaits it goes on
/// in the next turn, in the order of the awaits. `promise.await` moves the value out and gives
/// `Result<T, TaskError>`; `(&promise).await` copies it, so that several tasks can have it.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{Promise, create_task};
///
/// let promise = Promise::new();
/// let fulfil = promise.clone();
/// create_task(async move { fulfil.set_result("Hello!").unwrap() });
/// assert_eq!(promise.await.unwrap(), "Hello!");
/// # }).unwrap();
/// ```
///
/// There is no `set_exception`: an error of yours is the `Err` of a `Promise<Result<V, E>>`.
pub struct Promise<T> {
    pub(crate) cell: Rc<dyn Outcome<T>>,
}

/// Names one registration of a done-callback, for [`Promise::remove_done_callback`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallbackId(Option<ListenerKey>);

impl<T: 'static> Promise<T> {
    /// A pending promise of the running loop.
    ///
    /// # Panics
    /// Without a running loop; [`EventLoop::create_promise`](crate::EventLoop::create_promise) works outside.
    #[track_caller]
    #[allow(clippy::new_without_default)] // a default that panics outside of the loop would surprise
    pub fn new() -> Promise<T> {
        Promise::on(current::expect())
    }

    pub(crate) fn on(core: Rc<Core>) -> Promise<T> {
        Promise {
            cell: Rc::new(PromiseCell {
                core,
                completion: Completion::new(),
                outcome: RefCell::new(Err(TaskError::NotDone)),
            }),
        }
    }

    /// Moves the value out, if it is done.
    pub(crate) fn take_outcome(&self) -> Result<T, TaskError> {
        self.cell.take().unwrap_or(Err(TaskError::NotDone))
    }

    /// Fulfils the promise: callbacks and awaiting tasks are scheduled for the next turn.
    ///
    /// # Errors
    /// [`InvalidStateError`] when it is done or cancelled already (the value is dropped), or when it is a task.
    #[track_caller]
    pub fn set_result(&self, value: T) -> Result<(), InvalidStateError> {
        self.cell.clone().put(Ok(value), Location::caller())
    }

    /// Whether it has an outcome, or was cancelled.
    pub fn done(&self) -> bool {
        self.cell.ended().is_some()
    }

    /// Whether it was cancelled. Just after [`cancel`](Promise::cancel) a task is not: it is when it has ended.
    pub fn cancelled(&self) -> bool {
        self.cell.ended() == Some(Ended::Cancelled)
    }

    /// A look at the outcome.
    ///
    /// # Errors
    /// [`TaskError::NotDone`] while it is pending; else why there is no value.
    pub fn result(&self) -> Result<Ref<'_, T>, TaskError> {
        if !self.cell.completion().retrieve() {
            return Err(TaskError::NotDone);
        }
        Ref::filter_map(self.cell.outcome(), |outcome| outcome.as_ref().ok()).map_err(|outcome| {
            outcome
                .as_ref()
                .err()
                .cloned()
                .unwrap_or(TaskError::NotDone)
        })
    }

    /// The panic that ended it, if one did (asyncio's `exception`).
    ///
    /// # Errors
    /// [`TaskError::NotDone`] while it is pending, [`TaskError::Cancelled`] when it was cancelled.
    pub fn exception(&self) -> Result<Option<Panic>, TaskError> {
        match self.result() {
            Ok(_) | Err(TaskError::Taken) => Ok(None),
            Err(TaskError::Panicked(panic)) => Ok(Some(panic)),
            Err(error) => Err(error),
        }
    }

    /// Asks it to cancel; false when it is done already.
    ///
    /// A promise is cancelled at once. A task is asked: it counts the request, passes it on to the task or promise that it
    /// awaits, or is cancelled in place of its next step (see [`catch_cancel`](crate::catch_cancel)).
    pub fn cancel(&self) -> bool {
        cancel::request(self.cell.core(), self.cell.clone())
    }

    /// Has `function` called with the promise when it is done: not at once, but by the ready queue, in the order of
    /// registration. If it is done already, the callback is scheduled now.
    #[track_caller]
    pub fn add_done_callback<F>(&self, function: F) -> CallbackId
    where
        F: FnOnce(&Promise<T>) + 'static,
    {
        self.add_done_callback_named::<F>(function)
    }

    /// `N` is what the user gave, where `function` wraps it.
    #[track_caller]
    pub(crate) fn add_done_callback_named<N>(
        &self,
        function: impl FnOnce(&Promise<T>) + 'static,
    ) -> CallbackId {
        let name = std::any::type_name::<N>();
        let site = Location::caller();
        let function = Box::new(move |cell| function(&Promise { cell }));
        let context = self.cell.core().context.get();
        if self.done() {
            completion::call_done(&self.cell, name, context, site, function);
            return CallbackId(None);
        }
        CallbackId(Some(self.cell.completion().add(Listener::Callback {
            name,
            site,
            context,
            function,
        })))
    }

    /// Takes a registration back; false when the callback is scheduled already, or was removed before.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        id.0.is_some_and(|key| self.cell.completion().remove(key).is_some())
    }
}

impl<T> Clone for Promise<T> {
    fn clone(&self) -> Self {
        Promise {
            cell: self.cell.clone(),
        }
    }
}

/// Handles are equal when they are of the same promise.
impl<T> PartialEq for Promise<T> {
    fn eq(&self, other: &Promise<T>) -> bool {
        std::ptr::addr_eq(Rc::as_ptr(&self.cell), Rc::as_ptr(&other.cell))
    }
}

impl<T> Eq for Promise<T> {}

pub(crate) fn state_word(ended: Option<Ended>) -> &'static str {
    match ended {
        None => "pending",
        Some(Ended::Finished | Ended::Panicked) => "finished",
        Some(Ended::Cancelled) => "cancelled",
    }
}

/// ` cb=[callback() at examples/x.rs:9]`; more than two are cut to the first and the last, as Python does.
pub(crate) fn describe_callbacks<T>(
    completion: &Completion<T>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut callbacks = Vec::new();
    completion.with_callbacks(|name, site| {
        let name = function_name(name);
        callbacks.push(format!("{name}() at {}:{}", site.file(), site.line()));
    });
    match &callbacks[..] {
        [] => Ok(()),
        [first, middle @ .., last] if !middle.is_empty() => {
            write!(f, " cb=[{first}, <{} more>, {last}]", middle.len())
        }
        all => write!(f, " cb=[{}]", all.join(", ")),
    }
}

/// ` result=…` or ` exception=…` of what has finished.
pub(crate) fn describe_outcome<T: fmt::Debug>(
    cell: &dyn Outcome<T>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if matches!(cell.ended(), None | Some(Ended::Cancelled)) {
        return Ok(());
    }
    match &*cell.outcome() {
        Ok(value) => write!(f, " result={:?}", Short(value)),
        Err(TaskError::Taken) => f.write_str(" result=<taken>"),
        Err(TaskError::Panicked(panic)) => write!(f, " exception={panic:?}"),
        Err(error) => write!(f, " exception={error:?}"),
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cell.ended() {
            Some(Ended::Finished) if self.cell.clone().as_task().is_none() => {
                f.write_str("<Promise finished")?;
                describe_outcome(&*self.cell, f)?;
                f.write_str(">")
            }
            _ => self.cell.describe(f),
        }
    }
}
