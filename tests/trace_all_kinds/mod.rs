//! Programs in real time that between them do each thing that a loop can do.

use std::rc::Rc;
use std::time::Duration;

use glassloop::trace::{self, Recorder, Trace};
use glassloop::{EventLoop, Promise, create_task, gather, sleep, sync, yield_now};

/// A program that does one of each thing that a loop can do.
pub fn of_all_kinds() -> Trace {
    let recorder = Rc::new(Recorder::new("all kinds"));
    let builder = EventLoop::builder().observer(recorder.clone());
    let event_loop = builder.build().unwrap();
    let main = async {
        let event_loop = glassloop::get_running_loop().unwrap();
        let naps = (0..4).map(|i| create_task(sleep(Duration::from_millis(i % 3))));
        let _ = gather(naps.collect::<Vec<_>>()).await;
        let queue = Rc::new(sync::Queue::new(2));
        let getter = queue.clone();
        let consumer = create_task(async move {
            for _ in 0..5 {
                getter.get().await.unwrap();
            }
        });
        for i in 0..5 {
            queue.put(i).await.unwrap();
        }
        consumer.await.unwrap();
        let promise = Promise::new();
        let given = promise.clone();
        create_task(async move { given.set_result(7).unwrap() });
        assert_eq!(promise.await.unwrap(), 7);
        let cancelled = create_task(sleep(Duration::from_secs(9)));
        yield_now().await;
        cancelled.cancel();
        cancelled.cancel();
        let _ = cancelled.await;
        let _ = glassloop::timeout(Duration::from_millis(2), sleep(Duration::from_secs(9))).await;
        assert_eq!(glassloop::to_thread(|| 7).await.unwrap(), 7);
        drop(create_task(async { panic!("on purpose") }));
        yield_now().await;
        let never = event_loop.call_soon(|| unreachable!()).unwrap();
        let late = event_loop.call_later(Duration::from_millis(1), || unreachable!());
        let soon = event_loop.call_later(Duration::from_millis(1), || {});
        never.cancel();
        late.unwrap().cancel();
        trace::blocking("nap", || trace::blocking("inner", || ()));
        sleep(Duration::from_millis(3)).await;
        drop(soon);
        create_task(sleep(Duration::from_secs(9)));
        yield_now().await;
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    recorder.trace()
}

/// What is left of a trace whose beginning was lost.
pub fn last_events() -> Trace {
    let recorder = Rc::new(Recorder::with_capacity("last", 700));
    let builder = EventLoop::builder().observer(recorder.clone());
    let event_loop = builder.build().unwrap();
    let main = async {
        let sleeper = create_task(sleep(Duration::from_millis(300)));
        for _ in 0..30 {
            let naps = (0..100).map(|_| create_task(yield_now()));
            let _ = gather(naps.collect::<Vec<_>>()).await;
            sleep(Duration::from_millis(1)).await;
        }
        sleeper.cancel();
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    recorder.trace()
}
