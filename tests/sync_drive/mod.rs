//! What the tests of `sync` share: a list of what happened, and a loop in virtual time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use glassloop::*;

/// What happened, in order.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub fn note(&self, text: impl ToString) {
        self.0.borrow_mut().push(text.to_string());
    }
}

/// Runs `main` in virtual time and gives what it noted; no task may be left.
pub fn noted<F: Future<Output = ()> + 'static>(main: impl FnOnce(Log) -> F) -> Vec<String> {
    let log = Log::default();
    let event_loop = EventLoop::builder().virtual_time().build().unwrap();
    event_loop.run_until_complete(main(log.clone())).unwrap();
    assert_eq!(event_loop.all_tasks().len(), 0);
    event_loop.close().unwrap();
    log.0.take()
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Turns in which the others run.
pub async fn turns(n: usize) {
    for _ in 0..n {
        yield_now().await;
    }
}
