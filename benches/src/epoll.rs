//! epoll without anything around it: what load generators, our server and the floors stand on.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

pub struct Epoll {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    pub fn new() -> Epoll {
        // SAFETY: the descriptor is new and ours.
        let epoll = unsafe { OwnedFd::from_raw_fd(libc::epoll_create1(libc::EPOLL_CLOEXEC)) };
        let events = vec![libc::epoll_event { events: 0, u64: 0 }; 1024];
        Epoll { epoll, events }
    }

    /// Watches a descriptor, edge by edge.
    pub fn add(&self, io: &impl AsRawFd, token: u64, interest: i32) {
        let mut event = libc::epoll_event {
            events: (interest | libc::EPOLLET) as u32,
            u64: token,
        };
        let (epoll, fd) = (self.epoll.as_raw_fd(), io.as_raw_fd());
        // SAFETY: both descriptors are open and the event is ours.
        let failed = unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &mut event) };
        assert_eq!(failed, 0, "epoll_ctl: {}", io::Error::last_os_error());
    }

    /// The tokens of what is ready. A timeout of -1 is for ever.
    pub fn wait(&mut self, timeout_ms: i32) -> impl Iterator<Item = u64> + '_ {
        let (epoll, room) = (self.epoll.as_raw_fd(), self.events.len() as i32);
        // SAFETY: there is room for so many events.
        let n = unsafe { libc::epoll_wait(epoll, self.events.as_mut_ptr(), room, timeout_ms) };
        self.events[..n.max(0) as usize]
            .iter()
            .map(|event| event.u64)
    }
}
