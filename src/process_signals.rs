//! The process's signals: one thread waits for them and tells who listens. Nobody does, or not any more: it then does what the
//! signal does by default, since the system has no handler of before to go back to. Unix only.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level;

/// By signal and by number, so in the order in which they came.
type Listeners = BTreeMap<(i32, u64), Box<dyn Fn() + Send>>;

struct Table {
    /// Has the thread wait for further signals.
    handle: Handle,
    listeners: Listeners,
    /// How many there ever were.
    made: u64,
}

/// `None` until somebody asks for a signal; then it stays, and its thread.
static TABLE: Mutex<Option<Table>> = Mutex::new(None);

/// What is to be done before a signal ends the process.
static LAST_WORDS: OnceLock<fn()> = OnceLock::new();

/// Somebody listens to a signal for as long as this lives.
pub(crate) struct Listening {
    signal: i32,
    number: u64,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(table) = &mut *lock() {
            table.listeners.remove(&(self.signal, self.number));
        }
    }
}

/// Has the thread call `tell` at each such signal. It must not listen or cease to listen itself.
pub(crate) fn listen(signal: i32, tell: impl Fn() + Send + 'static) -> io::Result<Listening> {
    let mut table = lock();
    let table = watched(&mut table, signal)?;
    table.made += 1;
    let number = table.made;
    table.listeners.insert((signal, number), Box::new(tell));
    Ok(Listening { signal, number })
}

/// Has the signal wait for the last words, should it end the process.
pub(crate) fn watch(signal: i32) -> io::Result<()> {
    watched(&mut lock(), signal).map(drop)
}

/// The table, whose thread waits for this signal too.
fn watched(table: &mut Option<Table>, signal: i32) -> io::Result<&mut Table> {
    if let Some(table) = table {
        table.handle.add_signal(signal)?;
        return Ok(table);
    }
    let mut signals = Signals::new([signal])?;
    let handle = signals.handle();
    let thread = thread::Builder::new().name("glassloop signals".to_owned());
    thread.spawn(move || {
        for signal in signals.forever() {
            arrived(signal);
        }
    })?;
    Ok(table.insert(Table {
        handle,
        listeners: BTreeMap::new(),
        made: 0,
    }))
}

fn arrived(signal: i32) {
    let mut heard = false;
    if let Some(table) = &*lock() {
        for (_, tell) in table.listeners.range((signal, 0)..=(signal, u64::MAX)) {
            tell();
            heard = true;
        }
    }
    if !heard {
        end_process(signal);
    }
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

/// A poisoned lock is used as it is: the table is whole, since nothing panics while it is changed.
fn lock() -> MutexGuard<'static, Option<Table>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}
