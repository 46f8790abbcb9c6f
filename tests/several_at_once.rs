//! One task that polls several futures, as `join!`, `select!` and `FuturesUnordered` do: limits, catch points and cancellation
//! concern the future that they are around, and nothing beside it.

use std::cell::RefCell;
use std::future::{Future, IntoFuture, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use glassloop::sync::Queue;
use glassloop::{
    ChildError, EventLoop, Promise, TaskGroup, TimeoutError, catch_cancel, create_task,
    get_running_loop, sleep, timeout,
};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
    let event_loop = EventLoop::builder().virtual_time().build().unwrap();
    event_loop.run_until_complete(main).unwrap()
}

async fn nap(milliseconds: u64) -> u64 {
    sleep(ms(milliseconds)).await;
    milliseconds
}

/// `join!`.
async fn join<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut of_a, mut of_b) = (None, None);
    poll_fn(|context| {
        if of_a.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(context)
        {
            of_a = Some(value);
        }
        if of_b.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(context)
        {
            of_b = Some(value);
        }
        match of_a.is_some() && of_b.is_some() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    (of_a.unwrap(), of_b.unwrap())
}

/// Polls its future only when that was woken, by a waker of its own: a child of `FuturesUnordered`.
struct Woken<F> {
    future: Pin<Box<F>>,
    waker: Arc<Child>,
}

struct Child {
    woken: AtomicBool,
    parent: Waker,
}

impl Wake for Child {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
        self.parent.wake_by_ref();
    }
}

async fn when_woken<F: Future>(future: F) -> F::Output {
    let mut child = None;
    let mut future = Some(future);
    poll_fn(move |context| {
        let child = child.get_or_insert_with(|| Woken {
            future: Box::pin(future.take().unwrap()),
            waker: Arc::new(Child {
                woken: AtomicBool::new(true),
                parent: context.waker().clone(),
            }),
        });
        if !child.waker.woken.swap(false, Ordering::Relaxed) {
            return Poll::Pending;
        }
        let waker = Waker::from(child.waker.clone());
        child.future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

#[test]
fn a_limit_does_not_cancel_what_the_task_awaits_beside_it() {
    run(async {
        let (slow, other) = (create_task(nap(50)), create_task(nap(60)));
        let both = join(timeout(ms(5), &slow), (&other).into_future()).await;
        assert_eq!((both.0.unwrap_err(), both.1.unwrap()), (TimeoutError, 60));
        assert!(slow.cancelled());

        let promise = Promise::new();
        let setting = promise.clone();
        let event_loop = get_running_loop().unwrap();
        let set = move || setting.set_result(1).unwrap();
        event_loop.call_later(ms(20), set).unwrap();
        let both = join(timeout(ms(5), nap(50)), promise.into_future()).await;
        assert_eq!((both.0, both.1.unwrap()), (Err(TimeoutError), 1));

        let queue = Queue::new(0);
        let putting = queue.clone();
        let put = move || putting.put_nowait(7).unwrap();
        event_loop.call_later(ms(20), put).unwrap();
        let both = join(timeout(ms(5), nap(50)), queue.get().into_future()).await;
        assert_eq!(both, (Err(TimeoutError), Ok(7)));
    });
}

#[test]
fn two_limits_side_by_side_end_each_its_own_future() {
    run(async {
        let one = async {
            let ran = timeout(ms(5), catch_cancel(nap(50))).await;
            assert!(matches!(ran, Ok(Err(_))), "the catch point inside has it");
        };
        let other = timeout(ms(20), catch_cancel(nap(10)));
        let ((), ran) = join(one, other).await;
        assert_eq!(ran.unwrap().unwrap(), 10);
        let both = join(timeout(ms(5), nap(50)), timeout(ms(10), nap(7))).await;
        assert_eq!(both, (Err(TimeoutError), Ok(7)));
    });
}

#[test]
fn a_failing_group_does_not_cancel_what_the_task_awaits_beside_it() {
    run(async {
        let other = create_task(nap(60));
        let group = TaskGroup::<&str>::new();
        let failing = group.run(async {
            group
                .create_task(async {
                    sleep(ms(5)).await;
                    Err::<(), _>("failed")
                })
                .unwrap();
            nap(50).await;
            Ok(())
        });
        let (failed, other) = join(failing, other.into_future()).await;
        let errors = failed.unwrap_err().errors;
        assert!(matches!(errors[..], [ChildError::Failed("failed")]));
        assert_eq!(other.unwrap(), 60);
    });
}

#[test]
fn what_is_no_longer_awaited_is_not_cancelled() {
    run(async {
        let other = create_task(nap(60));
        let awaited = other.clone();
        let task = create_task(async move {
            let mut nap = Box::pin(nap(30));
            let mut join = Some(Box::pin(awaited.into_future()));
            poll_fn(move |context| {
                if nap.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                if let Some(mut join) = join.take() {
                    assert!(join.as_mut().poll(context).is_pending());
                }
                Poll::Pending
            })
            .await
        });
        nap(2).await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(other.await.unwrap(), 60);
    });
}

#[test]
fn a_limit_has_its_future_polled_whoever_must_be_woken_for_that() {
    run(async {
        let limited = when_woken(timeout(ms(5), pending::<()>()));
        assert_eq!(join(limited, nap(10)).await, (Err(TimeoutError), 10));

        let seen = Rc::new(RefCell::new(Vec::new()));
        let note = seen.clone();
        let task = create_task(async move {
            let caught = when_woken(catch_cancel(pending::<()>())).await.is_err();
            note.borrow_mut().push(caught);
        });
        nap(2).await;
        task.cancel();
        task.await.unwrap();
        assert_eq!(*seen.borrow(), [true]);
    });
}
