//! The connection that a response is read from, and what becomes of it afterwards.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::HeaderMap;
use http::header::HeaderName;

use crate::http::connection::{Connection, Piece};
use crate::http::limits::{Deadline, within};
use crate::http::parser::{End, ResponseHead};
use crate::http::pool::Permit;
use crate::http::tokens::tokens;
use crate::observe::Site;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// A response whose body was not read is read to its end after all, if that is here already and no longer than this.
const MOST_UNREAD: u64 = 64 * 1024;

pub(crate) struct Reading {
    pub(crate) connection: Box<Connection>,
    permit: Permit,
    /// The request was sent to its end: only then can the connection carry another one.
    pub(crate) sent: bool,
}

impl Reading {
    pub(crate) fn new(
        mut connection: Box<Connection>,
        permit: Permit,
        sent: bool,
        head: &ResponseHead,
    ) -> Reading {
        connection.keeps = match head.notable.keep_alive {
            true => keeps(head.headers()),
            false => None,
        };
        Reading {
            connection,
            permit,
            sent,
        }
    }

    /// The body has been read: the connection goes back to the pool if nothing speaks against it.
    pub(crate) fn finish(self, end: &End) {
        if end.reusable && self.sent {
            self.permit
                .pool()
                .check_in(self.permit.host(), self.connection);
        }
    }

    pub(crate) fn into_parts(self) -> (Box<Connection>, Permit) {
        (self.connection, self.permit)
    }

    /// Nobody wants the body.
    pub(crate) fn abandon(mut self) {
        let left = self.connection.remaining();
        if left.is_none_or(|left| left <= MOST_UNREAD) {
            if let Some(end) = self.connection.drain(MOST_UNREAD) {
                self.finish(&end);
            }
        }
    }

    /// Reads the rest, if it is not too much and comes in time, so that the connection can be kept: if it can at all.
    pub(crate) fn drain(
        mut self,
        most: u64,
        by: Deadline,
        site: Site,
    ) -> Pin<Box<dyn Future<Output = ()>>> {
        let is_worth_it = self.sent
            && self.connection.is_reusable()
            && !self.permit.pool().keep_time(&self.connection).is_zero()
            && self.connection.remaining().is_none_or(|left| left <= most);
        if !is_worth_it {
            return Box::pin(async {});
        }
        Box::pin(async move {
            let mut left = most;
            let reading = poll_fn(|context: &mut Context<'_>| {
                loop {
                    match ready!(self.connection.poll_next(context, site)) {
                        Ok(Piece::Data(data)) => match left.checked_sub(data.len() as u64) {
                            Some(less) => left = less,
                            None => return Poll::Ready(None),
                        },
                        Ok(Piece::End(end)) => return Poll::Ready(Some(end)),
                        Ok(Piece::Head(_)) | Err(_) => return Poll::Ready(None),
                    }
                }
            });
            if let Ok(Some(end)) = within(by, reading).await {
                self.finish(&end);
            }
        })
    }
}

/// How long the server keeps the idle connection, if it says so.
fn keeps(headers: &HeaderMap) -> Option<Duration> {
    let mut kept = None;
    for part in tokens(headers, &KEEP_ALIVE) {
        let Some((name, value)) = part.split_once('=') else {
            continue;
        };
        let value: Option<u64> = value.trim().parse().ok();
        match (name.trim().to_ascii_lowercase().as_str(), value) {
            ("timeout", Some(seconds)) => {
                let seconds = Duration::from_secs(seconds);
                kept = Some(kept.map_or(seconds, |kept: Duration| kept.min(seconds)));
            }
            // It is not kept at all.
            ("max", Some(0)) => kept = Some(Duration::ZERO),
            _ => {}
        }
    }
    kept
}

/// What a response has of its body.
pub(crate) enum Source {
    Open(Reading),
    Ended,
    /// It broke off; the error was given out.
    Failed,
}

impl Source {
    pub(crate) fn take(&mut self, then: Source) -> Option<Reading> {
        match mem::replace(self, then) {
            Source::Open(reading) => Some(reading),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn r50_keep_alive_says_how_long() {
        let seconds = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("keep-alive", HeaderValue::from_static(text));
            keeps(&headers).map(|kept| kept.as_secs())
        };
        assert_eq!(keeps(&HeaderMap::new()), None);
        assert_eq!(seconds("timeout=5"), Some(5));
        assert_eq!(seconds("Timeout = 7, max=100"), Some(7));
        assert_eq!(seconds("timeout=5, max=0"), Some(0));
        assert_eq!(seconds("max=100"), None);
        assert_eq!(seconds("timeout=-1"), None);
        assert_eq!(seconds("nonsense"), None);
    }

    #[test]
    fn a_member_of_keep_alive_that_says_nothing_hides_no_other() {
        for text in [
            "timeout=1,",
            "timeout=1, foo",
            "foo, timeout=1",
            ",timeout=1",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("keep-alive", HeaderValue::from_static(text));
            assert_eq!(keeps(&headers), Some(Duration::from_secs(1)), "{text}");
        }
    }
}
