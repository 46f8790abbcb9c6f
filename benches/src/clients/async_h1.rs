//! async-h1 on smol, without a pool.

use std::net::SocketAddr;

use http_types::{Method, Request, Url};
use smol::net::TcpStream;

use super::Client;
use crate::runtimes::smol::Smol;

pub struct AsyncH1;

impl Client for AsyncH1 {
    type Runtime = Smol;
    type Shared = ();
    type Own = (TcpStream, Url);

    fn shared(_: usize) {}

    async fn own(_: &(), address: SocketAddr) -> Self::Own {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        let url = Url::parse(&format!("http://{address}/"));
        (stream, url.expect("an address is a URL"))
    }

    async fn get((stream, url): &mut Self::Own) -> impl AsRef<[u8]> {
        let request = Request::new(Method::Get, url.clone());
        let answered = ::async_h1::connect(stream.clone(), request).await;
        let mut response = answered.expect("a response");
        response.body_bytes().await.expect("a body")
    }
}
