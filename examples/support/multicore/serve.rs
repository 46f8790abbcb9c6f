//! What each loop of `multicore_server` does: it accepts, answers, and ends so that nothing which has arrived is lost.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpListener as StdListener};
use std::rc::Rc;
use std::time::Duration;

use glassloop::net::{TcpListener, TcpStream};
use glassloop::{Task, catch_cancel, create_task, sleep, timeout, wait};
use nix::time::{ClockId, clock_gettime};

/// For how long a connection may be silent when the server ends: what was sent before may still be on its way.
const SILENCE: Duration = Duration::from_millis(100);

/// For how long the peer's end of the stream is waited for after the last answer.
const LINGER: Duration = Duration::from_millis(500);

/// What a request costs: time in which others are served, and time in which this core is busy.
#[derive(Clone, Copy)]
pub struct Cost {
    pub delay: Duration,
    pub work: Duration,
}

/// What a loop did in its life.
pub struct Report {
    pub connections: u64,
    pub requests: u64,
    /// Requests that had not been answered when the grace period was over.
    pub given_up: u64,
}

/// What the connections of one loop share.
struct Shared {
    cost: Cost,
    accepted: Cell<u64>,
    asked: Cell<u64>,
    served: Cell<u64>,
    ending: Cell<bool>,
    open: RefCell<HashMap<u64, Connection>>,
}

struct Connection {
    task: Task<()>,
    /// It waits for its peer, and can be told of the end by a cancellation.
    waits: Rc<Cell<bool>>,
}

/// Serves until it is cancelled. Then whoever stands in the backlog is accepted as well, the listener is closed, and each
/// connection is answered what has arrived and closed, for `grace` at most.
pub async fn serve(listener: StdListener, cost: Cost, grace: Duration) -> io::Result<Report> {
    let listener = TcpListener::from_std(listener)?;
    let shared = Rc::new(Shared {
        cost,
        accepted: Cell::new(0),
        asked: Cell::new(0),
        served: Cell::new(0),
        ending: Cell::new(false),
        open: RefCell::default(),
    });
    if let Ok(error) = catch_cancel(accept_all(&listener, &shared)).await {
        return Err(error);
    }
    shared.ending.set(true);
    // The kernel resets what it has accepted for a listener that is closed. After a turn all of it is known.
    sleep(Duration::ZERO).await;
    let _ = timeout(Duration::ZERO, accept_all(&listener, &shared)).await;
    drop(listener);
    let mut open = Vec::new();
    for connection in shared.open.take().into_values() {
        if connection.waits.get() {
            connection.task.cancel();
        }
        open.push(connection.task);
    }
    let mut given_up = 0;
    if let Ok((_, late)) = wait(open).timeout(grace).await {
        given_up = shared.asked.get() - shared.served.get();
        for task in &late {
            task.cancel();
        }
        let _ = wait(late).await;
    }
    Ok(Report {
        connections: shared.accepted.get(),
        requests: shared.served.get(),
        given_up,
    })
}

/// Has a task made for each connection; returns when that fails.
async fn accept_all(listener: &TcpListener, shared: &Rc<Shared>) -> io::Error {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => return error,
        };
        let (number, waits) = (shared.accepted.get(), Rc::new(Cell::new(false)));
        shared.accepted.set(number + 1);
        let task = create_task(connection(stream, number, waits.clone(), shared.clone()));
        let mut open = shared.open.borrow_mut();
        open.insert(number, Connection { task, waits });
    }
}

async fn connection(stream: TcpStream, number: u64, waits: Rc<Cell<bool>>, shared: Rc<Shared>) {
    // A peer that resets the connection has had what it wanted.
    let _ = answer_all(stream, &waits, &shared).await;
    shared.open.borrow_mut().remove(&number);
}

async fn answer_all(mut stream: TcpStream, waits: &Cell<bool>, shared: &Shared) -> io::Result<()> {
    let mut received = Vec::new();
    stream.set_nodelay(true)?;
    while request(&mut stream, &mut received, waits, shared).await? {
        shared.asked.set(shared.asked.get() + 1);
        if !shared.cost.delay.is_zero() {
            sleep(shared.cost.delay).await;
        }
        work(shared.cost.work);
        let ending = shared.ending.get();
        let keep = if ending { "close" } else { "keep-alive" };
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: {keep}\r\n\r\nHello!");
        let sent = stream.write_all(answer.as_bytes()).await;
        shared.served.set(shared.served.get() + 1);
        sent?;
        if ending {
            break;
        }
    }
    linger(stream).await
}

/// Reads up to the end of a request's head. False when none comes: the peer has closed, or the server ends and the peer is silent.
async fn request(
    stream: &mut TcpStream,
    received: &mut Vec<u8>,
    waits: &Cell<bool>,
    shared: &Shared,
) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            received.drain(..end + 4);
            return Ok(true);
        }
        let read = stream.read(&mut buffer);
        let read = if shared.ending.get() {
            match timeout(SILENCE, read).await {
                Ok(read) => read?,
                Err(_) => return Ok(false),
            }
        } else {
            waits.set(true);
            let read = catch_cancel(read).await;
            waits.set(false);
            match read {
                Ok(read) => read?,
                // The server ends, and this has read nothing: it looks once more, but not for long.
                Err(_) => continue,
            }
        };
        match read {
            0 => return Ok(false),
            n => received.extend_from_slice(&buffer[..n]),
        }
    }
}

/// Keeps this core busy for so long by the thread's own clock, which stands while the kernel has another thread run.
fn work(time: Duration) {
    if !time.is_zero() {
        let end = cpu_time(ClockId::CLOCK_THREAD_CPUTIME_ID) + time;
        while cpu_time(ClockId::CLOCK_THREAD_CPUTIME_ID) < end {
            std::hint::spin_loop();
        }
    }
}

/// The CPU time that this thread, or this process, has had.
pub fn cpu_time(whose: ClockId) -> Duration {
    clock_gettime(whose).map_or(Duration::ZERO, Duration::from)
}

/// Says that nothing more comes, and reads until the peer has closed too: closing with something unread would have the kernel
/// reset the connection, and the peer might lose the last answer.
async fn linger(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let mut buffer = [0; 4096];
    let drained = timeout(LINGER, async {
        while stream.read(&mut buffer).await? > 0 {}
        Ok(())
    });
    drained.await.unwrap_or(Ok(()))
}
