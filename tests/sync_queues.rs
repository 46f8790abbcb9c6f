//! Barriers and queues: who goes on when, and what becomes of items, room and turns that are not used.

mod sync_drive;

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use glassloop::sync::*;
use glassloop::*;
use sync_drive::{Log, ms, noted, turns};

fn getter(log: &Log, queue: &Queue<&'static str>, name: &'static str) -> Task<()> {
    let (log, queue) = (log.clone(), queue.clone());
    create_task(async move {
        let item = queue.get().await;
        log.note(format!("{name} {item:?}"));
    })
}

fn putter(log: &Log, queue: &Queue<&'static str>, item: &'static str) -> Task<()> {
    let (log, queue) = (log.clone(), queue.clone());
    create_task(async move {
        let outcome = queue.put(item).await;
        log.note(format!("put {item} {outcome:?}"));
    })
}

#[test]
fn getters_are_served_in_order_in_the_next_turn() {
    let log = noted(|log| async move {
        let queue = Queue::new(0);
        for name in ["0", "1", "2"] {
            getter(&log, &queue, name);
        }
        turns(1).await;
        assert_eq!(format!("{queue:?}"), "<Queue maxsize=0 _getters[3]>");
        queue.put_nowait("a").unwrap();
        queue.put_nowait("b").unwrap();
        // The items are there until the getters have stepped.
        assert_eq!(
            format!("{queue:?}"),
            "<Queue maxsize=0 _queue=[\"a\", \"b\"] _getters[1] tasks=2>"
        );
        turns(1).await;
        log.note("main");
        queue.put("c").await.unwrap();
        turns(1).await;
        assert!(queue.empty());
    });
    assert_eq!(log, ["0 Ok(\"a\")", "1 Ok(\"b\")", "main", "2 Ok(\"c\")"]);
}

#[test]
fn a_free_queue_costs_no_turn() {
    let log = noted(|log| async move {
        let other = log.clone();
        create_task(async move { other.note("other") });
        let queue = Queue::new(1);
        for n in 0..10 {
            queue.put(n).await.unwrap();
            assert_eq!(queue.get().await, Ok(n));
            queue.task_done().unwrap();
        }
        queue.join().await;
        log.note("main");
        turns(1).await;
    });
    assert_eq!(log, ["main", "other"]);
}

#[test]
fn putters_of_a_full_queue_are_served_in_order() {
    let log = noted(|log| async move {
        let queue = Queue::new(1);
        queue.put_nowait("x").unwrap();
        for item in ["a", "b"] {
            putter(&log, &queue, item);
        }
        turns(1).await;
        assert_eq!(queue.put_nowait("y"), Err(PutError::QueueFull("y")));
        assert_eq!(
            format!("{queue:?}"),
            "<Queue maxsize=1 _queue=[\"x\"] _putters[2] tasks=1>"
        );
        assert_eq!(queue.get_nowait(), Ok("x"));
        assert!(!queue.full());
        turns(1).await;
        assert!(queue.full());
        assert_eq!(queue.get().await, Ok("a"));
        assert_eq!(queue.get().await, Ok("b"));
    });
    assert_eq!(log, ["put a Ok(())", "put b Ok(())"]);
}

/// As in asyncio: an item waits in the queue, not with the getter that was woken for it.
#[test]
fn a_newcomer_takes_what_is_there() {
    let log = noted(|log| async move {
        let queue = Queue::new(1);
        getter(&log, &queue, "woken");
        turns(1).await;
        queue.put_nowait("a").unwrap();
        assert_eq!(queue.get().await, Ok("a"));
        queue.put_nowait("b").unwrap();
        turns(1).await;
        queue.put_nowait("x").unwrap();
        putter(&log, &queue, "woken");
        turns(1).await;
        assert_eq!(queue.get().await, Ok("x"));
        queue.put("c").await.unwrap();
        turns(1).await;
        assert_eq!(queue.get().await, Ok("c"));
        turns(1).await;
        assert_eq!(queue.get().await, Ok("woken"));
    });
    assert_eq!(log, ["woken Ok(\"b\")", "put woken Ok(())"]);
}

#[test]
fn a_robbed_getter_keeps_its_place() {
    let log = noted(|log| async move {
        let queue = Queue::new(0);
        for name in ["0", "1", "2"] {
            getter(&log, &queue, name);
        }
        turns(1).await;
        queue.put_nowait("a").unwrap();
        queue.put_nowait("b").unwrap();
        assert_eq!(queue.get_nowait(), Ok("a"));
        assert_eq!(queue.get_nowait(), Ok("b"));
        assert_eq!(queue.get_nowait(), Err(GetError::QueueEmpty));
        turns(1).await;
        for item in ["c", "d", "e"] {
            queue.put_nowait(item).unwrap();
        }
        turns(1).await;
    });
    assert_eq!(log, ["0 Ok(\"c\")", "1 Ok(\"d\")", "2 Ok(\"e\")"]);
}

#[test]
fn a_woken_getter_that_is_cancelled_or_dropped_passes_the_item_on() {
    let log = noted(|log| async move {
        let queue = Queue::new(0);
        let cancelled = getter(&log, &queue, "cancelled");
        turns(1).await;
        let mut dropped = Box::pin(queue.get());
        poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context).is_pending())).await;
        let last = getter(&log, &queue, "last");
        turns(1).await;
        queue.put_nowait("a").unwrap();
        cancelled.cancel();
        turns(1).await;
        assert!(!last.done());
        drop(dropped);
        last.await.unwrap();
        assert_eq!(queue.qsize(), 0);
    });
    assert_eq!(log, ["last Ok(\"a\")"]);
}

#[test]
fn a_woken_putter_that_is_cancelled_passes_the_room_on() {
    let log = noted(|log| async move {
        let queue = Queue::new(1);
        queue.put_nowait("x").unwrap();
        let cancelled = putter(&log, &queue, "cancelled");
        let last = putter(&log, &queue, "last");
        turns(1).await;
        queue.get_nowait().unwrap();
        cancelled.cancel();
        last.await.unwrap();
        assert_eq!(queue.get_nowait(), Ok("last"));
    });
    assert_eq!(log, ["put last Ok(())"]);
}

#[test]
fn a_getter_cancelled_before_it_was_woken_is_skipped_at_once() {
    let log = noted(|log| async move {
        let queue = Queue::new(0);
        let cancelled = getter(&log, &queue, "cancelled");
        getter(&log, &queue, "next");
        turns(1).await;
        cancelled.cancel();
        queue.put_nowait("a").unwrap();
        turns(1).await;
        log.note("main");
    });
    assert_eq!(log, ["next Ok(\"a\")", "main"]);
}

#[test]
fn join_waits_for_task_done_and_not_for_get() {
    let log = noted(|log| async move {
        let queue = Queue::new(0);
        queue.put_nowait(1).unwrap();
        queue.put_nowait(2).unwrap();
        let joiner = create_task({
            let (log, queue) = (log.clone(), queue.clone());
            async move {
                queue.join().await;
                log.note("joined");
            }
        });
        queue.get_nowait().unwrap();
        queue.get_nowait().unwrap();
        queue.task_done().unwrap();
        turns(3).await;
        log.note("one left");
        queue.task_done().unwrap();
        joiner.await.unwrap();
        assert_eq!(queue.task_done(), Err(TaskDoneError));
        let text = TaskDoneError.to_string();
        assert_eq!(text, "task_done() called too many times");
    });
    assert_eq!(log, ["one left", "joined"]);
}

#[test]
fn shutdown_serves_what_is_left() {
    noted(|_| async {
        let queue = Queue::new(2);
        queue.put_nowait(1).unwrap();
        queue.shutdown(false);
        assert_eq!(queue.put_nowait(2), Err(PutError::QueueShutDown(2)));
        assert_eq!(queue.put(2).await, Err(QueueShutDown(2)));
        assert_eq!(
            format!("{queue:?}"),
            "<Queue maxsize=2 _queue=[1] tasks=1 shutdown>"
        );
        assert_eq!(queue.get().await, Ok(1));
        assert_eq!(queue.get().await, Err(QueueShutDown(())));
        assert_eq!(queue.get_nowait(), Err(GetError::QueueShutDown));
        queue.shutdown(false);
    });
}

#[test]
fn shutdown_wakes_getters_and_putters() {
    let log = noted(|log| async move {
        let (empty, full) = (Queue::new(0), Queue::new(1));
        full.put_nowait("x").unwrap();
        getter(&log, &empty, "0");
        getter(&log, &empty, "1");
        putter(&log, &full, "a");
        turns(1).await;
        empty.shutdown(false);
        full.shutdown(false);
        turns(1).await;
        assert_eq!(full.get_nowait(), Ok("x"));
    });
    let down = "Err(QueueShutDown(()))";
    let expected = [
        format!("0 {down}"),
        format!("1 {down}"),
        "put a Err(QueueShutDown(\"a\"))".into(),
    ];
    assert_eq!(log, expected);
}

#[test]
fn an_immediate_shutdown_drops_what_is_left_and_ends_joins() {
    let log = noted(|log| async move {
        let (queue, item) = (Queue::new(0), Rc::new(()));
        queue.put_nowait(item.clone()).unwrap();
        queue.put_nowait(item.clone()).unwrap();
        let joiner = create_task({
            let (log, queue) = (log.clone(), queue.clone());
            async move {
                queue.join().await;
                log.note("joined");
            }
        });
        turns(1).await;
        queue.shutdown(true);
        assert_eq!(Rc::strong_count(&item), 1);
        joiner.await.unwrap();
        assert_eq!(queue.get().await, Err(QueueShutDown(())));
        assert!(queue.task_done().is_err());
    });
    assert_eq!(log, ["joined"]);
}

/// An item's destructor may use the queue.
#[test]
fn a_dropped_item_may_look_at_its_queue() {
    struct Curious(Queue<Curious>, Rc<Cell<usize>>);
    impl Drop for Curious {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1 + self.0.qsize());
        }
    }
    let (queue, looks) = (Queue::new(0), Rc::new(Cell::new(0)));
    let item = Curious(queue.clone(), looks.clone());
    assert!(queue.put_nowait(item).is_ok());
    queue.shutdown(true);
    assert_eq!(looks.get(), 1);
}

#[test]
fn the_three_disciplines() {
    let fifo = Queue::new(0);
    let lifo = LifoQueue::new(0);
    let priority = PriorityQueue::new(0);
    for (i, n) in [3, 1, 2, 1, 3].into_iter().enumerate() {
        fifo.put_nowait(n).unwrap();
        lifo.put_nowait(n).unwrap();
        priority.put_nowait((n, i)).unwrap();
    }
    let text = "<PriorityQueue maxsize=0 _queue=[(1, 1), (1, 3), (2, 2), (3, 0), (3, 4)] tasks=5>";
    assert_eq!(format!("{priority:?}"), text);
    assert_eq!(
        format!("{lifo:?}"),
        "<LifoQueue maxsize=0 _queue=[3, 1, 2, 1, 3] tasks=5>"
    );
    let drained: Vec<_> = std::iter::from_fn(|| fifo.get_nowait().ok()).collect();
    assert_eq!(drained, [3, 1, 2, 1, 3]);
    let drained: Vec<_> = std::iter::from_fn(|| lifo.get_nowait().ok()).collect();
    assert_eq!(drained, [3, 1, 2, 1, 3]);
    let drained: Vec<_> = std::iter::from_fn(|| priority.get_nowait().ok()).collect();
    assert_eq!(drained, [(1, 1), (1, 3), (2, 2), (3, 0), (3, 4)]);
}

#[test]
fn the_newest_item_overtakes_in_a_lifo_queue() {
    noted(|_| async {
        let queue = LifoQueue::new(0);
        let inner = queue.clone();
        let task = create_task(async move { inner.get().await });
        turns(1).await;
        queue.put_nowait("old").unwrap();
        queue.put_nowait("new").unwrap();
        assert_eq!(task.await.unwrap(), Ok("new"));
    });
}

fn party(log: &Log, barrier: &Barrier, name: &'static str, rounds: usize) -> Task<()> {
    let (log, barrier) = (log.clone(), barrier.clone());
    create_task(async move {
        for _ in 0..rounds {
            let outcome = barrier.wait().await;
            log.note(format!("{name} {outcome:?}"));
        }
    })
}

#[test]
fn the_last_to_arrive_runs_first() {
    let log = noted(|log| async move {
        let barrier = Barrier::new(3);
        assert_eq!(format!("{barrier:?}"), "<Barrier [filling, waiters:0/3]>");
        let tasks = ["a", "b", "c"].map(|name| party(&log, &barrier, name, 1));
        gather(tasks.to_vec()).await.unwrap();
        assert_eq!((barrier.n_waiting(), barrier.parties()), (0, 3));
    });
    assert_eq!(log, ["c Ok(2)", "a Ok(0)", "b Ok(1)"]);
}

#[test]
fn a_barrier_can_be_used_again_at_once() {
    let log = noted(|log| async move {
        let barrier = Barrier::new(2);
        let tasks = ["a", "b"].map(|name| party(&log, &barrier, name, 2));
        gather(tasks.to_vec()).await.unwrap();
    });
    assert_eq!(log, ["b Ok(1)", "a Ok(0)", "b Ok(1)", "a Ok(0)"]);
}

#[test]
fn a_cancelled_party_just_leaves() {
    let log = noted(|log| async move {
        let barrier = Barrier::new(2);
        let cancelled = party(&log, &barrier, "cancelled", 1);
        turns(1).await;
        assert_eq!(barrier.n_waiting(), 1);
        cancelled.cancel();
        turns(1).await;
        assert!(cancelled.cancelled());
        assert_eq!((barrier.n_waiting(), barrier.broken()), (0, false));
        let tasks = ["a", "b"].map(|name| party(&log, &barrier, name, 1));
        gather(tasks.to_vec()).await.unwrap();
    });
    assert_eq!(log, ["b Ok(1)", "a Ok(0)"]);
}

#[test]
fn abort_breaks_and_reset_mends() {
    let log = noted(|log| async move {
        let barrier = Barrier::new(2);
        let waiting = party(&log, &barrier, "waiting", 1);
        turns(1).await;
        barrier.abort().await;
        waiting.await.unwrap();
        assert!(barrier.broken());
        assert_eq!(format!("{barrier:?}"), "<Barrier [broken]>");
        party(&log, &barrier, "newcomer", 1).await.unwrap();
        barrier.reset().await;
        let reset = party(&log, &barrier, "reset", 1);
        turns(1).await;
        barrier.reset().await;
        reset.await.unwrap();
        let tasks = ["a", "b"].map(|name| party(&log, &barrier, name, 1));
        gather(tasks.to_vec()).await.unwrap();
    });
    let expected = [
        "waiting Err(Interrupted)",
        "newcomer Err(Aborted)",
        "reset Err(Interrupted)",
        "b Ok(1)",
        "a Ok(0)",
    ];
    assert_eq!(log, expected);
    let texts = [BrokenBarrierError::Aborted, BrokenBarrierError::Interrupted];
    assert_eq!(
        texts.map(|error| error.to_string()),
        ["Barrier aborted", "Abort or reset of barrier"]
    );
}

#[test]
fn a_limit_in_time_lets_a_party_leave() {
    noted(|_| async {
        let barrier = Barrier::new(2);
        assert!(timeout(ms(5), barrier.wait()).await.is_err());
        assert_eq!(barrier.n_waiting(), 0);
        assert_eq!(Barrier::new(1).wait().await, Ok(0));
    });
}
