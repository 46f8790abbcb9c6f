//! What a request tells of itself when it is over: errors (R86), statuses, and the trace.

mod http_peer;

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;

use glassloop::http::{ClientSession, ErrorKind, Proxy, TcpConnector, Trace, TraceEvent};
use glassloop::run;
use http_peer::{nobody, script, serve, serve_all};

struct Notes(RefCell<Vec<String>>);

impl Trace for Notes {
    fn event(&self, request: u64, event: &TraceEvent<'_>) {
        let name = format!("{event:?}");
        let name = name.split([' ', '(']).next().unwrap();
        self.0.borrow_mut().push(format!("{request} {name}"));
    }
}

#[test]
fn a_trace_is_told_what_happens() {
    let (url, server) = serve(vec![script(|peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 302 R\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n");
        peer.request().unwrap();
        peer.answer("ok");
    })]);
    let notes = Rc::new(Notes(RefCell::default()));
    let trace = notes.clone();
    run(async move {
        let session = ClientSession::builder().trace(trace).build().unwrap();
        session.get(&url).await.unwrap().text().await.unwrap();
        let (address, _socket) = nobody();
        let refused = session.get(format!("http://{address}/")).await;
        refused.unwrap_err();
    })
    .unwrap();
    server.join().unwrap();
    let expected = [
        "1 RequestStart",
        "1 ConnectStart",
        "1 ConnectEnd",
        "1 HeadSent",
        "1 Redirect",
        "1 ConnectionReused",
        "1 HeadSent",
        "1 Response",
        "1 BodyReceived",
        "1 RequestEnd",
        "2 RequestStart",
        "2 ConnectStart",
        "2 Failed",
    ];
    assert_eq!(*notes.0.borrow(), expected);
}

#[test]
fn r86_errors_are_small_and_print_no_secrets() {
    assert_eq!(size_of::<glassloop::http::Error>(), size_of::<usize>());
    run(async move {
        let session = ClientSession::new();
        let (address, _socket) = nobody();
        let long = format!("http://user:secret@{address}/?sig={}", "s".repeat(500));
        let error = session.get(&long).await.unwrap_err();
        for text in [
            error.to_string(),
            format!("{error:?}"),
            error.url().unwrap().to_string(),
        ] {
            assert!(!text.contains("secret") && !text.contains("user"), "{text}");
        }
        assert!(error.to_string().len() < 400 && error.to_string().contains("sss...: connect: "));
        let error = session.get("http://user:secret@[bad/").await.unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    })
    .unwrap();
}

#[test]
fn r86_what_is_no_url_is_refused_without_its_password() {
    run(async move {
        for url in [
            "http://joe:SECRET@host:99999/",
            "http://joe:SECRET@[::1",
            "joe:SECRET@example.com/x",
            "joe:SECRET@example.com:x",
        ] {
            let refused = ClientSession::builder().base_url(url).build().err();
            let proxy = ClientSession::builder().proxy(url).build().err();
            let texts = [
                ClientSession::new().get(url).await.unwrap_err().to_string(),
                refused.map_or(String::new(), |error| error.to_string()),
                proxy.map_or(String::new(), |error| error.to_string()),
                Proxy::new(url).err().unwrap_or_default(),
            ];
            for text in texts {
                assert!(!text.contains("SECRET") && !text.contains("joe"), "{text}");
            }
        }
        let error = ClientSession::new().get("joe:SECRET@x/").await.unwrap_err();
        let expected = "GET \"...@x/\": request: it does not begin with http:// or https://";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.url(), None);
    })
    .unwrap();
}

#[test]
fn r86_a_location_that_is_none_is_quoted_without_its_password() {
    let (url, _) = serve_all(|_, peer| {
        peer.request().unwrap();
        peer.send(
            "HTTP/1.1 302 R\r\nLocation: http://joe:SECRET@h:99999/\r\nContent-Length: 0\r\n\r\n",
        );
    });
    let error = run(async move { ClientSession::new().get(&url).await.unwrap_err() }).unwrap();
    let text = error.to_string();
    assert!(
        text.ends_with("the Location `...@h:99999/` is no URL: invalid port number"),
        "{text}"
    );
}

#[test]
fn r86_debug_forms_have_no_cookies_and_no_long_queries() {
    struct Shown(RefCell<String>);
    impl Trace for Shown {
        fn event(&self, _: u64, event: &TraceEvent<'_>) {
            *self.0.borrow_mut() += &format!("{event:?}\n");
        }
    }
    let long = format!("?sign={}SECRET", "s".repeat(300));
    let (url, _) = serve_all(|_, peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 302 R\r\nLocation: /next\r\nSet-Cookie: sid=SECRET\r\nContent-Length: 0\r\n\r\n");
        peer.request().unwrap();
        peer.send("HTTP/1.1 200 OK\r\nSet-Cookie: sid=SECRET\r\nContent-Length: 0\r\n\r\n");
    });
    run(async move {
        let shown = Rc::new(Shown(RefCell::default()));
        let session = ClientSession::builder().trace(shown.clone()).build();
        let session = session.unwrap();
        let url = format!("{}{long}", url.replace("//", "//joe:SECRET@"));
        let request = session.get(&url).header("cookie", "sid=SECRET");
        let request = request.header("proxy-authorization", "SECRET").build();
        let request = request.unwrap();
        let mut texts = vec![format!("{request:?} {:?}", request.headers())];
        let response = session.execute(request).await.unwrap();
        assert_eq!(response.headers()["set-cookie"], "sid=SECRET");
        texts.push(format!("{:?} {:?}", response.history(), response.headers()));
        texts.push(shown.0.take());
        assert!(texts[2].contains("Response { status: 200"), "{}", texts[2]);
        for text in texts {
            assert!(!text.contains("SECRET") && !text.contains("joe"), "{text}");
        }
    })
    .unwrap();
}

#[test]
fn a_cause_is_told_once() {
    let (address, _socket) = nobody();
    let error = run(async move { ClientSession::new().get(format!("http://{address}/")).await });
    let error = error.unwrap().unwrap_err();
    let mut texts = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        texts += &cause.to_string();
        next = cause.source();
    }
    assert_eq!(texts.matches("refused").count(), 1, "{texts}");
}

#[test]
fn statuses_are_errors_only_for_who_asks() {
    let (url, _) = serve_all(|_, peer| {
        while peer.request().is_some() {
            peer.send("HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nwhy");
        }
    });
    run(async move {
        let session = ClientSession::new();
        let response = session.get(&url).await.unwrap();
        let error = response.error_for_status_ref().unwrap_err();
        assert_eq!(error.status().unwrap(), 404);
        assert_eq!(
            error.to_string(),
            format!("GET {url}: response head: the status is 404 Not Found")
        );
        assert_eq!(response.text().await.unwrap(), "why");
        let strict = ClientSession::builder()
            .raise_for_status(true)
            .build()
            .unwrap();
        assert!(matches!(
            strict.get(&url).await.unwrap_err().kind(),
            ErrorKind::Status(_)
        ));
    })
    .unwrap();
}

#[test]
fn a_local_address_of_the_other_family_is_not_retryable() {
    run(async {
        let six = TcpConnector::builder().local_addr("::1".parse().unwrap());
        let session = ClientSession::builder().connector(six).build().unwrap();
        let error = session.get("http://127.0.0.1:9/").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error}");
        assert!(!error.is_retryable(), "{error}");
    })
    .unwrap();
}
