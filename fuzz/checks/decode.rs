//! Content codings. The input: a byte that chooses the codings, a byte that says where to cut, the body.
//!
//! - The same in every delivery, in steps of at most 64 KiB, each of which takes, gives or ends. With Brotli and Zstandard it
//!   depends on the delivery how much comes before an error.
//! - A body that is accepted means the same to flate2's own reader.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use glassloop::http::decode::{Decoded, Decoder};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};

use super::drive::cuts;

/// More output than this is not looked at: there are bombs among the inputs.
const MOST: usize = 4 << 20;

pub fn check(data: &[u8]) {
    let &[choice, seed, ref body @ ..] = data else {
        return;
    };
    let codings = [
        "gzip",
        "deflate",
        "gzip, gzip",
        "deflate, gzip",
        "gzip, deflate, x-gzip",
        #[cfg(feature = "brotli")]
        "br",
        #[cfg(feature = "zstd")]
        "zstd",
    ];
    let coding = codings[usize::from(choice) % codings.len()];
    let decoder = || {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(coding))]);
        Decoder::new(&headers).unwrap().unwrap()
    };
    let Some(whole) = run(decoder(), body, &[]) else {
        return;
    };
    for seed in [1, seed.max(2)] {
        let Some(cut) = run(decoder(), body, &cuts(seed, body.len())) else {
            continue;
        };
        let (longer, shorter) = match cut.0.len() > whole.0.len() {
            true => (&cut, &whole),
            false => (&whole, &cut),
        };
        // How much of the good bytes comes before an error may depend on the pieces, with those that decode by the block.
        let is_error_of_blocks = ["br", "zstd"].contains(&coding) && longer.1.is_err();
        if !(is_error_of_blocks && shorter.1.is_err() && longer.0.starts_with(&shorter.0)) {
            assert_eq!(cut, whole);
        }
    }
    let (out, Ok(())) = whole else {
        return;
    };
    let mut theirs = Vec::new();
    let read = match coding {
        _ if body.is_empty() => Ok(0),
        "gzip" => MultiGzDecoder::new(body).read_to_end(&mut theirs),
        "deflate" => ZlibDecoder::new(body)
            .read_to_end(&mut theirs)
            .or_else(|_| {
                theirs.clear();
                DeflateDecoder::new(body).read_to_end(&mut theirs)
            }),
        _ => return,
    };
    assert!(read.is_ok(), "flate2: {read:?}");
    assert!(
        out == theirs,
        "flate2 gives {} bytes, not {}",
        theirs.len(),
        out.len()
    );
}

/// The output and how it ended; `None` if it is too much.
fn run(mut decoder: Decoder, body: &[u8], cuts: &[usize]) -> Option<(Vec<u8>, Result<(), String>)> {
    let (mut done, mut out) = (0, Vec::new());
    for &until in cuts.iter().chain([&body.len()]) {
        loop {
            let (used, decoded) = match decoder.decode(&body[done..until]) {
                Ok(step) => step,
                Err(error) => return Some((out, Err(error.to_string()))),
            };
            done += used;
            match decoded {
                Decoded::NeedMore => break assert_eq!(done, until, "all is taken"),
                Decoded::Working => {}
                Decoded::Data(data) => {
                    assert!(!data.is_empty() && data.len() <= 64 * 1024);
                    out.extend(data);
                    if out.len() > MOST {
                        return None;
                    }
                }
            }
        }
    }
    Some((out, decoder.finish().map_err(|error| error.to_string())))
}
