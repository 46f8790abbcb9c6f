//! A TCP echo server, the contestant, in a process of its own; this one is the load.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::epoll::Epoll;
use crate::measure::{Meter, Outcome, Size, check};
use crate::process::{CLIENT_CORE, SERVER_CORE, Server, announce, pin_to, quit_if_asked};
use crate::runtimes::Net;

/// How long a message is.
const MESSAGE: usize = 64;

/// The server's side: serves for ever on a port that it prints.
pub fn serve<R: Net>() {
    pin_to(SERVER_CORE);
    R::run(R::serve_echo());
}

/// The floor: one loop around `epoll_wait`, `recv` and `send`.
pub fn serve_floor() {
    pin_to(SERVER_CORE);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    announce(listener.local_addr());
    listener.set_nonblocking(true).expect("non-blocking");
    let mut epoll = Epoll::new();
    let mut streams: Vec<Option<TcpStream>> = vec![None];
    epoll.add(&listener, 0, libc::EPOLLIN);
    let (mut buffer, mut ready) = ([0; 1024], Vec::new());
    loop {
        ready.clear();
        ready.extend(epoll.wait(-1));
        for &token in &ready {
            if token == 0 {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true).expect("non-blocking");
                    epoll.add(&stream, streams.len() as u64, libc::EPOLLIN);
                    streams.push(Some(stream));
                }
                continue;
            }
            let slot = &mut streams[token as usize];
            let Some(stream) = slot else { continue };
            match stream.read(&mut buffer) {
                Ok(0) => *slot = None,
                Ok(n) => {
                    quit_if_asked(&buffer[..n]);
                    stream.write_all(&buffer[..n]).expect("room to send");
                }
                Err(_) => {}
            }
        }
    }
}

/// One connection of the load: what it sent last, and how much of it has come back.
struct Caller {
    stream: TcpStream,
    sent: [u8; MESSAGE],
    back: usize,
}

impl Caller {
    fn send(&mut self, number: u64) {
        self.sent = [b'a' + (number % 26) as u8; MESSAGE];
        self.back = 0;
        self.stream.write_all(&self.sent).expect("room to send");
    }

    /// Whether the whole message has come back.
    fn receive(&mut self, buffer: &mut [u8]) -> bool {
        let Ok(n) = self.stream.read(buffer) else {
            return false;
        };
        assert!(n > 0, "the server closed the connection");
        check("echo", &buffer[..n], &self.sent[self.back..self.back + n]);
        self.back += n;
        self.back == MESSAGE
    }
}

/// `population` connections, each of which sends the next message when the last is back; spins, so that no time is lost
/// on waking the load.
pub fn load(name: &str, Size { population, ops }: Size) -> Outcome {
    pin_to(CLIENT_CORE);
    let server = Server::start("echo", name);
    let empty = server.resident();
    let mut epoll = Epoll::new();
    let mut callers: Vec<_> = (0..population)
        .map(|i| {
            let stream = TcpStream::connect(server.address).expect("a connection");
            stream.set_nonblocking(true).expect("non-blocking");
            stream.set_nodelay(true).expect("nodelay");
            epoll.add(&stream, i, libc::EPOLLIN);
            let sent = [0; MESSAGE];
            Caller {
                stream,
                sent,
                back: 0,
            }
        })
        .collect();
    let warm_up = 1_000 + population;
    let (mut sent, mut back) = (0, 0);
    for caller in &mut callers {
        caller.send(sent);
        sent += 1;
    }
    let mut start = None;
    let mut buffer = [0; 1024];
    let total = warm_up + ops;
    while back < total {
        for token in epoll.wait(0) {
            let caller = &mut callers[token as usize];
            if caller.receive(&mut buffer) {
                back += 1;
                if back == warm_up {
                    start = Some((Meter::start(), server.cpu_time()));
                }
                if sent < total {
                    caller.send(sent);
                    sent += 1;
                }
            }
        }
    }
    let (meter, before) = start.expect("the warm-up is over");
    let cpu = server.cpu_time() - before;
    let outcome = Outcome::new(cpu.as_nanos() as f64 / 1e3 / ops as f64);
    let rate = ops as f64 / meter.wall().as_secs_f64();
    let grown = server.resident().saturating_sub(empty) as f64;
    drop(callers);
    server.quit();
    let outcome = outcome.with("requests a second", rate);
    outcome.with("bytes a connection", grown / population as f64)
}
