//! The toy server on the wire: exact bytes over raw sockets, and how many requests it works on at a time.

#[path = "../examples/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use support::server::{Config, ToyServer};
use support::sibling::example;

const HELLO: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 6\r\n\r\nHello!";
const HELLO_CLOSE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 6\r\nConnection: close\r\n\r\nHello!";
const BAD_REQUEST: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 11\r\nConnection: close\r\n\r\nBad Request";
const GET: &str = "GET / HTTP/1.1\r\nHost: toy\r\n\r\n";
const AN_HOUR: Duration = Duration::from_secs(3600);

fn server(delay: Duration) -> ToyServer {
    let config = Config {
        delay,
        ..Config::default()
    };
    ToyServer::start(config).expect("a free port")
}

struct Client(TcpStream);

impl Client {
    fn of(server: &ToyServer) -> Client {
        let stream = TcpStream::connect(server.addr()).expect("the server listens");
        // A test that waits for bytes that never come fails, instead of hanging.
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Client(stream)
    }

    fn send(&mut self, bytes: &str) {
        self.0
            .write_all(bytes.as_bytes())
            .expect("the server reads");
    }

    #[track_caller]
    fn receives(&mut self, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        self.0
            .read_exact(&mut bytes)
            .expect("as many bytes as expected");
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }

    #[track_caller]
    fn receives_and_ends(&mut self, expected: &str) {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).expect("an orderly end");
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }
}

/// What one client gets that sends `request` and leaves its side open, until the server closes.
#[track_caller]
fn check_closing(request: &str, expected: &str) {
    let server = server(Duration::ZERO);
    let mut client = Client::of(&server);
    client.send(request);
    client.receives_and_ends(expected);
}

/// The same where the server must keep the connection: a second request gets its answer too.
#[track_caller]
fn check_keeping(request: &str, expected: &str) {
    let server = server(Duration::ZERO);
    let mut client = Client::of(&server);
    client.send(request);
    client.receives(expected);
    client.send(GET);
    client.receives(HELLO);
    assert_eq!(server.served(), 2);
}

#[test]
fn keep_alive_serves_request_after_request() {
    check_keeping(GET, HELLO);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = server(Duration::ZERO);
    let mut client = Client::of(&server);
    client.send("GET / HTTP/1.1\r\nHost: toy\r\n\r\nGET /a HTTP/1.1\r\nHost: toy\r\n\r\nGET / HTTP/1.1\r\nHost: toy\r\nConnection: close\r\n\r\n");
    let not_found = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 9\r\n\r\nNot Found";
    client.receives_and_ends(&format!("{HELLO}{not_found}{HELLO_CLOSE}"));
    assert_eq!((server.served(), server.peak_in_flight()), (3, 1));
}

#[test]
fn a_head_may_come_byte_by_byte() {
    let server = server(Duration::ZERO);
    let mut client = Client::of(&server);
    client.0.set_nodelay(true).unwrap();
    for byte in GET.chars() {
        client.send(&byte.to_string());
        thread::sleep(Duration::from_millis(1));
    }
    client.receives(HELLO);
}

#[test]
fn head_has_the_header_of_get_and_no_body() {
    let header =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 6\r\n\r\n";
    check_keeping("HEAD / HTTP/1.1\r\nHost: toy\r\n\r\n", header);
    let header = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 9\r\n\r\n";
    check_keeping("HEAD /a HTTP/1.1\r\nHost: toy\r\n\r\n", header);
}

#[test]
fn a_body_is_read_and_forgotten() {
    for request in [
        "POST / HTTP/1.1\r\nHost: toy\r\nContent-Length: 5\r\n\r\nGET /",
        "POST / HTTP/1.1\r\nHost: toy\r\ncontent-length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: toy\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: toy\r\nContent-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: chunked\r\n\r\nA;ext=1\r\n0123456789\r\n1\r\n\n\r\n0\r\nDigest: x\r\n\r\n",
    ] {
        check_keeping(request, HELLO);
    }
    let long = "x".repeat(100_000);
    check_keeping(
        &format!("POST / HTTP/1.1\r\nHost: toy\r\nContent-Length: 100000\r\n\r\n{long}"),
        HELLO,
    );
    check_keeping(
        &format!(
            "POST / HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n{long}\r\n0\r\n\r\n"
        ),
        HELLO,
    );
}

#[test]
fn a_client_that_asks_first_is_told_to_send_its_body() {
    let server = server(Duration::ZERO);
    let mut client = Client::of(&server);
    client
        .send("POST / HTTP/1.1\r\nHost: toy\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    client.receives("HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abc");
    client.receives(HELLO);
}

#[test]
fn only_the_path_counts() {
    for target in ["/?a=b", "http://toy", "http://toy/", "http://toy:80/?a"] {
        check_keeping(
            &format!("GET {target} HTTP/1.1\r\nHost: toy\r\n\r\n"),
            HELLO,
        );
    }
}

#[test]
fn another_path_or_method_is_refused_at_once() {
    let server = server(AN_HOUR);
    let mut client = Client::of(&server);
    client.send("GET /favicon.ico HTTP/1.1\r\nHost: toy\r\n\r\n");
    client.receives("HTTP/1.1 404 Not Found\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 9\r\n\r\nNot Found");
    client.send("PUT / HTTP/1.1\r\nHost: toy\r\nContent-Length: 1\r\n\r\nx");
    client.receives("HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 18\r\nAllow: GET, HEAD, POST\r\n\r\nMethod Not Allowed");
    client.send("DELETE /a HTTP/1.1\r\nHost: toy\r\nConnection: close\r\n\r\n");
    client.receives_and_ends("HTTP/1.1 404 Not Found\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 9\r\nConnection: close\r\n\r\nNot Found");
}

#[test]
fn malformed_requests_are_refused_and_the_connection_ends() {
    for request in [
        "hello\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: toy\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : toy\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: toy\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: toy\r\nContent-Length: +1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: toy\r\nContent-Length: \r\n\r\n",
        "POST / HTTP/1.1\r\nHost: toy\r\nContent-Length: 99999999999999999999\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: toy\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: toy\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n",
        "POST / HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz",
    ] {
        println!("{request:?}");
        // Another request behind it must not be seen: the answers would no longer fit the questions.
        check_closing(&format!("{request}{GET}"), BAD_REQUEST);
    }
}

#[test]
fn too_long_a_head_is_refused() {
    let refusal = "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 31\r\nConnection: close\r\n\r\nRequest Header Fields Too Large";
    let long = "x".repeat(20_000);
    check_closing(
        &format!("GET / HTTP/1.1\r\nHost: toy\r\nCookie: {long}\r\n\r\n"),
        refusal,
    );
    check_closing(&format!("GET /{long}"), refusal);
    let many = "A: b\r\n".repeat(100);
    check_closing(
        &format!("GET / HTTP/1.1\r\nHost: toy\r\n{many}\r\n"),
        refusal,
    );
}

#[test]
fn http_1_0_ends_the_connection_unless_asked_not_to() {
    check_closing("GET / HTTP/1.0\r\n\r\n", HELLO_CLOSE);
    let kept = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 6\r\nConnection: keep-alive\r\n\r\nHello!";
    check_keeping("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", kept);
}

#[test]
fn the_client_may_ask_for_the_end() {
    check_closing(
        "GET / HTTP/1.1\r\nHost: toy\r\nConnection: foo, Close\r\n\r\n",
        HELLO_CLOSE,
    );
}

/// `count` clients at once; the answer of each.
fn ask_at_once(server: &ToyServer, count: usize) -> Vec<String> {
    let mut clients: Vec<Client> = (0..count).map(|_| Client::of(server)).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: toy\r\nConnection: close\r\n\r\n");
    }
    let answers = clients.into_iter().map(|mut client| {
        let mut text = String::new();
        client.0.read_to_string(&mut text).expect("an answer");
        text
    });
    answers.collect()
}

#[test]
fn threaded_mode_works_on_all_requests_at_once() {
    let server = server(Duration::from_secs(1));
    assert_eq!(ask_at_once(&server, 20), [HELLO_CLOSE; 20]);
    assert_eq!((server.served(), server.peak_in_flight()), (20, 20));
    server.reset_peak();
    assert_eq!(server.peak_in_flight(), 0);
    ask_at_once(&server, 1);
    assert_eq!((server.served(), server.peak_in_flight()), (21, 1));
}

#[test]
fn single_mode_takes_one_request_after_another() {
    let delay = Duration::from_millis(50);
    let config = Config {
        delay,
        single: true,
        ..Config::default()
    };
    let server = ToyServer::start(config).unwrap();
    let begin = Instant::now();
    assert_eq!(ask_at_once(&server, 4), [HELLO_CLOSE; 4]);
    assert!(begin.elapsed() >= 4 * delay);
    assert_eq!((server.served(), server.peak_in_flight()), (4, 1));
    // No keep-alive there, even for those who would like it.
    let mut client = Client::of(&server);
    client.send(GET);
    client.receives_and_ends(HELLO_CLOSE);
}

#[test]
fn a_silent_client_does_not_block_single_mode_for_ever() {
    let server = ToyServer::start(Config {
        single: true,
        ..Config::default()
    })
    .unwrap();
    let mut silent = Client::of(&server);
    let mut client = Client::of(&server);
    client.send(GET);
    client.receives_and_ends(HELLO_CLOSE);
    silent.receives_and_ends("");
}

#[test]
fn the_delay_is_kept() {
    let server = server(Duration::from_millis(200));
    let begin = Instant::now();
    ask_at_once(&server, 1);
    assert!(begin.elapsed() >= Duration::from_millis(200));
}

#[test]
fn clients_that_leave_disturb_nobody() {
    let server = server(Duration::from_millis(100));
    for part in [
        "",
        "GET / HT",
        "POST / HTTP/1.1\r\nHost: toy\r\nContent-Length: 9\r\n\r\nabc",
        GET,
    ] {
        Client::of(&server).send(part);
    }
    assert_eq!(ask_at_once(&server, 2), [HELLO_CLOSE; 2]);
    // Those two, and the one that was asked in full by somebody who did not wait.
    let begin = Instant::now();
    while server.served() < 3 && begin.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(server.served(), 3);
}

#[test]
fn dropping_the_server_ends_everything_and_frees_the_port() {
    for single in [false, true] {
        let config = Config {
            delay: AN_HOUR,
            single,
            ..Config::default()
        };
        let server = ToyServer::start(config).unwrap();
        let port = server.addr().port();
        let mut asked = Client::of(&server);
        asked.send(GET);
        let mut idle = Client::of(&server);
        let begin = Instant::now();
        while server.peak_in_flight() == 0 && begin.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(server.peak_in_flight(), 1);

        drop(server);
        assert!(begin.elapsed() < Duration::from_secs(60));
        asked.receives_and_ends("");
        // In single mode it may not have been accepted yet: then the kernel resets it.
        match idle.0.read(&mut [0]) {
            Ok(count) => assert_eq!(count, 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        let again = ToyServer::start(Config {
            port,
            ..Config::default()
        })
        .expect("the port is free");
        assert_eq!(again.url(), format!("http://127.0.0.1:{port}"));
        assert_eq!(ask_at_once(&again, 1), [HELLO_CLOSE]);
    }
}

#[test]
fn a_taken_port_is_an_error() {
    let first = server(Duration::ZERO);
    let port = first.addr().port();
    let error = ToyServer::start(Config {
        port,
        ..Config::default()
    })
    .expect_err("the port is taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);

    let output = example("toy_server")
        .unwrap()
        .args(["--port", &port.to_string()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = format!(
        "port {port} is taken: stop the program that listens there, or let --port 0 pick a free one\n"
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), message);
    assert!(output.stdout.is_empty());
}

#[test]
fn the_example_prints_its_address_and_a_line_for_each_request() {
    let mut command = example("toy_server").unwrap();
    let mut child = command
        .args(["--port", "0", "--delay", "0.25"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let first = lines.next().expect("its address");
    let port = first
        .strip_prefix("Serving on http://127.0.0.1:")
        .and_then(|rest| rest.strip_suffix(" (threaded, delay 0.25 s)"));
    let port: u16 = port.unwrap_or_else(|| panic!("{first}")).parse().unwrap();

    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"POST /?q HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text, HELLO_CLOSE);
    assert_eq!(lines.next().as_deref(), Some("POST / 200, 1 in flight"));
    child.kill().unwrap();
    child.wait().unwrap();
}
