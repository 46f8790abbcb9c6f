//! The stacks of greenlets: mapped with a guard page below, and kept for the next greenlet of the same thread.

use std::cell::RefCell;
use std::io;

use corosensei::stack::DefaultStack;

/// The bytes of a greenlet's stack. They are address space; memory is taken page by page as the stack grows. Below it lies
/// a guard page: who grows beyond ends the process by a signal and never writes to other memory.
pub const STACK_SIZE: usize = 256 * 1024;

/// How many unused stacks a thread keeps. They hold the pages that were touched.
const KEPT: usize = 1024;

thread_local! {
    static FREE: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// A kept stack, or a new one.
pub(crate) fn take() -> io::Result<DefaultStack> {
    let kept = FREE.with_borrow_mut(Vec::pop);
    kept.map_or_else(|| DefaultStack::new(STACK_SIZE), Ok)
}

/// Keeps a stack for the next one who takes, or unmaps it if enough are kept or the thread ends.
pub(crate) fn give_back(stack: DefaultStack) {
    let _ = FREE.try_with(|free| {
        let mut free = free.borrow_mut();
        if free.len() < KEPT {
            free.push(stack);
        }
    });
}
