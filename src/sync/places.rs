//! The places in a wait list: numbered, in a ring, in the order of their numbers.
//!
//! One that is given up in the midst stays as a hole until it comes to an end of the ring, or such are the majority. So every
//! place is given up in constant time, and found by its number.

use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

use crate::core::Core;
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

/// Fewer holes than this are not worth a search.
const FEW: usize = 64;

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
    kind: &'static str,
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
    /// Neither the first nor the last one is a hole.
    ring: VecDeque<Place>,
    holes: usize,
    /// Nobody before this index can be woken, so that waking many in a row walks the ring once.
    unwoken: usize,
    /// The number of the next place.
    next: u32,
}

impl Places {
    pub(super) fn add(&mut self, kind: &'static str, wake: Wake) -> u32 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        self.ring.push_back(Place {
            number,
            state: State::Waiting,
            kind,
            wake: Some(wake),
        });
        number
    }

    /// Where the place with this number stands.
    #[inline]
    fn index(&self, number: u32) -> Option<usize> {
        let after = number.wrapping_sub(self.ring.front()?.number);
        match self.ring.get(after as usize) {
            Some(place) if place.number == number => Some(after as usize),
            _ => self.search(number),
        }
    }

    /// Holes have been taken out before it.
    #[cold]
    fn search(&self, number: u32) -> Option<usize> {
        let first = self.ring.front()?.number;
        let after = |number: u32| number.wrapping_sub(first);
        let found = self
            .ring
            .binary_search_by_key(&after(number), |place| after(place.number));
        found.ok()
    }

    fn get(&self, number: u32) -> Option<&Place> {
        self.ring.get(self.index(number)?)
    }

    fn get_mut(&mut self, number: u32) -> Option<&mut Place> {
        let index = self.index(number)?;
        self.ring.get_mut(index)
    }

    pub(super) fn state(&self, number: u32) -> State {
        self.get(number).map_or(State::Left, |place| place.state)
    }

    /// What is waited for; `None` when the place was given up.
    pub(super) fn kind(&self, number: u32) -> Option<&'static str> {
        let place = self.get(number)?;
        (place.state != State::Left).then_some(place.kind)
    }

    /// How many places are taken.
    pub(super) fn len(&self) -> usize {
        self.ring.len() - self.holes
    }

    /// In their order, with those of the holes.
    pub(super) fn states(&self) -> impl DoubleEndedIterator<Item = State> {
        self.ring.iter().map(|place| place.state)
    }

    /// Ends a wait, if it goes on.
    pub(super) fn cancel(&mut self, number: u32) -> Option<Wake> {
        match self.get_mut(number) {
            Some(place) if place.state == State::Waiting => place.end(State::Cancelled),
            _ => None,
        }
    }

    /// Ends the wait of the very first, if it goes on.
    #[inline]
    pub(super) fn wake_first(&mut self) -> Option<Wake> {
        match self.ring.front_mut() {
            Some(first) if first.state == State::Waiting => first.end(State::Woken),
            _ => None,
        }
    }

    /// Ends the wait of the first whose wait goes on.
    #[inline]
    pub(super) fn wake_next(&mut self) -> Option<Wake> {
        while let Some(place) = self.ring.get_mut(self.unwoken) {
            self.unwoken += 1;
            if place.state == State::Waiting {
                return place.end(State::Woken);
            }
        }
        None
    }

    /// Gives a place up if it was woken; mostly it is the first.
    #[inline]
    pub(super) fn remove_woken(&mut self, number: u32) -> bool {
        match self.ring.front() {
            Some(first) if self.holes == 0 && first.number == number => {
                let woken = first.state == State::Woken;
                if woken {
                    self.ring.pop_front();
                    self.unwoken = self.unwoken.saturating_sub(1);
                }
                woken
            }
            _ => self.remove_other_woken(number),
        }
    }

    #[cold]
    #[inline(never)]
    fn remove_other_woken(&mut self, number: u32) -> bool {
        self.state(number) == State::Woken && self.remove(number).0 == State::Woken
    }

    /// Gives a place up, and returns what the caller has to drop.
    pub(super) fn remove(&mut self, number: u32) -> (State, Option<Wake>) {
        let Some(place) = self.get_mut(number) else {
            return (State::Left, None);
        };
        let state = place.state;
        let wake = place.end(State::Left);
        self.holes += 1;
        let is_hole = |place: &Place| place.state == State::Left;
        while self.ring.front().is_some_and(is_hole) {
            self.ring.pop_front();
            self.unwoken = self.unwoken.saturating_sub(1);
            self.holes -= 1;
        }
        while self.ring.back().is_some_and(is_hole) {
            self.ring.pop_back();
            self.holes -= 1;
        }
        self.unwoken = self.unwoken.min(self.ring.len());
        if self.holes > FEW && self.holes > self.ring.len() / 2 {
            self.ring.retain(|place| !is_hole(place));
            (self.holes, self.unwoken) = (0, 0);
        }
        (state, wake)
    }

    /// The wait goes on, or begins anew where it was woken in vain; `Err` if it was cancelled. The caller drops what is returned.
    pub(super) fn wait_on(&mut self, number: u32, wake: Wake) -> Result<Option<Wake>, Wake> {
        let Some(index) = self.index(number) else {
            return Err(wake);
        };
        let place = &mut self.ring[index];
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
                model.push((places.add("place", wake()), State::Waiting));
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
