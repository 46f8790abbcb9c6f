//! smol: its executor for one thread under async-io's reactor; the static one, which keeps no list of its tasks to drop them.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use async_executor::{LocalExecutor, StaticLocalExecutor, Task};
use smol::Timer;
use smol::channel::{Receiver, Sender};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::lock::{Mutex, MutexGuard};
use smol::net::TcpListener;

use super::{Locks, Net, Queues, Runtime, Timed};
use crate::process::{announce, quit_if_asked};

pub struct Smol;

thread_local! {
    static EXECUTOR: Cell<Option<&'static StaticLocalExecutor>> = const { Cell::new(None) };
}

impl Runtime for Smol {
    type Handle<T: 'static> = Task<T>;

    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
        let executor = LocalExecutor::new().leak();
        EXECUTOR.set(Some(executor));
        smol::block_on(executor.run(executor.spawn(main)))
    }

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> Task<T> {
        EXECUTOR.get().expect("it runs").spawn(work)
    }

    async fn join<T: 'static>(handle: Task<T>) -> T {
        handle.await
    }
}

impl Timed for Smol {
    fn sleep(delay: Duration) -> impl Future + 'static {
        Timer::after(delay)
    }
}

impl Queues for Smol {
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;

    fn queue(capacity: usize) -> (Self::Sender, Self::Receiver) {
        smol::channel::bounded(capacity)
    }

    async fn put(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.expect("the receiver is there");
    }

    async fn get(receiver: &mut Self::Receiver) -> u64 {
        receiver.recv().await.expect("the sender is there")
    }
}

impl Locks for Smol {
    type Lock = Mutex<()>;
    type Guard<'a> = MutexGuard<'a, ()>;

    async fn lock(lock: &Mutex<()>) -> MutexGuard<'_, ()> {
        lock.lock().await
    }
}

impl Net for Smol {
    async fn serve_echo() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        announce(listener.local_addr());
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let connection = async move {
                let mut buffer = [0; 1024];
                while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                    quit_if_asked(&buffer[..n]);
                    stream.write_all(&buffer[..n]).await.expect("room to send");
                }
            };
            Self::spawn(connection).detach();
        }
    }
}
