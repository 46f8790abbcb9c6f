//! Why reading from a stream gave nothing. The sentences are asyncio's.

use std::fmt;
use std::io;

/// An error of a [`StreamReader`](super::StreamReader).
#[derive(Debug)]
#[non_exhaustive]
pub enum StreamError {
    /// The stream ended first (asyncio's `IncompleteReadError`). `partial` was taken out of the buffer.
    Incomplete {
        /// What had arrived.
        partial: Vec<u8>,
        /// How many bytes were asked for; `None` when a separator was.
        expected: Option<usize>,
    },
    /// More than the limit came before the separator (asyncio's `LimitOverrunError`). Everything stays in the buffer.
    LimitOverrun {
        /// How many bytes can be taken without cutting a separator in two.
        consumed: usize,
        /// Whether the separator was found, behind the limit.
        found: bool,
    },
    /// The connection failed, or the argument makes no sense (`InvalidInput`).
    Io(io::Error),
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Incomplete { partial, expected } => {
                write!(f, "{} bytes read on a total of ", partial.len())?;
                match expected {
                    Some(expected) => write!(f, "{expected} expected bytes"),
                    None => f.write_str("undefined expected bytes"),
                }
            }
            StreamError::LimitOverrun { found: true, .. } => {
                f.write_str("Separator is found, but chunk is longer than limit")
            }
            StreamError::LimitOverrun { found: false, .. } => {
                f.write_str("Separator is not found, and chunk exceed the limit")
            }
            StreamError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StreamError {}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> StreamError {
        StreamError::Io(error)
    }
}
