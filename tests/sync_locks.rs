//! Events, locks and semaphores: who goes on when, and what becomes of a turn that is not used.

mod sync_drive;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use glassloop::sync::*;
use glassloop::*;
use sync_drive::{Log, ms, noted, turns};

/// Takes the lock and keeps it for one turn.
fn locker(log: &Log, lock: &Lock, name: &'static str) -> Task<()> {
    let (log, lock) = (log.clone(), lock.clone());
    create_task(async move {
        let _guard = lock.acquire().await;
        log.note(name);
        yield_now().await;
    })
}

/// Polls `future` once and drops it.
async fn poll_once<F: Future>(future: F) -> bool {
    let mut future = pin!(future);
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

#[test]
fn a_lock_is_served_in_order_and_the_releaser_queues_last() {
    let log = noted(|log| async move {
        let lock = Lock::new();
        let guard = lock.acquire().await;
        let tasks = ["0", "1", "2"].map(|name| locker(&log, &lock, name));
        turns(1).await;
        assert_eq!(format!("{lock:?}"), "<Lock [locked, waiters:3]>");
        drop(guard);
        // It is the first waiter's: free to look at, but not to take.
        assert!(!lock.locked());
        assert_eq!(lock.release(), Err(NotAcquiredError::Release));
        let _guard = lock.acquire().await;
        log.note("main");
        gather(tasks.to_vec()).await.unwrap();
    });
    assert_eq!(log, ["0", "1", "2", "main"]);
}

#[test]
fn what_is_free_costs_no_turn() {
    let log = noted(|log| async move {
        let other = log.clone();
        create_task(async move { other.note("other") });
        let (lock, semaphore) = (Lock::new(), Semaphore::new(1));
        drop(lock.acquire().await);
        drop(semaphore.acquire().await);
        let event = Event::new();
        event.set();
        event.wait().await;
        log.note("main");
        turns(1).await;
    });
    assert_eq!(log, ["main", "other"]);
}

#[test]
fn a_woken_locker_that_is_cancelled_passes_the_lock_on() {
    let log = noted(|log| async move {
        let lock = Lock::new();
        let guard = lock.acquire().await;
        let first = locker(&log, &lock, "first");
        let second = locker(&log, &lock, "second");
        turns(1).await;
        drop(guard);
        first.cancel();
        turns(1).await;
        assert!(first.cancelled());
        second.await.unwrap();
        assert_eq!(format!("{lock:?}"), "<Lock [unlocked]>");
    });
    assert_eq!(log, ["second"]);
}

/// The release finds a cancelled waiter at the head: whoever is next is woken when that one steps.
#[test]
fn a_cancelled_locker_that_has_not_stepped_hands_on_in_its_step() {
    let log = noted(|log| async move {
        let lock = Lock::new();
        let guard = lock.acquire().await;
        let first = locker(&log, &lock, "first");
        let second = locker(&log, &lock, "second");
        turns(1).await;
        first.cancel();
        drop(guard);
        let soon = log.clone();
        get_running_loop()
            .unwrap()
            .call_soon(move || soon.note("this turn"))
            .unwrap();
        turns(1).await;
        log.note("next turn");
        second.await.unwrap();
    });
    assert_eq!(log, ["this turn", "next turn", "second"]);
}

#[test]
fn a_newcomer_jumps_over_those_who_are_all_cancelled() {
    noted(|log| async move {
        let lock = Lock::new();
        let guard = lock.acquire().await;
        let waiting = locker(&log, &lock, "never");
        turns(1).await;
        waiting.cancel();
        drop(guard);
        let mut taken = pin!(lock.acquire());
        let ready = poll_fn(|context| Poll::Ready(taken.as_mut().poll(context).is_ready())).await;
        assert!(ready);
        turns(2).await;
        assert!(waiting.cancelled());
        assert_eq!(format!("{lock:?}"), "<Lock [unlocked]>");
    });
}

#[test]
fn a_dropped_acquire_loses_nothing_in_any_state() {
    let log = noted(|log| async move {
        let lock = Lock::new();
        drop(lock.acquire()); // never polled
        let guard = lock.acquire().await;
        assert!(!poll_once(lock.acquire()).await); // waiting
        assert_eq!(format!("{lock:?}"), "<Lock [locked]>");
        let mut woken = Box::pin(lock.acquire());
        poll_fn(|context| Poll::Ready(woken.as_mut().poll(context).is_pending())).await;
        let next = locker(&log, &lock, "next");
        turns(1).await;
        drop(guard);
        drop(woken); // its turn has come
        next.await.unwrap();
        assert!(!lock.locked());
    });
    assert_eq!(log, ["next"]);
}

#[test]
fn a_guard_releases_its_own_holding_only() {
    noted(|_| async {
        let lock = Lock::new();
        assert_eq!(lock.release(), Err(NotAcquiredError::Release));
        assert_eq!(
            NotAcquiredError::Release.to_string(),
            "Lock is not acquired."
        );
        lock.acquire().await.forget();
        assert!(lock.locked());
        lock.release().unwrap();
        let old = lock.acquire().await;
        lock.release().unwrap();
        let new = lock.acquire().await;
        drop(old);
        assert!(lock.locked());
        drop(new);
        assert!(!lock.locked());
    });
}

#[test]
fn a_lock_is_released_by_a_panic_and_by_a_cancellation() {
    noted(|_| async {
        let lock = Lock::new();
        let in_panic = lock.clone();
        let task = create_task(async move {
            let _guard = in_panic.acquire().await;
            panic!("while holding");
        });
        let outcome: Result<(), TaskError> = task.await;
        assert!(matches!(outcome, Err(TaskError::Panicked(_))));
        assert!(!lock.locked());
        let held = lock.clone();
        let task = create_task(async move {
            let _guard = held.acquire().await;
            sleep(ms(1)).await;
        });
        turns(1).await;
        assert!(lock.locked());
        task.cancel();
        assert!(task.await.is_err());
        assert!(!lock.locked());
    });
}

#[test]
fn a_limit_in_time_ends_a_wait_and_leaves_no_trace() {
    noted(|_| async {
        let lock = Lock::new();
        let guard = lock.acquire().await;
        assert!(timeout(ms(5), lock.acquire()).await.is_err());
        assert_eq!(format!("{lock:?}"), "<Lock [locked]>");
        drop(guard);
        assert!(timeout(ms(5), lock.acquire()).await.is_ok());
    });
}

#[test]
fn an_event_wakes_all_in_order_even_if_it_is_cleared_at_once() {
    let log = noted(|log| async move {
        let event = Event::new();
        let tasks = ["a", "b", "c"].map(|name| {
            let (log, event) = (log.clone(), event.clone());
            create_task(async move {
                event.wait().await;
                log.note(name);
            })
        });
        turns(1).await;
        assert_eq!(format!("{event:?}"), "<Event [unset, waiters:3]>");
        tasks[1].cancel();
        event.set();
        event.clear();
        assert!(!event.is_set());
        turns(1).await;
        log.note("main");
        assert!(tasks[1].cancelled());
        assert_eq!(format!("{event:?}"), "<Event [unset]>");
    });
    assert_eq!(log, ["a", "c", "main"]);
}

#[test]
fn a_woken_waiter_loses_to_a_cancellation() {
    noted(|_| async {
        let event = Event::new();
        let inner = event.clone();
        let task = create_task(async move { inner.wait().await });
        turns(1).await;
        event.set();
        assert!(task.cancel());
        assert!(task.await.unwrap_err().is_cancelled());
    });
}

fn permit_taker(log: &Log, semaphore: &Semaphore, name: &'static str) -> Task<()> {
    let (log, semaphore) = (log.clone(), semaphore.clone());
    create_task(async move {
        let _permit = semaphore.acquire().await;
        log.note(name);
        yield_now().await;
    })
}

#[test]
fn a_semaphore_is_fair_and_wakes_one_for_each_permit() {
    let log = noted(|log| async move {
        let semaphore = Semaphore::new(0);
        assert_eq!(format!("{semaphore:?}"), "<Semaphore [locked]>");
        let tasks = ["0", "1", "2", "3"].map(|name| permit_taker(&log, &semaphore, name));
        turns(1).await;
        assert_eq!(format!("{semaphore:?}"), "<Semaphore [locked, waiters:4]>");
        for _ in 0..3 {
            semaphore.release();
        }
        assert!(semaphore.locked());
        turns(1).await;
        log.note("main");
        gather(tasks.to_vec()).await.unwrap();
        assert_eq!(format!("{semaphore:?}"), "<Semaphore [unlocked, value:3]>");
    });
    assert_eq!(log, ["0", "1", "2", "main", "3"]);
}

#[test]
fn a_newcomer_queues_behind_the_woken_although_permits_are_left() {
    let log = noted(|log| async move {
        let semaphore = Semaphore::new(0);
        permit_taker(&log, &semaphore, "woken");
        turns(1).await;
        semaphore.release();
        semaphore.release();
        assert!(semaphore.locked()); // one permit is left, and one task queues
        let newcomer = permit_taker(&log, &semaphore, "newcomer");
        let _mine = semaphore.acquire().await;
        log.note("main");
        newcomer.await.unwrap();
    });
    assert_eq!(log, ["woken", "main", "newcomer"]);
}

#[test]
fn a_woken_permit_taker_that_is_cancelled_or_dropped_passes_the_permit_on() {
    let log = noted(|log| async move {
        let semaphore = Semaphore::new(1);
        let permit = semaphore.acquire().await;
        let cancelled = permit_taker(&log, &semaphore, "cancelled");
        turns(1).await;
        let mut dropped = Box::pin(semaphore.acquire());
        poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context).is_pending())).await;
        let last = permit_taker(&log, &semaphore, "last");
        turns(1).await;
        drop(permit);
        cancelled.cancel();
        turns(1).await; // now it is the turn of the one that is never polled again
        assert_eq!(format!("{semaphore:?}"), "<Semaphore [locked, waiters:2]>");
        drop(dropped);
        last.await.unwrap();
        assert_eq!(format!("{semaphore:?}"), "<Semaphore [unlocked, value:1]>");
    });
    assert_eq!(log, ["last"]);
}

#[test]
fn a_bounded_semaphore_refuses_to_grow() {
    noted(|_| async {
        let semaphore = BoundedSemaphore::new(1);
        assert_eq!(semaphore.release(), Err(OverReleaseError));
        assert_eq!(
            OverReleaseError.to_string(),
            "BoundedSemaphore released too many times"
        );
        semaphore.acquire().await.forget();
        assert!(semaphore.locked());
        semaphore.release().unwrap();
        let permit = semaphore.acquire().await;
        semaphore.release().unwrap();
        drop(permit); // was given back before: not a second time
        assert_eq!(
            format!("{semaphore:?}"),
            "<BoundedSemaphore [unlocked, value:1]>"
        );
    });
}

#[test]
fn the_line_of_the_await_and_the_holder_are_known() {
    noted(|_| async {
        let lock = Lock::new();
        let guard = lock.acquire().await;
        let inner = lock.clone();
        let line = line!() + 1;
        let task = create_task(async move { drop(inner.acquire().await) });
        turns(1).await;
        let text = format!("{:?}", task.as_any());
        let here = format!(
            "running at {}:{line}> wait_for=<Lock held by Task-1>",
            file!()
        );
        assert!(text.contains(&here), "{text}");
        guard.forget();
        lock.release().unwrap();
        // Between the two it has no holder.
        let text = format!("{:?}", task.as_any());
        assert!(text.contains("wait_for=<Lock>"), "{text}");
        task.await.unwrap();
    });
}

#[test]
fn primitives_may_be_used_outside_of_a_loop() {
    let (event, lock, semaphore) = (Event::new(), Lock::new(), Semaphore::new(0));
    let waits = event.clone();
    let event_loop = EventLoop::builder().virtual_time().build().unwrap();
    let task = event_loop
        .create_task(async move { waits.wait().await })
        .unwrap();
    event_loop.turn().unwrap();
    event.set();
    assert!(lock.release().is_err());
    semaphore.release();
    event_loop.run_until_complete(task).unwrap();
    event_loop.close().unwrap();
}
