//! Bodies of requests: their length, failures, early answers, backpressure and `Expect` (R60, R62-R65).

mod http_peer;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use glassloop::http::{Body, ClientSession, ErrorKind};
use glassloop::{run, sleep};
use http_peer::{field, script, serve};

fn session() -> ClientSession {
    let session = ClientSession::builder().auto_decompress(false);
    session.user_agent("t").build().unwrap()
}

fn pieces(pieces: &'static [&'static str], length: Option<u64>) -> Body {
    let mut pieces = pieces.iter();
    let pull = move || {
        let piece = pieces.next().copied();
        async move { piece.map(Ok::<_, std::io::Error>) }
    };
    Body::stream(pull, length)
}

#[test]
fn r60_a_stream_of_another_length_than_was_said_is_an_error_and_no_more_is_sent() {
    for (body, length, received) in [(&["abc", "def"], 4, "abc"), (&["abc", "def"], 9, "abcdef")] {
        let (url, server) = serve(vec![script(move |peer| {
            peer.head().unwrap();
            assert_eq!(String::from_utf8(peer.until_closed()).unwrap(), received);
        })]);
        run(async move {
            let post = session().post(url).body(pieces(body, Some(length)));
            let error = post.await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Body(_)), "{error}");
        })
        .unwrap();
        server.join().unwrap();
    }
}

#[test]
fn r62_a_stream_that_fails_ends_the_connection_without_a_last_chunk() {
    let (url, server) = serve(vec![script(|peer| {
        peer.head().unwrap();
        assert_eq!(peer.until_closed(), b"2\r\nab\r\n");
    })]);
    run(async move {
        let mut pieces = [Ok("ab"), Err(std::io::Error::other("the disk is gone"))].into_iter();
        let pull = move || {
            let piece = pieces.next();
            async move { piece }
        };
        let error = session()
            .post(&url)
            .body(Body::stream(pull, None))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("POST {url}: send: the disk is gone")
        );
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            "the disk is gone"
        );
    })
    .unwrap();
    server.join().unwrap();
}

/// A body without end; counts how much was asked for.
fn endless(asked: Rc<Cell<usize>>) -> Body {
    let pull = move || {
        asked.set(asked.get() + 1);
        async { Some(Ok::<_, std::io::Error>(vec![b'x'; 32 * 1024])) }
    };
    Body::stream(pull, None)
}

#[test]
fn r63_an_early_answer_stops_the_body_and_the_connection_is_not_used_again() {
    let (url, server) = serve(vec![
        script(|peer| {
            peer.head().unwrap();
            peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
            let received = peer.until_closed();
            assert!(!received.ends_with(b"0\r\n\r\n"));
        }),
        script(|peer| peer.answer_all("next")),
    ]);
    run(async move {
        let session = session();
        let response = session
            .post(&url)
            .body(endless(Rc::default()))
            .await
            .unwrap();
        assert_eq!(response.status(), 413);
        assert!(response.is_early());
        assert_eq!(response.text().await.unwrap(), "big");
        assert_eq!(session.stats().idle, 0);
        let next = session.get(&url).await.unwrap();
        assert!(!next.is_early());
        assert_eq!(next.text().await.unwrap(), "next");
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r64_a_body_is_not_asked_for_more_while_the_socket_takes_no_more() {
    let (go, wait) = mpsc::channel::<()>();
    let (url, server) = serve(vec![script(move |peer| {
        peer.head().unwrap();
        wait.recv().unwrap();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        peer.until_closed();
    })]);
    run(async move {
        let asked = Rc::new(Cell::new(0));
        let post = session().post(&url).body(endless(asked.clone()));
        let post = glassloop::create_task(async move { post.await.map(drop) });
        sleep(Duration::from_millis(200)).await;
        let before = asked.get();
        sleep(Duration::from_millis(200)).await;
        // The kernel's buffers are full, and nobody has made more than fits there.
        assert_eq!(asked.get(), before);
        go.send(()).unwrap();
        post.await.unwrap().unwrap();
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r65_expect_waits_for_the_server_but_not_for_ever() {
    // Continue, then the body.
    let (url, server) = serve(vec![script(|peer| {
        let head = peer.head().unwrap();
        assert_eq!(field(&head, "expect"), Some("100-continue"));
        assert!(peer.hears_nothing(), "the body came unasked");
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(peer.take(4), b"body");
        peer.answer("ok");
    })]);
    run(async move {
        let post = session().post(url).body("body").expect_continue();
        assert_eq!(post.await.unwrap().text().await.unwrap(), "ok");
    })
    .unwrap();
    server.join().unwrap();
    // No word: after a second.
    let (url, server) = serve(vec![script(|peer| {
        peer.head().unwrap();
        let begin = Instant::now();
        assert_eq!(peer.take(4), b"body");
        assert!(begin.elapsed() > Duration::from_millis(900));
        peer.answer("ok");
    })]);
    run(async move {
        let post = session().post(url).body("body").expect_continue();
        post.await.unwrap();
    })
    .unwrap();
    server.join().unwrap();
    // No: the body is never sent. It does not know the expectation: once more without.
    let (url, server) = serve(vec![
        script(|peer| {
            peer.head().unwrap();
            peer.send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(peer.until_closed(), b"");
        }),
        script(|peer| {
            peer.head().unwrap();
            peer.send("HTTP/1.1 417 What\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(peer.until_closed(), b"");
        }),
        script(|peer| {
            let request = peer.request().unwrap();
            assert_eq!(field(&request, "expect"), None);
            assert!(request.ends_with("body"));
            peer.answer("ok");
        }),
    ]);
    run(async move {
        let session = session();
        let post = || session.post(&url).body("body").expect_continue();
        assert_eq!(post().await.unwrap().status(), 403);
        assert_eq!(post().await.unwrap().status(), 200);
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn a_body_of_which_every_declared_byte_was_sent_is_sent() {
    let (url, server) = serve(vec![script(|peer| {
        assert!(peer.request().unwrap().ends_with("hello"));
        peer.answer("one");
        peer.answer_all("two");
    })]);
    run(async move {
        let session = session();
        let mut given = false;
        let pull = move || {
            let last = std::mem::replace(&mut given, true);
            async move {
                if !last {
                    return Some(Ok::<_, std::io::Error>("hello"));
                }
                std::future::pending().await
            }
        };
        let response = session.post(&url).body(Body::stream(pull, Some(5))).await;
        let response = response.unwrap();
        assert!(!response.is_early());
        assert_eq!(response.text().await.unwrap(), "one");
        assert_eq!(
            session.get(&url).await.unwrap().text().await.unwrap(),
            "two"
        );
        assert_eq!(session.stats().connected, 1);
    })
    .unwrap();
    server.join().unwrap();
}
