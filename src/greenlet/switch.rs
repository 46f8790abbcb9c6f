//! The switch between the loop's stack and a greenlet's: polling a [`Greenlet`] resumes it, [`wait`] suspends it.
//!
//! The only file of the folder with unsafe code: `wait` finds the way back to the loop's stack through a thread-local, which
//! can hold no reference to something that lives on a stack.

use std::cell::{Cell, RefCell};
use std::pin::{Pin, pin};
use std::ptr;
use std::task::{Context, Poll, Waker};

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::greenlet::stack;

/// Going back means "not ready yet".
type Back = Yielder<(), ()>;

thread_local! {
    /// The way back of the greenlet whose stack we are on; null on the loop's own.
    static BACK: Cell<*const Back> = const { Cell::new(ptr::null()) };
    /// The waker of the poll that resumed it.
    static WAKER: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// Restores [`BACK`] and [`WAKER`] when the stack that they belong to is left, also by a panic.
struct Restore(*const Back, Option<Waker>);

impl Restore {
    fn after_setting(waker: Option<Waker>) -> Restore {
        // A greenlet that goes on sets its own way back.
        Restore(BACK.replace(ptr::null()), WAKER.replace(waker))
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        BACK.set(self.0);
        WAKER.set(self.1.take());
    }
}

/// The future whose poll runs a function on a stack of its own until the function waits. [`spawn`](super::spawn) makes a
/// task of it. Dropping it unwinds what is on the stack.
pub struct Greenlet<T: 'static> {
    coroutine: Option<Coroutine<(), (), T, DefaultStack>>,
}

impl<T: 'static> Greenlet<T> {
    /// A greenlet that has not begun; it may be polled by any task of this thread.
    ///
    /// # Panics
    /// When there is no memory for its stack.
    pub fn new<F>(function: F) -> Greenlet<T>
    where
        F: FnOnce() -> T + 'static,
    {
        let stack = match stack::take() {
            Ok(stack) => stack,
            Err(error) => panic!(
                "no stack of {} bytes for a greenlet: {error}",
                stack::STACK_SIZE
            ),
        };
        let coroutine = Coroutine::with_stack(stack, |back: &Back, ()| {
            BACK.set(back);
            function()
        });
        Greenlet {
            coroutine: Some(coroutine),
        }
    }
}

impl<T> Future for Greenlet<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let coroutine = self.coroutine.as_mut().expect("only drop takes it");
        let _restore = Restore::after_setting(Some(context.waker().clone()));
        match coroutine.resume(()) {
            CoroutineResult::Yield(()) => Poll::Pending,
            CoroutineResult::Return(value) => Poll::Ready(value),
        }
    }
}

impl<T> Drop for Greenlet<T> {
    fn drop(&mut self) {
        // Whoever drops may be a greenlet too: what is unwound must not find its way back.
        let _restore = Restore::after_setting(None);
        if let Some(mut coroutine) = self.coroutine.take() {
            coroutine.force_unwind();
            stack::give_back(coroutine.into_stack());
        }
    }
}

/// Suspends the greenlet until `future` is ready, and gives its output. Callable at any depth of ordinary functions.
///
/// When the greenlet is cancelled meanwhile, this does not return: `future` is dropped and the stack unwound.
///
/// # Panics
/// Outside of a greenlet, and in a destructor that runs because of a panic or a cancellation.
#[track_caller]
pub fn wait<F: Future>(future: F) -> F::Output {
    let back = BACK.get();
    assert!(
        !back.is_null() && !std::thread::panicking(),
        "greenlet::wait outside of a greenlet, or while one is unwound; use it in greenlet::spawn"
    );
    let mut future = pin!(future);
    loop {
        let waker = WAKER.with_borrow(Clone::clone);
        let waker = waker.as_ref().unwrap_or(Waker::noop());
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(waker)) {
            return value;
        }
        // SAFETY: `back` is not null, so it was set on this very stack, by the greenlet's first frame or below in this
        // function, and `Restore` sets it aside whenever the stack is left. The yielder is borrowed by that first frame,
        // which outlives this one, and the coroutine never leaves the thread.
        unsafe { &*back }.suspend(());
        BACK.set(back);
    }
}
