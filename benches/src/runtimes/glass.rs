//! glassloop.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use glassloop::net::TcpListener;
use glassloop::sync::{Lock, LockGuard, Queue};
use glassloop::{EventLoop, Task};

use super::{Locks, Net, Queues, Runtime, Timed};
use crate::process::{announce, quit_if_asked};

pub struct Glass;

impl Runtime for Glass {
    type Handle<T: 'static> = Task<T>;

    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
        let event_loop = EventLoop::new().expect("a loop");
        // The tasks that wait when a workload ends are meant to.
        event_loop.set_exception_handler(|_| {});
        let value = event_loop.run_until_complete(main).expect("main ends");
        event_loop.close().expect("the loop closes");
        value
    }

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> Task<T> {
        glassloop::create_task(work)
    }

    async fn join<T: 'static>(handle: Task<T>) -> T {
        handle.await.expect("the task ends")
    }

    async fn gather<T: 'static, F: Future<Output = T> + 'static>(all: Vec<F>) -> Vec<T> {
        glassloop::gather(all).await.expect("all end")
    }
}

/// In virtual time, so that what timers cost does not depend on when the clock is read: for the gate.
pub struct Virtual;

impl Runtime for Virtual {
    type Handle<T: 'static> = Task<T>;

    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
        let event_loop = EventLoop::builder().virtual_time().build().expect("a loop");
        event_loop.run_until_complete(main).expect("main ends")
    }

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> Task<T> {
        Glass::spawn(work)
    }

    async fn join<T: 'static>(handle: Task<T>) -> T {
        Glass::join(handle).await
    }
}

impl Timed for Virtual {
    fn sleep(delay: Duration) -> impl Future + 'static {
        Glass::sleep(delay)
    }
}

impl Timed for Glass {
    fn sleep(delay: Duration) -> impl Future + 'static {
        glassloop::sleep(delay)
    }
}

impl Queues for Glass {
    type Sender = Rc<Queue<u64>>;
    type Receiver = Rc<Queue<u64>>;

    fn queue(capacity: usize) -> (Self::Sender, Self::Receiver) {
        let queue = Rc::new(Queue::new(capacity));
        (queue.clone(), queue)
    }

    async fn put(sender: &mut Self::Sender, item: u64) {
        sender.put(item).await.expect("the queue is open");
    }

    async fn get(receiver: &mut Self::Receiver) -> u64 {
        receiver.get().await.expect("the queue is open")
    }
}

impl Locks for Glass {
    type Lock = Lock;
    type Guard<'a> = LockGuard;

    async fn lock(lock: &Lock) -> LockGuard {
        lock.acquire().await
    }
}

impl Net for Glass {
    async fn serve_echo() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        announce(listener.local_addr());
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            glassloop::create_task(async move {
                let mut buffer = [0; 1024];
                while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                    quit_if_asked(&buffer[..n]);
                    stream.write_all(&buffer[..n]).await.expect("room to send");
                }
            });
        }
    }
}
