//! The two styles side by side: the same work as a task and as a greenlet, in one loop, with one lock and one queue for both.
//! Run: cargo run --features greenlet --example greenlets_and_tasks -- --delay 0.3 (without options: 4 requests of 1 s).
//! Predict: each asks while it holds a lock that lets two in at a time; how many d, and do the styles get in each other's way?
//! Expect: 2 d for 4 requests; first come, first served, whatever the style.
//! Look: the two functions line by line: `.await` here is `wait` there, or hidden in a library that waits by itself.
//! Change: Semaphore::new(4).

mod support;

use std::rc::Rc;
use std::time::Instant;

use glassloop::http::{ClientSession, Error};
use glassloop::sync::{Queue, Semaphore};
use glassloop::{create_task, greenlet};
use support::args::{self, Args};
use support::{blocking, server, ureq_greenlet};

type Shared = (Semaphore, Queue<String>);

async fn by_task(shared: Rc<Shared>, url: String) {
    let _permit = shared.0.acquire().await;
    let fetch = async { ClientSession::new().get(&url).await?.text().await };
    let text = fetch.await.unwrap_or_else(|error: Error| args::fail(error));
    let _ = shared.1.put(format!("a task got {text}")).await;
}

fn by_greenlet(shared: Rc<Shared>, url: String) {
    let _permit = greenlet::wait(shared.0.acquire());
    let client = ureq_greenlet::agent(blocking::config());
    let response = blocking::get_by(&client, &url);
    let (_, text) = response.unwrap_or_else(|error| args::fail(error));
    let _ = greenlet::wait(shared.1.put(format!("a greenlet got {text}")));
}

fn main() {
    let about = "Requests by tasks and by greenlets.";
    let options = [args::requests("4"), args::delay("1"), args::url()];
    let args = Args::read(about, &options);
    let (url, _server) = server::given_or_started(args.url(), args.seconds("delay"));

    let begin = Instant::now();
    let main = async move {
        let shared = Rc::new((Semaphore::new(2), Queue::new(0)));
        for n in 0..args.number("requests") {
            let (shared, url) = (shared.clone(), url.clone());
            match n % 2 {
                0 => drop(create_task(by_task(shared, url))),
                _ => drop(greenlet::spawn(move || by_greenlet(shared, url))),
            }
        }
        for _ in 0..args.number("requests") {
            let line = shared.1.get().await.expect("nobody shuts it down");
            println!("{line} after {:.2} s", begin.elapsed().as_secs_f64());
        }
    };
    glassloop::run(main).unwrap_or_else(|error| args::fail(error));
}
