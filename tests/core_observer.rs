//! What an observer is told, event by event.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use glassloop::observe::{Event, Observer};
use glassloop::sync::Queue;
use glassloop::{
    EventLoop, Promise, Task, TaskGroup, as_completed, create_task, gather, sleep, to_thread, wait,
    wait_graph, yield_now,
};

/// The events without their places in the source.
#[derive(Default)]
struct Notes(RefCell<Vec<String>>);

impl Observer for Notes {
    fn event(&self, event: &Event<'_>) {
        self.0.borrow_mut().push(match event {
            Event::Turn {
                number,
                ready,
                timers,
            } => format!("turn {number}: {ready} ready, {timers} timers"),
            Event::PollEnter { timeout, why } => format!("poll for {timeout:?}: {why:?}"),
            Event::PollExit { events, .. } => format!("polled {events}"),
            Event::TimerSet { timer, deadline } => format!("timer {timer} for {deadline:?}"),
            Event::TimerFire { timer, late } => format!("timer {timer} due, {late:?} late"),
            Event::TimerCancel { timer } => format!("timer {timer} cancelled"),
            Event::TaskSpawn {
                task, parent, coro, ..
            } => {
                let coro = coro.rsplit("::").next().unwrap_or_default();
                format!("spawn {task} by {parent:?}: {coro}")
            }
            Event::Ready { task, cause } => format!("{task} ready by {cause:?}"),
            Event::WakeAgain { task, cause } => format!("{task} woken again by {cause:?}"),
            Event::StepBegin { task } => format!("{task} begins"),
            Event::StepEnd { task, end } => format!("{task} ends {end:?}"),
            Event::Wait { task, kind, site } => {
                assert!(site.is_some_and(|site| site.file().ends_with("core_observer.rs")));
                format!("{task} waits for {kind}")
            }
            Event::WaitProgress { task, done, all } => format!("{task} has {done}/{all}"),
            Event::CallbackAdd { callback, .. } => format!("callback {callback} added"),
            Event::CallbackRun { callback } => format!("callback {callback} runs"),
            Event::CallbackEnd { callback, panicked } => match panicked {
                false => format!("callback {callback} has run"),
                true => format!("callback {callback} has panicked"),
            },
            Event::CancelRequest { task, by } => format!("cancel {task} by {by:?}"),
            other => format!("{other:?}"),
        });
    }
}

/// What `main` makes the loop do, up to its last turn.
fn observed<F: Future<Output = ()> + 'static>(main: F) -> Vec<String> {
    let notes = Rc::new(Notes::default());
    let builder = EventLoop::builder().virtual_time();
    let event_loop = builder.observer(notes.clone()).build().unwrap();
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    let events = notes.0.take();
    events
        .into_iter()
        .filter(|event| !event.starts_with("poll"))
        .filter(|event| {
            !["Open", "Enter", "Jump", "Close"]
                .iter()
                .any(|other| event.starts_with(other))
        })
        .collect()
}

#[test]
fn a_sleep_is_told_from_the_spawn_to_the_end() {
    async fn napper() {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(
        observed(napper()),
        [
            "spawn 1 by None: napper",
            "1 ready by Outside",
            "turn 1: 1 ready, 0 timers",
            "1 begins",
            "timer 1 for 5ms",
            "1 waits for sleep until 0.005 s",
            "1 ends Pending",
            "turn 2: 0 ready, 1 timers",
            "timer 1 due, 0ns late",
            "1 ready by Timer(1)",
            "turn 3: 1 ready, 0 timers",
            "1 begins",
            "callback 2 added",
            "1 ends Finished",
            "turn 4: 1 ready, 0 timers",
            "callback 2 runs",
            "callback 2 has run",
        ]
    );
}

#[test]
fn a_cancellation_is_told_with_its_cause() {
    async fn main() {
        let promise = Promise::<()>::new();
        async fn waiter(promise: Promise<()>) {
            let _ = promise.await;
        }
        let task = create_task(waiter(promise));
        yield_now().await;
        task.cancel();
        let _ = task.await;
    }
    let events = observed(main());
    let of_waiter = events.iter().filter(|event| event.contains('2'));
    let other = |event: &&String| event.contains("turn") || event.contains("callback");
    let of_waiter: Vec<_> = of_waiter.filter(|event| !other(event)).collect();
    assert_eq!(
        of_waiter,
        [
            "spawn 2 by Some(1): waiter",
            "2 ready by Task(1)",
            "2 begins",
            "2 waits for Promise",
            "2 ends Pending",
            "cancel 2 by Some(1)",
            "2 ready by Task(1)",
            "1 waits for Task-2",
            "2 begins",
            "1 ready by Task(2)",
            "2 ends Cancelled",
        ]
    );
}

#[test]
fn a_queue_tells_each_change_of_its_length() {
    async fn main() {
        let (few, many) = (Queue::new(2), Queue::new(0));
        many.put_nowait('a').unwrap();
        for i in [1, 2] {
            few.put(i).await.unwrap();
        }
        few.put_nowait(3).unwrap_err();
        assert_eq!(few.get().await, Ok(1));
        assert_eq!(few.get_nowait(), Ok(2));
        few.get_nowait().unwrap_err();
        few.put_nowait(4).unwrap();
        few.shutdown(true);
        many.shutdown(false);
    }
    let event = |queue, length, capacity| {
        format!("Queue {{ queue: {queue}, length: {length}, capacity: {capacity} }}")
    };
    let mut events = observed(main());
    events.retain(|event| event.starts_with("Queue"));
    assert_eq!(
        events,
        [
            event(1, 1, 0),
            event(2, 1, 2),
            event(2, 2, 2),
            event(2, 1, 2),
            event(2, 0, 2),
            event(2, 1, 2),
            event(2, 0, 2),
        ]
    );
}

fn naps<const N: usize>() -> [Task<()>; N] {
    std::array::from_fn(|i| {
        create_task(async move { sleep(Duration::from_secs(i as u64 + 1)).await })
    })
}

#[test]
fn who_waits_for_several_says_how_many_are_done() {
    async fn gathers() {
        gather(naps::<3>()).await.unwrap();
    }
    async fn waits() {
        wait(naps::<2>()).await.unwrap();
    }
    async fn completes() {
        let mut stream = as_completed(naps::<2>());
        while stream.next().await.is_some() {}
    }
    async fn groups() {
        let group = TaskGroup::<()>::new();
        let ran = group.run(async {
            for seconds in [1, 2] {
                let nap = async move {
                    sleep(Duration::from_secs(seconds)).await;
                    Ok(())
                };
                group.create_task(nap).unwrap();
            }
            Ok(())
        });
        ran.await.unwrap();
    }
    async fn main() {
        for task in [
            create_task(gathers()),
            create_task(waits()),
            create_task(completes()),
            create_task(groups()),
        ] {
            drop(task);
        }
        sleep(Duration::from_millis(1500)).await;
        let mut waits: Vec<_> = wait_graph().nodes.into_iter().skip(1).take(4).collect();
        let waits: Vec<_> = waits.drain(..).filter_map(|node| node.waits_for).collect();
        assert_eq!(
            waits,
            [
                "gather 1/3",
                "wait 1/2",
                "as_completed 1/2",
                "TaskGroup 1/2"
            ]
        );
        sleep(Duration::from_secs(2)).await;
    }
    let mut events = observed(main());
    events.retain(|event| event.contains('/'));
    assert_eq!(
        events,
        [
            "2 waits for gather 0/3",
            "3 waits for wait 0/2",
            "4 waits for as_completed 0/2",
            "5 waits for TaskGroup 0/2",
            // One more is done, and it does not step.
            "2 has 1/3",
            "3 has 1/2",
            "5 has 1/2",
            "4 waits for as_completed 1/2",
            "2 has 2/3",
        ]
    );
}

/// Takes its time over a job that it is told of, and then looks whether the job has begun.
struct Slow {
    begun: Arc<AtomicBool>,
    at_offload: Cell<Option<bool>>,
}

impl Observer for Slow {
    fn event(&self, event: &Event<'_>) {
        if let Event::Offload { .. } = event {
            std::thread::sleep(Duration::from_millis(50));
            self.at_offload
                .set(Some(self.begun.load(Ordering::Relaxed)));
        }
    }
}

/// A job that ends the process left a trace in which nobody had given it to the pool.
#[test]
fn a_job_is_told_of_before_the_pool_has_it() {
    let begun = Arc::new(AtomicBool::new(false));
    let observer = Rc::new(Slow {
        begun: begun.clone(),
        at_offload: Cell::new(None),
    });
    let builder = EventLoop::builder().observer(observer.clone());
    let event_loop = builder.build().unwrap();
    let main = async move {
        let job = to_thread(move || begun.store(true, Ordering::Relaxed));
        job.await.unwrap();
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    assert_eq!(observer.at_offload.get(), Some(false));
    assert!(observer.begun.load(Ordering::Relaxed));
}
