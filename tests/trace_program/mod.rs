//! The program behind the golden files of `trace_forms`, which name lines of this file: it stands alone so that they hold.

use std::rc::Rc;
use std::time::Duration;

use glassloop::trace::{self, Recorder, Trace};
use glassloop::{EventLoop, create_task, gather, sleep, sync, yield_now};

/// A program in virtual time, whose trace is the same each time.
pub fn in_virtual_time() -> Trace {
    let recorder = Rc::new(Recorder::new("virtual"));
    let builder = EventLoop::builder().virtual_time();
    let event_loop = builder.observer(recorder.clone()).build().unwrap();
    let main = async {
        let lock = Rc::new(sync::Lock::new());
        let worker = |i: u64, lock: Rc<sync::Lock>| async move {
            let _guard = lock.acquire().await;
            sleep(Duration::from_millis(100 * i)).await;
            if i == 2 {
                glassloop::get_running_loop()
                    .unwrap()
                    .advance(Duration::from_secs(1));
            }
        };
        let workers = (1..=3).map(|i| create_task(worker(i, lock.clone())).named(format!("w{i}")));
        let workers: Vec<_> = workers.collect();
        trace::mark("begun", 7);
        yield_now().await;
        workers[2].cancel();
        let _ = gather(workers).return_exceptions().await;
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    let mut trace = recorder.trace();
    // What depends on the machine.
    (trace.command, trace.cost) = ("program".to_owned(), 0);
    trace
}
