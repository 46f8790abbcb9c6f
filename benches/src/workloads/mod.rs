//! The table of workloads: what each does, how large it is, and who takes part.

use crate::clients::glass::Session;
#[cfg(feature = "peers")]
use crate::clients::{async_h1::AsyncH1, hyper::Hyper, hyper_util::HyperUtil, reqwest::Reqwest};
use crate::measure::{Outcome, Size};
use crate::runtimes::floor::Floor;
use crate::runtimes::glass::{Glass, Virtual};
use crate::runtimes::observed::{Flight, Idle, Observed, Recording};
#[cfg(feature = "peers")]
use crate::runtimes::{
    compio::Compio, localpool::Pool, monoio::Monoio, smol::Smol, tokio::TokioLocal,
    tokio::TokioLocalSet,
};

pub mod cross;
pub mod echo;
pub mod http;
pub mod memory;
pub mod tasks;
pub mod threadsafe;
pub mod timers;

/// Runs a workload once, on one contestant.
pub type Run = Box<dyn Fn(Size) -> Outcome>;

/// Work of one kind.
pub struct Family {
    pub name: &'static str,
    pub about: &'static str,
    /// What an operation costs is given in this.
    pub unit: &'static str,
    /// Nothing but the CPU decides: instructions can be counted instead of time.
    pub cpu_only: bool,
    /// How often a plain run repeats it.
    pub rounds: u32,
    pub contestants: Vec<(&'static str, Run)>,
    /// The populations that a plain run measures, and the operations for each.
    pub sizes: &'static [(u64, u64)],
}

impl Family {
    /// Whether its instructions an operation can be counted. An HTTP client waits for its server, which is a process of its
    /// own and not counted; waiting takes no instructions.
    pub fn is_countable(&self) -> bool {
        self.cpu_only || self.name == "http"
    }

    /// The contestants that work in this process: what another one does is not counted.
    pub fn within(&self) -> impl Iterator<Item = &'static str> {
        let names = self.contestants.iter().map(|(name, _)| *name);
        names.filter(|name| *name != "aiohttp")
    }
}

/// A family at one population.
pub struct Workload<'a> {
    pub family: &'a Family,
    pub size: Size,
}

impl Workload<'_> {
    /// `family`, or `family/population` where the population makes a difference.
    pub fn name(&self) -> String {
        match self.size.population {
            1 if self.family.sizes.len() == 1 => self.family.name.to_owned(),
            population => format!("{}/{}", self.family.name, short(population)),
        }
    }
}

/// `1000000` as `1M`.
pub fn short(number: u64) -> String {
    match number {
        n if n >= 1_000_000 && n % 1_000_000 == 0 => format!("{}M", n / 1_000_000),
        n if n >= 1_000 && n % 1_000 == 0 => format!("{}k", n / 1_000),
        n => n.to_string(),
    }
}

/// Ours, then the peers if they are compiled.
macro_rules! list {
    ($module:ident::$run:ident: $($name:literal $type:ty),*; $($peer:literal $peer_type:ty),*) => {{
        #[cfg_attr(not(feature = "peers"), allow(unused_mut))]
        let mut list: Vec<(&'static str, Run)> = vec![$(($name, Box::new($module::$run::<$type>))),*];
        #[cfg(feature = "peers")]
        {
            $(list.push(($peer, Box::new($module::$run::<$peer_type>)));)*
        }
        list
    }};
}

/// The floor and every runtime there is.
macro_rules! everyone {
    ($module:ident::$run:ident) => {
        list!($module::$run: "floor" Floor, "glassloop" Glass; "tokio-local" TokioLocal,
            "tokio-localset" TokioLocalSet, "smol" Smol, "monoio" Monoio, "compio" Compio, "localpool" Pool)
    };
}

/// Every runtime with a clock.
macro_rules! timed {
    ($module:ident::$run:ident) => {
        list!($module::$run: "glassloop" Glass; "tokio-local" TokioLocal,
            "tokio-localset" TokioLocalSet, "smol" Smol, "monoio" Monoio, "compio" Compio)
    };
}

/// Every runtime, whether it has a clock or not.
macro_rules! runtimes {
    ($module:ident::$run:ident) => {
        list!($module::$run: "glassloop" Glass; "tokio-local" TokioLocal,
            "tokio-localset" TokioLocalSet, "smol" Smol, "monoio" Monoio, "compio" Compio, "localpool" Pool)
    };
}

/// Every HTTP client.
macro_rules! clients {
    ($module:ident::$run:ident) => {
        list!($module::$run: "glassloop" Session; "tokio+hyper" Hyper, "tokio+hyper-util" HyperUtil,
            "tokio+reqwest" Reqwest, "smol+async-h1" AsyncH1)
    };
}

/// The echo servers: their names, and what such a process does.
pub fn echo_servers() -> Vec<(&'static str, fn())> {
    vec![
        ("floor", echo::serve_floor),
        ("glassloop", echo::serve::<Glass>),
        #[cfg(feature = "peers")]
        ("tokio-local", echo::serve::<TokioLocal>),
        #[cfg(feature = "peers")]
        ("tokio-localset", echo::serve::<TokioLocalSet>),
        #[cfg(feature = "peers")]
        ("smol", echo::serve::<Smol>),
        #[cfg(feature = "peers")]
        ("monoio", echo::serve::<Monoio>),
        #[cfg(feature = "peers")]
        ("compio", echo::serve::<Compio>),
    ]
}

/// One loop, and how closely it is looked at.
fn observed() -> Vec<(&'static str, Run)> {
    vec![
        ("glassloop", Box::new(tasks::yields::<Glass>) as Run),
        (
            "glassloop idle observer",
            Box::new(tasks::yields::<Observed<Idle>>),
        ),
        (
            "glassloop recorder",
            Box::new(tasks::yields::<Observed<Recording>>),
        ),
        (
            "glassloop flight recorder",
            Box::new(tasks::yields::<Observed<Flight>>),
        ),
    ]
}

fn sleep_zero() -> Vec<(&'static str, Run)> {
    and(
        list!(timers::sleep_zero: "glassloop" Glass; "smol" Smol, "compio" Compio),
        [
            #[cfg(feature = "peers")]
            ("tokio-local", timers::sleep_zero_slow::<TokioLocal>),
            #[cfg(feature = "peers")]
            ("tokio-localset", timers::sleep_zero_slow::<TokioLocalSet>),
            #[cfg(feature = "peers")]
            ("monoio", timers::sleep_zero_slow::<Monoio>),
        ],
    )
}

fn echo() -> Vec<(&'static str, Run)> {
    let servers = echo_servers().into_iter();
    let load = |name| (name, Box::new(move |size| echo::load(name, size)) as Run);
    servers.map(|(name, _)| load(name)).collect()
}

/// A contestant whose work is a plain function.
type Plain = (&'static str, fn(Size) -> Outcome);

/// `list` and some more at its end.
fn and<const N: usize>(
    mut list: Vec<(&'static str, Run)>,
    more: [Plain; N],
) -> Vec<(&'static str, Run)> {
    list.extend(more.map(|(name, run)| (name, Box::new(run) as Run)));
    list
}

pub fn families() -> Vec<Family> {
    let cpu = |name, about, contestants, sizes| Family {
        name,
        about,
        unit: "ns",
        cpu_only: true,
        rounds: 7,
        contestants,
        sizes,
    };
    let other = |name, about, unit, contestants, sizes| Family {
        unit,
        cpu_only: false,
        rounds: 5,
        ..cpu(name, about, contestants, sizes)
    };
    vec![
        cpu(
            "spawn_join",
            "so many trivial tasks are started, then joined",
            everyone!(tasks::spawn_join),
            &[(100_000, 1_000_000)],
        ),
        cpu(
            "spawn_one",
            "a trivial task is started and joined at once",
            everyone!(tasks::spawn_one),
            &[(1, 300_000)],
        ),
        cpu(
            "yield",
            "so many tasks let each other run",
            everyone!(tasks::yields),
            &[(1, 2_000_000), (1_000, 2_000_000)],
        ),
        cpu(
            "pingpong",
            "two tasks hand a number to and fro; a round trip",
            everyone!(tasks::pingpong),
            &[(1, 1_000_000)],
        ),
        cpu(
            "call_soon",
            "a callback asks for the next one",
            vec![
                ("floor", Box::new(tasks::call_soon_floor) as Run),
                ("glassloop", Box::new(tasks::call_soon_glass)),
            ],
            &[(1, 1_000_000)],
        ),
        cpu(
            "sleep_drop",
            "a sleep is made, polled and dropped while so many wait",
            timed!(timers::sleep_drop),
            &[(0, 1_000_000), (100_000, 1_000_000)],
        ),
        cpu(
            "sleep_virtual",
            "the same in virtual time, in which the peers are not measured",
            vec![("glassloop", Box::new(timers::sleep_drop::<Virtual>) as Run)],
            &[(0, 1_000_000), (100_000, 1_000_000)],
        ),
        cpu(
            "sleep_zero",
            "a sleep of nothing, while another task is ready",
            sleep_zero(),
            &[(1, 1_000_000)],
        ),
        cpu(
            "gather",
            "so many trivial coroutines are gathered",
            everyone!(tasks::gather),
            &[(100_000, 1_000_000)],
        ),
        cpu(
            "queue",
            "a producer and a consumer over a queue that holds so many",
            everyone!(tasks::queue),
            &[(1, 1_000_000), (1_000, 1_000_000)],
        ),
        cpu(
            "lock",
            "so many tasks take a lock in turn and yield while they hold it",
            everyone!(tasks::lock),
            &[(10, 1_000_000)],
        ),
        cpu(
            "trace",
            "a yield in a loop that is not observed, observed, recorded",
            observed(),
            &[(1, 200_000), (1_000, 200_000)],
        ),
        other(
            "timers",
            "so many tasks sleep for 0 to 200 ms; CPU time and lateness",
            "CPU ns",
            timed!(timers::timers),
            &[(100_000, 100_000), (1_000_000, 1_000_000)],
        ),
        other(
            "memory_parked",
            "a task that waits for nothing",
            "bytes",
            and(
                runtimes!(memory::parked),
                [("floor", memory::parked::<Floor>)],
            ),
            &[(1, 1_000_000)],
        ),
        other(
            "memory_timer",
            "a task that sleeps",
            "bytes",
            timed!(memory::on_timer),
            &[(1, 1_000_000)],
        ),
        other(
            "wake_latency",
            "another thread wakes the sleeping loop; median",
            "µs",
            and(runtimes!(cross::latency), [("floor", cross::latency_floor)]),
            &[(1, 10_000)],
        ),
        other(
            "wake_throughput",
            "another thread sends numbers; CPU of both",
            "ns",
            runtimes!(cross::throughput),
            &[(1, 1_000_000)],
        ),
        other(
            "call_soon_threadsafe",
            "another thread asks for calls, or starts tasks; CPU of both",
            "ns",
            vec![
                ("glassloop", Box::new(threadsafe::glass) as Run),
                #[cfg(feature = "peers")]
                ("tokio-local", Box::new(threadsafe::tokio)),
                #[cfg(feature = "peers")]
                ("smol", Box::new(threadsafe::smol)),
            ],
            &[(1, 1_000_000)],
        ),
        other(
            "echo",
            "a TCP echo server with so many connections; its CPU time a request",
            "µs",
            echo(),
            &[
                (1, 100_000),
                (50, 300_000),
                (1_000, 300_000),
                (10_000, 300_000),
            ],
        ),
        other(
            "http",
            "keep-alive GETs over so many connections; CPU time a request",
            "µs",
            and(
                clients!(http::keep_alive),
                [
                    ("floor", http::keep_alive_floor),
                    #[cfg(feature = "peers")]
                    ("ureq", http::keep_alive_ureq),
                    #[cfg(feature = "peers")]
                    ("aiohttp", crate::clients::aiohttp::keep_alive),
                ],
            ),
            &[(1, 50_000), (10, 200_000), (100, 200_000)],
        ),
        Family {
            rounds: 3,
            ..other(
                "chapter",
                "so many GETs at once, each answered after 3 s; the time for all",
                "delays",
                and(
                    clients!(http::chapter),
                    [
                        ("floor", http::chapter_floor),
                        #[cfg(feature = "peers")]
                        ("ureq", http::chapter_ureq),
                    ],
                ),
                &[(100, 3_000), (1_000, 3_000), (10_000, 3_000)],
            )
        },
    ]
}
