//! `Content-Encoding` undone: bytes in, bytes out in steps of at most 64 KiB, without any I/O. A body may have been compressed
//! several times over; each time is a stage here, with the output of one as the input of the next. The features `gzip`,
//! `brotli` and `zstd` say which codings are known.
//!
//! ```text
//!   body ──▶ stage 1 ──▶ at most 64 KiB ──▶ stage 2 ──▶ at most 64 KiB ──▶ reader
//! ```

use std::fmt;

use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::coding::{self, Coding};

pub use super::coding::CODINGS;

/// So much is decoded at a time, by each stage: a small body can stand for a very large one (R81).
const STEP: usize = 64 * 1024;

/// More codings than this one upon another are an attack (R80).
const MAX_CODINGS: usize = 5;

/// The body is not what its `Content-Encoding` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(String);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = &self.0;
        write!(f, "the body cannot be decoded: {why}")
    }
}

impl std::error::Error for DecodeError {}

/// One step of a [`Decoder`].
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded {
    /// All that was taken is decoded, and all of it given out: more must come.
    NeedMore,
    /// Decoded bytes, from one to 64 KiB. There may be more without more input.
    Data(Vec<u8>),
    /// A step's work is done and nothing has come of it yet: a stage has fed the next one, or a body is full of nothing. Let
    /// others run, then go on.
    Working,
}

/// Decodes one body.
#[derive(Debug)]
pub struct Decoder {
    /// The coding that was applied last comes first.
    stages: Vec<Stage>,
}

#[derive(Debug)]
struct Stage {
    coding: Box<dyn Coding>,
    /// The reason is told once what came before it has been given out.
    failed: Option<DecodeError>,
    /// The room that the last output filled; 0 if it left some.
    filled: usize,
    /// What the stage before has given and this one has not taken: the bytes from `at`.
    input: Vec<u8>,
    at: usize,
}

impl Decoder {
    /// A decoder for a body with these header fields; `None` if it is to be left as it is: not encoded, or in a way that is
    /// not known here.
    ///
    /// # Errors
    /// More than five codings.
    pub fn new(headers: &HeaderMap) -> Result<Option<Decoder>, DecodeError> {
        let lines = headers.get_all(CONTENT_ENCODING).iter();
        let members = lines.flat_map(|line| line.as_bytes().split(|&b| b == b','));
        let codings = members.map(|member| member.trim_ascii().to_ascii_lowercase());
        let codings: Vec<Vec<u8>> = codings
            .filter(|coding| !coding.is_empty() && coding != b"identity")
            .take(MAX_CODINGS + 1)
            .collect();
        if codings.len() > MAX_CODINGS {
            let why = format!("it has more than {MAX_CODINGS} codings");
            return Err(DecodeError(why));
        }
        let stage = |name: &Vec<u8>| {
            coding::named(name).map(|coding| Stage {
                coding,
                failed: None,
                filled: 0,
                input: Vec::new(),
                at: 0,
            })
        };
        let stages: Option<Vec<Stage>> = codings.iter().rev().map(stage).collect();
        Ok(stages
            .filter(|s| !s.is_empty())
            .map(|stages| Decoder { stages }))
    }

    /// Takes what it can from the front of `input`: how many bytes, and what came of them. Call it until it says `NeedMore`,
    /// by when all input is taken.
    ///
    /// # Errors
    /// The body is corrupt. What was decoded before was given out before.
    pub fn decode(&mut self, input: &[u8]) -> Result<(usize, Decoded), DecodeError> {
        let last = self.stages.len() - 1;
        let (mut used, mut worked) = (0, false);
        // The later stages first, so that each finds the next one's input empty when its turn comes.
        for at in (0..=last).rev() {
            let room = self.room(at, input.len());
            let mut out = Vec::with_capacity(room);
            let stage = &mut self.stages[at];
            let taken = match at {
                0 => stage.run(input, &mut out)?,
                _ => {
                    let given = std::mem::take(&mut stage.input);
                    let taken = stage.run(&given[stage.at..], &mut out)?;
                    stage.at += taken;
                    stage.input = given;
                    taken
                }
            };
            worked |= taken > 0 || !out.is_empty();
            if at == 0 {
                used = taken;
            }
            if out.is_empty() {
                continue;
            }
            match self.stages.get_mut(at + 1) {
                None => return Ok((used, Decoded::Data(out))),
                Some(next) => (next.input, next.at) = (out, 0),
            }
            break;
        }
        let more = worked && (last > 0 || used < input.len());
        Ok((
            used,
            if more {
                Decoded::Working
            } else {
                Decoded::NeedMore
            },
        ))
    }

    /// The body has ended, and after that `decode` said `NeedMore`: is it whole? A body without a byte is.
    ///
    /// # Errors
    /// The body is cut off.
    pub fn finish(&self) -> Result<(), DecodeError> {
        let stages = self.stages.iter();
        let mut ends = stages.map(Stage::finish);
        ends.find(Result::is_err).unwrap_or(Ok(()))
    }

    /// How much a stage may put out: some times its input, so that a small body does not cost a large buffer, and more when
    /// that was too little.
    fn room(&self, at: usize, input: usize) -> usize {
        let stage = &self.stages[at];
        let input = if at == 0 {
            input
        } else {
            stage.input.len() - stage.at
        };
        (input * 8).max(stage.filled * 4).clamp(1024, STEP)
    }
}

impl Stage {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, DecodeError> {
        if let Some(why) = &self.failed {
            return Err(why.clone());
        }
        // A step takes no more than it may give.
        let input = &input[..input.len().min(STEP)];
        let taken = self.coding.run(input, out);
        self.filled = match out.len() == out.capacity() {
            true => out.len(),
            false => 0,
        };
        taken.or_else(|why| {
            let why = self.failed.insert(DecodeError(why));
            if out.is_empty() {
                Err(why.clone())
            } else {
                Ok(0)
            }
        })
    }

    fn finish(&self) -> Result<(), DecodeError> {
        match &self.failed {
            Some(why) => Err(why.clone()),
            None if self.coding.is_whole() => Ok(()),
            None => Err(DecodeError("the compressed stream is cut off".to_owned())),
        }
    }
}
