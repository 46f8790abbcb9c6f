//! Header fields by which one end changes what the client does: `Connection`, `Keep-Alive`, `Expect`, `Range`, `Upgrade`, and the
//! length of what a HEAD did not get.

mod http_peer;

use std::time::{Duration, Instant};

use glassloop::http::{ClientSession, ErrorKind};
use glassloop::{run, sleep};
use http::header::{CONNECTION, EXPECT, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use http_peer::{field, script, serve, serve_all};

fn with_default(name: HeaderName, value: &'static str) -> Result<ClientSession, String> {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_static(value));
    let session = ClientSession::builder().default_headers(headers).build();
    session.map_err(|error| error.to_string())
}

#[test]
fn connection_close_in_a_request_is_done() {
    let (url, _) = serve_all(|_, peer| peer.answer_all("ok"));
    run(async move {
        let session = ClientSession::new();
        for value in ["close", "x, Close"] {
            let response = session.get(&url).header("connection", value).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "ok");
            assert_eq!(session.stats().idle, 0, "{value}");
        }
        let session = with_default(CONNECTION, "close").unwrap();
        assert_eq!(session.get(&url).await.unwrap().text().await.unwrap(), "ok");
        assert_eq!(session.stats().idle, 0);
    })
    .unwrap();
}

#[test]
fn r50_a_short_keep_alive_is_kept_beside_a_long_one() {
    let (long, _) = serve_all(|_, peer| peer.answer_all("ok"));
    let (short, server) = serve(vec![script(|peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\nContent-Length: 2\r\n\r\nok");
        let begin = Instant::now();
        peer.until_closed();
        assert!(begin.elapsed() < Duration::from_millis(1900));
    })]);
    run(async move {
        let session = ClientSession::new();
        for url in [&long, &short] {
            assert_eq!(session.get(url).await.unwrap().text().await.unwrap(), "ok");
        }
        assert_eq!(session.stats().idle, 2);
        sleep(Duration::from_millis(2500)).await;
        assert_eq!(session.stats().idle, 1);
        // What is left is still looked after: nothing else is closed, and the next one in its time.
        assert_eq!(
            session.get(&long).await.unwrap().text().await.unwrap(),
            "ok"
        );
        assert_eq!(session.stats().reused, 1);
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r65_expect_as_a_header_waits_as_well() {
    let (url, server) = serve(vec![script(|peer| {
        let head = peer.head().unwrap();
        assert_eq!(head.matches("xpect: 100-continue").count(), 1);
        assert!(peer.hears_nothing(), "the body came unasked");
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(peer.take(4), b"body");
        peer.answer("ok");
        // Without a body there is nothing to wait with.
        let head = peer.head().unwrap();
        assert_eq!(field(&head, "expect"), None);
        peer.answer("ok");
    })]);
    run(async move {
        let session = ClientSession::new();
        let post = session.post(&url).header("expect", "100-Continue");
        let response = post.body("body").await.unwrap();
        assert_eq!(response.text().await.unwrap(), "ok");
        let get = session.get(&url).header("expect", "100-continue");
        assert_eq!(get.await.unwrap().text().await.unwrap(), "ok");
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn expect_and_upgrade_belong_to_one_request() {
    for (name, value) in [(EXPECT, "100-continue"), (UPGRADE, "websocket")] {
        let why = format!("ClientSession: {name} cannot be a default header");
        assert_eq!(with_default(name, value).err().unwrap(), why);
    }
}

#[test]
fn a_head_response_says_how_long_a_get_would_be_and_keeps_its_fields() {
    let (url, _) = serve_all(|_, peer| {
        while let Some(request) = peer.request() {
            peer.send(match request.split(' ').nth(1).unwrap() {
                "/plain" => "HTTP/1.1 200 OK\r\nContent-Length: 116\r\n\r\n",
                "/coded" => {
                    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 77\r\n\r\n"
                }
                "/list" => "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
                "/odd" => "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n",
                "/none" => "HTTP/1.1 200 OK\r\n\r\n",
                "/304" => "HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n",
                "/204" => "HTTP/1.1 204 No\r\n\r\n",
                path => panic!("{path}"),
            });
        }
    });
    run(async move {
        let session = ClientSession::new();
        for (path, length) in [
            ("plain", Some(116)),
            ("coded", Some(77)),
            ("list", Some(5)),
            ("odd", None),
            ("none", None),
            ("304", Some(9)),
            ("204", Some(0)),
        ] {
            let response = session.head(format!("{url}{path}")).await.unwrap();
            assert_eq!(response.content_length(), length, "{path}");
            if path == "coded" {
                assert_eq!(response.headers()["content-encoding"], "gzip");
                assert_eq!(response.headers()["content-length"], "77");
            }
            assert_eq!(response.bytes().await.unwrap(), "");
        }
        let response = session.get(format!("{url}304")).await.unwrap();
        assert_eq!(response.content_length(), Some(9));
        assert_eq!(session.stats().connected, 1);
    })
    .unwrap();
}

#[test]
fn a_range_is_asked_for_as_it_is_and_not_decoded() {
    let (url, server) = serve(vec![script(|peer| {
        for _ in 0..2 {
            let request = peer.request().unwrap();
            let expected = field(&request, "range").map_or(cfg!(feature = "gzip"), |_| false);
            assert_eq!(field(&request, "accept-encoding").is_some(), expected);
            peer.send(
                "HTTP/1.1 206 P\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1fab",
            );
        }
    })]);
    run(async move {
        let session = ClientSession::new();
        let part = session.get(&url).header("range", "bytes=0-2");
        let response = part.await.unwrap();
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert_eq!(response.bytes().await.unwrap(), "\x1fab");
        drop(session.get(&url).await.unwrap());
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r18_an_upgrade_names_what_it_is_to_and_is_asked_for_with_its_connection_option() {
    let (url, _) = serve_all(|_, peer| {
        let request = peer.request().unwrap();
        let lines = request
            .lines()
            .filter(|line| line.starts_with("connection:"));
        let options: Vec<_> = lines.map(|line| &line[12..]).collect();
        peer.send(match options[..] {
            ["upgrade"] | ["x", "upgrade"] | ["x, Upgrade"] => "HTTP/1.1 101 S\r\n\r\n",
            _ => "HTTP/1.1 400 Bad\r\n\r\n",
        });
    });
    run(async move {
        let session = ClientSession::new();
        for option in [None, Some("x"), Some("x, Upgrade")] {
            let mut get = session.get(&url).header("upgrade", "echo");
            if let Some(option) = option {
                get = get.header("connection", option);
            }
            let error = get.await.unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "GET {url}: response head: unexpected upgrade: the server does not say what it switches to"
                )
            );
        }
    })
    .unwrap();
}

#[test]
fn what_cannot_succeed_is_not_to_be_tried_again() {
    let (url, _) = serve_all(|_, peer| {
        while let Some(request) = peer.request() {
            peer.send(match &request[..7] {
                "CONNECT" => "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
                _ => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            });
        }
    });
    run(async move {
        let connector = glassloop::http::TcpConnector::builder().connect_filter(|_| false);
        let inside = ClientSession::builder().connector(connector).build();
        let error = inside.unwrap().get(&url).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Connect(tried) if tried.is_empty()));
        assert!(error.is_connect() && !error.is_retryable(), "{error}");
        #[cfg(feature = "tls")]
        {
            let through = ClientSession::builder().proxy(&url[..]).build().unwrap();
            let error = through.get("https://example.com/").await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::ProxyRefused(..)),
                "{error}"
            );
            assert!(!error.is_retryable(), "{error}");
        }
        let response = ClientSession::new().get(&url).await.unwrap();
        let error = response.upgrade().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NotUpgraded(_)), "{error}");
        assert!(!error.is_retryable(), "{error}");
    })
    .unwrap();
}

#[test]
fn any_number_of_header_fields_may_be_permitted() {
    let (url, _) = serve_all(|_, peer| {
        peer.request().unwrap();
        let lines: String = (0..300).map(|n| format!("x-{n}: y\r\n")).collect();
        peer.send(format!(
            "HTTP/1.1 200 OK\r\n{lines}Transfer-Encoding: chunked\r\n\r\n0\r\nt: y\r\n\r\n"
        ));
    });
    run(async move {
        for (most, passes) in [(usize::MAX, true), (301, true), (300, false)] {
            let session = ClientSession::builder().max_headers(most).build();
            let response = session.unwrap().get(&url).await;
            assert_eq!(response.is_ok(), passes, "{most}");
            if let Ok(mut response) = response {
                assert_eq!(response.headers().len(), 301);
                assert_eq!(response.chunk().await.unwrap(), None);
                assert_eq!(response.trailers().unwrap()["t"], "y");
            }
        }
    })
    .unwrap();
}
