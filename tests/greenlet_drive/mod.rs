//! What the tests of greenlets share.
#![allow(dead_code)] // each test file uses its part

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use glassloop::{EventLoop, TaskError};

pub fn in_virtual_time<F: Future + 'static>(main: F) -> F::Output
where
    F::Output: 'static,
{
    let event_loop = EventLoop::builder().virtual_time().build().unwrap();
    let value = event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    value
}

pub const SECOND: Duration = Duration::from_secs(1);
pub const LONG: Duration = Duration::from_secs(1000);

/// Notes when it is dropped.
pub struct SetOnDrop(Rc<Cell<bool>>);

impl SetOnDrop {
    pub fn new() -> (SetOnDrop, Rc<Cell<bool>>) {
        let dropped = Rc::new(Cell::new(false));
        (SetOnDrop(dropped.clone()), dropped)
    }
}

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

/// Runs something when it is dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

pub fn message<T: std::fmt::Debug>(result: Result<T, TaskError>) -> String {
    match result {
        Err(TaskError::Panicked(panic)) => panic.to_string(),
        other => panic!("not panicked: {other:?}"),
    }
}
