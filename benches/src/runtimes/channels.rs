//! The queue and the lock of the runtimes that bring none: what their authors publish for one thread.

use futures::{SinkExt, StreamExt};
use local_sync::{mpsc::bounded, semaphore};

use super::compio::Compio;
use super::localpool::Pool;
use super::monoio::Monoio;
use super::{Locks, Queues};

macro_rules! local_sync_queue {
    ($runtime:ty) => {
        impl Queues for $runtime {
            type Sender = bounded::Tx<u64>;
            type Receiver = bounded::Rx<u64>;

            fn queue(capacity: usize) -> (Self::Sender, Self::Receiver) {
                bounded::channel(capacity)
            }

            async fn put(sender: &mut Self::Sender, item: u64) {
                sender.send(item).await.expect("the receiver is there");
            }

            async fn get(receiver: &mut Self::Receiver) -> u64 {
                receiver.recv().await.expect("the sender is there")
            }
        }
    };
}

local_sync_queue!(Monoio);
// compio publishes no queue.
local_sync_queue!(Compio);

/// A semaphore of one.
pub struct Single(semaphore::Semaphore);

impl Default for Single {
    fn default() -> Single {
        Single(semaphore::Semaphore::new(1))
    }
}

impl Locks for Monoio {
    type Lock = Single;
    type Guard<'a> = semaphore::SemaphorePermit<'a>;

    async fn lock(lock: &Single) -> Self::Guard<'_> {
        lock.0.acquire().await.expect("it is never closed")
    }
}

impl Locks for Compio {
    type Lock = synchrony::unsync::mutex::Mutex<()>;
    type Guard<'a> = synchrony::unsync::mutex::MutexGuard<'a, ()>;

    async fn lock(lock: &Self::Lock) -> Self::Guard<'_> {
        lock.lock().await
    }
}

impl Queues for Pool {
    type Sender = futures::channel::mpsc::Sender<u64>;
    type Receiver = futures::channel::mpsc::Receiver<u64>;

    // This channel holds one item more for each sender.
    fn queue(capacity: usize) -> (Self::Sender, Self::Receiver) {
        futures::channel::mpsc::channel(capacity - 1)
    }

    async fn put(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.expect("the receiver is there");
    }

    async fn get(receiver: &mut Self::Receiver) -> u64 {
        receiver.next().await.expect("the sender is there")
    }
}

impl Locks for Pool {
    type Lock = futures::lock::Mutex<()>;
    type Guard<'a> = futures::lock::MutexGuard<'a, ()>;

    async fn lock(lock: &Self::Lock) -> Self::Guard<'_> {
        lock.lock().await
    }
}
