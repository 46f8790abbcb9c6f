//! The one HTTP server that every client is measured against: a loop around epoll that answers each request with the same
//! bytes, at once or after a fixed delay. It spins, so that no time is lost on waking it.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::epoll::Epoll;
use crate::process::{SERVER_CORE, announce, pin_to, quit_if_asked};

pub const BODY: &str = "Hello, world!";

const ANSWER: &str = "HTTP/1.1 200 OK\r\nserver: floor\r\ndate: Tue, 24 Nov 2026 12:00:00 GMT\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 13\r\n\r\nHello, world!";

/// Serves for ever; `delay` is in milliseconds.
pub fn serve(delay: u64) {
    let delay = Duration::from_millis(delay);
    pin_to(SERVER_CORE);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    // SAFETY: it only sets how many connections may wait to be accepted.
    unsafe { libc::listen(std::os::fd::AsRawFd::as_raw_fd(&listener), 20_000) };
    announce(listener.local_addr());
    listener.set_nonblocking(true).expect("non-blocking");
    let mut epoll = Epoll::new();
    epoll.add(&listener, 0, libc::EPOLLIN);
    let mut streams: Vec<Option<TcpStream>> = vec![None];
    let mut free = Vec::new();
    let mut waiting: VecDeque<(Instant, u64)> = VecDeque::new();
    let (mut buffer, mut ready) = ([0; 4096], Vec::new());
    loop {
        let now = Instant::now();
        while waiting.front().is_some_and(|(due, _)| *due <= now) {
            let (_, token) = waiting.pop_front().expect("there is one");
            answer(streams[token as usize].as_mut());
        }
        ready.clear();
        ready.extend(epoll.wait(0));
        for &token in &ready {
            if token == 0 {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true).expect("non-blocking");
                    stream.set_nodelay(true).expect("nodelay");
                    let token = free.pop().unwrap_or(streams.len());
                    if token == streams.len() {
                        streams.push(None);
                    }
                    epoll.add(&stream, token as u64, libc::EPOLLIN | libc::EPOLLRDHUP);
                    streams[token] = Some(stream);
                }
                continue;
            }
            let slot = &mut streams[token as usize];
            let Some(stream) = slot else { continue };
            match stream.read(&mut buffer) {
                Ok(0) => {
                    *slot = None;
                    free.push(token as usize);
                }
                Ok(n) => {
                    quit_if_asked(&buffer[..n]);
                    // Clients send a request in one piece; two of them at once nobody sends.
                    assert!(buffer[..n].ends_with(b"\r\n\r\n"), "half a request");
                    if delay.is_zero() {
                        answer(slot.as_mut());
                    } else {
                        waiting.push_back((Instant::now() + delay, token));
                    }
                }
                Err(_) => {}
            }
        }
    }
}

fn answer(stream: Option<&mut TcpStream>) {
    if let Some(stream) = stream {
        // A client that has gone is noticed when its connection is read.
        let _ = stream.write_all(ANSWER.as_bytes());
    }
}

/// Where the body of a complete answer begins.
pub fn is_complete(answer: &[u8]) -> bool {
    answer.len() == ANSWER.len() && answer.ends_with(BODY.as_bytes())
}
