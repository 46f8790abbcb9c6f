//! hyper-util's pooled client on Tokio.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::Client;
use crate::runtimes::tokio::TokioLocalSet;

pub struct HyperUtil;

impl Client for HyperUtil {
    type Runtime = TokioLocalSet;
    type Shared = Pooled<HttpConnector, Empty<Bytes>>;
    type Own = (Self::Shared, Uri);

    fn shared(_: usize) -> Self::Shared {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Pooled::builder(TokioExecutor::new()).build(connector)
    }

    async fn own(shared: &Self::Shared, address: SocketAddr) -> Self::Own {
        let uri = format!("http://{address}/").parse();
        (shared.clone(), uri.expect("an address is a URI"))
    }

    async fn get((client, uri): &mut Self::Own) -> impl AsRef<[u8]> {
        let body = client
            .get(uri.clone())
            .await
            .expect("a response")
            .into_body();
        body.collect().await.expect("a body").to_bytes()
    }
}
