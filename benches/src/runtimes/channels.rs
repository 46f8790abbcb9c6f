//! The queue and the lock of the `futures` crate, for the runtimes that bring none.

use futures::channel::mpsc;
use futures::lock::{Mutex, MutexGuard};
use futures::{SinkExt, StreamExt};

use super::{Locks, Queues};

macro_rules! futures_parts {
    ($runtime:ty) => {
        impl Queues for $runtime {
            type Sender = mpsc::Sender<u64>;
            type Receiver = mpsc::Receiver<u64>;

            // This channel holds one item more for each sender.
            fn queue(capacity: usize) -> (Self::Sender, Self::Receiver) {
                mpsc::channel(capacity - 1)
            }

            async fn put(sender: &mut Self::Sender, item: u64) {
                sender.send(item).await.expect("the receiver is there");
            }

            async fn get(receiver: &mut Self::Receiver) -> u64 {
                receiver.next().await.expect("the sender is there")
            }
        }

        impl Locks for $runtime {
            type Lock = Mutex<()>;
            type Guard<'a> = MutexGuard<'a, ()>;

            async fn lock(lock: &Mutex<()>) -> MutexGuard<'_, ()> {
                lock.lock().await
            }
        }
    };
}

futures_parts!(super::localpool::Pool);
futures_parts!(super::monoio::Monoio);
futures_parts!(super::compio::Compio);
