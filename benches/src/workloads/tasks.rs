//! Tasks alone: starting them, letting each other run, waking one another, gathering, queues and locks.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::measure::{Meter, Outcome, Size, check};
use crate::runtimes::floor::Calls;
use crate::runtimes::{Locks, Queues, Runtime, yield_once};

/// Starts `population` trivial tasks, then joins them all; again until `ops` are done.
pub fn spawn_join<R: Runtime>(Size { population, ops }: Size) -> Outcome {
    R::run(async move {
        let meter = Meter::start();
        let batches = ops / population;
        let mut sum = 0;
        let mut handles = Vec::with_capacity(population as usize);
        for _ in 0..batches {
            for i in 0..population {
                handles.push(R::spawn(async move { i }));
            }
            for handle in handles.drain(..) {
                sum += R::join(handle).await;
            }
        }
        let outcome = meter.per(batches * population);
        check("sum", sum, batches * (population * (population - 1) / 2));
        outcome
    })
}

/// Starts a trivial task and joins it at once.
pub fn spawn_one<R: Runtime>(Size { ops, .. }: Size) -> Outcome {
    R::run(async move {
        let meter = Meter::start();
        let mut sum = 0;
        for i in 0..ops {
            sum += R::join(R::spawn(async move { i })).await;
        }
        let outcome = meter.per(ops);
        check("sum", sum, ops * (ops - 1) / 2);
        outcome
    })
}

/// `population` tasks that let the others run, until there were `ops` yields. Counts how often another task came next.
pub fn yields<R: Runtime>(Size { population, ops }: Size) -> Outcome {
    R::run(async move {
        let meter = Meter::start();
        let rounds = ops / population;
        let last = Rc::new(Cell::new((0, 0)));
        let mut handles = Vec::new();
        for i in 0..population {
            let last = last.clone();
            handles.push(R::spawn(async move {
                for _ in 0..rounds {
                    let (who, switches) = last.get();
                    last.set((i, switches + u64::from(who != i)));
                    yield_once().await;
                }
                rounds
            }));
        }
        let mut yields = 0;
        for handle in handles {
            yields += R::join(handle).await;
        }
        let outcome = meter.per(yields);
        check("yields", yields, rounds * population);
        outcome.with("switches", last.get().1 as f64 / yields as f64)
    })
}

#[derive(Default)]
struct Slot {
    value: Cell<Option<u64>>,
    waiting: Cell<Option<Waker>>,
}

impl Slot {
    fn put(&self, value: u64) {
        self.value.set(Some(value));
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    async fn take(&self) -> u64 {
        poll_fn(|context| match self.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                self.waiting.set(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}

/// Two tasks hand a number to and fro; an operation is a round trip.
pub fn pingpong<R: Runtime>(Size { ops, .. }: Size) -> Outcome {
    R::run(async move {
        let meter = Meter::start();
        let (there, back) = (Rc::new(Slot::default()), Rc::new(Slot::default()));
        let (from, to) = (there.clone(), back.clone());
        let answering = R::spawn(async move {
            for _ in 0..ops {
                to.put(from.take().await + 1);
            }
        });
        let asking = R::spawn(async move {
            let mut value = 0;
            for _ in 0..ops {
                there.put(value);
                value = back.take().await;
            }
            value
        });
        R::join(answering).await;
        let value = R::join(asking).await;
        let outcome = meter.per(ops);
        check("value", value, ops);
        outcome
    })
}

/// Gathers `population` trivial coroutines, again until `ops` are done.
pub fn gather<R: Runtime>(Size { population, ops }: Size) -> Outcome {
    R::run(async move {
        let meter = Meter::start();
        let rounds = ops / population;
        let (mut sum, mut last) = (0, Vec::new());
        for round in 1..=rounds {
            let all: Vec<_> = (0..population).map(async |i| i).collect();
            let values = R::gather(all).await;
            sum += values.iter().sum::<u64>();
            if round == rounds {
                last = values;
            }
        }
        let outcome = meter.per(rounds * population);
        check("sum", sum, rounds * (population * (population - 1) / 2));
        check("values", last.len() as u64, population);
        let pairs = (0..population).zip(last);
        let wrong: Vec<_> = pairs.filter(|(i, value)| i != value).take(3).collect();
        check("values out of order", wrong, Vec::new());
        outcome
    })
}

/// A producer and a consumer over a queue that holds `population` items.
pub fn queue<R: Queues>(Size { population, ops }: Size) -> Outcome {
    R::run(async move {
        let meter = Meter::start();
        let (mut sender, mut receiver) = R::queue(population as usize);
        let producer = R::spawn(async move {
            for i in 0..ops {
                R::put(&mut sender, i).await;
            }
        });
        let consumer = R::spawn(async move {
            for i in 0..ops {
                check("item", R::get(&mut receiver).await, i);
            }
        });
        R::join(producer).await;
        R::join(consumer).await;
        meter.per(ops)
    })
}

/// `population` tasks take one lock in turn, and let the others run while they hold it. Counts how often another task than the
/// last holder got it: a lock that is not handed over is taken again at once by whoever has just released it.
pub fn lock<R: Locks>(Size { population, ops }: Size) -> Outcome {
    R::run(async move {
        let meter = Meter::start();
        let rounds = ops / population;
        let lock = Rc::new(R::Lock::default());
        let count = Rc::new(Cell::new(0));
        let last = Rc::new(Cell::new((0, 0)));
        let mut handles = Vec::new();
        for i in 0..population {
            let (lock, count, last) = (lock.clone(), count.clone(), last.clone());
            handles.push(R::spawn(async move {
                for _ in 0..rounds {
                    let guard = R::lock(&lock).await;
                    let before = count.get();
                    let (holder, handed) = last.get();
                    last.set((i, handed + u64::from(holder != i)));
                    yield_once().await;
                    count.set(before + 1);
                    drop(guard);
                }
            }));
        }
        for handle in handles {
            R::join(handle).await;
        }
        let outcome = meter.per(rounds * population);
        check("count", count.get(), rounds * population);
        outcome.with("handed over", last.get().1 as f64 / count.get() as f64)
    })
}

/// A callback that asks for the next one to be called soon, and so on.
pub fn call_soon_glass(Size { ops, .. }: Size) -> Outcome {
    fn next(event_loop: Rc<glassloop::EventLoop>, left: u64) {
        if left == 0 {
            return event_loop.stop();
        }
        let again = event_loop.clone();
        let asked = event_loop.call_soon(move || next(again, left - 1));
        drop(asked.expect("the loop is open"));
    }
    let event_loop = Rc::new(glassloop::EventLoop::new().expect("a loop"));
    let meter = Meter::start();
    let first = event_loop.clone();
    let asked = event_loop.call_soon(move || next(first, ops));
    drop(asked.expect("the loop is open"));
    event_loop
        .run_forever()
        .expect("it runs until it is stopped");
    let outcome = meter.per(ops);
    event_loop.close().expect("the loop closes");
    outcome
}

/// The same as a box in a queue.
pub fn call_soon_floor(Size { ops, .. }: Size) -> Outcome {
    fn next(calls: &Calls, left: u64, done: Rc<Cell<bool>>) {
        match left {
            0 => done.set(true),
            _ => calls.call_soon(move |calls| next(calls, left - 1, done)),
        }
    }
    let (calls, done) = (Calls::default(), Rc::new(Cell::new(false)));
    let meter = Meter::start();
    let end = done.clone();
    calls.call_soon(move |calls| next(calls, ops, end));
    calls.run();
    check("the last callback ran", done.get(), true);
    meter.per(ops)
}
