//! compio with the driver it takes by itself, io_uring where there is one.

use std::future::Future;
use std::time::Duration;

use compio::runtime::{JoinHandle, Runtime as Rt};

use super::{Runtime, Timed};

pub struct Compio;

impl Runtime for Compio {
    type Handle<T: 'static> = JoinHandle<T>;

    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
        let runtime = Rt::new().expect("a runtime");
        let main = runtime.spawn(main);
        runtime.block_on(async { main.await.ok().expect("main ends") })
    }

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        compio::runtime::spawn(work)
    }

    async fn join<T: 'static>(handle: JoinHandle<T>) -> T {
        handle.await.ok().expect("the task ends")
    }
}

impl Timed for Compio {
    fn sleep(delay: Duration) -> impl Future + 'static {
        compio::time::sleep(delay)
    }
}
