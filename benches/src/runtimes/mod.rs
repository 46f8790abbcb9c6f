//! The contestants: each runtime behind the same trait, as thin as it can be.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

pub mod floor;
pub mod glass;
pub mod observed;

#[cfg(feature = "peers")]
pub mod channels;
#[cfg(feature = "peers")]
pub mod compio;
#[cfg(feature = "peers")]
pub mod localpool;
#[cfg(feature = "peers")]
pub mod monoio;
#[cfg(feature = "peers")]
pub mod smol;
#[cfg(feature = "peers")]
pub mod tokio;

/// A single-threaded runtime.
#[allow(async_fn_in_trait)]
pub trait Runtime: 'static {
    type Handle<T: 'static>;

    /// Runs `main` to its end, as a task of the runtime like those that it starts.
    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T;

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> Self::Handle<T>;

    async fn join<T: 'static>(handle: Self::Handle<T>) -> T;

    /// Starts all and gives their values in the order of the list. Where a runtime has no gather of its own, awaiting one
    /// handle after the other is its fastest way.
    async fn gather<T: 'static, F: Future<Output = T> + 'static>(all: Vec<F>) -> Vec<T> {
        let handles: Vec<_> = all.into_iter().map(Self::spawn).collect();
        let mut values = Vec::with_capacity(handles.len());
        for handle in handles {
            values.push(Self::join(handle).await);
        }
        values
    }
}

/// A runtime with a clock.
pub trait Timed: Runtime {
    fn sleep(delay: Duration) -> impl Future + 'static;
}

/// A runtime with a bounded queue, or the one that its users take.
#[allow(async_fn_in_trait)]
pub trait Queues: Runtime {
    type Sender;
    type Receiver;

    fn queue(capacity: usize) -> (Self::Sender, Self::Receiver);

    async fn put(sender: &mut Self::Sender, item: u64);

    async fn get(receiver: &mut Self::Receiver) -> u64;
}

/// A runtime with a lock, or the one that its users take.
#[allow(async_fn_in_trait)]
pub trait Locks: Runtime {
    type Lock: Default + 'static;
    type Guard<'a>;

    async fn lock(lock: &Self::Lock) -> Self::Guard<'_>;
}

/// A runtime with sockets.
#[allow(async_fn_in_trait)]
pub trait Net: Runtime {
    /// Prints the port it listens on and echoes what comes over each connection, a task each, for ever.
    async fn serve_echo();
}

/// Wakes itself and lets the others run: the same future for all.
pub fn yield_once() -> impl Future<Output = ()> {
    let mut yielded = false;
    poll_fn(move |context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}
