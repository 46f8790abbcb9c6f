//! A stream in Zstandard (RFC 8878), of any number of frames, undone in small steps.

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::coding::Coding;

/// Who serves web pages must not ask for more than 8 MiB of memory (RFC 9659).
const WINDOW_LOG: u32 = 23;

/// So long is the head of a block.
const BLOCK_HEAD: usize = 3;

pub(super) struct Zstd {
    context: DCtx<'static>,
    /// How many bytes it would like to have next; 0 at the end of a frame.
    wants: usize,
    /// The room was used up, so there may be more without any input.
    is_full: bool,
}

impl Zstd {
    pub(super) fn new() -> Zstd {
        let mut context = DCtx::create();
        let set = context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG));
        debug_assert!(set.is_ok(), "23 is one of the values that are permitted");
        Zstd {
            context,
            wants: 0,
            is_full: false,
        }
    }

    /// How much it is given at once: a block without the next one's head, since an error there would swallow the block.
    fn portion(&self) -> usize {
        match self.wants {
            0 => 1,
            head @ 1..=BLOCK_HEAD => head,
            more => more - BLOCK_HEAD,
        }
    }
}

impl Coding for Zstd {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, String> {
        let mut taken = 0;
        while out.len() < out.capacity() && (taken < input.len() || self.is_full) {
            let rest = &input[taken..];
            let mut portion = InBuffer::around(&rest[..rest.len().min(self.portion())]);
            let end = out.len();
            let mut to = OutBuffer::around_pos(out, end);
            let wants = self.context.decompress_stream(&mut to, &mut portion);
            self.wants = wants.map_err(|code| get_error_name(code).to_owned())?;
            taken += portion.pos();
            self.is_full = self.wants > 0 && out.len() == out.capacity();
        }
        Ok(taken)
    }

    fn is_whole(&self) -> bool {
        self.wants == 0
    }
}
