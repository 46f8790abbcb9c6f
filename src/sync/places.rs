//! The places in a wait list: numbered, in the order of their numbers.
//!
//! One that is given up stays as a hole until everybody has left or the holes are the majority. So every place is given up in
//! constant time, and found by its number.

use std::rc::Rc;
use std::task::Waker;

use crate::core::Core;
use crate::sync::kind::Kind;
use crate::waker::wake_on;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    /// It is its turn; its task is ready to step.
    Woken,
    /// A cancellation reached it while it waited: it cannot be woken any more.
    Cancelled,
    /// It has given its place up.
    Left,
}

/// So few holes are not worth closing.
const FEW: usize = 32;

/// How one who waits is woken: at most once, and not under a borrow, since a waker may call back.
pub(super) struct Wake {
    core: Rc<Core>,
    waker: Waker,
}

impl Wake {
    pub(super) fn new(core: Rc<Core>, waker: &Waker) -> Wake {
        let waker = waker.clone();
        Wake { core, waker }
    }

    #[inline]
    pub(super) fn wake(self) {
        wake_on(&self.core, self.waker);
    }
}

struct Place {
    number: u32,
    state: State,
    kind: Kind,
    /// There is one while it waits.
    wake: Option<Wake>,
}

impl Place {
    fn end(&mut self, state: State) -> Option<Wake> {
        self.state = state;
        self.wake.take()
    }
}

#[derive(Default)]
pub(super) struct Places {
    /// The last one is no hole.
    list: Vec<Place>,
    /// Where the first one is that is no hole.
    first: usize,
    holes: usize,
    /// Nobody before this index can be woken, so that waking many in a row walks the list once.
    unwoken: usize,
    /// The number of the next place.
    next: u32,
}

impl Places {
    #[inline]
    pub(super) fn add(&mut self, kind: Kind, wake: Wake) -> u32 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        self.list.push(Place {
            number,
            state: State::Waiting,
            kind,
            wake: Some(wake),
        });
        number
    }

    /// Where the place with this number stands.
    fn index(&self, number: u32) -> Option<usize> {
        let after = number.wrapping_sub(self.list.first()?.number) as usize;
        match self.list.get(after) {
            Some(place) if place.number == number => Some(after),
            _ => self.search(number),
        }
    }

    /// Holes have been taken out before it.
    #[cold]
    fn search(&self, number: u32) -> Option<usize> {
        let first = self.list.first()?.number;
        let after = |number: u32| number.wrapping_sub(first);
        let found = self
            .list
            .binary_search_by_key(&after(number), |place| after(place.number));
        found.ok()
    }

    fn get(&self, number: u32) -> Option<&Place> {
        self.list.get(self.index(number)?)
    }

    pub(super) fn state(&self, number: u32) -> State {
        self.get(number).map_or(State::Left, |place| place.state)
    }

    /// What is waited for; `None` when the place was given up.
    pub(super) fn kind(&self, number: u32) -> Option<Kind> {
        let place = self.get(number)?;
        (place.state != State::Left).then_some(place.kind)
    }

    /// How many places are taken.
    pub(super) fn len(&self) -> usize {
        self.list.len() - self.holes
    }

    /// In their order, with those of the holes.
    pub(super) fn states(&self) -> impl DoubleEndedIterator<Item = State> {
        self.list[self.first..].iter().map(|place| place.state)
    }

    /// Ends a wait, if it goes on.
    pub(super) fn cancel(&mut self, number: u32) -> Option<Wake> {
        let index = self.index(number)?;
        let place = self.list.get_mut(index)?;
        let waits = place.state == State::Waiting;
        waits.then(|| place.end(State::Cancelled)).flatten()
    }

    /// Ends the wait of the very first, if it goes on.
    #[inline]
    pub(super) fn wake_first(&mut self) -> Option<Wake> {
        match self.list.get_mut(self.first) {
            Some(first) if first.state == State::Waiting => first.end(State::Woken),
            _ => None,
        }
    }

    /// Ends the wait of the first whose wait goes on.
    #[inline]
    pub(super) fn wake_next(&mut self) -> Option<Wake> {
        let next = self.list.get_mut(self.unwoken)?;
        self.unwoken += 1;
        match next.state {
            State::Waiting => next.end(State::Woken),
            _ => self.wake_later(),
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_later(&mut self) -> Option<Wake> {
        while let Some(next) = self.list.get_mut(self.unwoken) {
            self.unwoken += 1;
            if next.state == State::Waiting {
                return next.end(State::Woken);
            }
        }
        None
    }

    /// Gives a place up if it was woken; mostly it is the first.
    #[inline]
    pub(super) fn remove_woken(&mut self, number: u32) -> bool {
        match self.list.get_mut(self.first) {
            Some(first) if first.number == number && first.state == State::Woken => {
                first.state = State::Left;
                self.count_hole();
                true
            }
            _ => self.remove_later_woken(number),
        }
    }

    #[cold]
    #[inline(never)]
    fn remove_later_woken(&mut self, number: u32) -> bool {
        self.state(number) == State::Woken && self.remove(number).0 == State::Woken
    }

    /// Gives a place up, and returns what the caller has to drop.
    pub(super) fn remove(&mut self, number: u32) -> (State, Option<Wake>) {
        let Some(index) = self.index(number) else {
            return (State::Left, None);
        };
        let place = &mut self.list[index];
        let state = place.state;
        let wake = place.end(State::Left);
        self.count_hole();
        // The last one stays none.
        while self.list.pop_if(|last| last.state == State::Left).is_some() {
            self.holes -= 1;
        }
        self.unwoken = self.unwoken.min(self.list.len());
        (state, wake)
    }

    /// There is one hole more.
    #[inline(always)]
    fn count_hole(&mut self) {
        self.holes += 1;
        if self.holes == self.list.len() {
            while self.list.pop().is_some() {}
            (self.first, self.holes, self.unwoken) = (0, 0, 0);
            return;
        }
        while self.list[self.first].state == State::Left {
            self.first += 1;
        }
        if self.holes > FEW && self.holes > self.list.len() / 2 {
            self.close_holes();
        }
    }

    #[inline(never)]
    fn close_holes(&mut self) {
        self.list.retain(|place| place.state != State::Left);
        (self.first, self.holes, self.unwoken) = (0, 0, 0);
    }

    /// The wait goes on, or begins anew where it was woken in vain; `Err` if it was cancelled. The caller drops what is returned.
    pub(super) fn wait_on(&mut self, number: u32, wake: Wake) -> Result<Option<Wake>, Wake> {
        let Some(index) = self.index(number) else {
            return Err(wake);
        };
        let place = &mut self.list[index];
        if matches!(place.state, State::Cancelled | State::Left) {
            return Err(wake);
        }
        if place.state == State::Woken {
            place.state = State::Waiting;
            self.unwoken = self.unwoken.min(index);
        }
        Ok(place.wake.replace(wake))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::current;
    use crate::event_loop::EventLoop;

    /// Random operations, beside a plain list that does the same. The numbers overflow on the way.
    fn agrees_with_a_plain_list() {
        let mut random = 88172645463325252_u64;
        let mut draw = move |n: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % n as u64) as usize
        };
        let wake = || Wake::new(current::expect(), Waker::noop());
        let mut places = Places {
            next: u32::MAX - 5000,
            ..Places::default()
        };
        let mut model: Vec<(u32, State)> = Vec::new();
        let mut most_holes = 0;
        for step in 0..40_000 {
            // It grows to some hundreds and shrinks again.
            let most = if step / 1000 % 2 == 0 { 11 } else { 7 };
            let drawn = draw(most);
            if drawn > 5 || model.is_empty() {
                model.push((places.add(Kind::Queue, wake()), State::Waiting));
                continue;
            }
            let i = draw(model.len());
            let (number, state) = model[i];
            match drawn {
                0 => {
                    let mut waiting = model.iter_mut().filter(|(_, s)| *s == State::Waiting);
                    let next = waiting.next().map(|next| next.1 = State::Woken);
                    assert_eq!(places.wake_next().is_some(), next.is_some());
                }
                1 => {
                    let waits = state == State::Waiting;
                    assert_eq!(places.cancel(number).is_some(), waits);
                    if waits {
                        model[i].1 = State::Cancelled;
                    }
                }
                2 => {
                    let waits = state != State::Cancelled;
                    assert_eq!(places.wait_on(number, wake()).is_ok(), waits);
                    if waits {
                        model[i].1 = State::Waiting;
                    }
                }
                3 => {
                    let woken = state == State::Woken;
                    assert_eq!(places.remove_woken(number), woken);
                    if woken {
                        model.remove(i);
                    }
                }
                _ => {
                    assert_eq!(places.remove(number).0, state);
                    model.remove(i);
                    assert_eq!(places.kind(number), None);
                }
            }
            most_holes = most_holes.max(places.holes);
            if step % 10 > 0 {
                continue;
            }
            let seen = model.iter().map(|(number, _)| places.state(*number));
            assert!(seen.eq(model.iter().map(|(_, state)| *state)));
            assert_eq!(places.len(), model.len());
            let taken = places.states().filter(|state| *state != State::Left);
            assert!(taken.eq(model.iter().map(|(_, state)| *state)));
        }
        assert!(most_holes > FEW);
    }

    #[test]
    fn they_agree_with_a_plain_list() {
        let event_loop = EventLoop::new().unwrap();
        let main = async { agrees_with_a_plain_list() };
        event_loop.run_until_complete(main).unwrap();
    }
}
