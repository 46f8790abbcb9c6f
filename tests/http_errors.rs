//! What a request tells of itself when it is over: errors (R86), statuses, and the trace.

mod http_peer;

use std::cell::RefCell;
use std::rc::Rc;

use glassloop::http::{ClientSession, ErrorKind, Trace, TraceEvent};
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
