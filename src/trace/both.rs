//! Two observers as one.

use std::rc::Rc;
use std::sync::Arc;

use crate::observe::{Event, Observer, ThreadObserver};

pub(crate) struct Both<A: ?Sized, B>(pub(crate) Rc<A>, pub(crate) Rc<B>);

impl<A: Observer + ?Sized, B: Observer> Observer for Both<A, B> {
    fn event(&self, event: &Event<'_>) {
        self.0.event(event);
        self.1.event(event);
    }

    fn for_threads(&self) -> Option<Arc<dyn ThreadObserver>> {
        self.0.for_threads()
    }
}
