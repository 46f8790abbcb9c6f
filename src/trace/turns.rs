//! The turns of a trace, one after another: what was ready, how long the loop slept, what woke whom, what ran. Both forms of text
//! are made of it.

use super::kind::{Kind, cause, cut, end};
use super::record::Record;
use super::state::{Item, State, TaskState, Waiting};

/// A task, with the numbers of its name, of its coroutine's and of the place where it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) task: u32,
    pub(crate) name: u32,
    pub(crate) coroutine: u32,
    pub(crate) place: u32,
}

/// What pushed somebody onto the ready queue before the turn's steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Woke {
    /// A descriptor, in these directions.
    Io {
        fd: u32,
        bits: u8,
        tasks: Vec<Who>,
    },
    Timer(u32),
    /// A signal ended the sleep.
    Signal,
    /// Another thread.
    Thread(Who),
    /// A job of the thread pool has ended.
    Job(Vec<Who>),
}

/// A step, a callback, or a timer whose sleeper was woken.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) what: What,
    /// Why it was ready: one of [`cause`], and by whom.
    pub(crate) cause: (u8, u32),
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) wakes: Vec<Who>,
    pub(crate) spawns: Vec<Who>,
    /// Who waits for several things, of which this was one: so many are done, of so many.
    pub(crate) counts: Vec<(Who, u32, u32)>,
    /// The places where it has fulfilled promises.
    pub(crate) fulfils: Vec<u32>,
    /// It still runs where the trace ends.
    pub(crate) open: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// How it ended, and what it waits for.
    Step(Who, u8, Option<Waiting>),
    Callback {
        place: u32,
        panicked: bool,
    },
    Timer(u32),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Turn {
    pub(crate) number: u32,
    pub(crate) begin: u64,
    pub(crate) ready: Vec<Who>,
    /// Callbacks and timers that are ready.
    pub(crate) ready_others: usize,
    /// `None` if the kernel was not asked.
    pub(crate) slept: Option<u64>,
    /// It still sleeps where the trace ends.
    pub(crate) asleep: bool,
    pub(crate) woke: Vec<Woke>,
    pub(crate) ran: Vec<Ran>,
    pub(crate) timers: u32,
    pub(crate) interests: usize,
}

impl Turn {
    /// Every task that it tells of, as often as it does.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = Who> {
        let woke = self.woke.iter().flat_map(|woke| match woke {
            Woke::Io { tasks, .. } | Woke::Job(tasks) => tasks.as_slice(),
            Woke::Thread(who) => std::slice::from_ref(who),
            Woke::Timer(_) | Woke::Signal => &[],
        });
        let ran = self.ran.iter().flat_map(|ran| {
            let runs = match &ran.what {
                What::Step(who, ..) => Some(who),
                What::Callback { .. } | What::Timer(_) => None,
            };
            let counts = ran.counts.iter().map(|(who, ..)| who);
            runs.into_iter()
                .chain(&ran.spawns)
                .chain(&ran.wakes)
                .chain(counts)
        });
        self.ready.iter().chain(woke).chain(ran).copied()
    }
}

/// Takes records and gives turns.
#[derive(Default)]
pub(crate) struct Turns {
    state: State,
    turn: Option<Turn>,
    poll_entered: Option<u64>,
    /// Why each ready task is ready, and where each callback was scheduled.
    causes: std::collections::BTreeMap<u32, (u8, u32)>,
    callbacks: std::collections::BTreeMap<u32, u32>,
}

impl Turns {
    /// Takes the next record; gives the turn that has ended with it.
    pub(crate) fn apply(&mut self, record: &Record) -> Option<Turn> {
        let mut ended = None;
        let Record { t, a, b, flags, .. } = *record;
        match record.kind {
            Kind::Turn => {
                ended = self.turn.take();
                self.turn = Some(self.begin(t, a, record.c));
            }
            Kind::RunEnd => ended = self.turn.take(),
            Kind::PollEnter => self.poll_entered = Some(t),
            Kind::PollExit => {
                self.has_slept(t);
                if flags != 0 {
                    self.with(|turn| turn.woke.push(Woke::Signal));
                }
            }
            Kind::Cut => {
                let asleep = self.poll_entered.is_some();
                self.has_slept(t);
                self.with(|turn| turn.asleep = asleep);
                if let Some(ran) = self.last_ran().filter(|_| flags != cut::NOBODY) {
                    (ran.end, ran.open) = (t, true);
                }
            }
            Kind::IoEvent => {
                let fd = self.state.interests.get(&a).copied().unwrap_or(b);
                let woke = Woke::Io {
                    fd,
                    bits: flags,
                    tasks: Vec::new(),
                };
                self.with(|turn| turn.woke.push(woke));
            }
            Kind::TimerFire => self.with(|turn| turn.woke.push(Woke::Timer(a))),
            Kind::OffloadDone => self.with(|turn| turn.woke.push(Woke::Job(Vec::new()))),
            Kind::TaskSpawn => {
                let who = self.who(a);
                if let (Some(_), Some(ran)) = (self.state.running, self.last_ran()) {
                    ran.spawns.push(who);
                }
            }
            Kind::Ready => self.ready(record),
            Kind::StepBegin => {
                let (who, cause) = (self.who(a), self.causes.remove(&a).unwrap_or((0, 0)));
                self.runs(What::Step(who, end::PENDING, None), cause, t);
            }
            Kind::StepEnd => {
                let waiting = self.state.tasks.get(a).and_then(|task| task.waiting);
                if let Some(ran) = self.last_ran() {
                    if let What::Step(who, end, wait) = &mut ran.what {
                        if who.task == a {
                            (*end, *wait, ran.end) = (flags, waiting, t);
                        }
                    }
                }
            }
            // The running task's own count is what it waits for.
            Kind::WaitProgress if self.state.running.is_some_and(|it| it != Item::Task(a)) => {
                let who = self.who(a);
                if let Some(ran) = self.last_ran() {
                    ran.counts.push((who, b, record.c));
                }
            }
            Kind::FutDone if self.state.running.is_some() => {
                if let Some(ran) = self.last_ran() {
                    ran.fulfils.push(record.c);
                }
            }
            Kind::CbAdd => drop(self.callbacks.insert(a, record.c)),
            Kind::CbRun => {
                let place = self.callbacks.remove(&a).unwrap_or(0);
                let what = What::Callback {
                    place,
                    panicked: false,
                };
                self.runs(what, (cause::OUTSIDE, 0), t);
            }
            Kind::CbEnd => {
                if let Some(ran) = self.last_ran() {
                    ran.end = t;
                    if let What::Callback { panicked, .. } = &mut ran.what {
                        *panicked = flags != 0;
                    }
                }
            }
            _ => {}
        }
        self.state.apply(record);
        self.name_spawned(record);
        ended
    }

    /// The last turn, when there are no more records.
    pub(crate) fn finish(self) -> Option<Turn> {
        self.turn
    }

    fn begin(&self, t: u64, number: u32, timers: u32) -> Turn {
        let tasks = self.state.ready.iter().filter_map(|item| match item {
            Item::Task(task) => Some(self.who(*task)),
            _ => None,
        });
        let ready: Vec<Who> = tasks.collect();
        Turn {
            number,
            begin: t,
            ready_others: self.state.ready.len() - ready.len(),
            ready,
            timers,
            interests: self.state.interests.len(),
            ..Turn::default()
        }
    }

    fn with(&mut self, change: impl FnOnce(&mut Turn)) {
        if let Some(turn) = &mut self.turn {
            change(turn);
        }
    }

    fn has_slept(&mut self, until: u64) {
        let since = self.poll_entered.take();
        let slept = since.map(|since| until - since);
        self.with(|turn| turn.slept = turn.slept.or(slept));
    }

    fn last_ran(&mut self) -> Option<&mut Ran> {
        self.turn.as_mut()?.ran.last_mut()
    }

    fn who(&self, task: u32) -> Who {
        let state = self.state.tasks.get(task);
        let known = |task: &TaskState| (task.name, task.coroutine, task.place);
        let (name, coroutine, place) = state.map_or((0, 0, 0), known);
        Who {
            task,
            name,
            coroutine,
            place,
        }
    }

    fn ready(&mut self, record: &Record) {
        let (who, running) = (self.who(record.a), self.state.running.is_some());
        let (flags, by) = (record.flags, record.b);
        self.causes.insert(record.a, (flags, by));
        if flags == cause::TIMER {
            self.runs(What::Timer(by), (cause::TIMER, by), record.t);
        }
        let Some(turn) = &mut self.turn else { return };
        match (flags, turn.woke.last_mut(), turn.ran.last_mut()) {
            (cause::TIMER, _, Some(ran)) => ran.wakes.push(who),
            (cause::IO, Some(Woke::Io { tasks, .. }), _) => tasks.push(who),
            (cause::THREAD, Some(Woke::Job(tasks)), _) if tasks.is_empty() => tasks.push(who),
            (cause::THREAD, ..) => turn.woke.push(Woke::Thread(who)),
            // Its own wake says nothing that the step's end does not; a spawned task is told as such.
            (cause::YIELD | cause::SPAWN, ..) => {}
            (_, _, Some(ran)) if running => ran.wakes.push(who),
            _ => {}
        }
    }

    fn runs(&mut self, what: What, cause: (u8, u32), t: u64) {
        self.with(|turn| {
            turn.ran.push(Ran {
                what,
                cause,
                begin: t,
                end: t,
                wakes: Vec::new(),
                spawns: Vec::new(),
                counts: Vec::new(),
                fulfils: Vec::new(),
                open: false,
            });
        });
    }

    /// A task's names come right after it.
    fn name_spawned(&mut self, record: &Record) {
        if record.kind != Kind::TaskName {
            return;
        }
        let who = self.who(record.a);
        if let Some(ran) = self.last_ran() {
            if let Some(last) = ran.spawns.iter_mut().find(|other| other.task == who.task) {
                *last = who;
            }
        }
    }
}

/// All turns of a trace.
pub(crate) fn turns(records: &[Record]) -> Vec<Turn> {
    let mut turns = Turns::default();
    let mut all: Vec<Turn> = records.iter().filter_map(|r| turns.apply(r)).collect();
    all.extend(turns.finish());
    all
}
