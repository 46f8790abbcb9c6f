//! One compressed stream, undone in small steps: gzip of any number of members, or what servers call deflate. The
//! decompression is flate2's; what is around it stands here, because its readers cannot be fed in pieces: they take the end
//! of the pieces for the end of the stream, and some of them do not mind a stream that is cut off.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::coding::Coding;

/// Compressed data, bytes in and bytes out.
#[derive(Debug)]
pub(super) struct Inflate {
    inner: Decompress,
    crc: Crc,
    state: State,
    gzip: bool,
}

#[derive(Debug)]
enum State {
    /// Before the first byte of all: nothing at all is the same as an empty body.
    Start,
    /// The first byte of a deflate stream. The second will tell whether it has zlib's head.
    Sniff(u8),
    Header(Header),
    Data,
    /// Checksum and length of a member, of which so many bytes are there.
    Trailer(usize, [u8; 8]),
    /// After a whole stream.
    End,
}

/// The header of a gzip member, of which `at` counts the fixed bytes.
#[derive(Debug, Default)]
struct Header {
    at: usize,
    flags: u8,
    part: Part,
}

/// What the flags say may follow the ten fixed bytes, in this order.
#[derive(Debug, Default)]
enum Part {
    #[default]
    Fixed,
    ExtraLength(Option<u8>),
    Extra(usize),
    Name,
    Comment,
    /// Two bytes of the header's checksum, and the first one.
    Checksum(Option<u8>),
    Done,
}

const MAGIC: [u8; 3] = [0x1F, 0x8B, 8];
const HEADER_CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xE0;

impl Inflate {
    pub(super) fn gzip() -> Inflate {
        Inflate::new(true)
    }

    /// With zlib's head, as the standard says, or without, as some servers have it.
    pub(super) fn deflate() -> Inflate {
        Inflate::new(false)
    }

    fn new(gzip: bool) -> Inflate {
        Inflate {
            inner: Decompress::new(false),
            crc: Crc::new(),
            state: State::Start,
            gzip,
        }
    }

    fn begin_member(&mut self) {
        self.crc.reset();
        self.state = State::Header(Header::default());
    }

    /// How many bytes it took; with none the input or the room is used up.
    fn data(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, String> {
        if out.len() == out.capacity() {
            return Ok(0);
        }
        let (before, length) = (self.inner.total_in(), out.len());
        let status = self.inner.decompress_vec(input, out, FlushDecompress::None);
        self.crc.update(&out[length..]);
        let status = status.map_err(|_| "the data are corrupt".to_owned())?;
        if status == Status::StreamEnd {
            self.state = match self.gzip {
                true => State::Trailer(0, [0; 8]),
                false => State::End,
            };
        }
        let taken = self.inner.total_in() - before;
        // It is never more than there was.
        Ok(usize::try_from(taken).unwrap_or(input.len()))
    }
}

impl Coding for Inflate {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, String> {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            if let State::Data = self.state {
                let taken = self.data(rest, out)?;
                used += taken;
                if taken == 0 && matches!(self.state, State::Data) {
                    return Ok(used);
                }
                continue;
            }
            let [byte, ..] = *rest else {
                return Ok(used);
            };
            match &mut self.state {
                State::Data => {}
                State::Start if self.gzip => self.begin_member(),
                State::Start => {
                    self.state = State::Sniff(byte);
                    used += 1;
                }
                State::Sniff(first) => {
                    let (first, second) = (*first, byte);
                    self.inner.reset(is_zlib(first, second));
                    self.state = State::Data;
                    // It belongs to the stream. One byte of input makes no output that could lack room.
                    self.data(&[first], out)?;
                }
                State::Header(header) => {
                    let goes_on = header.take(byte, &mut self.crc)?;
                    used += 1;
                    if !goes_on {
                        self.crc.reset();
                        self.inner.reset(false);
                        self.state = State::Data;
                    }
                }
                State::Trailer(at, bytes) => {
                    bytes[*at] = byte;
                    *at += 1;
                    used += 1;
                    if *at == bytes.len() {
                        let is = u64::from(self.crc.sum()) | u64::from(self.crc.amount()) << 32;
                        if u64::from_le_bytes(*bytes) != is {
                            return Err("the checksum of the gzip stream is wrong".to_owned());
                        }
                        self.state = State::End;
                    }
                }
                State::End if self.gzip => self.begin_member(),
                State::End => return Err("bytes after the end of the stream".to_owned()),
            }
        }
    }

    fn is_whole(&self) -> bool {
        matches!(self.state, State::Start | State::End)
    }
}

/// Whether these are the first bytes of a zlib stream (RFC 1950).
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0F == 8 && first >> 4 <= 7 && (u16::from(first) << 8 | u16::from(second)) % 31 == 0
}

impl Header {
    /// Takes the next byte, and says whether more belong to the header.
    fn take(&mut self, byte: u8, crc: &mut Crc) -> Result<bool, String> {
        let sum = crc.sum() as u16;
        crc.update(&[byte]);
        self.part = match self.part {
            Part::Fixed => {
                let at = self.at;
                self.at += 1;
                match at {
                    0..3 if byte != MAGIC[at] => {
                        return Err("this is not a gzip stream".to_owned());
                    }
                    3 if byte & RESERVED != 0 => {
                        return Err("a gzip header with unknown flags".to_owned());
                    }
                    3 => self.flags = byte,
                    _ => {}
                }
                match at {
                    9 => self.after(EXTRA),
                    _ => Part::Fixed,
                }
            }
            Part::ExtraLength(None) => Part::ExtraLength(Some(byte)),
            Part::ExtraLength(Some(low)) => match u16::from_le_bytes([low, byte]) {
                0 => self.after(NAME),
                length => Part::Extra(usize::from(length)),
            },
            Part::Extra(1) => self.after(NAME),
            Part::Extra(left) => Part::Extra(left - 1),
            Part::Name if byte == 0 => self.after(COMMENT),
            Part::Name => Part::Name,
            Part::Comment if byte == 0 => self.after(HEADER_CHECKSUM),
            Part::Comment => Part::Comment,
            // What was counted before these two bytes is what they are about; the second one must not count the first.
            Part::Checksum(None) if byte == sum.to_le_bytes()[0] => {
                Part::Checksum(Some(sum.to_le_bytes()[1]))
            }
            Part::Checksum(Some(high)) if byte == high => Part::Done,
            Part::Checksum(_) => return Err("the checksum of the gzip header is wrong".to_owned()),
            Part::Done => Part::Done,
        };
        Ok(!matches!(self.part, Part::Done))
    }

    /// The next part that the flags announce, from the one with that flag on.
    fn after(&self, first: u8) -> Part {
        let order = [EXTRA, NAME, COMMENT, HEADER_CHECKSUM];
        let rest = order.into_iter().skip_while(|&flag| flag != first);
        match rest.into_iter().find(|flag| self.flags & flag != 0) {
            Some(EXTRA) => Part::ExtraLength(None),
            Some(NAME) => Part::Name,
            Some(COMMENT) => Part::Comment,
            Some(_) => Part::Checksum(None),
            None => Part::Done,
        }
    }
}
