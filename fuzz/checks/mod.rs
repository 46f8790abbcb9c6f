//! What must hold for every input, one file for each part of the HTTP client. The fuzz targets call these, and so does
//! `tests/fuzz_corpora.rs` with the inputs that were found worth keeping.
#![allow(dead_code, reason = "each target uses one of them")]

pub mod chunked;
pub mod cookies;
#[cfg(feature = "gzip")]
pub mod decode;
mod drive;
pub mod request;
pub mod response;
