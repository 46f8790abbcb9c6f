//! `add_reader`, `add_writer` and their removal: the loop's callbacks on file descriptors. Unix only.

use std::any::type_name;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::Location;
use std::rc::Rc;

use crate::error::LoopError;
use crate::event_loop::EventLoop;
use crate::net::watch::{self, Called};
use crate::reactor::Direction;

impl EventLoop {
    /// Calls `callback` in each turn in which `fd` has something to read: data, a connection to accept, or the end. It
    /// replaces the callback that was there. A panic in it is logged, and the watch stays.
    ///
    /// The descriptor stays yours: call [`remove_reader`](EventLoop::remove_reader) before you close it. asyncio's `add_reader`.
    ///
    /// ```
    /// # glassloop::run(async {
    /// use glassloop::{Promise, get_running_loop};
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    ///
    /// let (watched, mut other) = UnixStream::pair().unwrap();
    /// let arrived = Promise::new();
    /// let event_loop = get_running_loop().unwrap();
    /// let promise = arrived.clone();
    /// event_loop.add_reader(&watched, move || drop(promise.set_result(()))).unwrap();
    /// other.write_all(b"!").unwrap();
    /// arrived.await.unwrap();
    /// event_loop.remove_reader(&watched);
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`LoopError::Closed`]; [`LoopError::Io`] for a regular file, which is always ready, and for the sockets of this library.
    #[track_caller]
    pub fn add_reader(
        &self,
        fd: impl AsFd,
        callback: impl Fn() + 'static,
    ) -> Result<(), LoopError> {
        self.watch(fd, Direction::Read, callback)
    }

    /// As [`add_reader`](EventLoop::add_reader), for room to write. asyncio's `add_writer`.
    ///
    /// # Errors
    /// Those of [`add_reader`](EventLoop::add_reader).
    #[track_caller]
    pub fn add_writer(
        &self,
        fd: impl AsFd,
        callback: impl Fn() + 'static,
    ) -> Result<(), LoopError> {
        self.watch(fd, Direction::Write, callback)
    }

    /// Ends what [`add_reader`](EventLoop::add_reader) began, also a call that is due in this turn. `false` when there was
    /// none. asyncio's `remove_reader`.
    pub fn remove_reader(&self, fd: impl AsFd) -> bool {
        watch::remove(&self.core, fd.as_fd().as_raw_fd(), Direction::Read)
    }

    /// Ends what [`add_writer`](EventLoop::add_writer) began. asyncio's `remove_writer`.
    pub fn remove_writer(&self, fd: impl AsFd) -> bool {
        watch::remove(&self.core, fd.as_fd().as_raw_fd(), Direction::Write)
    }

    #[track_caller]
    fn watch<F: Fn() + 'static>(
        &self,
        fd: impl AsFd,
        direction: Direction,
        callback: F,
    ) -> Result<(), LoopError> {
        self.core.check_open()?;
        let fd = fd.as_fd().as_raw_fd();
        let called = Called {
            name: type_name::<F>(),
            site: Location::caller(),
            function: Rc::new(callback),
        };
        Ok(watch::add(&self.core, fd, direction, called)?)
    }
}
