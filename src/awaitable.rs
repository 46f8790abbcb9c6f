//! What can be awaited by way of the loop: a coroutine, a task, a promise. asyncio's *awaitable*, and its `ensure_future`.

use std::rc::Rc;

use crate::core::Core;
use crate::coroutine::Coroutine;
use crate::error::{LoopError, TaskError};
use crate::observe::Site;
use crate::promise::Promise;
use crate::task::{self, Task};
use crate::text::shown_as;

/// A [`Coroutine`] (any future), a [`Task`] or a [`Promise`]: what `gather`, `wait` and `run_until_complete` take.
///
/// A coroutine is made into a task; a task or promise is taken as it is. The value is moved out of it, or copied if only a
/// reference is given, so that it can be had again.
pub trait Awaitable: Sized {
    /// What awaiting gives when all goes well.
    type Value: 'static;

    #[doc(hidden)]
    #[track_caller]
    fn into_promise(self, spawner: &Spawner) -> Result<Promise<Self::Value>, LoopError>;

    /// The outcome of what is done: moved out, or copied where only a reference was given.
    #[doc(hidden)]
    fn fetch(promise: &Promise<Self::Value>) -> Result<Self::Value, TaskError> {
        promise.take_outcome()
    }
}

fn copy<T: Clone + 'static>(promise: &Promise<T>) -> Result<T, TaskError> {
    promise.cell.completion().retrieve();
    promise.cell.outcome().clone()
}

/// On which loop, and at which line, a coroutine becomes a task.
#[doc(hidden)]
pub struct Spawner {
    core: Rc<Core>,
    site: Site,
}

impl Spawner {
    pub(crate) fn new(core: Rc<Core>, site: Site) -> Spawner {
        Spawner { core, site }
    }
}

impl<C> Awaitable for C
where
    C: Coroutine,
    C::IntoFuture: 'static,
    C::Output: 'static,
{
    type Value = C::Output;

    fn into_promise(self, spawner: &Spawner) -> Result<Promise<C::Output>, LoopError> {
        let task = task::spawn(spawner.core.clone(), self.into_future(), spawner.site)?;
        Ok(task.into_inner())
    }
}

impl<T: 'static> Awaitable for Task<T> {
    type Value = T;

    fn into_promise(self, _: &Spawner) -> Result<Promise<T>, LoopError> {
        Ok(self.into_inner())
    }
}

impl<T: Clone + 'static> Awaitable for &Task<T> {
    type Value = T;

    fn into_promise(self, _: &Spawner) -> Result<Promise<T>, LoopError> {
        Ok(self.promise().clone())
    }

    fn fetch(promise: &Promise<T>) -> Result<T, TaskError> {
        copy(promise)
    }
}

impl<T: 'static> Awaitable for Promise<T> {
    type Value = T;

    fn into_promise(self, _: &Spawner) -> Result<Promise<T>, LoopError> {
        Ok(self)
    }
}

impl<T: Clone + 'static> Awaitable for &Promise<T> {
    type Value = T;

    fn into_promise(self, _: &Spawner) -> Result<Promise<T>, LoopError> {
        Ok(self.clone())
    }

    fn fetch(promise: &Promise<T>) -> Result<T, TaskError> {
        copy(promise)
    }
}

shown_as! { Spawner => "<Spawner>" }
