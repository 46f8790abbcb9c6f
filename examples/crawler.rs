//! The classic of asyncio teaching: a crawler that follows the links of a site, so many pages at a time.
//! Run: cargo run --example crawler (63 pages of 0.1 s, 8 at a time; or `-- http://HOST/ --pages 50`).
//! Predict: 63 pages of 0.1 s, 8 at a time: how long does it take, and why a little more than 63 / 8 x 0.1 s?
//! Expect: each page once, none of another site, and never more than 8 requests under way: see the last line.
//! Look: the workers share a queue; `join` on it ends when every page that was put in has been worked on.
//! Change: --workers 1, then 64: which one is limited by the shape of the site, and not by the workers?

mod support;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Instant;

use glassloop::http::{ClientSession, Error};
use glassloop::sync::Queue;
use glassloop::{create_task, run};
use support::args::{self, Args};
use support::site::{self, Site};
use url::Url;

/// What the workers share.
struct Crawl {
    session: ClientSession,
    start: Url,
    to_do: Queue<Url>,
    seen: RefCell<BTreeSet<Url>>,
    most: usize,
    failed: RefCell<Vec<Error>>,
}

impl Crawl {
    /// Puts a page of this site into the queue, the first time it is named.
    fn offer(&self, url: Url) {
        let mut seen = self.seen.borrow_mut();
        if url.origin() == self.start.origin() && seen.len() < self.most && seen.insert(url.clone())
        {
            // The queue has no limit, so there is always room.
            let _ = self.to_do.put_nowait(url);
        }
    }

    async fn visit(&self, url: &Url) -> Result<(), Error> {
        let response = self.session.get(url).await?.error_for_status()?;
        let base = response.url().clone();
        let page = response.text().await?;
        for link in page
            .split("href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
        {
            if let Ok(mut url) = base.join(link) {
                url.set_fragment(None);
                self.offer(url);
            }
        }
        Ok(())
    }

    async fn work(&self) {
        while let Ok(url) = self.to_do.get().await {
            if let Err(error) = self.visit(&url).await {
                self.failed.borrow_mut().push(error);
            }
            // It was taken from the queue, so it may be reported.
            let _ = self.to_do.task_done();
        }
    }
}

fn main() {
    let about = "Crawls a site with a limited number of workers.";
    let workers = args::number("workers", 1..=1000, "8", "how many pages at a time");
    let pages = args::number("pages", 1..=100_000, "63", "how many pages at most");
    let args = Args::read(about, &[args::url(), workers, pages, args::delay("0.1")]);
    let (workers, most) = (args.number("workers"), args.number("pages"));
    let (given, delay) = (args.url().map(str::to_owned), args.seconds("delay"));
    let begin = Instant::now();
    let crawled = run(async move {
        let site = Site {
            pages: most,
            file_bytes: 0,
            delay,
        };
        let (own, peak) = site::start(site).map_err(|error| error.to_string())?;
        let is_own = given.is_none();
        let start = Url::parse(&given.unwrap_or(own)).map_err(|error| error.to_string())?;
        let crawl = Rc::new(Crawl {
            session: ClientSession::new(),
            start: start.clone(),
            to_do: Queue::new(0),
            seen: RefCell::default(),
            most,
            failed: RefCell::default(),
        });
        crawl.offer(start);
        for number in 1..=workers {
            let crawl = crawl.clone();
            let worker = create_task(async move { crawl.work().await });
            worker.set_name(format!("worker-{number}"));
        }
        crawl.to_do.join().await;
        let failed = crawl.failed.take();
        let stats = crawl.session.stats();
        let seen = crawl.seen.borrow().len();
        Ok::<_, String>((seen, failed, stats, is_own.then(|| peak.peak.get())))
    });
    let (seen, failed, stats, peak) = match crawled {
        Ok(Ok(crawled)) => crawled,
        Ok(Err(error)) => args::fail(error),
        Err(error) => args::fail(error),
    };
    for error in &failed {
        eprintln!("{error}");
    }
    let took = begin.elapsed().as_secs_f64();
    print!(
        "pages: {seen} in {took:.2} s, of which failed: {}; connections: {}",
        failed.len(),
        stats.connected
    );
    match peak {
        Some(peak) => println!("; the site saw at most {peak} requests at a time"),
        None => println!(),
    }
    if failed.len() == seen {
        std::process::exit(1);
    }
}
