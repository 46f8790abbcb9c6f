//! An event loop that you can see through: Python asyncio's concepts, rebuilt from first principles.

pub use awaitable::Awaitable;
pub use callback::{Handle, TimerHandle};
pub use cancel::catch_cancel;
pub use combine::{
    ALL_COMPLETED, Children, EmptySetError, FIRST_COMPLETED, FIRST_EXCEPTION, Gather,
    GatherResults, ReturnWhen, TryChildren, TryGather, Wait, WaitItem, gather, timeout, try_gather,
    wait, wait_for,
};
pub use error::{
    Cancelled, GatherError, InvalidStateError, LoopError, Panic, TaskError, TimeoutError,
};
pub use event_loop::{Builder, EventLoop, get_running_loop, run};
pub use join::{Join, JoinRef};
pub use pool::cpu_count;
pub use promise::{CallbackId, Promise};
pub use remote::{LoopHandle, RemoteTask};
pub use task::{AnyTask, Task, all_tasks, create_task, current_task};
pub use threads::{Offload, to_thread};
pub use time::{Interval, Sleep, interval, sleep, yield_now};
pub use turn::{Ran, TurnReport};

mod awaitable;
mod callback;
mod cancel;
mod clock;
mod combine;
mod completion;
mod core;
mod current;
mod error;
mod event_loop;
mod header;
pub mod http;
mod inbox;
mod join;
pub mod net;
pub mod observe;
mod pool;
mod promise;
mod reactor;
mod remote;
mod task;
mod text;
mod threads;
mod ticket;
mod time;
mod timers;
mod turn;
mod waker;
