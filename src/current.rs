//! Which loop runs in this thread: the one thread-local of the library.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;

use crate::core::Core;
use crate::error::LoopError;

thread_local! {
    /// Without a destructor of its own, which every access would have to look for: `Entered` puts back what was there.
    static CURRENT: RefCell<Option<ManuallyDrop<Rc<Core>>>> = const { RefCell::new(None) };
}

/// Runs `look` with the running loop; `None` when there is none.
#[inline]
pub(crate) fn with<R>(look: impl FnOnce(&Rc<Core>) -> R) -> Option<R> {
    CURRENT.with(|current| current.borrow().as_ref().map(|core| look(core)))
}

/// The running loop.
pub(crate) fn get() -> Result<Rc<Core>, LoopError> {
    with(Rc::clone).ok_or(LoopError::NoRunningLoop)
}

/// The running loop, for functions that are documented to panic without one.
#[track_caller]
pub(crate) fn expect() -> Rc<Core> {
    match with(Rc::clone) {
        Some(core) => core,
        None => panic!(
            "no running event loop: call this from a coroutine or a callback, inside `glassloop::run` or \
             `EventLoop::run_until_complete`"
        ),
    }
}

/// While it lives, this thread's loop is the one it was made with. A loop may be closed, not run, inside another one.
pub(crate) struct Entered {
    before: Option<ManuallyDrop<Rc<Core>>>,
}

impl Entered {
    pub(crate) fn new(core: &Rc<Core>) -> Entered {
        let core = ManuallyDrop::new(core.clone());
        let before = CURRENT.with(|current| current.replace(Some(core)));
        Entered { before }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        let left = CURRENT.with(|current| current.replace(before));
        drop(left.map(ManuallyDrop::into_inner));
    }
}
