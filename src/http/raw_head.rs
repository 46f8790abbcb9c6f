//! A head as `httparse` sees it: slices of the buffer it lies in.

use httparse::{Error, Response, Status};
use std::mem::MaybeUninit;

/// Up to this many fields are parsed in an array on the stack.
const STACK_FIELDS: usize = 128;

/// Parses the head at the front of `input`, which may have `most` fields, and tells `then` how many bytes it has and what
/// is in it.
pub(super) fn parse<R>(
    input: &[u8],
    most: usize,
    then: impl FnOnce(Result<Status<usize>, Error>, &Response<'_, '_>) -> R,
) -> R {
    let mut on_stack = [MaybeUninit::uninit(); STACK_FIELDS];
    // A field has three bytes at least: there is no use in more slots than can be filled.
    let most = most.min(input.len() / 3 + 1);
    let mut on_heap = Vec::new();
    let slots = if most <= STACK_FIELDS {
        &mut on_stack[..most]
    } else {
        on_heap.reserve(most);
        &mut on_heap.spare_capacity_mut()[..most]
    };
    let mut response = Response::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    let parsed = config.parse_response_with_uninit_headers(&mut response, input, slots);
    then(parsed, &response)
}
