//! Bodies that came compressed, from bytes to bytes: every coding, in every delivery, and what is wrong with some.

mod decode_drive;

use std::io::Write;

use decode_drive::{STEP, bad, decode, decoder, defuse, every_way, fine, headers, text};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use glassloop::http::decode::{Decoded, Decoder};

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn r80_each_coding() {
    for size in [0, 1, 500] {
        let text = text(size);
        assert_eq!(every_way("gzip", &gzip(&text)), fine(&text));
        assert_eq!(every_way(" X-GZip ", &gzip(&text)), fine(&text));
        assert_eq!(every_way("deflate", &zlib(&text)), fine(&text));
        assert_eq!(
            every_way("Deflate", &raw(&text)),
            fine(&text),
            "without zlib's head"
        );
        assert_eq!(every_way("deflate, gzip", &gzip(&zlib(&text))), fine(&text));
        assert_eq!(
            every_way("gzip,,identity, gzip", &gzip(&gzip(&text))),
            fine(&text)
        );
    }
    let large = text(400_000);
    for size in [1 << 10, 1 << 17, 1 << 25] {
        assert_eq!(decode("gzip", &gzip(&large), size), fine(&large));
        let twice = gzip(&zlib(&large));
        assert_eq!(decode("deflate, gzip", &twice, size), fine(&large));
    }
    let five = (0..5).fold(text(1000), |body, _| gzip(&body));
    assert_eq!(
        every_way("gzip, gzip, gzip, gzip, gzip", &five),
        fine(&text(1000))
    );
}

#[test]
fn r80_which_bodies_are_decoded() {
    for (lines, decodes) in [
        (&[][..], false),
        (&[""], false),
        (&["identity"], false),
        (&["br"], cfg!(feature = "brotli")),
        (&["gzip, zstd"], cfg!(feature = "zstd")),
        (&["compress"], false),
        (&["gzip, compress"], false),
        (&["compress", "gzip"], false),
        (&["gzip"], true),
        (&["gzip", "deflate"], true),
        (&["a, b, c, d, e"], false),
    ] {
        let decoder = Decoder::new(&headers(lines)).unwrap();
        assert_eq!(decoder.is_some(), decodes, "{lines:?}");
    }
    for lines in [
        &["gzip, gzip, gzip, gzip, gzip, gzip"][..],
        &["gzip, a", "b, c, d", "e"],
    ] {
        let error = Decoder::new(&headers(lines)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the body cannot be decoded: it has more than 5 codings"
        );
    }
    // The order over several lines is the order in which they were applied.
    let mut decoder = Decoder::new(&headers(&["deflate", "gzip"]))
        .unwrap()
        .unwrap();
    let body = gzip(&zlib(b"abc"));
    let (used, step) = decoder.decode(&body).unwrap();
    assert_eq!((used, step), (body.len(), Decoded::Working));
    assert_eq!(
        decoder.decode(b"").unwrap(),
        (0, Decoded::Data(b"abc".to_vec()))
    );
}

#[test]
fn r80_a_gzip_stream_has_members_and_each_may_have_a_name_and_more() {
    let two = [gzip(b"Hello, "), gzip(b""), gzip(b"world")].concat();
    assert_eq!(every_way("gzip", &two), fine(b"Hello, world"));
    let member = |flags: u8, parts: &[u8]| {
        let mut head = gzip(b"");
        head.truncate(10);
        head[3] = flags;
        [&head, parts, &gzip(b"Hi")[10..]].concat()
    };
    let checksum = |flags: u8, parts: &[u8]| {
        let mut crc = flate2::Crc::new();
        let whole = member(flags, parts);
        crc.update(&whole[..10 + parts.len()]);
        let sum = (crc.sum() as u16).to_le_bytes();
        member(flags, &[parts, &sum].concat())
    };
    for good in [
        member(0, b""),
        member(1, b""),
        member(4, b"\x03\x00abc"),
        member(4, b"\x00\x00"),
        member(8, b"name\0"),
        member(16, b"\0"),
        member(28, b"\x01\x00xname\0comment\0"),
        checksum(2, b""),
        checksum(30, b"\x00\x00n\0c\0"),
    ] {
        assert_eq!(
            every_way("gzip", &good),
            fine(b"Hi"),
            "{}",
            good.escape_ascii()
        );
    }
    let wrong_sum = member(2, b"\x00\x01");
    assert_eq!(
        every_way("gzip", &wrong_sum),
        bad(b"", "the checksum of the gzip header is wrong")
    );
    assert_eq!(
        every_way("gzip", &member(32, b"")),
        bad(b"", "a gzip header with unknown flags")
    );
}

#[test]
fn r82_what_is_cut_off_or_corrupt_or_goes_on_is_an_error_after_the_good_bytes() {
    let text = b"some text that is long enough to be compressed, compressed, compressed";
    for (coding, body) in [
        ("gzip", gzip(text)),
        ("deflate", zlib(text)),
        ("deflate", raw(text)),
    ] {
        for end in 1..body.len() {
            let (out, result) = every_way(coding, &body[..end]);
            assert!(text.starts_with(&out), "{end}");
            let why = "the body cannot be decoded: the compressed stream is cut off";
            assert_eq!(result, Err(why.to_owned()), "{coding} cut at {end}");
        }
        assert_eq!(every_way(coding, b""), fine(b""), "no body at all");
        let why = match coding {
            "gzip" => "this is not a gzip stream",
            _ => "bytes after the end of the stream",
        };
        let with_tail = [&body[..], b"tail"].concat();
        assert_eq!(
            every_way(coding, &with_tail),
            bad(text, why),
            "the good bytes come first"
        );
    }
    let mut wrong = gzip(text);
    let crc = wrong.len() - 8;
    wrong[crc] ^= 1;
    assert_eq!(
        every_way("gzip", &wrong),
        bad(text, "the checksum of the gzip stream is wrong")
    );
    wrong[crc] ^= 1;
    wrong[crc + 4] ^= 1;
    assert_eq!(
        every_way("gzip", &wrong),
        bad(text, "the checksum of the gzip stream is wrong")
    );
    let mut adler = zlib(text);
    *adler.last_mut().unwrap() ^= 1;
    assert_eq!(
        every_way("deflate", &adler),
        bad(text, "the data are corrupt")
    );
    for body in [&b"<html>"[..], b"\x1f\x8b\x07", b"\x1f\x8c"] {
        assert_eq!(
            every_way("gzip", body),
            bad(b"", "this is not a gzip stream")
        );
    }
    // A kind of block that does not exist, and a reference to what was before the beginning.
    assert_eq!(
        every_way("deflate", b"\xff\xff\xff"),
        bad(b"", "the data are corrupt")
    );
    assert_eq!(
        every_way("deflate", b"\x4b\x04\x42\x00"),
        bad(b"a", "the data are corrupt")
    );
    // The inner one of two is cut off.
    let inner = zlib(text);
    let (out, result) = every_way("deflate, gzip", &gzip(&inner[..inner.len() - 1]));
    assert_eq!(out, text);
    assert!(result.unwrap_err().contains("cut off"));
}

#[test]
fn nothing_is_kept_back() {
    let encoder = GzEncoder::new(Vec::new(), Compression::default());
    decode_drive::nothing_is_kept_back("gzip", encoder, GzEncoder::get_ref);
}

#[test]
fn r81_a_bomb_comes_in_small_steps() {
    let bomb = gzip(&vec![0; 10 << 20]);
    assert!(bomb.len() < 12_000);
    // Whoever stops there has not paid for the rest.
    assert!(defuse("gzip", &bomb) > 0);
}

/// Twice compressed, a few bytes can mean gigabytes of nothing: each step is small all the same, and gives way.
#[test]
fn r81_a_bomb_without_any_output_gives_way() {
    let empty_members = gzip(b"").repeat(8_000);
    let bomb = gzip(&empty_members);
    let mut decoder = decoder("gzip, gzip");
    let (mut rest, mut steps) = (&bomb[..], 0);
    loop {
        let (used, decoded) = decoder.decode(rest).unwrap();
        rest = &rest[used..];
        steps += 1;
        match decoded {
            Decoded::Working => {}
            Decoded::NeedMore => break,
            Decoded::Data(data) => panic!("{} bytes", data.len()),
        }
    }
    assert_eq!(decoder.finish(), Ok(()));
    assert!(steps >= empty_members.len() / STEP, "{steps}");
}
