//! Giving the loop something to call: at once, later, at a time, or in a thread.

use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::callback::{Handle, TimerHandle};
use crate::error::LoopError;
use crate::event_loop::EventLoop;
use crate::observe::Site;
use crate::threads::{self, Offload};
use crate::timers::Target;

impl EventLoop {
    /// Schedules `callback` for the next turn, behind what is scheduled already. A panic in it is logged, and the loop
    /// goes on. asyncio's `call_soon`.
    ///
    /// ```
    /// # glassloop::run(async {
    /// use glassloop::{get_running_loop, yield_now};
    ///
    /// let event_loop = get_running_loop().unwrap();
    /// event_loop.call_soon(|| println!("in the next turn")).unwrap();
    /// event_loop.call_soon(|| println!("never")).unwrap().cancel();
    /// yield_now().await;
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`LoopError::Closed`].
    #[track_caller]
    pub fn call_soon(&self, callback: impl FnOnce() + 'static) -> Result<Handle, LoopError> {
        self.core.check_open()?;
        Ok(Handle::new(
            self.core.call_soon(Location::caller(), callback),
        ))
    }

    /// Schedules `callback` for the time when `delay` is over. Zero is due at once, yet behind what is ready; what the
    /// clock cannot count (`Duration::MAX`) is never. asyncio's `call_later`.
    ///
    /// # Errors
    /// [`LoopError::Closed`].
    #[track_caller]
    pub fn call_later(
        &self,
        delay: Duration,
        callback: impl FnOnce() + 'static,
    ) -> Result<TimerHandle, LoopError> {
        self.call_when(self.core.clock.after(delay), Location::caller(), callback)
    }

    /// Schedules `callback` for a time of the loop's clock ([`time`](EventLoop::time)); one that is past is due at once.
    /// asyncio's `call_at`.
    ///
    /// ```
    /// # glassloop::run(async {
    /// # use std::time::Duration;
    /// let event_loop = glassloop::get_running_loop().unwrap();
    /// let when = event_loop.time() + Duration::from_millis(5);
    /// let timer = event_loop.call_at(when, || println!("5 ms later")).unwrap();
    /// assert_eq!(timer.when(), Some(when));
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`LoopError::Closed`].
    #[track_caller]
    pub fn call_at(
        &self,
        when: Duration,
        callback: impl FnOnce() + 'static,
    ) -> Result<TimerHandle, LoopError> {
        self.call_when(crate::clock::to_nanos(when), Location::caller(), callback)
    }

    fn call_when<F: FnOnce() + 'static>(
        &self,
        when: Option<u64>,
        site: Site,
        function: F,
    ) -> Result<TimerHandle, LoopError> {
        self.core.check_open()?;
        let callback = self.core.callback(site, when.or(Some(u64::MAX)), function);
        let timer = when.map(|when| {
            self.core
                .set_timer(when, Target::Callback(Box::new(callback.clone())))
        });
        let core = Rc::downgrade(&self.core);
        let forget = Rc::new(move || {
            if let (Some(timer), Some(core)) = (timer, core.upgrade()) {
                core.cancel_timer(timer);
            }
        });
        Ok(TimerHandle::new(
            callback,
            when.map(Duration::from_nanos),
            forget,
        ))
    }

    /// Runs `job` in the thread pool, starting now; awaiting what is returned gives its value. See
    /// [`to_thread`](crate::to_thread).
    ///
    /// # Errors
    /// [`LoopError::Closed`].
    #[track_caller]
    pub fn run_in_executor<T, F>(&self, job: F) -> Result<Offload<T>, LoopError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.core.check_open()?;
        Ok(threads::submit(&self.core, job, Location::caller()))
    }
}
