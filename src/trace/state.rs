//! What a trace's records have led to at one moment: the tasks with what each waits for, the ready queue, the timers and the
//! I/O interests. None of these are recorded; they follow from the records, one at a time.
//!
//! This is the lenient half of a replay: it takes any records for true. `check` is the strict one.

use std::collections::{BTreeMap, VecDeque};

use super::by_number::ByNumber;
use super::kind::{Kind, cause, end};
use super::record::Record;

/// An entry of the ready queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A task to step.
    Task(u32),
    /// A callback to run.
    Callback(u32),
    /// A due timer.
    Timer(u32),
}

/// What a suspended task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What kind of thing; see [`wait`](super::wait).
    pub what: u8,
    /// Which one: a timer, interest, task or job.
    pub object: u32,
    /// The number of the place of the `.await`.
    pub place: u32,
    /// The number of the text that says more.
    pub detail: u32,
    /// The file descriptor, 0 for none.
    pub fd: u32,
    /// Of several things, so many are done.
    pub done: u32,
    /// Of several things, so many there are; 0 for one.
    pub all: u32,
}

/// A task that has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskState {
    /// The task that made it, 0 for none.
    pub parent: u32,
    /// The number of the place where it was made.
    pub place: u32,
    /// The number of its name, 0 for `Task-N`.
    pub name: u32,
    /// The number of its coroutine's name.
    pub coroutine: u32,
    /// Steps that it has begun.
    pub steps: u32,
    /// It stands in the ready queue.
    pub ready: bool,
    /// The last thing that it said to wait for.
    pub waiting: Option<Waiting>,
}

/// A timer that is set, or due and in the ready queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerState {
    /// When it is due, on the recording's clock.
    pub deadline: u64,
    /// The callback that it runs, 0 for none.
    pub callback: u32,
    /// It has left the timers for the ready queue.
    pub due: bool,
}

/// A loop as its records tell it: what a debugger of traces is made of.
///
/// ```
/// use std::{rc::Rc, time::Duration};
/// use glassloop::{EventLoop, sleep, trace};
///
/// let recorder = Rc::new(trace::Recorder::new("nap"));
/// let event_loop = EventLoop::builder().virtual_time().observer(recorder.clone()).build()?;
/// event_loop.run_until_complete(sleep(Duration::from_millis(1)))?;
/// event_loop.close()?;
/// let mut state = trace::State::default();
/// for record in &recorder.trace().records {
///     state.apply(record);
///     if record.kind == trace::Kind::PollEnter {
///         // The loop sleeps, and so does its one task.
///         assert_eq!((state.tasks.len(), state.timers.len(), state.ready.len()), (1, 1, 0));
///     }
/// }
/// assert!(state.tasks.is_empty());
/// # Ok::<(), glassloop::LoopError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Tasks that have not ended, by number.
    pub tasks: ByNumber<TaskState>,
    /// Timers, by number.
    pub timers: ByNumber<TimerState>,
    /// File descriptors under the reactor's eye, by the number of the interest.
    pub interests: BTreeMap<u32, u32>,
    /// What is ready, the first to run in front.
    pub ready: VecDeque<Item>,
    /// What runs now.
    pub running: Option<Item>,
    /// Jobs in the thread pool, with the task that waits for each.
    pub jobs: BTreeMap<u32, u32>,
    /// The last turn that has begun.
    pub turn: u32,
    /// What is ready runs in a random order.
    pub shuffled: bool,
    /// The record that says that the loop was made.
    begun: Option<Record>,
}

impl State {
    /// Goes on by one record.
    #[inline]
    pub fn apply(&mut self, record: &Record) {
        let Record { flags, a, b, .. } = *record;
        match record.kind {
            Kind::Turn => self.turn = a,
            Kind::Ready => {
                if flags == cause::TIMER {
                    self.timer_has_run(b);
                }
                if let Some(task) = self.tasks.get_mut(a) {
                    task.ready = true;
                }
                self.ready.push_back(Item::Task(a));
            }
            Kind::StepBegin => {
                self.take(Item::Task(a));
                if let Some(task) = self.tasks.get_mut(a) {
                    task.ready = false;
                    task.waiting = None;
                    task.steps += 1;
                }
                self.running = Some(Item::Task(a));
            }
            Kind::StepEnd => {
                if self.running == Some(Item::Task(a)) {
                    self.running = None;
                }
                if flags != end::PENDING {
                    self.tasks.remove(a);
                }
            }
            _ => self.apply_other(record),
        }
    }

    /// What does not happen in every step. It stands apart since the loop stands by while the ring is replayed.
    #[inline(never)]
    fn apply_other(&mut self, record: &Record) {
        let Record { flags, a, b, c, .. } = *record;
        match record.kind {
            Kind::RunBegin => {
                self.shuffled = flags & 2 != 0;
                self.begun = Some(*record);
            }
            Kind::TimerSet => {
                let timer = TimerState {
                    deadline: record.wide_bc(),
                    callback: 0,
                    due: false,
                };
                self.timers.insert(a, timer);
            }
            Kind::TimerCancel => {
                let timer = self.timers.remove(a);
                if timer.is_some_and(|timer| timer.due) {
                    self.ready.retain(|item| *item != Item::Timer(a));
                }
            }
            Kind::TimerFire => {
                if let Some(timer) = self.timers.get_mut(a) {
                    timer.due = true;
                }
                self.ready.push_back(Item::Timer(a));
            }
            Kind::TaskSpawn => {
                let task = TaskState {
                    parent: b,
                    place: c,
                    ..TaskState::default()
                };
                self.tasks.insert(a, task);
            }
            Kind::TaskName => self.name(a, b, c),
            Kind::WakeDup if flags == cause::TIMER => self.timer_has_run(b),
            Kind::Wait => {
                let waiting = Waiting {
                    what: flags,
                    object: b,
                    place: c,
                    detail: 0,
                    fd: 0,
                    done: 0,
                    all: 0,
                };
                if let Some(task) = self.tasks.get_mut(a) {
                    task.waiting = Some(waiting);
                }
            }
            Kind::WaitDetail => {
                if let Some(waiting) = self.tasks.get_mut(a).and_then(|t| t.waiting.as_mut()) {
                    waiting.detail = b;
                    waiting.fd = c;
                }
            }
            Kind::WaitProgress => {
                if let Some(waiting) = self.tasks.get_mut(a).and_then(|t| t.waiting.as_mut()) {
                    (waiting.done, waiting.all) = (b, c);
                }
            }
            Kind::IoReg => {
                self.interests.insert(a, b);
            }
            Kind::IoDereg => {
                self.interests.remove(&a);
            }
            Kind::CbAdd if flags == 0 => self.ready.push_back(Item::Callback(a)),
            Kind::CbAdd => {
                if let Some(timer) = self.timers.get_mut(b) {
                    timer.callback = a;
                }
            }
            Kind::CbRun => {
                match self.due_timer_of(a) {
                    Some(timer) => {
                        self.take(Item::Timer(timer));
                        self.timers.remove(timer);
                    }
                    None => self.take(Item::Callback(a)),
                }
                self.running = Some(Item::Callback(a));
            }
            Kind::CbEnd => self.running = None,
            Kind::Offload => {
                self.jobs.insert(a, b);
            }
            Kind::OffloadDone => {
                self.jobs.remove(&a);
            }
            _ => {}
        }
    }

    fn name(&mut self, task: u32, name: u32, coroutine: u32) {
        let Some(task) = self.tasks.get_mut(task) else {
            return;
        };
        task.name = name;
        if coroutine != 0 {
            task.coroutine = coroutine;
        }
    }

    /// A sleeper was woken: the item of its timer has come up.
    #[inline(never)]
    fn timer_has_run(&mut self, timer: u32) {
        if self.timers.remove(timer).is_some() {
            self.take(Item::Timer(timer));
        }
    }

    /// The due timer whose callback this is.
    pub fn due_timer_of(&self, callback: u32) -> Option<u32> {
        let due = self.ready.iter().filter_map(|item| match item {
            Item::Timer(timer) => Some(*timer),
            _ => None,
        });
        let mut due = due.filter(|timer| {
            let timer = self.timers.get(*timer);
            timer.is_some_and(|timer| timer.callback == callback)
        });
        match self.ready.front() {
            Some(Item::Callback(front)) if *front == callback => None,
            _ => due.next(),
        }
    }

    /// Takes an item out of the queue, and with it those before it that were skipped: cancelled callbacks and timers.
    #[inline]
    fn take(&mut self, item: Item) {
        match self.ready.front() == Some(&item) {
            true => drop(self.ready.pop_front()),
            false => self.take_from_within(item),
        }
    }

    #[cold]
    fn take_from_within(&mut self, item: Item) {
        let Some(at) = self.ready.iter().position(|other| *other == item) else {
            return;
        };
        if self.shuffled {
            self.ready.remove(at);
            return;
        }
        let skipped: Vec<Item> = self.ready.drain(..=at).collect();
        // A task is never skipped unless it has ended: if it seems so, the order was another one, and it is still to come.
        for item in skipped[..at].iter().rev() {
            if self.is_there(*item) {
                self.ready.push_front(*item);
            }
        }
    }

    /// Whether this is a task that has not ended.
    pub(crate) fn is_there(&self, item: Item) -> bool {
        matches!(item, Item::Task(task) if self.tasks.contains(task))
    }

    /// Records that lead from nothing to this state: what stands at the head of a trace whose beginning is lost.
    pub(crate) fn to_records(&self, t: u64, track: u16) -> Vec<Record> {
        let mut records = Vec::new();
        let mut put = |kind, flags, a, b, c| {
            records.push(Record {
                t,
                kind,
                flags,
                track,
                a,
                b,
                c,
            })
        };
        if let Some(Record { flags, a, b, c, .. }) = self.begun {
            put(Kind::RunBegin, flags, a, b, c);
        }
        for (&interest, &fd) in &self.interests {
            put(Kind::IoReg, 0, interest, fd, 0);
        }
        for (number, timer) in self.timers.in_order() {
            let deadline = super::record::halves(timer.deadline);
            put(Kind::TimerSet, 0, number, deadline.0, deadline.1);
            if timer.callback != 0 {
                put(Kind::CbAdd, 1, timer.callback, number, 0);
            }
        }
        let tasks = self.tasks.in_order();
        for &(number, task) in &tasks {
            put(Kind::TaskSpawn, 0, number, task.parent, task.place);
            put(Kind::TaskName, 0, number, task.name, task.coroutine);
        }
        // Before what it has said to wait for, and before its own wake.
        match self.running {
            Some(Item::Task(task)) => {
                let steps = self.tasks.get(task).map_or(0, |task| task.steps);
                put(Kind::StepBegin, 0, task, steps, 0);
            }
            Some(Item::Callback(callback)) => put(Kind::CbRun, 0, callback, 0, 0),
            Some(Item::Timer(_)) | None => {}
        }
        let waits = tasks
            .iter()
            .filter_map(|(number, task)| Some((*number, task.waiting?)));
        for (number, waiting) in waits {
            let Waiting {
                what,
                object,
                place,
                detail,
                fd,
                done,
                all,
            } = waiting;
            put(Kind::Wait, what, number, object, place);
            if (detail, fd) != (0, 0) {
                put(Kind::WaitDetail, 0, number, detail, fd);
            }
            if all != 0 {
                put(Kind::WaitProgress, 0, number, done, all);
            }
        }
        for (&job, &task) in &self.jobs {
            put(Kind::Offload, 0, job, task, 0);
        }
        for item in &self.ready {
            match *item {
                Item::Task(task) => put(Kind::Ready, cause::OUTSIDE, task, 0, 0),
                Item::Callback(callback) => put(Kind::CbAdd, 0, callback, 0, 0),
                Item::Timer(timer) => put(Kind::TimerFire, 0, timer, 0, 0),
            }
        }
        records
    }
}
