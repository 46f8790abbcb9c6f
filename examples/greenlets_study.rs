//! Greenlets or tasks: what each costs, measured side by side. The table in DESIGN.md is one of its runs.
//! Run: cargo run --release --features greenlet --example greenlets_study
//! Predict: which style is cheaper to start, to switch, to keep waiting, and does it matter how deep the calls are?
//! Expect: near the surface tasks win everywhere; from a hundred calls deep a greenlet switches as from one, a task does not.
//! Look: the boxed tasks, a hundred calls deep: every resumption goes down through all of the frames again.
//! Change: LOCALS to 1024: who pays for what the calls keep, and why did it look as if greenlets did not at all?

// A hundred nested calls are a type of a hundred levels.
#![recursion_limit = "512"]

mod support;

use std::fs;
use std::future::Future;
use std::hint::black_box;
use std::marker::PhantomData;
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use glassloop::sync::Event;
use glassloop::{create_task, gather, greenlet, sleep, yield_now};
use support::args::{self, Args};

/// The bytes that each call keeps over the wait.
const LOCALS: usize = 64;
/// What takes time is done so often in a round. Short rounds: on a busy machine some of them are not disturbed.
const TIMES: usize = 2000;
const LONG: Duration = Duration::from_secs(3600);

/// What is done at the bottom of the calls.
#[derive(Clone, Copy)]
enum Bottom {
    Yield(usize),
    SleepLong,
}

async fn wait(bottom: Bottom) {
    match bottom {
        Bottom::Yield(times) => {
            for _ in 0..times {
                yield_now().await;
            }
        }
        Bottom::SleepLong => sleep(LONG).await,
    }
}

/// Ordinary calls, for greenlets and threads.
#[inline(never)]
fn call(depth: usize, bottom: &dyn Fn()) {
    let kept = black_box([depth as u8; LOCALS]);
    match depth {
        1 => bottom(),
        _ => call(depth - 1, bottom),
    }
    black_box(&kept);
}

fn greenlet_bottom(bottom: Bottom) {
    match bottom {
        Bottom::Yield(times) => (0..times).for_each(|_| greenlet::sleep(Duration::ZERO)),
        Bottom::SleepLong => greenlet::sleep(LONG),
    }
}

/// Calls of boxed futures, as recursion and `dyn` traits need them.
fn call_boxed(depth: usize, bottom: Bottom) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        let kept = black_box([depth as u8; LOCALS]);
        match depth {
            1 => wait(bottom).await,
            _ => call_boxed(depth - 1, bottom).await,
        }
        black_box(&kept);
    })
}

/// Calls of `async fn`s, which the compiler makes one state machine of.
trait Call {
    fn call(bottom: Bottom) -> impl Future<Output = ()>;
}

struct Last;
struct Next<C>(PhantomData<C>);
type Ten<C> = Next<Next<Next<Next<Next<Next<Next<Next<Next<Next<C>>>>>>>>>>;
type Ninety<C> = Ten<Ten<Ten<Ten<Ten<Ten<Ten<Ten<Ten<C>>>>>>>>>;
type Depth10 = Next<Next<Next<Next<Next<Next<Next<Next<Next<Last>>>>>>>>>;
type Depth100 = Ninety<Depth10>;

impl Call for Last {
    async fn call(bottom: Bottom) {
        let kept = black_box([1u8; LOCALS]);
        wait(bottom).await;
        black_box(&kept);
    }
}

impl<C: Call> Call for Next<C> {
    async fn call(bottom: Bottom) {
        let kept = black_box([2u8; LOCALS]);
        C::call(bottom).await;
        black_box(&kept);
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Task,
    Boxed,
    Greenlet,
    Thread,
}

const KINDS: [Kind; 4] = [Kind::Task, Kind::Boxed, Kind::Greenlet, Kind::Thread];

/// Starts one waiter in the running loop; gives what awaits its end.
fn start(kind: Kind, depth: usize, bottom: Bottom) -> glassloop::Task<()> {
    match (kind, depth) {
        (Kind::Task, 1) => create_task(Last::call(bottom)),
        (Kind::Task, 10) => create_task(Depth10::call(bottom)),
        (Kind::Task, 100) => create_task(Depth100::call(bottom)),
        (Kind::Greenlet, _) => greenlet::spawn(move || call(depth, &|| greenlet_bottom(bottom))),
        _ => create_task(call_boxed(depth, bottom)),
    }
}

/// Nanoseconds for each of `times` of what a loop does, once it runs.
fn per<F: Future<Output = ()> + 'static>(times: usize, work: F) -> f64 {
    let took = glassloop::run(async {
        let begin = Instant::now();
        work.await;
        begin.elapsed()
    });
    let took = took.unwrap_or_else(|error| args::fail(error));
    took.as_nanos() as f64 / times as f64
}

fn spawn_one_by_one(kind: Kind) -> f64 {
    let times = TIMES;
    if kind == Kind::Thread {
        let begin = Instant::now();
        for _ in 0..times / 10 {
            let joined = thread::spawn(|| ()).join();
            joined.unwrap_or_else(|_| args::fail("a thread panicked"));
        }
        return begin.elapsed().as_nanos() as f64 / (times / 10) as f64;
    }
    per(times, async move {
        for _ in 0..times {
            let _ = start(kind, 1, Bottom::Yield(0)).await;
        }
    })
}

fn spawn_at_once(kind: Kind) -> f64 {
    let times = 10_000;
    per(times, async move {
        let all: Vec<_> = (0..times)
            .map(|_| start(kind, 1, Bottom::Yield(1)))
            .collect();
        let _ = gather(all).await;
    })
}

/// The same in a thread that has no stacks yet.
fn spawn_first(kind: Kind) -> f64 {
    let first = thread::spawn(move || spawn_at_once(kind));
    first
        .join()
        .unwrap_or_else(|_| args::fail("a thread panicked"))
}

fn yields(kind: Kind, depth: usize) -> f64 {
    let times = TIMES;
    per(times, async move {
        let _ = start(kind, depth, Bottom::Yield(times)).await;
    })
}

/// Round trips of two that wake each other.
fn ping_pong(kind: Kind) -> f64 {
    let times = TIMES;
    if kind == Kind::Thread {
        let ((ping, pinged), (pong, ponged)) = (channel(), channel());
        let other = thread::spawn(move || pinged.iter().try_for_each(|()| pong.send(())));
        let begin = Instant::now();
        for _ in 0..times / 10 {
            let _ = ping.send(());
            let _ = ponged.recv();
        }
        let took = begin.elapsed().as_nanos() as f64 / (times / 10) as f64;
        drop(ping);
        let _ = other.join();
        return took;
    }
    per(times, async move {
        let events = Rc::new([Event::new(), Event::new()]);
        events[0].set();
        let players = [0, 1].map(|me| {
            let events = events.clone();
            match kind {
                Kind::Greenlet => greenlet::spawn(move || {
                    for _ in 0..times {
                        greenlet::wait(events[me].wait());
                        events[me].clear();
                        events[1 - me].set();
                    }
                }),
                _ => create_task(async move {
                    for _ in 0..times {
                        events[me].wait().await;
                        events[me].clear();
                        events[1 - me].set();
                    }
                }),
            }
        });
        let _ = gather(players).await;
    })
}

/// A figure of this process from Linux's `/proc`, in bytes.
fn memory_of_process(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0)
}

/// Bytes for each waiter: resident, and of page tables beside them.
fn memory(kind: Kind, depth: usize, waiters: usize) -> Option<(f64, f64)> {
    let now = || memory_of_process("VmRSS:").zip(memory_of_process("VmPTE:"));
    let (before, after);
    if kind == Kind::Thread {
        before = now()?;
        for _ in 0..waiters {
            let stack = thread::Builder::new().stack_size(greenlet::STACK_SIZE);
            let started = stack.spawn(move || call(depth, &|| thread::sleep(LONG)));
            started.unwrap_or_else(|error| args::fail(error));
        }
        thread::sleep(Duration::from_secs(1));
        after = now()?;
    } else {
        let measured = glassloop::run(async move {
            // What the loop needs for so many tasks is not the waiters'.
            let warm = (0..waiters).map(|_| create_task(yield_now()));
            let _ = gather(warm.collect::<Vec<_>>()).await;
            let before = now();
            let all: Vec<_> = (0..waiters)
                .map(|_| start(kind, depth, Bottom::SleepLong))
                .collect();
            sleep(Duration::from_millis(1)).await;
            let after = now();
            all.iter().for_each(|task| {
                task.cancel();
            });
            before.zip(after)
        });
        (before, after) = measured.unwrap_or_else(|error| args::fail(error))?;
    }
    let each = |before, after| (after - before) / waiters as f64;
    Some((each(before.0, after.0), each(before.1, after.1)))
}

/// Measures in a process of its own, which has not used any memory for something else.
fn memory_in_child(kind: Kind, depth: usize, waiters: usize) -> String {
    let measured = std::env::current_exe().and_then(|this| {
        let mut child = Command::new(this);
        child.args(["--waiters", &waiters.to_string()]);
        child.args(["--memory", &format!("{kind:?} {depth}")]);
        child.output()
    });
    match measured {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().into()
        }
        _ => "-".into(),
    }
}

fn row(what: &str, cells: [String; 4]) {
    let [task, boxed, greenlet, thread] = cells;
    println!("{what:<46}{task:>10}{boxed:>14}{greenlet:>14}{thread:>14}");
}

/// The best of so many rounds, in which the kinds take turns.
fn timed(what: &str, rounds: usize, has: &[Kind], measure: impl Fn(Kind) -> f64) {
    let mut best = [f64::INFINITY; 4];
    for _ in 0..rounds {
        for (kind, best) in KINDS.into_iter().zip(&mut best) {
            if has.contains(&kind) {
                *best = best.min(measure(kind));
            }
        }
    }
    row(
        what,
        best.map(|best| match best.is_finite() {
            true => format!("{best:.0}"),
            false => "-".into(),
        }),
    );
}

fn main() {
    let about = "Compares tasks, greenlets and threads: time in ns, memory in bytes.";
    let options = [
        args::number("waiters", 1..=1_000_000, "10000", "how many wait at once"),
        args::text(
            "memory",
            "'KIND DEPTH'",
            "",
            "measure only this, in this process",
        ),
    ];
    let args = Args::read(about, &options);
    let waiters = args.number("waiters");
    if let Some((kind, depth)) = args.text("memory").split_once(' ') {
        let kind = KINDS.into_iter().find(|known| format!("{known:?}") == kind);
        let (Some(kind), Ok(depth)) = (kind, depth.parse()) else {
            args::usage_error("--memory: expected Task, Boxed, Greenlet or Thread, and a depth");
        };
        let Some((resident, tables)) = memory(kind, depth, waiters) else {
            args::fail("the memory of a process is read from Linux's /proc");
        };
        println!("{resident:.0} + {tables:.0}");
        // The waiting threads would never end.
        std::process::exit(0);
    }
    let no_boxed = [Kind::Task, Kind::Greenlet, Kind::Thread];
    let no_thread = [Kind::Task, Kind::Boxed, Kind::Greenlet];
    println!("time in ns each; memory in bytes each, resident + page tables\n");
    row(
        "",
        ["task", "boxed task", "greenlet", "thread"].map(String::from),
    );
    timed(
        "start and end, one by one",
        100,
        &no_boxed,
        spawn_one_by_one,
    );
    timed(
        "the first 10,000 at once, each waits once",
        9,
        &no_thread,
        spawn_first,
    );
    timed("10,000 later ones", 30, &no_thread, spawn_at_once);
    timed(
        "two that wake each other, a round trip",
        100,
        &no_boxed,
        ping_pong,
    );
    for depth in [1, 10, 100] {
        let what = format!("a switch {depth} calls deep");
        timed(&what, 200, &no_thread, |kind| yields(kind, depth));
    }
    for depth in [1, 10, 100] {
        let what = format!("memory of a waiter {depth} calls deep");
        row(
            &what,
            KINDS.map(|kind| memory_in_child(kind, depth, waiters)),
        );
    }
}
