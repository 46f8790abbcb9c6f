//! Where the pieces of a body come from, one after another.

use std::error::Error as StdError;
use std::task::{Context, Poll};

use bytes::Bytes;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;
pub(crate) type Pulled = Option<Result<Bytes, BoxError>>;

/// A piece of a file or reader is so large.
pub(crate) const PIECE: usize = 64 * 1024;

pub(crate) trait Pull {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Pulled>;
}
