//! Greenlets that are cancelled, and the destructors of their stacks.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;

use glassloop::greenlet::{self, Greenlet};
use glassloop::sync::Lock;
use glassloop::{EventLoop, TaskError, TimeoutError, create_task, sleep, timeout, yield_now};
mod greenlet_drive;
use greenlet_drive::*;

// Cancellation.

#[test]
fn cancelled_while_suspended_it_runs_its_destructors() {
    in_virtual_time(async {
        let (on_stack, dropped) = SetOnDrop::new();
        let task = greenlet::spawn(move || {
            let _on_stack = on_stack;
            greenlet::sleep(LONG);
        });
        sleep(SECOND).await;
        assert!(!dropped.get());
        task.cancel();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert!(dropped.get());
    });
}

#[test]
fn cancelled_before_it_began_it_never_runs() {
    in_virtual_time(async {
        let (captured, dropped) = SetOnDrop::new();
        let task = greenlet::spawn(move || {
            let _captured = captured;
            unreachable!("it was cancelled");
        });
        task.cancel();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert!(dropped.get());
    });
}

#[test]
fn a_request_is_forwarded_to_the_task_that_is_waited_for() {
    in_virtual_time(async {
        let inner = create_task(sleep(LONG));
        let awaited = inner.clone();
        let outer = greenlet::spawn(move || greenlet::wait(awaited));
        yield_now().await;
        outer.cancel();
        assert!(outer.await.is_err());
        assert!(inner.cancelled());
    });
}

#[test]
fn a_limit_unwinds_the_part_that_it_bounds() {
    in_virtual_time(async {
        let (on_stack, dropped) = SetOnDrop::new();
        let task = greenlet::spawn(move || {
            let slow = Greenlet::new(move || {
                let _on_stack = on_stack;
                greenlet::sleep(LONG);
            });
            let ended = greenlet::wait(timeout(SECOND, slow));
            greenlet::sleep(SECOND);
            ended
        });
        assert_eq!(task.await.unwrap(), Err(TimeoutError));
        assert!(dropped.get());
    });
}

#[test]
fn a_catch_unwind_stops_the_unwinding_until_the_next_wait_only() {
    in_virtual_time(async {
        let (caught, again) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let (count, reached) = (caught.clone(), again.clone());
        let task = greenlet::spawn(move || {
            for _ in 0..3 {
                if catch_unwind(|| greenlet::sleep(LONG)).is_err() {
                    count.set(count.get() + 1);
                }
            }
            greenlet::wait(async {}); // is ready at once
            reached.set(true);
            greenlet::sleep(SECOND);
            reached.set(false);
        });
        yield_now().await;
        task.cancel();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert_eq!((caught.get(), again.get()), (3, true));
    });
}

#[test]
fn a_panic_in_place_of_the_unwinding_is_the_tasks_exception() {
    in_virtual_time(async {
        let task = greenlet::spawn(move || {
            let _ = catch_unwind(|| greenlet::sleep(LONG));
            panic!("instead");
        });
        yield_now().await;
        task.cancel();
        assert_eq!(message::<()>(task.await), "instead");
    });
}

#[test]
fn a_loop_that_ends_unwinds_what_is_left() {
    let (on_stack, dropped) = SetOnDrop::new();
    let event_loop = EventLoop::new().unwrap();
    let main = async move {
        greenlet::spawn(move || {
            let _on_stack = on_stack;
            greenlet::sleep(LONG);
        });
        yield_now().await;
    };
    event_loop.run_until_complete(main).unwrap();
    assert!(!dropped.get());
    event_loop.close().unwrap();
    assert!(dropped.get());

    let (on_stack, dropped) = SetOnDrop::new();
    let main = async move {
        greenlet::spawn(move || {
            let _on_stack = on_stack;
            greenlet::sleep(LONG);
        });
        yield_now().await;
    };
    glassloop::run(main).unwrap();
    assert!(dropped.get());
}

#[test]
fn a_loop_that_ends_with_its_thread_unwinds_what_is_left() {
    thread_local! {
        static LOOP: RefCell<Option<EventLoop>> = const { RefCell::new(None) };
    }
    struct Tell(mpsc::Sender<&'static str>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.send("dropped").unwrap();
        }
    }
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        // Set up before anything of the greenlets is, and so dropped after it.
        LOOP.set(None);
        let event_loop = EventLoop::new().unwrap();
        let main = async move {
            greenlet::spawn(move || {
                let _on_stack = Tell(sender);
                greenlet::sleep(LONG);
            });
            yield_now().await;
        };
        event_loop.run_until_complete(main).unwrap();
        LOOP.set(Some(event_loop));
    });
    thread.join().unwrap();
    assert_eq!(receiver.iter().collect::<Vec<_>>(), ["dropped"]);
}

// Destructors of a stack that is unwound.

#[test]
fn in_destructors_what_is_ready_at_once_can_be_waited_for() {
    in_virtual_time(async {
        let lock = Rc::new(Lock::new());
        let inner = lock.clone();
        let task = greenlet::spawn(move || {
            let _on_stack = OnDrop(|| drop(greenlet::wait(inner.acquire())));
            greenlet::sleep(LONG);
        });
        yield_now().await;
        task.cancel();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert!(!lock.locked());
    });
}

#[test]
fn a_greenlet_that_panics_unwinds_the_one_that_it_owns() {
    in_virtual_time(async {
        let (on_stack, dropped) = SetOnDrop::new();
        let task = greenlet::spawn(move || {
            let mut inner = Box::pin(Greenlet::new(move || {
                let _on_stack = on_stack;
                greenlet::sleep(LONG);
            }));
            let late = greenlet::wait(timeout(SECOND, inner.as_mut()));
            assert_eq!(late, Err(TimeoutError));
            panic!("with a suspended one in hand");
        });
        assert_eq!(message::<()>(task.await), "with a suspended one in hand");
        assert!(dropped.get());
    });
}

#[test]
fn a_loop_that_a_destructor_runs_has_greenlets() {
    let slept = Rc::new(Cell::new(false));
    let seen = slept.clone();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _tidy_up = OnDrop(|| {
            let slept = slept.clone();
            in_virtual_time(async move {
                let task = greenlet::spawn(move || {
                    greenlet::sleep(SECOND);
                    slept.set(true);
                });
                task.await.unwrap();
            });
        });
        panic!("while a test fails");
    }));
    assert!(panicked.is_err());
    assert!(seen.get());
}
