//! What an observer is told, event by event.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use glassloop::observe::{Event, Observer};
use glassloop::{EventLoop, Promise, create_task, sleep, yield_now};

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
            Event::PollExit { events } => format!("polled {events}"),
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
