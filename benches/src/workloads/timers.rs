//! Sleeping: making and dropping sleeps, sleeping for nothing, and many sleeps at once.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::measure::{Meter, Outcome, Size, check};
use crate::runtimes::{Timed, yield_once};

/// Polls once, so that the timer is set.
async fn set<F: Future>(sleep: std::pin::Pin<&mut F>) {
    let mut sleep = sleep;
    let pending = poll_fn(|context| Poll::Ready(sleep.as_mut().poll(context).is_pending())).await;
    check("the sleep is pending", pending, true);
}

/// Makes a sleep of ten seconds, polls it and drops it, while `population` others wait: a timeout that was not needed. After
/// each hundred the loop gets its turn.
pub fn sleep_drop<R: Timed>(Size { population, ops }: Size) -> Outcome {
    R::run(async move {
        let mut waiting = Vec::new();
        for i in 0..population {
            let delay = Duration::from_secs(60) + Duration::from_micros(i * 7919 % 60_000_000);
            let mut sleep = Box::pin(R::sleep(delay));
            set(sleep.as_mut()).await;
            waiting.push(sleep);
        }
        let meter = Meter::start();
        for i in 0..ops {
            set(pin!(R::sleep(Duration::from_secs(10)))).await;
            if i % 100 == 99 {
                yield_once().await;
            }
        }
        let outcome = meter.per(ops);
        drop(waiting);
        outcome
    })
}

/// [`sleep_zero`] where such a sleep is a millisecond: fewer of them.
#[cfg(feature = "peers")]
pub fn sleep_zero_slow<R: Timed>(Size { population, ops }: Size) -> Outcome {
    let ops = ops.min(200);
    sleep_zero::<R>(Size { population, ops })
}

/// Sleeps of nothing, while another task is ready all the time: counts how often that one ran a sleep. monoio lets a task
/// that wakes itself starve the timers, so the other one ends after a while.
pub fn sleep_zero<R: Timed>(Size { ops, .. }: Size) -> Outcome {
    R::run(async move {
        let others = Rc::new(Cell::new(0u64));
        let done = Rc::new(Cell::new(false));
        let other = R::spawn({
            let (others, done) = (others.clone(), done.clone());
            async move {
                while !done.get() && others.get() < ops + 5_000_000 {
                    others.set(others.get() + 1);
                    yield_once().await;
                }
            }
        });
        // The other one starts.
        yield_once().await;
        let (meter, before) = (Meter::start(), others.get());
        for _ in 0..ops {
            R::sleep(Duration::ZERO).await;
        }
        let outcome = Outcome::new(meter.wall().as_nanos() as f64 / ops as f64);
        let polls = (others.get() - before) as f64 / ops as f64;
        done.set(true);
        R::join(other).await;
        outcome.with("polls of another", polls)
    })
}

/// `ops` tasks sleep for 0 to 200 ms each, at random, from their first poll on. None may wake early; how late they are is
/// counted in microseconds.
pub fn timers<R: Timed>(Size { ops, .. }: Size) -> Outcome {
    R::run(async move {
        let mut random = 0x9E37_79B9_7F4A_7C15u64;
        let mut handles = Vec::with_capacity(ops as usize);
        let meter = Meter::start();
        for _ in 0..ops {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let delay = Duration::from_nanos(random % 200_000_000);
            handles.push(R::spawn(async move {
                let start = Instant::now();
                R::sleep(delay).await;
                let late = start.elapsed().as_nanos() as i64 - delay.as_nanos() as i64;
                late as f32 / 1e3
            }));
        }
        let mut late = Vec::with_capacity(ops as usize);
        for handle in handles {
            late.push(R::join(handle).await);
        }
        let (outcome, wall) = (meter.per(ops), meter.wall());
        late.sort_unstable_by(f32::total_cmp);
        let part = |share: f64| f64::from(late[((ops - 1) as f64 * share) as usize]);
        check(
            "sleeps that were early",
            late.iter().filter(|&&l| l < 0.0).count(),
            0,
        );
        outcome
            .with("late p50 µs", part(0.5))
            .with("late p99 µs", part(0.99))
            .with("late max µs", part(1.0))
            .with("wall ms", wall.as_secs_f64() * 1e3)
    })
}
