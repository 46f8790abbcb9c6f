//! The process pool, with real processes. This test has a `main` of its own (`harness = false` in Cargo.toml),
//! since the pool starts its own program again, and that must become a worker before anything else.

#[path = "../examples/support/mod.rs"]
mod support;

use std::io::Read;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use support::process_pool::{Pool, default_chunksize, worker_main_if_asked};
use support::server::{Config, ToyServer};
use support::sibling::example;

/// What a worker does; the context says which test it is for.
fn work(context: &str, item: usize) -> Result<String, String> {
    match context {
        "square" => Ok((item * item).to_string()),
        "who" => {
            thread::sleep(Duration::from_millis(20));
            Ok(std::process::id().to_string())
        }
        "odd fails" if item % 2 == 1 => Err(format!("{item} is\nodd")),
        "exit" if item == 5 => std::process::exit(7),
        "panic" if item == 5 => panic!("a worker that panics"),
        "a pool" => Pool::new(1, "square").map(|_| "a pool in a pool".to_owned()),
        "echo" => {
            print!("half a line");
            Ok("two\nlines and \u{1}".to_owned())
        }
        "sleep" => {
            thread::sleep(Duration::from_secs(3600));
            Ok(String::new())
        }
        _ => Ok(item.to_string()),
    }
}

type Results = Vec<(usize, Result<String, String>)>;

/// The results in the order of the items, and how the map ended.
fn map(
    workers: usize,
    context: &str,
    count: usize,
    chunksize: Option<usize>,
) -> (Results, Result<(), String>) {
    let mut results = Vec::new();
    let mut pool = Pool::new(workers, context).expect("processes");
    let ended = pool.map(count, chunksize, |item, result| {
        results.push((item, result))
    });
    results.sort();
    (results, ended)
}

fn every_item_has_one_result() {
    for (workers, count, chunksize) in [
        (1, 1, None),
        (3, 100, None),
        (3, 100, Some(1)),
        (3, 7, Some(100)),
        (5, 2, None),
    ] {
        let squares: Results = (0..count)
            .map(|item| (item, Ok((item * item).to_string())))
            .collect();
        assert_eq!(map(workers, "square", count, chunksize), (squares, Ok(())));
    }
}

fn a_map_of_nothing_ends_at_once() {
    assert_eq!(map(2, "square", 0, None), (vec![], Ok(())));
}

fn a_pool_can_map_again() {
    let mut pool = Pool::new(2, "square").unwrap();
    for _ in 0..3 {
        let mut sum = 0;
        pool.map(10, None, |_, result| {
            sum += result.unwrap().parse::<usize>().unwrap()
        })
        .unwrap();
        assert_eq!(sum, 285);
    }
}

fn chunks_are_as_long_as_pythons() {
    // (items, workers, chunk size) as CPython's Pool._map_async computes them.
    for (count, workers, chunk) in [
        (100, 8, 4),
        (100, 2, 13),
        (5, 2, 1),
        (0, 8, 0),
        (32, 8, 1),
        (33, 8, 2),
        (10_000, 3, 834),
    ] {
        assert_eq!(
            default_chunksize(count, workers),
            chunk,
            "{count} items on {workers} workers"
        );
    }
}

fn a_chunk_stays_with_one_worker_and_all_workers_work() {
    let (results, ended) = map(3, "who", 12, Some(2));
    assert_eq!(ended, Ok(()));
    let who: Vec<&String> = results
        .iter()
        .map(|(_, result)| result.as_ref().unwrap())
        .collect();
    for chunk in who.chunks(2) {
        assert_eq!(chunk[0], chunk[1]);
    }
    let mut different = who.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 3);
    assert!(!different.contains(&&std::process::id().to_string()));
}

fn an_error_is_a_result() {
    let (results, ended) = map(2, "odd fails", 4, Some(1));
    let text = |item: usize| {
        if item % 2 == 1 {
            Err(format!("{item} is\nodd"))
        } else {
            Ok(item.to_string())
        }
    };
    assert_eq!(
        (results, ended),
        ((0..4).map(|item| (item, text(item))).collect(), Ok(()))
    );
}

fn any_text_comes_back_whole() {
    let (results, ended) = map(1, "echo", 3, None);
    assert_eq!(ended, Ok(()));
    assert_eq!(
        results,
        (0..3)
            .map(|item| (item, Ok("two\nlines and \u{1}".to_owned())))
            .collect::<Results>()
    );
}

fn a_worker_that_dies_is_an_error() {
    for (context, how) in [("exit", "exit status: 7"), ("panic", "exit status: 101")] {
        let (results, ended) = map(1, context, 8, Some(4));
        assert_eq!(
            results,
            (0..5)
                .map(|item| (item, Ok(item.to_string())))
                .collect::<Results>()
        );
        let error = ended.expect_err("item 5 kills its worker");
        let (before, after) = error.split_once(" (process ").unwrap();
        let (_, after) = after.split_once(')').unwrap();
        assert_eq!(
            (before, after),
            (
                "worker 1",
                &*format!(" died: {how}; its items 5..8 were not done")
            )
        );
    }
}

fn bad_sizes_are_errors() {
    let none = Pool::new(0, "square").map(|_| ());
    assert_eq!(
        none,
        Err("a pool of 0 workers would never finish: take 1 or more".into())
    );
    assert_eq!(
        map(1, "square", 3, Some(0)),
        (
            vec![],
            Err("a chunk of 0 items would never finish: take 1 or more".into())
        )
    );
}

fn a_worker_has_no_pool_of_its_own() {
    let refused =
        "a pool worker cannot have a pool: call worker_main_if_asked first in main".to_owned();
    assert_eq!(map(1, "a pool", 1, None), (vec![(0, Err(refused))], Ok(())));
}

fn dropping_a_busy_pool_ends_its_workers() {
    let begin = Instant::now();
    let panic = std::panic::catch_unwind(|| {
        let mut pool = Pool::new(2, "odd fails").unwrap();
        pool.map(100, None, |_, _| {
            std::panic::resume_unwind(Box::new("from on_result"))
        })
    });
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"from on_result"));
    drop(Pool::new(2, "sleep").unwrap());
    assert!(begin.elapsed() < Duration::from_secs(60));
}

fn the_example_asks_from_as_many_processes_at_once_as_it_has_workers() {
    let config = Config {
        delay: Duration::from_millis(150),
        ..Config::default()
    };
    let server = ToyServer::start(config).unwrap();
    let url = server.url();
    let mut command = example("process_pool").unwrap();
    let output = command
        .args(["--requests", "11", "--workers", "3", "--url", &url])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let count = |wanted: &str| text.lines().filter(|line| *line == wanted).count();
    assert!(
        text.starts_with(&format!("Cpu count: {}\n", glassloop::cpu_count())),
        "{text}"
    );
    assert_eq!(count(&format!("Waiting for {url}")), 11);
    assert_eq!(
        count(&format!("Get response from {url} Result: Hello!")),
        11
    );
    let cost = text
        .lines()
        .last()
        .and_then(|line| line.strip_prefix("Cost time: "))
        .unwrap();
    // Chunks of ceil(11 / 12) = 1: four rounds.
    assert!(cost.parse::<f64>().unwrap() >= 0.59, "{cost}");
    assert_eq!(text.lines().count(), 24);
    assert_eq!((server.served(), server.peak_in_flight()), (11, 3));
    assert_eq!(output.status.code(), Some(0));
}

fn the_example_reports_what_failed() {
    let server = ToyServer::start(Config::default()).unwrap();
    let url = server.url();
    drop(server);
    let mut command = example("process_pool").unwrap();
    let output = command
        .args(["--requests", "1", "--workers", "1", "--url", &url])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.starts_with(&format!("request 0: GET {url}: ")),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1);
}

fn workers_end_with_a_killed_parent() {
    let config = Config {
        delay: Duration::from_secs(3600),
        ..Config::default()
    };
    let server = ToyServer::start(config).unwrap();
    let mut command = example("process_pool").unwrap();
    command
        .args(["--workers", "2", "--url", &server.url()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut parent = command.spawn().unwrap();
    let begin = Instant::now();
    while server.peak_in_flight() < 2 && begin.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(server.peak_in_flight(), 2);
    parent.kill().unwrap();
    parent.wait().unwrap();
    // The workers have its stderr: it ends when the last of them has ended.
    let mut text = String::new();
    parent
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "");
    assert!(begin.elapsed() < Duration::from_secs(60));
}

macro_rules! run {
    ($($test:ident)*) => {
        $(println!("test {} ...", stringify!($test)); $test();)*
    };
}

fn main() {
    worker_main_if_asked(work);
    run! {
        every_item_has_one_result
        a_map_of_nothing_ends_at_once
        a_pool_can_map_again
        chunks_are_as_long_as_pythons
        a_chunk_stays_with_one_worker_and_all_workers_work
        an_error_is_a_result
        any_text_comes_back_whole
        a_worker_that_dies_is_an_error
        bad_sizes_are_errors
        a_worker_has_no_pool_of_its_own
        dropping_a_busy_pool_ends_its_workers
        the_example_asks_from_as_many_processes_at_once_as_it_has_workers
        the_example_reports_what_failed
        workers_end_with_a_killed_parent
    }
}
