//! Responses as their reader has them: pieces, backpressure, limits of time and size, upgrades, tracing (R18, R27, R80-R88).

mod http_peer;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};
use glassloop::http::{ClientSession, ClientTimeout, ErrorKind, Phase};
use glassloop::{create_task, run, sleep, timeout};
use http_peer::{field, script, serve, serve_all};

async fn read(source: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> usize {
    poll_fn(|context| Pin::new(&mut *source).poll_read(context, buffer))
        .await
        .unwrap()
}

#[test]
fn a_body_is_had_in_pieces_as_a_reader_and_with_trailers() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n";
    let (url, server) = serve(vec![script(move |peer| {
        while peer.request().is_some() {
            peer.send(chunked);
        }
    })]);
    run(async move {
        let session = ClientSession::new();
        let mut response = session.get(&url).await.unwrap();
        assert!(response.trailers().is_none());
        let mut pieces = Vec::new();
        while let Some(piece) = response.chunk().await.unwrap() {
            pieces.push(piece);
        }
        assert_eq!(pieces.concat(), b"abcde");
        assert!(response.chunk().await.unwrap().is_none());
        assert_eq!(response.trailers().unwrap()["x-sum"], "5");
        let mut response = session.get(&url).await.unwrap();
        let (mut two, mut all) = ([0; 2], Vec::new());
        loop {
            match read(&mut response, &mut two).await {
                0 => break,
                n => all.extend_from_slice(&two[..n]),
            }
        }
        assert_eq!(all, b"abcde");
        assert_eq!(session.stats().connected, 1);
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r27_what_came_before_a_break_is_given_out_and_the_break_stays_an_error() {
    let (url, server) = serve(vec![script(|peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    })]);
    run(async move {
        let mut response = ClientSession::new().get(&url).await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "abc");
        let error = response.chunk().await.unwrap_err();
        let expected = "response body: incomplete body: the stream ended after 3 of 10 bytes";
        assert_eq!(error.to_string(), format!("GET {url}: {expected}"));
        assert!(error.is_retryable());
        assert!(response.chunk().await.is_err(), "a break is no end");
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r83_a_slow_reader_slows_the_server_down() {
    let written = Arc::new(AtomicUsize::new(0));
    let counted = written.clone();
    let (url, server) = serve(vec![script(move |peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 200 OK\r\n\r\n");
        let piece = vec![b'x'; 64 * 1024];
        while std::io::Write::write_all(&mut peer.stream, &piece).is_ok() {
            counted.fetch_add(piece.len(), Ordering::SeqCst);
        }
    })]);
    run(async move {
        let mut response = ClientSession::new().get(&url).await.unwrap();
        assert!(response.chunk().await.unwrap().is_some());
        sleep(Duration::from_millis(300)).await;
        let before = written.load(Ordering::SeqCst);
        sleep(Duration::from_millis(300)).await;
        assert_eq!(
            written.load(Ordering::SeqCst),
            before,
            "nobody reads, and it goes on"
        );
        drop(response);
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r81_bodies_have_a_limit() {
    let (url, _) = serve_all(|_, peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        peer.send("x".repeat(100));
    });
    run(async move {
        let session = ClientSession::builder().max_body(99).build().unwrap();
        let error = session.get(&url).await.unwrap().bytes().await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::BodyTooLarge(99)),
            "{error}"
        );
        assert_eq!(session.stats().in_use, 0);
        let session = ClientSession::builder().max_body(100).build().unwrap();
        assert_eq!(
            session
                .get(&url)
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap()
                .len(),
            100
        );
    })
    .unwrap();
}

#[test]
fn r84_each_limit_of_time_ends_its_phase_and_says_its_name() {
    let (silent, _) = serve_all(|_, peer| drop(peer.until_closed()));
    let (stalling, _) = serve_all(|_, peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        peer.until_closed();
    });
    let short = Some(Duration::from_millis(40));
    let reading = ClientTimeout {
        sock_read: short,
        ..ClientTimeout::default()
    };
    let in_all = ClientTimeout::total(Duration::from_millis(40));
    run(async move {
        let session = ClientSession::builder().limit(1).build().unwrap();
        for (timeout, knob) in [(reading, "sock_read"), (in_all, "total")] {
            let error = session.get(&silent).timeout(timeout).await.unwrap_err();
            let expected = format!(
                "GET {silent}: response head: the limit of 40ms ran out (ClientTimeout::{knob})"
            );
            assert_eq!(error.to_string(), expected);
            let mut response = session.get(&stalling).timeout(timeout).await.unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), "abc");
            let error = response.chunk().await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Timeout(name, _) if *name == knob),
                "{error}"
            );
            assert_eq!(error.phase(), Phase::Body);
        }
        let open = session.get(&stalling).await.unwrap();
        let waiting = ClientTimeout {
            connect: short,
            ..ClientTimeout::default()
        };
        let error = session.get(&silent).timeout(waiting).await.unwrap_err();
        assert_eq!(error.phase(), Phase::PoolWait);
        assert!(
            matches!(error.kind(), ErrorKind::Timeout("connect", _)),
            "{error}"
        );
        drop(open);
        let stats = session.stats();
        assert_eq!((stats.in_use, stats.waiting), (0, 0));
        // Durations beyond the clock are no limit.
        let never = ClientTimeout::total(Duration::MAX);
        let stalled = session.get(&silent).timeout(never);
        assert!(timeout(Duration::from_millis(40), stalled).await.is_err());
        assert_eq!(session.stats().in_use, 0);
    })
    .unwrap();
}

#[test]
fn r87_a_head_that_drips_is_ended_by_the_total() {
    let (url, _) = serve_all(|_, peer| {
        peer.request();
        for byte in "HTTP/1.1 200 OK\r\nX: "
            .bytes()
            .chain(std::iter::repeat(b'x'))
            .take(200)
        {
            peer.send([byte]);
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    run(async move {
        let timeout = ClientTimeout {
            total: Some(Duration::from_millis(150)),
            sock_read: Some(Duration::from_millis(100)),
            ..ClientTimeout::default()
        };
        let begin = Instant::now();
        let error = ClientSession::new()
            .get(&url)
            .timeout(timeout)
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Timeout("total", _)),
            "{error}"
        );
        assert!(begin.elapsed() < Duration::from_millis(1500));
    })
    .unwrap();
}

#[test]
fn a_cancelled_chunk_loses_nothing_and_leaves_no_waiter() {
    let (go, wait) = mpsc::channel::<()>();
    let (url, server) = serve(vec![script(move |peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
        wait.recv().unwrap();
        peer.send("body");
        peer.until_closed();
    })]);
    run(async move {
        let mut response = ClientSession::new().get(&url).await.unwrap();
        assert!(
            timeout(Duration::from_millis(10), response.chunk())
                .await
                .is_err()
        );
        go.send(()).unwrap();
        assert_eq!(response.bytes().await.unwrap(), "body");
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r17_r18_an_upgrade_hands_the_connection_over() {
    let (url, server) = serve(vec![
        script(|peer| {
            let request = peer.request().unwrap();
            assert_eq!(field(&request, "upgrade"), Some("echo"));
            peer.send("HTTP/1.1 101 Go\r\nUpgrade: echo\r\nConnection: upgrade\r\nContent-Length: 9\r\n\r\nfirst");
            let received = peer.take(5);
            peer.send(received);
            assert_eq!(peer.until_closed(), b"");
        }),
        script(|peer| {
            peer.request().unwrap();
            peer.send("HTTP/1.1 101 Go\r\nUpgrade: other\r\n\r\n");
        }),
        script(|peer| peer.answer_all("no")),
    ]);
    run(async move {
        let session = ClientSession::new();
        let ask = || {
            session
                .get(&url)
                .header("upgrade", "echo")
                .header("connection", "upgrade")
        };
        let response = ask().await.unwrap();
        assert_eq!(response.status(), 101);
        let mut io = response.upgrade().await.unwrap();
        let mut buffer = [0; 16];
        assert_eq!(read(&mut io, &mut buffer).await, 5);
        assert_eq!(&buffer[..5], b"first");
        let sent = poll_fn(|context| Pin::new(&mut io).poll_write(context, b"hello")).await;
        assert_eq!(sent.unwrap(), 5);
        assert_eq!(read(&mut io, &mut buffer).await, 5);
        assert_eq!(&buffer[..5], b"hello");
        assert_eq!((session.stats().in_use, session.stats().idle), (1, 0));
        drop(io);
        let error = ask().await.unwrap_err();
        assert!(error.to_string().contains("\"other\""), "{error}");
        let error = session
            .get(&url)
            .await
            .unwrap()
            .upgrade()
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("status 200 is no upgrade"),
            "{error}"
        );
    })
    .unwrap();
    server.join().unwrap();
}

#[cfg(feature = "gzip")]
#[test]
fn r80_r82_bodies_are_decoded_and_bombs_defused() {
    use std::io::Write;
    let gzip = |data: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let small = gzip(b"hello gzip");
    let bomb = gzip(&vec![0; 10 << 20]);
    assert!(bomb.len() < 20_000);
    let (url, _) = serve_all(move |_, peer| {
        while let Some(request) = peer.request() {
            let body: &[u8] = match request.split(' ').nth(1).unwrap() {
                "/bomb" => &bomb,
                "/cut" => &small[..small.len() - 3],
                _ => &small,
            };
            let length = body.len();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
            ));
            peer.send(body);
        }
    });
    run(async move {
        let session = ClientSession::builder().max_body(1 << 20).build().unwrap();
        let response = session.get(&url).await.unwrap();
        assert!(!response.headers().contains_key("content-encoding"));
        assert!(!response.headers().contains_key("content-length"));
        assert_eq!(response.content_length(), None);
        assert_eq!(response.text().await.unwrap(), "hello gzip");
        let raw = session
            .get(&url)
            .header("accept-encoding", "gzip")
            .await
            .unwrap();
        assert_eq!(raw.headers()["content-encoding"], "gzip");
        assert!(raw.bytes().await.unwrap().starts_with(b"\x1f\x8b"));
        let error = session
            .get(format!("{url}bomb"))
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::BodyTooLarge(_)),
            "{error}"
        );
        let mut cut = session.get(format!("{url}cut")).await.unwrap();
        let mut all = Vec::new();
        let error = loop {
            match cut.chunk().await {
                Ok(Some(piece)) => all.extend_from_slice(&piece),
                Ok(None) => panic!("a cut body is no whole one"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error.kind(), ErrorKind::Decode(_)), "{error}");
        assert_eq!(all, b"hello gzip");
    })
    .unwrap();
}

#[test]
fn a_response_is_written_to_a_file_or_stream() {
    let (url, _) = serve_all(|_, peer| peer.answer_all("to be copied"));
    run(async move {
        let listener = glassloop::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let receiver = create_task(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut all = [0; 12];
            stream.read_exact(&mut all).await.unwrap();
            all
        });
        let mut stream = glassloop::net::TcpStream::connect(&address).await.unwrap();
        let mut response = ClientSession::new().get(&url).await.unwrap();
        assert_eq!(response.copy_to(&mut stream).await.unwrap(), 12);
        assert_eq!(&receiver.await.unwrap(), b"to be copied");
    })
    .unwrap();
}

#[test]
fn r82_where_there_is_no_body_there_is_nothing_to_decode() {
    let (url, _) = serve_all(|_, peer| {
        while let Some(request) = peer.head() {
            let status = request.split(' ').nth(1).unwrap()[1..].to_owned();
            peer.send(format!("HTTP/1.1 {status} x\r\nContent-Encoding: gzip\r\n"));
            peer.send(match status.as_str() {
                "200" => "Content-Length: 0\r\n\r\n",
                _ => "\r\n",
            });
        }
    });
    run(async move {
        let session = ClientSession::new();
        for status in ["204", "304", "200"] {
            let response = session.get(format!("{url}{status}")).await.unwrap();
            assert_eq!(response.bytes().await.unwrap(), "", "{status}");
        }
        let response = session.head(format!("{url}200")).await.unwrap();
        assert_eq!(response.bytes().await.unwrap(), "");
        assert_eq!(session.stats().connected, 1);
    })
    .unwrap();
}

#[test]
fn r83_while_nobody_reads_the_limit_of_reading_does_not_count() {
    let (url, server) = serve(vec![script(|peer| {
        peer.request().unwrap();
        let body = "x".repeat(500_000);
        peer.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n{body}"
        ));
        peer.until_closed();
    })]);
    run(async move {
        let timeout = ClientTimeout {
            sock_read: Some(Duration::from_millis(500)),
            ..ClientTimeout::default()
        };
        let session = ClientSession::new();
        let mut response = session.get(&url).timeout(timeout).await.unwrap();
        let mut bytes = response.chunk().await.unwrap().unwrap().len();
        sleep(Duration::from_millis(700)).await;
        bytes += response.chunk().await.unwrap().unwrap().len();
        assert_eq!(bytes + response.bytes().await.unwrap().len(), 500_000);
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r88_text_is_utf8_without_its_mark_and_what_is_none_is_replaced() {
    let bodies: [(&[u8], &str); 5] = [
        (b"caf\xC3\xA9", "caf\u{e9}"),
        (b"\xEF\xBB\xBFtext", "text"),
        (b"\xEF\xBB\xBF\xEF\xBB\xBFtext", "\u{feff}text"),
        (b"caf\xE9!", "caf\u{fffd}!"),
        (b"", ""),
    ];
    let (url, _) = serve_all(move |_, peer| {
        for (body, _) in bodies {
            peer.request();
            let length = body.len();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=latin1\r\nContent-Length: {length}\r\n\r\n"
            ));
            peer.send(body);
        }
    });
    run(async move {
        let session = ClientSession::new();
        for (_, expected) in bodies {
            let response = session.get(&url).await.unwrap();
            assert_eq!(response.text().await.unwrap(), expected);
        }
    })
    .unwrap();
}
