//! reqwest on Tokio.

use std::net::SocketAddr;

use super::Client;
use crate::runtimes::tokio::TokioLocalSet;

pub struct Reqwest;

impl Client for Reqwest {
    type Runtime = TokioLocalSet;
    type Shared = reqwest::Client;
    type Own = (reqwest::Client, String);

    fn shared(_: usize) -> reqwest::Client {
        let builder = reqwest::Client::builder().no_proxy();
        builder.build().expect("a client")
    }

    async fn own(shared: &reqwest::Client, address: SocketAddr) -> Self::Own {
        (shared.clone(), format!("http://{address}/"))
    }

    async fn get((client, url): &mut Self::Own) -> impl AsRef<[u8]> {
        let response = client.get(&*url).send().await.expect("a response");
        response.bytes().await.expect("a body")
    }
}
