//! The queue: items on their way from producers to consumers, with room for so many.
//!
//! An item that a getter was woken for stays in the queue until that getter steps, as in asyncio: until then anybody who
//! asks may take it. The getter then waits on in its old place. The same goes for room and putters.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::core::Core;
use crate::current;
use crate::observe::{self, Site, is_observed};
use crate::sync::event::{Event, EventWait};
use crate::sync::queue_error::{GetError, PutError, QueueShutDown, TaskDoneError};
use crate::sync::wait_list::{Kind, Spot, State, Turn, WaitList};
use crate::text::shown_as;

/// How a queue keeps its items: decides which comes out next.
pub trait Store<T>: Default {
    /// Which queue it makes.
    const KIND: Kind;

    /// Takes an item in.
    fn push(&mut self, item: T);
    /// Gives the next item out.
    fn pop(&mut self) -> Option<T>;
    /// How many there are.
    fn len(&self) -> usize;
    /// All of them, in the order in which they would come out.
    fn items(&self) -> Vec<&T>;
}

/// First in, first out.
pub struct Fifo<T>(VecDeque<T>);

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo(VecDeque::new())
    }
}

impl<T> Store<T> for Fifo<T> {
    const KIND: Kind = Kind::Queue;

    fn push(&mut self, item: T) {
        self.0.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn items(&self) -> Vec<&T> {
        self.0.iter().collect()
    }
}

struct Inner<T, S> {
    /// By which an observer knows it; 0 as long as there was none.
    number: Cell<u64>,
    maxsize: usize,
    store: RefCell<S>,
    getters: WaitList,
    putters: WaitList,
    unfinished: Cell<usize>,
    /// Set while nothing is unfinished.
    finished: Event,
    shut_down: Cell<bool>,
    items: PhantomData<T>,
}

impl<T, S: Store<T>> Inner<T, S> {
    fn len(&self) -> usize {
        self.store.borrow().len()
    }

    fn room(&self) -> usize {
        match self.maxsize {
            0 => usize::MAX,
            maxsize => maxsize.saturating_sub(self.len()),
        }
    }

    fn push(&self, item: T) {
        self.store.borrow_mut().push(item);
        self.unfinished.set(self.unfinished.get() + 1);
        self.finished.clear();
        self.report_length();
        self.getters.wake_next();
    }

    fn pop(&self) -> Option<T> {
        let item = self.store.borrow_mut().pop()?;
        self.report_length();
        self.putters.wake_next();
        Some(item)
    }

    #[inline]
    fn report_length(&self) {
        if is_observed() {
            current::with(|core| core.observe(|| self.length_event(core)));
        }
    }

    #[cold]
    fn length_event(&self, core: &Core) -> observe::Event<'static> {
        if self.number.get() == 0 {
            self.number.set(core.next_number());
        }
        observe::Event::Queue {
            queue: self.number.get(),
            length: self.len(),
            capacity: self.maxsize,
        }
    }
}

/// Hands items from tasks that put them to tasks that get them, first in, first out. asyncio's `Queue`; see also
/// [`LifoQueue`](super::LifoQueue) and [`PriorityQueue`](super::PriorityQueue).
///
/// Getters of an empty queue are woken in the order in which they came, and so are putters of a full one. Clones are the same queue. It may be
/// made, looked at and used by way of the `nowait` methods outside of a loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{create_task, sync::Queue};
///
/// let queue = Queue::new(0);
/// for n in 1..=3 {
///     queue.put(n).await.unwrap();
/// }
/// let worker = create_task({
///     let queue = queue.clone();
///     async move {
///         let mut sum = 0;
///         while let Ok(n) = queue.get().await {
///             sum += n;
///             queue.task_done().unwrap();
///         }
///         sum
///     }
/// });
/// queue.join().await;
/// queue.shutdown(false);
/// assert_eq!(worker.await.unwrap(), 6);
/// # }).unwrap();
/// ```
pub struct Queue<T, S = Fifo<T>>(Rc<Inner<T, S>>);

impl<T> Queue<T> {
    /// A queue with room for `maxsize` items; 0 is no limit.
    pub fn new(maxsize: usize) -> Queue<T> {
        Queue::with_store(maxsize)
    }
}

impl<T, S: Store<T>> Queue<T, S> {
    pub(crate) fn with_store(maxsize: usize) -> Queue<T, S> {
        let finished = Event::new();
        finished.set();
        Queue(Rc::new(Inner {
            number: Cell::new(0),
            maxsize,
            store: RefCell::default(),
            getters: WaitList::default(),
            putters: WaitList::default(),
            unfinished: Cell::new(0),
            finished,
            shut_down: Cell::new(false),
            items: PhantomData,
        }))
    }

    /// How many items it has.
    pub fn qsize(&self) -> usize {
        self.0.len()
    }

    /// How many items it has room for; 0 is no limit.
    pub fn maxsize(&self) -> usize {
        self.0.maxsize
    }

    /// Whether it has no items.
    pub fn empty(&self) -> bool {
        self.0.len() == 0
    }

    /// Whether it has no room.
    pub fn full(&self) -> bool {
        self.0.room() == 0
    }

    /// Puts an item in; waits while there is no room.
    ///
    /// A wait that is cancelled puts nothing in, and drops the item; if room had been made for it, that goes to the next
    /// putter.
    ///
    /// # Errors
    /// [`QueueShutDown`], with the item, when the queue is shut down.
    ///
    /// # Panics
    /// When it has to wait and no loop is running.
    #[track_caller]
    pub fn put(&self, item: T) -> Put<T, S> {
        Put {
            queue: self.clone(),
            item: Some(item),
            site: Location::caller(),
            turn: None,
        }
    }

    /// Puts an item in if there is room.
    ///
    /// # Errors
    /// [`PutError`], with the item, when there is no room or the queue is shut down.
    pub fn put_nowait(&self, item: T) -> Result<(), PutError<T>> {
        if self.0.shut_down.get() {
            return Err(PutError::QueueShutDown(item));
        }
        if self.full() {
            return Err(PutError::QueueFull(item));
        }
        self.0.push(item);
        Ok(())
    }

    /// Takes the next item out; waits until there is one.
    ///
    /// A wait that is cancelled takes nothing: if an item had come for it, that goes to the next getter.
    ///
    /// # Errors
    /// [`QueueShutDown`] when the queue is shut down and has no more items.
    ///
    /// # Panics
    /// When it has to wait and no loop is running.
    #[track_caller]
    pub fn get(&self) -> Get<T, S> {
        Get {
            queue: self.clone(),
            site: Location::caller(),
            turn: None,
        }
    }

    /// Takes the next item out if there is one.
    ///
    /// # Errors
    /// [`GetError`] when there is none, and whether one may come yet.
    pub fn get_nowait(&self) -> Result<T, GetError> {
        self.0.pop().ok_or(match self.0.shut_down.get() {
            true => GetError::QueueShutDown,
            false => GetError::QueueEmpty,
        })
    }

    /// Says that the work on one item that was taken out is done.
    ///
    /// # Errors
    /// [`TaskDoneError`] when it was said for every item already.
    pub fn task_done(&self) -> Result<(), TaskDoneError> {
        let unfinished = self.0.unfinished.get();
        let left = unfinished.checked_sub(1).ok_or(TaskDoneError)?;
        self.set_unfinished(left);
        Ok(())
    }

    fn set_unfinished(&self, left: usize) {
        self.0.unfinished.set(left);
        if left == 0 {
            self.0.finished.set();
        }
    }

    /// Waits until [`task_done`](Queue::task_done) was called for every item that was put in. Does not suspend when it was.
    ///
    /// # Panics
    /// When it has to wait and no loop is running.
    #[track_caller]
    pub fn join(&self) -> EventWait {
        self.0.finished.wait_as(Spot::here(S::KIND))
    }

    /// Refuses further items. Getters are given what is left, and then [`QueueShutDown`]; putters that wait get it at once.
    /// With `immediate` what is left is dropped and counts as done.
    pub fn shutdown(&self, immediate: bool) {
        let inner = &self.0;
        inner.shut_down.set(true);
        let mut dropped = S::default();
        if immediate {
            std::mem::swap(&mut dropped, &mut inner.store.borrow_mut());
            let unfinished = inner.unfinished.get();
            self.set_unfinished(unfinished.saturating_sub(dropped.len()));
            if dropped.len() > 0 {
                inner.report_length();
            }
        }
        while inner.getters.wake_next() {}
        while inner.putters.wake_next() {}
    }
}

impl<T, S> Clone for Queue<T, S> {
    fn clone(&self) -> Self {
        Queue(self.0.clone())
    }
}

impl<T: fmt::Debug, S: Store<T>> fmt::Debug for Queue<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        write!(f, "<{} maxsize={}", S::KIND.name(), inner.maxsize)?;
        let store = inner.store.borrow();
        if store.len() > 0 {
            write!(f, " _queue={:?}", store.items())?;
        }
        for (name, list) in [("_getters", &inner.getters), ("_putters", &inner.putters)] {
            match list.waiting() {
                0 => {}
                waiting => write!(f, " {name}[{waiting}]")?,
            }
        }
        if inner.unfinished.get() > 0 {
            write!(f, " tasks={}", inner.unfinished.get())?;
        }
        if inner.shut_down.get() {
            f.write_str(" shutdown")?;
        }
        f.write_str(">")
    }
}

/// Ready for one who comes now, or was woken, if it can be `served`.
fn poll_turn(
    list: &WaitList,
    turn: &mut Option<Turn>,
    served: bool,
    context: &Context<'_>,
    spot: Spot,
) -> Poll<()> {
    if served && (turn.is_none() || list.leave_woken(turn)) {
        return Poll::Ready(());
    }
    list.wait(turn, context.waker(), spot);
    Poll::Pending
}

/// The future of [`Queue::get`].
#[must_use = "an item is taken out only when this is awaited"]
pub struct Get<T, S: Store<T> = Fifo<T>> {
    queue: Queue<T, S>,
    site: Site,
    turn: Option<Turn>,
}

impl<T, S: Store<T>> Future for Get<T, S> {
    type Output = Result<T, QueueShutDown>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let inner = &this.queue.0;
        let served = inner.len() > 0 || inner.shut_down.get();
        let list = &inner.getters;
        let spot = Spot::new(S::KIND, this.site);
        poll_turn(list, &mut this.turn, served, context, spot)
            .map(|()| inner.pop().ok_or(QueueShutDown(())))
    }
}

impl<T, S: Store<T>> Drop for Get<T, S> {
    #[inline]
    fn drop(&mut self) {
        let inner = &self.queue.0;
        if let Some(turn) = self.turn.take() {
            if inner.getters.leave(turn) == State::Woken && inner.len() > 0 {
                inner.getters.wake_next();
            }
        }
    }
}

/// The future of [`Queue::put`].
#[must_use = "an item is put in only when this is awaited"]
pub struct Put<T, S: Store<T> = Fifo<T>> {
    queue: Queue<T, S>,
    /// Until it is handed over.
    item: Option<T>,
    site: Site,
    turn: Option<Turn>,
}

// The item is never pinned.
impl<T, S: Store<T>> Unpin for Put<T, S> {}

impl<T, S: Store<T>> Future for Put<T, S> {
    type Output = Result<(), QueueShutDown<T>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let inner = &this.queue.0;
        let shut_down = inner.shut_down.get();
        let served = inner.room() > 0 || shut_down;
        let list = &inner.putters;
        let spot = Spot::new(S::KIND, this.site);
        poll_turn(list, &mut this.turn, served, context, spot).map(|()| {
            let item = this.item.take().expect("a put is polled after its end");
            if shut_down {
                return Err(QueueShutDown(item));
            }
            inner.push(item);
            Ok(())
        })
    }
}

impl<T, S: Store<T>> Drop for Put<T, S> {
    #[inline]
    fn drop(&mut self) {
        let inner = &self.queue.0;
        if let Some(turn) = self.turn.take() {
            if inner.putters.leave(turn) == State::Woken && inner.room() > 0 {
                inner.putters.wake_next();
            }
        }
    }
}

shown_as! { Get<T, S: Store<T>> => "<Queue.get>", Put<T, S: Store<T>> => "<Queue.put>", Fifo<T> => "<Fifo>" }
