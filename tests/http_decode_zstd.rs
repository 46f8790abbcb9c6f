//! Bodies in Zstandard: in every delivery, and what is wrong with some.

mod coding_peer;
mod decode_drive;
mod http_peer;

use coding_peer::over_a_socket;
use decode_drive::{bad, decode_piece, decoder, defuse, every_way, fine, text};
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, max_c_level};

fn zstd(data: &[u8]) -> Vec<u8> {
    compress(data, &[CParameter::ChecksumFlag(true)])
}

fn compress(data: &[u8], parameters: &[CParameter]) -> Vec<u8> {
    let mut context = CCtx::create();
    for parameter in parameters {
        context.set_parameter(*parameter).unwrap();
    }
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(data.len()));
    context.compress2(&mut out, data).unwrap();
    out
}

/// Compresses and flushes each of these by itself; the pieces that a server would send.
fn flushed(texts: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut context = CCtx::create();
    let piece = |text: &Vec<u8>| {
        let mut out = Vec::with_capacity(zstd_safe::compress_bound(text.len()) + 100);
        let mut to = OutBuffer::around(&mut out);
        let mut from = InBuffer::around(text);
        while from.pos() < text.len() {
            context.compress_stream(&mut to, &mut from).unwrap();
        }
        assert_eq!(context.flush_stream(&mut to).unwrap(), 0);
        out
    };
    texts.iter().map(piece).collect()
}

#[test]
fn r80_zstd_in_every_delivery_and_on_top_of_another_coding() {
    for size in [0, 1, 500, 400_000] {
        let text = text(size);
        assert_eq!(every_way("zstd", &zstd(&text)), fine(&text));
        let plain = compress(&text, &[]);
        assert_eq!(every_way("zstd", &plain), fine(&text), "no checksum");
    }
    let text = text(1000);
    let twice = zstd(&zstd(&text));
    assert_eq!(every_way("ZSTD, identity, zstd", &twice), fine(&text));
    // Where the end of the output is that of a step.
    for size in [1024, 64 * 1024, 128 * 1024] {
        let zeros = vec![0; size];
        assert_eq!(every_way("zstd", &zstd(&zeros)), fine(&zeros));
    }
}

#[test]
fn r80_zstd_has_frames_and_some_are_skipped() {
    let skipped = b"\x50\x2A\x4D\x18\x03\x00\x00\x00abc";
    let two = [&zstd(b"Hello, ")[..], skipped, &zstd(b""), &zstd(b"world")].concat();
    assert_eq!(every_way("zstd", &two), fine(b"Hello, world"));
    assert_eq!(every_way("zstd", skipped), fine(b""));
}

#[test]
fn r82_zstd_that_is_cut_off_or_corrupt_or_goes_on_is_an_error_after_the_good_bytes() {
    let text = b"some text that is long enough to be compressed, compressed, compressed";
    let body = zstd(text);
    for end in 1..body.len() {
        let (out, result) = every_way("zstd", &body[..end]);
        assert!(text.starts_with(&out), "{end}");
        let why = "the body cannot be decoded: the compressed stream is cut off";
        assert_eq!(result, Err(why.to_owned()), "cut at {end}");
    }
    assert_eq!(every_way("zstd", b""), fine(b""), "no body at all");
    let with_tail = [&body[..], b"tail"].concat();
    let unknown = "Unknown frame descriptor";
    assert_eq!(every_way("zstd", &with_tail), bad(text, unknown));
    assert_eq!(every_way("zstd", b"<html>"), bad(b"", unknown));
    let mut wrong = body.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let why = "Restored data doesn't match checksum";
    assert_eq!(every_way("zstd", &wrong), bad(text, why));
}

/// A good block in the same delivery as a bad one is not lost with it.
#[test]
fn r82_the_blocks_before_a_corrupt_one_are_given_out() {
    let good = decode_drive::text(1000);
    let pieces = flushed(&[good.clone(), good.clone()]);
    // A block of the reserved kind.
    let bad_head = [&pieces[0][..], &pieces[1], b"\x07\x00\x00"].concat();
    let (out, result) = every_way("zstd", &bad_head);
    assert!(out == [&good[..], &good].concat(), "{} bytes", out.len());
    assert_eq!(result, bad(b"", "Data corruption detected").1);
}

/// Others keep a window of megabytes back, and a stream of events stands still.
#[test]
fn nothing_is_kept_back() {
    let texts: Vec<Vec<u8>> = [1, 10, 70_000, 200_000, 5].map(text).into();
    let mut decoder = decoder("zstd");
    for (text, piece) in texts.iter().zip(flushed(&texts)) {
        let out = decode_piece(&mut decoder, &piece);
        assert!(out == *text, "{}: {} bytes came", text.len(), out.len());
        // A task that is woken for something else asks again and again.
        for _ in 0..100 {
            assert_eq!(decode_piece(&mut decoder, b""), b"");
        }
    }
}

#[test]
fn r81_a_bomb_in_zstd_comes_in_small_steps() {
    let bomb = zstd(&vec![0; 10 << 20]);
    assert!(bomb.len() < 1000, "{}", bomb.len());
    defuse("zstd", &bomb);
}

#[test]
fn r81_zstd_that_wants_much_memory_is_refused() {
    let windows = |log| {
        let parameters = [
            CParameter::CompressionLevel(max_c_level()),
            CParameter::WindowLog(log),
            CParameter::ContentSizeFlag(false),
        ];
        compress(&vec![b'x'; (8 << 20) + 1], &parameters)
    };
    assert_eq!(every_way("zstd", &windows(23)).1, Ok(()));
    let why = "Frame requires too much memory for decoding";
    assert_eq!(every_way("zstd", &windows(24)), bad(b"", why));
}

#[test]
fn r80_r81_r82_zstd_over_a_socket() {
    over_a_socket("zstd", zstd);
}
