//! The event: a flag that tasks wait for.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::sync::wait_list::{Kind, Spot, Turn, WaitList, describe};
use crate::text::shown_as;

#[derive(Default)]
struct Inner {
    set: Cell<bool>,
    list: WaitList,
}

/// A flag that any number of tasks can wait for. asyncio's `Event`.
///
/// Clones are the same event. It may be made and set outside of a loop.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{create_task, sync::Event};
///
/// let ready = Event::new();
/// let waiter = create_task({
///     let ready = ready.clone();
///     async move {
///         ready.wait().await;
///         "go!"
///     }
/// });
/// ready.set();
/// assert_eq!(waiter.await.unwrap(), "go!");
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Event(Rc<Inner>);

impl Event {
    /// An event that is not set.
    pub fn new() -> Event {
        Event::default()
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.0.set.get()
    }

    /// Sets it. All who wait go on in the next turn, in the order of their waits, even if it is cleared before.
    pub fn set(&self) {
        if !self.0.set.replace(true) {
            while self.0.list.wake_next() {}
        }
    }

    /// Clears it: who waits from now on waits for the next [`set`](Event::set).
    pub fn clear(&self) {
        self.0.set.set(false);
    }

    /// Waits until it is set; does not suspend when it is. Cancelling a wait leaves no trace.
    ///
    /// # Panics
    /// When it has to wait and no loop is running.
    #[track_caller]
    pub fn wait(&self) -> EventWait {
        self.wait_as(Spot::here(Kind::Event))
    }

    pub(crate) fn wait_as(&self, spot: Spot) -> EventWait {
        EventWait {
            event: self.clone(),
            spot,
            turn: None,
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_set() { "set" } else { "unset" };
        describe(f, "Event", state, &self.0.list)
    }
}

/// The future of [`Event::wait`].
#[must_use = "a wait does nothing unless it is awaited"]
pub struct EventWait {
    event: Event,
    spot: Spot,
    turn: Option<Turn>,
}

impl Future for EventWait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.turn.is_none() && this.event.is_set() {
            return Poll::Ready(());
        }
        let list = &this.event.0.list;
        list.poll_woken(&mut this.turn, context, this.spot)
    }
}

impl Drop for EventWait {
    fn drop(&mut self) {
        if let Some(turn) = self.turn.take() {
            self.event.0.list.leave(turn);
        }
    }
}

shown_as! { EventWait => "<Event.wait>" }
