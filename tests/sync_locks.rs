//! Events, locks, semaphores and conditions: who goes on when, and what becomes of a turn that is not used.

mod sync_drive;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
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

fn waiter(log: &Log, condition: &Condition, name: &'static str) -> Task<()> {
    let (log, condition) = (log.clone(), condition.clone());
    create_task(async move {
        let _guard = condition.acquire().await;
        let outcome = catch_cancel(condition.wait()).await;
        assert!(condition.locked());
        log.note(format!("{name} {outcome:?}"));
    })
}

#[test]
fn notify_wakes_so_many_in_order_one_by_one() {
    let log = noted(|log| async move {
        let condition = Condition::new();
        let tasks = ["0", "1", "2"].map(|name| waiter(&log, &condition, name));
        turns(1).await;
        assert_eq!(
            format!("{condition:?}"),
            "<Condition [unlocked, waiters:3]>"
        );
        {
            let _guard = condition.acquire().await;
            condition.notify(2).unwrap();
            turns(2).await; // woken, they wait for the lock
            log.note("main");
        }
        turns(3).await;
        log.note("later");
        let _guard = condition.acquire().await;
        condition.notify_all().unwrap();
        drop(_guard);
        gather(tasks.to_vec()).await.unwrap();
    });
    let ok = "Ok(Ok(()))";
    let expected = [
        format!("0 {ok}"),
        format!("1 {ok}"),
        "later".into(),
        format!("2 {ok}"),
    ];
    assert_eq!(log[0], "main");
    assert_eq!(log[1..], expected);
}

#[test]
fn a_condition_needs_its_lock() {
    noted(|_| async {
        let lock = Lock::new();
        let condition = Condition::with_lock(&lock);
        assert_eq!(condition.wait().await, Err(NotAcquiredError::Wait));
        assert_eq!(condition.notify(1), Err(NotAcquiredError::Notify));
        assert_eq!(condition.notify_all(), Err(NotAcquiredError::Notify));
        assert_eq!(condition.wait_for(|| true).await, Ok(()));
        assert_eq!(
            condition.wait_for(|| false).await,
            Err(NotAcquiredError::Wait)
        );
        let _guard = lock.acquire().await;
        assert!(condition.locked());
        condition.notify(1).unwrap(); // nobody there: it is lost
        assert!(timeout(ms(1), condition.wait()).await.is_err());
        assert!(lock.locked());
    });
}

#[test]
fn a_cancelled_wait_takes_the_lock_back_first() {
    let log = noted(|log| async move {
        let condition = Condition::new();
        let task = waiter(&log, &condition, "w");
        turns(1).await;
        let guard = condition.acquire().await;
        task.cancel();
        sleep(ms(3)).await;
        assert!(!task.done());
        log.note("releasing");
        drop(guard);
        turns(1).await;
        log.note("next turn");
        task.await.unwrap();
        assert!(!condition.locked());
    });
    assert_eq!(log, ["releasing", "w Err(Cancelled)", "next turn"]);
}

#[test]
fn a_cancelled_wait_comes_back_in_one_step_when_the_lock_is_free() {
    let log = noted(|log| async move {
        let condition = Condition::new();
        let task = waiter(&log, &condition, "w");
        turns(1).await;
        task.cancel();
        turns(1).await;
        log.note("next turn");
        task.await.unwrap();
    });
    assert_eq!(log, ["w Err(Cancelled)", "next turn"]);
}

#[test]
fn a_second_cancellation_while_the_lock_is_taken_back_is_one_with_the_first() {
    let log = noted(|log| async move {
        let condition = Condition::new();
        let task = waiter(&log, &condition, "w");
        turns(1).await;
        let guard = condition.acquire().await;
        task.cancel();
        turns(1).await;
        let other = locker(&log, condition.lock(), "other");
        turns(1).await;
        task.cancel(); // this costs it its place in the line
        turns(1).await;
        assert_eq!(task.cancelling(), 2);
        drop(guard);
        other.await.unwrap();
        task.await.unwrap();
    });
    assert_eq!(log, ["other", "w Err(Cancelled)"]);
}

#[test]
fn a_notification_that_hits_a_cancelled_waiter_goes_to_the_next() {
    let log = noted(|log| async move {
        let condition = Condition::new();
        let tasks = ["0", "1"].map(|name| waiter(&log, &condition, name));
        turns(1).await;
        let guard = condition.acquire().await;
        condition.notify(1).unwrap();
        tasks[0].cancel();
        drop(guard);
        gather(tasks.to_vec()).await.unwrap();
    });
    assert_eq!(log, ["0 Err(Cancelled)", "1 Ok(Ok(()))"]);
}

/// asyncio wakes another one for nothing here.
#[test]
fn a_waiter_cancelled_before_it_was_notified_wakes_nobody() {
    let log = noted(|log| async move {
        let condition = Condition::new();
        let tasks = ["0", "1"].map(|name| waiter(&log, &condition, name));
        turns(1).await;
        tasks[0].cancel();
        turns(5).await;
        assert!(!tasks[1].done());
        let _guard = condition.acquire().await;
        condition.notify(1).unwrap();
        drop(_guard);
        tasks[1].clone().await.unwrap();
    });
    assert_eq!(log, ["0 Err(Cancelled)", "1 Ok(Ok(()))"]);
}

#[test]
fn a_limit_in_time_around_a_wait_gives_the_lock_back_late() {
    noted(|_| async {
        let condition = Condition::new();
        let inner = condition.clone();
        let task = create_task(async move {
            let _guard = inner.acquire().await;
            let outcome = timeout(ms(2), inner.wait()).await;
            (outcome.is_err(), inner.locked())
        });
        turns(1).await;
        let guard = condition.acquire().await;
        sleep(ms(10)).await;
        assert!(!task.done());
        drop(guard);
        assert_eq!(task.await.unwrap(), (true, true));
        assert!(!condition.locked());
    });
}

#[test]
fn a_dropped_wait_loses_neither_the_lock_nor_a_notification() {
    let log = noted(|log| async move {
        let condition = Condition::new();
        let guard = condition.acquire().await;
        let mut wait = Box::pin(condition.wait());
        poll_fn(|context| Poll::Ready(wait.as_mut().poll(context).is_pending())).await;
        let next = waiter(&log, &condition, "next");
        turns(1).await;
        let again = condition.acquire().await;
        condition.notify(1).unwrap();
        drop(wait);
        drop(guard); // stands for a holding that is over
        assert!(condition.locked());
        drop(again);
        next.await.unwrap();
        assert_eq!(format!("{condition:?}"), "<Condition [unlocked]>");
    });
    assert_eq!(log, ["next Ok(Ok(()))"]);
}

#[test]
fn wait_for_looks_again_after_each_notification() {
    noted(|_| async {
        let (condition, value) = (Condition::new(), Rc::new(Cell::new(0)));
        let looks = Rc::new(Cell::new(0));
        let task = create_task({
            let (condition, value, looks) = (condition.clone(), value.clone(), looks.clone());
            async move {
                let _guard = condition.acquire().await;
                let enough = || {
                    looks.set(looks.get() + 1);
                    value.get() >= 2
                };
                condition.wait_for(enough).await.unwrap();
            }
        });
        for _ in 0..2 {
            turns(2).await;
            let _guard = condition.acquire().await;
            value.set(value.get() + 1);
            condition.notify_all().unwrap();
        }
        task.await.unwrap();
        assert_eq!(looks.get(), 3);
    });
}

#[test]
fn the_line_of_the_await_is_known() {
    noted(|_| async {
        let lock = Lock::new();
        let _guard = lock.acquire().await;
        let inner = lock.clone();
        let line = line!() + 1;
        let task = create_task(async move { drop(inner.acquire().await) });
        turns(1).await;
        let text = format!("{:?}", task.as_any());
        let here = format!("running at {}:{line}> wait_for=<Lock>", file!());
        assert!(text.contains(&here), "{text}");
        task.cancel();
        let _ = task.await;
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
