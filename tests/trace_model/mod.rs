//! A small event loop that runs scripts instead of coroutines and writes the trace of it. It can be told to make one mistake of
//! those that loops make.

use std::collections::{BTreeSet, VecDeque};

use glassloop::trace::{Kind, Record, Trace, Track, TrackKind, cause, end, wait, why};

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The newest of what is ready runs first.
    Lifo,
    /// A due timer wakes nobody.
    LostWake,
    /// A task that ends does not wake who awaits it.
    LostJoin,
    /// Timers fire a millisecond early.
    EarlyTimer,
    /// Equal deadlines fire in the wrong order.
    EqualDeadlines,
    /// It asks the kernel again and again and never sleeps.
    Spin,
    /// A task that has ended is stepped once more.
    StepOfDone,
    /// What is readied during a turn runs in the same turn.
    SameTurn,
    /// It sleeps for ever although a timer is set.
    SleepsForEver,
    /// It sleeps although something is ready.
    SleepsWhileReady,
    /// It asks for no sleep although the next timer is some time away.
    NoSleep,
    /// A second step begins inside of a step.
    TwoAtOnce,
    /// A turn runs the first of what is ready, and leaves the rest.
    OneATurn,
    /// Due timers have to wait until nothing is ready.
    LateTimer,
    /// A socket that is ready wakes nobody.
    LostIo,
    /// The kernel is believed to speak of a socket that was closed.
    StaleIo,
    /// The result of a job wakes nobody.
    LostJob,
    /// The callback of a due timer does not run.
    LostCallback,
    /// It runs twice.
    CallbackTwice,
    /// A task is forgotten: it never ends.
    ForgottenTask,
}

/// What a task does.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Yield,
    /// For so many milliseconds.
    Sleep(u64),
    /// Until that task has ended.
    Join(u32),
    /// Until something has come over this socket, which takes three milliseconds.
    Read(u32),
    /// Until a job in a thread is done, which takes as long.
    Job,
    /// Schedules a callback in so many milliseconds, and yields.
    Later(u64),
}

struct Task {
    script: VecDeque<Op>,
    waits_for_task: Option<u32>,
}

#[derive(Clone, Copy, PartialEq)]
enum Item {
    Task(u32),
    Timer(u32),
}

/// What comes from outside, with the task that waits for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Arrival {
    Data { source: u32, task: u32 },
    Result { job: u32, task: u32 },
}

/// Whom a timer wakes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Task(u32),
    Callback(u32),
}

struct Model {
    fault: Fault,
    now: u64,
    records: Vec<Record>,
    tasks: Vec<Option<Task>>,
    ready: VecDeque<Item>,
    /// Deadline, number and target.
    timers: BTreeSet<(u64, u32, Target)>,
    due: Vec<(u32, Target)>,
    arrivals: BTreeSet<(u64, Arrival)>,
    sources: BTreeSet<u32>,
    last_timer: u32,
    last_job: u32,
    jobs_out: u8,
    /// Items run in this turn.
    ran: usize,
}

const MILLISECOND: u64 = 1_000_000;

/// Runs the scripts as tasks 1, 2, ..., all made at the beginning, for so many turns at most.
pub fn run(scripts: &[&[Op]], fault: Fault, turns: u32) -> Trace {
    let mut model = Model {
        fault,
        now: 0,
        records: Vec::new(),
        tasks: vec![None],
        ready: VecDeque::new(),
        timers: BTreeSet::new(),
        due: Vec::new(),
        arrivals: BTreeSet::new(),
        sources: BTreeSet::new(),
        last_timer: 0,
        last_job: 0,
        jobs_out: 0,
        ran: 0,
    };
    model.put(Kind::RunBegin, 1, [1, 1, 0]);
    for (i, script) in scripts.iter().enumerate() {
        let task = i as u32 + 1;
        model.tasks.push(Some(Task {
            script: script.iter().copied().collect(),
            waits_for_task: None,
        }));
        model.put(Kind::TaskSpawn, 0, [task, 0, 0]);
        model.wake(task, cause::SPAWN, 0);
    }
    let mut turn = 1;
    while turn <= turns && model.tasks.iter().flatten().count() > 0 {
        model.turn(turn);
        turn += 1;
    }
    let (ready, timers) = (model.ready.len() as u32, model.timers.len() as u32);
    model.put(Kind::Turn, model.jobs_out, [turn, ready, timers]);
    if model.tasks.iter().flatten().count() == 0 {
        model.put(Kind::RunEnd, 0, [0; 3]);
    } else {
        model.put(Kind::Cut, 0, [0; 3]);
    }
    Trace {
        records: model.records,
        tracks: vec![Track {
            name: "loop".to_owned(),
            kind: TrackKind::Loop,
        }],
        strings: vec![String::new()],
        places: vec![(String::new(), 0, 0)],
        ..Trace::default()
    }
}

impl Model {
    fn put(&mut self, kind: Kind, flags: u8, [a, b, c]: [u32; 3]) {
        let (t, track) = (self.now, 0);
        self.records.push(Record {
            t,
            kind,
            flags,
            track,
            a,
            b,
            c,
        });
    }

    fn wake(&mut self, task: u32, cause: u8, by: u32) {
        self.put(Kind::Ready, cause, [task, by, 0]);
        self.ready.push_back(Item::Task(task));
    }

    fn turn(&mut self, number: u32) {
        let (ready, timers) = (self.ready.len() as u32, self.timers.len() as u32);
        self.put(Kind::Turn, self.jobs_out, [number, ready, timers]);
        self.poll();
        if self.fault != Fault::LateTimer || self.ready.is_empty() {
            self.fire_timers();
        }
        let snapshot = match self.fault {
            Fault::OneATurn => self.ready.len().min(1),
            _ => self.ready.len(),
        };
        self.ran = 0;
        loop {
            let more = match self.fault {
                Fault::SameTurn => !self.ready.is_empty(),
                _ => self.ran < snapshot,
            };
            if !more {
                break;
            }
            self.ran += 1;
            let item = match self.fault {
                Fault::Lifo => self.ready.remove(snapshot - self.ran),
                _ => self.ready.pop_front(),
            };
            match item {
                Some(Item::Task(task)) => self.step(task),
                Some(Item::Timer(timer)) => self.run_timer(timer),
                None => break,
            }
        }
    }

    fn poll(&mut self) {
        let next = self.timers.first().copied();
        let left = next.map(|(deadline, ..)| deadline.saturating_sub(self.now));
        let (reason, timeout, timer) = match (self.ready.is_empty(), self.fault, next, left) {
            (false, Fault::SleepsWhileReady, ..) => (why::NOTHING, u64::MAX, 0),
            (false, ..) => (why::READY, 0, 0),
            (true, Fault::Spin, ..) => (why::MAIL, 0, 0),
            (true, Fault::SleepsForEver, Some(_), _) => (why::NOTHING, u64::MAX, 0),
            (true, Fault::NoSleep, Some((_, timer, _)), _) => (why::TIMER, 0, timer),
            (true, _, Some((_, timer, _)), Some(left)) => (why::TIMER, left, timer),
            (true, ..) => (why::NOTHING, u64::MAX, 0),
        };
        let halves = [timeout as u32, (timeout >> 32) as u32, timer];
        self.put(Kind::PollEnter, reason, halves);
        // Time passes: as long as asked for, or a little if it does not want to sleep.
        let early = if self.fault == Fault::EarlyTimer {
            MILLISECOND
        } else {
            0
        };
        let arrival = self
            .arrivals
            .first()
            .map(|(time, _)| time.saturating_sub(self.now));
        self.now += match timeout {
            _ if arrival.is_some_and(|arrival| arrival < timeout) => arrival.unwrap_or(0),
            u64::MAX => left.unwrap_or(0),
            0 if self.fault == Fault::NoSleep && self.ready.is_empty() => MILLISECOND / 4,
            _ => timeout.saturating_sub(early),
        };
        let arrived = self.arrivals.iter().copied();
        let arrived: Vec<_> = arrived.filter(|(time, _)| *time <= self.now).collect();
        let data = |(_, arrival): &&(u64, Arrival)| matches!(arrival, Arrival::Data { .. });
        let events = arrived.iter().filter(data).count() as u32;
        self.put(Kind::PollExit, 0, [events, 0, 0]);
        for arrival in arrived {
            self.arrivals.remove(&arrival);
            self.arrive(arrival.1);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Data { source, task } => {
                if self.fault == Fault::StaleIo && self.sources.remove(&source) {
                    self.put(Kind::IoDereg, 0, [source, 0, 0]);
                }
                self.put(Kind::IoEvent, 1, [source, source, 0]);
                if self.fault != Fault::LostIo {
                    self.wake(task, cause::IO, source);
                }
            }
            Arrival::Result { job, task } => {
                self.jobs_out -= 1;
                self.put(Kind::OffloadRun, 0, [job, 0, 0]);
                self.put(Kind::OffloadDone, 0, [job, task, 0]);
                if self.fault != Fault::LostJob {
                    self.wake(task, cause::THREAD, 0);
                }
            }
        }
    }

    fn fire_timers(&mut self) {
        let early = if self.fault == Fault::EarlyTimer {
            MILLISECOND
        } else {
            0
        };
        let due = self.timers.iter().copied();
        let mut due: Vec<_> = due
            .filter(|(deadline, ..)| *deadline <= self.now + early)
            .collect();
        if self.fault == Fault::EqualDeadlines {
            due.sort_by_key(|(deadline, number, _)| (*deadline, u32::MAX - number));
        }
        for timer in due {
            self.timers.remove(&timer);
            self.put(Kind::TimerFire, 0, [timer.1, 0, 0]);
            self.due.push((timer.1, timer.2));
            self.ready.push_back(Item::Timer(timer.1));
        }
    }

    fn run_timer(&mut self, timer: u32) {
        let due = self.due.iter().position(|(number, _)| *number == timer);
        match self.due.remove(due.expect("it is due")).1 {
            Target::Task(task) if self.fault != Fault::LostWake => {
                self.wake(task, cause::TIMER, timer);
            }
            Target::Task(_) => {}
            Target::Callback(callback) => {
                let times = match self.fault {
                    Fault::LostCallback => 0,
                    Fault::CallbackTwice => 2,
                    _ => 1,
                };
                for _ in 0..times {
                    self.put(Kind::CbRun, 0, [callback, 0, 0]);
                    self.put(Kind::CbEnd, 0, [callback, 0, 0]);
                }
            }
        }
    }

    fn step(&mut self, task: u32) {
        self.put(Kind::StepBegin, 0, [task, 0, 0]);
        if self.fault == Fault::TwoAtOnce && task == 1 && self.ready.front() == Some(&Item::Task(2))
        {
            self.ready.pop_front();
            self.ran += 1;
            self.step(2);
        }
        let op = self.tasks[task as usize].as_mut();
        let op = op.and_then(|task| task.script.pop_front());
        let Some(op) = op else {
            return self.finish(task);
        };
        match op {
            Op::Yield => {
                self.put(Kind::Wait, wait::YIELD, [task, 0, 0]);
                self.wake(task, cause::YIELD, task);
            }
            Op::Sleep(milliseconds) => {
                let timer = self.set_timer(milliseconds, Target::Task(task));
                self.put(Kind::Wait, wait::TIMER, [task, timer, 0]);
            }
            Op::Later(milliseconds) => {
                let callback = self.last_timer + 1;
                let timer = self.set_timer(milliseconds, Target::Callback(callback));
                self.put(Kind::CbAdd, 1, [callback, timer, 0]);
                self.put(Kind::Wait, wait::YIELD, [task, 0, 0]);
                self.wake(task, cause::YIELD, task);
            }
            Op::Read(source) => {
                if self.sources.insert(source) {
                    self.put(Kind::IoReg, 0, [source, source, 0]);
                }
                self.put(Kind::Wait, wait::READABLE, [task, source, 0]);
                let arrival = Arrival::Data { source, task };
                self.arrivals.insert((self.now + 3 * MILLISECOND, arrival));
            }
            Op::Job => {
                self.last_job += 1;
                let job = self.last_job;
                self.jobs_out += 1;
                self.put(Kind::Offload, 0, [job, task, 0]);
                self.put(Kind::Wait, wait::JOB, [task, job, 0]);
                let arrival = Arrival::Result { job, task };
                self.arrivals.insert((self.now + 3 * MILLISECOND, arrival));
            }
            Op::Join(other) if self.tasks[other as usize].is_none() => return self.finish(task),
            Op::Join(other) => {
                self.put(Kind::Wait, wait::TASK, [task, other, 0]);
                if let Some(task) = &mut self.tasks[task as usize] {
                    task.waits_for_task = Some(other);
                }
            }
        }
        self.put(Kind::StepEnd, end::PENDING, [task, 0, 0]);
    }

    fn set_timer(&mut self, milliseconds: u64, target: Target) -> u32 {
        self.last_timer += 1;
        let (timer, deadline) = (self.last_timer, self.now + milliseconds * MILLISECOND);
        let halves = [timer, deadline as u32, (deadline >> 32) as u32];
        self.put(Kind::TimerSet, 0, halves);
        self.timers.insert((deadline, timer, target));
        timer
    }

    fn finish(&mut self, task: u32) {
        self.tasks[task as usize] = None;
        for other in 1..self.tasks.len() as u32 {
            let Some(waiter) = &mut self.tasks[other as usize] else {
                continue;
            };
            if waiter.waits_for_task == Some(task) && self.fault != Fault::LostJoin {
                waiter.waits_for_task = None;
                self.wake(other, cause::TASK, task);
            }
        }
        let ended = match self.fault {
            // Its step ends as if it waited, for something that the loop does not know.
            Fault::ForgottenTask if task == 1 => end::PENDING,
            _ => end::FINISHED,
        };
        self.put(Kind::StepEnd, ended, [task, 0, 0]);
        if self.fault == Fault::StepOfDone {
            self.put(Kind::StepBegin, 0, [task, 0, 0]);
            self.put(Kind::StepEnd, end::FINISHED, [task, 0, 0]);
        }
    }
}
