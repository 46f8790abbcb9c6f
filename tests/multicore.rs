//! The server with a loop per thread: a port that is shared, and an end that answers what is worked on.

#![cfg(unix)]

#[path = "../examples/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{Shutdown, TcpListener as StdListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use glassloop::net::TcpListener;
use support::sibling::example;

#[test]
fn a_listener_made_elsewhere_is_taken_over() {
    glassloop::run(async {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);
        let client = TcpStream::connect(address).unwrap();
        let (_stream, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    })
    .unwrap();
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";

/// An answer; empty when the server closes instead.
fn next_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"Hello!") && stream.read(&mut byte).unwrap() == 1 {
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

/// The answer to a request on a connection of its own; the connection goes on until the server ends it.
fn ask(address: &str) -> (TcpStream, String) {
    let mut stream = connected(address);
    request(&mut stream);
    let answer = next_answer(&mut stream);
    (stream, answer)
}

/// A read that nothing ends is a failure.
fn connected(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    let limit = Some(Duration::from_secs(60));
    stream.set_read_timeout(limit).unwrap();
    stream
}

/// A server as a process of its own.
struct Server {
    child: Child,
    address: String,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Server {
    fn start(args: &[&str]) -> Server {
        let mut command = example("multicore_server").unwrap();
        command.args(["--port", "0"]).args(args);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.split("http://").nth(1).unwrap();
        let address = address.split(' ').next().unwrap().to_owned();
        Server {
            child,
            address,
            lines,
        }
    }

    fn tell(&self, signal: &str) {
        let told = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(told.unwrap().success());
    }

    /// What it says of each loop, when it has ended well and without complaint.
    fn loops(mut self) -> Vec<String> {
        let lines: Vec<String> = self.lines.by_ref().map(Result::unwrap).collect();
        let mut said = String::new();
        let mut errors = self.child.stderr.take().unwrap();
        errors.read_to_string(&mut said).unwrap();
        assert_eq!(said, "");
        assert!(self.child.wait().unwrap().success());
        lines[1..].to_vec()
    }

    /// The connections and requests of all loops together.
    fn served(self) -> (u64, u64) {
        let loops = self.loops();
        let number = |line: &str, at: usize| -> u64 {
            let word = line.split_whitespace().nth(at).unwrap();
            word.parse().unwrap()
        };
        let sum = |at: usize| loops.iter().map(|line| number(line, at)).sum();
        (sum(2), sum(4))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended by itself, or a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The exit code of a process that ends by itself; one that does not is ended.
fn ended_within(child: &mut Child, limit: Duration) -> Option<i32> {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap().code()
}

fn request(stream: &mut TcpStream) {
    stream.write_all(REQUEST).unwrap();
}

/// All that comes until the server closes; a connection that is reset is a failure.
fn rest(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_has_arrived_when_the_server_is_told_to_end_is_answered() {
    let server = Server::start(&["--loops", "2", "--work", "2000"]);
    let mut streams: Vec<_> = (0..64).map(|_| ask(&server.address).0).collect();
    streams.iter_mut().for_each(request);
    server.tell("-INT");
    let answers: Vec<_> = streams.into_iter().map(rest).collect();
    for answer in &answers {
        assert!(
            answer.ends_with("Hello!") && answer.matches("Hello!").count() == 1,
            "{answer:?}"
        );
    }
    assert_eq!(server.served(), (64, 128));
}

#[test]
fn clients_that_always_ask_are_not_reset_when_the_server_ends() {
    let server = Server::start(&["--loops", "2", "--work", "2000"]);
    let clients: Vec<_> = (0..64)
        .map(|_| {
            let (mut stream, mut answer) = ask(&server.address);
            thread::spawn(move || {
                let mut answered = 1;
                while answer.contains("connection: keep-alive") {
                    request(&mut stream);
                    answer = next_answer(&mut stream);
                    answered += u64::from(!answer.is_empty());
                }
                assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                answered
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    server.tell("-INT");
    let answered = clients.into_iter().map(|client| client.join().unwrap());
    let answered: u64 = answered.sum();
    assert_eq!(server.served(), (64, answered));
}

#[test]
fn connections_in_the_backlog_are_answered_when_the_server_ends() {
    let server = Server::start(&["--loops", "1", "--work", "150000"]);
    let asking = || {
        let mut stream = connected(&server.address);
        request(&mut stream);
        stream
    };
    // While the loop is busy with the first, nobody accepts the others.
    let mut streams = vec![asking()];
    thread::sleep(Duration::from_millis(50));
    streams.extend((0..4).map(|_| asking()));
    server.tell("-TERM");
    for answer in streams.into_iter().map(rest) {
        assert!(answer.ends_with("Hello!"), "{answer:?}");
    }
    assert_eq!(server.served(), (5, 5));
}

#[test]
fn a_request_of_which_only_a_half_has_come_is_closed_and_not_reset() {
    let server = Server::start(&["--loops", "1", "--work", "0"]);
    let (mut stream, _) = ask(&server.address);
    stream.write_all(&REQUEST[..9]).unwrap();
    server.tell("-TERM");
    assert_eq!(rest(stream), "");
    assert_eq!(server.served(), (1, 1));
}

#[test]
fn two_requests_that_come_at_once_are_both_answered() {
    let server = Server::start(&["--loops", "1", "--work", "0"]);
    let mut stream = connected(&server.address);
    stream.write_all(&REQUEST.repeat(2)).unwrap();
    let answers = [next_answer(&mut stream), next_answer(&mut stream)];
    assert!(answers.iter().all(|answer| answer.ends_with("Hello!")));
    drop(stream);
    server.tell("-TERM");
    assert_eq!(server.served(), (1, 2));
}

#[test]
fn what_is_not_answered_in_time_is_one_count() {
    let server = Server::start(&["--loops", "1", "--delay", "600", "--grace", "0.2"]);
    let streams: Vec<_> = (0..3)
        .map(|_| {
            let mut stream = connected(&server.address);
            request(&mut stream);
            stream
        })
        .collect();
    server.tell("-INT");
    assert!(
        streams
            .into_iter()
            .map(rest)
            .all(|answer| answer.is_empty())
    );
    let expected = "  loop 0: 3 connections, 0 requests, 3 not answered in time";
    assert_eq!(server.loops(), [expected]);
}

#[test]
fn a_port_that_another_server_shares_already_is_refused() {
    let server = Server::start(&["--loops", "1"]);
    let port = server.address.rsplit(':').next().unwrap();
    let mut second = example("multicore_server").unwrap();
    let second = second.args(["--port", port]).stdout(Stdio::null());
    let mut second = second.stderr(Stdio::piped()).spawn().unwrap();
    let ended = ended_within(&mut second, Duration::from_secs(60));
    let mut said = String::new();
    let mut errors = second.stderr.take().unwrap();
    errors.read_to_string(&mut said).unwrap();
    assert_eq!(ended, Some(1));
    assert!(
        said.starts_with(&format!("cannot listen on port {port}: Address ")),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    server.tell("-INT");
    assert_eq!(server.loops(), ["  loop 0: 0 connections, 0 requests"]);
}

#[test]
fn two_loops_share_a_port_and_end_when_what_is_worked_on_is_answered() {
    let server = Server::start(&["--loops", "2", "--work", "0", "--delay", "2"]);
    let address = server.address.clone();

    let asking: Vec<_> = (0..16)
        .map(|_| {
            let address = address.clone();
            thread::spawn(move || ask(&address))
        })
        .collect();
    let idle: Vec<_> = asking
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert!(
        idle.iter()
            .all(|(_, answer)| answer.contains("connection: keep-alive"))
    );

    // One is worked on when the server is told to end.
    let mut busy = connected(&address);
    request(&mut busy);
    thread::sleep(Duration::from_millis(500));
    server.tell("-TERM");
    let answer = rest(busy);
    assert!(
        answer.contains("connection: close") && answer.ends_with("Hello!"),
        "{answer:?}"
    );
    for (mut stream, _) in idle {
        assert_eq!(
            stream.read(&mut [0]).unwrap(),
            0,
            "an idle connection is closed"
        );
        let _ = stream.shutdown(Shutdown::Both);
    }
    assert_eq!(server.served(), (17, 17));
    assert!(TcpStream::connect(&address).is_err());
}
