//! Where failures go that nobody awaits: to the loop's exception handler, or else to the program's logger.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::error::Panic;
use crate::report;

/// What has gone wrong, for the handler of
/// [`EventLoop::set_exception_handler`](crate::EventLoop::set_exception_handler).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExceptionContext {
    /// A sentence.
    pub message: String,
    /// The `Debug` form of the task or handle that it happened to.
    pub source: String,
    /// The panic, if it was one.
    pub panic: Option<Panic>,
}

impl fmt::Display for ExceptionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.message, self.source)?;
        match &self.panic {
            Some(panic) => write!(f, "\n{panic}"),
            None => Ok(()),
        }
    }
}

type Handler = Rc<dyn Fn(&ExceptionContext)>;

/// Keeps the handler.
#[derive(Default)]
pub(crate) struct ExceptionHandler(RefCell<Option<Handler>>);

impl ExceptionHandler {
    pub(crate) fn set(&self, handler: Option<Handler>) {
        let old = self.0.replace(handler);
        drop(old);
    }

    /// Tells the handler; without one, or if it panics itself, the log.
    pub(crate) fn report(&self, context: &ExceptionContext) {
        let handler = self.0.borrow().clone();
        let Some(handler) = handler else {
            return report::error!("{context}");
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| handler(context))) {
            let panic = Panic::new(payload);
            report::error!("Unhandled error in exception handler: {panic}\n{context}");
        }
    }
}
