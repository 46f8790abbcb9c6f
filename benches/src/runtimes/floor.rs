//! The floor: the least that an executor can be. One allocation a task, a queue, wakers that are plain pointers.
//!
//! It is no contestant: its wakers must not leave the thread, a panic ends it, and it knows no clock and no sockets.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use super::{Locks, Queues, Runtime};

pub struct Floor;

thread_local! {
    static READY: RefCell<VecDeque<Rc<dyn Step>>> = const { RefCell::new(VecDeque::new()) };
}

trait Step {
    fn step(self: Rc<Self>);
}

enum Stage<F: Future> {
    Running(F),
    Done(F::Output),
    Taken,
}

pub struct Node<F: Future> {
    queued: Cell<bool>,
    joiner: Cell<Option<Waker>>,
    stage: UnsafeCell<Stage<F>>,
}

/// A task that yields a `T`, whatever its future is.
pub trait Joinable<T> {
    fn poll_join(&self, context: &mut Context<'_>) -> Poll<T>;
}

impl<F: Future + 'static> Node<F> {
    const VTABLE: RawWakerVTable = RawWakerVTable::new(
        |node| {
            // SAFETY: a waker of this table holds a count of the node it points to.
            unsafe { Rc::increment_strong_count(node.cast::<Node<F>>()) };
            RawWaker::new(node, &Self::VTABLE)
        },
        // SAFETY: as above; waking by value gives the count up.
        |node| Self::schedule(unsafe { Rc::from_raw(node.cast()) }),
        |node| {
            // SAFETY: as above; the count stays with the waker.
            let node = ManuallyDrop::new(unsafe { Rc::from_raw(node.cast::<Node<F>>()) });
            Self::schedule(Rc::clone(&node));
        },
        // SAFETY: as above; dropping gives the count up.
        |node| drop(unsafe { Rc::from_raw(node.cast::<Node<F>>()) }),
    );

    fn schedule(node: Rc<Node<F>>) {
        if !node.queued.replace(true) {
            READY.with_borrow_mut(|ready| ready.push_back(node));
        }
    }
}

impl<F: Future + 'static> Step for Node<F> {
    fn step(self: Rc<Self>) {
        let raw = RawWaker::new(Rc::as_ptr(&self).cast(), &Self::VTABLE);
        // SAFETY: the waker is lent for the poll, in which `self` keeps the node alive; it never gives up a count.
        let waker = ManuallyDrop::new(unsafe { Waker::from_raw(raw) });
        self.queued.set(false);
        // SAFETY: only `step` and `poll_join` touch the stage, and neither calls the other while it does.
        let stage = unsafe { &mut *self.stage.get() };
        let Stage::Running(future) = stage else {
            return;
        };
        // SAFETY: the future lives in its node until it is done, and is dropped there.
        let future = unsafe { Pin::new_unchecked(future) };
        if let Poll::Ready(value) = future.poll(&mut Context::from_waker(&waker)) {
            *stage = Stage::Done(value);
            if let Some(joiner) = self.joiner.take() {
                joiner.wake();
            }
        }
    }
}

impl<F: Future + 'static> Joinable<F::Output> for Node<F> {
    fn poll_join(&self, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: see `step`; a task that joins itself would be a programming error of the benchmark.
        let stage = unsafe { &mut *self.stage.get() };
        if matches!(stage, Stage::Running(_)) {
            self.joiner.set(Some(context.waker().clone()));
            return Poll::Pending;
        }
        match std::mem::replace(stage, Stage::Taken) {
            Stage::Done(value) => Poll::Ready(value),
            _ => panic!("joined twice"),
        }
    }
}

impl Runtime for Floor {
    type Handle<T: 'static> = Rc<dyn Joinable<T>>;

    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
        // Nor does it give memory back: else each round of a large workload pays for fresh pages, or not, as the heap's end happens to be.
        // SAFETY: it only sets a limit of the allocator.
        unsafe { libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX) };
        let main = Self::spawn(main);
        while let Some(task) = READY.with_borrow_mut(VecDeque::pop_front) {
            task.step();
        }
        match main.poll_join(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("nothing is ready and main is not done"),
        }
    }

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> Rc<dyn Joinable<T>> {
        let node = Rc::new(Node {
            queued: Cell::new(false),
            joiner: Cell::new(None),
            stage: UnsafeCell::new(Stage::Running(work)),
        });
        Node::schedule(node.clone());
        node
    }

    async fn join<T: 'static>(handle: Rc<dyn Joinable<T>>) -> T {
        poll_fn(|context| handle.poll_join(context)).await
    }
}

/// A callback that was asked to be called soon: the least it can be is a box in a queue.
pub type Callback = Box<dyn FnOnce(&Calls)>;

/// A queue of callbacks.
#[derive(Default)]
pub struct Calls(RefCell<VecDeque<Callback>>);

impl Calls {
    pub fn call_soon(&self, callback: impl FnOnce(&Calls) + 'static) {
        self.0.borrow_mut().push_back(Box::new(callback));
    }

    pub fn run(&self) {
        loop {
            let next = self.0.borrow_mut().pop_front();
            let Some(callback) = next else { return };
            callback(self);
        }
    }
}

/// A bounded queue for one producer and one consumer.
pub struct Channel {
    items: RefCell<VecDeque<u64>>,
    capacity: usize,
    not_empty: Cell<Option<Waker>>,
    not_full: Cell<Option<Waker>>,
}

impl Queues for Floor {
    type Sender = Rc<Channel>;
    type Receiver = Rc<Channel>;

    fn queue(capacity: usize) -> (Rc<Channel>, Rc<Channel>) {
        let channel = Rc::new(Channel {
            items: RefCell::default(),
            capacity,
            not_empty: Cell::new(None),
            not_full: Cell::new(None),
        });
        (channel.clone(), channel)
    }

    async fn put(sender: &mut Rc<Channel>, item: u64) {
        poll_fn(|context| {
            let mut items = sender.items.borrow_mut();
            if items.len() == sender.capacity {
                sender.not_full.set(Some(context.waker().clone()));
                return Poll::Pending;
            }
            items.push_back(item);
            if let Some(waker) = sender.not_empty.take() {
                waker.wake();
            }
            Poll::Ready(())
        })
        .await;
    }

    async fn get(receiver: &mut Rc<Channel>) -> u64 {
        poll_fn(|context| {
            let Some(item) = receiver.items.borrow_mut().pop_front() else {
                receiver.not_empty.set(Some(context.waker().clone()));
                return Poll::Pending;
            };
            if let Some(waker) = receiver.not_full.take() {
                waker.wake();
            }
            Poll::Ready(item)
        })
        .await
    }
}

/// A lock that hands itself over to who waits longest.
#[derive(Default)]
pub struct Handover {
    held: Cell<bool>,
    waiting: RefCell<VecDeque<(Rc<Cell<bool>>, Waker)>>,
}

pub struct Held<'a>(&'a Handover);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        match self.0.waiting.borrow_mut().pop_front() {
            Some((mine, waker)) => {
                mine.set(true);
                waker.wake();
            }
            None => self.0.held.set(false),
        }
    }
}

impl Locks for Floor {
    type Lock = Handover;
    type Guard<'a> = Held<'a>;

    async fn lock(lock: &Handover) -> Held<'_> {
        if lock.held.replace(true) {
            let mine = Rc::new(Cell::new(false));
            let mut queued = false;
            poll_fn(|context| {
                if mine.get() {
                    return Poll::Ready(());
                }
                if !std::mem::replace(&mut queued, true) {
                    let entry = (mine.clone(), context.waker().clone());
                    lock.waiting.borrow_mut().push_back(entry);
                }
                Poll::Pending
            })
            .await;
        }
        Held(lock)
    }
}
