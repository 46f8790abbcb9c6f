//! Ten thousand random programs in virtual time, each in a random schedule: nothing lost, nothing leaked, nothing left asleep.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use glassloop::sync::{Event, Lock, Queue, Semaphore};
use glassloop::*;

/// Splitmix64: the same numbers for the same seed.
#[derive(Clone)]
struct Random(Rc<Cell<u64>>);

impl Random {
    fn below(&self, limit: u64) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What the tasks of one program share, and what must be true of it at the end.
struct World {
    random: Random,
    lock: Lock,
    inside: Cell<u32>,
    semaphore: Semaphore,
    queue: Queue<u32>,
    event: Event,
    put: Cell<u32>,
    got: RefCell<Vec<u32>>,
    tasks: RefCell<Vec<Task<()>>>,
}

async fn actions(world: Rc<World>, depth: u32) {
    for _ in 0..1 + world.random.below(5) {
        let nap = Duration::from_millis(world.random.below(4));
        match world.random.below(12) {
            0 => yield_now().await,
            1 | 2 => sleep(nap).await,
            3 => {
                let _guard = world.lock.acquire().await;
                world.inside.set(world.inside.get() + 1);
                assert_eq!(world.inside.get(), 1, "two hold one lock");
                let leave = Leave(&world.inside);
                sleep(nap).await;
                drop(leave);
            }
            4 => {
                let _permit = world.semaphore.acquire().await;
                sleep(nap).await;
            }
            5 => {
                let item = world.put.get();
                world.put.set(item + 1);
                // The last putter may find nobody who takes it out.
                if world.queue.put_nowait(item).is_err() {
                    world.got.borrow_mut().push(item);
                }
            }
            6 => {
                let got = timeout(nap, world.queue.get()).await;
                if let Ok(Ok(item)) = got {
                    world.got.borrow_mut().push(item);
                }
            }
            7 if depth < 3 => {
                let child = spawn(&world, depth + 1);
                if world.random.below(2) == 0 {
                    let _ = (&child).await;
                }
            }
            8 => {
                let tasks = world.tasks.borrow();
                let victim = world.random.below(tasks.len() as u64) as usize;
                tasks[victim].cancel();
            }
            9 => {
                if catch_cancel(sleep(nap)).await.is_err() {
                    sleep(nap).await;
                }
            }
            10 if depth < 3 => {
                let children = [spawn(&world, depth + 1), spawn(&world, depth + 1)];
                let _ = gather(children).await;
            }
            _ => {
                world.event.set();
                let _ = timeout(nap, world.event.wait()).await;
                world.event.clear();
            }
        }
    }
}

struct Leave<'a>(&'a Cell<u32>);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

fn spawn(world: &Rc<World>, depth: u32) -> Task<()> {
    let task = create_task(actions(world.clone(), depth));
    world.tasks.borrow_mut().push(task.clone());
    task
}

fn program(seed: u64) {
    let builder = EventLoop::builder().virtual_time();
    let builder = match seed % 2 {
        0 => builder,
        _ => builder.seed(seed),
    };
    let event_loop = builder.build().unwrap();
    let world = event_loop
        .run_until_complete(async move {
            let world = Rc::new(World {
                random: Random(Rc::new(Cell::new(seed))),
                lock: Lock::new(),
                inside: Cell::new(0),
                semaphore: Semaphore::new(2),
                queue: Queue::new(3),
                event: Event::new(),
                put: Cell::new(0),
                got: RefCell::default(),
                tasks: RefCell::default(),
            });
            for _ in 0..2 + seed % 4 {
                spawn(&world, 0);
            }
            // Tasks start others: until a look finds none that is new.
            let mut seen = 0;
            while seen < world.tasks.borrow().len() {
                let tasks = world.tasks.borrow().clone();
                seen = tasks.len();
                wait(tasks).await.unwrap();
            }
            world
        })
        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    assert_eq!(event_loop.all_tasks().len(), 0, "seed {seed}");
    assert!(!world.lock.locked(), "seed {seed}: a lock was lost");
    assert_eq!(world.inside.get(), 0, "seed {seed}");
    event_loop
        .run_until_complete({
            let world = world.clone();
            async move {
                // Both permits are there again.
                let _permits = (
                    world.semaphore.acquire().await,
                    world.semaphore.acquire().await,
                );
                let mut all = world.got.take();
                while let Ok(item) = world.queue.get_nowait() {
                    all.push(item);
                }
                all.sort_unstable();
                let every: Vec<u32> = (0..world.put.get()).collect();
                assert_eq!(all, every, "seed {seed}: items were lost or doubled");
            }
        })
        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let tasks = world.tasks.take();
    assert!(
        tasks.iter().all(
            |task| task.done() && task.exception().is_ok_and(|panic| panic.is_none())
                || task.cancelled()
        ),
        "seed {seed}: a task panicked"
    );
    drop(tasks);
    event_loop.close().unwrap();
    assert_eq!(
        Rc::strong_count(&world),
        1,
        "seed {seed}: a coroutine was leaked"
    );
}

#[test]
fn ten_thousand_random_programs_lose_nothing() {
    (0..10_000).for_each(program);
}
