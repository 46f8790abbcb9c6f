//! A request exchanged for its answer where one of them is odd: bodies without a byte, producers that never wait, answers that
//! are refused or stall, and the phase that an error names.

mod http_peer;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use glassloop::http::{
    Body, ClientSession, ClientTimeout, Error, ErrorKind, Phase, RequestBuilder, Trace, TraceEvent,
};
use glassloop::{create_task, run, sleep};
use http_peer::{Peer, field, script, serve, serve_all};

/// A test that goes wrong ends.
fn patient() -> ClientTimeout {
    ClientTimeout::total(Duration::from_secs(10))
}

#[test]
fn r61_a_chunked_body_without_a_byte_ends_once() {
    type Make = fn(RequestBuilder) -> RequestBuilder;
    let makes: [Make; 7] = [
        |post| post.chunked(),
        |post| post.body("").chunked(),
        |post| post.body(Vec::new()).header("transfer-encoding", "chunked"),
        |post| {
            let post = post.body(Body::empty());
            post.header("transfer-encoding", "chunked")
        },
        |post| post.form::<&str, &str>([]).chunked(),
        |post| post.body("").expect_continue().chunked(),
        |post| {
            post.body(Body::stream(
                || async { None::<Result<Vec<u8>, Error>> },
                None,
            ))
        },
    ];
    let (url, server) = serve(vec![script(move |peer| {
        for _ in makes {
            let head = peer.head().unwrap();
            assert_eq!(field(&head, "transfer-encoding"), Some("chunked"));
            assert_eq!(peer.take(5), b"0\r\n\r\n");
            peer.answer("ok");
        }
        assert_eq!(peer.until_closed(), b"");
    })]);
    run(async move {
        let session = ClientSession::builder().timeout(patient()).build().unwrap();
        for make in makes {
            let response = make(session.post(&url)).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "ok");
        }
        assert_eq!(session.stats().connected, 1);
    })
    .unwrap();
    server.join().unwrap();
}

/// Answers each path with what is written for it.
fn answers(peer: &mut Peer) {
    while let Some(request) = peer.request() {
        peer.send(match request.split(' ').nth(1).unwrap() {
            "/404" => "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno",
            "/307" => "HTTP/1.1 307 T\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
            "/other" => "HTTP/1.1 101 S\r\nUpgrade: other\r\n\r\n",
            "/nothing" => "HTTP/1.1 101 S\r\n\r\n",
            "/coded" => "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip, gzip, gzip, gzip\r\nContent-Length: 1\r\n\r\nx",
            path => panic!("{path}"),
        });
    }
}

#[test]
fn an_answer_that_is_refused_was_had_whatever_was_done_before_it() {
    let (url, _) = serve_all(|_, peer| answers(peer));
    run(async move {
        let strict = ClientSession::builder().raise_for_status(true).build();
        let session = strict.unwrap();
        // On a new connection and on a kept one.
        for _ in 0..2 {
            let upgrade = |path| {
                session
                    .get(format!("{url}{path}"))
                    .header("upgrade", "mine")
            };
            let stream = Body::stream(|| async { None::<Result<Vec<u8>, Error>> }, None);
            let mut requests = vec![
                session.get(format!("{url}404")),
                session.post(format!("{url}307")).body(stream),
                upgrade("other"),
                upgrade("nothing"),
            ];
            if cfg!(feature = "gzip") {
                requests.push(session.get(format!("{url}coded")));
            }
            for request in requests {
                let error = request.await.unwrap_err();
                assert_eq!(error.phase(), Phase::Head, "{error}");
                assert!(!error.is_connect() && !error.is_retryable(), "{error}");
            }
        }
    })
    .unwrap();
}

#[test]
fn r39_a_status_that_is_raised_keeps_the_connection_of_a_body_that_is_here() {
    let (url, _) = serve_all(|_, peer| {
        while peer.request().is_some() {
            peer.send("HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nwhy");
        }
    });
    run(async move {
        let strict = ClientSession::builder().raise_for_status(true).build();
        let session = strict.unwrap();
        for _ in 0..3 {
            let error = session.get(&url).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Status(_)), "{error}");
        }
        assert_eq!(session.stats().connected, 1);
    })
    .unwrap();
}

/// A body without end, of pieces that are always there and cost some time.
fn tireless(size: usize, asked: Rc<Cell<usize>>) -> Body {
    let pull = move || {
        asked.set(asked.get() + 1);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_micros(100) {}
        // Without this a test that goes wrong would not end.
        let piece = (asked.get() < 100_000).then(|| vec![b'x'; size]);
        async move { piece.map(Ok::<_, std::io::Error>) }
    };
    Body::stream(pull, None)
}

#[test]
fn a_producer_that_is_always_ready_stops_neither_the_loop_nor_the_limits_nor_the_answer() {
    let (silent, _) = serve_all(|_, peer| drop(peer.until_closed()));
    let (early, _) = serve_all(|_, peer| {
        peer.head().unwrap();
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
        peer.until_closed();
    });
    run(async move {
        let session = ClientSession::new();
        let ticks = Rc::new(Cell::new(0));
        let tick = create_task({
            let ticks = ticks.clone();
            async move {
                loop {
                    sleep(Duration::from_millis(5)).await;
                    ticks.set(ticks.get() + 1);
                }
            }
        });
        // Empty pieces are not sent, and count as little for a stop.
        for size in [1000, 0] {
            ticks.set(0);
            let post = session.post(&silent).body(tireless(size, Rc::default()));
            let limit = ClientTimeout::total(Duration::from_millis(200));
            let error = post.timeout(limit).await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Timeout("total", _)),
                "{error}"
            );
            assert!(ticks.get() > 2, "{size}: {} ticks", ticks.get());
        }
        let asked = Rc::new(Cell::new(0));
        let post = session.post(&early).body(tireless(1000, asked.clone()));
        let response = post.timeout(patient()).await.unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(response.text().await.unwrap(), "big");
        assert!(asked.get() < 50_000, "{}", asked.get());
        tick.cancel();
    })
    .unwrap();
}

#[test]
fn a_redirect_whose_body_stalls_is_followed_at_once() {
    let (url, server) = serve(vec![
        script(|peer| {
            peer.request().unwrap();
            peer.send("HTTP/1.1 302 R\r\nLocation: /next\r\nContent-Length: 10\r\n\r\nabc");
            peer.until_closed();
        }),
        script(|peer| peer.answer_all("next")),
    ]);
    run(async move {
        let session = ClientSession::new();
        let get = session.get(&url).timeout(patient());
        let begin = Instant::now();
        assert_eq!(get.await.unwrap().text().await.unwrap(), "next");
        assert!(begin.elapsed() < Duration::from_secs(5));
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn a_redirect_whose_body_comes_a_little_later_keeps_its_connection() {
    let (url, server) = serve(vec![script(|peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 302 R\r\nLocation: /next\r\nContent-Length: 10\r\n\r\nabc");
        std::thread::sleep(Duration::from_millis(5));
        peer.send("defghij");
        peer.answer_all("next");
    })]);
    run(async move {
        let session = ClientSession::new();
        let response = session.get(&url).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "next");
        assert_eq!(session.stats().connected, 1);
    })
    .unwrap();
    server.join().unwrap();
}

#[cfg(feature = "tls")]
#[test]
fn a_refusal_of_a_proxy_that_stalls_is_told_with_what_has_come() {
    let (url, server) = serve(vec![script(|peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 407 Who\r\nContent-Length: 100\r\n\r\nwho are you");
        peer.until_closed();
    })]);
    run(async move {
        let session = ClientSession::builder().proxy(url).build().unwrap();
        let get = session.get("https://example.com/").timeout(patient());
        let error = get.await.unwrap_err();
        let ErrorKind::ProxyRefused(status, said) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!((status.as_u16(), &said[..]), (407, &b"who are you"[..]));
        assert!(!error.is_retryable());
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn a_stream_that_waits_for_100_continue_is_not_used_up_by_another_answer() {
    let (url, server) = serve(vec![
        script(|peer| {
            let head = peer.head().unwrap();
            assert!(head.starts_with("PUT / ") && head.contains("expect: 100-continue"));
            peer.send("HTTP/1.1 307 T\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(peer.until_closed(), b"");
        }),
        script(|peer| {
            let head = peer.head().unwrap();
            assert!(head.starts_with("PUT /there ") && head.contains("expect: 100-continue"));
            peer.send("HTTP/1.1 417 What\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(peer.until_closed(), b"");
        }),
        script(|peer| {
            let request = peer.request().unwrap();
            assert_eq!(field(&request, "expect"), None);
            assert!(request.ends_with("\r\n\r\nhello"), "{request}");
            peer.answer("ok");
        }),
    ]);
    run(async move {
        let mut pieces = ["hello"].into_iter();
        let pull = move || {
            let piece = pieces.next();
            async move { piece.map(Ok::<_, std::io::Error>) }
        };
        let put = ClientSession::new().put(&url).body(Body::stream(pull, 5));
        let response = put.expect_continue().timeout(patient()).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "ok");
    })
    .unwrap();
    server.join().unwrap();
}

struct Notes(RefCell<Vec<String>>);

impl Trace for Notes {
    fn event(&self, _: u64, event: &TraceEvent<'_>) {
        if matches!(event, TraceEvent::HeadSent | TraceEvent::BodySent { .. }) {
            self.0.borrow_mut().push(format!("{event:?}"));
        }
    }
}

#[test]
fn a_trace_is_told_of_the_head_before_the_body() {
    let (url, _) = serve_all(|_, peer| peer.answer_all("ok"));
    run(async move {
        let notes = Rc::new(Notes(RefCell::default()));
        let session = ClientSession::builder().trace(notes.clone()).build();
        session.unwrap().post(&url).body("hello").await.unwrap();
        let expected = ["HeadSent", "BodySent { bytes: 5 }"];
        assert_eq!(*notes.0.borrow(), expected);
    })
    .unwrap();
}
