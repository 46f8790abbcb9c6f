//! The task group: children that do not outlive the block they were started in. The first failure cancels the others.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::cancel;
use crate::core::Core;
use crate::coroutine::Coroutine;
use crate::current;
use crate::error::{ChildError, ExceptionGroup, GroupClosed, TaskError};
use crate::header::{Ended, Several, Watchable, Watcher, Watching, pending_tasks};
use crate::observe::{Combinator, Site, WaitKind};
use crate::promise::Promise;
use crate::scope::{Guard, Place, catch_cancel};
use crate::task::{self, Task};
use crate::wait_on::WaitOn;
use crate::waker::wake_on;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Created,
    /// The body runs.
    Entered,
    /// The body has ended, children have not.
    Exiting,
    Finished,
}

/// A child, whatever the type of its value.
trait Child<E> {
    fn watchable(&self) -> Rc<dyn Watchable>;

    fn has_failed(&self) -> bool;

    fn take_error(&self) -> ChildError<E>;
}

impl<T: 'static, E: 'static> Child<E> for Promise<Result<T, E>> {
    fn watchable(&self) -> Rc<dyn Watchable> {
        self.cell.clone()
    }

    fn has_failed(&self) -> bool {
        match self.cell.ended() {
            Some(Ended::Finished) => matches!(&*self.cell.outcome(), Ok(Err(_))),
            ended => ended == Some(Ended::Panicked),
        }
    }

    fn take_error(&self) -> ChildError<E> {
        match self.take_outcome() {
            Ok(Err(error)) => ChildError::Failed(error),
            Err(error) => ChildError::Task(error),
            Ok(Ok(_)) => ChildError::Task(TaskError::Taken),
        }
    }
}

type Children<E> = BTreeMap<usize, Rc<dyn Child<E>>>;

struct Group<E> {
    core: Rc<Core>,
    phase: Cell<Phase>,
    /// Children were cancelled, and no new ones are taken.
    aborting: Cell<bool>,
    made: Cell<usize>,
    /// Those that run, in creation order.
    children: RefCell<Children<E>>,
    /// Those that failed, in the order of their ends.
    failed: RefCell<Vec<Rc<dyn Child<E>>>>,
    /// The body, as long as it runs.
    body: RefCell<Option<Place>>,
    waker: RefCell<Option<Waker>>,
}

impl<E: 'static> Group<E> {
    /// Cancels the children, in creation order.
    fn abort(&self) {
        self.aborting.set(true);
        let children: Vec<_> = self.children.borrow().values().cloned().collect();
        for child in children {
            cancel::request(&self.core, child.watchable());
        }
    }

    fn interrupt_body(&self) {
        let body = self.body.borrow_mut().take();
        if let Some(body) = body {
            body.request();
        }
    }

    /// For the child made after so many others. Indices are short: they come round after four billion children.
    fn vacant_index(&self, made: usize) -> usize {
        let children = self.children.borrow();
        let indices = (made..).map(|index| index as u32 as usize);
        let mut vacant = indices.filter(|index| !children.contains_key(index));
        vacant.next().unwrap_or(made)
    }

    fn has_children(&self) -> bool {
        !self.children.borrow().is_empty()
    }

    /// Waits until no child is left.
    async fn join(self: &Rc<Self>, site: Site) {
        poll_fn(|context| {
            if !self.has_children() {
                return Poll::Ready(());
            }
            drop(self.waker.replace(Some(context.waker().clone())));
            let on = || WaitOn::Several(self.clone());
            self.core.note_wait(on, Some(site));
            Poll::Pending
        })
        .await
    }
}

impl<E: 'static> Several for Group<E> {
    fn wait_kind(&self) -> WaitKind {
        let left = self.children.borrow().len();
        Combinator::TaskGroup.waits(left, self.made.get())
    }

    fn tasks(&self) -> Vec<u64> {
        let children: Vec<_> = self.children.borrow().values().cloned().collect();
        pending_tasks(children.iter().map(|child| child.watchable()))
    }
}

impl<E: 'static> Watcher for Group<E> {
    fn child_done(&self, index: usize, _: Ended) {
        let child = self.children.borrow_mut().remove(&index);
        let Some(child) = child else { return };
        if child.has_failed() {
            self.failed.borrow_mut().push(child);
            if !self.aborting.get() {
                self.abort();
                self.interrupt_body();
            }
        }
        if self.has_children() {
            return self.core.counts_on(&self.waker);
        }
        if let Some(waker) = self.waker.take() {
            wake_on(&self.core, waker);
        }
    }
}

/// A group of tasks that ends when all of them have. `E` is the error that children fail with. Clones are handles to the
/// same group, to start children from anywhere.
///
/// asyncio's `TaskGroup`; [`run`](TaskGroup::run) is the `async with` block.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{TaskGroup, sleep};
/// use std::time::Duration;
///
/// async fn work(ms: u64) -> Result<u64, String> {
///     sleep(Duration::from_millis(ms)).await;
///     if ms == 2 { Err("two is bad".to_owned()) } else { Ok(ms) }
/// }
///
/// let group = TaskGroup::new();
/// let sum = group.run(async {
///     let (one, three) = (group.create_task(work(1)).unwrap(), group.create_task(work(3)).unwrap());
///     Ok(one.await.unwrap()? + three.await.unwrap()?)
/// });
/// assert_eq!(sum.await.unwrap(), 4);
///
/// let group = TaskGroup::new();
/// let ran = group.run(async {
///     group.create_task(work(2)).unwrap();
///     let hour = group.create_task(work(3_600_000)).unwrap(); // cancelled when the other one fails
///     Ok(hour.await)
/// });
/// assert_eq!(ran.await.unwrap_err().to_string(), "unhandled errors in a TaskGroup (1 sub-exception): two is bad");
/// # }).unwrap();
/// ```
pub struct TaskGroup<E> {
    group: Rc<Group<E>>,
    /// The group, as its children know it.
    watching: Watching,
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        TaskGroup {
            group: self.group.clone(),
            watching: self.watching.clone(),
        }
    }
}

impl<E: 'static> TaskGroup<E> {
    /// A group that is not entered yet.
    ///
    /// # Panics
    /// Without a running loop.
    #[track_caller]
    #[allow(clippy::new_without_default)] // a default that panics outside of the loop would surprise
    pub fn new() -> TaskGroup<E> {
        let group = Rc::new(Group {
            core: current::expect(),
            phase: Cell::new(Phase::Created),
            aborting: Cell::new(false),
            made: Cell::new(0),
            children: RefCell::default(),
            failed: RefCell::default(),
            body: RefCell::default(),
            waker: RefCell::new(None),
        });
        TaskGroup {
            watching: Rc::new(group.clone()),
            group,
        }
    }

    /// Starts a child. Its error goes to the group, unless whoever has the task takes it first by awaiting.
    ///
    /// # Errors
    /// [`GroupClosed`] before the group is entered, when it is being cancelled, and after its end; the coroutine is dropped.
    #[track_caller]
    pub fn create_task<T, C>(&self, coroutine: C) -> Result<Task<Result<T, E>>, GroupClosed>
    where
        T: 'static,
        C: Coroutine<Output = Result<T, E>>,
        C::IntoFuture: 'static,
    {
        let group = &self.group;
        match group.phase.get() {
            Phase::Created => return Err(GroupClosed::NotEntered),
            Phase::Finished => return Err(GroupClosed::Finished),
            Phase::Exiting if !group.has_children() => return Err(GroupClosed::Finished),
            _ if group.aborting.get() => return Err(GroupClosed::ShuttingDown),
            _ => {}
        }
        let coroutine = coroutine.into_future();
        let task = match task::spawn(group.core.clone(), coroutine, Location::caller()) {
            Ok(task) => task,
            Err(error) => panic!("{error}"),
        };
        let made = group.made.get();
        group.made.set(made + 1);
        let index = group.vacant_index(made);
        let child = task.promise().clone();
        group.children.borrow_mut().insert(index, Rc::new(child));
        if let Err(how) = task.promise().cell.watch(&self.watching, index) {
            group.child_done(index, how);
        }
        Ok(task)
    }

    /// Cancels the children and the body: at once, or as soon as the group is entered. [`run`](TaskGroup::run) then gives
    /// the body's value if the body ended with one all the same; else an [`ExceptionGroup`] without errors, since there is no
    /// value to give. Does nothing when it is cancelled already. asyncio has it since 3.15.
    pub fn cancel(&self) {
        if !self.group.aborting.get() {
            self.group.abort();
            self.group.interrupt_body();
        }
    }

    /// Runs `body`, in which children are started, and waits for all of them. asyncio's `async with` of a group.
    ///
    /// When a child or the body fails, everything else in the group is cancelled and waited for. A child that is cancelled by
    /// itself is no failure. When the task is cancelled, so are the children, and when they have ended the cancellation goes
    /// on; if one of them failed meanwhile the errors come first, and the cancellation at the next suspension.
    ///
    /// # Errors
    /// Every error of children in the order of their ends, and that of the body last. None of all is in it when
    /// [`cancel`](TaskGroup::cancel) has ended the body.
    ///
    /// # Panics
    /// When it is awaited outside of a task, or a second time.
    #[track_caller]
    pub fn run<T>(
        &self,
        body: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, ExceptionGroup<E>>> {
        self.run_from(body, Location::caller())
    }

    async fn run_from<T>(
        &self,
        body: impl Future<Output = Result<T, E>>,
        site: Site,
    ) -> Result<T, ExceptionGroup<E>> {
        let group = &self.group;
        assert!(
            group.phase.get() == Phase::Created,
            "TaskGroup has already been entered"
        );
        let guard = Guard::bound();
        group.body.replace(Some(guard.place().clone()));
        group.phase.set(Phase::Entered);
        let entered = Entered(group);
        if group.aborting.get() {
            // Cancelled before it was entered.
            group.interrupt_body();
        }
        let ran = guard.within(catch_cancel(body)).await;
        group.phase.set(Phase::Exiting);
        group.body.take();
        let mut cancelled = match &ran {
            Err(cancelled) => Some(cancelled.clone()),
            Ok(_) => None,
        };
        if !matches!(ran, Ok(Ok(_))) && !group.aborting.get() {
            group.abort();
        }
        while let Err(now) = guard.within(catch_cancel(group.join(site))).await {
            // Children are asked once: further requests wait with us until they have ended.
            if !group.aborting.get() {
                cancelled = Some(now);
                group.abort();
            }
        }
        drop(entered);
        // What interrupted the body was the group itself, unless there is a request that goes further.
        let cancelled = match cancelled {
            Some(own) if own.is_of(&guard) => guard.outer_request(),
            other => other,
        };
        let failed = group.failed.take();
        if let (Some(cancelled), true) = (cancelled, failed.is_empty()) {
            drop(guard);
            cancelled.raise().await
        }
        let mut errors: Vec<_> = failed.iter().map(|child| child.take_error()).collect();
        let value = match ran {
            Ok(Ok(value)) => Some(value),
            Ok(Err(error)) => {
                errors.push(ChildError::Failed(error));
                None
            }
            Err(_) => None,
        };
        match value {
            Some(value) if errors.is_empty() => Ok(value),
            _ => {
                guard.request_again();
                Err(ExceptionGroup { errors })
            }
        }
    }
}

/// The group takes children as long as this lives.
struct Entered<'a, E: 'static>(&'a Group<E>);

impl<E> Drop for Entered<'_, E> {
    fn drop(&mut self) {
        self.0.body.take();
        self.0.phase.set(Phase::Finished);
        if self.0.has_children() {
            // The block itself was dropped: nobody waits for them any more.
            self.0.abort();
        }
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = &self.group;
        f.write_str("<TaskGroup")?;
        for (what, count) in [
            ("tasks", group.children.borrow().len()),
            ("errors", group.failed.borrow().len()),
        ] {
            if count > 0 {
                write!(f, " {what}={count}")?;
            }
        }
        match group.phase.get() {
            _ if group.aborting.get() => f.write_str(" cancelling>"),
            Phase::Entered | Phase::Exiting => f.write_str(" entered>"),
            _ => f.write_str(">"),
        }
    }
}
