//! Wait: until one, or the first failure, or all of several tasks are done. It takes nothing from them and cancels nothing.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::core::Core;
use crate::current;
use crate::header::{
    Ended, ListenerKey, Several, Watchable, Watched, Watcher, Watching, pending_tasks,
};
use crate::observe::{Combinator, Site, WaitKind};
use crate::promise::Promise;
use crate::task::Task;
use crate::text::shown_as;
use crate::time::{Sleep, sleep_at};
use crate::wait_on::WaitOn;
use crate::waker::wake_on;

/// When a [`wait`] is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnWhen {
    /// When at least one is done.
    FirstCompleted,
    /// When one has panicked, or (with [`try_wait`]) has an `Err`, or all are done. A cancellation is no exception.
    FirstException,
    /// When all are done.
    AllCompleted,
}

/// asyncio's name for [`ReturnWhen::FirstCompleted`].
pub const FIRST_COMPLETED: ReturnWhen = ReturnWhen::FirstCompleted;
/// asyncio's name for [`ReturnWhen::FirstException`].
pub const FIRST_EXCEPTION: ReturnWhen = ReturnWhen::FirstException;
/// asyncio's name for [`ReturnWhen::AllCompleted`].
pub const ALL_COMPLETED: ReturnWhen = ReturnWhen::AllCompleted;

/// [`wait`] was given nothing to wait for (asyncio's `ValueError`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmptySetError;

impl fmt::Display for EmptySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Set of Tasks/Futures is empty.")
    }
}

impl std::error::Error for EmptySetError {}

/// What [`wait`] takes: tasks or promises, not coroutines.
pub trait WaitItem {
    #[doc(hidden)]
    fn watched(&self) -> Watched;
}

impl<T: 'static> WaitItem for Task<T> {
    fn watched(&self) -> Watched {
        Watched(self.promise().cell.clone())
    }
}

impl<T: 'static> WaitItem for Promise<T> {
    fn watched(&self) -> Watched {
        Watched(self.cell.clone())
    }
}

impl<H: WaitItem> WaitItem for &H {
    fn watched(&self) -> Watched {
        (**self).watched()
    }
}

/// What [`try_wait`] takes: tasks and promises of `Result`s.
pub trait TryWaitItem: WaitItem {
    /// Tells whether it has ended with an error.
    #[doc(hidden)]
    fn failure(&self) -> Failure;
}

type Failure = Box<dyn Fn() -> bool>;

impl<V: 'static, E: 'static> TryWaitItem for Promise<Result<V, E>> {
    fn failure(&self) -> Failure {
        let promise = self.clone();
        Box::new(move || {
            promise.cell.ended() == Some(Ended::Finished)
                && matches!(&*promise.cell.outcome(), Ok(Err(_)))
        })
    }
}

impl<V: 'static, E: 'static> TryWaitItem for Task<Result<V, E>> {
    fn failure(&self) -> Failure {
        self.promise().failure()
    }
}

impl<H: TryWaitItem> TryWaitItem for &H {
    fn failure(&self) -> Failure {
        (**self).failure()
    }
}

/// `items` without repetitions, in the order of their first places.
pub(super) fn distinct<H: WaitItem>(items: impl IntoIterator<Item = H>) -> Vec<H> {
    let mut seen = HashSet::new();
    let is_new = |item: &H| seen.insert(Rc::as_ptr(&item.watched().0).cast::<()>());
    items.into_iter().filter(is_new).collect()
}

/// Notes what is done and wakes the one who waits.
struct Watch {
    core: Rc<Core>,
    items: Vec<Rc<dyn Watchable>>,
    /// For each item, if it can end with an error of its own.
    failures: Vec<Failure>,
    return_when: ReturnWhen,
    left: Cell<usize>,
    over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Watcher for Watch {
    fn child_done(&self, index: usize, how: Ended) {
        self.left.set(self.left.get() - 1);
        let enough = match self.return_when {
            ReturnWhen::FirstCompleted => true,
            ReturnWhen::FirstException => {
                how == Ended::Panicked || self.failures.get(index).is_some_and(|failed| failed())
            }
            ReturnWhen::AllCompleted => false,
        };
        if enough || self.left.get() == 0 {
            self.over.set(true);
            let waker = self.waker.borrow_mut().take();
            if let Some(waker) = waker {
                wake_on(&self.core, waker);
            }
        } else {
            self.core.counts_on(&self.waker);
        }
    }
}

impl Several for Watch {
    fn wait_kind(&self) -> WaitKind {
        Combinator::Wait.waits(self.left.get(), self.items.len())
    }

    fn tasks(&self) -> Vec<u64> {
        pending_tasks(self.items.iter().cloned())
    }
}

/// The future of [`wait`].
#[must_use = "a wait does nothing unless it is awaited"]
pub struct Wait<H> {
    items: Vec<H>,
    failure: Option<fn(&H) -> Failure>,
    return_when: ReturnWhen,
    timeout: Option<Duration>,
    site: Site,
    begun: Option<Begun>,
}

struct Begun {
    watch: Rc<Watch>,
    keys: Vec<Option<ListenerKey>>,
    timeout: Option<Sleep>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        for (item, key) in self.watch.items.iter().zip(&self.keys) {
            if let Some(key) = key {
                item.unwatch(*key);
            }
        }
    }
}

/// Waits until all of `items` are done, or as [`return_when`](Wait::return_when) says, and gives those that are done and
/// those that are pending, both in the order in which they were given (what was given twice, once).
///
/// It takes tasks and promises, their clones, or references to them, and gives the same back. Values stay in the tasks, errors are not raised, and nothing is cancelled: neither by the
/// [`timeout`](Wait::timeout) nor when the wait itself is. asyncio's `wait`, which gives sets.
///
/// # Errors
/// [`EmptySetError`] for nothing to wait for.
///
/// # Panics
/// When awaited without a running loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{FIRST_COMPLETED, create_task, sleep, wait};
/// use std::time::Duration;
///
/// let slow = create_task(async { sleep(Duration::from_secs(3600)).await }).named("slow");
/// let fast = create_task(async { sleep(Duration::from_millis(1)).await }).named("fast");
/// let (done, pending) = wait([&slow, &fast]).return_when(FIRST_COMPLETED).await.unwrap();
/// assert_eq!(done[0].name(), "fast");
/// assert_eq!(pending[0].name(), "slow");
/// # }).unwrap();
/// ```
#[track_caller]
pub fn wait<H: WaitItem>(items: impl IntoIterator<Item = H>) -> Wait<H> {
    Wait::of(items, None, Location::caller())
}

/// [`wait`] for tasks that return `Result`s: [`FIRST_EXCEPTION`] means the first `Err`, too.
/// asyncio's `wait` looks at the errors of tasks in this way.
///
/// # Errors
/// [`EmptySetError`] for nothing to wait for.
///
/// # Panics
/// When awaited without a running loop.
#[track_caller]
pub fn try_wait<H: TryWaitItem>(items: impl IntoIterator<Item = H>) -> Wait<H> {
    Wait::of(items, Some(H::failure), Location::caller())
}

impl<H: WaitItem> Wait<H> {
    fn of(
        items: impl IntoIterator<Item = H>,
        failure: Option<fn(&H) -> Failure>,
        site: Site,
    ) -> Wait<H> {
        Wait {
            items: distinct(items),
            failure,
            return_when: ReturnWhen::AllCompleted,
            timeout: None,
            site,
            begun: None,
        }
    }
}

impl<H> Wait<H> {
    /// When it is over; [`ALL_COMPLETED`] if not said. asyncio's argument of that name.
    pub fn return_when(mut self, return_when: ReturnWhen) -> Wait<H> {
        self.return_when = return_when;
        self
    }

    /// How long it may take at most, from the first poll; then it gives what there is. asyncio's argument of that name.
    pub fn timeout(mut self, limit: Duration) -> Wait<H> {
        self.timeout = Some(limit);
        self
    }
}

impl<H: WaitItem> Wait<H> {
    fn begin(&self) -> Begun {
        let items: Vec<_> = self.items.iter().map(|item| item.watched().0).collect();
        let watch = Rc::new(Watch {
            core: current::expect(),
            return_when: self.return_when,
            left: Cell::new(items.len()),
            over: Cell::new(false),
            waker: RefCell::new(None),
            failures: match self.failure {
                Some(failure) => self.items.iter().map(failure).collect(),
                None => Vec::new(),
            },
            items,
        });
        let watching: Watching = Rc::new(watch.clone());
        let mut keys = Vec::with_capacity(watch.items.len());
        for (i, item) in watch.items.iter().enumerate() {
            let watched = item.watch(&watching, i);
            keys.push(watched.map_err(|how| watch.child_done(i, how)).ok());
        }
        Begun {
            watch,
            keys,
            timeout: self.timeout.map(|limit| sleep_at(limit, self.site)),
        }
    }
}

// The items stay where they are: nothing in here is pinned.
impl<H> Unpin for Wait<H> {}

impl<H: WaitItem> Future for Wait<H> {
    type Output = Result<(Vec<H>, Vec<H>), EmptySetError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.items.is_empty() {
            return Poll::Ready(Err(EmptySetError));
        }
        if this.begun.is_none() {
            this.begun = Some(this.begin());
        }
        let Some(begun) = &mut this.begun else {
            return Poll::Pending;
        };
        let late = begun.timeout.as_mut().is_some_and(|timeout| {
            !begun.watch.over.get() && Pin::new(timeout).poll(context).is_ready()
        });
        if !late && !begun.watch.over.get() {
            let old = begun.watch.waker.replace(Some(context.waker().clone()));
            drop(old);
            let core = &begun.watch.core;
            let on = || WaitOn::Several(begun.watch.clone());
            core.note_wait(on, Some(this.site));
            return Poll::Pending;
        }
        let ended: Vec<bool> = begun
            .watch
            .items
            .iter()
            .map(|item| item.ended().is_some())
            .collect();
        this.begun = None;
        let (mut done, mut pending) = (Vec::new(), Vec::new());
        for (item, ended) in std::mem::take(&mut this.items).into_iter().zip(ended) {
            match ended {
                true => done.push(item),
                false => pending.push(item),
            }
        }
        Poll::Ready(Ok((done, pending)))
    }
}

shown_as! { Wait<H> => "<wait>" }
