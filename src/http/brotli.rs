//! A stream in Brotli (RFC 7932), undone in small steps.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::coding::Coding;

/// What a step has decoded before it finds an error is lost in the library: how much that is depends on the pieces that came.
pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    at: At,
}

#[derive(PartialEq, Eq)]
enum At {
    Start,
    Data,
    End,
}

impl Brotli {
    pub(super) fn new() -> Brotli {
        let alloc = StandardAlloc::default;
        Brotli {
            state: BrotliState::new(alloc(), alloc(), alloc()),
            at: At::Start,
        }
    }
}

impl Coding for Brotli {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, String> {
        match self.at {
            At::Start | At::End if input.is_empty() => return Ok(0),
            At::End => return Err("bytes after the end of the stream".to_owned()),
            At::Start | At::Data => self.at = At::Data,
        }
        out.resize(out.capacity(), 0);
        let (mut left, mut taken) = (input.len(), 0);
        let (mut room, mut given) = (out.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut taken,
            input,
            &mut room,
            &mut given,
            out,
            &mut 0,
            &mut self.state,
        );
        out.truncate(given);
        match result {
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Ok(taken),
            BrotliResult::ResultSuccess => {
                self.at = At::End;
                Ok(taken)
            }
            BrotliResult::ResultFailure => Err("the data are corrupt".to_owned()),
        }
    }

    fn is_whole(&self) -> bool {
        self.at != At::Data
    }
}
