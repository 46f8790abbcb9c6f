//! Another thread wakes the loop, from a core of its own: left to the kernel, the two share one in this run and not in that, and
//! what a number costs then differs six times.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::epoll::Epoll;
use crate::measure::{Meter, Outcome, Size, check};
use crate::process::{CLIENT_CORE, SERVER_CORE, pin_to};
use crate::runtimes::Runtime;

/// What passes between the threads: when the wake was made, and how many arrived.
struct Bell {
    zero: Instant,
    rung: AtomicU64,
    heard: AtomicU64,
}

impl Bell {
    fn new() -> Arc<Bell> {
        Arc::new(Bell {
            zero: Instant::now(),
            rung: AtomicU64::new(0),
            heard: AtomicU64::new(0),
        })
    }

    /// Rings `times`, each time when the last was heard and the loop has had 50 µs to fall asleep.
    fn ring(&self, times: u64, wake: impl Fn()) {
        pin_to(CLIENT_CORE);
        for i in 1..=times {
            let heard = Instant::now();
            while heard.elapsed() < Duration::from_micros(50) {
                std::hint::spin_loop();
            }
            self.rung
                .store(self.zero.elapsed().as_nanos() as u64, Ordering::Release);
            wake();
            while self.heard.load(Ordering::Acquire) < i {
                thread::yield_now();
            }
        }
    }

    /// Nanoseconds since it was rung.
    fn hear(&self) -> Option<u64> {
        let rung = self.rung.swap(0, Ordering::AcqRel);
        (rung != 0).then(|| {
            let late = self.zero.elapsed().as_nanos() as u64 - rung;
            self.heard.fetch_add(1, Ordering::Release);
            late
        })
    }
}

fn latency_of(mut nanos: Vec<u64>, ops: u64) -> Outcome {
    check("wakes", nanos.len() as u64, ops);
    nanos.sort_unstable();
    let part = |share: f64| nanos[((ops - 1) as f64 * share) as usize] as f64 / 1e3;
    Outcome::new(part(0.5)).with("p99 µs", part(0.99))
}

/// From the wake by another thread to the poll of the task, while the loop sleeps in the kernel.
pub fn latency<R: Runtime>(Size { ops, .. }: Size) -> Outcome {
    pin_to(SERVER_CORE);
    R::run(async move {
        let (bell, waiting) = (Bell::new(), Arc::new(Mutex::new(None::<Waker>)));
        let ringing = {
            let (bell, waiting) = (bell.clone(), waiting.clone());
            thread::spawn(move || {
                bell.ring(ops, || {
                    let waker = waiting.lock().expect("no panic").take();
                    waker.into_iter().for_each(Waker::wake);
                });
            })
        };
        let mut nanos = Vec::with_capacity(ops as usize);
        for _ in 0..ops {
            let late = poll_fn(|context| {
                *waiting.lock().expect("no panic") = Some(context.waker().clone());
                bell.hear().map_or(Poll::Pending, Poll::Ready)
            });
            nanos.push(late.await);
        }
        ringing.join().expect("no panic");
        latency_of(nanos, ops)
    })
}

/// The same with an eventfd and `epoll_wait`, nothing else.
pub fn latency_floor(Size { ops, .. }: Size) -> Outcome {
    pin_to(SERVER_CORE);
    // SAFETY: the descriptor is new and ours.
    let event = Arc::new(unsafe { OwnedFd::from_raw_fd(libc::eventfd(0, libc::EFD_NONBLOCK)) });
    let (bell, mut epoll) = (Bell::new(), Epoll::new());
    epoll.add(&*event, 0, libc::EPOLLIN);
    let ringing = {
        let (bell, event) = (bell.clone(), event.clone());
        thread::spawn(move || {
            let one = 1u64.to_ne_bytes();
            // SAFETY: eight bytes are what an eventfd takes.
            bell.ring(ops, || {
                let wrote = unsafe { libc::write(event.as_raw_fd(), one.as_ptr().cast(), 8) };
                check("bytes written", wrote, 8);
            });
        })
    };
    let mut nanos = Vec::with_capacity(ops as usize);
    while (nanos.len() as u64) < ops {
        epoll.wait(-1).for_each(drop);
        nanos.extend(bell.hear());
    }
    ringing.join().expect("no panic");
    latency_of(nanos, ops)
}

#[derive(Default)]
struct Mail {
    letters: VecDeque<u64>,
    reader: Option<Waker>,
}

/// Another thread sends numbers as fast as it can, through the same locked queue for all; CPU time of both threads.
pub fn throughput<R: Runtime>(Size { ops, .. }: Size) -> Outcome {
    pin_to(SERVER_CORE);
    R::run(async move {
        let mail = Arc::new(Mutex::new(Mail::default()));
        let meter = Meter::start();
        let sending = {
            let mail = mail.clone();
            thread::spawn(move || {
                pin_to(CLIENT_CORE);
                for i in 0..ops {
                    let mut mail = mail.lock().expect("no panic");
                    mail.letters.push_back(i);
                    let reader = mail.reader.take();
                    drop(mail);
                    reader.into_iter().for_each(Waker::wake);
                }
            })
        };
        for expected in 0..ops {
            let letter = poll_fn(|context| {
                let mut mail = mail.lock().expect("no panic");
                match mail.letters.pop_front() {
                    Some(letter) => Poll::Ready(letter),
                    None => {
                        mail.reader = Some(context.waker().clone());
                        Poll::Pending
                    }
                }
            });
            check("letter", letter.await, expected);
        }
        let (outcome, wall) = (meter.per(ops), meter.wall());
        sending.join().expect("no panic");
        outcome.with("wall ns", wall.as_nanos() as f64 / ops as f64)
    })
}
