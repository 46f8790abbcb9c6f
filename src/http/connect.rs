//! Happy Eyeballs (RFC 8305): the addresses of a name are tried one after another, each with a head start; the first
//! connection wins, and the others are closed at once.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::core::Core;
use crate::http::error::ErrorKind;
use crate::http::limits::{Alarm, Deadline, Knob};
use crate::net::TcpStream;
use crate::observe::Site;

/// How to connect.
pub(crate) struct Plan {
    /// The head start of each address.
    pub(crate) delay: Duration,
    pub(crate) local: Option<IpAddr>,
}

impl Plan {
    /// Those of the family of the local address: from it, there is no way to the others.
    fn reachable(&self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, ErrorKind> {
        let Some(local) = self.local else {
            return Ok(addresses.to_vec());
        };
        let is_reachable = |address: &SocketAddr| address.is_ipv4() == local.is_ipv4();
        let (reachable, others): (Vec<_>, Vec<_>) =
            addresses.iter().copied().partition(is_reachable);
        if !reachable.is_empty() || others.is_empty() {
            return Ok(reachable);
        }
        let refuse = |address| {
            let why = format!("not of the family of the local address {local} (local_addr)");
            let kind = io::ErrorKind::AddrNotAvailable;
            (address, io::Error::new(kind, why))
        };
        Err(ErrorKind::Connect(others.into_iter().map(refuse).collect()))
    }
}

/// A connect under way.
struct Attempt {
    address: SocketAddr,
    stream: TcpStream,
    deadline: Deadline,
    alarm: Alarm,
}

struct Race<'a> {
    core: &'a Rc<Core>,
    plan: &'a Plan,
    /// For each address.
    limit: Option<Duration>,
    waiting: VecDeque<SocketAddr>,
    attempts: Vec<Attempt>,
    failures: Vec<(SocketAddr, io::Error)>,
    /// When the next address is to be tried.
    next: Deadline,
    alarm: Alarm,
}

/// A connection to one of `addresses`, or why there is none.
pub(crate) async fn connect(
    core: &Rc<Core>,
    plan: &Plan,
    limit: Option<Duration>,
    addresses: &[SocketAddr],
    site: Site,
) -> Result<TcpStream, ErrorKind> {
    let reachable = plan.reachable(addresses)?;
    let mut race = Race {
        core,
        plan,
        limit,
        waiting: interleave(&reachable),
        attempts: Vec::new(),
        failures: Vec::new(),
        next: Deadline::NEVER,
        alarm: Alarm::new(core.clone()),
    };
    let connected = poll_fn(|context| race.poll(context, site)).await;
    connected.ok_or_else(|| {
        let timed_out = |(_, error): &(_, io::Error)| error.kind() == io::ErrorKind::TimedOut;
        match limit {
            Some(limit) if !race.failures.is_empty() && race.failures.iter().all(timed_out) => {
                ErrorKind::Timeout("sock_connect", limit)
            }
            _ => ErrorKind::Connect(race.failures),
        }
    })
}

/// IPv6 and IPv4 by turns, IPv6 first.
fn interleave(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let is_six = |address: &SocketAddr| address.is_ipv6();
    let (sixes, fours): (Vec<_>, Vec<_>) = addresses.iter().copied().partition(is_six);
    let (mut sixes, mut fours) = (sixes.into_iter(), fours.into_iter());
    let mut mixed = VecDeque::with_capacity(addresses.len());
    while mixed.len() < addresses.len() {
        mixed.extend(sixes.next());
        mixed.extend(fours.next());
    }
    mixed
}

impl Race<'_> {
    /// The winner; `None` when all have failed.
    fn poll(&mut self, context: &Context<'_>, site: Site) -> Poll<Option<TcpStream>> {
        loop {
            let mut failed = false;
            let mut i = 0;
            while i < self.attempts.len() {
                let attempt = &mut self.attempts[i];
                let over = match attempt.stream.poll_connected(context, site) {
                    Poll::Ready(Ok(())) => {
                        return Poll::Ready(Some(self.attempts.swap_remove(i).stream));
                    }
                    Poll::Ready(Err(error)) => Some(error),
                    Poll::Pending => match attempt.alarm.poll(context, attempt.deadline) {
                        Ok(()) => None,
                        Err(over) => {
                            Some(io::Error::new(io::ErrorKind::TimedOut, over.to_string()))
                        }
                    },
                };
                match over {
                    Some(error) => {
                        let attempt = self.attempts.swap_remove(i);
                        self.failures.push((attempt.address, error));
                        failed = true;
                    }
                    None => i += 1,
                }
            }
            // The next address need not wait for its time when one has failed.
            if failed && !self.waiting.is_empty() {
                self.begin_next();
                continue;
            }
            if self.attempts.is_empty() {
                if self.waiting.is_empty() {
                    return Poll::Ready(None);
                }
                self.begin_next();
            } else if self.alarm.poll(context, self.next).is_ok() {
                return Poll::Pending;
            } else {
                self.begin_next();
            }
        }
    }

    fn begin_next(&mut self) {
        self.next = Deadline::NEVER;
        let local = self.plan.local.map(|local| SocketAddr::new(local, 0));
        // One that fails at once has no head start.
        while let Some(address) = self.waiting.pop_front() {
            match TcpStream::begin_connect(address, local) {
                Ok(stream) => {
                    self.attempts.push(Attempt {
                        address,
                        stream,
                        deadline: Deadline::new(self.core, Knob::SockConnect, self.limit),
                        alarm: Alarm::new(self.core.clone()),
                    });
                    break;
                }
                Err(error) => self.failures.push((address, error)),
            }
        }
        if !self.waiting.is_empty() {
            self.next = Deadline::new(self.core, Knob::Patience, Some(self.plan.delay));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_six_is_first() {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let given = ["1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1", "[::1]:1", "[::2]:1"].map(parse);
        let mixed = interleave(&given);
        let expected = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "3.3.3.3:1"].map(parse);
        assert_eq!(Vec::from(mixed), expected);
    }
}
