//! Limits of time: what a session permits, and the alarm that rings in a future that polls.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::clock::to_nanos;
use crate::core::Core;
use crate::current;
use crate::http::error::ErrorKind;
use crate::timers::{Target, TimerKey};
use crate::waker::ticket_of;

/// Limits of time; `None` is no limit. aiohttp's `ClientTimeout`, with its names.
///
/// A limit that runs out is an [`ErrorKind::Timeout`] that names it, and closes the connection.
///
/// ```
/// use glassloop::http::ClientTimeout;
/// use std::time::Duration;
///
/// let patient = ClientTimeout { sock_read: None, ..ClientTimeout::default() };
/// assert_eq!(patient.total, Some(Duration::from_secs(300)));
/// assert_eq!(ClientTimeout::streaming().total, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientTimeout {
    /// From sending to the last byte of the body, redirects and the wait for a free connection included. 300 s.
    pub total: Option<Duration>,
    /// From the wait for a free connection until one is there, ready for the request. 30 s.
    pub connect: Option<Duration>,
    /// For the TCP connect to one of the addresses.
    pub sock_connect: Option<Duration>,
    /// For the time in which the server neither sends nor takes anything, while it is its turn. 60 s.
    pub sock_read: Option<Duration>,
}

impl Default for ClientTimeout {
    fn default() -> ClientTimeout {
        ClientTimeout {
            total: Some(Duration::from_secs(300)),
            connect: Some(Duration::from_secs(30)),
            sock_connect: None,
            sock_read: Some(Duration::from_secs(60)),
        }
    }
}

impl ClientTimeout {
    /// No limit on the whole, as long as data flow: for large downloads and endless streams.
    pub fn streaming() -> ClientTimeout {
        ClientTimeout {
            total: None,
            ..ClientTimeout::default()
        }
    }

    /// No limit but this one, on the whole.
    pub fn total(limit: Duration) -> ClientTimeout {
        ClientTimeout {
            total: Some(limit),
            connect: None,
            sock_connect: None,
            sock_read: None,
        }
    }
}

/// Which limit it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Knob {
    Total,
    Connect,
    SockConnect,
    SockRead,
    /// One of the client's own, after which it does something else.
    Patience,
}

impl Knob {
    /// What [`ClientTimeout`] calls it.
    fn name(self) -> &'static str {
        match self {
            Knob::Total => "total",
            Knob::Connect => "connect",
            Knob::SockConnect => "sock_connect",
            Knob::SockRead => "sock_read",
            Knob::Patience => "",
        }
    }
}

/// When a limit is over, on the loop's clock, and which one it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    at: u64,
    /// In nanoseconds.
    limit: u64,
    knob: Knob,
}

impl Deadline {
    pub(crate) const NEVER: Deadline = Deadline {
        at: u64::MAX,
        limit: u64::MAX,
        knob: Knob::Total,
    };

    /// `limit` from now on.
    pub(crate) fn new(core: &Core, knob: Knob, limit: Option<Duration>) -> Deadline {
        match limit {
            None => Deadline::NEVER,
            limit => Deadline::from(core.clock.read(), knob, limit),
        }
    }

    /// `limit` from `now` on, which was read from the clock.
    pub(crate) fn from(now: u64, knob: Knob, limit: Option<Duration>) -> Deadline {
        let Some(limit) = limit.and_then(to_nanos) else {
            return Deadline::NEVER;
        };
        let at = now.saturating_add(limit);
        Deadline { at, limit, knob }
    }

    pub(crate) fn earlier(self, other: Deadline) -> Deadline {
        if other.at < self.at { other } else { self }
    }

    pub(crate) fn error(self) -> ErrorKind {
        ErrorKind::Timeout(self.knob.name(), Duration::from_nanos(self.limit))
    }
}

/// Wakes its task when a deadline is over. It is set when the task has to wait, not before.
pub(crate) struct Alarm {
    core: Rc<Core>,
    set: Option<(TimerKey, u64)>,
}

impl Alarm {
    pub(crate) fn new(core: Rc<Core>) -> Alarm {
        Alarm { core, set: None }
    }

    /// The error when the deadline is over; else the task is woken when it is.
    pub(crate) fn poll(
        &mut self,
        context: &Context<'_>,
        deadline: Deadline,
    ) -> Result<(), ErrorKind> {
        if deadline.at == u64::MAX {
            return Ok(());
        }
        let waker = context.waker();
        if let Some((key, at)) = self.set {
            let mut timers = self.core.timers.borrow_mut();
            if at == deadline.at && timers.is_live(key) {
                let replaced = timers.set_waker(key, waker, ticket_of(waker));
                drop(timers);
                drop(replaced);
                return Ok(());
            }
            drop(timers);
            self.unset();
            if at == deadline.at {
                return Err(deadline.error());
            }
        }
        let target = Target::wake(waker, ticket_of(waker));
        self.set = Some((self.core.set_timer(deadline.at, target), deadline.at));
        Ok(())
    }

    fn unset(&mut self) {
        if let Some((key, _)) = self.set.take() {
            self.core.cancel_timer(key);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.unset();
    }
}

/// Awaits `body` until the deadline and then drops it.
pub(crate) async fn within<F: Future>(deadline: Deadline, body: F) -> Result<F::Output, ErrorKind> {
    let mut body = pin!(body);
    let mut alarm = Alarm::new(current::expect());
    poll_fn(|context| match body.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Ok(value)),
        Poll::Pending => match alarm.poll(context, deadline) {
            Ok(()) => Poll::Pending,
            Err(over) => Poll::Ready(Err(over)),
        },
    })
    .await
}
