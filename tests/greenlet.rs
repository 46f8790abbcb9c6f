//! Greenlets: switching, panics, stacks, and what they share with tasks.

use std::cell::RefCell;
use std::collections::HashSet;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use glassloop::greenlet::{self, Greenlet};
use glassloop::sync::{Lock, Queue};
use glassloop::{
    TaskError, TimeoutError, create_task, current_task, gather, sleep, timeout, to_thread,
    wait_graph, yield_now,
};
mod greenlet_drive;
use greenlet_drive::*;

#[test]
fn two_greenlets_and_a_task_take_turns() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let seen = log.clone();
    in_virtual_time(async move {
        let greenlets = [("a", 2), ("b", 3)].map(|(name, delay)| {
            let log = log.clone();
            greenlet::spawn(move || {
                for n in 0..2 {
                    log.borrow_mut().push(format!("{name}{n}"));
                    greenlet::sleep(Duration::from_secs(delay));
                }
            })
        });
        sleep(SECOND).await;
        log.borrow_mut().push("task".to_owned());
        for greenlet in greenlets {
            greenlet.await.unwrap();
        }
    });
    assert_eq!(*seen.borrow(), ["a0", "b0", "task", "a1", "b1"]);
}

#[test]
fn one_suspends_from_a_thousand_calls_deep() {
    fn down(depth: u32) -> u32 {
        if depth == 0 {
            greenlet::sleep(SECOND);
            return 0;
        }
        down(depth - 1) + 1
    }
    assert_eq!(
        in_virtual_time(async { greenlet::spawn(|| down(1000)).await }).unwrap(),
        1000
    );
}

#[test]
fn what_await_takes_wait_takes() {
    in_virtual_time(async {
        let all = greenlet::spawn(|| {
            let task = create_task(async { sleep(SECOND).await });
            greenlet::wait(&task).unwrap();
            greenlet::wait(task).unwrap();
            let thread = greenlet::wait(to_thread(|| 1)).unwrap();
            let both = greenlet::wait(gather([
                greenlet::spawn(|| greenlet::wait(async { 2 })),
                create_task(async { 3 }),
            ]));
            let late = greenlet::wait(timeout(SECOND, sleep(LONG)));
            (thread, both.unwrap(), late)
        });
        assert_eq!(all.await.unwrap(), (1, [2, 3], Err(TimeoutError)));
    });
}

#[test]
fn a_greenlet_says_where_it_waits_and_for_what() {
    in_virtual_time(async {
        let line = line!() + 2;
        let greenlets = [
            greenlet::spawn(|| greenlet::sleep(LONG)),
            greenlet::spawn(|| greenlet::wait(create_task(pending())).unwrap()),
            greenlet::spawn(|| greenlet::wait(pending())),
        ];
        yield_now().await;
        yield_now().await;
        let graph = wait_graph();
        let waits = greenlets.each_ref().map(|greenlet| {
            let number = greenlet.as_any().number();
            let node = graph.nodes.iter().find(|node| node.number == number);
            let node = node.unwrap();
            let site = node.site.unwrap();
            assert!(site.file().ends_with("tests/greenlet.rs"), "{site}");
            (node.waits_for.clone(), site.line() - line)
        });
        let expected = [
            (Some("sleep until 1000.000 s".to_owned()), 0),
            (Some("Task-5".to_owned()), 1),
            (None, 2),
        ];
        assert_eq!(waits, expected);
        for greenlet in greenlets {
            greenlet.cancel();
        }
    });
}

#[test]
fn the_task_stays_the_same_over_a_wait() {
    in_virtual_time(async {
        let named = greenlet::spawn(|| {
            let before = current_task().unwrap().name();
            greenlet::sleep(SECOND);
            (before, current_task().unwrap().name())
        });
        let named = named.named("mine").await.unwrap();
        assert_eq!(named, ("mine".to_owned(), "mine".to_owned()));
    });
}

// Locks and queues.

#[test]
fn a_lock_is_shared_in_the_order_of_arrival() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let seen = log.clone();
    in_virtual_time(async move {
        let lock = Rc::new(Lock::new());
        let greenlet = |name: &'static str| {
            let (lock, log) = (lock.clone(), log.clone());
            greenlet::spawn(move || {
                let _guard = greenlet::wait(lock.acquire());
                log.borrow_mut().push(name);
                greenlet::sleep(SECOND);
            })
        };
        let task = |name: &'static str| {
            let (lock, log) = (lock.clone(), log.clone());
            create_task(async move {
                let _guard = lock.acquire().await;
                log.borrow_mut().push(name);
                sleep(SECOND).await;
            })
        };
        let all = [
            greenlet("greenlet 1"),
            task("task 1"),
            greenlet("cancelled"),
            greenlet("greenlet 2"),
            task("task 2"),
        ];
        yield_now().await;
        all[2].cancel();
        let ended = gather(all).return_exceptions().await;
        assert!(ended[2].is_err() && ended.iter().flatten().count() == 4);
        assert!(!lock.locked());
    });
    let expected = ["greenlet 1", "task 1", "greenlet 2", "task 2"];
    assert_eq!(*seen.borrow(), expected);
}

#[test]
fn cancelled_with_a_lock_it_gives_the_lock_back() {
    in_virtual_time(async {
        let lock = Rc::new(Lock::new());
        let held = lock.clone();
        let holder = greenlet::spawn(move || {
            let _guard = greenlet::wait(held.acquire());
            greenlet::sleep(LONG);
        });
        yield_now().await;
        assert!(lock.locked());
        holder.cancel();
        holder.await.unwrap_err();
        assert!(!lock.locked());
    });
}

#[test]
fn a_queue_between_greenlets_and_tasks() {
    in_virtual_time(async {
        let (numbers, squares) = (Rc::new(Queue::new(2)), Rc::new(Queue::new(1)));
        let (from, to) = (numbers.clone(), squares.clone());
        let squarer = greenlet::spawn(move || {
            while let Ok(n) = greenlet::wait(from.get()) {
                greenlet::wait(to.put(n * n)).unwrap();
            }
            to.shutdown(false);
        });
        create_task(async move {
            for n in 1..=5 {
                numbers.put(n).await.unwrap();
            }
            numbers.shutdown(false);
        });
        let mut seen = Vec::new();
        while let Ok(square) = squares.get().await {
            seen.push(square);
        }
        squarer.await.unwrap();
        assert_eq!(seen, [1, 4, 9, 16, 25]);
    });
}

// Panics.

#[test]
fn a_panic_is_the_tasks_exception_and_the_others_go_on() {
    in_virtual_time(async {
        let (on_stack, dropped) = SetOnDrop::new();
        let bad = greenlet::spawn(move || {
            let _on_stack = on_stack;
            greenlet::sleep(SECOND);
            panic!("in a greenlet");
        });
        let good = greenlet::spawn(|| {
            greenlet::sleep(2 * SECOND);
            7
        });
        assert_eq!(message::<()>(bad.await), "in a greenlet");
        assert!(dropped.get());
        assert_eq!(good.await.unwrap(), 7);
    });
}

#[test]
fn a_panic_crosses_from_stack_to_stack() {
    in_virtual_time(async {
        let caught = greenlet::spawn(|| {
            let inner = Greenlet::new(|| {
                greenlet::sleep(SECOND);
                panic!("inside");
            });
            let caught = catch_unwind(AssertUnwindSafe(|| greenlet::wait(inner)));
            greenlet::sleep(SECOND);
            let caught: Result<(), _> = caught;
            *caught.unwrap_err().downcast_ref::<&str>().unwrap()
        });
        assert_eq!(caught.await.unwrap(), "inside");
    });
}

#[test]
fn greenlets_nest_in_the_future_of_a_wait() {
    in_virtual_time(async {
        let outer = greenlet::spawn(|| {
            let inner = Greenlet::new(|| {
                greenlet::sleep(SECOND);
                1
            });
            let inner = greenlet::wait(inner);
            greenlet::sleep(SECOND);
            inner + 1
        });
        assert_eq!(outer.await.unwrap(), 2);
    });
}

#[test]
#[should_panic(expected = "waiting outside of a greenlet")]
fn waiting_outside_of_a_greenlet_says_so() {
    greenlet::wait(async {});
}

#[test]
fn one_that_has_ended_says_so_when_it_is_polled() {
    in_virtual_time(async {
        let task = greenlet::spawn(|| {
            let mut ended = Greenlet::new(|| ());
            greenlet::wait(&mut ended);
            assert!(format!("{ended:?}").starts_with("<Greenlet ended created at "));
            greenlet::wait(&mut ended);
        });
        assert_eq!(
            message(task.await),
            "a greenlet was polled after it had ended"
        );
    });
}

// Stacks.

#[test]
fn ten_thousand_at_once_each_with_its_own_stack() {
    in_virtual_time(async {
        let tasks: Vec<_> = (0..10_000u64)
            .map(|n| {
                greenlet::spawn(move || {
                    let here = 0u8;
                    greenlet::sleep(SECOND);
                    (n, &raw const here as usize)
                })
            })
            .collect();
        let (mut sum, mut places) = (0, HashSet::new());
        for task in tasks {
            let (n, place) = task.await.unwrap();
            sum += n;
            places.insert(place);
        }
        assert_eq!((sum, places.len()), (49_995_000, 10_000));
    });
}

#[test]
fn a_hundred_thousand_one_after_another() {
    in_virtual_time(async {
        for n in 0..100_000 {
            let task = greenlet::spawn(move || {
                greenlet::sleep(Duration::ZERO);
                n
            });
            assert_eq!(task.await.unwrap(), n);
        }
    });
}

/// Not under AddressSanitizer, which has local variables live elsewhere.
#[test]
fn a_stack_is_used_again() {
    in_virtual_time(async {
        let mut places = HashSet::new();
        for _ in 0..100 {
            let task = greenlet::spawn(|| {
                let here = 0u8;
                greenlet::sleep(Duration::ZERO);
                &raw const here as usize
            });
            places.insert(task.await.unwrap());
        }
        assert_eq!(places.len(), 1);
    });
}

#[test]
fn a_stack_can_be_larger_and_too_large() {
    fn deep(left: usize) -> u8 {
        let frame = std::hint::black_box([1u8; 16 * 1024]);
        match left {
            0 => frame[0],
            _ => deep(left - 1).max(frame[left]),
        }
    }
    in_virtual_time(async {
        let large = greenlet::Builder::new().stack_size(16 << 20);
        assert_eq!(large.spawn(|| deep(200)).await.unwrap(), 1);
        let too_large = greenlet::Builder::new().stack_size(usize::MAX);
        let text = message::<()>(too_large.spawn(|| ()).await);
        let expected = format!("no stack of {} bytes for a greenlet: ", usize::MAX);
        assert!(text.starts_with(&expected), "{text}");
        // The smallest there is suffices to panic and to be unwound on.
        let small = greenlet::Builder::new().stack_size(0);
        let task = small.spawn(|| greenlet::sleep(LONG));
        yield_now().await;
        task.cancel();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        let panicked = small.spawn(|| {
            greenlet::sleep(SECOND);
            panic!("on a small stack");
        });
        assert_eq!(message::<()>(panicked.await), "on a small stack");
    });
}
