//! What runs when: exact lists of what happened, in virtual time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use glassloop::*;

type Log = Rc<RefCell<Vec<String>>>;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn note(log: &Log, text: impl ToString) {
    log.borrow_mut().push(text.to_string());
}

fn virtual_loop() -> EventLoop {
    EventLoop::builder().virtual_time().build().unwrap()
}

/// Runs `main` in virtual time and gives what it noted.
fn noted<F: Future<Output = ()> + 'static>(main: impl FnOnce(Log) -> F) -> Vec<String> {
    let log = Log::default();
    let event_loop = virtual_loop();
    event_loop.run_until_complete(main(log.clone())).unwrap();
    assert_eq!(event_loop.all_tasks().len(), 0);
    event_loop.close().unwrap();
    log.take()
}

#[test]
fn a_turn_runs_a_snapshot_in_order() {
    let log = noted(|log| async move {
        let event_loop = get_running_loop().unwrap();
        for name in ["a", "b"] {
            let log = log.clone();
            let call = move || {
                note(&log, name);
                let inner = log.clone();
                let call = move || note(&inner, format!("{name}'s child"));
                get_running_loop().unwrap().call_soon(call).unwrap();
            };
            event_loop.call_soon(call).unwrap();
        }
        sleep(ms(1)).await;
    });
    assert_eq!(log, ["a", "b", "a's child", "b's child"]);
}

#[test]
fn timers_fire_by_deadline_then_by_creation_and_behind_what_is_ready() {
    let log = noted(|log| async move {
        let event_loop = get_running_loop().unwrap();
        for delay in [2, 0, 1, 2, 0] {
            let log = log.clone();
            let index = log.borrow().len();
            let call = move || note(&log, format!("{delay} ({index})"));
            event_loop.call_later(ms(delay), call).unwrap();
        }
        let soon = log.clone();
        event_loop.call_soon(move || note(&soon, "soon")).unwrap();
        event_loop
            .call_later(Duration::MAX, || unreachable!())
            .unwrap();
        sleep(ms(10)).await;
    });
    assert_eq!(log, ["soon", "0 (0)", "0 (0)", "1 (0)", "2 (0)", "2 (0)"]);
}

#[test]
fn a_hundred_thousand_timers_fire_in_order() {
    let event_loop = virtual_loop();
    let fired = Rc::new(RefCell::new(Vec::new()));
    for i in 0..100_000u64 {
        let (fired, when) = (fired.clone(), ms(i * 7919 % 100));
        let call = move || fired.borrow_mut().push((when, i));
        event_loop.call_at(when, call).unwrap();
    }
    event_loop.run_until_complete(sleep(ms(200))).unwrap();
    let fired = fired.take();
    assert_eq!(fired.len(), 100_000);
    assert!(fired.is_sorted());
}

#[test]
fn a_handle_cancelled_in_its_own_turn_does_not_run() {
    let log = noted(|log| async move {
        let event_loop = get_running_loop().unwrap();
        let victim: Rc<Cell<Option<Handle>>> = Rc::default();
        let (of, a, b, c) = (victim.clone(), log.clone(), log.clone(), log.clone());
        let killer = move || {
            note(&a, "a");
            of.take().unwrap().cancel();
        };
        event_loop.call_soon(killer).unwrap();
        victim.set(Some(event_loop.call_soon(move || note(&b, "b")).unwrap()));
        event_loop.call_soon(move || note(&c, "c")).unwrap();
        sleep(ms(1)).await;
    });
    assert_eq!(log, ["a", "c"]);
}

#[test]
fn yielding_tasks_go_round_robin() {
    let log = noted(|log| async move {
        let task = |name: &'static str| {
            let log = log.clone();
            create_task(async move {
                for i in 0..3 {
                    note(&log, format!("{name}{i}"));
                    yield_now().await;
                }
            })
        };
        gather(["A", "B", "C"].map(task)).await.unwrap();
    });
    assert_eq!(log, ["A0", "B0", "C0", "A1", "B1", "C1", "A2", "B2", "C2"]);
}

#[test]
fn callbacks_and_awaiters_are_told_in_the_order_of_registration() {
    let log = noted(|log| async move {
        let promise = Promise::new();
        let (first, last) = (log.clone(), log.clone());
        promise.add_done_callback(move |p: &Promise<i32>| note(&first, format!("first {p:?}")));
        let (waited, waiting) = (promise.clone(), log.clone());
        let waiter = create_task(async move {
            let value = (&waited).await.unwrap();
            note(&waiting, format!("awaiter {value}"));
        });
        yield_now().await;
        promise.add_done_callback(move |_| note(&last, "last"));
        promise.set_result(7).unwrap();
        note(&log, "set");
        waiter.await.unwrap();
        assert_eq!(promise.set_result(8), Err(InvalidStateError::AlreadyDone));
    });
    assert_eq!(
        log,
        [
            "set",
            "first <Promise finished result=7>",
            "awaiter 7",
            "last"
        ]
    );
}

#[test]
fn a_trivial_coroutine_takes_two_turns() {
    let event_loop = EventLoop::new().unwrap();
    let task = event_loop.create_task(async {}).unwrap();
    let stopper = Rc::new(Cell::new(false));
    let stop = stopper.clone();
    task.add_done_callback(move |_| stop.set(true));
    let first = event_loop.turn().unwrap();
    assert_eq!((first.number, first.ran), (1, vec![Ran::Task(1)]));
    assert!(task.done() && !stopper.get());
    assert_eq!(event_loop.turn().unwrap().ran.len(), 1);
    assert!(stopper.get());
}

#[test]
fn stop_ends_the_loop_after_the_turn() {
    let event_loop = EventLoop::new().unwrap();
    let log = Log::default();
    event_loop.stop();
    let (early, handle) = (log.clone(), event_loop.handle());
    let call = move || {
        note(&early, "a");
        let next = early.clone();
        let running = get_running_loop().unwrap();
        running.call_soon(move || note(&next, "child")).unwrap();
    };
    event_loop.call_soon(call).unwrap();
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["a"]);
    handle
        .call_soon_threadsafe(|| get_running_loop().unwrap().stop())
        .unwrap();
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["child"]);
    let never = event_loop.create_promise::<()>();
    event_loop.stop();
    let stopped = event_loop.run_until_complete(never).unwrap_err();
    assert_eq!(
        stopped.to_string(),
        "Event loop stopped before Future completed."
    );
}

#[test]
fn a_refused_nested_run_leaves_everything_as_it_was() {
    let event_loop = EventLoop::new().unwrap();
    event_loop
        .run_until_complete(async {
            let running = get_running_loop().unwrap();
            let refused = |error: LoopError| error.to_string();
            let nested = refused(running.run_forever().unwrap_err());
            assert_eq!(nested, "This event loop is already running");
            assert_eq!(
                refused(running.close().unwrap_err()),
                "Cannot close a running event loop"
            );
            let other = EventLoop::new().unwrap();
            let nested = refused(other.run_until_complete(async {}).unwrap_err());
            assert_eq!(
                nested,
                "Cannot run the event loop while another loop is running"
            );
            drop(other);
            assert!(run(async {}).is_err());
            assert!(running.is_running());
            sleep(ms(1)).await;
        })
        .unwrap();
    event_loop.close().unwrap();
    event_loop.close().unwrap();
    assert_eq!(
        event_loop.call_soon(|| ()).unwrap_err().to_string(),
        "Event loop is closed"
    );
    assert!(event_loop.create_task(async {}).is_err());
}

#[test]
fn tasks_can_be_cancelled_from_outside_while_the_loop_rests() {
    let event_loop = virtual_loop();
    let task = event_loop.create_task(sleep(ms(1))).unwrap();
    event_loop.turn().unwrap();
    assert!(event_loop.all_tasks().iter().all(AnyTask::cancel));
    event_loop.turn().unwrap();
    assert!(task.cancelled());
}

#[test]
fn tasks_print_as_in_python() {
    let texts = noted(|log| async move {
        async fn work() -> u8 {
            sleep(ms(1500)).await;
            7
        }
        let task = create_task(work()).named("worker");
        note(&log, format!("{task:?}"));
        yield_now().await;
        note(&log, format!("{task:?}"));
        (&task).await.unwrap();
        note(&log, format!("{task:?}"));
        let task = create_task(work());
        task.cancel();
        note(&log, format!("{task:?}"));
        assert!((&task).await.unwrap_err().is_cancelled());
        note(&log, format!("{task:?}"));
    });
    let file = "tests/core_schedule.rs";
    let texts: Vec<String> = texts
        .iter()
        .map(|text| {
            let parts: Vec<&str> = text.split(file).collect();
            let rest: Vec<&str> = parts[1..]
                .iter()
                .map(|p| p.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()))
                .collect();
            format!("{}F{}", parts[0], rest.join("F"))
        })
        .collect();
    assert_eq!(
        texts,
        [
            "<Task pending name='worker' coro=<work() running at F>>",
            "<Task pending name='worker' coro=<work() running at F> wait_for=<sleep until 1.500 s>>",
            "<Task finished name='worker' coro=<work() done, created at F> result=7>",
            "<Task cancelling name='Task-3' coro=<work() running at F>>",
            "<Task cancelled name='Task-3' coro=<work() done, created at F>>",
        ]
    );
}

#[test]
fn a_deadlock_in_virtual_time_says_who_waits_for_what() {
    let event_loop = virtual_loop();
    let never = event_loop.create_promise::<()>();
    let error = event_loop
        .run_until_complete(async move { never.await.unwrap() })
        .unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("deadlock: "), "{text}");
    assert!(
        text.contains("Task-1") && text.contains("wait_for=<Promise pending>"),
        "{text}"
    );
}

#[test]
fn an_await_that_changes_its_waker_keeps_its_place() {
    struct Noted(std::sync::atomic::AtomicUsize);
    impl std::task::Wake for Noted {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let woken = |own_again: bool| {
        let noted = std::sync::Arc::new(Noted(0.into()));
        let foreign = std::task::Waker::from(noted.clone());
        let main = async move {
            let promise = Promise::<u32>::new();
            let mut awaited = (&promise).into_future();
            let mut poll = async |waker: Option<&std::task::Waker>| {
                std::future::poll_fn(|context| {
                    let own = context.waker().clone();
                    let mut context = std::task::Context::from_waker(waker.unwrap_or(&own));
                    let polled = std::pin::Pin::new(&mut awaited).poll(&mut context);
                    std::task::Poll::Ready(polled)
                })
                .await
            };
            assert!(poll(None).await.is_pending());
            let done = Rc::new(Cell::new(false));
            let told = done.clone();
            promise.add_done_callback(move |_| told.set(true));
            assert!(poll(Some(&foreign)).await.is_pending());
            if own_again {
                assert!(poll(None).await.is_pending());
            }
            promise.set_result(5).unwrap();
            yield_now().await;
            // The task was woken before the callback was called, since its await was first.
            assert_eq!(done.get(), !own_again);
            assert!(matches!(poll(None).await, std::task::Poll::Ready(Ok(5))));
        };
        virtual_loop().run_until_complete(main).unwrap();
        noted.0.load(std::sync::atomic::Ordering::Relaxed)
    };
    assert_eq!((woken(false), woken(true)), (1, 0));
}
