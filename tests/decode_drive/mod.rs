//! Drives the decoder through a body, in every delivery.
#![allow(dead_code)] // each test uses what it needs

use std::io::Write;

use glassloop::http::decode::{Decoded, Decoder};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};

/// The largest step.
pub const STEP: usize = 64 * 1024;

pub fn headers(lines: &[&str]) -> HeaderMap {
    let line = |line: &&str| (CONTENT_ENCODING, HeaderValue::from_str(line).unwrap());
    lines.iter().map(line).collect()
}

pub fn decoder(coding: &str) -> Decoder {
    Decoder::new(&headers(&[coding])).unwrap().unwrap()
}

/// What comes of a body in pieces of `size` bytes: the bytes, and the error at the end of them.
pub fn decode(coding: &str, body: &[u8], size: usize) -> (Vec<u8>, Result<(), String>) {
    let (mut decoder, mut out) = (decoder(coding), Vec::new());
    for piece in body.chunks(size) {
        let mut rest = piece;
        loop {
            let (used, decoded) = match decoder.decode(rest) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(decoder.decode(b"x").unwrap_err(), error, "it stays");
                    assert_eq!(decoder.finish().unwrap_err(), error, "it stays");
                    return (out, Err(error.to_string()));
                }
            };
            rest = &rest[used..];
            match decoded {
                Decoded::NeedMore => break assert_eq!(rest, b"", "all was taken"),
                Decoded::Data(data) => {
                    assert!((1..=STEP).contains(&data.len()), "{}", data.len());
                    out.extend(data);
                }
                Decoded::Working => {}
            }
        }
    }
    (out, decoder.finish().map_err(|error| error.to_string()))
}

/// The same in every delivery.
pub fn every_way(coding: &str, body: &[u8]) -> (Vec<u8>, Result<(), String>) {
    let whole = decode(coding, body, body.len().max(1));
    for size in [1, 2, 3, 7, 1000] {
        assert_eq!(
            decode(coding, body, size),
            whole,
            "{coding}, {size} bytes at a time"
        );
    }
    whole
}

pub fn fine(bytes: &[u8]) -> (Vec<u8>, Result<(), String>) {
    (bytes.to_vec(), Ok(()))
}

pub fn bad(bytes: &[u8], why: &str) -> (Vec<u8>, Result<(), String>) {
    (
        bytes.to_vec(),
        Err(format!("the body cannot be decoded: {why}")),
    )
}

/// Text that is not too easy to compress.
pub fn text(length: usize) -> Vec<u8> {
    let words = (0u64..).map(|i| format!("{:x} ", i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40));
    words.flat_map(String::into_bytes).take(length).collect()
}

/// What a server has flushed is there at once, however the pieces lie. `flushed` is all of it.
pub fn nothing_is_kept_back<W: Write>(coding: &str, mut encoder: W, flushed: fn(&W) -> &Vec<u8>) {
    let (mut decoder, mut sent) = (decoder(coding), 0);
    for length in [1, 10, 70_000, 200_000, 5] {
        let text = text(length);
        encoder.write_all(&text).unwrap();
        encoder.flush().unwrap();
        let out = decode_piece(&mut decoder, &flushed(&encoder)[sent..]);
        sent = flushed(&encoder).len();
        assert!(out == text, "{length}: {} bytes came", out.len());
    }
}

/// Decodes what a server has flushed so far, to the end of it.
pub fn decode_piece(decoder: &mut Decoder, mut piece: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let (used, decoded) = decoder.decode(piece).unwrap();
        piece = &piece[used..];
        match decoded {
            Decoded::NeedMore => return out,
            Decoded::Data(data) => out.extend(data),
            Decoded::Working => {}
        }
    }
}

/// Decodes a bomb until a mebibyte has come of it, in small steps: how much of it was left.
pub fn defuse(coding: &str, bomb: &[u8]) -> usize {
    let mut decoder = decoder(coding);
    let (mut rest, mut out, mut steps) = (bomb, 0, 0);
    while out < 1 << 20 {
        let (used, decoded) = decoder.decode(rest).unwrap();
        rest = &rest[used..];
        steps += 1;
        if let Decoded::Data(data) = decoded {
            assert!(data.len() <= STEP && data.capacity() <= STEP);
            out += data.len();
        }
    }
    assert!(steps <= 20, "{steps}");
    rest.len()
}
