//! Bodies as `Stream`s, in both directions.

mod http_peer;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use glassloop::http::{Body, ClientSession, Error, ErrorKind, Response};
use glassloop::{run, yield_now};
use http_peer::{field, serve_all};

async fn next(response: &mut Response) -> Option<Result<Bytes, Error>> {
    poll_fn(|context| Pin::new(&mut *response).poll_next(context)).await
}

#[test]
fn a_response_is_a_stream_of_its_pieces_that_ends_after_an_error() {
    let (url, _) = serve_all(|_, peer| {
        while let Some(request) = peer.request() {
            let length = match request.starts_with("GET /cut ") {
                true => 6,
                false => 5,
            };
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nhello"
            ));
            if length == 6 {
                return;
            }
        }
    });
    run(async move {
        let session = ClientSession::new();
        let mut response = session.get(&url).await.unwrap();
        assert_eq!(next(&mut response).await.unwrap().unwrap(), "hello");
        assert!(next(&mut response).await.is_none());
        assert!(next(&mut response).await.is_none());
        assert_eq!(session.stats().idle, 1);
        let mut response = session.get(format!("{url}cut")).await.unwrap();
        assert_eq!(next(&mut response).await.unwrap().unwrap(), "hello");
        let error = next(&mut response).await.unwrap().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Response(_)), "{error}");
        assert!(next(&mut response).await.is_none());
    })
    .unwrap();
}

/// Gives these, and asks to be woken before each.
struct Pieces(VecDeque<io::Result<&'static str>>, bool);

impl Stream for Pieces {
    type Item = io::Result<&'static str>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.1 = !self.1;
        if self.1 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.0.pop_front())
    }
}

#[test]
fn a_body_is_made_of_a_stream() {
    let (url, _) = serve_all(|_, peer| {
        while let Some(request) = peer.request() {
            let framing = ["content-length", "transfer-encoding"];
            let framing = framing.map(|name| field(&request, name).unwrap_or("-"));
            let (_, body) = request.split_once("\r\n\r\n").unwrap();
            let answer = format!("{} {body:?}", framing.join(" "));
            peer.answer(&answer);
        }
    });
    run(async move {
        let session = ClientSession::new();
        let post = async |body: Body| session.post(&url).body(body).await?.text().await;
        let pieces = |last| Pieces([Ok("Hello, "), Ok(""), last].into(), false);
        let known = post(Body::from_stream(pieces(Ok("world")), 12)).await;
        assert_eq!(known.unwrap(), "12 - \"Hello, world\"");
        let unknown = post(Body::from_stream(pieces(Ok("world")), None)).await;
        let chunks = "7\r\nHello, \r\n5\r\nworld\r\n0\r\n\r\n";
        assert_eq!(unknown.unwrap(), format!("- chunked {chunks:?}"));
        let failed = Body::from_stream(pieces(Err(io::Error::other("no more"))), 12);
        assert!(failed.try_clone().is_none());
        let error = post(failed).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Body(_)), "{error}");
        assert!(error.to_string().ends_with("no more"), "{error}");
        yield_now().await;
        assert_eq!(session.stats().in_use, 0);
    })
    .unwrap();
}
