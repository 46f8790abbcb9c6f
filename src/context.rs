//! The values of context variables, as the loop keeps them for tasks and callbacks; the variables are in `context_var`.

use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// The values that were set; `None` until something is.
pub(crate) type Context = Option<Rc<HashMap<u64, Rc<dyn Any>>>>;

/// Where the current context is kept.
#[derive(Default)]
pub(crate) struct ContextCell(Cell<Context>);

impl From<Context> for ContextCell {
    fn from(context: Context) -> ContextCell {
        ContextCell(Cell::new(context))
    }
}

impl ContextCell {
    pub(crate) fn get(&self) -> Context {
        let context = self.0.take();
        self.0.set(context.clone());
        context
    }

    pub(crate) fn is_set(&self) -> bool {
        let context = self.0.take();
        let is_set = context.is_some();
        self.0.set(context);
        is_set
    }

    /// Makes `context` the current one, and gives the one that was.
    pub(crate) fn replace(&self, context: Context) -> Context {
        self.0.replace(context)
    }

    /// Changes the current context alone, not those that were copied from it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut HashMap<u64, Rc<dyn Any>>)) {
        let mut context = self.0.take().unwrap_or_default();
        change(Rc::make_mut(&mut context));
        self.0.set(Some(context));
    }
}
