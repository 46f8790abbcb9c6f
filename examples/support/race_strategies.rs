//! The ways of waiting that `race` compares: each fetches a URL so many times and says what it used.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use glassloop::http::{ClientSession, Error};
use glassloop::{create_task, run, to_thread, trace, try_gather, wait};
use http::StatusCode;

use crate::support::blocking;
use crate::support::process_pool::Pool;

/// What a strategy is given.
pub struct Job {
    pub url: String,
    pub requests: usize,
    pub workers: usize,
}

pub struct Strategy {
    pub name: &'static str,
    /// As many as the chapter makes.
    pub requests: usize,
    /// The chapter's time in seconds, for requests of 3 s.
    pub chapter: Option<f64>,
    /// The server takes one request at a time.
    pub single_server: bool,
    /// Runs it, and names the threads or processes that it used.
    pub run: fn(&Job) -> Result<Ran, String>,
}

/// What a strategy has used, and when it had its last answer: a program that has its answers does not wait until the
/// connections that it has kept are closed.
pub struct Ran {
    pub used: String,
    pub answered: Instant,
}

fn answered(used: impl Into<String>) -> Ran {
    Ran {
        used: used.into(),
        answered: Instant::now(),
    }
}

/// In the order of the table.
pub const STRATEGIES: &[Strategy] = &[
    strategy(
        "blocking-in-coroutine",
        5,
        Some(15.08),
        blocking_in_coroutine,
    ),
    strategy(
        "blocking-behind-await",
        5,
        Some(15.08),
        blocking_behind_await,
    ),
    strategy("async", 5, Some(3.06), asynchronous),
    Strategy {
        single_server: true,
        ..strategy("async-single-server", 5, None, asynchronous)
    },
    strategy("to-thread", 100, None, in_pool_threads),
    strategy("threads", 100, None, in_own_threads),
    strategy("async", 100, Some(3.44), asynchronous),
    #[cfg(feature = "greenlet")]
    strategy("greenlets", 100, None, in_greenlets),
    strategy("process-pool", 100, Some(48.86), in_processes),
    strategy("sequential", 100, Some(301.17), sequential),
];

const fn strategy(
    name: &'static str,
    requests: usize,
    chapter: Option<f64>,
    run: fn(&Job) -> Result<Ran, String>,
) -> Strategy {
    Strategy {
        name,
        requests,
        chapter,
        single_server: false,
        run,
    }
}

/// What a process of the pool does with an item.
pub fn fetch_in_process(url: &str, _: usize) -> Result<String, String> {
    get(url).map(|()| String::new())
}

static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// A request of this process, as long as it lives.
struct InFlight;

impl InFlight {
    fn begin() -> InFlight {
        PEAK.fetch_max(IN_FLIGHT.fetch_add(1, SeqCst) + 1, SeqCst);
        InFlight
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        IN_FLIGHT.fetch_sub(1, SeqCst);
    }
}

/// The most requests that this process had in flight since it was asked last; `None` if it made none.
pub fn take_peak() -> Option<usize> {
    Some(PEAK.swap(0, SeqCst)).filter(|peak| *peak > 0)
}

/// By a new connection.
#[track_caller]
fn get(url: &str) -> Result<(), String> {
    let _in_flight = InFlight::begin();
    check(url, blocking::get_with_status(url))
}

/// An answer other than 200 is a failure: it was not waited for.
fn check(url: &str, answer: Result<(u16, String), String>) -> Result<(), String> {
    match answer? {
        (200, _) => Ok(()),
        (status, _) => Err(format!("GET {url}: status {status}")),
    }
}

/// The chapter's trap: the task blocks the loop. Behind an await it is the same.
fn blocking_tasks(job: &Job, behind_await: bool) -> Result<Ran, String> {
    async fn get_behind_await(url: &str) -> Result<(), String> {
        get(url)
    }
    let (url, requests) = (job.url.clone(), job.requests);
    let results = run(async move {
        let request = |url: String| async move {
            match behind_await {
                true => get_behind_await(&url).await,
                false => get(&url),
            }
        };
        let tasks: Vec<_> = (0..requests)
            .map(|_| create_task(request(url.clone())))
            .collect();
        // Waiting for one task after another takes as long as the longest, since they all run by themselves.
        wait(tasks.clone())
            .await
            .map_err(|error| error.to_string())?;
        tasks
            .iter()
            .try_for_each(|task| match task.result().as_deref() {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(error.clone()),
                Err(error) => Err(error.to_string()),
            })
    });
    results.map_err(|error| error.to_string())??;
    Ok(answered("1 thread"))
}

fn blocking_in_coroutine(job: &Job) -> Result<Ran, String> {
    blocking_tasks(job, false)
}

fn blocking_behind_await(job: &Job) -> Result<Ran, String> {
    blocking_tasks(job, true)
}

fn asynchronous(job: &Job) -> Result<Ran, String> {
    async fn request(session: ClientSession, url: String) -> Result<StatusCode, Error> {
        let _in_flight = InFlight::begin();
        let response = session.get(url).await?;
        let status = response.status();
        response.text().await?;
        Ok(status)
    }
    let (url, requests) = (job.url.clone(), job.requests);
    let session = ClientSession::builder().limit(0).build();
    let session = session.map_err(|error| error.to_string())?;
    let statuses = run(async move {
        let request = |_| request(session.clone(), url.clone());
        let statuses = try_gather((0..requests).map(request).collect::<Vec<_>>()).await;
        (statuses, answered("1 thread"))
    });
    let (statuses, ran) = statuses.map_err(|error| error.to_string())?;
    let statuses = statuses.map_err(|error| error.to_string())?;
    if let Some(status) = statuses.iter().find(|status| **status != StatusCode::OK) {
        return Err(format!("GET {}: status {status}", job.url));
    }
    Ok(ran)
}

/// The chapter's gevent: the blocking client of the other rows, on sockets that suspend a greenlet.
#[cfg(feature = "greenlet")]
fn in_greenlets(job: &Job) -> Result<Ran, String> {
    let (url, requests) = (job.url.clone(), job.requests);
    let answers = run(async move {
        let client = crate::support::ureq_greenlet::agent(blocking::config());
        let get = |_| {
            let (client, url) = (client.clone(), url.clone());
            glassloop::greenlet::spawn(move || {
                let _in_flight = InFlight::begin();
                check(&url, blocking::get_by(&client, &url))
            })
        };
        glassloop::gather((0..requests).map(get).collect::<Vec<_>>()).await
    });
    let answers = answers.map_err(|error| error.to_string())?;
    let answers = answers.map_err(|error| error.to_string())?;
    answers.into_iter().collect::<Result<(), String>>()?;
    Ok(answered("1 thread"))
}

fn in_pool_threads(job: &Job) -> Result<Ran, String> {
    let (url, requests) = (job.url.clone(), job.requests);
    let threads = run(async move {
        let request = |url: String| async move {
            let job = move || get(&url).map(|()| std::thread::current().id());
            let answer = to_thread(job).await;
            answer.unwrap_or_else(|error| Err(error.to_string()))
        };
        try_gather(
            (0..requests)
                .map(|_| request(url.clone()))
                .collect::<Vec<_>>(),
        )
        .await
    });
    let threads = threads.map_err(|error| error.to_string())?;
    let threads = threads.map_err(|error| error.to_string())?;
    let different: HashSet<_> = threads.into_iter().collect();
    Ok(answered(format!("{} threads", different.len())))
}

fn in_own_threads(job: &Job) -> Result<Ran, String> {
    let start = |number| {
        let url = job.url.clone();
        let body = trace::thread(&format!("Thread-{number}"), move || get(&url));
        let thread = std::thread::Builder::new().spawn(body);
        thread.map_err(|error| format!("cannot start a thread: {error}"))
    };
    let started = (1..=job.requests)
        .map(start)
        .collect::<Result<Vec<_>, _>>()?;
    // All of them first: one that fails must not leave the others to the next strategy.
    let joined: Vec<_> = started.into_iter().map(trace::join).collect();
    for answer in joined {
        answer.map_err(|_| "a thread panicked".to_owned())??;
    }
    Ok(answered(format!("{} threads", job.requests)))
}

fn in_processes(job: &Job) -> Result<Ran, String> {
    let mut pool = Pool::new(job.workers, &job.url)?;
    let mut failure = Ok(());
    pool.map(job.requests, None, |_, result| {
        if let Err(error) = result {
            failure = Err(error);
        }
    })?;
    failure?;
    Ok(answered(format!("{} processes", job.workers)))
}

fn sequential(job: &Job) -> Result<Ran, String> {
    for _ in 0..job.requests {
        get(&job.url)?;
    }
    Ok(answered("1 thread"))
}

/// The CPU time of this process and of its children that have ended; `None` where the system does not tell.
#[cfg(unix)]
pub fn cpu_time() -> Option<Duration> {
    use nix::sys::resource::{UsageWho, getrusage};
    let mut total = Duration::ZERO;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who).ok()?;
        for time in [usage.user_time(), usage.system_time()] {
            total += Duration::new(time.tv_sec() as u64, 1000 * time.tv_usec() as u32);
        }
    }
    Some(total)
}

#[cfg(not(unix))]
pub fn cpu_time() -> Option<Duration> {
    None
}
