//! The stacks of greenlets: mapped with a guard page below, and kept for the next greenlet of the same thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use corosensei::stack::{DefaultStack, Stack};

use crate::greenlet::overflow::{self, Ground};
use crate::observe::Site;

/// The bytes of a greenlet's stack, unless [`Builder::stack_size`](super::Builder::stack_size) says otherwise. They are
/// address space; memory is taken page by page as the stack grows. Below it lies a guard page: who grows beyond ends the
/// process by a signal, with a line on stderr, and never writes to other memory.
pub const STACK_SIZE: usize = 256 * 1024;

/// Less does not suffice to panic on, in a build without optimisation.
const LEAST: usize = 64 * 1024;

/// No address space has more; the kernel refuses it in plain words.
const MOST: usize = 1 << 48;

/// How many unused stacks a thread keeps: to map and unmap one costs a hundred times a switch. They hold the pages that were
/// touched, and leave the other half of the mappings that Linux allows to a process.
const KEPT: usize = 16 * 1024;

thread_local! {
    static FREE: RefCell<Free> = const { RefCell::new(Free { by_size: BTreeMap::new(), count: 0 }) };
}

#[derive(Default)]
struct Free {
    by_size: BTreeMap<usize, Vec<DefaultStack>>,
    count: usize,
}

/// A kept stack of `size` bytes, or a new one.
pub(crate) fn take(size: usize) -> io::Result<DefaultStack> {
    let size = size.clamp(LEAST, MOST);
    let kept = FREE.try_with(|free| {
        let free = &mut *free.borrow_mut();
        let kept = free.by_size.get_mut(&size)?.pop()?;
        free.count -= 1;
        Some(kept)
    });
    if let Ok(Some(stack)) = kept {
        return Ok(stack);
    }
    overflow::report_from_now_on();
    DefaultStack::new(size)
}

/// Keeps a stack for the next one who takes, or unmaps it if enough are kept or the thread ends.
pub(crate) fn give_back(stack: DefaultStack, size: usize) {
    let size = size.clamp(LEAST, MOST);
    let _ = FREE.try_with(|free| {
        let free = &mut *free.borrow_mut();
        if free.count < KEPT {
            free.by_size.entry(size).or_default().push(stack);
            free.count += 1;
        }
    });
}

/// What the report of an overflow needs to know of a stack.
pub(crate) fn ground(stack: &DefaultStack, size: usize, site: Site) -> Ground {
    let size = size.clamp(LEAST, MOST);
    Ground {
        guard: (stack.limit().get(), stack.base().get() - size),
        size,
        site,
    }
}
