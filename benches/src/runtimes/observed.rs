//! glassloop with somebody who looks on.

use std::future::Future;
use std::marker::PhantomData;
use std::rc::Rc;

use glassloop::observe::{Event, Observer};
use glassloop::trace::Recorder;
use glassloop::{EventLoop, Task};

use super::Runtime;
use super::glass::Glass;

/// Who looks on.
pub trait Onlooker: 'static {
    fn observer() -> Rc<dyn Observer>;
}

/// Is told of everything and does nothing.
pub struct Idle;

impl Observer for Idle {
    fn event(&self, _: &Event<'_>) {}
}

impl Onlooker for Idle {
    fn observer() -> Rc<dyn Observer> {
        Rc::new(Idle)
    }
}

/// The recorder, with room for everything.
pub struct Recording;

impl Onlooker for Recording {
    fn observer() -> Rc<dyn Observer> {
        Rc::new(Recorder::new("a benchmark"))
    }
}

/// The recorder with as little room as it takes: a flight recorder.
pub struct Flight;

impl Onlooker for Flight {
    fn observer() -> Rc<dyn Observer> {
        Rc::new(Recorder::with_capacity("a benchmark", 0))
    }
}

/// A loop that is observed.
pub struct Observed<O>(PhantomData<O>);

impl<O: Onlooker> Runtime for Observed<O> {
    type Handle<T: 'static> = Task<T>;

    fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
        let event_loop = EventLoop::builder().observer(O::observer()).build();
        let event_loop = event_loop.expect("a loop");
        event_loop.run_until_complete(main).expect("main ends")
    }

    fn spawn<T: 'static>(work: impl Future<Output = T> + 'static) -> Task<T> {
        Glass::spawn(work)
    }

    async fn join<T: 'static>(handle: Task<T>) -> T {
        Glass::join(handle).await
    }
}
