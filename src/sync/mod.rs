//! Synchronisation: events, locks, semaphores and conditions between the tasks of one loop.
//!
//! They are asyncio's, and rest on one wait list. Waiters are served in the order in which they came; whoever is woken and
//! then cancelled, or dropped, passes its turn on. What is handed out as a guard is given back when the guard is dropped.
//!
//! Each is a handle: clones are the same lock. They belong to one thread, may be made and looked at outside of a
//! loop, and are awaited in tasks.

mod condition;
mod event;
mod lock;
mod semaphore;
mod wait_list;

pub use condition::{Condition, ConditionWait};
pub use event::{Event, EventWait};
pub use lock::{Lock, LockAcquire, LockGuard, NotAcquiredError};
pub use semaphore::{BoundedSemaphore, OverReleaseError, Permit, Semaphore, SemaphoreAcquire};
