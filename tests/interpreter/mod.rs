//! An interpreter for small programs in JSON, each of which leaves a trace: the same that CPython's asyncio prints for it.
//!
//! A program is a handful of coroutines made of *ops* (sleep, spawn, cancel, acquire, ...). Every op is done by the public
//! function of glassloop that it is named after, in virtual time. What the ops mean is said where they are done: `flow`
//! (control flow, errors, cancellation), `tasks`, `sync`, `combine`.

mod check;
mod combine;
mod flow;
mod runner;
mod sync;
mod tasks;
mod value;

pub use runner::trace;
