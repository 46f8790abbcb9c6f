//! The server with a loop per thread: a port that is shared, and an end that answers what is worked on.

#![cfg(unix)]

#[path = "../examples/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener as StdListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

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

/// The answer to a request on a connection of its own; the connection goes on until the server ends it.
fn ask(address: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"Hello!") && stream.read(&mut byte).unwrap() == 1 {
        answer.push(byte[0]);
    }
    (stream, String::from_utf8(answer).unwrap())
}

#[test]
fn two_loops_share_a_port_and_end_when_what_is_worked_on_is_answered() {
    let mut server = example("multicore_server").unwrap();
    server.args(["--loops", "2", "--port", "0", "--work", "0", "--delay", "2"]);
    let mut server = server.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let address = first.split("http://").nth(1).unwrap();
    let address = address.split(' ').next().unwrap().to_owned();

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
    let mut busy = TcpStream::connect(&address).unwrap();
    busy.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        .unwrap();
    thread::sleep(Duration::from_millis(500));
    let told = Command::new("kill")
        .args(["-TERM", &server.id().to_string()])
        .status();
    assert!(told.unwrap().success());
    let mut answer = String::new();
    busy.read_to_string(&mut answer).unwrap();
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
    assert!(server.wait().unwrap().success());
    let lines: Vec<String> = lines.map(Result::unwrap).collect();
    let served = |line: &String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |word: &str| word.parse::<u64>().unwrap();
        (number(words[2]), number(words[4]))
    };
    assert_eq!(lines.len(), 3, "{lines:?}");
    let (one, two) = (served(&lines[1]), served(&lines[2]));
    assert_eq!((one.0 + two.0, one.1 + two.1), (17, 17), "{lines:?}");
    assert!(TcpStream::connect(&address).is_err());
}
