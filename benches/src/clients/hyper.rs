//! hyper's HTTP/1 connection on Tokio, without a pool.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Client;
use crate::runtimes::{Runtime, tokio::TokioLocal};

pub struct Hyper;

impl Client for Hyper {
    type Runtime = TokioLocal;
    type Shared = ();
    type Own = (SendRequest<Empty<Bytes>>, String);

    fn shared(_: usize) {}

    async fn own(_: &(), address: SocketAddr) -> Self::Own {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
        Self::Runtime::spawn(connection);
        (sender, address.to_string())
    }

    async fn get((sender, host): &mut Self::Own) -> impl AsRef<[u8]> {
        let request = Request::get("/").header(HOST, &*host).body(Empty::new());
        sender.ready().await.expect("the connection is open");
        let sent = sender.send_request(request.expect("a request"));
        let body = sent.await.expect("a response").into_body();
        body.collect().await.expect("a body").to_bytes()
    }
}
