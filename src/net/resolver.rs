//! Names to addresses, in the thread pool: the system's resolver blocks.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use crate::observe::Site;
use crate::threads::to_thread_at;

/// The addresses of `host`, which may also be an address itself (then no thread is asked), for a caller at `site`.
pub(crate) async fn resolve(host: &str, port: u16, site: Site) -> io::Result<Vec<SocketAddr>> {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = literal.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.to_owned();
    let look_up = move || {
        let addresses = (name.as_str(), port).to_socket_addrs();
        addresses.map(|addresses| addresses.collect::<Vec<_>>())
    };
    let looked_up = to_thread_at(look_up, site);
    let addresses = looked_up.await.map_err(io::Error::other)??;
    match addresses.is_empty() {
        true => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("the name {host} has no address"),
        )),
        false => Ok(addresses),
    }
}
