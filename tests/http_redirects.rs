//! Redirects: what is followed, what the request becomes, and what another origin does not get to see (R67-R74).

mod http_peer;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use glassloop::http::{Body, ClientSession, ErrorKind, Phase, Policy};
use glassloop::run;
use http::Method;
use http_peer::{field, script, serve, serve_all};

/// A server that redirects `/N` with status N to `to`, and answers `/end` with what it was asked.
fn redirecting(to: String) -> String {
    serve_all(move |_, peer| {
        while let Some(request) = peer.request() {
            let path = request.split(' ').nth(1).unwrap();
            match path[1..].parse::<u16>() {
                Ok(status) => peer.send(format!(
                    "HTTP/1.1 {status} R\r\nLocation: {to}\r\nContent-Length: 5\r\n\r\nmoved"
                )),
                Err(_) => peer.answer(&request),
            }
        }
    })
    .0
}

#[test]
fn r67_methods_and_bodies_after_each_status() {
    let url = redirecting("/end".to_owned());
    let cases = [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (303, "DELETE", "GET"),
        (302, "DELETE", "DELETE"),
    ];
    run(async move {
        let session = ClientSession::new();
        for (status, before, after) in cases {
            let method: Method = before.parse().unwrap();
            let request = session
                .request(method, format!("{url}{status}"))
                .body("body");
            let request = request
                .header("content-type", "text/x")
                .header("x-mine", "1");
            let response = request.await.unwrap();
            assert_eq!(response.url().path(), "/end");
            assert_eq!(response.history().len(), 1);
            assert_eq!(response.history()[0].status, status);
            let seen = response.text().await.unwrap();
            assert!(
                seen.starts_with(&format!("{after} /end ")),
                "{status} {before}: {seen}"
            );
            let has_body = before == after;
            assert_eq!(
                seen.ends_with("\r\n\r\nbody"),
                has_body,
                "{status} {before}: {seen}"
            );
            assert_eq!(field(&seen, "content-type").is_some(), has_body);
            assert_eq!(field(&seen, "content-length").is_some(), has_body);
            assert_eq!(field(&seen, "x-mine"), Some("1"));
        }
        // The bodies of the redirects were read, and one connection sufficed (R73).
        assert_eq!(session.stats().connected, 1);
        let head = session.head(format!("{url}303")).await.unwrap();
        assert_eq!(head.url().path(), "/end");
    })
    .unwrap();
}

#[test]
fn r68_a_stream_cannot_be_sent_again() {
    let url = redirecting("/end".to_owned());
    run(async move {
        let session = ClientSession::new();
        let stream = || Body::from_reader(&b"body"[..], 4);
        let error = session
            .post(format!("{url}307"))
            .body(stream())
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::BodyNotReplayable),
            "{error}"
        );
        assert_eq!(
            session
                .post(format!("{url}303"))
                .body(stream())
                .await
                .unwrap()
                .status(),
            200
        );
    })
    .unwrap();
}

#[test]
fn r69_a_circle_ends_and_redirects_can_be_refused() {
    let url = redirecting("/302".to_owned());
    run(async move {
        let session = ClientSession::new();
        let error = session.get(format!("{url}302")).await.unwrap_err();
        let ErrorKind::TooManyRedirects(urls) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!(urls.len(), 11);
        assert_eq!(error.phase(), Phase::Head, "{error}");
        let response = session
            .get(format!("{url}302"))
            .no_redirect()
            .await
            .unwrap();
        assert_eq!(
            (response.status().as_u16(), response.history().len()),
            (302, 0)
        );
        assert_eq!(response.text().await.unwrap(), "moved");
        for (policy, hops) in [
            (Policy::none(), 0),
            (Policy::custom(|_, seen| seen.len() <= 2), 2),
        ] {
            let session = ClientSession::builder().redirect(policy).build().unwrap();
            let response = session.get(format!("{url}302")).await.unwrap();
            assert_eq!(
                (response.status().as_u16(), response.history().len()),
                (302, hops)
            );
        }
        let limited = ClientSession::builder()
            .redirect(Policy::limited(2))
            .build()
            .unwrap();
        let error = limited.get(format!("{url}302")).await.unwrap_err();
        assert!(
            error.to_string().ends_with("more than 2 redirects"),
            "{error}"
        );
    })
    .unwrap();
}

#[test]
fn r70_bad_locations_are_errors_and_none_is_a_response() {
    let answer = |fields: &'static str| {
        let (url, _) = serve_all(move |_, peer| {
            while peer.request().is_some() {
                peer.send(format!(
                    "HTTP/1.1 302 R\r\n{fields}Content-Length: 0\r\n\r\n"
                ));
            }
        });
        run(async move {
            ClientSession::new()
                .get(url)
                .await
                .map(|response| response.status())
        })
        .unwrap()
    };
    assert_eq!(answer("").unwrap(), 302);
    for bad in [
        "Location: ftp://x/\r\n",
        "Location: javascript:alert(1)\r\n",
        "Location: http://\r\n",
        "Location: http://x:99999/\r\n",
        "Location: http://user:pw@127.0.0.1/\r\n",
        "Location: /a\r\nLocation: /b\r\n",
    ] {
        let error = answer(bad).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Redirect(_)),
            "{bad}: {error}"
        );
        assert!(!error.to_string().contains("pw"), "{error}");
    }
    // The same twice is no contradiction (R14); it is followed until the limit.
    let error = answer("Location: /\r\nLocation: /\r\n").unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::TooManyRedirects(_)),
        "{error}"
    );
}

#[test]
fn r71_another_origin_sees_no_secrets_and_neither_does_the_first_when_it_comes_back() {
    let (tell, told) = mpsc::channel();
    let tell_other = tell.clone();
    let (first_url, back) = mpsc::channel::<String>();
    let (other, other_server) = serve(vec![script(move |peer| {
        let home = back.recv().unwrap();
        tell_other.send(peer.request().unwrap()).unwrap();
        peer.send(format!(
            "HTTP/1.1 302 R\r\nLocation: {home}home\r\nContent-Length: 0\r\n\r\n"
        ));
        peer.until_closed();
    })]);
    let (url, server) = serve(vec![script(move |peer| {
        tell.send(peer.request().unwrap()).unwrap();
        peer.send(format!(
            "HTTP/1.1 302 R\r\nLocation: {other}away\r\nContent-Length: 0\r\n\r\n"
        ));
        tell.send(peer.request().unwrap()).unwrap();
        peer.answer("end");
    })]);
    first_url.send(url.clone()).unwrap();
    let host = url[7..url.len() - 1].to_owned();
    run(async move {
        let mut defaults = http::HeaderMap::new();
        defaults.insert("cookie2", "secret".parse().unwrap());
        let session = ClientSession::builder()
            .default_headers(defaults)
            .build()
            .unwrap();
        let request = session
            .get(&url)
            .bearer_auth("secret")
            .cookie("own", "secret");
        let request = request
            .header("cookie", "a=secret")
            .header("cookie", "b=secret");
        let request = request
            .header("proxy-authorization", "secret")
            .header("x-mine", "1");
        let response = request.header("host", "named.example").await.unwrap();
        assert_eq!(response.text().await.unwrap(), "end");
    })
    .unwrap();
    server.join().unwrap();
    other_server.join().unwrap();
    let all: Vec<String> = told.iter().collect();
    assert_eq!(all.len(), 3);
    assert_eq!(
        field(&all[0], "cookie"),
        Some("a=secret; b=secret; own=secret")
    );
    assert_eq!(field(&all[0], "cookie2"), Some("secret"));
    assert_eq!(field(&all[0], "host"), Some("named.example"));
    assert!(all[0].contains("Bearer secret"));
    assert!(
        !all[0].contains("proxy-authorization"),
        "that is for a proxy"
    );
    for later in &all[1..] {
        assert!(!later.contains("secret"), "{later}");
        assert_eq!(field(later, "x-mine"), Some("1"));
    }
    assert_eq!(field(&all[2], "host"), Some(host.as_str()));
}

#[test]
fn r72_locations_are_resolved_and_not_quoted_again() {
    for (location, expected) in [
        ("next?a=%2f%zz&b=c+d", "/dir/next?a=%2f%zz&b=c+d"),
        ("?x", "/dir/page?x"),
        ("/a/../b", "/b"),
        ("", "/dir/page?q=1"),
    ] {
        let (url, _) = serve_all(move |_, peer| {
            let first = peer.request().unwrap();
            assert!(first.starts_with("GET /dir/page?q=1 "));
            peer.send(format!(
                "HTTP/1.1 301 R\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
            ));
            let second = peer.request().unwrap();
            peer.answer(second.split(' ').nth(1).unwrap());
        });
        run(async move {
            let request = ClientSession::new()
                .get(format!("{url}dir/page#frag"))
                .query("q", 1);
            let response = request.await.unwrap();
            assert_eq!(response.url().fragment(), Some("frag"));
            assert_eq!(response.text().await.unwrap(), expected);
        })
        .unwrap();
    }
}

#[test]
fn r74_cookies_of_a_redirect_are_sent_with_the_next_request() {
    let (url, server) = serve(vec![script(|peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 302 R\r\nLocation: /next\r\nSet-Cookie: id=7; Path=/\r\nContent-Length: 0\r\n\r\n");
        let next = peer.request().unwrap();
        assert_eq!(field(&next, "cookie"), Some("mine=1; id=7"));
        peer.answer("ok");
        let without = peer.request().unwrap();
        assert_eq!(field(&without, "cookie"), Some("id=7"));
        peer.answer("ok");
    })]);
    run(async move {
        let session = ClientSession::new();
        session
            .get(&url)
            .cookie("mine", "1")
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        session.get(&url).await.unwrap().bytes().await.unwrap();
        assert_eq!(session.cookies().unwrap().cookies().len(), 1);
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn where_only_https_is_permitted_nothing_else_is_connected_to() {
    let (url, _) = serve_all(|_, _| panic!("it has connected"));
    run(async move {
        let session = ClientSession::builder().https_only(true).build().unwrap();
        let error = session.get(&url).await.unwrap_err();
        let expected =
            format!("GET {url}: request: only https is permitted (SessionBuilder::https_only)");
        assert_eq!(error.to_string(), expected);
        assert_eq!(session.stats().connected, 0);
    })
    .unwrap();
}

#[test]
fn a_response_tells_its_cookies() {
    let (url, _) = serve_all(|_, peer| {
        peer.request();
        peer.send("HTTP/1.1 200 R\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Domain=evil.example\r\nSet-Cookie: c=3; HttpOnly\r\nContent-Length: 0\r\n\r\n");
    });
    run(async move {
        let session = ClientSession::builder().cookie_jar(None).build().unwrap();
        let cookies = session.get(&url).await.unwrap().cookies();
        let seen: Vec<_> = cookies
            .iter()
            .map(|c| (c.name(), c.value(), c.is_http_only()))
            .collect();
        assert_eq!(
            seen,
            [
                ("a".into(), "1".into(), false),
                ("c".into(), "3".into(), true)
            ]
        );
    })
    .unwrap();
}

#[test]
fn r73_a_long_body_of_a_redirect_is_not_read() {
    let (url, server) = serve(vec![
        script(|peer| {
            peer.request().unwrap();
            peer.send("HTTP/1.1 302 R\r\nLocation: /next\r\nContent-Length: 99999999\r\n\r\nx");
            peer.until_closed();
        }),
        script(|peer| peer.answer_all("ok")),
    ]);
    run(async move {
        let session = ClientSession::new();
        assert_eq!(session.get(&url).await.unwrap().text().await.unwrap(), "ok");
    })
    .unwrap();
    server.join().unwrap();
}

/// What the body of a redirect is compressed with is nobody's business.
#[test]
fn r73_the_body_of_a_redirect_is_read_as_it_comes() {
    let (url, server) = serve(vec![script(|peer| {
        peer.request().unwrap();
        let body = "this is no gzip".repeat(4000);
        let length = body.len();
        peer.send(format!(
            "HTTP/1.1 302 R\r\nLocation: /next\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        peer.answer_all("ok");
    })]);
    run(async move {
        let session = ClientSession::new();
        assert_eq!(session.get(&url).await.unwrap().text().await.unwrap(), "ok");
        assert_eq!(session.stats().connected, 1);
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r70_a_redirect_that_cannot_be_followed_closes_its_connection() {
    let (url, server) = serve(vec![script(|peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 302 R\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(peer.until_closed(), b"");
    })]);
    run(async move {
        let session = ClientSession::new();
        session.get(&url).await.unwrap_err();
        let stats = session.stats();
        assert_eq!((stats.idle, stats.in_use), (0, 0));
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn the_rest_of_a_redirect_is_not_waited_for_where_the_connection_cannot_be_kept() {
    let (url, _) = serve_all(|_, peer| {
        let head = peer.head().unwrap();
        let path = head.split(' ').nth(1).unwrap();
        let left: usize = path[1..].parse().unwrap();
        if left == 0 {
            return peer.send("HTTP/1.1 200 R\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        }
        let about = match (field(&head, "connection"), left % 3) {
            (Some("close"), _) => "HTTP/1.1 303 R\r\nContent-Length: 5",
            _ if head.starts_with("POST") => "HTTP/1.1 303 R\r\nContent-Length: 5",
            (_, 0) => "HTTP/1.1 303 R\r\nContent-Length: 5\r\nConnection: close",
            (_, 1) => "HTTP/1.1 303 R",
            _ => "HTTP/1.0 303 R\r\nContent-Length: 5",
        };
        peer.send(format!("{about}\r\nLocation: /{}\r\n\r\nx", left - 1));
        peer.until_closed();
    });
    run(async move {
        let session = ClientSession::new();
        let began = Instant::now();
        let nine = format!("{url}9");
        session.get(&nine).await.unwrap();
        session
            .get(&nine)
            .header("connection", "close")
            .await
            .unwrap();
        for _ in 0..6 {
            let never = || std::future::pending::<Option<Result<&str, std::io::Error>>>();
            let body = Body::stream(never, None);
            session.post(format!("{url}1")).body(body).await.unwrap();
        }
        // Each of the 24 would be 100 ms.
        assert!(began.elapsed() < Duration::from_millis(1200));
    })
    .unwrap();
}
