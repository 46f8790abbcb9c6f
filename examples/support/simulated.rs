//! A network that is not there: latency, loss and servers with a limit, all of it sleeps and semaphores on the loop.
//!
//! In virtual time a million clients of it are a matter of seconds, and two runs give the same figures.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use glassloop::sync::Semaphore;
use glassloop::{EventLoop, LoopError, create_task, gather, sleep};

/// How long TCP waits for an answer to its first packet before it sends that again; twice as long each time, up to a limit.
const RETRANSMIT: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// How often a message is sent again before its request fails, as Linux has it: within eleven minutes.
const RETRIES: u32 = 15;

/// What is simulated.
#[derive(Clone, Copy)]
pub struct Plan {
    pub clients: usize,
    /// How long a server works on a request.
    pub delay: Duration,
    /// One way takes this to twice this.
    pub latency: Duration,
    /// The share of messages that are lost on the way, from 0 to below 1.
    pub loss: f64,
    pub servers: usize,
    /// How many requests a server works on at a time; the others queue.
    pub limit: usize,
}

/// What came out.
pub struct Outcome {
    /// From the first request to the last answer or failure, in virtual time.
    pub took: Duration,
    pub answered: usize,
    /// Requests that were given up, since a message of theirs was lost too often.
    pub failed: usize,
    pub lost: u64,
    /// The most requests that servers worked on at a time.
    pub peak: usize,
    /// Half of those who had an answer, and 99 of 100, had it after so long.
    pub half: Duration,
    pub most: Duration,
}

struct Network {
    plan: Plan,
    random: Cell<u64>,
    lost: Cell<u64>,
}

impl Network {
    /// From 0 to below 1, the same numbers in each run.
    fn random(&self) -> f64 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        (x >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Takes a message from one side to the other, again if it is lost; `None` when it has been lost too often.
    async fn carry(&self) -> Option<()> {
        let mut patience = RETRANSMIT;
        for _ in 0..=RETRIES {
            if self.random() >= self.plan.loss {
                sleep(self.plan.latency.mul_f64(1.0 + self.random())).await;
                return Some(());
            }
            self.lost.set(self.lost.get() + 1);
            sleep(patience).await;
            patience = LONGEST.min(patience * 2);
        }
        None
    }
}

struct Server {
    room: Semaphore,
    delay: Duration,
}

/// How many requests are worked on, by all servers together.
#[derive(Default)]
struct Load {
    now: Cell<usize>,
    peak: Cell<usize>,
}

impl Server {
    async fn answer(&self, load: &Load) {
        let _permit = self.room.acquire().await;
        load.now.set(load.now.get() + 1);
        load.peak.set(load.peak.get().max(load.now.get()));
        sleep(self.delay).await;
        load.now.set(load.now.get() - 1);
    }
}

/// Runs the clients, all of them at once, each with one request. A balancer in front deals the requests out in turn.
pub fn simulate(plan: Plan) -> Result<Outcome, LoopError> {
    let event_loop = EventLoop::builder().virtual_time().build()?;
    let begin = event_loop.time();
    let network = Rc::new(Network {
        plan,
        random: Cell::new(0x9E37_79B9_7F4A_7C15),
        lost: Cell::new(0),
    });
    let server = || Server {
        room: Semaphore::new(plan.limit),
        delay: plan.delay,
    };
    let servers: Rc<Vec<Server>> = Rc::new((0..plan.servers).map(|_| server()).collect());
    let load = Rc::new(Load::default());
    let client = {
        let (network, load) = (network.clone(), load.clone());
        move |number: usize| {
            let (network, servers, load) = (network.clone(), servers.clone(), load.clone());
            async move {
                let answered = async {
                    network.carry().await?;
                    servers[number % servers.len()].answer(&load).await;
                    network.carry().await
                };
                (answered.await, virtual_now())
            }
        }
    };
    let clients = async move {
        let clients: Vec<_> = (0..plan.clients).map(|n| create_task(client(n))).collect();
        gather(clients).await
    };
    let done = event_loop.run_until_complete(clients)?;
    let done = done.map_err(LoopError::Task)?;
    let last = done.iter().map(|(_, when)| *when - begin).max();
    let answered = done.iter().filter(|(answered, _)| answered.is_some());
    let mut answered: Vec<_> = answered.map(|(_, when)| *when - begin).collect();
    answered.sort_unstable();
    // The first moment at which so many of 100 have their answer.
    let part = |of_100: usize| match (answered.len() * of_100).div_ceil(100) {
        0 => Duration::ZERO,
        nth => answered[nth - 1],
    };
    let outcome = Outcome {
        took: last.unwrap_or_default(),
        answered: answered.len(),
        failed: done.len() - answered.len(),
        lost: network.lost.get(),
        peak: load.peak.get(),
        half: part(50),
        most: part(99),
    };
    event_loop.close()?;
    Ok(outcome)
}

fn virtual_now() -> Duration {
    let running = glassloop::get_running_loop();
    running.map_or(Duration::ZERO, |running| running.time())
}
