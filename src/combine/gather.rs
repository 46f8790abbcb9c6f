//! Gather: run several things at once and collect their results in the order of the arguments.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::awaitable::Spawner;
use crate::combine::children::{Children, Promises, TryChildren};
use crate::core::Core;
use crate::current;
use crate::error::{ChildError, TaskError};
use crate::header::{
    Ended, ListenerKey, Request, Waitable, Watchable, Watcher, Watching, pending_tasks,
};
use crate::observe::{Combinator, Site, WaitKind};
use crate::promise::state_word;
use crate::wait_on::WaitOn;
use crate::waker::wake_on;

/// How a gather came to its end before all children did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Open,
    /// This child failed.
    Failed(usize),
    AllDone,
}

/// Watches the children and wakes the one who gathers.
struct Gathering<P> {
    core: Rc<Core>,
    promises: P,
    /// By which keys children have this as a watcher, of those that do not have it as [`ListenerKey::FIRST`].
    keys: RefCell<Vec<(usize, ListenerKey)>>,
    left: Cell<usize>,
    verdict: Cell<Verdict>,
    cancel_asked: Cell<bool>,
    /// Whether a child that has a value ends the gather all the same.
    fails: Option<fn(&P, usize) -> bool>,
    keep_errors: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl<P: Promises> Gathering<P> {
    fn children(&self) -> impl DoubleEndedIterator<Item = Rc<dyn Watchable>> {
        (0..self.promises.count()).map(|i| self.promises.watched(i).0)
    }
}

impl<P: Promises> Watcher for Gathering<P> {
    fn child_done(&self, index: usize, how: Ended) {
        self.left.set(self.left.get() - 1);
        if self.verdict.get() != Verdict::Open {
            return;
        }
        let failed = match self.fails {
            Some(fails) if how == Ended::Finished => fails(&self.promises, index),
            _ => how != Ended::Finished,
        };
        if failed && !self.keep_errors.get() {
            self.verdict.set(Verdict::Failed(index));
        } else if self.left.get() == 0 {
            self.verdict.set(Verdict::AllDone);
        } else {
            return self.core.counts_on(&self.waker);
        }
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            wake_on(&self.core, waker);
        }
    }
}

impl<P: Promises> Waitable for Gathering<P> {
    /// Cancelled, once it was asked to, even if the children made light of it; but a child that fails meanwhile is an error.
    fn ended(&self) -> Option<Ended> {
        let cancelled = match self.verdict.get() {
            Verdict::Open => return None,
            Verdict::Failed(child) => {
                self.promises.watched(child).0.ended() == Some(Ended::Cancelled)
            }
            Verdict::AllDone => true,
        };
        Some(match cancelled && self.cancel_asked.get() {
            true => Ended::Cancelled,
            false => Ended::Finished,
        })
    }

    fn on_cancel(self: Rc<Self>, request: &mut Request) {
        self.cancel_asked.set(true);
        let pending = self.children().filter(|child| child.ended().is_none());
        request.forward_all(pending.map(|child| child as Rc<dyn Waitable>));
    }

    fn wait_kind(&self) -> WaitKind {
        Combinator::Gather.waits(self.left.get(), self.promises.count())
    }

    fn tasks(&self) -> Vec<u64> {
        pending_tasks(self.children())
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.promises.count();
        write!(f, "<gather {} of {all} done>", all - self.left.get())
    }
}

/// What the three futures have in common.
struct Inner<C: Children> {
    gathering: Rc<Gathering<C::Promises>>,
    site: Site,
}

impl<C: Children> Inner<C> {
    #[track_caller]
    fn start(children: C, fails: Option<fn(&C::Promises, usize) -> bool>) -> Inner<C> {
        let core = current::expect();
        let site = Location::caller();
        let promises = match children.start(&Spawner::new(core.clone(), site)) {
            Ok(promises) => promises,
            Err(error) => panic!("{error}"),
        };
        let count = promises.count();
        let gathering = Rc::new(Gathering {
            core,
            promises,
            keys: RefCell::default(),
            left: Cell::new(count),
            verdict: Cell::new(match count {
                0 => Verdict::AllDone,
                _ => Verdict::Open,
            }),
            cancel_asked: Cell::new(false),
            fails,
            keep_errors: Cell::new(false),
            waker: RefCell::new(None),
        });
        let watching: Watching = Rc::new(gathering.clone());
        for (i, child) in gathering.children().enumerate() {
            match child.watch(&watching, i) {
                Ok(ListenerKey::FIRST) => {}
                Ok(key) => gathering.keys.borrow_mut().push((i, key)),
                Err(how) => gathering.child_done(i, how),
            }
        }
        Inner { gathering, site }
    }

    fn poll_verdict(&self, context: &Context<'_>) -> Poll<Verdict> {
        let gathering = &self.gathering;
        if gathering.verdict.get() != Verdict::Open {
            return Poll::Ready(gathering.verdict.get());
        }
        let old = gathering.waker.replace(Some(context.waker().clone()));
        drop(old);
        let core = &gathering.core;
        core.note_wait(|| WaitOn::Object(gathering.clone()), Some(self.site));
        Poll::Pending
    }
}

impl<C: Children> Drop for Inner<C> {
    fn drop(&mut self) {
        // Children that are still pending would otherwise keep this, and this them, for ever.
        if self.gathering.left.get() > 0 {
            let keys = self.gathering.keys.take();
            for (i, child) in self.gathering.children().enumerate() {
                child.unwatch(match keys.binary_search_by_key(&i, |(i, _)| *i) {
                    Ok(found) => keys[found].1,
                    Err(_) => ListenerKey::FIRST,
                });
            }
        }
    }
}

/// The future of [`gather`]. It is awaited once; dropping it leaves the children running.
#[must_use = "gathered results are to be awaited"]
pub struct Gather<C: Children>(Inner<C>);

/// The future of [`Gather::return_exceptions`].
#[must_use = "gathered results are to be awaited"]
pub struct GatherResults<C: Children>(Inner<C>);

/// The future of [`try_gather`].
#[must_use = "gathered results are to be awaited"]
pub struct TryGather<C: TryChildren>(Inner<C>);

/// Runs everything in `children` at once, and gives their values in the order of the arguments.
///
/// Coroutines become tasks now, in that order; tasks and promises are taken as they are. The value of each is moved out
/// of it, so a task that is given twice has nothing the second time ([`TaskError::Taken`]); from references (`&task`) it is
/// copied. Nothing to gather is done at
/// once.
///
/// Errors of your own are values: children that return `Result`s give `Result`s (see [`try_gather`]). A child that
/// panicked or was cancelled is the error of the whole, at once; the others run on. With
/// [`return_exceptions`](Gather::return_exceptions) that too is a value. Cancelling the task that gathers cancels the
/// children, and it ends when they have. asyncio's `gather`.
///
/// # Panics
/// Without a running loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{gather, sleep};
/// use std::time::Duration;
///
/// async fn double(i: u64) -> u64 {
///     sleep(Duration::from_millis(5 - i)).await;
///     2 * i
/// }
/// assert_eq!(gather([double(1), double(2), double(3)]).await.unwrap(), [2, 4, 6]);
/// let (number, text) = gather((double(4), async { "Hello!" })).await.unwrap();
/// assert_eq!((number, text), (8, "Hello!"));
/// # }).unwrap();
/// ```
#[track_caller]
pub fn gather<C: Children>(children: C) -> Gather<C> {
    Gather(Inner::start(children, None))
}

/// [`gather`] for children that return `Result`s with one type of error: the first that fails, in time, is the error of
/// the whole; the others run on. asyncio's `gather` with its default, the first error at once.
///
/// # Panics
/// Without a running loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::try_gather;
///
/// async fn parse(text: &str) -> Result<u32, std::num::ParseIntError> { text.parse() }
/// assert_eq!(try_gather([parse("1"), parse("2")]).await.unwrap(), [1, 2]);
/// assert_eq!(
///     try_gather([parse("1"), parse("two")]).await.unwrap_err().to_string(),
///     "invalid digit found in string",
/// );
/// # }).unwrap();
/// ```
#[track_caller]
pub fn try_gather<C: TryChildren>(children: C) -> TryGather<C> {
    TryGather(Inner::start(children, Some(C::failed)))
}

impl<C: Children> Inner<C> {
    /// `<gather pending>`: asyncio's `<_GatheringFuture pending>`.
    fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.gathering.left.get();
        match (self.gathering.ended(), self.gathering.promises.count()) {
            (None, all) => write!(f, "<{name} pending, {} of {all} done>", all - left),
            (ended, _) => write!(f, "<{name} {}>", state_word(ended)),
        }
    }
}

impl<C: Children> fmt::Debug for Gather<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("gather", f)
    }
}

impl<C: Children> fmt::Debug for GatherResults<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("gather", f)
    }
}

impl<C: TryChildren> fmt::Debug for TryGather<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("try_gather", f)
    }
}

impl<C: Children> Gather<C> {
    /// Gives the outcome of every child, when all have one: a panic or a cancellation is the `Err` of that child alone.
    /// asyncio's argument `return_exceptions=True`.
    pub fn return_exceptions(self) -> GatherResults<C> {
        let gathering = &self.0.gathering;
        gathering.keep_errors.set(true);
        gathering.verdict.set(match gathering.left.get() {
            0 => Verdict::AllDone,
            _ => Verdict::Open,
        });
        GatherResults(self.0)
    }
}

impl<C: Children> Future for Gather<C> {
    type Output = Result<C::Values, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_verdict(context).map(|verdict| match verdict {
            Verdict::Failed(i) => Err(C::error(&self.0.gathering.promises, i)),
            _ => C::values(&self.0.gathering.promises),
        })
    }
}

impl<C: Children> Future for GatherResults<C> {
    type Output = C::Results;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Results> {
        let polled = self.0.poll_verdict(context);
        polled.map(|_| C::results(&self.0.gathering.promises))
    }
}

impl<C: TryChildren> Future for TryGather<C> {
    type Output = Result<C::Successes, ChildError<C::Error>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_verdict(context).map(|verdict| match verdict {
            Verdict::Failed(i) => Err(C::try_error(&self.0.gathering.promises, i)),
            _ => C::successes(&self.0.gathering.promises),
        })
    }
}
