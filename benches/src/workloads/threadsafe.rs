//! Another thread asks the loop for calls, as fast as it can, each runtime in its own way: what `call_soon_threadsafe` is to
//! glassloop, a task started from outside is to Tokio and to smol's executor for many threads. monoio, compio, `LocalPool` and smol's
//! executor for one thread have nothing of the kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crate::measure::{Meter, Outcome, Size, check};
use crate::process::{CLIENT_CORE, SERVER_CORE, pin_to};

/// Calls that were made, of those that were asked for.
#[derive(Clone)]
struct Calls {
    made: Arc<AtomicU64>,
    asked: u64,
}

impl Calls {
    fn of(asked: u64) -> Calls {
        let made = Arc::new(AtomicU64::new(0));
        Calls { made, asked }
    }

    /// Whether this call is the last.
    fn is_last(&self) -> bool {
        self.made.fetch_add(1, Ordering::Relaxed) + 1 == self.asked
    }
}

/// A thread that asks so often.
fn asking(asked: u64, ask: impl Fn(u64) + Send + 'static) -> JoinHandle<()> {
    thread::spawn(move || {
        pin_to(CLIENT_CORE);
        (0..asked).for_each(ask);
    })
}

/// CPU time of both threads.
fn outcome(meter: &Meter, ops: u64) -> Outcome {
    let wall = meter.wall().as_nanos() as f64 / ops as f64;
    meter.per(ops).with("wall ns", wall)
}

/// A callback each, called in the order in which they were asked for.
pub fn glass(Size { ops, .. }: Size) -> Outcome {
    pin_to(SERVER_CORE);
    let event_loop = glassloop::EventLoop::new().expect("a loop");
    let (handle, calls) = (event_loop.handle(), Calls::of(ops));
    let meter = Meter::start();
    let asking = asking(ops, move |i| {
        let calls = calls.clone();
        let call = move || {
            check("call", calls.made.load(Ordering::Relaxed), i);
            if calls.is_last() {
                glassloop::get_running_loop().expect("it runs").stop();
            }
        };
        handle.call_soon_threadsafe(call).expect("it is open");
    });
    event_loop
        .run_forever()
        .expect("it runs until it is stopped");
    let outcome = outcome(&meter, ops);
    asking.join().expect("no panic");
    event_loop.close().expect("the loop closes");
    outcome
}

/// A task each, by the handle of a `LocalRuntime`.
#[cfg(feature = "peers")]
pub fn tokio(Size { ops, .. }: Size) -> Outcome {
    use tokio::runtime::{Builder, LocalOptions};

    pin_to(SERVER_CORE);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .expect("a runtime");
    let (handle, calls) = (runtime.handle().clone(), Calls::of(ops));
    let end = Arc::new(tokio::sync::Notify::new());
    let meter = Meter::start();
    let asking = asking(ops, {
        let end = end.clone();
        move |_| {
            let (calls, end) = (calls.clone(), end.clone());
            handle.spawn(async move {
                if calls.is_last() {
                    end.notify_one();
                }
            });
        }
    });
    runtime.block_on(end.notified());
    let outcome = outcome(&meter, ops);
    asking.join().expect("no panic");
    outcome
}

/// A task each, in the executor that may have many threads and has one.
#[cfg(feature = "peers")]
pub fn smol(Size { ops, .. }: Size) -> Outcome {
    pin_to(SERVER_CORE);
    let executor = async_executor::Executor::new().leak();
    let (calls, (sender, end)) = (Calls::of(ops), smol::channel::bounded(1));
    let meter = Meter::start();
    let asking = asking(ops, move |_| {
        let (calls, sender) = (calls.clone(), sender.clone());
        let call = async move {
            if calls.is_last() {
                sender.send(()).await.expect("somebody waits");
            }
        };
        executor.spawn(call).detach();
    });
    smol::block_on(executor.run(end.recv())).expect("the last call says so");
    let outcome = outcome(&meter, ops);
    asking.join().expect("no panic");
    outcome
}
