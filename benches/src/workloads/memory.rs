//! What a task that waits takes in memory.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::measure::{Allocations, Outcome, Size, resident};
use crate::runtimes::{Runtime, Timed};

/// `ops` tasks that wait for nothing that ever comes.
pub fn parked<R: Runtime>(size: Size) -> Outcome {
    R::run(parking::<R, _>(size, |started| async move {
        started.count();
        pending().await
    }))
}

/// `ops` tasks that sleep for an hour.
pub fn on_timer<R: Timed>(size: Size) -> Outcome {
    R::run(parking::<R, _>(size, |started| async move {
        started.count();
        R::sleep(Duration::from_secs(3600)).await;
        panic!("a sleep of an hour has ended");
    }))
}

/// How many tasks have started; tells when they all have.
struct Started {
    missing: Cell<u64>,
    all: Cell<Option<Waker>>,
}

impl Started {
    fn count(&self) {
        self.missing.set(self.missing.get() - 1);
        if self.missing.get() == 0 {
            self.all.take().into_iter().for_each(Waker::wake);
        }
    }

    async fn all(&self) {
        poll_fn(|context| {
            self.all.set(Some(context.waker().clone()));
            match self.missing.get() {
                0 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })
        .await;
    }
}

async fn parking<R: Runtime, F>(size: Size, task: impl Fn(Rc<Started>) -> F) -> Outcome
where
    F: Future<Output = ()> + 'static,
{
    let started = Rc::new(Started {
        missing: Cell::new(size.ops),
        all: Cell::new(None),
    });
    let mut handles = Vec::with_capacity(size.ops as usize);
    let (allocations, before) = (Allocations::start(), resident("self"));
    for _ in 0..size.ops {
        handles.push(R::spawn(task(started.clone())));
    }
    started.all().await;
    let each = |total: f64| total / size.ops as f64;
    let (live, calls) = (allocations.live(), allocations.calls());
    drop(allocations);
    // The list of handles is filled meanwhile, and is no part of a task.
    let list = handles.capacity() * size_of::<R::Handle<()>>();
    let grown = resident("self").saturating_sub(before) as f64 - list as f64;
    // The handles go with the process: some runtimes cancel on drop, and that is not what is measured.
    std::mem::forget(handles);
    Outcome::new(each(live as f64))
        .with("resident", each(grown))
        .with("allocations", each(calls as f64))
}
