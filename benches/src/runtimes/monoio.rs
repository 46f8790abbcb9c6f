//! monoio on epoll, with wakers that may leave the thread.

use std::future::Future;
use std::time::Duration;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::TcpListener;
use monoio::{LegacyDriver, RuntimeBuilder};

use super::{Net, Runtime, Timed};
use crate::process::{announce, quit_if_asked};

pub struct Monoio;

impl Runtime for Monoio {
    type Handle<T: 'static> = monoio::task::JoinHandle<T>;

    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
        let builder = RuntimeBuilder::<LegacyDriver>::new().enable_timer();
        let mut runtime = builder.build().expect("a runtime");
        runtime.block_on(async { monoio::spawn(main).await })
    }

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> Self::Handle<T> {
        monoio::spawn(work)
    }

    async fn join<T: 'static>(handle: Self::Handle<T>) -> T {
        handle.await
    }
}

impl Timed for Monoio {
    fn sleep(delay: Duration) -> impl Future + 'static {
        monoio::time::sleep(delay)
    }
}

impl Net for Monoio {
    async fn serve_echo() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        announce(listener.local_addr());
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            monoio::spawn(async move {
                let mut buffer = Vec::with_capacity(1024);
                loop {
                    let (read, bytes) = stream.read(buffer).await;
                    let Ok(1..) = read else { break };
                    quit_if_asked(&bytes);
                    let (written, bytes) = stream.write_all(bytes).await;
                    written.expect("room to send");
                    buffer = bytes;
                }
            });
        }
    }
}
