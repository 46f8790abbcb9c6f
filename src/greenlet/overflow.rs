//! Says on stderr why the process ends when a greenlet overflows its stack: the guard page alone would end it without a word,
//! since Rust's own report knows the stacks of threads only.
//!
//! The second place of the folder with unsafe code: a signal handler can be installed in no other way.

use std::cell::Cell;

use crate::observe::Site;

/// The stack of a greenlet.
#[derive(Clone, Copy)]
pub(crate) struct Ground {
    /// The addresses below it that nobody may touch: the first, and the first beyond.
    pub(crate) guard: (usize, usize),
    pub(crate) size: usize,
    /// Where the greenlet was created.
    pub(crate) site: Site,
}

thread_local! {
    /// Of the greenlet that runs. Without a destructor, so that a signal handler may look.
    static GROUND: Cell<Option<Ground>> = const { Cell::new(None) };
}

/// Sets whose stack the thread is on, and gives back whose it was.
pub(crate) fn stand_on(ground: Option<Ground>) -> Option<Ground> {
    GROUND.replace(ground)
}

#[cfg(unix)]
pub(crate) use unix::report_from_now_on;

#[cfg(not(unix))]
pub(crate) fn report_from_now_on() {}

#[cfg(unix)]
mod unix {
    use std::io::Write;
    use std::mem::MaybeUninit;
    use std::process::abort;
    use std::ptr;
    use std::sync::OnceLock;

    use libc::{c_int, c_void, siginfo_t};

    use super::{GROUND, Ground};

    /// What a guard page raises: the first on Linux, the second on macOS.
    const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

    /// Who handled them before.
    static FORMER: OnceLock<[libc::sigaction; 2]> = OnceLock::new();

    /// Installs the report for the whole process, once.
    pub(crate) fn report_from_now_on() {
        if FORMER.get().is_some() {
            return;
        }
        // SAFETY: all zeros is a valid `sigaction`.
        let zeros: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        let former = SIGNALS.map(|signal| {
            let mut former = zeros;
            // SAFETY: only asks; the pointer is of a value that outlives the call.
            unsafe { libc::sigaction(signal, ptr::null(), &mut former) };
            former
        });
        // First of all, since the handler relies on it. Another thread may have been faster.
        if FORMER.set(former).is_err() {
            return;
        }
        let mut ours = zeros;
        ours.sa_sigaction = report as *const () as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        for signal in SIGNALS {
            // SAFETY: the pointer as above. The handler does only what a handler may: it looks at memory that is set up, and
            // calls `write` and `sigaction`.
            unsafe { libc::sigaction(signal, &ours, ptr::null_mut()) };
        }
    }

    /// The handler. When it returns the fault happens again, and is its former handler's.
    extern "C" fn report(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
        // SAFETY: the kernel passes a valid `siginfo_t`, and those of these two signals have an address.
        let address = unsafe { (*info).si_addr() } as usize;
        if let Ok(Some(ground)) = GROUND.try_with(|ground| ground.get()) {
            if ground.guard.0 <= address && address < ground.guard.1 {
                tell(&ground);
            }
        }
        let place = SIGNALS.iter().position(|known| *known == signal);
        let (Some(former), Some(place)) = (FORMER.get(), place) else {
            abort();
        };
        // SAFETY: the pointer is of a value that lives for ever.
        unsafe { libc::sigaction(signal, &former[place], ptr::null_mut()) };
    }

    /// Takes no memory and no lock: nobody knows what the greenlet was about.
    fn tell(ground: &Ground) {
        let mut text = [0; 1024];
        let mut rest = &mut text[..];
        // What does not fit is left out.
        let _ = writeln!(
            rest,
            "\na greenlet created at {} has overflowed its stack of {} bytes; \
             greenlet::Builder::new().stack_size(bytes) makes one with a larger stack",
            ground.site, ground.size,
        );
        let left = rest.len();
        let length = text.len() - left;
        // SAFETY: so many bytes of the array are there.
        unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), length) };
    }
}
