//! A scheduled callback, and the handle by which it can be cancelled.
//!
//! `call_soon`, `call_later`, `call_at` and done-callbacks all end up as a [`Callback`] in the ready queue.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::context::{Context, ContextCell};
use crate::observe::Site;
use crate::text::function_name;

/// A function that will be called once, unless it is cancelled before. It stands in the same allocation.
pub(crate) struct Callback<F: ?Sized = dyn Function> {
    pub(crate) number: u64,
    name: &'static str,
    pub(crate) site: Site,
    when: Option<u64>,
    cancelled: Cell<bool>,
    context: ContextCell,
    function: F,
}

pub(crate) trait Function {
    /// Whether it was called or taken back.
    fn is_spent(&self) -> bool;

    /// Calls it, unless it is spent.
    fn call(&self);

    fn take_back(&self);
}

impl<F: FnOnce()> Function for Cell<Option<F>> {
    fn is_spent(&self) -> bool {
        let function = self.take();
        let spent = function.is_none();
        self.set(function);
        spent
    }

    fn call(&self) {
        if let Some(function) = self.take() {
            function();
        }
    }

    fn take_back(&self) {
        drop(self.take());
    }
}

impl Callback {
    /// `name` is the type name of what the user gave, which `function` may wrap.
    pub(crate) fn new(
        number: u64,
        name: &'static str,
        context: Context,
        site: Site,
        when: Option<u64>,
        function: impl FnOnce() + 'static,
    ) -> Rc<Callback> {
        Rc::new(Callback {
            number,
            name,
            site,
            when,
            cancelled: Cell::new(false),
            context: ContextCell::from(context),
            function: Cell::new(Some(function)),
        })
    }

    /// `f() at examples/x.rs:9`
    pub(crate) fn source(&self) -> String {
        let (file, line) = (self.site.file(), self.site.line());
        format!("{}() at {file}:{line}", function_name(self.name))
    }

    /// Whether it was called or cancelled.
    pub(crate) fn is_spent(&self) -> bool {
        self.function.is_spent()
    }

    /// Calls the function, unless it is spent.
    pub(crate) fn call(&self) {
        self.function.call();
    }

    /// The context variables that it runs with.
    pub(crate) fn take_context(&self) -> Context {
        self.context.replace(None)
    }
}

/// What `call_soon` returns: the scheduled callback can be cancelled with it. Dropping it changes nothing.
///
/// asyncio's `Handle`.
#[derive(Clone)]
pub struct Handle {
    callback: Rc<Callback>,
}

impl Handle {
    pub(crate) fn new(callback: Rc<Callback>) -> Handle {
        Handle { callback }
    }

    pub(crate) fn callback(&self) -> &Rc<Callback> {
        &self.callback
    }

    /// Cancels the callback: it will not run, even if it is already part of the current turn. Cancelling one that has run,
    /// or cancelling twice, is harmless.
    pub fn cancel(&self) {
        self.callback.cancelled.set(true);
        self.callback.function.take_back();
    }

    /// Whether [`cancel`](Handle::cancel) was called.
    pub fn cancelled(&self) -> bool {
        self.callback.cancelled.get()
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.when {
            Some(_) => "<TimerHandle",
            None => "<Handle",
        })?;
        if self.cancelled.get() {
            f.write_str(" cancelled")?;
        }
        match self.when {
            Some(u64::MAX) => f.write_str(" when=never")?,
            Some(when) => write!(f, " when={:.9}", Duration::from_nanos(when).as_secs_f64())?,
            None => {}
        }
        if !self.cancelled.get() {
            write!(f, " {}", self.source())?;
        }
        f.write_str(">")
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.callback.fmt(f)
    }
}

/// What `call_later` and `call_at` return. Dropping it changes nothing.
///
/// asyncio's `TimerHandle`.
#[derive(Clone)]
pub struct TimerHandle {
    handle: Handle,
    when: Option<Duration>,
    /// Takes the timer out of the loop's timers.
    forget: Rc<dyn Fn()>,
}

impl TimerHandle {
    pub(crate) fn new(
        callback: Rc<Callback>,
        when: Option<Duration>,
        forget: Rc<dyn Fn()>,
    ) -> TimerHandle {
        TimerHandle {
            handle: Handle::new(callback),
            when,
            forget,
        }
    }

    /// Cancels the callback, as [`Handle::cancel`].
    pub fn cancel(&self) {
        self.handle.cancel();
        (self.forget)();
    }

    /// Whether [`cancel`](TimerHandle::cancel) was called.
    pub fn cancelled(&self) -> bool {
        self.handle.cancelled()
    }

    /// When it is due, on the clock of [`EventLoop::time`](crate::EventLoop::time); `None` for a delay beyond what the
    /// clock can count, that is, never.
    pub fn when(&self) -> Option<Duration> {
        self.when
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}
