//! Accepting that survives what a busy server meets, the same for TCP and Unix listeners.

use std::io;
use std::time::Duration;

use crate::net::source::Source;
use crate::observe::Site;
use crate::reactor::Direction;
use crate::report;
use crate::time::sleep_at;

/// How long accepting rests when the process has run out of descriptors, as in asyncio.
pub(super) const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The next connection: one whose peer has gone before it was accepted is passed over.
pub(super) async fn accept<S: mio::event::Source, R>(
    listener: &Source<S>,
    site: Site,
    once: impl Fn(&S) -> io::Result<R>,
) -> io::Result<R> {
    loop {
        let accepted = listener.attempt(Direction::Read, site, &once);
        match accepted.await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) if is_exhausted(&error) => {
                report::warning!("accept: {error}; trying again in a second");
                sleep_at(ACCEPT_RETRY_DELAY, site).await;
            }
            done => return done,
        }
    }
}

/// EMFILE, ENFILE, ENOBUFS and ENOMEM: too many files or too little memory.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(12 | 23 | 24 | 55 | 105))
}
