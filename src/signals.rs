//! Signals as callbacks of the loop: the thread that waits for them posts each to the loops that listen. And Ctrl-C, which
//! `run` answers. Unix only.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::panic::Location;
use std::rc::Rc;

use signal_hook::consts::{FORBIDDEN, SIGINT};
use signal_hook::low_level;

use crate::current;
use crate::error::LoopError;
use crate::event_loop::EventLoop;
use crate::inbox;
use crate::interrupt;
use crate::observe::Site;
use crate::process_signals::{self, Listening};

/// A callback of the user's.
struct Handler {
    name: &'static str,
    site: Site,
    function: Rc<dyn Fn()>,
    _listening: Listening,
}

/// What a loop listens to, an extension of its core: it ceases when it is closed.
#[derive(Default)]
struct Handlers {
    by_signal: RefCell<HashMap<i32, Handler>>,
    /// To Ctrl-C, for `run`.
    interrupts: Cell<Option<Listening>>,
}

/// The loop has the letter.
fn arrived(signal: i32) {
    current::with(|core| {
        let handlers = core.extension::<Handlers>();
        let handlers = handlers.by_signal.borrow();
        if let Some(handler) = handlers.get(&signal) {
            let function = handler.function.clone();
            let callback =
                core.callback_named(handler.name, handler.site, None, move || function());
            core.push_call(callback);
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
    pub fn add_signal_handler<F: Fn() + 'static>(
        &self,
        signal: i32,
        callback: F,
    ) -> Result<(), LoopError> {
        self.core.check_open()?;
        let refused = |why: &dyn fmt::Display| LoopError::Signal(why.to_string());
        if low_level::signal_name(signal).is_none() {
            return Err(refused(&format_args!("invalid signal number {signal}")));
        }
        if FORBIDDEN.contains(&signal) {
            return Err(refused(&format_args!("sig {signal} cannot be caught")));
        }
        let id = self.core.id();
        let post = move || inbox::call_elsewhere(id, Box::new(move || arrived(signal)));
        let handler = Handler {
            name: type_name::<F>(),
            site: Location::caller(),
            function: Rc::new(callback),
            _listening: process_signals::listen(signal, post).map_err(|error| refused(&error))?,
        };
        let handlers = self.core.extension::<Handlers>();
        let before = handlers.by_signal.borrow_mut().insert(signal, handler);
        drop(before);
        if signal == SIGINT {
            // It is the program's own from now on.
            handlers.interrupts.take();
        }
        Ok(())
    }

    /// Has `run` answer Ctrl-C: see [`interrupt`]. A second one ends the process by the signal's default action when the loop
    /// has not come to the first, since a step blocks it.
    pub(crate) fn answer_interrupts(&self, answer: impl Fn() -> bool + 'static) -> io::Result<()> {
        interrupt::set_answer(&self.core, answer);
        let id = self.core.id();
        let listening = process_signals::listen(SIGINT, move || {
            if !inbox::interrupt(id) {
                // Nobody may read it.
                let _ = writeln!(
                    io::stderr(),
                    "interrupted twice while a step blocks the event loop: ended without a clean-up"
                );
                process_signals::end_process(SIGINT);
            }
        })?;
        self.core
            .extension::<Handlers>()
            .interrupts
            .set(Some(listening));
        Ok(())
    }

    /// Takes the callback away: unless another loop has one, the signal does again what it does by default. False when there
    /// was none. asyncio's `remove_signal_handler`.
    pub fn remove_signal_handler(&self, signal: i32) -> bool {
        let handlers = self.core.extension::<Handlers>();
        let removed = handlers.by_signal.borrow_mut().remove(&signal);
        removed.is_some()
    }
}
