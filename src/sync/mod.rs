//! Synchronisation: events, locks, semaphores, conditions, barriers and queues between the tasks of one loop.
//!
//! They are asyncio's, and rest on one wait list. Waiters are served in the order in which they came; whoever is woken and
//! then cancelled, or dropped, passes its turn on. What is handed out as a guard is given back when the guard is dropped.
//!
//! Each is a handle: clones are the same lock or queue. They belong to one thread, may be made and looked at outside of a
//! loop, and are awaited in tasks.
//!
//! ```
//! # glassloop::run(async {
//! use glassloop::{create_task, sync::Queue};
//!
//! let queue = Queue::new(2);
//! let producer = queue.clone();
//! create_task(async move {
//!     for n in 1..=3 {
//!         producer.put(n).await.unwrap();
//!     }
//!     producer.shutdown(false);
//! });
//! let mut sum = 0;
//! while let Ok(n) = queue.get().await {
//!     sum += n;
//! }
//! assert_eq!(sum, 6);
//! # }).unwrap();
//! ```

mod barrier;
mod condition;
mod event;
mod kind;
mod lifo_queue;
mod lock;
mod places;
mod priority_queue;
mod queue;
mod queue_error;
mod semaphore;
mod wait_list;

pub use barrier::{Barrier, BrokenBarrierError};
pub use condition::{Condition, ConditionWait};
pub use event::{Event, EventWait};
pub use lifo_queue::LifoQueue;
pub use lock::{Lock, LockAcquire, LockGuard, NotAcquiredError};
pub use priority_queue::PriorityQueue;
pub use queue::{Get, Put, Queue};
pub use queue_error::{GetError, PutError, QueueShutDown, TaskDoneError};
pub use semaphore::{BoundedSemaphore, OverReleaseError, Permit, Semaphore, SemaphoreAcquire};
