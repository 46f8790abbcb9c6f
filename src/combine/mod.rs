//! Waiting for several things, or for a limited time: gather, wait, as_completed, task groups,
//! timeout, wait_for, shield.
//!
//! They work on tasks: a coroutine that is handed in becomes one, and so runs by itself whatever becomes of the others.

mod as_completed;
mod children;
mod gather;
mod shield;
mod task_group;
mod timeout;
mod wait;

pub use as_completed::{AsCompleted, as_completed};
pub use children::{Children, TryChildren};
pub use gather::{Gather, GatherResults, TryGather, gather, try_gather};
pub use shield::shield;
pub use task_group::TaskGroup;
pub use timeout::{Limited, Timeout, timeout, timeout_at, wait_for};
pub use wait::{
    ALL_COMPLETED, EmptySetError, FIRST_COMPLETED, FIRST_EXCEPTION, ReturnWhen, TryWaitItem, Wait,
    WaitItem, try_wait, wait,
};
