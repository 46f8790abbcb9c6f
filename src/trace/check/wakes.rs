//! Who waits for what, and whether it can still wake them: I3.

use std::collections::{BTreeMap, BTreeSet};

use crate::trace::kind::{Kind, end, wait};
use crate::trace::record::Record;
use crate::trace::state::State;

/// What can wake a task: the kind of a wait, and which object.
type Waker = (u8, u32);

#[derive(Default)]
pub(super) struct Wakes {
    /// What each suspended task has said to wait for during its last step. One of them is enough to wake it.
    waits: BTreeMap<u32, Vec<(Waker, usize)>>,
    /// The same, the other way round.
    waiters: BTreeMap<Waker, BTreeSet<u32>>,
    suspects: Vec<Suspect>,
    /// The record of each task's last step.
    stepped: BTreeMap<u32, usize>,
}

/// A task that should be ready by the next turn, or have something else that can wake it.
struct Suspect {
    task: u32,
    /// The record that makes it one.
    event: usize,
    /// What has woken it, or should have.
    spent: Option<Waker>,
}

impl Wakes {
    pub(super) fn apply(&mut self, event: usize, record: &Record) {
        let Record { a, flags, .. } = *record;
        match record.kind {
            Kind::StepBegin => {
                self.forget(a);
                self.stepped.insert(a, event);
            }
            Kind::Wait => {
                let waker = (flags, record.b);
                self.waits.entry(a).or_default().push((waker, event));
                self.waiters.entry(waker).or_default().insert(a);
            }
            Kind::StepEnd if flags == end::PENDING => self.suspects.push(Suspect {
                task: a,
                event,
                spent: None,
            }),
            Kind::StepEnd => {
                self.forget(a);
                self.stepped.remove(&a);
                self.spend(event, (wait::TASK, a));
            }
            Kind::IoEvent => {
                for (bit, what) in [(1, wait::READABLE), (2, wait::WRITABLE)] {
                    if flags & bit != 0 {
                        self.spend(event, (what, a));
                    }
                }
            }
            Kind::IoDereg => {
                self.spend(event, (wait::READABLE, a));
                self.spend(event, (wait::WRITABLE, a));
            }
            Kind::OffloadDone => self.spend(event, (wait::JOB, a)),
            Kind::TimerCancel | Kind::TimerFire => self.spend(event, (wait::TIMER, a)),
            _ => {}
        }
    }

    fn forget(&mut self, task: u32) {
        for (waker, _) in self.waits.remove(&task).unwrap_or_default() {
            if let Some(waiters) = self.waiters.get_mut(&waker) {
                waiters.remove(&task);
                if waiters.is_empty() {
                    self.waiters.remove(&waker);
                }
            }
        }
    }

    /// This has happened: it must have woken those who waited for it, and cannot do so again.
    fn spend(&mut self, event: usize, waker: Waker) {
        let tasks = self.waiters.get(&waker).into_iter().flatten();
        self.suspects.extend(tasks.map(|&task| Suspect {
            task,
            event,
            spent: Some(waker),
        }));
    }

    /// The tasks that nothing can wake any more, each with the record since when it is so.
    pub(super) fn find_lost(&mut self, state: &State) -> Vec<(usize, u32)> {
        let suspects = std::mem::take(&mut self.suspects);
        let lost = suspects.into_iter().filter(|suspect| {
            let waits = self.waits.get(&suspect.task);
            let waits = waits.map_or(&[][..], Vec::as_slice);
            let pending = state.tasks.get(suspect.task).is_some_and(|t| !t.ready);
            // A task that says nothing awaits something that the loop does not know.
            let can_be_woken = waits.is_empty() || {
                // A source of the same number may have been made since, and be waited for.
                let after = |at: &usize| *at > suspect.event;
                let mut others = waits
                    .iter()
                    .filter(|(one, at)| suspect.spent != Some(*one) || after(at));
                others.any(|(waker, _)| is_live(state, *waker))
            };
            // A due timer has until its item comes up.
            let due = match suspect.spent {
                Some((wait::TIMER, timer)) => state.timers.contains(timer),
                _ => false,
            };
            // It has stepped since then, and so it was woken.
            let woken = self.stepped.get(&suspect.task) > Some(&suspect.event);
            pending && !woken && !can_be_woken && !due
        });
        lost.map(|suspect| (suspect.event, suspect.task)).collect()
    }
}

/// Whether this may still wake its task.
pub(super) fn is_live(state: &State, (what, object): Waker) -> bool {
    match what {
        wait::YIELD => false,
        // Timer 0 is a sleep that is beyond what the clock can count.
        wait::TIMER => object == 0 || state.timers.contains(object),
        wait::READABLE | wait::WRITABLE => state.interests.contains_key(&object),
        wait::TASK => state.tasks.contains(object),
        wait::JOB => state.jobs.contains_key(&object),
        _ => true,
    }
}
