//! Ctrl-C as `run` answers it: no callback that waits for the next turn, but called between two items of this one. So it comes
//! before what is ready when a step has blocked the loop, as Python calls its handler between two bytecodes.

use std::cell::RefCell;
use std::rc::Rc;

use crate::core::Core;
use crate::observe::Cause;

/// What a loop does at Ctrl-C, an extension of its core. It says whether the turn is to end at once.
#[derive(Default)]
struct Answer(RefCell<Option<Rc<dyn Fn() -> bool>>>);

/// Has `answer` called at Ctrl-C; `true` ends the turn at once.
#[cfg(unix)]
pub(crate) fn set_answer(core: &Core, answer: impl Fn() -> bool + 'static) {
    let extension = core.extension::<Answer>();
    let before = extension.0.replace(Some(Rc::new(answer)));
    drop(before);
}

/// Answers a Ctrl-C, if one has come, and says whether the turn is to end.
#[inline]
pub(crate) fn ends_turn(core: &Core) -> bool {
    core.inbox.is_interrupted() && answer(core)
}

/// Ctrl-C has come.
#[cold]
pub(crate) fn answer(core: &Core) -> bool {
    core.inbox.take_interrupt();
    let answer = core.extension::<Answer>().0.borrow().clone();
    core.acts(Cause::Thread);
    let ends = answer.is_some_and(|answer| answer());
    core.acts(Cause::Outside);
    ends
}
