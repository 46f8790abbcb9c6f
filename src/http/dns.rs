//! Names to addresses, off the loop: one lookup for all who ask for the same name at the same time, and a memory of seconds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use crate::combine::shield;
use crate::core::Core;
use crate::observe::Site;
use crate::pool::ThreadPool;
use crate::task::{Task, create_task};
use crate::threads::to_thread_of;

/// More names than this are not remembered.
const MOST_NAMES: usize = 1000;

/// The system's resolver blocks. Its threads are few and its own: a slow name server takes no thread from other work, and a
/// program that ends does not wait for it.
static LOOKUPS: LazyLock<ThreadPool> = LazyLock::new(|| ThreadPool::of(8));

/// Who looks up names: see [`TcpConnector::resolver`](crate::http::TcpConnector::resolver). aiohttp's `AbstractResolver`.
pub trait Resolve {
    /// The addresses of a name, best first. It is polled in a task of the loop, must not block, and is dropped only with the
    /// loop: whoever gave up waiting leaves the answer to the next.
    fn resolve(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>>>>;
}

struct System;

impl Resolve for System {
    fn resolve(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>>>> {
        let name = name.to_owned();
        let looked_up = to_thread_of(&LOOKUPS, move || {
            let addresses = (name.as_str(), 0).to_socket_addrs()?;
            Ok(addresses.map(|address| address.ip()).collect())
        });
        Box::pin(async move { looked_up.await.map_err(io::Error::other)? })
    }
}

/// The addresses of a name, and until when they are believed, on the loop's clock.
type Known = (Rc<[IpAddr]>, u64);
type Found = Result<Rc<[IpAddr]>, Rc<io::Error>>;

pub(crate) struct Dns {
    resolver: Rc<dyn Resolve>,
    ttl: Duration,
    known: RefCell<HashMap<Box<str>, Known>>,
    lookups: RefCell<HashMap<Box<str>, Task<Found>>>,
}

impl Dns {
    pub(crate) fn new(resolver: Option<Rc<dyn Resolve>>, ttl: Duration) -> Rc<Dns> {
        Rc::new(Dns {
            resolver: resolver.unwrap_or_else(|| Rc::new(System)),
            ttl,
            known: RefCell::default(),
            lookups: RefCell::default(),
        })
    }

    /// What is remembered of `name`.
    pub(crate) fn known(&self, core: &Core, name: &str) -> Option<Rc<[IpAddr]>> {
        let known = self.known.borrow();
        let (addresses, until) = known.get(name)?;
        (core.clock.read() < *until).then(|| addresses.clone())
    }

    /// Looks `name` up. Whoever gives up leaves the lookup to the others, and its result to the memory.
    pub(crate) async fn look_up(
        self: &Rc<Self>,
        core: &Rc<Core>,
        name: &str,
        site: Site,
    ) -> io::Result<Rc<[IpAddr]>> {
        let running = self.lookups.borrow().get(name).cloned();
        let lookup = running.unwrap_or_else(|| {
            let (dns, of, core) = (self.clone(), name.to_owned(), core.clone());
            let lookup = create_task(async move { dns.ask(&core, of).await });
            self.lookups
                .borrow_mut()
                .insert(name.into(), lookup.clone());
            lookup
        });
        match shield(&lookup).join_at(site).await {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    async fn ask(&self, core: &Core, name: String) -> Found {
        let done = Done(self, &name);
        let found = match self.resolver.resolve(&name).await {
            Ok(addresses) if addresses.is_empty() => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("the name {name} has no address"),
            )),
            found => found,
        };
        let found = found.map(Rc::from).map_err(Rc::new);
        if let Ok(addresses) = &found {
            self.remember(core, &name, addresses);
        }
        drop(done);
        found
    }

    fn remember(&self, core: &Core, name: &str, addresses: &Rc<[IpAddr]>) {
        if self.ttl.is_zero() {
            return;
        }
        let mut known = self.known.borrow_mut();
        if known.len() >= MOST_NAMES {
            let now = core.clock.read();
            known.retain(|_, (_, until)| *until > now);
            if known.len() >= MOST_NAMES {
                known.clear();
            }
        }
        let until = core.clock.after(self.ttl).unwrap_or(u64::MAX);
        known.insert(name.into(), (addresses.clone(), until));
    }
}

/// The lookup is over, also if its task was cancelled.
struct Done<'a>(&'a Dns, &'a str);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.lookups.borrow_mut().remove(self.1);
    }
}
