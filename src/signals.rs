//! Signals as callbacks: a thread waits for them and posts each to the loop. Unix only.
//!
//! `run` uses it for Ctrl-C. While a signal has no callback here, it does what it does by default.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use signal_hook::consts::{FORBIDDEN, SIGINT};
use signal_hook::flag::register_conditional_default;
use signal_hook::iterator::{self, Signals};
use signal_hook::low_level;

use crate::core::Core;
use crate::current;
use crate::error::LoopError;
use crate::event_loop::EventLoop;
use crate::inbox;
use crate::observe::Site;

type Callback = Rc<dyn Fn()>;

/// How many callbacks each signal has, in all loops.
static CALLBACKS: [AtomicUsize; 65] = [const { AtomicUsize::new(0) }; 65];

/// What is to be done before a signal ends the process.
static LAST_WORDS: OnceLock<fn()> = OnceLock::new();

/// Whether a loop has a callback for this signal.
pub(crate) fn has_callback(signal: i32) -> bool {
    let callbacks = CALLBACKS.get(signal as usize);
    callbacks.is_some_and(|callbacks| callbacks.load(Ordering::SeqCst) > 0)
}

/// Has `function` called before [`end_process`] does what it says.
pub(crate) fn before_the_end(function: fn()) {
    // A second one is the same.
    let _ = LAST_WORDS.set(function);
}

/// Does what the signal does by default.
pub(crate) fn end_process(signal: i32) {
    if let Some(function) = LAST_WORDS.get() {
        function();
    }
    // It fails for signals without a default action, and these have one.
    let _ = low_level::emulate_default_handler(signal);
}

/// Notes that a loop has one callback more or less.
fn count(signal: i32, change: impl Fn(&AtomicUsize, usize, Ordering) -> usize) {
    if let Some(callbacks) = CALLBACKS.get(signal as usize) {
        change(callbacks, 1, Ordering::SeqCst);
    }
}

/// Whether a Ctrl-C ends the process that comes before the loop has taken the one before: a step blocks it.
#[derive(Default)]
struct Impatience {
    on: AtomicBool,
    unanswered: AtomicBool,
}

impl Impatience {
    fn set(&self, on: bool) {
        self.on.store(on, Ordering::SeqCst);
        self.unanswered.store(false, Ordering::SeqCst);
    }

    /// Ctrl-C: to the thread that waits for signals.
    fn interrupt(&self) {
        if self.unanswered.swap(true, Ordering::SeqCst) && self.on.load(Ordering::SeqCst) {
            eprintln!(
                "interrupted twice while a step blocks the event loop: ended without a clean-up"
            );
            end_process(SIGINT);
        }
    }
}

/// What a loop knows of signals.
#[derive(Default)]
struct SignalTable {
    impatience: Arc<Impatience>,
    callbacks: RefCell<HashMap<i32, (Site, Callback)>>,
    /// Signals that were ever watched; true while they have no callback, and so do what they do by default.
    defaults: RefCell<HashMap<i32, Arc<AtomicBool>>>,
    watcher: RefCell<Option<Watcher>>,
}

/// The thread that waits; it ends when this is dropped.
struct Watcher {
    handle: iterator::Handle,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It does nothing that could panic.
            let _ = thread.join();
        }
    }
}

impl SignalTable {
    fn add(&self, core: &Core, signal: i32, site: Site, callback: Callback) -> io::Result<()> {
        let known = self.defaults.borrow().get(&signal).cloned();
        match known {
            Some(default) => default.store(false, Ordering::SeqCst),
            None => {
                let default = Arc::new(AtomicBool::new(false));
                self.watch(core.id(), signal)?;
                register_conditional_default(signal, default.clone())?;
                self.defaults.borrow_mut().insert(signal, default);
            }
        }
        if signal == SIGINT {
            self.impatience.set(false);
        }
        let old = self.callbacks.borrow_mut().insert(signal, (site, callback));
        if old.is_none() {
            count(signal, AtomicUsize::fetch_add);
        }
        drop(old);
        Ok(())
    }

    fn watch(&self, loop_id: u16, signal: i32) -> io::Result<()> {
        if let Some(watcher) = &*self.watcher.borrow() {
            return watcher.handle.add_signal(signal);
        }
        let mut signals = Signals::new([signal])?;
        let handle = signals.handle();
        let thread = thread::Builder::new().name("glassloop signals".to_owned());
        let impatience = self.impatience.clone();
        let thread = thread.spawn(move || {
            for signal in signals.forever() {
                if signal == SIGINT {
                    impatience.interrupt();
                }
                inbox::call_elsewhere(loop_id, Box::new(move || arrived(signal)));
            }
        })?;
        self.watcher.replace(Some(Watcher {
            handle,
            thread: Some(thread),
        }));
        Ok(())
    }

    fn remove(&self, signal: i32) -> bool {
        if let Some(default) = self.defaults.borrow().get(&signal) {
            default.store(true, Ordering::SeqCst);
        }
        let removed = self.callbacks.borrow_mut().remove(&signal);
        if removed.is_some() {
            count(signal, AtomicUsize::fetch_sub);
        }
        removed.is_some()
    }
}

/// The loop is closed: every signal does again what it does by default, and the thread ends.
impl Drop for SignalTable {
    fn drop(&mut self) {
        for default in self.defaults.get_mut().values() {
            default.store(true, Ordering::SeqCst);
        }
        for signal in self.callbacks.get_mut().keys() {
            count(*signal, AtomicUsize::fetch_sub);
        }
    }
}

/// The loop has the letter.
fn arrived(signal: i32) {
    current::with(|core| {
        let table = core.extension::<SignalTable>();
        if signal == SIGINT {
            table.impatience.unanswered.store(false, Ordering::SeqCst);
        }
        let callback = table.callbacks.borrow().get(&signal).cloned();
        if let Some((site, callback)) = callback {
            core.call_soon(site, move || callback());
        }
    });
}

impl EventLoop {
    /// Has `callback` called in the loop whenever the process gets `signal` (a number such as `libc::SIGTERM`, 15). It
    /// replaces the callback that was there, and the default action. asyncio's `add_signal_handler`.
    ///
    /// ```no_run
    /// # glassloop::run(async {
    /// let event_loop = glassloop::get_running_loop().unwrap();
    /// let main = glassloop::current_task().unwrap();
    /// event_loop.add_signal_handler(15, move || drop(main.cancel())).unwrap(); // SIGTERM
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`LoopError::Closed`]; [`LoopError::Signal`] for a signal that does not exist or cannot be caught.
    #[track_caller]
    pub fn add_signal_handler(
        &self,
        signal: i32,
        callback: impl Fn() + 'static,
    ) -> Result<(), LoopError> {
        self.core.check_open()?;
        let refused = |why: &dyn fmt::Display| LoopError::Signal(why.to_string());
        if low_level::signal_name(signal).is_none() {
            return Err(refused(&format_args!("invalid signal number {signal}")));
        }
        if FORBIDDEN.contains(&signal) {
            return Err(refused(&format_args!("sig {signal} cannot be caught")));
        }
        let site = Location::caller();
        let added =
            self.core
                .extension::<SignalTable>()
                .add(&self.core, signal, site, Rc::new(callback));
        added.map_err(|error| refused(&error))
    }

    /// [`add_signal_handler`](EventLoop::add_signal_handler) for `run`'s Ctrl-C: a second one ends the process by the signal's
    /// default action when the loop has not come to the first.
    #[track_caller]
    pub(crate) fn add_interrupt_handler(
        &self,
        callback: impl Fn() + 'static,
    ) -> Result<(), LoopError> {
        self.add_signal_handler(SIGINT, callback)?;
        self.core.extension::<SignalTable>().impatience.set(true);
        Ok(())
    }

    /// Takes the callback away: the signal does again what it does by default. False when there was none.
    /// asyncio's `remove_signal_handler`.
    pub fn remove_signal_handler(&self, signal: i32) -> bool {
        self.core.extension::<SignalTable>().remove(signal)
    }
}
