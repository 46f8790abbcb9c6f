//! The HTTP client against a scripted server: what it sends, byte for byte, and what it makes of each answer.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use glassloop::http::decode::CODINGS;
use glassloop::http::{Body, ClientSession, ClientTimeout, ErrorKind, Phase, TcpConnector};
use glassloop::{create_task, gather, run, sleep};

/// Serves one connection for each of `scripts`: reads a request, writes the answer, and so on; then closes. Returns what it
/// read, a list for each connection.
fn server(scripts: Vec<Vec<&'static [u8]>>) -> (String, JoinHandle<Vec<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        let serve = |script: Vec<&'static [u8]>| {
            let (mut stream, _) = listener.accept().unwrap();
            let answer = |answer: &[u8]| {
                let request = read_request(&mut stream);
                stream.write_all(answer).unwrap();
                request
            };
            script.into_iter().map(answer).collect()
        };
        scripts.into_iter().map(serve).collect()
    });
    (url, thread)
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        request.push(byte[0]);
    }
    let head = String::from_utf8(request.clone()).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |n| n.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

fn fetch(url: String) -> Result<(u16, String), glassloop::http::Error> {
    run(async move {
        let response = ClientSession::new().get(url).await?;
        Ok((response.status().as_u16(), response.text().await?))
    })
    .unwrap()
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nHello!";
/// The lines of each request that name the client and what it can decode.
fn agent() -> String {
    let agent = concat!("user-agent: glassloop/", env!("CARGO_PKG_VERSION")).to_owned();
    match CODINGS.join(", ") {
        none if none.is_empty() => agent,
        codings => agent + "\r\naccept-encoding: " + &codings,
    }
}

#[test]
fn two_requests_share_a_kept_connection_and_are_sent_byte_for_byte() {
    let (url, server) = server(vec![vec![OK, OK]]);
    let base = url.clone();
    let texts = run(async move {
        let session = ClientSession::new();
        let first = session.get(format!("{base}/a b?q=1#x")).await.unwrap();
        let first = first.text().await.unwrap();
        let post = session.post(&base).header("X-One", "1").body("body");
        (first, post.await.unwrap().text().await.unwrap())
    });
    assert_eq!(texts.unwrap(), ("Hello!".to_owned(), "Hello!".to_owned()));
    let host = url.trim_start_matches("http://").to_owned();
    let agent = agent();
    let get = format!("GET /a%20b?q=1 HTTP/1.1\r\nHost: {host}\r\naccept: */*\r\n{agent}\r\n\r\n");
    let post = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\naccept: */*\r\n{agent}\r\nx-one: 1\r\ncontent-length: 4\r\n\r\nbody"
    );
    assert_eq!(server.join().unwrap(), [[get, post]]);
}

#[test]
fn bodies_of_each_framing_arrive_whole() {
    let answers: [&[u8]; 3] = [
        OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nHel\r\n3;x=y\r\nlo!\r\n0\r\n\r\n",
        b"HTTP/1.0 404 Not Found\r\n\r\nHello!",
    ];
    for (answer, status) in answers.into_iter().zip([200, 200, 404]) {
        let (url, server) = server(vec![vec![answer]]);
        assert_eq!(fetch(url).unwrap(), (status, "Hello!".to_owned()));
        server.join().unwrap();
    }
}

#[test]
fn a_head_response_has_no_body() {
    let (url, server) = server(vec![vec![b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"]]);
    let body = run(async move {
        let response = ClientSession::new().head(url).await.unwrap();
        response.bytes().await.unwrap()
    });
    assert_eq!(body.unwrap(), "");
    server.join().unwrap();
}

#[test]
fn a_connection_that_the_server_closed_is_replaced_unseen() {
    let (url, server) = server(vec![vec![OK], vec![OK]]);
    run(async move {
        let session = ClientSession::new();
        for _ in 0..2 {
            let response = session.get(&url).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "Hello!");
        }
    })
    .unwrap();
    assert_eq!(server.join().unwrap().len(), 2);
}

#[test]
fn a_response_that_was_not_asked_for_answers_nothing() {
    let poisoned = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    let (url, server) = server(vec![vec![poisoned], vec![OK]]);
    let texts = run(async move {
        let session = ClientSession::new();
        let first = session.get(&url).await.unwrap().text().await.unwrap();
        (
            first,
            session.get(&url).await.unwrap().text().await.unwrap(),
        )
    });
    assert_eq!(texts.unwrap(), ("a".to_owned(), "Hello!".to_owned()));
    server.join().unwrap();
}

#[test]
fn failures_name_method_url_phase_and_cause() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = fetch(format!("http://{closed}/x")).unwrap_err();
    assert_eq!(error.phase(), Phase::Connect);
    assert_eq!(
        error.to_string(),
        format!("GET http://{closed}/x: connect: {closed}: Connection refused (os error 111)")
    );

    let error = fetch("http://no-such-host.invalid/".to_owned()).unwrap_err();
    assert_eq!(error.phase(), Phase::Resolve);
    assert!(
        error
            .to_string()
            .starts_with("GET http://no-such-host.invalid/: resolve: ")
    );

    let port = "this is not a URL: invalid port number";
    let long = format!("http://u:secret@{}:99999", "x".repeat(1000));
    for (bad, shown) in [
        (
            "nonsense",
            "\"nonsense\": request: this is not a URL: relative URL without a base",
        ),
        (
            "",
            "\"\": request: this is not a URL: relative URL without a base",
        ),
        (
            "http://",
            "\"http://\": request: this is not a URL: empty host",
        ),
        (
            "ftp://x/",
            "ftp://x/: request: the scheme ftp is not supported, http and https are",
        ),
        (
            "http://u:secret@x:99999/\n",
            &format!("\"...@x:99999/\\n\": request: {port}"),
        ),
        (
            &long,
            &format!("\"...@{}\": request: {port}", "x".repeat(252)),
        ),
    ] {
        let error = fetch(bad.to_owned()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::InvalidUrl(_)),
            "{bad}: {error}"
        );
        assert_eq!(error.to_string(), format!("GET {shown}"));
        assert_eq!(error.phase(), Phase::Prepare);
    }
}

#[test]
fn a_server_that_closes_early_is_an_error() {
    let (url, thread) = server(vec![vec![b""]]);
    let error = fetch(url).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::ConnectionClosed),
        "{error}"
    );
    thread.join().unwrap();
    let (url, thread) = server(vec![vec![
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nHel",
    ]]);
    let error = fetch(url).unwrap_err();
    assert_eq!(error.phase(), Phase::Body);
    thread.join().unwrap();
}

#[test]
fn forbidden_headers_are_refused_before_anything_is_sent() {
    for (name, value) in [("x y", "1"), ("x", "1\r\nevil: 1"), ("Content-Length", "3")] {
        let error = run(async move {
            let request = ClientSession::new().get("http://127.0.0.1:1/");
            request.header(name, value).await.unwrap_err()
        });
        let error = error.unwrap();
        assert!(
            matches!(error.kind(), ErrorKind::InvalidRequest(_)),
            "{error}"
        );
    }
}

#[test]
fn the_total_time_limit_ends_a_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let error = run(async move {
        let total = Some(Duration::from_millis(50));
        let timeout = ClientTimeout {
            total,
            ..ClientTimeout::default()
        };
        let session = ClientSession::builder().timeout(timeout).build().unwrap();
        session.get(url).await.unwrap_err()
    });
    let error = error.unwrap();
    assert!(error.is_timeout());
    assert_eq!(error.phase(), Phase::Head);
}

#[test]
fn a_limit_of_one_lets_requests_take_turns_even_if_one_is_cancelled() {
    let (url, server) = server(vec![vec![OK, OK, OK]]);
    let texts = run(async move {
        let session = ClientSession::builder().limit(1).build().unwrap();
        let fetch = |session: ClientSession, url: String| async move {
            session.get(url).await.unwrap().text().await.unwrap()
        };
        let first = create_task(fetch(session.clone(), url.clone()));
        let cancelled = create_task(fetch(session.clone(), url.clone()));
        let others = [fetch(session.clone(), url.clone()), fetch(session, url)].map(create_task);
        sleep(Duration::ZERO).await;
        cancelled.cancel();
        let mut texts = vec![first.await.unwrap()];
        texts.extend(gather(others).await.unwrap());
        texts
    });
    assert_eq!(texts.unwrap(), ["Hello!"; 3]);
    assert_eq!(server.join().unwrap()[0].len(), 3);
}

/// What a server sends while nobody has asked must never answer the next request, and an idle connection that it closes is
/// closed here at once, not when it is next needed.
#[test]
fn an_idle_connection_is_closed_as_soon_as_anything_comes() {
    for poison in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"[..],
        b"",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (poison_it, poisoned) = std::sync::mpsc::channel::<()>();
        let (seen, closed) = std::sync::mpsc::channel::<()>();
        let server = thread::spawn(move || {
            let (mut first, _) = listener.accept().unwrap();
            read_request(&mut first);
            first.write_all(OK).unwrap();
            poisoned.recv().unwrap();
            match poison {
                b"" => first.shutdown(std::net::Shutdown::Write).unwrap(),
                poison => first.write_all(poison).unwrap(),
            }
            // Our end is closed without another request: the stream ends.
            assert_eq!(first.read(&mut [0; 64]).unwrap_or(0), 0);
            seen.send(()).unwrap();
            let (mut second, _) = listener.accept().unwrap();
            read_request(&mut second);
            second.write_all(OK).unwrap();
        });
        run(async move {
            let session = ClientSession::new();
            assert_eq!(
                session.get(&url).await.unwrap().text().await.unwrap(),
                "Hello!"
            );
            poison_it.send(()).unwrap();
            while closed.try_recv().is_err() {
                sleep(Duration::from_millis(1)).await;
            }
            let answer = session.get(&url).await.unwrap().text().await.unwrap();
            assert_eq!(answer, "Hello!");
        })
        .unwrap();
        server.join().unwrap();
    }
}

#[test]
fn an_idle_connection_is_closed_when_its_time_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        stream.write_all(OK).unwrap();
        let begin = std::time::Instant::now();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        begin.elapsed()
    });
    run(async move {
        let connector = TcpConnector::builder().keepalive_timeout(Duration::from_millis(50));
        let session = ClientSession::builder().connector(connector).build();
        let session = session.unwrap();
        session.get(url).await.unwrap().text().await.unwrap();
        sleep(Duration::from_millis(1000)).await;
        // Not by the end of the session, which is here.
        drop(session);
    })
    .unwrap();
    assert!(server.join().unwrap() < Duration::from_millis(900));
}

/// What reqwest calls `build` and `execute`.
#[test]
fn a_request_can_be_built_first_and_sent_later() {
    const PUT: &str = "PUT /a?b=c HTTP/1.1\r\nHost: ";
    let (url, server) = server(vec![vec![OK, OK]]);
    let address = url["http://".len()..].to_owned();
    run(async move {
        let session = ClientSession::new();
        let builder = session
            .put(format!("http://u:p@{address}/a"))
            .query("b", "c");
        let request = builder.header("x-one", "1").body("abc").build().unwrap();
        assert_eq!(request.method(), "PUT");
        assert_eq!(request.url().as_str(), format!("http://{address}/a?b=c"));
        let names: Vec<&str> = request.headers().keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["x-one", "authorization"]);
        assert_eq!(request.body().length(), Some(3));
        assert_eq!(
            format!("{request:?}"),
            format!("<Request PUT http://{address}/a?b=c>")
        );
        let again = request.try_clone().unwrap();
        for request in [request, again] {
            let response = session.execute(request).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "Hello!");
        }
        let stream = Body::stream(|| async { None::<Result<Vec<u8>, std::io::Error>> }, None);
        let once = session.post(&*address).body(stream).build();
        assert_eq!(
            once.unwrap_err().to_string(),
            format!("POST {address:?}: request: this is not a URL: relative URL without a base")
        );
        let stream = Body::stream(|| async { None::<Result<Vec<u8>, std::io::Error>> }, None);
        let once = session.post(format!("http://{address}/")).body(stream);
        assert!(once.build().unwrap().try_clone().is_none());
        // What is wrong is said before there is anything to be sent.
        let twice = session
            .get("http://x/")
            .header("host", "a")
            .header("host", "b");
        let error = twice.build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "GET http://x/: request: the header host is given twice"
        );
        let error = session.get("http://x/").header("a b", "").query("c", "d");
        assert_eq!(
            error.build().unwrap_err().to_string(),
            "GET http://x/: request: \"a b\" is no header name"
        );
    })
    .unwrap();
    let requests = server.join().unwrap().remove(0);
    assert_eq!(requests[0], requests[1]);
    assert!(requests[0].starts_with(PUT) && requests[0].ends_with("\r\n\r\nabc"));
    assert!(requests[0].contains("\r\nx-one: 1\r\nauthorization: Basic dTpw\r\n"));
}
