//! What the examples and tests share: arguments, the toy server, a blocking `get`, Python's threads and process pool.

// Every example compiles all of this for itself and uses only a part of it.
#![allow(dead_code)]

pub mod args;
pub mod blocking;
pub mod output;
pub mod process_pool;
pub mod server;
pub mod server_http;
pub mod sibling;
pub mod simulated;
pub mod site;
pub mod threads;
#[cfg(feature = "greenlet")]
pub mod ureq_greenlet;
