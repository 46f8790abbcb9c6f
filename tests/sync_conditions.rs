//! Conditions: who is notified, and how a wait comes back with its lock.

mod sync_drive;

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use glassloop::sync::*;
use glassloop::*;
use sync_drive::{Log, ms, noted, turns};

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
        let (lock, noting) = (condition.lock().clone(), log.clone());
        let other = create_task(async move {
            let _guard = lock.acquire().await;
            noting.note("other");
        });
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
