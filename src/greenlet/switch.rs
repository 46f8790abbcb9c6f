//! The switch between the loop's stack and a greenlet's: polling a [`Greenlet`] resumes it, [`wait`] suspends it.
//!
//! Unsafe code stands here because `wait` finds the way back to the loop's stack through a thread-local, which can hold no
//! reference to something that lives on a stack. It holds pointers, and nothing with a destructor, so that greenlets can be
//! dropped even while their thread ends.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::mem;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::ptr;
use std::task::{Context, Poll, Waker};
use std::thread;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::current;
use crate::greenlet::overflow::{self, Ground};
use crate::greenlet::stack;
use crate::observe::Site;
use crate::wait_on::WaitOn;

#[cfg(panic = "abort")]
compile_error!("the feature `greenlet` unwinds stacks: it needs panic = \"unwind\"");

/// Going back means "not ready yet".
type Back = Yielder<(), ()>;

/// The greenlet on whose stack we are.
#[derive(Clone, Copy)]
struct Running {
    /// The way back to who resumed it; null until its first frame is there.
    back: *const Back,
    /// Of the poll that resumed it.
    waker: *const Waker,
    /// The thread was unwinding before it was resumed: a destructor runs a loop.
    unwinding: bool,
}

thread_local! {
    /// `None` on a thread's own stack.
    static RUNNING: Cell<Option<Running>> = const { Cell::new(None) };
}

/// While it lives, the thread is on a greenlet's stack; afterwards, also after a panic, on that of who resumed it.
struct Entered<'a> {
    back: &'a mut *const Back,
    outer: Option<Running>,
    outer_ground: Option<Ground>,
}

impl<'a> Entered<'a> {
    fn new(back: &'a mut *const Back, ground: Ground, waker: &'a Waker, unwinding: bool) -> Self {
        let running = Running {
            back: *back,
            waker,
            unwinding,
        };
        Entered {
            back,
            outer: RUNNING.replace(Some(running)),
            outer_ground: overflow::stand_on(Some(ground)),
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        overflow::stand_on(self.outer_ground.take());
        if let Some(running) = RUNNING.replace(self.outer.take()) {
            *self.back = running.back;
        }
    }
}

/// The future whose poll runs a function on a stack of its own until the function waits. [`spawn`](super::spawn) makes a
/// task of it; as a future it can be given to [`timeout`](crate::timeout), [`gather`](crate::gather), [`wait`] and so on.
///
/// It takes its stack when it is polled first, and gives it back when the function has ended. Dropping it unwinds what is on
/// the stack; a function that never began is just dropped.
#[must_use = "a greenlet does nothing unless it is spawned or awaited"]
pub struct Greenlet<F, T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    stage: Stage<F, T>,
    stack_size: usize,
    site: Site,
}

enum Stage<F, T: 'static> {
    New(F),
    Begun(Begun<T>),
    Ended,
}

struct Begun<T: 'static> {
    coroutine: Coroutine<(), (), T, DefaultStack>,
    /// Valid while the coroutine has frames.
    back: *const Back,
    ground: Ground,
}

impl<F, T> Greenlet<F, T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    /// A greenlet that has not begun; it may be polled by any task of this thread.
    #[track_caller]
    pub fn new(function: F) -> Greenlet<F, T> {
        Greenlet::with_stack_size(stack::STACK_SIZE, function)
    }

    #[track_caller]
    pub(crate) fn with_stack_size(stack_size: usize, function: F) -> Greenlet<F, T> {
        Greenlet {
            stage: Stage::New(function),
            stack_size,
            site: Location::caller(),
        }
    }

    /// Puts the function, if it has not begun, at the root of a stack.
    fn begin(&mut self) {
        let function = match mem::replace(&mut self.stage, Stage::Ended) {
            Stage::New(function) => function,
            other => return self.stage = other,
        };
        let stack = match stack::take(self.stack_size) {
            Ok(stack) => stack,
            Err(error) => panic!("{}", no_stack(self.stack_size, &error)),
        };
        let ground = stack::ground(&stack, self.stack_size, self.site);
        let coroutine = Coroutine::with_stack(stack, |back: &Back, ()| {
            let running = RUNNING.get().expect("a poll resumed it");
            RUNNING.set(Some(Running { back, ..running }));
            function()
        });
        self.stage = Stage::Begun(Begun {
            coroutine,
            back: ptr::null(),
            ground,
        });
    }

    /// Unwinds what is on the stack, and gives the stack back.
    fn end(&mut self) {
        if let Stage::Begun(mut begun) = mem::replace(&mut self.stage, Stage::Ended) {
            let (coroutine, back) = (&mut begun.coroutine, &mut begun.back);
            let entered = Entered::new(back, begun.ground, Waker::noop(), false);
            coroutine.force_unwind();
            drop(entered);
            stack::give_back(begun.coroutine.into_stack(), self.stack_size);
        }
    }
}

fn no_stack(size: usize, error: &io::Error) -> String {
    let hint = match cfg!(target_os = "linux") {
        true => "; each takes two of the mappings that vm.max_map_count allows",
        false => "",
    };
    format!("no stack of {size} bytes for a greenlet: {error}{hint}")
}

/// The function is never pinned: it is moved to its stack when it begins.
impl<F, T> Unpin for Greenlet<F, T> where F: FnOnce() -> T + 'static {}

impl<F, T> Future for Greenlet<F, T>
where
    F: FnOnce() -> T + 'static,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.begin();
        let Stage::Begun(begun) = &mut self.stage else {
            panic!("a greenlet was polled after it had ended");
        };
        let (coroutine, back) = (&mut begun.coroutine, &mut begun.back);
        let (waker, unwinding) = (context.waker(), thread::panicking());
        let entered = Entered::new(back, begun.ground, waker, unwinding);
        let resumed = coroutine.resume(());
        drop(entered);
        match resumed {
            CoroutineResult::Yield(()) => Poll::Pending,
            CoroutineResult::Return(value) => {
                self.end();
                Poll::Ready(value)
            }
        }
    }
}

impl<F, T> Drop for Greenlet<F, T>
where
    F: FnOnce() -> T + 'static,
{
    fn drop(&mut self) {
        self.end();
    }
}

impl<F, T> fmt::Debug for Greenlet<F, T>
where
    F: FnOnce() -> T + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match &self.stage {
            Stage::New(_) => "new",
            Stage::Begun(_) => "begun",
            Stage::Ended => "ended",
        };
        write!(f, "<Greenlet {word} created at {}>", self.site)
    }
}

/// Why a wait is impossible.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CannotWait {
    Outside,
    Unwinding,
}

impl fmt::Display for CannotWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CannotWait::Outside => {
                "waiting outside of a greenlet: call this in a function that greenlet::spawn runs"
            }
            CannotWait::Unwinding => {
                "waiting in a destructor of a greenlet that panics or was cancelled: nothing can suspend it any more"
            }
        })
    }
}

impl std::error::Error for CannotWait {}

/// Suspends the greenlet until `future` is ready, and gives its output: the `.await` of ordinary functions, callable at any
/// depth of them. Takes what `.await` takes, tasks and promises too.
///
/// When the greenlet is cancelled meanwhile, this does not return: `future` is dropped and the stack unwound. A cancellation
/// is forwarded to a task, promise or gather that is waited for, as with `.await`.
///
/// # Panics
/// Outside of a greenlet. In a destructor that runs because of a panic or a cancellation, if `future` is not ready at once;
/// as every panic there, it ends the process.
#[track_caller]
pub fn wait<F: IntoFuture>(future: F) -> F::Output {
    match try_wait(future) {
        Ok(value) => value,
        Err(reason) => panic!("{reason}"),
    }
}

/// [`wait`], for those who have a better way to fail than a panic.
#[track_caller]
pub(crate) fn try_wait<F: IntoFuture>(future: F) -> Result<F::Output, CannotWait> {
    let site = Location::caller();
    let mut future = pin!(future.into_future());
    loop {
        let running = RUNNING.get().ok_or(CannotWait::Outside)?;
        // SAFETY: `RUNNING` is set by `Entered` for exactly as long as a greenlet's frames run. So `back` is the one that this
        // greenlet's first frame put there: that frame borrows the yielder and outlives this one. `waker` is borrowed by the poll
        // that resumed us, until we suspend. Neither leaves the thread, as a coroutine cannot be sent.
        let (back, waker) = unsafe { (&*running.back, &*running.waker) };
        // Of this library's futures each says what it waits for; of another's the loop knows at least the line.
        current::with(|core| core.note_wait(|| WaitOn::Unknown, Some(site)));
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(waker)) {
            return Ok(value);
        }
        if thread::panicking() && !running.unwinding {
            return Err(CannotWait::Unwinding);
        }
        back.suspend(());
    }
}
