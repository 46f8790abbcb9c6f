//! A server whose bodies are compressed: what the client makes of a good one, of a bomb, and of one that is cut off.

use glassloop::http::{ClientSession, ErrorKind};

use crate::http_peer;

pub fn over_a_socket(coding: &'static str, compress: fn(&[u8]) -> Vec<u8>) {
    let small = compress(b"hello");
    let bomb = compress(&vec![0; 10 << 20]);
    let (url, _) = http_peer::serve_all(move |_, peer| {
        while let Some(request) = peer.request() {
            let accepts = http_peer::field(&request, "accept-encoding").unwrap();
            assert!(accepts.split(", ").any(|accepted| accepted == coding));
            let body: &[u8] = match request.split(' ').nth(1).unwrap() {
                "/bomb" => &bomb,
                "/cut" => &small[..small.len() - 1],
                _ => &small,
            };
            let length = body.len();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
            ));
            peer.send(body);
        }
    });
    glassloop::run(async move {
        let session = ClientSession::builder().max_body(1 << 20).build().unwrap();
        let get = async |path| session.get(format!("{url}{path}")).await.unwrap();
        let response = get("").await;
        assert!(!response.headers().contains_key("content-encoding"));
        assert_eq!(response.text().await.unwrap(), "hello");
        let error = get("bomb").await.bytes().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::BodyTooLarge(1_048_576)));
        let error = get("cut").await.bytes().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Decode(_)), "{error}");
    })
    .unwrap();
}
