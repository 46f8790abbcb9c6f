//! What every task has, whatever its coroutine: its number, what it waits for, and its cancellation book-keeping.
//!
//! [`Runnable`] is how the loop sees a task, [`Waitable`] how a task sees what it awaits; the core, promises, tasks and
//! combinators build on these two.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::task::Waker;

use crate::context::{Context, ContextCell};
use crate::observe::{Site, WaitKind};
use crate::text::shown_as;
use crate::ticket::Ticket;

/// A task as the loop sees it.
pub(crate) trait Runnable: Waitable {
    fn header(&self) -> &Header;

    /// Gives it the pen. If it `waited`, the core knows what for. `None` when it is still pending, else all is done that its end
    /// entails.
    fn step(self: Rc<Self>, ticket: Ticket, waited: bool) -> Option<Ended>;

    /// The loop closes: drops the future, and tells everybody who waits for the outcome.
    fn destroy(self: Rc<Self>);

    /// Asks it to cancel; false when it has ended already.
    fn request_cancel(self: Rc<Self>) -> bool;

    /// The coroutine's name.
    fn coroutine(&self) -> &'static str;
}

/// How something awaited has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Finished,
    Panicked,
    Cancelled,
}

/// Something that a task can await and a cancellation can be forwarded to: a task, a promise, a gather.
pub(crate) trait Waitable {
    /// `None` while it is pending.
    fn ended(&self) -> Option<Ended>;

    /// It is asked to cancel and has not ended; what it awaits itself is asked next, by way of `request`.
    fn on_cancel(self: Rc<Self>, request: &mut Request);

    /// A task that was asked to cancel, and awaits this, steps: what has a clean-up of its own may finish it now and end, so
    /// that the cancellation goes on in this very step.
    fn before_step(&self) {}

    /// What an observer is told that a task waits for.
    fn wait_kind(&self) -> WaitKind;

    /// Its form in `Debug`.
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// The form that stands after `wait_for=`. Of a task that waits for another it says no more: they may stand in long rows,
    /// and in circles.
    fn describe_awaited(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe(f)
    }

    /// The numbers of the tasks that whoever awaits it waits for.
    fn tasks(&self) -> Vec<u64> {
        match self.wait_kind() {
            WaitKind::Task(number) => vec![number],
            _ => Vec::new(),
        }
    }
}

/// Several things that a task waits for without passing its cancellation on to them.
pub(crate) trait Several {
    /// What an observer is told that a task waits for.
    fn wait_kind(&self) -> WaitKind;

    /// The numbers of the tasks among them that have not ended.
    fn tasks(&self) -> Vec<u64>;
}

/// The numbers of the tasks in `items` that have not ended.
pub(crate) fn pending_tasks(items: impl Iterator<Item = Rc<dyn Watchable>>) -> Vec<u64> {
    let pending = items.filter(|item| item.ended().is_none());
    pending.flat_map(|item| item.tasks()).collect()
}

/// Told, in place, that one of several things it watches is done. The library's own: it pushes at most a task.
pub(crate) trait Watcher {
    fn child_done(&self, index: usize, how: Ended);
}

/// A watcher behind a thin pointer: it fits into what is watched beside an index, without an allocation for each.
pub(crate) type Watching = Rc<Rc<dyn Watcher>>;

/// Something that gather, wait and the like can watch: a task or a promise.
pub(crate) trait Watchable: Waitable {
    /// Tells how it has ended if it has already.
    fn watch(&self, watcher: &Watching, index: usize) -> Result<ListenerKey, Ended>;

    fn unwatch(&self, key: ListenerKey);
}

/// A watchable in a wrapper that public traits can name.
#[doc(hidden)]
pub struct Watched(pub(crate) Rc<dyn Watchable>);

/// Names one registration in the list of those who wait for an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListenerKey(pub(crate) u32);

impl ListenerKey {
    /// Of whoever is the first in the list, as a watcher mostly is.
    pub(crate) const FIRST: ListenerKey = ListenerKey(1);
}

/// One call of `cancel()` on its way through what awaits what.
pub(crate) struct Request {
    /// Tells the visits of this request from those of earlier ones.
    pub(crate) epoch: u64,
    /// Still to be asked, the next one last. A list and not recursion: chains of tasks can be long.
    pub(crate) work: Vec<Rc<dyn Waitable>>,
}

impl Request {
    pub(crate) fn forward(&mut self, object: Rc<dyn Waitable>) {
        self.work.push(object);
    }

    /// Asks `objects` in their order.
    pub(crate) fn forward_all(
        &mut self,
        objects: impl DoubleEndedIterator<Item = Rc<dyn Waitable>>,
    ) {
        self.work.extend(objects.rev());
    }
}

/// A part of a coroutine that a cancellation can be delivered to; see `cancel`. One task may be in several that are not inside
/// each other, when it polls several futures.
pub(crate) struct Scope {
    pub(crate) kind: ScopeKind,
    pub(crate) state: Cell<ScopeState>,
    /// The one around it.
    pub(crate) outer: Option<Rc<Scope>>,
    /// What its body waits for and a cancellation can be forwarded to.
    pub(crate) awaited: RefCell<Option<Rc<dyn Waitable>>>,
    /// Has the body polled, when that takes another waker than the task's.
    pub(crate) waker: Cell<Option<Waker>>,
    /// The bound whose request has hit it; `None` for a request of the whole task.
    pub(crate) origin: RefCell<Option<Rc<Scope>>>,
}

impl Scope {
    /// Those around it, the innermost first.
    pub(crate) fn around(&self) -> impl Iterator<Item = &Rc<Scope>> {
        std::iter::successors(self.outer.as_ref(), |scope| scope.outer.as_ref())
    }

    /// How what its body awaits has ended; `None` while it is pending.
    pub(crate) fn awaited_ended(&self) -> Option<Ended> {
        let awaited = self.awaited.borrow().clone()?;
        awaited.before_step();
        awaited.ended()
    }

    /// What has to be asked to cancel in the body's place.
    pub(crate) fn awaited_pending(&self) -> Option<Rc<dyn Waitable>> {
        let awaited = self.awaited.borrow().clone();
        awaited.filter(|object| object.ended().is_none())
    }

    pub(crate) fn is_inside(&self, other: &Rc<Scope>) -> bool {
        self.around().any(|scope| Rc::ptr_eq(scope, other))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    /// Stops the requests of the task and those of the bounds around it.
    Catch,
    /// Has requests of its own, which stop here.
    Bound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeState {
    Free,
    /// A bound was asked to cancel its body.
    Requested,
    /// ... and what its body awaits has been asked.
    Forwarded,
    /// The scope must drop its body.
    Hit,
    /// Its request has gone to somebody else.
    Delivered,
}

/// The part of a task that does not depend on its coroutine.
pub(crate) struct Header {
    /// Its number: `Task-3` is number 3.
    pub(crate) number: u64,
    /// Its slot in the loop's table.
    pub(crate) slot: u32,
    pub(crate) flags: Cell<Flags>,
    /// Where it was created.
    pub(crate) site: Site,
    /// What most tasks never need.
    pub(crate) more: OnceCell<Box<More>>,
}

/// Cancellation requests that a task has not dealt with.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// A request of the task waits to be delivered in place of its next step.
    pub(crate) pending: bool,
    /// A request of the task was forwarded to what it awaits, and comes back through it.
    pub(crate) forwarded: bool,
    /// Some bound in `More::scopes` has a request.
    pub(crate) bounds: bool,
    /// A caught cancellation was raised again, and nothing around it catches it: the step ends the task.
    pub(crate) ends: bool,
}

impl Flags {
    /// Whether any is set. One comparison of four bytes, since it is asked twice a step.
    pub(crate) fn any(self) -> bool {
        let bits = [self.pending, self.forwarded, self.bounds, self.ends];
        u32::from_ne_bytes(bits.map(u8::from)) != 0
    }
}

#[derive(Default)]
pub(crate) struct More {
    pub(crate) name: RefCell<Option<String>>,
    /// Its context variables, while it does not run.
    pub(crate) context: ContextCell,
    /// Requests made and not taken back: `cancelling()`.
    pub(crate) requests: Cell<u32>,
    /// The last request that reached it, to recognise a circle of tasks that await each other.
    pub(crate) epoch: Cell<u64>,
    /// Catch points and bounds that the coroutine is in, in the order in which they were entered.
    pub(crate) scopes: RefCell<Vec<Rc<Scope>>>,
    /// The innermost of them whose body is being polled.
    pub(crate) inside: RefCell<Option<Rc<Scope>>>,
}

impl More {
    #[cold]
    fn in_context(context: Context) -> More {
        More {
            context: ContextCell::from(context),
            ..More::default()
        }
    }
}

impl Header {
    #[inline]
    pub(crate) fn new(number: u64, slot: u32, site: Site, context: Context) -> Header {
        Header {
            number,
            slot,
            flags: Cell::default(),
            site,
            more: match context {
                None => OnceCell::new(),
                context => OnceCell::from(Box::new(More::in_context(context))),
            },
        }
    }

    #[inline]
    pub(crate) fn keep_context(&self, context: Context) {
        if context.is_some() {
            self.more().context.replace(context);
        }
    }

    #[inline]
    pub(crate) fn take_context(&self) -> Context {
        self.more.get()?.context.replace(None)
    }

    pub(crate) fn more(&self) -> &More {
        self.more.get_or_init(Box::default)
    }

    pub(crate) fn name(&self) -> String {
        let given = self.more.get().and_then(|more| more.name.borrow().clone());
        given.unwrap_or_else(|| format!("Task-{}", self.number))
    }

    /// Whether the coroutine is in a catch point or bound; a bound wakes the task by itself.
    pub(crate) fn has_scopes(&self) -> bool {
        let more = self.more.get();
        more.is_some_and(|more| !more.scopes.borrow().is_empty())
    }

    pub(crate) fn requests(&self) -> u32 {
        self.more.get().map_or(0, |more| more.requests.get())
    }
}

shown_as! { Watched => "<Watched>" }
