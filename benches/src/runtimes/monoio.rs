//! monoio on epoll, with wakers that may leave the thread.

use std::future::Future;
use std::time::Duration;

use monoio::{LegacyDriver, RuntimeBuilder};

use super::{Runtime, Timed};

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
