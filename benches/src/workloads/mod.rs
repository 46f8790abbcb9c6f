//! The table of workloads: what each does, how large it is, and who takes part.

use crate::measure::{Outcome, Size};
use crate::runtimes::floor::Floor;
use crate::runtimes::glass::Glass;
#[cfg(feature = "peers")]
use crate::runtimes::{
    compio::Compio, localpool::Pool, monoio::Monoio, smol::Smol, tokio::TokioLocal,
    tokio::TokioLocalSet,
};

pub mod tasks;
pub mod timers;

/// Runs a workload once, on one contestant.
pub type Run = fn(Size) -> Outcome;

/// Work of one kind.
pub struct Family {
    pub name: &'static str,
    pub about: &'static str,
    /// What an operation costs is given in this.
    pub unit: &'static str,
    /// Nothing but the CPU decides: instructions can be counted instead of time.
    pub cpu_only: bool,
    pub contestants: Vec<(&'static str, Run)>,
    /// The populations that a plain run measures, and the operations for each.
    pub sizes: &'static [(u64, u64)],
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
        let mut list: Vec<(&'static str, Run)> = vec![$(($name, $module::$run::<$type>)),*];
        #[cfg(feature = "peers")]
        {
            $(list.push(($peer, $module::$run::<$peer_type>));)*
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

pub fn families() -> Vec<Family> {
    let cpu = |name, about, contestants, sizes| Family {
        name,
        about,
        unit: "ns",
        cpu_only: true,
        contestants,
        sizes,
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
            &[(1, 1_000_000)],
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
                ("floor", tasks::call_soon_floor as Run),
                ("glassloop", tasks::call_soon_glass as Run),
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
            "sleep_zero",
            "a sleep of nothing, while another task is ready",
            timed!(timers::sleep_zero),
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
        Family {
            cpu_only: false,
            ..cpu(
                "timers",
                "so many tasks sleep for 0 to 200 ms; CPU time and lateness",
                timed!(timers::timers),
                &[(100_000, 100_000), (1_000_000, 1_000_000)],
            )
        },
    ]
}
