//! What becomes of a kept connection: the timed scenarios of the client's specification (section I), and its rules R38-R50.

mod http_peer;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use glassloop::http::{Body, ClientSession, ClientTimeout, ErrorKind, TcpConnector};
use glassloop::{run, sleep};
use http_peer::{Peer, Script, script, serve, serve_all};

async fn text(session: &ClientSession, url: &str) -> String {
    let response = session.get(url).await.unwrap();
    response.text().await.unwrap()
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..5000 {
        if what() {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
    panic!("it did not happen within five seconds");
}

/// The first request is answered, then something comes while the connection is idle. The loop closes the connection by itself,
/// and the next request is answered on another one.
fn is_closed_while_idle(disturb: impl FnOnce(&mut Peer) + Send + 'static) {
    let (begin, begun) = mpsc::channel::<()>();
    let first = script(move |peer| {
        peer.request().unwrap();
        peer.answer("c0");
        begun.recv().unwrap();
        disturb(peer);
    });
    let second = script(|peer| peer.answer_all("c1"));
    let (url, server) = serve(vec![first, second]);
    run(async move {
        let session = ClientSession::new();
        assert_eq!(text(&session, &url).await, "c0");
        assert_eq!(session.stats().idle, 1);
        begin.send(()).unwrap();
        until(|| session.stats().idle == 0).await;
        assert_eq!(text(&session, &url).await, "c1");
        assert_eq!(session.stats().connected, 2);
        assert_eq!(session.stats().reused, 0);
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn i_a_whole_response_that_arrives_while_idle_answers_nothing() {
    is_closed_while_idle(|peer| {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        peer.until_closed();
    });
}

#[test]
fn i_a_line_of_garbage_while_idle() {
    is_closed_while_idle(|peer| {
        peer.send("garbage\r\n");
        peer.until_closed();
    });
}

#[test]
fn i_an_empty_line_while_idle() {
    is_closed_while_idle(|peer| {
        peer.send("\r\n");
        peer.until_closed();
    });
}

#[test]
fn i_408_and_close_while_idle_r42() {
    is_closed_while_idle(|peer| {
        peer.send("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    });
}

#[test]
fn i_the_end_of_the_stream_while_idle_r43() {
    is_closed_while_idle(|peer| {
        peer.finish();
        peer.until_closed();
    });
}

#[test]
fn i_a_reset_while_idle_r43() {
    is_closed_while_idle(Peer::reset);
}

/// The first connection reads a second request and closes without a byte.
fn stale() -> Vec<Script> {
    let first = script(|peer| {
        peer.request().unwrap();
        peer.answer("c0");
        peer.request().unwrap();
    });
    vec![first, script(|peer| peer.answer_all("c1"))]
}

#[test]
fn i_a_connection_that_closes_when_it_is_used_again_is_replaced_unseen_r46() {
    let (url, server) = serve(stale());
    run(async move {
        let session = ClientSession::new();
        assert_eq!(text(&session, &url).await, "c0");
        assert_eq!(text(&session, &url).await, "c1");
        let stats = session.stats();
        assert_eq!((stats.connected, stats.reused), (2, 1));
    })
    .unwrap();
    server.join().unwrap();
}

/// Both responses, or the response and something else, come in one segment. The first is good, the rest answers nothing.
fn is_not_used_again(segment: &'static str) {
    let first = script(move |peer| {
        peer.request().unwrap();
        peer.send(segment);
        assert_eq!(peer.until_closed(), b"");
    });
    let (url, server) = serve(vec![first, script(|peer| peer.answer_all("c1"))]);
    run(async move {
        let session = ClientSession::new();
        assert_eq!(text(&session, &url).await, "c0");
        assert_eq!(session.stats().idle, 0);
        assert_eq!(text(&session, &url).await, "c1");
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn i_two_responses_in_one_segment_r40() {
    is_not_used_again(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nc0HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    );
}

#[test]
fn i_a_response_and_garbage_in_one_segment_r40() {
    is_not_used_again("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nc0xyz");
}

#[test]
fn r44_what_arrived_since_the_loop_last_looked_is_seen_when_the_connection_is_taken() {
    let (poisoned, wait) = mpsc::channel::<()>();
    let first = script(move |peer| {
        peer.request().unwrap();
        peer.answer("c0");
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        poisoned.send(()).unwrap();
        peer.until_closed();
    });
    let (url, server) = serve(vec![first, script(|peer| peer.answer_all("c1"))]);
    run(async move {
        let session = ClientSession::new();
        assert_eq!(text(&session, &url).await, "c0");
        // In the same step: no turn of the loop has passed in between.
        wait.recv().unwrap();
        assert_eq!(text(&session, &url).await, "c1");
    })
    .unwrap();
    server.join().unwrap();
}

/// The last byte of the answer and what comes behind it are microseconds apart: the test holds the server's end itself.
#[test]
fn r44_what_is_injected_right_behind_an_answer_answers_nothing() {
    let (accepted, wait) = mpsc::channel();
    let first = script(move |peer| {
        accepted.send(peer.stream.try_clone().unwrap()).unwrap();
        peer.answer_all("c0");
    });
    let (url, server) = serve(vec![first, script(|peer| peer.answer_all("c1"))]);
    run(async move {
        let session = ClientSession::new();
        assert_eq!(text(&session, &url).await, "c0");
        let mut end = wait.recv().unwrap();
        // Once it is warm it takes little time from one to the other.
        for _ in 0..20 {
            assert_eq!(text(&session, &url).await, "c0");
        }
        let injected = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
        end.write_all(injected).unwrap();
        drop(end);
        assert_eq!(text(&session, &url).await, "c1");
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r47_a_post_is_not_sent_twice_unless_it_is_said_to_be_harmless() {
    for idempotent in [false, true] {
        let (url, server) = serve(match idempotent {
            true => stale(),
            false => stale().drain(..1).collect(),
        });
        run(async move {
            let session = ClientSession::new();
            assert_eq!(text(&session, &url).await, "c0");
            let post = session.post(&url).body("once");
            let answer = match idempotent {
                true => post.idempotent(true).await,
                false => post.await,
            };
            match answer {
                Ok(response) => assert!(idempotent && response.text().await.unwrap() == "c1"),
                Err(error) => {
                    assert!(!idempotent && error.is_reused() && error.is_retryable());
                    assert!(matches!(error.kind(), ErrorKind::ConnectionClosed));
                }
            }
            assert_eq!(session.stats().in_use, 0);
        })
        .unwrap();
        server.join().unwrap();
    }
}

#[test]
fn r48_nothing_is_sent_again_on_a_new_connection_or_after_a_byte_of_a_response() {
    for (first, then) in [("", false), ("HTT", true)] {
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        let (url, _) = serve_all(move |_, peer| {
            counted.fetch_add(1, Ordering::SeqCst);
            if then {
                peer.request().unwrap();
                peer.answer("ok");
            }
            peer.request();
            peer.send(first);
        });
        run(async move {
            let session = ClientSession::new();
            if then {
                assert_eq!(text(&session, &url).await, "ok");
            }
            let error = session.get(&url).await.unwrap_err();
            assert_eq!(error.is_reused(), then, "{error}");
        })
        .unwrap();
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn r46_retrying_can_be_turned_off() {
    let (url, server) = serve(stale().drain(..1).collect());
    run(async move {
        let session = ClientSession::builder().retry_stale(false).build().unwrap();
        assert_eq!(text(&session, &url).await, "c0");
        assert!(session.get(&url).await.unwrap_err().is_reused());
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r49_a_body_is_sent_again_from_its_beginning() {
    let mut scripts = stale();
    scripts[1] = script(|peer| {
        let request = peer.request().unwrap();
        assert!(request.ends_with("\r\n\r\nall of it"), "{request}");
        peer.answer("c1");
    });
    let (url, server) = serve(scripts);
    run(async move {
        let session = ClientSession::new();
        assert_eq!(text(&session, &url).await, "c0");
        let response = session.put(&url).body("all of it").await.unwrap();
        assert_eq!(response.text().await.unwrap(), "c1");
    })
    .unwrap();
    server.join().unwrap();
}

/// How many connections two requests take, when the first answer has these fields.
fn connections_of_two(fields: &'static str, pause: Duration) -> u64 {
    let (url, _) = serve_all(move |_, peer| {
        while peer.request().is_some() {
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{fields}\r\nok"
            ));
        }
    });
    run(async move {
        let session = ClientSession::new();
        assert_eq!(text(&session, &url).await, "ok");
        sleep(pause).await;
        assert_eq!(text(&session, &url).await, "ok");
        session.stats().connected
    })
    .unwrap()
}

#[test]
fn r38_r50_what_the_server_says_about_keeping_the_connection_is_done() {
    let now = Duration::ZERO;
    assert_eq!(connections_of_two("", now), 1);
    assert_eq!(connections_of_two("Connection: close\r\n", now), 2);
    assert_eq!(
        connections_of_two("Connection: x\r\nConnection: keep-alive, CLOSE\r\n", now),
        2
    );
    assert_eq!(connections_of_two("Keep-Alive: timeout=1\r\n", now), 2);
    assert_eq!(
        connections_of_two("Keep-Alive: timeout=60, max=0\r\n", now),
        2
    );
    assert_eq!(
        connections_of_two("Keep-Alive: timeout=60, max=9\r\n", now),
        1
    );
    // A second less than the server says, and it is over.
    assert_eq!(
        connections_of_two("Keep-Alive: timeout=2\r\n", Duration::from_millis(1200)),
        2
    );
}

#[test]
fn r39_an_unread_body_that_is_here_is_read_and_one_that_is_not_closes() {
    for (sent, length, connected) in [(10, 10, 1), (10, 20, 2)] {
        let (url, _) = serve_all(move |_, peer| {
            while peer.request().is_some() {
                let body = "x".repeat(sent);
                peer.send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
                ));
            }
        });
        run(async move {
            let session = ClientSession::new();
            for _ in 0..2 {
                assert_eq!(session.get(&url).await.unwrap().status(), 200);
            }
            let stats = session.stats();
            assert_eq!((stats.connected, stats.in_use), (connected, 0));
        })
        .unwrap();
    }
}

/// The body came in three pieces: one with the head, one that the loop was told of, and one that only the kernel has.
#[test]
fn r39_an_unread_body_that_is_still_in_the_kernel_is_read_too() {
    for (length, connected) in [(40_000, 1), (70_000, 2)] {
        for chunked in [false, true] {
            let (url, _) = serve_all(move |_, peer| {
                while peer.request().is_some() {
                    let body = "x".repeat(length);
                    peer.send(match chunked {
                        true => format!(
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                             {length:x}\r\n{body}\r\n0\r\n\r\n"
                        ),
                        false => {
                            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
                        }
                    });
                }
            });
            run(async move {
                let session = ClientSession::new();
                for _ in 0..2 {
                    let response = session.get(&url).await.unwrap();
                    // The loop stands still, and sees nothing of what comes.
                    std::thread::sleep(Duration::from_millis(300));
                    drop(response);
                    assert_eq!(session.stats().in_use, 0);
                }
                let what = (length, chunked);
                assert_eq!(session.stats().connected, connected, "{what:?}");
            })
            .unwrap();
        }
    }
}

#[test]
fn r54_the_connection_used_last_is_used_next() {
    let (url, _) = serve_all(|number, peer| peer.answer_all(&format!("c{number}")));
    run(async move {
        let session = ClientSession::new();
        let first = session.get(&url).await.unwrap();
        let second = session.get(&url).await.unwrap();
        assert_eq!(session.stats().in_use, 2);
        assert_eq!(second.text().await.unwrap(), "c1");
        assert_eq!(first.text().await.unwrap(), "c0");
        for _ in 0..3 {
            assert_eq!(text(&session, &url).await, "c0");
        }
    })
    .unwrap();
}

#[test]
fn r54_a_session_is_not_used_in_two_loops_at_once() {
    let (url, _) = serve_all(|_, peer| peer.answer_all("ok"));
    let session = ClientSession::new();
    let (one, address) = (session.clone(), url.clone());
    let open = run(async move { one.get(address).await.unwrap() }).unwrap();
    let (two, address) = (session.clone(), url.clone());
    let refused = run(async move {
        let task = glassloop::create_task(async move { two.get(address).await.map(drop) });
        task.await.unwrap_err().to_string()
    });
    assert!(refused.unwrap().contains("another event loop"));
    drop(open);
    // One after the other is fine.
    assert_eq!(
        run(async move { text(&session, &url).await }).unwrap(),
        "ok"
    );
}

#[test]
fn force_close_keeps_nothing() {
    let (url, _) = serve_all(|_, peer| peer.answer_all("ok"));
    run(async move {
        let connector = TcpConnector::builder().force_close(true);
        let session = ClientSession::builder()
            .connector(connector)
            .build()
            .unwrap();
        text(&session, &url).await;
        assert_eq!(session.stats().idle, 0);
    })
    .unwrap();
}

#[test]
fn r46_which_methods_are_sent_again() {
    for (method, again) in [
        ("GET", true),
        ("HEAD", true),
        ("OPTIONS", true),
        ("TRACE", true),
        ("PUT", true),
        ("DELETE", true),
        ("QUERY", true),
        ("POST", false),
        ("PATCH", false),
        ("OTHER", false),
    ] {
        let mut scripts = stale();
        scripts.truncate(1 + usize::from(again));
        let (url, server) = serve(scripts);
        run(async move {
            let session = ClientSession::new();
            assert_eq!(text(&session, &url).await, "c0");
            let method: http::Method = method.parse().unwrap();
            let answer = session.request(method.clone(), &url).await;
            assert_eq!(answer.is_ok(), again, "{method}");
            let connected = session.stats().connected;
            assert_eq!(connected, 1 + u64::from(again), "{method}");
        })
        .unwrap();
        server.join().unwrap();
    }
}

#[test]
fn r49_a_body_that_is_a_stream_is_not_sent_again() {
    let (url, server) = serve(stale().drain(..1).collect());
    run(async move {
        let session = ClientSession::new();
        assert_eq!(text(&session, &url).await, "c0");
        let body = Body::from_reader(&b"once"[..], 4);
        let error = session.put(&url).body(body).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::ConnectionClosed),
            "{error}"
        );
        assert!(error.is_reused());
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r49_the_second_try_has_what_is_left_of_the_time() {
    let closes_late = script(|peer| {
        peer.request().unwrap();
        peer.answer("c0");
        peer.request().unwrap();
        std::thread::sleep(Duration::from_millis(600));
    });
    let silent = script(|peer| drop(peer.until_closed()));
    let (url, server) = serve(vec![closes_late, silent]);
    run(async move {
        let session = ClientSession::new();
        assert_eq!(text(&session, &url).await, "c0");
        let began = std::time::Instant::now();
        let timeout = ClientTimeout::total(Duration::from_millis(900));
        let error = session.get(&url).timeout(timeout).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Timeout("total", _)),
            "{error}"
        );
        assert_eq!(session.stats().connected, 2);
        let took = began.elapsed();
        // A limit of its own for the second try would end it after a second and a half.
        let range = Duration::from_millis(899)..Duration::from_millis(1450);
        assert!(range.contains(&took), "{took:?}");
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r84_the_limit_of_reading_is_not_left_armed_on_a_kept_connection() {
    let (url, _) = serve_all(|number, peer| peer.answer_all(&format!("c{number}")));
    run(async move {
        let timeout = ClientTimeout {
            sock_read: Some(Duration::from_millis(500)),
            ..ClientTimeout::default()
        };
        let session = ClientSession::builder().timeout(timeout).build().unwrap();
        for _ in 0..2 {
            assert_eq!(text(&session, &url).await, "c0");
            sleep(Duration::from_millis(700)).await;
        }
    })
    .unwrap();
}
