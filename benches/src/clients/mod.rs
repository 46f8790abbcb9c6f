//! HTTP clients behind one trait. Each brings the runtime it is used with.

use std::net::SocketAddr;

use crate::runtimes::Runtime;

pub mod glass;

#[cfg(feature = "peers")]
pub mod aiohttp;
#[cfg(feature = "peers")]
pub mod async_h1;
#[cfg(feature = "peers")]
pub mod hyper;
#[cfg(feature = "peers")]
pub mod hyper_util;
#[cfg(feature = "peers")]
pub mod reqwest;

/// A client with a connection for each task that uses it.
#[allow(async_fn_in_trait)]
pub trait Client: 'static {
    type Runtime: Runtime;
    /// What all tasks share.
    type Shared: Clone + 'static;
    /// What a task has of its own: a connection, unless the shared part keeps a pool.
    type Own: 'static;

    fn shared(connections: usize) -> Self::Shared;

    async fn own(shared: &Self::Shared, address: SocketAddr) -> Self::Own;

    /// A GET of `/`; gives the body.
    async fn get(own: &mut Self::Own) -> impl AsRef<[u8]>;
}
