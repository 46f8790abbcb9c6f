//! A chunked body. The input: a byte that says where to cut, the stream after the head.
//!
//! - The same in every delivery.
//! - The same as a second decoder finds, which is as simple as can be: it has all the bytes and does not care for speed.

use glassloop::http::parser::{Limits, ResponseParser};
use http::Method;

use super::drive::{cuts, run};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
/// Small ones are reached sooner.
const LIMITS: Limits = Limits {
    max_head: 100,
    max_headers: 4,
    max_interim: 0,
};

pub fn check(data: &[u8]) {
    let &[seed, ref stream @ ..] = data else {
        return;
    };
    let stream = [HEAD, stream].concat();
    let parser = || ResponseParser::new(&Method::GET, LIMITS);
    let whole = run(parser(), &stream, &[]);
    for seed in [1, seed.max(2)] {
        assert_eq!(
            run(parser(), &stream, &cuts(seed, stream.len())),
            whole,
            "cut by {seed}"
        );
    }
    let mut simple = Simple {
        rest: &stream[HEAD.len()..],
        body: Vec::new(),
        extensions: 0,
    };
    let end = simple.decode();
    assert_eq!(whole.body, simple.body);
    let seen = whole.end.map(|(trailers, reusable, used)| {
        assert!(reusable);
        (
            trailers.map_or(0, |trailers| trailers.len()),
            stream.len() - used,
        )
    });
    let expected = end.map(|fields| (fields, simple.rest.len()));
    assert_eq!(seen, expected);
}

struct Simple<'a> {
    rest: &'a [u8],
    body: Vec<u8>,
    extensions: usize,
}

const BAD: &str = "bad chunk";
const SHORT: &str = "incomplete body";

impl Simple<'_> {
    /// How many trailers there are.
    fn decode(&mut self) -> Result<usize, &'static str> {
        loop {
            let size = self.size()?;
            if size == 0 {
                return self.trailers();
            }
            for _ in 0..size {
                let byte = self.byte()?;
                self.body.push(byte);
            }
            self.expect(b'\r')?;
            self.expect(b'\n')?;
        }
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        let (&byte, rest) = self.rest.split_first().ok_or(SHORT)?;
        self.rest = rest;
        Ok(byte)
    }

    fn expect(&mut self, wanted: u8) -> Result<(), &'static str> {
        if self.byte()? == wanted {
            Ok(())
        } else {
            Err(BAD)
        }
    }

    fn size(&mut self) -> Result<u64, &'static str> {
        let mut digits = String::new();
        let mut byte = self.byte()?;
        while byte.is_ascii_hexdigit() {
            digits.push(char::from(byte));
            if digits.len() > 16 {
                return Err(BAD);
            }
            byte = self.byte()?;
        }
        let size = i64::from_str_radix(&digits, 16).map_err(|_| BAD)?;
        let mut in_extension = false;
        while byte != b'\r' {
            in_extension |= byte == b';';
            let fits = match byte {
                b'\t' | b' ' => true,
                0..=0x1F | 0x7F => false,
                _ => in_extension,
            };
            self.extensions += 1;
            if !fits || self.extensions > 16 * 1024 {
                return Err(BAD);
            }
            byte = self.byte()?;
        }
        self.expect(b'\n')?;
        Ok(size.unsigned_abs())
    }

    fn trailers(&mut self) -> Result<usize, &'static str> {
        let section = &self.rest[..self.rest.len().min(LIMITS.max_head)];
        let mut fields = 0;
        let mut ok = true;
        let mut at = 0;
        loop {
            let Some(end) = section[at..].iter().position(|&b| b == b'\n') else {
                return Err(if section.len() == LIMITS.max_head {
                    BAD
                } else {
                    SHORT
                });
            };
            let line = section[at..at + end].strip_suffix(b"\r").ok_or(BAD)?;
            at += end + 1;
            if line.is_empty() {
                self.rest = &self.rest[at..];
                return if ok && fields <= LIMITS.max_headers {
                    Ok(fields)
                } else {
                    Err(BAD)
                };
            }
            fields += 1;
            let colon = line.iter().position(|&b| b == b':').unwrap_or_default();
            let (name, value) = (&line[..colon], &line[colon..]);
            ok &= !name.is_empty() && name.iter().all(|&b| is_token(b));
            ok &= value.iter().all(|&b| b == b'\t' || !b.is_ascii_control());
        }
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
