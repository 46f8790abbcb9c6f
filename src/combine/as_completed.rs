//! As completed: the tasks of a list one after the other, in the order in which they end.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::combine::wait::{WaitItem, distinct};
use crate::core::Core;
use crate::current;
use crate::error::TimeoutError;
use crate::header::{Ended, ListenerKey, Several, Watchable, Watcher, Watching, pending_tasks};
use crate::observe::{Combinator, Site, WaitKind};
use crate::text::shown_as;
use crate::time::{Sleep, sleep_at};
use crate::wait_on::WaitOn;
use crate::waker::wake_on;

/// Notes who has ended, in that order.
struct Finish {
    core: Rc<Core>,
    /// What is watched.
    items: Vec<Rc<dyn Watchable>>,
    ended: RefCell<VecDeque<usize>>,
    /// How many have not.
    running: Cell<usize>,
    waker: Cell<Option<Waker>>,
}

impl Watcher for Finish {
    fn child_done(&self, index: usize, _: Ended) {
        self.ended.borrow_mut().push_back(index);
        self.running.set(self.running.get() - 1);
        if let Some(waker) = self.waker.take() {
            wake_on(&self.core, waker);
        }
    }
}

impl Several for Finish {
    fn wait_kind(&self) -> WaitKind {
        Combinator::AsCompleted.waits(self.running.get(), self.items.len())
    }

    fn tasks(&self) -> Vec<u64> {
        pending_tasks(self.items.iter().cloned())
    }
}

/// The stream of [`as_completed`].
pub struct AsCompleted<H> {
    /// Those that were not given out yet.
    items: Vec<Option<H>>,
    keys: Vec<Option<ListenerKey>>,
    finish: Rc<Finish>,
    left: usize,
    limit: Option<Sleep>,
    site: Site,
}

/// Gives `items` one by one, as they end: `while let Some(task) = stream.next().await`. Those that have ended before come
/// first, in the order of the list; one that is given twice comes once.
///
/// Nothing is cancelled, neither by the [`timeout`](AsCompleted::timeout) nor when the stream is dropped. asyncio's
/// `as_completed` in its `async for` form, where the original tasks come out.
///
/// # Panics
/// Without a running loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{as_completed, create_task, sleep};
/// use std::time::Duration;
///
/// let nap = |ms| create_task(async move { sleep(Duration::from_millis(ms)).await; ms });
/// let mut finished = as_completed([nap(9), nap(1), nap(5)]);
/// let mut order = Vec::new();
/// while let Some(task) = finished.next().await {
///     order.push(task.unwrap().await.unwrap());
/// }
/// assert_eq!(order, [1, 5, 9]);
/// # }).unwrap();
/// ```
#[track_caller]
pub fn as_completed<H: WaitItem>(items: impl IntoIterator<Item = H>) -> AsCompleted<H> {
    let items = distinct(items);
    let finish = Rc::new(Finish {
        core: current::expect(),
        items: items.iter().map(|item| item.watched().0).collect(),
        ended: RefCell::default(),
        running: Cell::new(items.len()),
        waker: Cell::new(None),
    });
    let watching: Watching = Rc::new(finish.clone());
    let keys = finish.items.iter().enumerate().map(|(i, item)| {
        let watched = item.watch(&watching, i);
        watched.map_err(|how| finish.child_done(i, how)).ok()
    });
    AsCompleted {
        keys: keys.collect(),
        left: items.len(),
        items: items.into_iter().map(Some).collect(),
        finish,
        limit: None,
        site: Location::caller(),
    }
}

impl<H> AsCompleted<H> {
    /// How long all of them together may take at most, from now on. asyncio's argument `timeout`.
    pub fn timeout(mut self, limit: Duration) -> AsCompleted<H> {
        self.limit = Some(sleep_at(limit, self.site));
        self
    }

    /// The next one to end; `None` when all have been given. May be dropped and asked again: nothing is lost.
    /// asyncio's `__anext__`.
    ///
    /// # Errors
    /// [`TimeoutError`] when the time is over with some that have not ended; once, and then `None`. They run on.
    ///
    /// # Cancellation
    /// Loses nothing.
    #[track_caller]
    #[allow(clippy::should_implement_trait)] // it gives a future, which an iterator does not
    pub fn next(&mut self) -> impl Future<Output = Option<Result<H, TimeoutError>>> {
        self.next_from(Location::caller())
    }

    async fn next_from(&mut self, site: Site) -> Option<Result<H, TimeoutError>> {
        if self.left == 0 {
            return None;
        }
        let ended = poll_fn(|context| {
            let ended = self.finish.ended.borrow_mut().pop_front();
            if let Some(ended) = ended {
                return Poll::Ready(Ok(ended));
            }
            if let Some(limit) = &mut self.limit {
                if Pin::new(limit).poll(context).is_ready() {
                    return Poll::Ready(Err(TimeoutError));
                }
            }
            drop(self.finish.waker.replace(Some(context.waker().clone())));
            let on = || WaitOn::Several(self.finish.clone());
            self.finish.core.note_wait(on, Some(site));
            Poll::Pending
        });
        match ended.await {
            Ok(ended) => {
                self.left -= 1;
                self.items[ended].take().map(Ok)
            }
            Err(late) => {
                self.left = 0;
                Some(Err(late))
            }
        }
    }
}

impl<H> Drop for AsCompleted<H> {
    fn drop(&mut self) {
        for (item, key) in self.finish.items.iter().zip(&self.keys) {
            if let Some(key) = key {
                item.unwatch(*key);
            }
        }
    }
}

shown_as! { AsCompleted<H> => "<as_completed>" }
