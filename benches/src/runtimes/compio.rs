//! compio with the driver it takes by itself, io_uring where there is one.

use std::future::Future;
use std::time::Duration;

use compio::BufResult;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::TcpListener;
use compio::runtime::{JoinHandle, Runtime as Rt};

use super::{Net, Runtime, Timed};
use crate::process::{announce, quit_if_asked};

pub struct Compio;

impl Runtime for Compio {
    type Handle<T: 'static> = JoinHandle<T>;

    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
        // Not as a task: awaiting one from the outside takes system calls, for each task that main would join.
        Rt::new().expect("a runtime").block_on(main)
    }

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        compio::runtime::spawn(work)
    }

    async fn join<T: 'static>(handle: JoinHandle<T>) -> T {
        handle.await.expect("the task ends")
    }
}

impl Timed for Compio {
    fn sleep(delay: Duration) -> impl Future + 'static {
        compio::time::sleep(delay)
    }
}

impl Net for Compio {
    async fn serve_echo() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        announce(listener.local_addr());
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let connection = async move {
                let mut buffer = Vec::with_capacity(1024);
                loop {
                    buffer.clear();
                    let BufResult(read, bytes) = stream.read(buffer).await;
                    let Ok(1..) = read else { break };
                    quit_if_asked(&bytes);
                    let BufResult(written, bytes) = stream.write_all(bytes).await;
                    written.expect("room to send");
                    buffer = bytes;
                }
            };
            compio::runtime::spawn(connection).detach();
        }
    }
}
