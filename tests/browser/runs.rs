//! Small runs for the player's tests.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use glassloop::trace::{Recorder, Trace};
use glassloop::{EventLoop, create_task, gather, sleep, yield_now};

use super::Browser;

/// What a loop in virtual time does with `main`, so that every run is the same.
pub fn recorded<F: Future<Output = ()> + 'static>(title: &str, main: F) -> Trace {
    let recorder = Rc::new(Recorder::new(title));
    let builder = EventLoop::builder()
        .virtual_time()
        .observer(recorder.clone());
    let event_loop = builder.build().unwrap();
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    recorder.trace()
}

pub async fn nap(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds)).await;
    yield_now().await;
}

pub async fn three_naps() {
    let naps = [30, 10, 20].map(|milliseconds| create_task(nap(milliseconds)));
    gather(naps).await.unwrap();
}

/// A run in real time, one step of which blocks the loop for a quarter of a second.
pub fn blocked() -> Trace {
    let recorder = Rc::new(Recorder::new("blocked"));
    blocks(recorder.clone(), || {});
    recorder.trace()
}

/// The same, as it is recorded while that step still runs.
pub fn cut_off() -> Trace {
    let recorder = Rc::new(Recorder::new("cut off"));
    let seen = Rc::new(RefCell::new(None));
    let (of, into) = (recorder.clone(), seen.clone());
    blocks(recorder, move || *into.borrow_mut() = Some(of.trace()));
    seen.take().unwrap()
}

fn blocks(recorder: Rc<Recorder>, at_the_end: impl FnOnce() + 'static) {
    let event_loop = EventLoop::builder().observer(recorder).build().unwrap();
    let main = async {
        let victim = create_task(nap(1));
        let culprit = create_task(async {
            std::thread::sleep(Duration::from_millis(250));
            at_the_end();
        });
        gather([
            create_task(async { victim.await.unwrap() }),
            create_task(async { culprit.await.unwrap() }),
        ])
        .await
        .unwrap();
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
}

pub fn done(browser: Browser) {
    assert_eq!(browser.complaints, [""; 0]);
}
