//! An event loop that you can see through: Python asyncio's concepts, rebuilt from first principles.
//!
//! [`run`] runs a coroutine in a new loop; inside it [`create_task`] starts others, [`sleep`] waits for the clock,
//! [`gather`] and [`wait`] for several at once, [`timeout`] for a limited time, [`to_thread`] for blocking work, [`sync`] for
//! locks and queues, [`net`] for sockets and [`http`] for web pages. [`EventLoop`] is the loop itself, to be driven by hand,
//! one [turn](EventLoop::turn) at a time if you like. Names are asyncio's; its `Future` is [`Promise`].
//!
//! # How to read these docs
//!
//! A type says which of asyncio's it is. A method with the name that it has there is that method, and only what differs is told;
//! where the name is another one, or there is none, the method says so.
//!
//! A function that needs a running loop says so under "Panics" or "Errors". Everything else may be called outside of a loop too, on
//! the loop's own thread: locks, queues and promises can be made before it runs. Only [`LoopHandle`], [`RemoteTask`] and wakers
//! may go to other threads.
//!
//! What is awaited can be cancelled, or dropped, which is the same to it. Unless something else is said it has then done nothing:
//! a lock is not taken, an item stays in its queue, a byte in its socket. Times are [`Duration`](std::time::Duration)s, sizes bytes.
//!
//! ```
//! use glassloop::{create_task, gather, run, sleep};
//! use std::time::Duration;
//!
//! async fn hello(name: &str, delay: u64) -> String {
//!     sleep(Duration::from_millis(delay)).await;
//!     format!("Hello, {name}!")
//! }
//!
//! let greetings = run(async {
//!     let task = create_task(hello("task", 2));
//!     gather((task, hello("coroutine", 1))).await
//! })?.unwrap();
//! assert_eq!(greetings, ("Hello, task!".to_owned(), "Hello, coroutine!".to_owned()));
//! # Ok::<(), glassloop::LoopError>(())
//! ```
//!
//! How it works is told in DESIGN.md; the code begins in `turn.rs`.

pub use any_task::{AnyTask, all_tasks, current_task};
pub use awaitable::Awaitable;
pub use callback::{Handle, TimerHandle};
pub use combine::{
    ALL_COMPLETED, AsCompleted, Children, EmptySetError, FIRST_COMPLETED, FIRST_EXCEPTION, Gather,
    GatherResults, Limited, ReturnWhen, TaskGroup, Timeout, TryChildren, TryGather, TryWaitItem,
    Wait, WaitItem, as_completed, gather, shield, timeout, timeout_at, try_gather, try_wait, wait,
    wait_for,
};
pub use context_var::{ContextVar, Token};
pub use coroutine::Coroutine;
pub use error::{
    ChildError, ExceptionGroup, GroupClosed, InvalidStateError, LoopError, Panic, TaskError,
    TimeoutClosed, TimeoutError,
};
pub use event_loop::{Builder, EventLoop, get_running_loop};
pub use exception::ExceptionContext;
pub use join::{Join, JoinRef};
pub use pool::cpu_count;
pub use promise::{CallbackId, Promise};
pub use remote::{LoopHandle, RemoteTask};
pub use runner::run;
pub use scope::{Cancelled, catch_cancel};
pub use task::{Task, create_task};
pub use threads::{Offload, to_thread};
pub use time::{Interval, Sleep, interval, sleep, yield_now};
pub use turn::{Ran, TurnReport};
pub use wait_graph::{WaitGraph, WaitNode, wait_graph};

mod any_task;
mod awaitable;
mod callback;
mod cancel;
mod clock;
mod combine;
mod completion;
mod context;
mod context_var;
mod core;
mod coroutine;
mod current;
mod debug;
mod error;
mod event_loop;
mod exception;
mod gauges;
#[cfg(feature = "greenlet")]
pub mod greenlet;
mod header;
mod held;
pub mod http;
mod inbox;
mod interrupt;
mod join;
pub mod net;
mod noted;
pub mod observe;
mod observed;
mod pool;
#[cfg(unix)]
mod process_signals;
mod promise;
mod reactor;
#[cfg(unix)]
mod readers;
mod ready;
mod remote;
mod report;
mod runner;
mod schedule;
mod scope;
mod shuffle;
#[cfg(unix)]
mod signals;
mod step;
pub mod sync;
mod table;
mod task;
mod task_forms;
mod text;
mod threads;
mod ticket;
mod time;
mod timers;
pub mod trace;
mod turn;
mod wait_graph;
mod wait_on;
mod waker;
mod watchdog;
mod wheel;
