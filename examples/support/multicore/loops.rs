//! Loops in threads of their own that listen on one port and share nothing.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use glassloop::{EventLoop, LoopError, LoopHandle, RemoteTask, get_running_loop};
use socket2::{Domain, Socket, Type};

use super::serve::{Cost, Report, serve};

/// A listening socket that shares its port with others like it.
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_port(true)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address(port).into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Whoever may share a port is not told that another program of the same user does; who wants it alone is.
fn expect_nobody_on(port: u16) -> io::Result<()> {
    let alone = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Connections that have ended do not count.
    alone.set_reuse_address(true)?;
    alone.bind(&address(port).into())
}

/// A thread with a loop that serves.
struct Worker {
    serving: RemoteTask<io::Result<Report>>,
    handle: LoopHandle,
    thread: JoinHandle<Result<(), LoopError>>,
}

impl Worker {
    fn start(listener: TcpListener, cost: Cost, grace: Duration) -> Result<Worker, LoopError> {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            // It asks the kernel in each turn, so that what has arrived is known before a limit in time ends.
            let event_loop = EventLoop::builder().io_interval(1).build()?;
            // Whoever started this thread waits for it.
            let _ = sender.send(event_loop.handle());
            event_loop.run_forever()?;
            event_loop.close()
        });
        let handle: LoopHandle = receiver.recv().map_err(|_| LoopError::Closed)?;
        let serving = handle.run_coroutine_threadsafe(move || serve(listener, cost, grace))?;
        Ok(Worker {
            serving,
            handle,
            thread,
        })
    }

    fn end(self) -> Result<Report, String> {
        let report = self.serving.result().map_err(|error| error.to_string())?;
        let stopped = self.handle.call_soon_threadsafe(|| {
            if let Ok(running) = get_running_loop() {
                running.stop();
            }
        });
        stopped.map_err(|error| error.to_string())?;
        let ended = self
            .thread
            .join()
            .map_err(|_| "a loop panicked".to_owned())?;
        ended.map_err(|error| error.to_string())?;
        report.map_err(|error| error.to_string())
    }
}

/// Loops that listen on the same port.
pub struct Server {
    pub address: SocketAddr,
    workers: Vec<Worker>,
}

impl Server {
    /// Has as many loops listen on `port`; 0 picks one. A request that has begun when the server ends may take `grace`.
    pub fn start(port: u16, loops: usize, cost: Cost, grace: Duration) -> Result<Server, String> {
        let said = |error: io::Error| format!("cannot listen on port {port}: {error}");
        expect_nobody_on(port).map_err(said)?;
        let first = listen(port).map_err(said)?;
        let address = first.local_addr().map_err(said)?;
        let others = (1..loops).map(|_| listen(address.port()));
        let listeners: Vec<_> = std::iter::once(Ok(first)).chain(others).collect();
        let mut workers = Vec::new();
        for listener in listeners {
            let worker = Worker::start(listener.map_err(said)?, cost, grace);
            workers.push(worker.map_err(|error| error.to_string())?);
        }
        Ok(Server { address, workers })
    }

    /// All loops are told first, so that they end side by side.
    pub fn end(self) -> Result<Vec<Report>, String> {
        for worker in &self.workers {
            worker.serving.cancel().map_err(|error| error.to_string())?;
        }
        self.workers.into_iter().map(Worker::end).collect()
    }
}
