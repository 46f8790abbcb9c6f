//! A server that does every nasty thing of the rules, and the session at the other end: the exact outcome of each, after which
//! the session is as good as new. What servers do to kept connections is in `http_reuse`.

mod http_peer;

use std::time::{Duration, Instant};

use glassloop::http::{ClientSession, ClientTimeout, Error};
use glassloop::run;
use http_peer::{Peer, serve_all};

/// Limits that the tests of endless answers reach in time, and that those of silence wait for.
fn session() -> ClientSession {
    let timeout = ClientTimeout {
        total: Some(Duration::from_secs(20)),
        sock_read: Some(Duration::from_secs(10)),
        ..ClientTimeout::default()
    };
    let builder = ClientSession::builder().timeout(timeout);
    builder.max_body(1 << 20).build().unwrap()
}

/// What a request came to: the status and the body, then what was wrong, without method and URL.
async fn ask(session: &ClientSession, url: &str) -> String {
    let cause = |error: Error| error.to_string().replace(&format!("GET {url}: "), "");
    match session.get(url).await {
        Err(error) => cause(error),
        Ok(mut response) => {
            let (status, mut body) = (response.status().as_u16(), 0);
            loop {
                match response.chunk().await {
                    Ok(Some(piece)) => body += piece.len(),
                    Ok(None) => return format!("{status}, {body} bytes"),
                    Err(error) => return format!("{status}, {body} bytes, {}", cause(error)),
                }
            }
        }
    }
}

/// A request to a server that does `nasty` on its first connection comes to `expected`, and nothing is left of it: the next
/// request is answered on a connection of its own.
fn comes_to(expected: &str, nasty: impl Fn(&mut Peer) + Send + Sync + 'static) {
    let (url, _) = serve_all(move |number, peer| match number {
        0 => {
            peer.request();
            nasty(peer);
        }
        _ => peer.answer_all("next"),
    });
    let expected = expected.to_owned();
    run(async move {
        let session = session();
        let outcome = ask(&session, &url).await;
        assert_eq!(outcome, expected);
        let stats = session.stats();
        assert_eq!(
            (stats.idle, stats.in_use, stats.waiting),
            (0, 0, 0),
            "{expected}"
        );
        assert_eq!(ask(&session, &url).await, "200, 4 bytes");
        assert_eq!(session.stats().connected, 2, "{expected}");
    })
    .unwrap();
}

/// Says `start`, and then `more` until the client has had enough.
fn endless(start: &'static str, more: &'static str) -> impl Fn(&mut Peer) + Send + Sync {
    move |peer| {
        peer.send(start);
        let piece = more.repeat(4096 / more.len());
        while std::io::Write::write_all(&mut peer.stream, piece.as_bytes()).is_ok() {}
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";

#[test]
fn what_never_ends_is_ended() {
    for (expected, start, more) in [
        (
            "response head: response head too large: more than 128 header fields",
            HEAD,
            "A: b\r\n",
        ),
        (
            "response head: response head too large: more than 65536 bytes",
            "HTTP/1.1 200 OK\r\nA: ",
            "b",
        ),
        (
            "response head: response head too large: more than 65536 bytes",
            "HTTP/1.1 200 OK\r\nA: b\r\n",
            " folded\r\n",
        ),
        (
            "response head: response head too large: more than 32 interim heads",
            "",
            "HTTP/1.1 103 Early Hints\r\n\r\n",
        ),
        (
            "response head: response head too large: more than 65536 bytes",
            "HTTP/1.1 200 ",
            "reason",
        ),
        (
            "response head: bad status line: more than 16 empty lines before it",
            "",
            "\r\n",
        ),
        (
            "200, 1639 bytes, response body: bad chunked body: more than 16384 bytes of chunk extensions",
            CHUNKED,
            "1;extension\r\nx\r\n",
        ),
        (
            "200, 1 bytes, response body: bad chunked body: more than 65536 bytes of trailers",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
            "A: b\r\n",
        ),
    ] {
        comes_to(expected, endless(start, more));
    }
}

#[test]
fn what_is_not_http_is_found_out_at_its_first_bytes() {
    for (bytes, quoted) in [
        (
            &b"\x15\x03\x01\x00\x02\x02\x28"[..],
            r"\x15\x03\x01\x00\x02\x02(",
        ),
        (b"SSH-2.0-OpenSSH\r\n", r"SSH-2.0-OpenSSH\r"),
        (b"220 ftp ready", "220 ftp ready"),
        (b"<html>", "<html>"),
    ] {
        let why = "response head: bad status line: expected `HTTP/1.1` and a status code, got";
        // The server says no more and does not close.
        comes_to(&format!("{why} `{quoted}`"), move |peer| {
            peer.send(bytes);
            peer.until_closed();
        });
    }
}

#[test]
fn streams_that_end_or_break_too_soon() {
    let resets = [false, true];
    for (sent, expected) in [
        (
            "",
            "response head: the server closed the connection before it answered",
        ),
        (
            "HTTP/1.1 200 OK\r\nA",
            r"response head: incomplete response head: the stream ended after `HTTP/1.1 200 OK\r\nA`",
        ),
        (
            "HTTP/1.1 102 x\r\n\r\n",
            "response head: incomplete response head: the stream ended before the final head (1 interim)",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
            "200, 3 bytes, response body: incomplete body: the stream ended after 3 of 10 bytes",
        ),
        (
            CHUNKED,
            "200, 1 bytes, response body: incomplete body: the stream ended after 1 bytes",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
            "200, 1 bytes, response body: incomplete body: the stream ended after 1 bytes",
        ),
    ] {
        for reset in resets {
            comes_to(expected, move |peer| {
                peer.send(sent);
                // A reset would overtake what was not read yet.
                std::thread::sleep(Duration::from_millis(100 * u64::from(reset)));
                if reset {
                    peer.reset();
                }
            });
        }
    }
    // Only where the end of the stream is the end of the body does it matter which it is (R29).
    let to_the_end = "HTTP/1.1 200 OK\r\n\r\nabc";
    comes_to("200, 3 bytes", move |peer| peer.send(to_the_end));
    let expected = "200, 3 bytes, response body: incomplete body: the stream ended after 3 bytes";
    comes_to(expected, move |peer| {
        peer.send(to_the_end);
        std::thread::sleep(Duration::from_millis(100));
        peer.reset();
    });
}

#[test]
fn answers_that_contradict_themselves() {
    for (fields, expected) in [
        (
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "bad message framing: both Transfer-Encoding and Content-Length",
        ),
        (
            "Content-Length: 1\r\nContent-Length: 2",
            "bad message framing: Content-Length says 1 and 2",
        ),
        (
            "Content-Length: -1",
            "bad message framing: Content-Length `-1` is not a decimal number",
        ),
        (
            "Transfer-Encoding: gzip, chunked",
            "unsupported transfer encoding: `gzip, chunked` (only `chunked` is understood)",
        ),
        (
            "Content-Length: 1\r\n 0",
            "bad header: Content-Length is continued on a second line",
        ),
        (
            "A: b\rB: c",
            r"bad header: invalid header value in `A: b\rB: c`",
        ),
    ] {
        comes_to(&format!("response head: {expected}"), move |peer| {
            peer.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nx"));
            peer.until_closed();
        });
    }
    let expected =
        "response head: unexpected upgrade: status 101, but the request offered no upgrade";
    comes_to(expected, |peer| {
        peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
        peer.until_closed();
    });
    comes_to(
        "200, 3 bytes, response body: bad chunked body: no CRLF after the data of a chunk at `__1a`",
        |peer| {
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxxx__1a");
            peer.until_closed();
        },
    );
}

/// Bodies without end, of each framing, against `max_body`.
#[test]
fn r81_large_bodies_are_not_collected() {
    for (start, more) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "x"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n",
            "x",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "1\r\nx\r\n",
        ),
    ] {
        let nasty = endless(start, more);
        let (url, _) = serve_all(move |_, peer| {
            peer.request();
            nasty(peer);
        });
        run(async move {
            let session = session();
            let error = session.get(&url).await.unwrap().bytes().await.unwrap_err();
            let why = error.to_string();
            assert!(why.contains("larger than 1048576 bytes"), "{why}");
            assert_eq!(session.stats().in_use, 0);
        })
        .unwrap();
    }
}

#[test]
fn r84_r87_who_is_slow_or_silent_is_waited_for_no_longer_than_said() {
    let (url, _) = serve_all(|_, peer| {
        let Some(request) = peer.request() else {
            return;
        };
        let path = request.split(' ').nth(1).unwrap().to_owned();
        let drip: &[u8] = match &*path {
            "/silent" => b"",
            "/head" => b"HTTP/1.1 200 OK\r\nServer: a server with a long name, at ten letters a second\r\n",
            "/interim" => b"HTTP/1.1 102 x\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 102 x\r\n\r\n",
            _ => {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
                &[b'x'; 100]
            }
        };
        for byte in drip {
            std::thread::sleep(Duration::from_millis(20));
            peer.send([*byte]);
        }
        peer.until_closed();
    });
    run(async move {
        let times = |total: u64, sock_read: u64| {
            let timeout = ClientTimeout {
                total: Some(Duration::from_millis(total)),
                sock_read: Some(Duration::from_millis(sock_read)),
                ..ClientTimeout::default()
            };
            ClientSession::builder().timeout(timeout).build().unwrap()
        };
        for (path, total, sock_read, expected) in [
            (
                "silent",
                5000,
                200,
                "response head: the limit of 200ms ran out (ClientTimeout::sock_read)",
            ),
            (
                "silent",
                200,
                5000,
                "response head: the limit of 200ms ran out (ClientTimeout::total)",
            ),
            (
                "head",
                400,
                300,
                "response head: the limit of 400ms ran out (ClientTimeout::total)",
            ),
            (
                "interim",
                400,
                300,
                "response head: the limit of 400ms ran out (ClientTimeout::total)",
            ),
            (
                "body",
                400,
                300,
                "response body: the limit of 400ms ran out (ClientTimeout::total)",
            ),
        ] {
            let session = times(total, sock_read);
            let begin = Instant::now();
            let outcome = ask(&session, &format!("{url}{path}")).await;
            assert!(outcome.ends_with(expected), "{path}: {outcome}");
            assert!(begin.elapsed() < Duration::from_secs(4), "{path}");
            assert_eq!(session.stats().in_use, 0);
        }
    })
    .unwrap();
}

/// Byte by byte, every answer is the same answer.
#[test]
fn r36_a_drip_is_no_other_answer() {
    comes_to("200, 5 bytes", |peer| {
        let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
            2;a=b\r\nab\r\n3\r\ncde\r\n0\r\nT: x\r\n\r\n";
        for byte in answer.bytes() {
            peer.send([byte]);
        }
        peer.until_closed();
    });
}

/// A server that has had enough says so, and resets what is still on the way. The answer counts.
#[test]
fn r63_a_refusal_during_the_upload_is_the_answer() {
    for reset in [false, true] {
        let (url, _) = serve_all(move |_, peer| {
            peer.head();
            peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
            std::thread::sleep(Duration::from_millis(100));
            if reset {
                peer.reset();
            } else {
                peer.finish();
                peer.until_closed();
            }
        });
        run(async move {
            let session = session();
            let body = vec![b'x'; 20 << 20];
            let response = session.post(&url).body(body).await.unwrap();
            assert_eq!(response.status(), 413);
            assert_eq!(response.text().await.unwrap(), "no");
            let stats = session.stats();
            assert_eq!((stats.idle, stats.in_use), (0, 0));
        })
        .unwrap();
    }
}

/// Compressed twice over, a few kilobytes are a gigabyte, or a very long time spent on nothing.
#[cfg(feature = "gzip")]
#[test]
fn r80_r81_bombs() {
    use std::io::Write;
    let gzip = |data: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let zeros = gzip(&gzip(&vec![0; 50 << 20]));
    let nothing = gzip(&gzip(b"").repeat(100_000));
    assert!(zeros.len() < 2_000 && nothing.len() < 10_000);
    let six = "gzip, gzip, gzip, gzip, gzip, gzip";
    for (coding, bomb, expected) in [
        ("gzip, gzip", zeros, Some("larger than 1048576 bytes")),
        ("gzip, gzip", nothing, None),
        (six, b"x".to_vec(), Some("it has more than 5 codings")),
    ] {
        let (url, _) = serve_all(move |_, peer| {
            peer.request();
            let length = bomb.len();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
            ));
            peer.send(&bomb);
        });
        run(async move {
            let session = session();
            let body = async { session.get(&url).await?.bytes().await };
            match (body.await, expected) {
                (Ok(body), None) => assert_eq!(body.len(), 0),
                (Err(error), Some(why)) => assert!(error.to_string().contains(why), "{error}"),
                (outcome, _) => panic!("{coding}: {outcome:?}"),
            }
            assert_eq!(session.stats().in_use, 0);
        })
        .unwrap();
    }
}
