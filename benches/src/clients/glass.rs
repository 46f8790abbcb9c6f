//! glassloop's `ClientSession`.

use std::net::SocketAddr;
use std::rc::Rc;

use glassloop::http::ClientSession;

use super::Client;
use crate::runtimes::glass::Glass;

pub struct Session;

impl Client for Session {
    type Runtime = Glass;
    type Shared = Rc<ClientSession>;
    type Own = (Rc<ClientSession>, String);

    fn shared(connections: usize) -> Rc<ClientSession> {
        Rc::new(
            ClientSession::builder()
                .limit(connections)
                .build()
                .expect("a session"),
        )
    }

    async fn own(shared: &Rc<ClientSession>, address: SocketAddr) -> Self::Own {
        (shared.clone(), format!("http://{address}/"))
    }

    async fn get((session, url): &mut Self::Own) -> impl AsRef<[u8]> {
        let response = session.get(&*url).await.expect("a response");
        response.bytes().await.expect("a body")
    }
}
