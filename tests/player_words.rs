//! What the player's page says: of blocked steps, of names, of times, and in its key.
#![cfg(unix)]

// Not every test needs all of it.
#[allow(dead_code)]
mod browser;

use std::rc::Rc;
use std::time::Duration;

use browser::Browser;
use browser::runs::done;
use glassloop::net::UnixDatagram;
use glassloop::trace::{Recorder, Trace, html};
use glassloop::{EventLoop, create_task, gather, sleep};

const SAYS: &str = "$('say').textContent";

/// What a loop in real time does with `main`.
fn really<F: Future<Output = ()> + 'static>(title: &str, main: F) -> Trace {
    let recorder = Rc::new(Recorder::new(title));
    let builder = EventLoop::builder().observer(recorder.clone());
    let event_loop = builder.build().unwrap();
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    recorder.trace()
}

#[test]
fn sockets_that_became_ready_while_a_step_blocked_had_to_wait_too() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let main = async {
        let pairs = [(); 2].map(|()| UnixDatagram::pair().unwrap());
        let (far, near): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let reads = near
            .into_iter()
            .map(|near| create_task(async move { near.recv(&mut [0; 8]).await.map(drop) }));
        let reads: Vec<_> = reads.collect();
        // Both wait before this goes on.
        sleep(Duration::from_millis(1)).await;
        for far in far {
            far.send(b"x").await.unwrap();
        }
        std::thread::sleep(Duration::from_millis(150));
        gather(reads).await.unwrap();
    };
    browser.visit(&html(&[really("sockets", main)]), "");
    browser.press(&["b"]);
    let said = browser.text(SAYS);
    let waited = "and 2 sockets were ready when the loop asked next.";
    assert!(said.ends_with(waited), "{said}");
    let blame = browser.text("document.querySelector('.blame').textContent");
    assert_eq!(
        blame.matches("ready when the loop asked next").count(),
        2,
        "{blame}"
    );
    browser.press(&["End"]);
    let verdict = browser.text(SAYS);
    assert!(
        verdict.contains(" T1 blocked it for ") && verdict.ends_with(waited),
        "{verdict}"
    );
    done(browser);
}
