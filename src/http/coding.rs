//! The content codings that are built in: `gzip` and `deflate`, `br`, `zstd`, each with the feature of its name.

use std::fmt;

#[cfg(feature = "brotli")]
use super::brotli::Brotli;
#[cfg(feature = "gzip")]
use super::inflate::Inflate;
#[cfg(feature = "zstd")]
use super::zstd::Zstd;

/// The codings that are built in, by the names under which a request accepts them.
pub const CODINGS: &[&str] = &[
    #[cfg(feature = "gzip")]
    "gzip",
    #[cfg(feature = "gzip")]
    "deflate",
    #[cfg(feature = "brotli")]
    "br",
    #[cfg(feature = "zstd")]
    "zstd",
];

/// One compressed stream, undone in small steps. After an error it is not asked again.
pub(super) trait Coding {
    /// Takes from `input` and fills the spare room of `out`, which is empty. It stops when the input is used up or the room
    /// is, and says how many bytes it took. What it puts out before an error counts.
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, String>;

    /// Whether the input may end here. It may before its first byte: nothing at all is the same as an empty body.
    fn is_whole(&self) -> bool;
}

impl fmt::Debug for dyn Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<Coding>")
    }
}

/// The coding of this name, in lower case; `None` if it is not built in.
pub(super) fn named(name: &[u8]) -> Option<Box<dyn Coding>> {
    match name {
        #[cfg(feature = "gzip")]
        b"gzip" | b"x-gzip" => Some(Box::new(Inflate::gzip())),
        #[cfg(feature = "gzip")]
        b"deflate" => Some(Box::new(Inflate::deflate())),
        #[cfg(feature = "brotli")]
        b"br" => Some(Box::new(Brotli::new())),
        #[cfg(feature = "zstd")]
        b"zstd" => Some(Box::new(Zstd::new())),
        _ => None,
    }
}
