//! Bodies in Brotli: in every delivery, and what is wrong with some.

mod coding_peer;
mod decode_drive;
mod http_peer;

use std::io::Write;

use brotli::CompressorWriter;
use coding_peer::over_a_socket;
use decode_drive::{bad, defuse, every_way, fine, text};

fn brotli(data: &[u8]) -> Vec<u8> {
    let mut encoder = CompressorWriter::new(Vec::new(), 4096, 5, 22);
    encoder.write_all(data).unwrap();
    encoder.into_inner()
}

#[test]
fn r80_brotli_in_every_delivery_and_on_top_of_another_coding() {
    for size in [0, 1, 500, 200_000] {
        let text = text(size);
        assert_eq!(every_way("br", &brotli(&text)), fine(&text));
    }
    let text = text(1000);
    let twice = brotli(&brotli(&text));
    assert_eq!(every_way("BR, identity, br", &twice), fine(&text));
}

#[test]
fn r82_brotli_that_is_cut_off_or_corrupt_or_goes_on_is_an_error_after_the_good_bytes() {
    let text = b"some text that is long enough to be compressed, compressed, compressed";
    let body = brotli(text);
    for end in 1..body.len() {
        let (out, result) = every_way("br", &body[..end]);
        assert!(text.starts_with(&out), "{end}");
        let why = "the body cannot be decoded: the compressed stream is cut off";
        assert_eq!(result, Err(why.to_owned()), "cut at {end}");
    }
    assert_eq!(every_way("br", b""), fine(b""), "no body at all");
    let with_tail = [&body[..], b"tail"].concat();
    let why = "bytes after the end of the stream";
    assert_eq!(every_way("br", &with_tail), bad(text, why));
    for garbage in [&b"\xff\xff\xff\xff\xff\xff"[..], b"<html><body>what"] {
        let (_, result) = every_way("br", garbage);
        assert!(result.unwrap_err().contains("cannot be decoded"));
    }
    // Good data before, and a reference to what was before the beginning.
    let mut corrupt = body.clone();
    let middle = corrupt.len() / 2;
    corrupt[middle..].fill(0xFF);
    let (_, result) = every_way("br", &corrupt);
    assert_eq!(result, bad(b"", "the data are corrupt").1);
}

#[test]
fn nothing_is_kept_back() {
    let encoder = CompressorWriter::new(Vec::new(), 4096, 5, 22);
    decode_drive::nothing_is_kept_back("br", encoder, CompressorWriter::get_ref);
}

#[test]
fn r81_a_bomb_in_brotli_comes_in_small_steps() {
    let bomb = brotli(&vec![0; 10 << 20]);
    assert!(bomb.len() < 1000, "{}", bomb.len());
    defuse("br", &bomb);
}

#[test]
fn r80_r81_r82_brotli_over_a_socket() {
    over_a_socket("br", brotli);
}
