//! Tokio on one thread: its `LocalRuntime`, and a `LocalSet` on the current_thread runtime.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Mutex, MutexGuard, mpsc};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use super::{Locks, Queues, Runtime, Timed};

pub struct TokioLocal;
pub struct TokioLocalSet;

impl Runtime for TokioLocal {
    type Handle<T: 'static> = JoinHandle<T>;

    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .expect("a runtime");
        runtime.block_on(async { spawn_local(main).await.expect("main ends") })
    }

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        spawn_local(work)
    }

    async fn join<T: 'static>(handle: JoinHandle<T>) -> T {
        handle.await.expect("the task ends")
    }
}

impl Runtime for TokioLocalSet {
    type Handle<T: 'static> = JoinHandle<T>;

    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let set = LocalSet::new();
        let main = set.run_until(async { spawn_local(main).await.expect("main ends") });
        runtime.block_on(main)
    }

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        spawn_local(work)
    }

    async fn join<T: 'static>(handle: JoinHandle<T>) -> T {
        handle.await.expect("the task ends")
    }
}

macro_rules! tokio_parts {
    ($runtime:ident) => {
        impl Timed for $runtime {
            fn sleep(delay: Duration) -> impl Future + 'static {
                tokio::time::sleep(delay)
            }
        }

        impl Queues for $runtime {
            type Sender = mpsc::Sender<u64>;
            type Receiver = mpsc::Receiver<u64>;

            fn queue(capacity: usize) -> (Self::Sender, Self::Receiver) {
                mpsc::channel(capacity)
            }

            async fn put(sender: &mut Self::Sender, item: u64) {
                sender.send(item).await.expect("the receiver is there");
            }

            async fn get(receiver: &mut Self::Receiver) -> u64 {
                receiver.recv().await.expect("the sender is there")
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

tokio_parts!(TokioLocal);
tokio_parts!(TokioLocalSet);
