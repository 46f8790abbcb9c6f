//! What can be awaited by way of the loop: a coroutine, a task, a promise. asyncio's *awaitable*, and its `ensure_future`.

use std::future::Future;
use std::rc::Rc;

use crate::core::Core;
use crate::error::LoopError;
use crate::observe::Site;
use crate::promise::Promise;
use crate::task::{self, Task};

/// A coroutine (any future), a [`Task`] or a [`Promise`]: what `gather`, `wait` and `run_until_complete` take.
///
/// A coroutine is made into a task; a task or promise is taken as it is.
pub trait Awaitable: Sized {
    /// What awaiting gives when all goes well.
    type Value: 'static;

    #[doc(hidden)]
    fn into_promise(self, spawner: &Spawner) -> Result<Promise<Self::Value>, LoopError>;
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

impl<F> Awaitable for F
where
    F: Future + 'static,
{
    type Value = F::Output;

    fn into_promise(self, spawner: &Spawner) -> Result<Promise<F::Output>, LoopError> {
        let task = task::spawn(&spawner.core, self, spawner.site)?;
        Ok(task.promise().clone())
    }
}

impl<T: 'static> Awaitable for Task<T> {
    type Value = T;

    fn into_promise(self, _: &Spawner) -> Result<Promise<T>, LoopError> {
        Ok(self.promise().clone())
    }
}

impl<T: 'static> Awaitable for &Task<T> {
    type Value = T;

    fn into_promise(self, _: &Spawner) -> Result<Promise<T>, LoopError> {
        Ok(self.promise().clone())
    }
}

impl<T: 'static> Awaitable for Promise<T> {
    type Value = T;

    fn into_promise(self, _: &Spawner) -> Result<Promise<T>, LoopError> {
        Ok(self)
    }
}

impl<T: 'static> Awaitable for &Promise<T> {
    type Value = T;

    fn into_promise(self, _: &Spawner) -> Result<Promise<T>, LoopError> {
        Ok(self.clone())
    }
}
