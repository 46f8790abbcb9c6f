//! The `LocalPool` of the `futures` crate: an executor without clock or sockets.

use std::cell::Cell;
use std::future::Future;

use futures::executor::{LocalPool, LocalSpawner};
use futures::future::RemoteHandle;
use futures::task::LocalSpawnExt;

use super::Runtime;

pub struct Pool;

thread_local! {
    static SPAWNER: Cell<Option<&'static LocalSpawner>> = const { Cell::new(None) };
}

impl Runtime for Pool {
    type Handle<T: 'static> = RemoteHandle<T>;

    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
        let mut pool = LocalPool::new();
        SPAWNER.set(Some(Box::leak(Box::new(pool.spawner()))));
        let main = Self::spawn(main);
        pool.run_until(main)
    }

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> RemoteHandle<T> {
        let spawner = SPAWNER.get().expect("it runs");
        spawner
            .spawn_local_with_handle(work)
            .expect("the pool is there")
    }

    async fn join<T: 'static>(handle: RemoteHandle<T>) -> T {
        handle.await
    }
}
