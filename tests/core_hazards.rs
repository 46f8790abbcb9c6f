//! What can go wrong: panics, cancellation, foreign threads, stale wakers, loops that end early. Nothing may be left behind.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use glassloop::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Counts the living.
#[derive(Clone, Default)]
struct Alive(Rc<Cell<i32>>);

struct Life(Alive);

impl Alive {
    fn one(&self) -> Life {
        self.0.set(self.0.get() + 1);
        Life(self.clone())
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.0.set(self.0.0.get() - 1);
    }
}

#[test]
fn panics_in_poll_drop_and_callbacks_stay_where_they_are() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    run(async {
        let in_poll = create_task(async { panic!("in poll") });
        let in_drop = create_task(async {
            let _bomb = Bomb;
            pending::<()>().await
        });
        let after = create_task(async { 5 });
        let running = get_running_loop().unwrap();
        running.call_soon(|| panic!("in a callback")).unwrap();
        after.add_done_callback(|_| panic!("in a done-callback"));
        yield_now().await;
        in_drop.cancel();
        let error = |outcome: Result<(), TaskError>| outcome.unwrap_err().to_string();
        assert_eq!(error(in_poll.await), "panicked: in poll");
        assert_eq!(error(in_drop.await), "panicked: in drop");
        assert_eq!(after.await.unwrap(), 5);
    })
    .unwrap();
}

#[test]
#[should_panic(expected = "the main coroutine")]
fn run_goes_on_with_the_panic_of_main() {
    let _ = run(async { panic!("the main coroutine") });
}

#[test]
fn a_foreign_thread_may_wake_clone_and_drop_wakers_at_any_time() {
    let kept: Arc<Mutex<Option<Waker>>> = Arc::default();
    let polls = Rc::new(Cell::new(0));
    let (slot, count) = (kept.clone(), polls.clone());
    let task = async move {
        let mut woken = false;
        poll_fn(move |context| {
            count.set(count.get() + 1);
            if std::mem::replace(&mut woken, true) {
                return Poll::Ready(());
            }
            let waker = context.waker().clone();
            *slot.lock().unwrap() = Some(waker.clone());
            thread::spawn(move || {
                drop(waker.clone());
                thread::sleep(ms(20));
                waker.wake();
            });
            Poll::Pending
        })
        .await
    };
    run(task).unwrap();
    assert_eq!(polls.get(), 2);
    // The loop is gone; its wakers are harmless.
    let waker = kept.lock().unwrap().take().unwrap();
    thread::spawn(move || {
        waker.wake_by_ref();
        drop(waker.clone());
        waker.wake();
    })
    .join()
    .unwrap();
}

#[test]
fn a_stale_waker_does_not_disturb_the_slot_s_next_task() {
    run(async {
        let kept: Rc<RefCell<Option<Waker>>> = Rc::default();
        let slot = kept.clone();
        let first = create_task(poll_fn(move |context| {
            *slot.borrow_mut() = Some(context.waker().clone());
            Poll::Ready(())
        }));
        first.await.unwrap();
        let polls = Rc::new(Cell::new(0));
        let count = polls.clone();
        let second = create_task(poll_fn(move |_| {
            count.set(count.get() + 1);
            Poll::<()>::Pending
        }));
        yield_now().await;
        kept.take().unwrap().wake();
        yield_now().await;
        assert_eq!(polls.get(), 1);
        second.cancel();
    })
    .unwrap();
}

#[test]
fn dropping_a_loop_drops_its_tasks_in_order_and_cancels_what_they_spawn() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let alive = Alive::default();
    struct Spawns(usize, Rc<RefCell<Vec<usize>>>, Alive);
    impl Drop for Spawns {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
            let life = self.2.one();
            let task = create_task(async move {
                let _life = life;
                unreachable!("a task of a closing loop never runs")
            });
            assert!(task.cancelled());
        }
    }
    let event_loop = EventLoop::new().unwrap();
    for i in 0..3 {
        let spawns = Spawns(i, order.clone(), alive.clone());
        let task = async move {
            let _spawns = spawns;
            pending::<()>().await
        };
        event_loop.create_task(task).unwrap();
    }
    event_loop.turn().unwrap();
    drop(event_loop);
    assert_eq!(order.take(), [0, 1, 2]);
    assert_eq!(alive.0.get(), 0);
}

#[test]
fn run_cancels_what_is_left_and_what_that_leaves() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let notes = log.clone();
    run(async move {
        for name in ["a", "b"] {
            let notes = notes.clone();
            create_task(async move {
                let _ = catch_cancel(pending::<()>()).await;
                sleep(ms(1)).await;
                notes.borrow_mut().push(format!("{name} tidied up"));
                create_task(async { pending::<()>().await });
            });
        }
        yield_now().await;
    })
    .unwrap();
    assert_eq!(log.take(), ["a tidied up", "b tidied up"]);
}

#[test]
fn a_task_cancelled_before_its_first_step_never_runs() {
    run(async {
        let task = create_task(async { unreachable!() });
        assert!(task.cancel());
        assert!(!task.cancelled());
        yield_now().await;
        assert!(task.cancelled());
        assert!(!task.cancel());
        let outcome: Result<(), TaskError> = task.await;
        assert!(outcome.unwrap_err().is_cancelled());
    })
    .unwrap();
}

#[test]
fn a_request_is_forwarded_and_may_be_swallowed_below() {
    run(async {
        let inner = create_task(async {
            match catch_cancel(pending::<()>()).await {
                Ok(()) => unreachable!(),
                Err(_cancelled) => {
                    sleep(ms(1)).await;
                    "swallowed"
                }
            }
        });
        let outer = create_task(async move { inner.await });
        yield_now().await;
        yield_now().await;
        outer.cancel();
        assert_eq!(outer.await.unwrap().unwrap(), "swallowed");

        let inner = create_task(pending::<()>());
        let awaited = inner.clone();
        let outer = create_task(async move { awaited.await });
        yield_now().await;
        yield_now().await;
        outer.cancel();
        assert!(!outer.cancelled());
        assert!(outer.await.unwrap_err().is_cancelled());
        assert!(inner.cancelled());
    })
    .unwrap();
}

#[test]
fn a_task_that_cancels_itself_is_cancelled_at_its_next_suspension() {
    run(async {
        let task = create_task(async {
            current_task().unwrap().cancel();
            let done = Promise::new();
            done.set_result(()).unwrap();
            done.await.unwrap(); // does not suspend
            sleep(ms(1)).await;
            unreachable!()
        });
        let outcome: Result<(), TaskError> = task.await;
        assert!(outcome.unwrap_err().is_cancelled());

        let returns = create_task(async {
            current_task().unwrap().cancel();
            1
        });
        assert!(returns.await.unwrap_err().is_cancelled());

        let withdraws = create_task(async {
            current_task().unwrap().cancel();
            assert_eq!(current_task().unwrap().uncancel(), 0);
            sleep(ms(1)).await;
            1
        });
        assert_eq!(withdraws.await.unwrap(), 1);
    })
    .unwrap();
}

#[test]
fn tasks_that_await_each_other_can_be_cancelled() {
    run(async {
        let other: Rc<RefCell<Option<Task<()>>>> = Rc::default();
        let (theirs, mine) = (other.clone(), other.clone());
        let a = create_task(async move {
            let b = theirs.borrow().clone().unwrap();
            let _ = (&b).await;
        });
        let awaited = a.clone();
        let b = create_task(async move {
            let _ = (&awaited).await;
        });
        *mine.borrow_mut() = Some(b.clone());
        yield_now().await;
        a.cancel();
        let (done, pending) = wait([a, b]).timeout(Duration::from_secs(5)).await.unwrap();
        assert_eq!((done.len(), pending.len()), (2, 0));
        other.take();
    })
    .unwrap();
}

#[test]
fn timeouts_bound_drops_catches_and_tasks() {
    let event_loop = EventLoop::builder().virtual_time().build().unwrap();
    let main = async {
        let running = get_running_loop().unwrap();
        assert_eq!(timeout(ms(10), sleep(ms(50))).await, Err(TimeoutError));
        assert_eq!(running.time(), ms(10));
        let slow_clean_up = async {
            let _ = catch_cancel(sleep(ms(50))).await;
            sleep(ms(20)).await;
            "cleaned"
        };
        assert_eq!(timeout(ms(10), slow_clean_up).await, Ok("cleaned"));
        assert_eq!(running.time(), ms(40));
        let task = create_task(sleep(ms(50)));
        assert!(wait_for(&task, ms(5)).await.is_err());
        assert!(task.cancelled());
        let never_starts = async { unreachable!() };
        let zero: Result<(), _> = wait_for(
            async {
                yield_now().await;
                never_starts.await
            },
            Duration::ZERO,
        )
        .await;
        assert_eq!(zero, Err(TimeoutError));
        let inner = timeout(ms(100), timeout(ms(10), sleep(ms(50)))).await;
        assert_eq!(inner, Ok(Err(TimeoutError)));
        let outer = timeout(ms(10), timeout(ms(100), sleep(ms(50)))).await;
        assert_eq!(outer, Err(TimeoutError));
        assert_eq!(timeout(Duration::MAX, async { 1 }).await, Ok(1));
    };
    event_loop.run_until_complete(main).unwrap();
}

#[test]
fn gather_ends_with_its_children_when_it_is_cancelled() {
    run(async {
        let children = [create_task(pending::<()>()), create_task(pending::<()>())];
        let gathered = children.clone();
        let gatherer = create_task(async move { gather(gathered).await });
        yield_now().await;
        gatherer.cancel();
        assert!(gatherer.await.unwrap_err().is_cancelled());
        assert!(children.iter().all(|child| child.cancelled()));

        let panics = async { panic!("a child") };
        let results = gather((panics, async { 2 })).return_exceptions().await;
        let failed: Result<(), TaskError> = results.0;
        assert_eq!(failed.unwrap_err().to_string(), "panicked: a child");
        assert_eq!(results.1.unwrap(), 2);
        let none: Vec<i32> = gather(Vec::<Task<i32>>::new()).await.unwrap();
        assert_eq!(none, Vec::<i32>::new());
    })
    .unwrap();
}

#[test]
fn a_dropped_gather_takes_back_its_own_places_and_no_others() {
    let event_loop = EventLoop::builder().virtual_time().build().unwrap();
    let main = async {
        let (one, two) = (Promise::new(), Promise::new());
        let first = gather([&one]);
        let second = gather([&one, &two]);
        let third = gather([&two, &one, &one]);
        drop(second);
        one.set_result(1).unwrap();
        two.set_result(2).unwrap();
        assert_eq!(first.await.unwrap(), [1]);
        assert_eq!(third.await.unwrap(), [2, 1, 1]);
        let three = Promise::new();
        let first = gather([&three]);
        let second = gather([&three, &three]);
        drop(first);
        three.set_result(3).unwrap();
        assert_eq!(second.await.unwrap(), [3, 3]);
    };
    event_loop.run_until_complete(main).unwrap();
}

#[test]
fn wait_returns_when_it_was_told_to() {
    let event_loop = EventLoop::builder().virtual_time().build().unwrap();
    let main = async {
        let after = |delay, name| create_task(sleep(ms(delay))).named(name);
        let names = |tasks: &[Task<()>]| tasks.iter().map(|task| task.name()).collect::<Vec<_>>();
        let tasks = [after(30, "c"), after(10, "a"), after(20, "b")];
        let first = wait(tasks.clone())
            .return_when(FIRST_COMPLETED)
            .await
            .unwrap();
        assert_eq!(
            (names(&first.0), names(&first.1)),
            (vec!["a".into()], vec!["c".into(), "b".into()])
        );
        let late = wait(tasks.clone()).timeout(ms(5)).await.unwrap();
        assert_eq!(names(&late.1), ["c", "b"]);
        let all = wait(tasks).await.unwrap();
        assert_eq!(names(&all.0), ["c", "a", "b"]);
        let nothing = wait(Vec::<Task<()>>::new()).await;
        assert_eq!(
            nothing.unwrap_err().to_string(),
            "Set of Tasks/Futures is empty."
        );
        let bad = create_task(async { panic!("bad") });
        let slow = create_task(sleep(ms(1000)));
        let (done, pending) = wait([bad, slow])
            .return_when(FIRST_EXCEPTION)
            .await
            .unwrap();
        assert_eq!((done.len(), pending.len()), (1, 1));
    };
    event_loop.run_until_complete(main).unwrap();
}

#[test]
fn thread_jobs_give_values_and_panics() {
    run(async {
        assert_eq!(to_thread(|| 6 * 7).await.unwrap(), 42);
        let bad: Result<(), TaskError> = to_thread(|| panic!("in a thread")).await;
        assert_eq!(bad.unwrap_err().to_string(), "panicked: in a thread");
    })
    .unwrap();
}

#[test]
fn letters_from_another_thread_arrive_in_order() {
    let event_loop = EventLoop::new().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (handle, log) = (event_loop.handle(), seen.clone());
    let sender = thread::spawn(move || {
        for i in 0..10_000 {
            let log = log.clone();
            handle
                .call_soon_threadsafe(move || log.lock().unwrap().push(i))
                .unwrap();
        }
        handle
            .call_soon_threadsafe(|| get_running_loop().unwrap().stop())
            .unwrap();
    });
    event_loop.run_forever().unwrap();
    sender.join().unwrap();
    assert_eq!(*seen.lock().unwrap(), (0..10_000).collect::<Vec<_>>());
}

#[cfg(target_os = "linux")]
#[test]
fn a_hundred_loops_leave_no_descriptor_behind() {
    fn open() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }
    // Other tests of this process open and close descriptors meanwhile; a leak of ours would be three for each loop.
    let before = open();
    for _ in 0..100 {
        let event_loop = EventLoop::new().unwrap();
        event_loop.create_task(pending::<()>()).unwrap();
        event_loop.turn().unwrap();
        drop(event_loop);
    }
    assert!(open() < before + 100, "{} before, {} after", before, open());
}
