//! The chunked transfer coding, decoded in place: body bytes are handed on as slices of the input, nothing is copied, and no
//! chunk costs an allocation. A state machine on single bytes, because a chunk may be cut anywhere, in its size line too.
//!
//! `httparse::parse_chunk_size` is not used: it hides how long an extension is, so extensions could not be limited.

use super::fields::header_map;
use super::parse_error::{ParseError, quote};
use bytes::Bytes;
use http::HeaderMap;

/// More extension bytes than this in one body are an attack: they cost the receiver work and carry nothing (R32).
const MAX_EXTENSIONS: usize = 16 * 1024;

/// Sixteen digits hold every 64-bit size; zeros in front of more would be read for ever (R30).
const MAX_DIGITS: u8 = 16;

/// One step of a [`ChunkDecoder`].
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// All that can be understood of the input is consumed; more must arrive.
    NeedMore,
    /// Body bytes, never empty: the last ones of what was consumed.
    Data(&'a [u8]),
    /// The body is complete. The trailers are there where any were sent, and only the first time.
    End(Option<HeaderMap>),
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// In the digits of a size, with so many read.
    Size(u8),
    /// White space after the size.
    AfterSize,
    Extension,
    /// The size line's CR has been read, its LF has not.
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// After the last chunk, with so many bytes of the trailers looked at.
    Trailers(usize),
    Done,
}

/// Decodes one chunked body.
#[derive(Debug)]
pub struct ChunkDecoder {
    state: State,
    /// What is left of the current chunk; while in `Size`, the digits so far.
    left: u64,
    /// Extension bytes of all chunks so far.
    extensions: usize,
    max_trailers: usize,
    max_fields: usize,
}

impl ChunkDecoder {
    /// A decoder for one body whose trailers may have so many bytes and so many fields.
    pub fn new(max_trailers: usize, max_fields: usize) -> Self {
        Self {
            state: State::Size(0),
            left: 0,
            extensions: 0,
            max_trailers,
            max_fields,
        }
    }

    /// Takes what it can from the front of `input`: how many bytes, and what they were.
    ///
    /// Trailers are left unconsumed until they are complete. After the end nothing more is consumed (R37).
    ///
    /// # Errors
    /// `BadChunk`; the decoder must not be used after it.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Chunk<'a>), ParseError> {
        for (at, &byte) in input.iter().enumerate() {
            let bad = |why: &str| ParseError::BadChunk(format!("{why} at {}", quote(&input[at..])));
            self.state = match (self.state, byte) {
                (State::Size(digits), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                    if digits == MAX_DIGITS {
                        return Err(bad("a chunk size of more than 16 digits"));
                    }
                    let digit = char::from(byte).to_digit(16).unwrap_or_default();
                    self.left = self.left << 4 | u64::from(digit);
                    State::Size(digits + 1)
                }
                (State::Size(0), _) => return Err(bad("no chunk size")),
                (State::Size(_), _) if self.left > i64::MAX as u64 => {
                    return Err(bad("a chunk size over 2^63 - 1"));
                }
                (State::Size(_) | State::AfterSize | State::Extension, b'\r') => State::SizeLf,
                (State::Size(_) | State::AfterSize, b' ' | b'\t') => {
                    self.extension(State::AfterSize)?
                }
                (State::Size(_) | State::AfterSize, b';') => self.extension(State::Extension)?,
                (State::Size(_) | State::AfterSize, _) => {
                    return Err(bad("a chunk size that ends in a wrong byte"));
                }
                (State::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                    self.extension(State::Extension)?
                }
                (State::Extension, _) => {
                    return Err(bad("a control character in a chunk extension"));
                }
                (State::SizeLf, b'\n') if self.left == 0 => State::Trailers(0),
                (State::SizeLf, b'\n') => State::Data,
                (State::SizeLf, _) => return Err(bad("CR without LF after a chunk size")),
                (State::Data, _) => {
                    let rest = input.len() - at;
                    let len = usize::try_from(self.left).map_or(rest, |left| left.min(rest));
                    self.left -= len as u64;
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok((at + len, Chunk::Data(&input[at..at + len])));
                }
                (State::DataCr, b'\r') => State::DataLf,
                (State::DataLf, b'\n') => State::Size(0),
                (State::DataCr | State::DataLf, _) => {
                    return Err(bad("no CRLF after the data of a chunk"));
                }
                (State::Trailers(seen), _) => {
                    return self
                        .trailers(&input[at..], seen)
                        .map(|(used, chunk)| (at + used, chunk));
                }
                (State::Done, _) => break,
            };
        }
        match self.state {
            State::Done => Ok((0, Chunk::End(None))),
            _ => Ok((input.len(), Chunk::NeedMore)),
        }
    }

    /// Counts a byte between a size and its line end, and goes on to `next`.
    fn extension(&mut self, next: State) -> Result<State, ParseError> {
        self.extensions += 1;
        if self.extensions > MAX_EXTENSIONS {
            return Err(ParseError::BadChunk(format!(
                "more than {MAX_EXTENSIONS} bytes of chunk extensions"
            )));
        }
        Ok(next)
    }

    /// Waits for the empty line, then parses the whole section once; `seen` bytes of it were looked at before.
    fn trailers<'a>(
        &mut self,
        input: &[u8],
        seen: usize,
    ) -> Result<(usize, Chunk<'a>), ParseError> {
        for at in seen.min(input.len())..input.len().min(self.max_trailers) {
            if input[at] != b'\n' {
                continue;
            }
            let Some(line) = input[..at].strip_suffix(b"\r") else {
                return Err(ParseError::BadChunk(format!(
                    "a trailer line without CRLF: {}",
                    quote(input)
                )));
            };
            if line.is_empty() || line.ends_with(b"\n") {
                self.state = State::Done;
                return Ok((at + 1, Chunk::End(self.parse_trailers(&input[..=at])?)));
            }
        }
        if input.len() >= self.max_trailers {
            return Err(ParseError::BadChunk(format!(
                "more than {} bytes of trailers",
                self.max_trailers
            )));
        }
        self.state = State::Trailers(input.len());
        Ok((0, Chunk::NeedMore))
    }

    fn parse_trailers(&self, section: &[u8]) -> Result<Option<HeaderMap>, ParseError> {
        if section == b"\r\n" {
            return Ok(None);
        }
        let bad = |why| ParseError::BadChunk(format!("trailers: {why}: {}", quote(section)));
        // A field has three bytes at least.
        let most = self.max_fields.min(section.len() / 3 + 1);
        let mut slots = vec![httparse::EMPTY_HEADER; most];
        match httparse::parse_headers(section, &mut slots) {
            Ok(httparse::Status::Complete((_, fields))) => {
                let copy = Bytes::copy_from_slice(section);
                let map = header_map(fields, section, &copy).map_err(bad)?;
                Ok(Some(map))
            }
            Ok(httparse::Status::Partial) => Err(bad("no empty line".into())),
            Err(error) => Err(bad(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Body, trailers, and what was not consumed.
    type Decoded = (Vec<u8>, Option<HeaderMap>, Vec<u8>);

    /// Decodes `stream`, delivered in pieces that end at `cuts`.
    fn run(stream: &[u8], cuts: &[usize]) -> Result<Decoded, String> {
        let (mut decoder, mut body, mut done) = (ChunkDecoder::new(64 * 1024, 128), Vec::new(), 0);
        for &end in cuts.iter().chain([&stream.len()]) {
            loop {
                let (used, chunk) = decoder
                    .decode(&stream[done..end])
                    .map_err(|error| error.to_string())?;
                done += used;
                match chunk {
                    Chunk::NeedMore => break,
                    Chunk::Data(data) => body.extend_from_slice(data),
                    Chunk::End(trailers) => {
                        assert_eq!(
                            decoder.decode(&stream[done..]),
                            Ok((0, Chunk::End(None))),
                            "R37"
                        );
                        assert_eq!(decoder.decode(b""), Ok((0, Chunk::End(None))), "R37");
                        return Ok((body, trailers, stream[done..].to_vec()));
                    }
                }
            }
        }
        Err("incomplete".into())
    }

    /// The same result whole, byte by byte and at every single cut.
    fn every_way(stream: &[u8]) -> Result<Decoded, String> {
        let kind = |result: Result<_, String>| {
            result.map_err(|why| {
                if why == "incomplete" {
                    why
                } else {
                    "bad".into()
                }
            })
        };
        let whole = kind(run(stream, &[]));
        let bytes: Vec<usize> = (0..stream.len()).collect();
        assert_eq!(
            kind(run(stream, &bytes)),
            whole,
            "1 byte at a time: {}",
            quote(stream)
        );
        for cut in bytes {
            assert_eq!(
                kind(run(stream, &[cut])),
                whole,
                "cut at {cut}: {}",
                quote(stream)
            );
        }
        whole
    }

    #[test]
    fn r30_r31_r32_good_streams() {
        let cases: [(&[u8], &[u8], &[u8]); 10] = [
            (b"0\r\n\r\n", b"", b""),
            (b"5\r\nhello\r\n0\r\n\r\n", b"hello", b""),
            (b"aA\r\n", b"incomplete", b""),
            (b"5\r\nhello\r\n00\r\n\r\nHTTP/1.1", b"hello", b"HTTP/1.1"),
            (b"0000000000000003\r\nabc\r\n0\r\n\r\n", b"abc", b""),
            (b"5   \t \r\n01234\r\n0  \r\n\r\n", b"01234", b""),
            (
                b"5; hello=there\r\nxxxxx\r\n0; random=\"junk\"; a\xff=\tb\r\n\r\n",
                b"xxxxx",
                b"",
            ),
            (b"2;\r\naa\r\n0\r\n\r\n\r\n", b"aa", b"\r\n"),
            (b"3 ; baz \r\nabc\r\n0\r\n\r\n", b"abc", b""),
            (b"2\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n", b"\r\n0\r", b""),
        ];
        for (stream, body, rest) in cases {
            if body == b"incomplete" {
                assert_eq!(every_way(stream), Err("incomplete".into()));
                continue;
            }
            assert_eq!(
                every_way(stream),
                Ok((body.to_vec(), None, rest.to_vec())),
                "{}",
                quote(stream)
            );
        }
    }

    #[test]
    fn r30_r31_r32_r33_bad_streams() {
        let bad: [&[u8]; 33] = [
            b"\r\n",
            b"-1\r\n",
            b"+5\r\n",
            b"0x5\r\n",
            b"5_0\r\n",
            b"g\r\n",
            b" 5\r\n",
            b"f0000000000000003\r\n",
            b"00000000000000003\r\n",
            b"ffffffffffffffff\r\n",
            b"8000000000000000\r\n",
            b"999999999999999999999999999999999999\r\n",
            b"1 A\r\n",
            b"1 \x00\r\n",
            b"2 erfr\r\naa\r\n",
            b"1\x0b\r\n",
            b"5;a\x00b\r\n",
            b"5;a\nhello\r\n",
            b"5;a\rb\r\n",
            b"5;\x7f\r\n",
            b"5\nhello\r\n",
            b"5\rhello\r\n",
            b"3\r\nxxx__1a\r\n",
            b"3\r\nxxx\r_1a\r\n",
            b"3\r\nxxx_\n1a\r\n",
            b"3\r\nxxx\n0\r\n\r\n",
            b"3\r\nxxxx\r\n",
            b"0\r\n\n",
            b"0\r\nA: b\n\r\n",
            b"0\r\nno colon\r\n\r\n",
            b"0\r\nA: b\x00\r\n\r\n",
            b"0\r\nA: b\r\n c\r\n\r\n",
            b"0\r\nA : b\r\n\r\n",
        ];
        for stream in bad {
            assert_eq!(every_way(stream), Err("bad".into()), "{}", quote(stream));
        }
    }

    #[test]
    fn r34_the_end_must_be_seen() {
        let whole = b"3;x\r\nabc\r\n0\r\nA: b\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(every_way(&whole[..end]), Err("incomplete".into()), "{end}");
        }
    }

    #[test]
    fn r35_trailers() {
        let (body, trailers, rest) =
            every_way(b"1\r\nx\r\n0\r\nA: b\r\nc:\r\nA: d\r\n\r\nrest").unwrap();
        let trailers = trailers.unwrap();
        let seen: Vec<_> = trailers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let expected: [(&str, &[u8]); 3] = [("a", b"b"), ("a", b"d"), ("c", b"")];
        assert_eq!(
            (body.as_slice(), seen, rest.as_slice()),
            (&b"x"[..], expected.to_vec(), &b"rest"[..])
        );

        let section =
            |fields: usize| format!("0\r\n{}\r\n", "A: b\r\n".repeat(fields)).into_bytes();
        assert_eq!(run(&section(128), &[]).unwrap().1.unwrap().len(), 128);
        assert!(
            run(&section(129), &[])
                .unwrap_err()
                .contains("too many headers")
        );
        let long = |bytes: usize| format!("0\r\nA: {}\r\n\r\n", "x".repeat(bytes - 7)).into_bytes();
        assert!(run(&long(64 * 1024), &[]).is_ok());
        assert!(
            run(&long(64 * 1024 + 1), &[])
                .unwrap_err()
                .contains("more than 65536 bytes")
        );
        assert!(
            run(&long(1 << 20)[..3 + 64 * 1024], &[])
                .unwrap_err()
                .contains("more than 65536 bytes"),
            "not only at the end"
        );
    }

    #[test]
    fn r32_extensions_are_limited_over_the_whole_body() {
        let chunk = format!("1;{}\r\nx\r\n", "e".repeat(1023));
        let stream = chunk.repeat(16) + "0\r\n\r\n";
        assert_eq!(run(stream.as_bytes(), &[]).unwrap().0, [b'x'; 16]);
        let more = chunk.repeat(16) + "0;\r\n\r\n";
        assert!(
            run(more.as_bytes(), &[])
                .unwrap_err()
                .contains("more than 16384 bytes of chunk extensions")
        );
        let blank = format!("1{}", " ".repeat(16 * 1024 + 1));
        assert!(
            run(blank.as_bytes(), &[])
                .unwrap_err()
                .contains("extensions")
        );
    }

    #[test]
    fn r36_a_million_chunks_of_one_byte() {
        let stream = b"1\r\nx\r\n".repeat(1_000_000);
        let (mut decoder, mut at, mut count) = (ChunkDecoder::new(64, 1), 0, 0);
        while let (used, Chunk::Data(data)) = decoder.decode(&stream[at..]).unwrap() {
            assert_eq!(data, b"x");
            (at, count) = (at + used, count + 1);
        }
        assert_eq!(count, 1_000_000);
    }
}
