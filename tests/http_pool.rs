//! The pool's limits: who waits, who is next, and that a place is free again however a request ends (R51-R55).

mod http_peer;

use std::cell::RefCell;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use glassloop::http::{ClientSession, ClientTimeout, ErrorKind, PoolStats, TcpConnector};
use glassloop::{create_task, gather, run, sleep};
use http_peer::{script, serve, serve_all};

fn session(connector: TcpConnector) -> ClientSession {
    ClientSession::builder()
        .connector(connector)
        .build()
        .unwrap()
}

async fn text(session: ClientSession, url: String) -> String {
    let response = session.get(url).await.unwrap();
    response.text().await.unwrap()
}

#[test]
fn r52_a_limit_of_one_and_two_hosts_is_no_deadlock() {
    let (a, _) = serve_all(|number, peer| peer.answer_all(&format!("a{number}")));
    let (b, _) = serve_all(|number, peer| peer.answer_all(&format!("b{number}")));
    run(async move {
        let session = session(TcpConnector::builder().limit(1));
        assert_eq!(text(session.clone(), a.clone()).await, "a0");
        assert_eq!(text(session.clone(), b.clone()).await, "b0");
        // The idle one to the other host has made room.
        assert_eq!(text(session.clone(), a).await, "a1");
        let stats = session.stats();
        assert_eq!((stats.idle, stats.in_use, stats.connected), (1, 0, 3));
    })
    .unwrap();
}

#[test]
fn r51_requests_take_turns_in_the_order_in_which_they_came() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = order.clone();
    let (url, server) = serve(vec![script(move |peer| {
        while let Some(request) = peer.request() {
            seen.lock()
                .unwrap()
                .push(request.split(' ').nth(1).unwrap().to_owned());
            peer.answer("ok");
        }
    })]);
    run(async move {
        let session = session(TcpConnector::builder().limit(1));
        let fetch = |i: usize| create_task(text(session.clone(), format!("{url}{i}")));
        let all = gather((0..8).map(fetch).collect::<Vec<_>>());
        assert_eq!(all.await.unwrap().len(), 8);
        assert_eq!(session.stats().connected, 1);
    })
    .unwrap();
    server.join().unwrap();
    let expected: Vec<String> = (0..8).map(|i| format!("/{i}")).collect();
    assert_eq!(*order.lock().unwrap(), expected);
}

#[test]
fn r51_a_host_at_its_limit_holds_up_no_other() {
    let (slow, _) = serve_all(|_, peer| {
        while peer.request().is_some() {
            std::thread::sleep(Duration::from_millis(100));
            peer.answer("slow");
        }
    });
    let (quick, _) = serve_all(|_, peer| peer.answer_all("quick"));
    run(async move {
        let session = session(TcpConnector::builder().limit_per_host(1));
        let done = Rc::new(RefCell::new(Vec::new()));
        let fetch = |url: &String| {
            let (done, fetched) = (done.clone(), text(session.clone(), url.clone()));
            create_task(async move {
                let text = fetched.await;
                done.borrow_mut().push(text);
            })
        };
        let all: Vec<_> = [&slow, &slow, &slow, &quick].map(fetch).into();
        sleep(Duration::ZERO).await;
        assert_eq!(session.stats().waiting, 2);
        gather(all).await.unwrap();
        assert_eq!(*done.borrow(), ["quick", "slow", "slow", "slow"]);
        assert_eq!(session.stats().connected, 2);
    })
    .unwrap();
}

#[test]
fn r51_no_more_connections_are_open_than_the_limit() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, peak) = (now.clone(), most.clone());
    let (url, _) = serve_all(move |_, peer| {
        peak.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        peer.answer_all("ok");
        counted.fetch_sub(1, Ordering::SeqCst);
    });
    run(async move {
        let session = session(TcpConnector::builder().limit(3));
        let fetch = |_| create_task(text(session.clone(), url.clone()));
        gather((0..50).map(fetch).collect::<Vec<_>>())
            .await
            .unwrap();
        let stats = session.stats();
        assert_eq!((stats.connected, stats.reused), (3, 47));
    })
    .unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

/// A future that is dropped after so many polls.
struct Cut<F> {
    future: Option<Pin<Box<F>>>,
    polls: usize,
}

impl<F: Future> Future for Cut<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            self.future = None;
            return Poll::Ready(None);
        }
        self.polls -= 1;
        let last = self.polls == 0;
        let Some(future) = &mut self.future else {
            return Poll::Ready(None);
        };
        match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if last => {
                self.future = None;
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

#[test]
fn r51_r85_a_request_that_is_cut_at_any_poll_frees_its_place() {
    let (url, address) = serve_all(|_, peer| {
        while peer.request().is_some() {
            // In pieces, so that there is more to wait for.
            for piece in [
                "HTTP/1.1 200 OK\r\n",
                "Content-Length: 4\r\n\r\n",
                "bo",
                "dy",
            ] {
                peer.send(piece);
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let name = format!("http://localhost:{}/", address.port());
    run(async move {
        for url in [url, name] {
            let mut complete = 0;
            for polls in 0..40 {
                // A session each, so that every one connects.
                let session = session(TcpConnector::builder().limit(1));
                let holder = (polls % 2 == 1).then(|| session.get(&url).into_future());
                let holder =
                    holder.map(|request| create_task(async move { request.await.map(drop) }));
                if holder.is_some() {
                    // The place is taken, and the request waits in line.
                    sleep(Duration::ZERO).await;
                }
                let (one, to) = (session.clone(), url.clone());
                let request = async move { one.get(&to).await?.text().await };
                let cut = Cut {
                    future: Some(Box::pin(request)),
                    polls,
                };
                if let Some(done) = cut.await {
                    assert_eq!(done.unwrap(), "body");
                    complete += 1;
                }
                if let Some(holder) = holder {
                    holder.await.unwrap().unwrap();
                }
                let stats = session.stats();
                assert_eq!(
                    (stats.in_use, stats.waiting),
                    (0, 0),
                    "{polls} polls: {stats:?}"
                );
                assert_eq!(text(session.clone(), url.clone()).await, "body");
                assert_eq!(glassloop::all_tasks().len(), 1);
            }
            assert!(complete > 5, "most requests were never complete");
        }
    })
    .unwrap();
}

#[test]
fn r51_a_place_is_free_again_after_failures_and_timeouts() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    let (silent, _) = serve_all(|_, peer| drop(peer.until_closed()));
    run(async move {
        let session = session(TcpConnector::builder().limit(1));
        for _ in 0..3 {
            let error = session.get(&refusing).await.unwrap_err();
            assert!(error.is_connect(), "{error}");
            let timeout = ClientTimeout::total(Duration::from_millis(20));
            let error = session.get(&silent).timeout(timeout).await.unwrap_err();
            assert!(error.is_timeout(), "{error}");
        }
        assert_eq!(
            session.stats(),
            PoolStats {
                connected: 6,
                ..PoolStats::default()
            }
        );
    })
    .unwrap();
}

#[test]
fn r55_closing_ends_idle_connections_and_waiters_and_lets_responses_go_on() {
    let (closed, was_closed) = std::sync::mpsc::channel();
    let (url, server) = serve(vec![
        script(|peer| {
            peer.request().unwrap();
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo");
            std::thread::sleep(Duration::from_millis(50));
            peer.send("dy");
            assert_eq!(peer.until_closed(), b"");
        }),
        script(move |peer| {
            peer.answer_all("idle");
            closed.send(()).unwrap();
        }),
    ]);
    run(async move {
        let session = session(TcpConnector::builder().limit(2));
        let open = session.get(&url).await.unwrap();
        let second = session.get(&url).await.unwrap();
        let waiting = create_task(session.get(&url).into_future());
        sleep(Duration::ZERO).await;
        assert_eq!(session.stats().waiting, 1);
        let clone = session.clone();
        session.close().await;
        let refused = waiting.await.unwrap().unwrap_err();
        assert!(
            matches!(refused.kind(), ErrorKind::SessionClosed),
            "{refused}"
        );
        assert_eq!(second.text().await.unwrap(), "idle");
        assert_eq!(clone.stats().idle, 0);
        was_closed.recv().unwrap();
        assert_eq!(open.text().await.unwrap(), "body");
        let refused = clone.get(&url).await.unwrap_err();
        assert!(
            refused
                .to_string()
                .ends_with("pool wait: the session is closed"),
            "{refused}"
        );
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r55_dropping_the_session_closes_idle_connections_at_once() {
    let (closed, was_closed) = std::sync::mpsc::channel();
    let (url, server) = serve(vec![
        script(|peer| peer.answer_all("open")),
        script(move |peer| {
            peer.answer_all("idle");
            closed.send(()).unwrap();
        }),
    ]);
    run(async move {
        let session = ClientSession::new();
        let open = session.get(&url).await.unwrap();
        assert_eq!(text(session.clone(), url).await, "idle");
        drop(session);
        was_closed.recv().unwrap();
        assert_eq!(open.text().await.unwrap(), "open");
    })
    .unwrap();
    server.join().unwrap();
}
