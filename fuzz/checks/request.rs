//! What a session writes. The input: fields that each begin with a byte for their length. Method, path, query, a cookie, the
//! body, a multipart name, then names and values of headers. A server in a thread takes down what comes.
//!
//! - The request is refused before anything is written, or exactly one request comes: no field, no line more than was given.
//! - Its body is the one given, framed as the head says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::Duration;

use glassloop::http::{ClientSession, ErrorKind, Form, Part};
use http::Method;

struct Server {
    url: String,
    taken: Mutex<mpsc::Receiver<Vec<u8>>>,
}

pub fn check(data: &[u8]) {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let Server { url, taken } = SERVER.get_or_init(server);
    let taken = taken
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut rest = data;
    let mut next = || -> String {
        let Some((&length, after)) = rest.split_first() else {
            return String::new();
        };
        let (field, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        String::from_utf8_lossy(field).into_owned()
    };
    let [method, path, query, cookie, body, name] = [(); 6].map(|()| next());
    let headers: Vec<(String, String)> = (0..8).map(|_| (next(), next())).collect();
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        return;
    };
    let (asked, given_body, is_form) = (method.clone(), body.clone(), !name.is_empty());
    let lines = headers.iter().filter(|(name, _)| !name.is_empty()).count();
    let outcome = glassloop::run(async move {
        let session = ClientSession::new();
        let mut request = session.request(method, format!("{url}{path}"));
        if !query.is_empty() {
            request = request.query("q", &query);
        }
        if !cookie.is_empty() {
            request = request.cookie("c", &cookie);
        }
        request = match name.is_empty() {
            false => request.multipart(Form::new().part(&name, Part::new(body).file_name(&name))),
            true if body.is_empty() => request,
            true => request.body(body),
        };
        for (name, value) in headers.iter().filter(|(name, _)| !name.is_empty()) {
            request = request.header(name, value.as_str());
        }
        request.no_redirect().await.map(drop)
    });
    match outcome.expect("the loop does not fail") {
        Err(error) => {
            let refused = matches!(
                error.kind(),
                ErrorKind::InvalidRequest(_) | ErrorKind::InvalidUrl(_)
            );
            assert!(refused, "{error}");
            assert!(taken.try_recv().is_err(), "something was written: {error}");
        }
        Ok(()) => {
            let wrote = taken
                .recv_timeout(Duration::from_secs(10))
                .expect("a request");
            assert!(taken.try_recv().is_err(), "one request");
            let text = &wrote[..wrote.windows(4).position(|w| w == b"\r\n\r\n").unwrap()];
            let mut head = text
                .split(|&b| b == b'\n')
                .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
            let first: Vec<&[u8]> = head.next().unwrap().split(|&b| b == b' ').collect();
            assert!(
                first.len() == 3 && first[2] == b"HTTP/1.1",
                "{}",
                text.escape_ascii()
            );
            assert_eq!(first[0], asked.as_str().as_bytes());
            assert!(first[1].iter().all(u8::is_ascii_graphic));
            let fields: Vec<(&[u8], &[u8])> = head
                .map(|line| {
                    let colon = line.iter().position(|&b| b == b':').expect("a colon");
                    assert!(line.iter().all(|&b| b == b'\t' || !b.is_ascii_control()));
                    (&line[..colon], &line[colon + 1..])
                })
                .collect();
            assert_eq!(fields[0].0, b"Host");
            let count = |name: &[u8]| {
                fields
                    .iter()
                    .filter(|f| f.0.eq_ignore_ascii_case(name))
                    .count()
            };
            assert_eq!(count(b"host"), 1);
            assert!(count(b"content-length") + count(b"transfer-encoding") <= 1);
            assert!(count(b"cookie") <= 1);
            // Host, accept, accept-encoding, user-agent, cookie, content-type, the body's framing: all that comes of itself.
            assert!(fields.len() <= lines + 7, "{}", text.escape_ascii());
            if !is_form && count(b"transfer-encoding") == 0 {
                assert_eq!(&wrote[text.len() + 4..], given_body.as_bytes());
            }
        }
    }
}

fn server() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (told, taken) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream, &told);
        }
    });
    Server {
        url,
        taken: Mutex::new(taken),
    }
}

/// Takes down all that comes until nothing more does, and answers once it could be a request.
fn serve(mut stream: TcpStream, told: &mpsc::Sender<Vec<u8>>) {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    let mut answered = false;
    while let Ok(n @ 1..) = stream.read(&mut piece) {
        all.extend_from_slice(&piece[..n]);
        if !answered && is_whole(&all) {
            answered = true;
            let _ = told.send(all.clone());
            let _ = stream.write_all(b"HTTP/1.1 204 x\r\nConnection: close\r\n\r\n");
        } else if answered {
            // More than one request's bytes.
            let _ = told.send(all.clone());
        }
    }
    // Without waiting for late packets, so that the ports last.
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let length = field("content-length: ").and_then(|text| text.trim().parse::<usize>().ok());
    match field("transfer-encoding: ") {
        Some(_) => bytes.ends_with(b"0\r\n\r\n"),
        None => bytes.len() >= end + 4 + length.unwrap_or_default(),
    }
}
