//! A file is fetched piece by piece, and a bar shows how far it is, while the loop goes on with other things.
//! Run: cargo run --example download (or `-- http://HOST/FILE --output FILE`; with `--features tls` also https).
//! Predict: the file is larger than any buffer in the program: who waits when the reader is slow?
//! Expect: a bar that grows, and one line with size and time; beside it a task that ticks all the while.
//! Look: `chunk().await` in the loop, and ClientTimeout::streaming(): no limit on the whole, as long as data flow.
//! Change: sleep 0.1 s after each chunk: what happens to the server's writes?

mod support;

use std::cell::Cell;
use std::fs::File;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use glassloop::http::{ClientSession, ClientTimeout};
use glassloop::{create_task, interval, run};
use indicatif::{ProgressBar, ProgressStyle};
use support::args::{self, Args};
use support::site::{self, Site};

async fn download(url: &str, mut output: Option<File>) -> Result<u64, String> {
    let session = ClientSession::builder().timeout(ClientTimeout::streaming());
    let session = session.build().map_err(|error| error.to_string())?;
    let response = session
        .get(url)
        .await
        .and_then(|response| response.error_for_status());
    let mut response = response.map_err(|error| error.to_string())?;
    let bar = match response.content_length() {
        Some(length) => ProgressBar::new(length),
        None => ProgressBar::no_length(),
    };
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes} {bytes_per_sec}");
    bar.set_style(style.map_err(|error| error.to_string())?);
    let mut received = 0;
    while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
        if let Some(output) = &mut output {
            output
                .write_all(&chunk)
                .map_err(|error| error.to_string())?;
        }
        received += chunk.len() as u64;
        bar.set_position(received);
    }
    bar.finish();
    Ok(received)
}

fn main() {
    let about = "Downloads a file with a progress bar.";
    let output = args::text(
        "output",
        "FILE",
        "",
        "where to write it; nowhere if not said",
    );
    let megabytes = args::number(
        "megabytes",
        1..=10_000,
        "20",
        "the size of the file served here",
    );
    let args = Args::read(about, &[args::url(), output, megabytes]);
    let output = match args.text("output") {
        "" => None,
        path => match File::create(path) {
            Ok(file) => Some(file),
            Err(error) => args::usage_error(format!("--output {path:?}: {error}")),
        },
    };
    let (given, file_bytes) = (
        args.url().map(str::to_owned),
        args.number("megabytes") << 20,
    );
    let begin = Instant::now();
    let downloaded = run(async move {
        let url = match given {
            Some(url) => url,
            None => {
                let site = Site {
                    pages: 0,
                    file_bytes,
                    delay: Duration::from_millis(1),
                };
                let (url, _) = site::start(site).map_err(|error| error.to_string())?;
                format!("{url}file")
            }
        };
        let ticks = Rc::new(Cell::new(0));
        let counted = ticks.clone();
        let ticker = create_task(async move {
            let mut clock = interval(Duration::from_millis(10));
            loop {
                clock.tick().await;
                counted.set(counted.get() + 1);
            }
        });
        ticker.set_name("ticker");
        let received = download(&url, output).await?;
        Ok::<_, String>((received, ticks.get()))
    });
    match downloaded {
        Ok(Ok((received, ticks))) => {
            let took = begin.elapsed().as_secs_f64();
            println!(
                "{received} bytes in {took:.2} s; meanwhile another task ticked {ticks} times"
            );
        }
        Ok(Err(error)) => args::fail(error),
        Err(error) => args::fail(error),
    }
}
