//! An HTTP client, the contestant, against the same server for all.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
#[cfg(feature = "peers")]
use std::{
    sync::{Arc, Barrier},
    thread,
};

use crate::clients::Client;
use crate::epoll::Epoll;
use crate::http_server::{BODY, is_complete};
use crate::measure::{Allocations, Meter, Outcome, Size, check};
use crate::process::{CLIENT_CORE, Server, pin_to};
use crate::runtimes::Runtime;

/// What a client costs: the figure is its CPU time a request, in microseconds.
fn outcome(meter: &Meter, ops: u64) -> Outcome {
    Outcome::new(meter.cpu_ns(ops) / 1e3)
        .with("user", meter.user_ns(ops) / 1e3)
        .with("requests a second", ops as f64 / meter.wall().as_secs_f64())
}

/// So many GETs on each connection have their allocations counted, which takes time, and so is done afterwards.
const COUNTED: u64 = 20;

fn with_allocations(outcome: Outcome, allocations: &Allocations, ops: u64) -> Outcome {
    let each = |total: u64| total as f64 / ops as f64;
    outcome
        .with("allocations", each(allocations.calls()))
        .with("bytes allocated", each(allocations.bytes()))
}

/// A task for each of `ready`, which makes so many GETs.
async fn get_all<C: Client>(ready: Vec<C::Own>, each: u64) -> Vec<C::Own> {
    let mut handles = Vec::new();
    for mut own in ready {
        handles.push(C::Runtime::spawn(async move {
            for _ in 0..each {
                check("body", C::get(&mut own).await.as_ref(), BODY.as_bytes());
            }
            own
        }));
    }
    let mut done = Vec::new();
    for handle in handles {
        done.push(C::Runtime::join(handle).await);
    }
    done
}

/// `population` tasks, a connection each, make `ops` GETs in all.
pub fn keep_alive<C: Client>(Size { population, ops }: Size) -> Outcome {
    pin_to(CLIENT_CORE);
    let server = Server::start("http", "0");
    let address = server.address;
    C::Runtime::run(async move {
        let shared = C::shared(population as usize);
        let each = ops / population;
        let mut ready = Vec::new();
        for _ in 0..population {
            ready.push(C::own(&shared, address).await);
        }
        // All at once, so that a pool too has a connection for each before the time is taken.
        let ready = get_all::<C>(ready, 1).await;
        let meter = Meter::start();
        let ready = get_all::<C>(ready, each).await;
        let outcome = outcome(&meter, each * population);
        let allocations = Allocations::start();
        get_all::<C>(ready, COUNTED).await;
        with_allocations(outcome, &allocations, COUNTED * population)
    })
}

/// The chapter: `population` GETs at once, each answered after `ops` milliseconds. The figure is the time for all, in such
/// delays.
pub fn chapter<C: Client>(Size { population, ops }: Size) -> Outcome {
    pin_to(CLIENT_CORE);
    let server = Server::start("http", &ops.to_string());
    let address = server.address;
    C::Runtime::run(async move {
        let meter = Meter::start();
        let shared = C::shared(population as usize);
        let mut handles = Vec::new();
        for _ in 0..population {
            let shared = shared.clone();
            handles.push(C::Runtime::spawn(async move {
                let mut own = C::own(&shared, address).await;
                check("body", C::get(&mut own).await.as_ref(), BODY.as_bytes());
            }));
        }
        for handle in handles {
            C::Runtime::join(handle).await;
        }
        in_delays(&meter, population, ops)
    })
}

fn in_delays(meter: &Meter, requests: u64, delay: u64) -> Outcome {
    let delays = meter.wall().as_secs_f64() * 1e3 / delay as f64;
    let outcome = Outcome::new(delays);
    outcome.with("client CPU µs", meter.cpu_ns(requests) / 1e3)
}

/// One connection of the floor.
struct Caller {
    stream: TcpStream,
    left: u64,
    got: usize,
}

/// `each` GETs on each of `callers`, by one loop around `epoll_wait`, `recv` and `send`.
fn drive(mut epoll: Epoll, callers: &mut [Caller], request: &[u8]) {
    let mut buffer = [0; 4096];
    let mut left = callers.len();
    while left > 0 {
        for token in epoll.wait(-1) {
            let caller = &mut callers[token as usize];
            let n = match caller.stream.read(&mut buffer[caller.got..]) {
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => panic!("{error}"),
            };
            assert!(n > 0, "the server closed the connection");
            caller.got += n;
            if !is_complete(&buffer[..caller.got]) {
                continue;
            }
            caller.got = 0;
            caller.left -= 1;
            match caller.left {
                0 => left -= 1,
                _ => caller.stream.write_all(request).expect("room to send"),
            }
        }
    }
}

fn connect(epoll: &Epoll, server: &Server, token: u64, request: &[u8], each: u64) -> Caller {
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    stream.set_nonblocking(true).expect("non-blocking");
    stream.set_nodelay(true).expect("nodelay");
    epoll.add(&stream, token, libc::EPOLLIN);
    stream.write_all(request).expect("room to send");
    Caller {
        stream,
        left: each,
        got: 0,
    }
}

fn request(server: &Server) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).into_bytes()
}

/// The floor of [`keep_alive`].
pub fn keep_alive_floor(Size { population, ops }: Size) -> Outcome {
    pin_to(CLIENT_CORE);
    let server = Server::start("http", "0");
    let (epoll, request) = (Epoll::new(), request(&server));
    let each = ops / population;
    let connected = (0..population).map(|i| connect(&epoll, &server, i, &request, each));
    let mut callers: Vec<_> = connected.collect();
    let meter = Meter::start();
    drive(epoll, &mut callers, &request);
    outcome(&meter, each * population)
}

/// The floor of [`chapter`].
pub fn chapter_floor(Size { population, ops }: Size) -> Outcome {
    pin_to(CLIENT_CORE);
    let server = Server::start("http", &ops.to_string());
    let meter = Meter::start();
    let (epoll, request) = (Epoll::new(), request(&server));
    let mut callers: Vec<_> = (0..population)
        .map(|i| connect(&epoll, &server, i, &request, 1))
        .collect();
    drive(epoll, &mut callers, &request);
    in_delays(&meter, population, ops)
}

/// ureq blocks, so it needs a thread for each connection.
#[cfg(feature = "peers")]
pub fn keep_alive_ureq(Size { population, ops }: Size) -> Outcome {
    pin_to(CLIENT_CORE);
    let server = Server::start("http", "0");
    let each = ops / population;
    let gate = Arc::new(Barrier::new(population as usize + 1));
    let threads = ureq_threads(&server, population, {
        let gate = gate.clone();
        move |get| {
            // Warm, timed, and then with the allocations counted.
            for gets in [1, each, COUNTED] {
                gate.wait();
                (0..gets).for_each(|_| get());
                gate.wait();
            }
        }
    });
    let phase = || {
        gate.wait();
        gate.wait();
    };
    phase();
    let meter = Meter::start();
    phase();
    let outcome = outcome(&meter, each * population);
    let allocations = Allocations::start();
    phase();
    let outcome = with_allocations(outcome, &allocations, COUNTED * population);
    threads
        .into_iter()
        .for_each(|thread| thread.join().expect("no panic"));
    outcome
}

/// A thread for each request of the chapter.
#[cfg(feature = "peers")]
pub fn chapter_ureq(Size { population, ops }: Size) -> Outcome {
    pin_to(CLIENT_CORE);
    let server = Server::start("http", &ops.to_string());
    let meter = Meter::start();
    let threads = ureq_threads(&server, population, |get| get());
    threads
        .into_iter()
        .for_each(|thread| thread.join().expect("no panic"));
    in_delays(&meter, population, ops)
}

/// So many threads that do `work`, each with a GET on a connection of its own.
#[cfg(feature = "peers")]
fn ureq_threads(
    server: &Server,
    threads: u64,
    work: impl Fn(&dyn Fn()) + Clone + Send + 'static,
) -> Vec<thread::JoinHandle<()>> {
    let url = format!("http://{}/", server.address);
    let run = move || {
        let agent = ureq::Agent::new_with_defaults();
        work(&|| {
            let mut response = agent.get(&url).call().expect("a response");
            let body = response.body_mut().read_to_string().expect("a body");
            check("body", body.as_str(), BODY);
        });
    };
    let start = |_| {
        let builder = thread::Builder::new().stack_size(128 << 10);
        builder.spawn(run.clone()).expect("a thread")
    };
    (0..threads).map(start).collect()
}
