//! Debug mode: a step that blocks the loop is reported while it does, and again when it has ended.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use glassloop::net::{open_connection, start_server};
use glassloop::{EventLoop, get_running_loop, timeout, yield_now};

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LOG.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// The lines about this; a busy machine may make other steps slow, too.
fn lines(about: &str) -> Vec<String> {
    let lines = LOG.lock().unwrap();
    let about = lines.iter().filter(|line| line.contains(about));
    about.cloned().collect()
}

/// The chapter's trap: blocking code in a coroutine. It blocks until it is told on.
async fn trap() -> Vec<String> {
    yield_now().await;
    let begin = Instant::now();
    while lines("fetch").is_empty() && begin.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
    lines("fetch")
}

/// Waits for a thread by a future that is not the library's; it keeps the waker.
async fn waits_elsewhere() {
    let mut kept: Option<Waker> = None;
    poll_fn(move |context| match &kept {
        Some(_) => Poll::Ready(()),
        None => {
            let waker = kept.insert(context.waker().clone()).clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                waker.wake();
            });
            Poll::Pending
        }
    })
    .await
}

/// The classic mistake: pending, and the waker thrown away.
async fn loses_its_waker() {
    poll_fn(|context| {
        drop(context.waker().clone());
        Poll::<()>::Pending
    })
    .await
}

/// Gives its waker to a thread that forgets it some time later.
async fn gives_its_waker_away() {
    let mut given = false;
    poll_fn(move |context| {
        if !std::mem::replace(&mut given, true) {
            let waker = context.waker().clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                drop(waker);
            });
        }
        Poll::<()>::Pending
    })
    .await
}

#[test]
fn a_blocking_step_is_reported_while_it_blocks_and_when_it_has_ended() {
    log::set_logger(&Logger).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    let builder = EventLoop::builder().slow_callback_duration(Duration::from_millis(100));
    let event_loop = builder.build().unwrap();
    event_loop.call_soon(|| {}).unwrap();
    let task = event_loop.create_task(trap()).unwrap().named("fetch");
    let during = event_loop.run_until_complete(task).unwrap();
    // Seen from inside the step: nothing else could have run.
    assert!(
        during[0].starts_with("fetch trap() (created at tests/watchdog.rs:"),
        "{during:?}"
    );
    assert!(
        during[0].contains(") has blocked the loop for "),
        "{during:?}"
    );
    let after = lines("Executing <Task finished name='fetch'");
    assert_eq!(after.len(), 1, "{after:?}");
    assert!(
        after[0].starts_with(
            "Executing <Task finished name='fetch' coro=<trap() done, created at tests/watchdog.rs:"
        ),
        "{after:?}"
    );
    assert!(after[0].ends_with(" seconds"), "{after:?}");

    let spinner = async {
        for _ in 0..20_000 {
            yield_now().await;
        }
    };
    let spinner = event_loop.create_task(spinner).unwrap().named("spinner");
    event_loop.run_until_complete(spinner).unwrap();
    let kept = event_loop.create_task(waits_elsewhere()).unwrap();
    event_loop.run_until_complete(kept).unwrap();
    assert!(lines("nobody has its waker").is_empty());
    let lost = event_loop.create_task(loses_its_waker()).unwrap();
    lost.set_name("lost");
    let bounded = timeout(Duration::from_millis(1), loses_its_waker());
    event_loop.run_until_complete(bounded).unwrap().unwrap_err();
    let unheld = lines("nobody has its waker");
    assert_eq!(unheld.len(), 1, "{unheld:?}");
    assert!(unheld[0].starts_with("<Task pending name='lost'"));
    lost.cancel();
    // The loop sleeps without a limit when a thread drops the waker, and nothing else ends its sleep.
    let given = event_loop.create_task(gives_its_waker_away()).unwrap();
    given.set_name("given");
    let (handle, begin) = (event_loop.handle(), Instant::now());
    let stops = std::thread::spawn(move || {
        while lines("name='given'").is_empty() && begin.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let stop = || get_running_loop().unwrap().stop();
        handle.call_soon_threadsafe(stop).unwrap();
        begin.elapsed()
    });
    event_loop.run_forever().unwrap();
    assert!(stops.join().unwrap() < Duration::from_secs(60));
    given.cancel();
    let unheld = lines("nobody has its waker");
    assert_eq!(unheld.len(), 2, "{unheld:?}");
    assert!(unheld[1].starts_with("<Task pending name='given'"));

    let writes = async {
        let server = start_server("127.0.0.1:0", async |_, _| ()).unwrap();
        let address = server.local_addr().unwrap().to_string();
        let (_reader, mut writer) = open_connection(&address).await.unwrap();
        writer.close();
        for _ in 0..7 {
            writer.write(b"lost").unwrap();
        }
    };
    event_loop.run_until_complete(writes).unwrap();
    // From the fifth on, as asyncio.
    assert_eq!(lines("socket.send() raised exception.").len(), 3);

    let spun = lines("times in a row");
    assert_eq!(spun.len(), 1, "{spun:?}");
    assert!(
        spun[0].starts_with("<Task pending name='spinner'"),
        "{spun:?}"
    );
    assert!(
        spun[0].ends_with(
            "has woken itself 10000 times in a row: the loop is busy with nothing else to do"
        ),
        "{spun:?}"
    );
}
