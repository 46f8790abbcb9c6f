//! Greenlets: switching, cancellation, panics, and sockets that look blocking.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;
use std::time::Duration;

use glassloop::net::TcpListener;
use glassloop::{EventLoop, TaskError, create_task, greenlet, sleep};

fn in_virtual_time<F: Future + 'static>(main: F) -> F::Output
where
    F::Output: 'static,
{
    let event_loop = EventLoop::builder().virtual_time().build().unwrap();
    let value = event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    value
}

struct SetOnDrop(Rc<Cell<bool>>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

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
        sleep(Duration::from_secs(1)).await;
        log.borrow_mut().push("task".to_owned());
        for greenlet in greenlets {
            greenlet.await.unwrap();
        }
    });
    assert_eq!(*seen.borrow(), ["a0", "b0", "task", "a1", "b1"]);
}

#[test]
fn cancelled_while_suspended_it_runs_its_destructors() {
    in_virtual_time(async {
        let dropped = Rc::new(Cell::new(false));
        let on_stack = SetOnDrop(dropped.clone());
        let task = greenlet::spawn(move || {
            let _on_stack = on_stack;
            greenlet::sleep(Duration::from_secs(100));
        });
        sleep(Duration::from_secs(1)).await;
        assert!(!dropped.get());
        task.cancel();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert!(dropped.get());
    });
}

#[test]
fn a_panic_is_the_tasks_exception_and_the_others_go_on() {
    in_virtual_time(async {
        let bad = greenlet::spawn(|| {
            greenlet::sleep(Duration::from_secs(1));
            panic!("in a greenlet");
        });
        let good = greenlet::spawn(|| greenlet::wait(async { 7 }));
        let result: Result<(), _> = bad.await;
        assert!(matches!(result, Err(TaskError::Panicked(_))));
        assert_eq!(good.await.unwrap(), 7);
    });
}

#[test]
fn greenlets_nest_in_the_future_of_a_wait() {
    in_virtual_time(async {
        let outer = greenlet::spawn(|| {
            let inner = greenlet::Greenlet::new(|| {
                greenlet::sleep(Duration::from_secs(1));
                1
            });
            let inner = greenlet::wait(inner);
            greenlet::sleep(Duration::from_secs(1));
            inner + 1
        });
        assert_eq!(outer.await.unwrap(), 2);
    });
}

#[test]
fn ten_thousand_at_once_and_a_hundred_thousand_one_after_another() {
    in_virtual_time(async {
        let tasks: Vec<_> = (0..10_000u64)
            .map(|n| {
                greenlet::spawn(move || {
                    greenlet::sleep(Duration::from_secs(1));
                    n
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        assert_eq!(sum, 49_995_000);
        for n in 0..100_000 {
            assert_eq!(greenlet::spawn(move || n).await.unwrap(), n);
        }
    });
}

#[test]
#[should_panic(expected = "outside of a greenlet")]
fn waiting_outside_of_a_greenlet_says_so() {
    greenlet::wait(async {});
}

#[test]
fn read_and_write_suspend_and_a_read_can_be_cancelled() {
    glassloop::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let dropped = Rc::new(Cell::new(false));
        let on_stack = SetOnDrop(dropped.clone());
        let client = greenlet::spawn(move || {
            let _on_stack = on_stack;
            let mut stream = greenlet::TcpStream::connect_to(address).unwrap();
            stream.write_all(b"ping").unwrap();
            let mut answer = [0; 4];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"pong");
            stream.read_exact(&mut answer).unwrap();
        });
        let (mut peer, _) = listener.accept().await.unwrap();
        let server = create_task(async move {
            let mut request = [0; 4];
            peer.read_exact(&mut request).await.unwrap();
            peer.write_all(b"pong").await.unwrap();
            (request, peer)
        });
        let (request, mut peer) = server.await.unwrap();
        assert_eq!(&request, b"ping");
        sleep(Duration::from_millis(20)).await;
        client.cancel();
        assert!(matches!(client.await, Err(TaskError::Cancelled)));
        assert!(dropped.get());
        assert_eq!(peer.read(&mut [0; 1]).await.unwrap(), 0);
    })
    .unwrap();
}
