//! SIGUSR1 asks every loop of a recorded or inspected program what it is at: each prints itself as text, as the next thing that it
//! does. From one that a step holds up no answer comes; then the line that is known from outside is printed, and the rest follows.

use std::io::Write;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use signal_hook::consts::SIGUSR1;

use crate::core::Core;
use crate::current;
use crate::inbox::call_elsewhere;
use crate::process_signals::{self, Listening};

use super::recording::lock;
use super::snapshot::Snapshot;

/// So long a loop has to answer before it counts as held up.
const PATIENCE: Duration = Duration::from_millis(200);

/// Says, a line each, which steps have the pen: known outside of the loops.
pub(crate) type AtWork = Box<dyn Fn() -> Vec<String> + Send>;

struct Asked {
    /// The loops, by their ids.
    loops: Mutex<Vec<u16>>,
    at_work: Mutex<Vec<AtWork>>,
    /// As long as somebody listens the signal does not end the process.
    _listening: Listening,
}

static ASKED: OnceLock<Option<Asked>> = OnceLock::new();

/// From now on the signal is answered.
pub(crate) fn watch(at_work: AtWork) {
    let asked = ASKED.get_or_init(|| match start() {
        Ok(asked) => Some(asked),
        Err(error) => {
            eprintln!("glassloop: SIGUSR1 is not watched: {error}");
            None
        }
    });
    if let Some(asked) = asked {
        lock(&asked.at_work).push(at_work);
    }
}

fn start() -> std::io::Result<Asked> {
    let (wake, signals) = mpsc::channel();
    let wake = Mutex::new(wake);
    // A thread of its own, since it waits for the loops.
    let thread = std::thread::Builder::new().name("glassloop asks".to_owned());
    thread.spawn(move || signals.iter().for_each(|()| ask()))?;
    let listening = process_signals::listen(SIGUSR1, move || {
        // The thread lives as long as the process.
        let _ = lock(&wake).send(());
    })?;
    Ok(Asked {
        loops: Mutex::default(),
        at_work: Mutex::default(),
        _listening: listening,
    })
}

/// A loop was made: it is asked as well, if any are.
pub(crate) fn loop_made(core: &Core) {
    if let Some(Some(asked)) = ASKED.get() {
        lock(&asked.loops).push(core.id());
    }
}

/// A loop was closed.
pub(crate) fn loop_closed(id: u16) {
    if let Some(Some(asked)) = ASKED.get() {
        lock(&asked.loops).retain(|other| *other != id);
    }
}

fn ask() {
    let Some(Some(asked)) = ASKED.get() else {
        return;
    };
    let loops = lock(&asked.loops).clone();
    if loops.is_empty() {
        say("glassloop: there is no event loop");
    }
    let (sender, answers) = mpsc::channel();
    for id in &loops {
        let sender = sender.clone();
        call_elsewhere(*id, Box::new(move || answer(&sender)));
    }
    drop(sender);
    let mut missing = loops.len();
    // It ends early when all have answered, or are gone.
    while missing > 0 && answers.recv_timeout(PATIENCE).is_ok() {
        missing -= 1;
    }
    if missing > 0 {
        for line in lock(&asked.at_work).iter().flat_map(|at_work| at_work()) {
            say(&format!(
                "{line}; what the loop is at besides follows when the step returns"
            ));
        }
    }
}

/// In the loop.
fn answer(asker: &Sender<()>) {
    current::with(|core| say(Snapshot::of(core).text().trim_end()));
    // It does not wait any more if the loop was held up.
    let _ = asker.send(());
}

/// Nobody may read stderr any more; that is no reason to end.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
