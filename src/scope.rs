//! The parts of a coroutine that a cancellation can be delivered to: catch points, and the bounds of limits and groups.
//!
//! How a request gets there is told in `cancel`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use crate::cancel::{Delivery, deliver_to_bound, deliver_to_task, is_running, request, set_flags};
use crate::core::Core;
use crate::current;
use crate::header::{Header, More, Runnable, Scope, ScopeKind as Kind, ScopeState as State};
use crate::observe::Cause;
use crate::waker;

/// A scope together with the task whose coroutine is in it.
#[derive(Clone)]
pub(crate) struct Place {
    scope: Rc<Scope>,
    core: Rc<Core>,
    task: Weak<dyn Runnable>,
}

impl Place {
    /// Asks a bound to cancel its body. Called from a callback or from inside the body.
    pub(crate) fn request(&self) {
        let Some(task) = self.task.upgrade() else {
            return;
        };
        if self.scope.state.get() != State::Free {
            return;
        }
        let header = task.header();
        set_flags(header, |flags| flags.bounds = true);
        self.scope.state.set(State::Requested);
        if is_running(&self.core, &task) {
            return;
        }
        match self.scope.awaited_pending() {
            Some(object) => {
                self.scope.state.set(State::Forwarded);
                request(&self.core, object);
            }
            None => self
                .core
                .schedule_for(self.core.ticket_of(&*task), Cause::Cancel),
        }
    }
}

/// The coroutine is inside this scope as long as the guard lives.
pub(crate) struct Guard {
    place: Place,
    /// The requests there were when it was entered.
    entry: Entry,
}

struct Entry {
    /// Of the task.
    task: u32,
    /// Of bounds outside.
    bounds: usize,
}

fn is_asked(scope: &Rc<Scope>) -> bool {
    scope.kind == Kind::Bound && scope.state.get() != State::Free
}

impl Guard {
    /// Enters a bound; to be called from inside a task.
    pub(crate) fn bound() -> Guard {
        Guard::enter(Kind::Bound)
    }

    fn enter(kind: Kind) -> Guard {
        let core = current::expect();
        let Some(task) = core.current_task() else {
            panic!("this future is awaited outside of a task: only a task can be cancelled");
        };
        let scope = Rc::new(Scope {
            kind,
            state: Cell::new(State::Free),
            outer: task.header().more().inside.borrow().clone(),
            awaited: RefCell::default(),
            waker: Cell::default(),
            origin: RefCell::default(),
        });
        let entry = Entry {
            task: task.header().requests(),
            bounds: scope.around().filter(|scope| is_asked(scope)).count(),
        };
        let scopes = &task.header().more().scopes;
        scopes.borrow_mut().push(scope.clone());
        let task = Rc::downgrade(&task);
        let place = Place { scope, core, task };
        Guard { place, entry }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Has a request that goes further than this scope delivered once more, at the next suspension.
    pub(crate) fn request_again(&self) {
        let (Some(request), Some(task)) = (self.outer_request(), self.place.task.upgrade()) else {
            return;
        };
        let header = task.header();
        match request.bound {
            None => set_flags(header, |flags| flags.pending = true),
            Some(bound) => {
                bound.state.set(State::Requested);
                set_flags(header, |flags| flags.bounds = true);
            }
        }
    }

    /// A request that was made since the scope was entered and that goes further than it: of the task, or of a bound
    /// outside.
    pub(crate) fn outer_request(&self) -> Option<Cancelled> {
        let task = self.place.task.upgrade()?;
        if task.header().requests() > self.entry.task {
            return Some(Cancelled::new());
        }
        let asked = || {
            let around = self.place.scope.around();
            around.filter(|scope| is_asked(scope))
        };
        let more = asked().count() > self.entry.bounds;
        more.then(|| Cancelled {
            bound: asked().next().cloned(),
        })
    }

    /// Why the scope must drop its body now; `None` if it need not.
    pub(crate) fn hit(&self) -> Option<Cancelled> {
        let scope = &self.place.scope;
        (scope.state.get() == State::Hit).then(|| Cancelled {
            bound: scope.origin.borrow().clone(),
        })
    }

    /// Awaits a part of the body, if not the whole of it: what this enters is inside the scope, and what it awaits is what the scope
    /// waits for, whatever else the task polls.
    pub(crate) async fn within<F: Future>(&self, part: F) -> F::Output {
        let mut part = pin!(part);
        poll_fn(|context| self.poll_within(part.as_mut(), context)).await
    }

    fn poll_within<F: Future>(
        &self,
        part: Pin<&mut F>,
        context: &mut Context<'_>,
    ) -> Poll<F::Output> {
        let Place { scope, core, task } = &self.place;
        let Some(task) = task.upgrade() else {
            return part.poll(context);
        };
        let inside = Inside::enter(task.header().more(), scope.clone());
        let before = core.change_note(None);
        let polled = part.poll(context);
        drop(inside);
        let noted = core.change_note(None);
        let object = noted.as_ref().and_then(|wait| wait.on.object());
        // What a part that is over has noted says nothing any more.
        core.change_note(match polled.is_ready() {
            true => before,
            false => noted.or(before),
        });
        let foreign = waker::task_of(context.waker()) != core.current.get();
        let waker = (foreign && polled.is_pending()).then(|| context.waker().clone());
        drop(scope.waker.replace(waker));
        drop(
            scope
                .awaited
                .replace(object.filter(|_| polled.is_pending())),
        );
        polled
    }

    /// Polls the body until it is done or must be dropped. It is asked before and after: what the body does may hit it.
    pub(crate) async fn run<F: Future>(&self, body: F) -> Result<F::Output, Cancelled> {
        let mut body = pin!(body);
        poll_fn(|context| {
            if let Some(cancelled) = self.hit() {
                return Poll::Ready(Err(cancelled));
            }
            match (self.poll_within(body.as_mut(), context), self.hit()) {
                (Poll::Ready(value), _) => Poll::Ready(Ok(value)),
                (Poll::Pending, Some(cancelled)) => Poll::Ready(Err(cancelled)),
                (Poll::Pending, None) => Poll::Pending,
            }
        })
        .await
    }
}

/// While it lives, the task's coroutine is in the body of a scope.
struct Inside<'a> {
    more: &'a More,
    outer: Option<Rc<Scope>>,
}

impl<'a> Inside<'a> {
    fn enter(more: &'a More, scope: Rc<Scope>) -> Inside<'a> {
        let outer = more.inside.replace(Some(scope));
        Inside { more, outer }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.more.inside.replace(self.outer.take());
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A timer that fires later finds nothing to ask.
        self.place.scope.state.set(State::Delivered);
        // A bound can be its own origin.
        self.place.scope.origin.take();
        drop(self.place.scope.awaited.take());
        drop(self.place.scope.waker.take());
        if let Some(task) = self.place.task.upgrade() {
            let mut scopes = task.header().more().scopes.borrow_mut();
            if let Some(i) = scopes
                .iter()
                .rposition(|scope| Rc::ptr_eq(scope, &self.place.scope))
            {
                scopes.remove(i);
            }
        }
    }
}

/// A catch point: awaits `body`, and when the task is cancelled meanwhile drops only `body` and returns `Err(Cancelled)`.
///
/// After that the task goes on: it may await its clean-up, and then return, or cancel itself anew. A cancellation during
/// the clean-up is delivered anew. This is `try: ... except CancelledError:` of asyncio.
///
/// To be awaited inside a task.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{catch_cancel, create_task, sleep};
/// use std::time::Duration;
///
/// let task = create_task(async {
///     match catch_cancel(sleep(Duration::from_secs(3600))).await {
///         Ok(()) => "slept well",
///         Err(_) => {
///             sleep(Duration::from_millis(1)).await; // a clean-up that awaits
///             "woken, and tidied up"
///         }
///     }
/// });
/// sleep(Duration::ZERO).await;
/// task.cancel();
/// assert_eq!(task.await.unwrap(), "woken, and tidied up");
/// # }).unwrap();
/// ```
#[track_caller]
pub fn catch_cancel<F: IntoFuture>(body: F) -> impl Future<Output = Result<F::Output, Cancelled>> {
    let body = body.into_future();
    async move { Guard::enter(Kind::Catch).run(body).await }
}

/// A cancellation that [`catch_cancel`] caught. Dropping it swallows the cancellation, [`raise`](Cancelled::raise) goes on
/// with it. asyncio's `CancelledError`.
#[derive(Clone)]
pub struct Cancelled {
    /// The bound whose request it was; `None` for one of the whole task.
    bound: Option<Rc<Scope>>,
}

impl Cancelled {
    /// A cancellation that nobody asked for, to be [raised](Cancelled::raise): `raise CancelledError()`.
    #[allow(clippy::new_without_default)] // there is nothing default about a cancellation
    pub fn new() -> Cancelled {
        Cancelled { bound: None }
    }

    /// Whether it was the request of this bound.
    pub(crate) fn is_of(&self, guard: &Guard) -> bool {
        let bound = self.bound.as_ref();
        bound.is_some_and(|bound| Rc::ptr_eq(bound, &guard.place.scope))
    }

    /// Goes on with the cancellation, as `raise` does at the end of `except CancelledError:`. It ends the next catch point or
    /// limit in time outside of this one, in the same step, or else the task. It never returns.
    ///
    /// # Panics
    /// When awaited outside of a task.
    ///
    /// ```
    /// # glassloop::run(async {
    /// use glassloop::{catch_cancel, create_task, sleep};
    /// use std::time::Duration;
    ///
    /// let task = create_task(async {
    ///     if let Err(cancelled) = catch_cancel(sleep(Duration::from_secs(3600))).await {
    ///         sleep(Duration::from_millis(1)).await; // a clean-up that awaits
    ///         cancelled.raise().await
    ///     }
    /// });
    /// sleep(Duration::ZERO).await;
    /// task.cancel();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # }).unwrap();
    /// ```
    pub async fn raise(self) -> ! {
        let core = current::expect();
        let Some(task) = core.current_task() else {
            panic!("a cancellation is raised outside of a task");
        };
        raise(task.header(), self.bound.as_ref());
        match pending::<std::convert::Infallible>().await {}
    }
}

fn raise(header: &Header, bound: Option<&Rc<Scope>>) {
    let inside = header.more().inside.borrow().clone();
    let around: Vec<_> = std::iter::successors(inside, |scope| scope.outer.clone()).collect();
    let end = bound.and_then(|bound| around.iter().position(|scope| Rc::ptr_eq(scope, bound)));
    let mut within = around[..end.unwrap_or(around.len())].iter();
    let catch = within.find(|scope| scope.kind == Kind::Catch);
    match bound.filter(|_| end.is_some()) {
        Some(bound) => deliver_to_bound(bound, catch),
        None => {
            let ends_task = deliver_to_task(header, catch) == Delivery::DropFuture;
            set_flags(header, |flags| flags.ends = ends_task);
        }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cancelled")
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl std::error::Error for Cancelled {}
