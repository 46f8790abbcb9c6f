//! Waiting for several things, or for a limited time: gather, wait, wait_for, timeout.
//!
//! They work on tasks: a coroutine that is handed in becomes one, and so runs by itself whatever becomes of the others.

mod children;
mod gather;
mod timeout;
mod wait;

pub use children::{Children, TryChildren};
pub use gather::{Gather, GatherResults, TryGather, gather, try_gather};
pub use timeout::{timeout, wait_for};
pub use wait::{
    ALL_COMPLETED, EmptySetError, FIRST_COMPLETED, FIRST_EXCEPTION, ReturnWhen, Wait, WaitItem,
    wait,
};
