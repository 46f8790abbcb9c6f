//! One turn of the loop, the function to read first. Everything that ever runs in a loop is run from here.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::any_task::AnyTask;
use crate::callback::Callback;
use crate::core::Core;
use crate::debug;
use crate::error::{LoopError, Panic};
use crate::exception::ExceptionContext;
use crate::header::Ended;
use crate::interrupt;
use crate::observe::{Cause, Event, PollReason, StepEnd};
use crate::reactor::{Fired, Reactor, Waiter};
use crate::ready::{Begun, Next};
use crate::report;
use crate::text::{function_name, on_one_line};
use crate::timers::Target;
use crate::waker::{wake_on, wake_ticket};

/// The longest sleep: kernels do not agree on longer ones, and waking once a day costs nothing.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);

/// So many tasks a warning names.
const MOST_NAMED: usize = 10;

/// What one turn did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnReport {
    /// The turn's number, from 1.
    pub number: u64,
    /// Whether the kernel was asked; while the loop is busy it is asked only now and then.
    pub asked_kernel: bool,
    /// How long the loop slept in the kernel; in virtual time, how far its clock jumped.
    pub slept: Duration,
    /// Sources that the kernel reported ready.
    pub io: Vec<u32>,
    /// Timers that fell due, in their order.
    pub timers: Vec<u64>,
    /// What ran, in order.
    pub ran: Vec<Ran>,
}

/// An item of the ready queue that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// A step of the task with this number.
    Task(u64),
    /// The callback with this number.
    Callback(u64),
    /// The end of the sleep with this timer: it pushed the sleeper onto the ready queue.
    Sleep(u64),
}

/// Runs turn after turn until the loop is stopped.
pub(crate) fn run(core: &Rc<Core>) -> Result<(), LoopError> {
    match core.is_watched() {
        true => run_turns::<true>(core),
        false => run_turns::<false>(core),
    }
}

fn run_turns<const WATCHED: bool>(core: &Rc<Core>) -> Result<(), LoopError> {
    loop {
        turn::<WATCHED>(core, None)?;
        if core.stopping.get() {
            core.stopping.set(false);
            return Ok(());
        }
    }
}

/// Runs one turn, and says what it did.
pub(crate) fn run_one(core: &Rc<Core>) -> Result<TurnReport, LoopError> {
    let mut report = TurnReport::default();
    turn::<true>(core, Some(&mut report))?;
    Ok(report)
}

/// One turn. It is compiled twice, so that one that is not `WATCHED`, by an observer, in debug mode or by whoever asks for a
/// `report`, need not ask at each step whether it is.
#[inline]
fn turn<const WATCHED: bool>(
    core: &Rc<Core>,
    mut report: Option<&mut TurnReport>,
) -> Result<(), LoopError> {
    let number = core.turns.get() + 1;
    core.turns.set(number);
    observe::<WATCHED>(core, || Event::Turn {
        number,
        ready: core.ready.borrow().len(),
        timers: core.timers.borrow().len(),
    });
    // 1. How long may I sleep? Not at all when something is ready, else until the next timer, else for ever.
    let idle = core.ready.borrow().len() == 0 && !core.stopping.get() && !core.inbox.has_mail();
    let sleep = match idle {
        true => may_sleep(core)?,
        false => Some(Duration::ZERO),
    };

    // 2. Ask the kernel, once. While there is work it is asked only now and then: the answer can wait a few steps.
    let asks = idle || core.since_poll.get() >= core.io_interval;
    let slept = match asks {
        true => ask_kernel(core, sleep)?,
        false => Duration::ZERO,
    };

    // 3. Wake: other threads' letters, then I/O, then due timers. Each only pushes onto the ready queue.
    if let Some(report) = report.as_deref_mut() {
        report.number = number;
        report.asked_kernel = asks;
        report.slept = slept;
    }
    if core.inbox.has_mail() {
        core.acts(Cause::Thread);
        core.read_inbox(|waker| wake_on(core, waker));
        core.acts(Cause::Outside);
    }
    if asks {
        wake_io(core, report.as_deref_mut());
    }
    if core.next_due.get() <= core.clock.last() {
        push_due_timers(core, report.as_deref_mut());
    }

    // 4. Run what was ready: exactly the items in the queue now. What they schedule waits for the next turn. A Ctrl-C is answered
    //    after the sleep and after each item.
    if asks && interrupt::ends_turn(core) {
        return Ok(());
    }
    let shuffle = core.shuffle.as_ref();
    let ready = core.ready.borrow_mut().begin_batch(shuffle);
    while let Some(next) = next(core) {
        let ran = match next {
            Next::Step(begun) => step::<WATCHED>(core, begun),
            Next::Gone => None,
            Next::Call(callback) => call::<WATCHED>(core, &callback),
            Next::Timer(slot) => run_timer(core, slot),
        };
        if let Some(report) = report.as_deref_mut() {
            report.ran.extend(ran);
        }
        if interrupt::ends_turn(core) {
            break;
        }
    }
    core.since_poll.set(core.since_poll.get() + ready as u32);
    Ok(())
}

/// For how long an idle loop may sleep; `None` is for ever.
fn may_sleep(core: &Rc<Core>) -> Result<Option<Duration>, LoopError> {
    if core.watchdog.is_some() {
        debug::before_sleep(core);
    }
    let next = core.next_wake();
    let reactor = core.reactor.borrow();
    let sockets = reactor.as_ref().map_or(0, |reactor| reactor.waiting());
    drop(reactor);
    let outstanding = core.jobs.get() > 0 || sockets > 0;
    if !core.clock.is_virtual() {
        if next.is_none() && !outstanding {
            warn_of_deadlock(core);
        }
        let left = next.map(|deadline| deadline.saturating_sub(core.clock.read()));
        return Ok(left.map(|left| Duration::from_nanos(left).min(LONGEST_SLEEP)));
    }
    match next {
        // Threads and sockets live in real time: the virtual clock stands still until they answer.
        _ if outstanding => Ok(None),
        Some(deadline) => {
            let left = deadline.saturating_sub(core.clock.last());
            Ok(Some(Duration::from_nanos(left)))
        }
        None => {
            if let Some(shuffle) = &core.shuffle {
                shuffle.print("a deadlock");
            }
            Err(LoopError::Deadlock(who_waits(core, usize::MAX)))
        }
    }
}

/// Nothing can wake a loop in real time but another thread. That may be as intended, so it is said once and not an error.
fn warn_of_deadlock(core: &Rc<Core>) {
    // The registry and the core have one reference each; more are handles, by which another thread means to wake it.
    let has_handles = Arc::strong_count(&core.inbox) > 2;
    if has_handles || core.task_count() == 0 || core.deadlock_reported.get() {
        return;
    }
    // A future that is not of this library may well have given its waker to a thread.
    if core.waits_for_unknown() {
        return;
    }
    core.deadlock_reported.set(true);
    report::warning!(
        "the event loop sleeps, and nothing but another thread can wake it\n{}",
        who_waits(core, MOST_NAMED)
    );
}

/// A line for each task, with what it waits for; no more than `most` of them.
fn who_waits(core: &Rc<Core>, most: usize) -> String {
    let tasks = core.tasks();
    let more = tasks.len().saturating_sub(most);
    let named = tasks.into_iter().take(most).map(|task| {
        let task = AnyTask::new(task);
        format!("  {task:?}")
    });
    let mut lines: Vec<_> = named.collect();
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

/// Returns how long it has slept.
fn ask_kernel(core: &Core, timeout: Option<Duration>) -> Result<Duration, LoopError> {
    let before = core.clock.last();
    core.since_poll.set(0);
    core.observe(|| Event::PollEnter {
        timeout,
        why: why_so_long(core, timeout),
    });
    // Virtual time passes at once.
    let timeout = match timeout {
        Some(sleep) if core.clock.is_virtual() => {
            core.jump(core.clock.last().saturating_add(sleep.as_nanos() as u64));
            Some(Duration::ZERO)
        }
        real => real,
    };
    // Mail that has come since question 1 was answered keeps the loop awake.
    let sleeps = timeout != Some(Duration::ZERO) && core.inbox.begin_sleep();
    let timeout = if sleeps {
        timeout
    } else {
        Some(Duration::ZERO)
    };
    let answer = match &mut *core.reactor.borrow_mut() {
        Some(reactor) => reactor.poll(timeout),
        None => Ok(0),
    };
    if sleeps {
        core.inbox.end_sleep();
    }
    let (events, interrupted) = match answer {
        // A signal: the turn goes on, and the next one asks again.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => (0, true),
        other => (other?, false),
    };
    core.clock.read();
    core.observe(|| Event::PollExit {
        events,
        interrupted,
    });
    Ok(Duration::from_nanos(core.clock.last() - before))
}

/// What an observer is told of the answer to question 1.
fn why_so_long(core: &Core, sleep: Option<Duration>) -> PollReason {
    if core.ready.borrow().len() > 0 {
        return PollReason::Ready;
    }
    if core.stopping.get() {
        return PollReason::Stopping;
    }
    match (sleep, core.timers.borrow_mut().next()) {
        (None, Some(_)) => PollReason::Outstanding,
        (None, None) => PollReason::Nothing,
        (Some(_), Some((_, timer))) => PollReason::Timer(timer),
        (Some(Duration::ZERO), None) => PollReason::Mail,
        // It was cancelled; see `Timers::next_wake`.
        (Some(_), None) => PollReason::Timer(0),
    }
}

/// Wakes whoever waited for what the kernel has reported.
fn wake_io(core: &Core, mut report: Option<&mut TurnReport>) {
    let Some(mut reported) = core.reactor.borrow_mut().as_mut().map(Reactor::take_fired) else {
        return;
    };
    for fired in reported.drain(..) {
        let Fired {
            source,
            readable,
            writable,
            closed,
            error,
            reader,
            writer,
        } = fired;
        if let Some(report) = report.as_deref_mut() {
            report.io.push(source);
        }
        core.acts(Cause::Io(source));
        core.observe(|| Event::IoEvent {
            source,
            readable,
            writable,
            closed,
            error,
        });
        for waiter in [reader, writer].into_iter().flatten() {
            match waiter {
                Waiter::Task(waker) => wake_on(core, waker),
                Waiter::Call(callback) => core.push_call(callback),
            }
        }
    }
    core.acts(Cause::Outside);
    if let Some(reactor) = &mut *core.reactor.borrow_mut() {
        reactor.recycle(reported);
    }
}

/// Due is what the last reading of the clock says. That is old while the loop is busy and does not ask the kernel, but no
/// older than the newest timer: setting one reads the clock.
fn push_due_timers(core: &Core, mut report: Option<&mut TurnReport>) {
    let now = core.clock.last();
    let mut timers = core.timers.borrow_mut();
    while let Some((slot, deadline, timer)) = timers.pop_due(now) {
        let late = Duration::from_nanos(now - deadline);
        core.observe(|| Event::TimerFire { timer, late });
        core.ready.borrow_mut().push_timer(slot);
        if let Some(report) = report.as_deref_mut() {
            report.timers.push(timer);
        }
    }
    core.next_due.set(timers.earliest());
}

/// The next item of this turn. A function, so that the borrow is over before the item runs.
#[inline]
fn next(core: &Core) -> Option<Next> {
    core.ready.borrow_mut().next()
}

/// [`Core::observe`] where it is compiled for those who are watched alone, so that no call is saved.
#[inline(always)]
fn observe<const WATCHED: bool>(core: &Core, event: impl FnOnce() -> Event<'static>) {
    if let (true, Some(observer)) = (WATCHED, core.observer()) {
        observer.event(&event());
    }
}

/// Gives the pen to a task. `None` when nobody asks which it was.
#[inline]
fn step<const WATCHED: bool>(core: &Core, begun: Begun) -> Option<Ran> {
    let Begun {
        task,
        slot,
        generation,
        waited,
    } = begun;
    let ticket = core.ticket(generation.into(), slot);
    if !WATCHED {
        task.step(ticket, waited);
        return None;
    }
    let header = task.header();
    let number = header.number;
    observe::<WATCHED>(core, || Event::StepBegin { task: number });
    core.acts(Cause::Task(number));
    if let Some(watchdog) = &core.watchdog {
        let what = format!(
            "{} {}()",
            on_one_line(&header.name()),
            function_name(task.coroutine())
        );
        watchdog.begin(what, header.site);
    }
    // Kept: an outcome that nobody has seen is told of after the step that it is of.
    let ended = task.clone().step(ticket, waited);
    if let Some(watchdog) = &core.watchdog {
        debug::after_step(core, watchdog, ticket, task.clone());
    }
    observe::<WATCHED>(core, || Event::StepEnd {
        task: number,
        end: match ended {
            None => StepEnd::Pending,
            Some(Ended::Finished) => StepEnd::Finished,
            Some(Ended::Cancelled) => StepEnd::Cancelled,
            Some(Ended::Panicked) => StepEnd::Panicked,
        },
    });
    core.acts(Cause::Outside);
    Some(Ran::Task(number))
}

/// Runs a callback, unless it was cancelled. A panic in it is reported, and the loop goes on.
fn call<const WATCHED: bool>(core: &Core, callback: &Callback) -> Option<Ran> {
    if callback.is_spent() {
        return None;
    }
    let number = callback.number;
    observe::<WATCHED>(core, || Event::CallbackRun { callback: number });
    if WATCHED {
        core.acts(Cause::Callback(number));
    }
    core.context.replace(callback.take_context());
    if let (true, Some(watchdog)) = (WATCHED, &core.watchdog) {
        watchdog.begin(format!("{callback:?}"), callback.site);
    }
    let called = catch_unwind(AssertUnwindSafe(|| callback.call()));
    let panicked = called.is_err();
    if let (true, Some(watchdog)) = (WATCHED, &core.watchdog)
        && let Some(took) = watchdog.end()
    {
        report::warning!(
            "Executing {callback:?} took {:.3} seconds",
            took.as_secs_f64()
        );
    }
    if let Err(payload) = called {
        // In the callback's context, as in asyncio.
        core.exceptions.report(&ExceptionContext {
            message: format!("Exception in callback {}", callback.source()),
            source: format!("handle: {callback:?}"),
            panic: Some(Panic::new(payload)),
        });
    }
    core.context.replace(None);
    observe::<WATCHED>(core, || Event::CallbackEnd {
        callback: number,
        panicked,
    });
    if WATCHED {
        core.acts(Cause::Outside);
    }
    Some(Ran::Callback(number))
}

/// A due timer's item has come up: its callback runs, or the sleeper is pushed and steps in the next turn.
fn run_timer(core: &Core, slot: u32) -> Option<Ran> {
    let (timer, target) = core.timers.borrow_mut().take_due(slot)?;
    core.acts(Cause::Timer(timer));
    match target {
        Target::Task(ticket) => wake_ticket(core, ticket),
        Target::Waker(waker) => wake_on(core, *waker),
        Target::Callback(callback) => return call::<true>(core, &callback),
    }
    core.acts(Cause::Outside);
    Some(Ran::Sleep(timer))
}
