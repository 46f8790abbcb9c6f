//! The recorder: an [`Observer`] that writes a record for each event of its loop.
//!
//! Only the ends of steps and callbacks, the two sides of a poll and blocking code read the clock; everything else happens at
//! the moment of the record before it. So a step costs one reading: its beginning is the end of the one before.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::observe::{Cause, Event, Observer, PollReason, Site, StepEnd, ThreadObserver, WaitKind};
use crate::text::shown_as;

use super::cost;
use super::kind::{Kind, cause, end, io, wait, why};
use super::open;
use super::packed::{head, tail};
use super::record::{Record, halves};
use super::recording::{CAPACITY, Recording};
use super::ring::Writer;
use super::trace::Trace;

/// Sites are looked up in this many places before the table is asked, which takes a lock.
const SITES: usize = 64;

/// Records one loop: give it to [`Builder::observer`](crate::Builder::observer), and ask it for the [`Trace`] when the loop has
/// run, or while it does.
///
/// ```
/// use std::rc::Rc;
/// use glassloop::{EventLoop, trace, yield_now};
///
/// let recorder = Rc::new(trace::Recorder::new("yields"));
/// let event_loop = EventLoop::builder().observer(recorder.clone()).build()?;
/// event_loop.run_until_complete(async { yield_now().await })?;
/// let trace = recorder.trace();
/// let steps = trace.records.iter().filter(|record| record.kind == trace::Kind::StepBegin);
/// assert_eq!(steps.count(), 2);
/// # Ok::<(), glassloop::LoopError>(())
/// ```
pub struct Recorder {
    recording: Arc<Recording>,
    ring: Writer,
    now: Cell<u64>,
    virtual_time: Cell<bool>,
    /// What the loop's clock lags behind that of the recording.
    offset: Cell<u64>,
    /// The task that runs, and the one made last: a wake by the one is a yield, of the other its first step.
    running: Cell<u64>,
    spawned: Cell<u64>,
    sites: [Cell<Option<(Site, u32)>>; SITES],
    at_close: Cell<Option<fn()>>,
}

shown_as! { Recorder => "<Recorder>" }

impl Recorder {
    /// One that keeps a million records (8 to 24 bytes each, taken by 1.5 MiB as they are needed) and then forgets the oldest.
    pub fn new(title: impl Into<String>) -> Recorder {
        Recorder::with_capacity(title, CAPACITY)
    }

    /// One that keeps the last `records`, and what they need to be understood: a flight recorder. It takes 24 bytes for each, and
    /// 64 to 128 KiB more.
    pub fn with_capacity(title: impl Into<String>, records: usize) -> Recorder {
        Recorder::measure();
        Recorder::of(Arc::new(Recording::new(title.into(), records)))
    }

    /// Measures what recording costs, before anything is recorded.
    pub(crate) fn measure() {
        cost::measure(|| Recorder::of(Arc::new(Recording::new(String::new(), 0))));
    }

    pub(crate) fn of(recording: Arc<Recording>) -> Recorder {
        Recorder {
            ring: Writer::new(recording.ring.clone()),
            recording,
            now: Cell::new(0),
            virtual_time: Cell::new(false),
            offset: Cell::new(0),
            running: Cell::new(0),
            spawned: Cell::new(0),
            sites: [const { Cell::new(None) }; SITES],
            at_close: Cell::new(None),
        }
    }

    /// Has `function` called when the loop was closed.
    pub(crate) fn at_close(self, function: fn()) -> Recorder {
        self.at_close.set(Some(function));
        self
    }

    /// What was recorded so far.
    pub fn trace(&self) -> Trace {
        Trace::of(&self.recording)
    }

    #[inline]
    fn read_clock(&self) {
        if !self.virtual_time.get() {
            self.now.set(self.recording.now());
        }
    }

    /// The loop's time as the recording's.
    fn time(&self, of_loop: Duration) -> u64 {
        let nanos = u64::try_from(of_loop.as_nanos()).unwrap_or(u64::MAX);
        nanos.saturating_add(self.offset.get())
    }

    /// Most of this is constant where it is called.
    #[inline(always)]
    fn put(&self, kind: Kind, flags: u8, a: u64, b: u32, c: u32) {
        self.put_words(head(kind, flags, a as u32), tail(b, c));
    }

    /// A function of its own, since it is the last thing that nearly every event does: `event` then need not save any register.
    #[inline(never)]
    fn put_words(&self, head: u64, tail: u64) {
        self.ring.push(self.now.get(), head, tail);
    }

    fn site(&self, site: Site) -> u32 {
        let address = std::ptr::from_ref(site).addr();
        let cached = &self.sites[address / align_of_val(site) % SITES];
        match cached.get() {
            Some((known, number)) if std::ptr::eq(known, site) => number,
            _ => {
                let number = self.recording.names().site(site);
                cached.set(Some((site, number)));
                number
            }
        }
    }

    fn string(&self, text: &str) -> u32 {
        self.recording.names().string(text)
    }

    fn open(&self, origin: Instant, virtual_time: bool, shuffled: bool) {
        let track = self.recording.names().this_thread_is_the_loop();
        self.ring.set_track(track);
        self.virtual_time.set(virtual_time);
        if virtual_time {
            self.recording.set_virtual();
        } else {
            let since = origin.saturating_duration_since(self.recording.start);
            self.offset.set(since.as_nanos() as u64);
            self.read_clock();
        }
        let cpus = self.recording.cpus;
        let process = std::process::id().into();
        let flags = u8::from(virtual_time) | u8::from(shuffled) << 1;
        self.put(Kind::RunBegin, flags, process, cpus, 0);
    }

    fn close(&self) {
        self.read_clock();
        self.take_in();
        self.put(Kind::RunEnd, 0, 0, 0, 0);
        if let Some(function) = self.at_close.take() {
            function();
        }
    }

    /// In virtual time, what threads have done happened when the loop hears of it.
    fn take_in(&self) {
        if self.virtual_time.get() {
            let t = self.now.get();
            for record in self.recording.take_beside() {
                self.ring.push_record(&Record { t, ..record });
            }
        }
    }

    fn poll_enter(&self, timeout: Option<Duration>, reason: PollReason) {
        self.read_clock();
        let nanos = timeout.map_or(u64::MAX, |timeout| timeout.as_nanos() as u64);
        let (low, high) = halves(nanos);
        let (flags, timer) = match reason {
            PollReason::Ready => (why::READY, 0),
            PollReason::Timer(timer) => (why::TIMER, timer),
            PollReason::Nothing => (why::NOTHING, 0),
            PollReason::Stopping => (why::STOPPING, 0),
            PollReason::Mail => (why::MAIL, 0),
            PollReason::Outstanding => (why::OUTSTANDING, 0),
        };
        self.put(Kind::PollEnter, flags, low.into(), high, timer as u32);
    }

    fn woken(&self, kind: Kind, task: u64, by: Cause) {
        let (flags, id) = match by {
            _ if self.spawned.replace(0) == task => (cause::SPAWN, 0),
            Cause::Outside => (cause::OUTSIDE, 0),
            Cause::Task(by) if by == task && self.running.get() == by => (cause::YIELD, 0),
            Cause::Task(by) => (cause::TASK, by),
            Cause::Callback(callback) => (cause::CALLBACK, callback),
            Cause::Timer(timer) => (cause::TIMER, timer),
            Cause::Io(source) => (cause::IO, source.into()),
            Cause::Thread => (cause::THREAD, 0),
            Cause::Cancel => (cause::CANCEL, self.running.get()),
        };
        self.put(kind, flags, task, id as u32, 0);
    }

    #[inline(never)]
    fn wait(&self, task: u64, kind: WaitKind, site: Option<Site>) {
        let (flags, object) = match kind {
            WaitKind::Yield => (wait::YIELD, 0),
            WaitKind::Timer(timer, _) => (wait::TIMER, timer),
            WaitKind::Readable(source, _) => (wait::READABLE, source.into()),
            WaitKind::Writable(source, _) => (wait::WRITABLE, source.into()),
            WaitKind::Task(task) => (wait::TASK, task),
            WaitKind::Promise | WaitKind::Several { .. } => (wait::PROMISE, 0),
            WaitKind::Sync(_) => (wait::SYNC, 0),
            WaitKind::Thread(job) => (wait::JOB, job),
        };
        let site = site.map_or(0, |site| self.site(site));
        self.put(Kind::Wait, flags, task, object as u32, site);
        match kind {
            WaitKind::Sync(what) => self.put(Kind::WaitDetail, 0, task, self.string(what), 0),
            WaitKind::Several {
                combinator,
                done,
                all,
            } => {
                let what = self.string(&combinator.to_string());
                self.put(Kind::WaitDetail, 0, task, what, 0);
                self.put(Kind::WaitProgress, 0, task, done, all);
            }
            WaitKind::Readable(_, fd) | WaitKind::Writable(_, fd) => {
                self.put(Kind::WaitDetail, 0, task, 0, fd as u32);
            }
            _ => {}
        }
    }

    /// The clock is read by functions of their own, as above; this one is given words, since a byte that was written a moment
    /// ago takes long to be read as part of a word.
    #[inline(never)]
    fn put_later(&self, head: u64) {
        self.read_clock();
        self.put_words(head, 0);
    }

    #[inline(always)]
    fn step_end(&self, task: u64, how: StepEnd) {
        let flags = match how {
            StepEnd::Pending => end::PENDING,
            StepEnd::Finished => end::FINISHED,
            StepEnd::Cancelled => end::CANCELLED,
            StepEnd::Panicked => end::PANICKED,
            StepEnd::Destroyed => end::DESTROYED,
        };
        self.running.set(0);
        self.put_later(head(Kind::StepEnd, flags, task as u32));
    }

    /// What does not happen in every step.
    #[cold]
    #[inline(never)]
    fn seldom(&self, event: &Event<'_>) {
        match *event {
            Event::Open {
                origin,
                virtual_time,
                shuffled,
            } => self.open(origin, virtual_time, shuffled),
            Event::Enter => self.read_clock(),
            Event::Jump { now } => self.now.set(self.time(now)),
            Event::Close => self.close(),
            Event::PollEnter { timeout, why } => self.poll_enter(timeout, why),
            Event::PollExit {
                events,
                interrupted,
            } => {
                self.read_clock();
                self.take_in();
                self.put(Kind::PollExit, interrupted.into(), events as u64, 0, 0);
            }
            Event::TaskSpawn {
                task,
                parent,
                coro,
                site,
            } => {
                self.spawned.set(task);
                let parent = parent.unwrap_or(0) as u32;
                self.put(Kind::TaskSpawn, 0, task, parent, self.site(site));
                self.put(Kind::TaskName, 0, task, 0, self.string(coro));
            }
            Event::TaskName { task, name } => {
                self.put(Kind::TaskName, 0, task, self.string(name), 0);
            }
            Event::WaitProgress { task, done, all } => {
                self.put(Kind::WaitProgress, 0, task, done, all);
            }
            Event::IoRegister { source, fd } => {
                self.put(Kind::IoReg, 0, source.into(), fd as u32, 0);
            }
            Event::IoDeregister { source } => self.put(Kind::IoDereg, 0, source.into(), 0, 0),
            Event::CallbackAdd {
                callback,
                timer,
                site,
            } => {
                let flags = u8::from(timer.is_some());
                let timer = timer.unwrap_or(0) as u32;
                self.put(Kind::CbAdd, flags, callback, timer, self.site(site));
            }
            Event::PromiseDone { site } => {
                self.put(Kind::FutDone, 0, self.running.get(), 0, self.site(site));
            }
            Event::CancelRequest { task, by } => {
                self.put(Kind::CancelReq, 0, task, by.unwrap_or(0) as u32, 0);
            }
            Event::ResultLost { task } => self.put(Kind::ResultLost, 0, task, 0, 0),
            Event::Offload { job, site } => {
                let task = self.running.get() as u32;
                self.put(Kind::Offload, 0, job, task, self.site(site));
            }
            Event::OffloadDone { job } => self.put(Kind::OffloadDone, 0, job, 0, 0),
            Event::BlockBegin { what, site } => {
                self.read_clock();
                let (site, what) = (self.site(site), self.string(what));
                let task = self.running.get() as u32;
                self.put(Kind::BlockBegin, 0, site.into(), what, task);
            }
            Event::BlockEnd => {
                self.read_clock();
                self.put(Kind::BlockEnd, 0, 0, 0, 0);
            }
            Event::Mark { text, value } => {
                let (low, high) = halves(value);
                self.read_clock();
                self.put(Kind::Mark, 0, self.string(text).into(), low, high);
            }
            Event::Queue {
                queue,
                length,
                capacity,
            } => {
                let full = capacity > 0 && length >= capacity;
                let flags = u8::from(full) | u8::from(length == 0) << 1;
                self.put(Kind::Queue, flags, queue, length as u32, capacity as u32);
            }
            // Told to the recording's other half, see below; or it is one of the others.
            _ => {}
        }
    }
}

impl Observer for Recorder {
    fn event(&self, event: &Event<'_>) {
        match *event {
            Event::Turn {
                number,
                ready,
                timers,
            } => self.put(Kind::Turn, 0, number, ready as u32, timers as u32),
            Event::IoEvent {
                source,
                readable,
                writable,
                closed,
                error,
            } => {
                let flags = (u8::from(readable) * io::READABLE)
                    | (u8::from(writable) * io::WRITABLE)
                    | (u8::from(closed) * io::CLOSED)
                    | (u8::from(error) * io::ERROR);
                self.put(Kind::IoEvent, flags, source.into(), 0, 0);
            }
            Event::TimerSet { timer, deadline } => {
                let (low, high) = halves(self.time(deadline));
                self.put(Kind::TimerSet, 0, timer, low, high);
            }
            Event::TimerCancel { timer } => self.put(Kind::TimerCancel, 0, timer, 0, 0),
            Event::TimerFire { timer, late } => {
                let late = u32::try_from(late.as_micros()).unwrap_or(u32::MAX);
                self.put(Kind::TimerFire, 0, timer, late, 0);
            }
            Event::Ready { task, cause } => self.woken(Kind::Ready, task, cause),
            Event::WakeAgain { task, cause } => self.woken(Kind::WakeDup, task, cause),
            Event::StepBegin { task } => {
                self.running.set(task);
                self.put(Kind::StepBegin, 0, task, 0, 0);
            }
            Event::StepEnd { task, end } => self.step_end(task, end),
            Event::Wait { task, kind, site } => self.wait(task, kind, site),
            Event::CallbackRun { callback } => self.put(Kind::CbRun, 0, callback, 0, 0),
            Event::CallbackEnd { callback, panicked } => {
                self.put_later(head(Kind::CbEnd, panicked.into(), callback as u32));
            }
            _ => self.seldom(event),
        }
    }

    fn for_threads(&self) -> Option<Arc<dyn ThreadObserver>> {
        Some(self.recording.clone())
    }
}

impl ThreadObserver for Recording {
    fn event(&self, event: &Event<'_>) {
        match *event {
            Event::OffloadRun { job } => {
                open::begun();
                let track = self.names().this_thread();
                self.add(track, Kind::OffloadRun, 0, [job as u32, 0, 0]);
            }
            Event::OffloadEnd { .. } => open::ended(),
            _ => {}
        }
    }
}
