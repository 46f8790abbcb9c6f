//! Random tasks on shared primitives, with cancellations at any moment, checked against a model: nobody overtakes, nothing
//! is held twice, nothing is lost, and nobody is left waiting.

mod sync_drive;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use glassloop::sync::*;
use glassloop::*;
use sync_drive::{ms, noted, turns};

const PERMITS: usize = 2;
const WORKERS: usize = 8;

/// A generator of numbers that repeats itself for a seed.
#[derive(Clone)]
struct Dice(Rc<Cell<u64>>);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(Rc::new(Cell::new(seed * 2 + 1)))
    }

    fn roll(&self, sides: u64) -> u64 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }
}

/// Who waits in one line, by the order of arrival, and how many have what they waited for.
#[derive(Clone, Default)]
struct Line {
    waiting: Rc<RefCell<BTreeMap<u64, AnyTask>>>,
    arrived: Rc<Cell<u64>>,
    held: Rc<Cell<usize>>,
}

/// Takes a waiter out of the line, however its wait ends.
struct Place(Line, u64);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.borrow_mut().remove(&self.1);
    }
}

struct Held(Line);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.set(self.0.held.get() - 1);
    }
}

impl Line {
    /// Awaits `wait` in this line, of which `limit` may have it at a time.
    async fn pass<F: IntoFuture>(&self, wait: F, limit: usize) -> (Held, F::Output) {
        let number = self.arrived.get();
        self.arrived.set(number + 1);
        let me = current_task().unwrap();
        self.waiting.borrow_mut().insert(number, me);
        let place = Place(self.clone(), number);
        let got = wait.await;
        for (_, before) in self.waiting.borrow().range(..number) {
            assert!(before.cancelling() > 0, "overtaken by number {number}");
        }
        drop(place);
        self.held.set(self.held.get() + 1);
        assert!(self.held.get() <= limit);
        (Held(self.clone()), got)
    }
}

#[derive(Clone)]
struct World {
    dice: Dice,
    lock: Lock,
    lock_line: Line,
    semaphore: Semaphore,
    semaphore_line: Line,
    condition: Condition,
    queue: Queue<(usize, u64)>,
    put: Rc<RefCell<Vec<(usize, u64)>>>,
    got: Rc<RefCell<Vec<(usize, u64)>>>,
}

impl World {
    fn new(seed: u64) -> World {
        World {
            dice: Dice::new(seed),
            lock: Lock::new(),
            lock_line: Line::default(),
            semaphore: Semaphore::new(PERMITS),
            semaphore_line: Line::default(),
            condition: Condition::new(),
            queue: Queue::new(2),
            put: Rc::default(),
            got: Rc::default(),
        }
    }

    async fn pause(&self) {
        match self.dice.roll(4) {
            0 => sleep(ms(1 + self.dice.roll(4))).await,
            n => turns(n as usize - 1).await,
        }
    }

    async fn act(&self, me: usize, number: u64) {
        match self.dice.roll(8) {
            0 | 1 => {
                let (_held, _guard) = self.lock_line.pass(self.lock.acquire(), 1).await;
                self.pause().await;
            }
            2 | 3 => {
                let wait = self.semaphore.acquire();
                let (_held, _permit) = self.semaphore_line.pass(wait, PERMITS).await;
                self.pause().await;
            }
            4 => {
                if self.queue.put((me, number)).await.is_ok() {
                    self.put.borrow_mut().push((me, number));
                }
            }
            5 => {
                if let Ok(item) = self.queue.get().await {
                    self.got.borrow_mut().push(item);
                    self.queue.task_done().unwrap();
                }
            }
            6 => {
                let _guard = self.condition.acquire().await;
                let waited = timeout(ms(3), catch_cancel(self.condition.wait())).await;
                assert!(self.condition.locked(), "back without the lock: {waited:?}");
                self.pause().await;
            }
            _ => {
                let _guard = self.condition.acquire().await;
                self.condition.notify(1).unwrap();
                self.pause().await;
            }
        }
    }
}

async fn program(world: World) -> usize {
    let workers: Vec<_> = (0..WORKERS)
        .map(|me| {
            let world = world.clone();
            create_task(async move {
                for number in 0..12 {
                    world.act(me, number).await;
                    world.pause().await;
                }
            })
        })
        .collect();
    for _ in 0..10 {
        world.pause().await;
        workers[world.dice.roll(WORKERS as u64) as usize].cancel();
    }
    sleep(ms(1_000)).await;
    world.queue.shutdown(false);
    // Those who wait for an item or for room are let go; everybody else must get through alone.
    let mut cancelled = 0;
    for worker in workers {
        match timeout(ms(10_000), worker).await.expect("left waiting") {
            Ok(()) => {}
            Err(TaskError::Cancelled) => cancelled += 1,
            Err(error) => panic!("{error}"),
        }
    }
    while let Ok(item) = world.queue.get().await {
        world.got.borrow_mut().push(item);
        world.queue.task_done().unwrap();
    }
    world.queue.join().await;
    assert_eq!(format!("{:?}", world.lock), "<Lock [unlocked]>");
    assert_eq!(format!("{:?}", world.condition), "<Condition [unlocked]>");
    let all = format!("<Semaphore [unlocked, value:{PERMITS}]>");
    assert_eq!(format!("{:?}", world.semaphore), all);
    assert_eq!(format!("{:?}", world.queue), "<Queue maxsize=2 shutdown>");
    check_items(&world);
    cancelled
}

/// Every item came out once, and those of one producer in their order.
fn check_items(world: &World) {
    let (mut put, mut got) = (world.put.take(), world.got.take());
    for me in 0..WORKERS {
        let mine = got.iter().filter(|item| item.0 == me);
        assert!(mine.is_sorted_by(|a, b| a.1 < b.1), "{got:?}");
    }
    put.sort();
    got.sort();
    assert_eq!(put, got);
}

#[test]
fn random_programs_keep_the_rules() {
    let (mut cancelled, mut locked) = (0, 0);
    for seed in 0..1_000 {
        let log = noted(move |log| async move {
            let world = World::new(seed);
            log.note(program(world.clone()).await);
            log.note(world.lock_line.arrived.get());
        });
        cancelled += log[0].parse::<usize>().unwrap();
        locked += log[1].parse::<usize>().unwrap();
    }
    // The dice must not have spared what is to be tested.
    assert!(cancelled > 1_000, "{cancelled}");
    assert!(locked > 5_000, "{locked}");
}
