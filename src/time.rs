//! Sleeping: a task that waits for the clock.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::core::Core;
use crate::current;
use crate::observe::Site;
use crate::timers::{Target, TimerKey};
use crate::wait_on::WaitOn;
use crate::waker::{ticket_of, wake_ticket};

/// The future of [`sleep`].
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    state: State,
    site: Site,
}

/// In 24 bytes, since what is without a timer stands in one enum of its own.
enum State {
    Waiting {
        core: Rc<Core>,
        timer: TimerKey,
        deadline: u64,
    },
    Without(Without),
}

enum Without {
    /// To wait for so long.
    Fresh(Duration),
    /// A bare yield, or a sleep beyond what the clock can count.
    Yielded,
    Never,
    Done,
}

/// Waits for `delay`, and lets the others run meanwhile.
///
/// The delay counts from the first poll and is never cut short; zero lets everybody else run once. `Duration::MAX` is
/// never. A cancelled sleep takes its timer with it. asyncio's `sleep`.
///
/// # Panics
/// When awaited without a running loop.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # glassloop::run(async {
/// let start = Instant::now();
/// glassloop::sleep(Duration::from_millis(10)).await;
/// assert!(start.elapsed() >= Duration::from_millis(10));
/// # }).unwrap();
/// ```
#[track_caller]
pub fn sleep(delay: Duration) -> Sleep {
    sleep_at(delay, Location::caller())
}

/// For a sleep on behalf of a caller at `site`.
pub(crate) fn sleep_at(delay: Duration, site: Site) -> Sleep {
    Sleep {
        state: State::Without(Without::Fresh(delay)),
        site,
    }
}

/// Lets everybody else who is ready run once: `sleep(Duration::ZERO)`, asyncio's `sleep(0)`.
#[track_caller]
pub fn yield_now() -> Sleep {
    sleep(Duration::ZERO)
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        match &this.state {
            &State::Without(Without::Fresh(delay)) => this.begin(delay, context),
            State::Waiting { core, timer, .. } => {
                let mut timers = core.timers.borrow_mut();
                if timers.is_live(*timer) {
                    let waker = context.waker();
                    let replaced = timers.set_waker(*timer, waker, ticket_of(waker));
                    drop(timers);
                    drop(replaced);
                    this.note_wait();
                    return Poll::Pending;
                }
                drop(timers);
                this.state = State::Without(Without::Done);
                Poll::Ready(())
            }
            State::Without(Without::Never) => {
                this.note_wait();
                Poll::Pending
            }
            State::Without(Without::Yielded | Without::Done) => Poll::Ready(()),
        }
    }
}

impl Sleep {
    fn begin(&mut self, delay: Duration, context: &Context<'_>) -> Poll<()> {
        let core = current::expect();
        let waker = context.waker();
        if delay.is_zero() {
            core.note_wait(|| WaitOn::Yield, Some(self.site));
            match ticket_of(waker) {
                Some(ticket) => wake_ticket(&core, ticket),
                None => waker.wake_by_ref(),
            }
            self.state = State::Without(Without::Yielded);
            return Poll::Pending;
        }
        let Some(deadline) = core.clock.after(delay) else {
            self.state = State::Without(Without::Never);
            self.note_wait();
            return Poll::Pending;
        };
        let target = Target::wake(waker, ticket_of(waker));
        self.state = State::Waiting {
            timer: core.sleep_until(deadline, target, self.site),
            core,
            deadline,
        };
        Poll::Pending
    }

    fn note_wait(&self) {
        match &self.state {
            State::Waiting {
                core,
                timer,
                deadline,
            } => {
                core.note_wait(|| core.timer_wait(*timer, *deadline), Some(self.site));
            }
            _ => current::expect().note_wait(|| WaitOn::Timer(0, u64::MAX), Some(self.site)),
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Without(Without::Fresh(delay)) => write!(f, "<sleep {delay:?}>"),
            State::Waiting { deadline, .. } => {
                let deadline = Duration::from_nanos(*deadline).as_secs_f64();
                write!(f, "<sleep until {deadline:.3} s>")
            }
            State::Without(Without::Never) => f.write_str("<sleep until never>"),
            State::Without(_) => f.write_str("<sleep done>"),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let State::Waiting { core, timer, .. } = &self.state {
            core.cancel_timer(*timer);
        }
    }
}

/// A clock that ticks at a fixed rate: see [`interval`].
pub struct Interval {
    period: Duration,
    /// When the next tick is due; unknown before the first.
    next: Option<u64>,
}

/// Ticks every `period`: the first [`tick`](Interval::tick) is over at once, each later one a whole number of periods after
/// the first. Ticks that nobody awaited in time are skipped, not made up for.
///
/// asyncio has no counterpart.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # glassloop::run(async {
/// let start = Instant::now();
/// let mut interval = glassloop::interval(Duration::from_millis(5));
/// for _ in 0..3 {
///     interval.tick().await;
/// }
/// assert!(start.elapsed() >= Duration::from_millis(10));
/// # }).unwrap();
/// ```
pub fn interval(period: Duration) -> Interval {
    Interval { period, next: None }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<interval {:?}>", self.period)
    }
}

impl Interval {
    /// Waits for the next tick. Cancelling it loses nothing: the tick is still due. A period of zero just yields.
    /// asyncio has no counterpart.
    ///
    /// # Panics
    /// When awaited without a running loop.
    #[track_caller]
    pub fn tick(&mut self) -> impl Future<Output = ()> + use<'_> {
        let site = Location::caller();
        let mut sleep: Option<Sleep> = None;
        poll_fn(move |context| {
            let now = current::expect().clock.read();
            let Some(due) = self.next else {
                self.next = Some(now);
                self.advance(now);
                return Poll::Ready(());
            };
            // An overdue tick is a bare yield, so that a loop of them lets the others run.
            let delay = Duration::from_nanos(due.saturating_sub(now));
            let waiting = sleep.get_or_insert_with(|| sleep_at(delay, site));
            let ticked = Pin::new(waiting).poll(context);
            ticked.map(|()| self.advance(current::expect().clock.read()))
        })
    }

    /// The first tick after `now`, on the grid of the first.
    fn advance(&mut self, now: u64) {
        let (Some(due), Some(period)) = (self.next, crate::clock::to_nanos(self.period)) else {
            self.next = Some(u64::MAX);
            return;
        };
        let missed = (now.saturating_sub(due)).checked_div(period).unwrap_or(0);
        self.next = Some(due.saturating_add(period.saturating_mul(missed + 1)));
    }
}
