//! Tokio on one thread: its `LocalRuntime`, and a `LocalSet` on the current_thread runtime.

use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Mutex, MutexGuard, mpsc};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use super::{Locks, Net, Queues, Runtime, Timed};
use crate::process::{announce, quit_if_asked};

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

        impl Net for $runtime {
            async fn serve_echo() {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                announce(listener.local_addr());
                loop {
                    let (mut stream, _) = listener.accept().await.expect("a connection");
                    spawn_local(async move {
                        let mut buffer = [0; 1024];
                        while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                            quit_if_asked(&buffer[..n]);
                            stream.write_all(&buffer[..n]).await.expect("room to send");
                        }
                    });
                }
            }
        }
    };
}

tokio_parts!(TokioLocal);
tokio_parts!(TokioLocalSet);
