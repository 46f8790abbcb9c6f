//! The head of a response: empty lines and interim heads are skipped, the final head is parsed where it lies in the buffer,
//! by `httparse`. What `httparse` does not do stands here: the limits, the interim heads, when to look again at a head that
//! comes in pieces, and folded fields.

use super::fields::{Notable, bad_line, is_folded};
use super::framing::{Asked, Framing, keep_alive};
use super::headers::Headers;
use super::parse_error::{ParseError, quote};
use super::raw_head;
use http::{HeaderMap, Method, StatusCode, Version};
use httparse::{Error, Response, Status};

/// A server may send empty lines before a status line, but not for ever (R7).
const MAX_EMPTY_LINES: usize = 16;

/// How much head a response may have. The read buffer must be able to hold `max_head` bytes and one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all heads of one response, interim ones and empty lines included; also bytes of the trailers. 64 KiB.
    pub max_head: usize,
    /// Fields of all heads of one response; also fields of the trailers. 128.
    pub max_headers: usize,
    /// Interim (1xx) heads of one response. 32.
    pub max_interim: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_head: 64 * 1024,
            max_headers: 128,
            max_interim: 32,
        }
    }
}

/// The final head of a response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status code, 100 to 999.
    pub status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// Where the body ends. With `Tunnel`, what follows the head is not HTTP and stays in the buffer.
    pub framing: Framing,
    /// As far as the head decides, another exchange may follow on the connection.
    pub(super) keeps: bool,
    pub(crate) notable: Notable,
    headers: Headers,
}

impl ResponseHead {
    /// The header fields in their order, folded values joined.
    pub fn headers(&self) -> &HeaderMap {
        self.headers.map()
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers.map_mut()
    }
}

/// The parser of all heads of one response.
#[derive(Debug)]
pub(super) struct HeadParser {
    asked: Asked,
    limits: Limits,
    scan: HeadScan,
    /// Bytes consumed so far, and the fields, interim heads and empty lines in them.
    bytes: usize,
    fields: usize,
    interim: usize,
    empty_lines: usize,
    saw_continue: bool,
}

impl HeadParser {
    pub(super) fn new(method: &Method, limits: Limits) -> Self {
        Self {
            asked: Asked::new(method),
            limits,
            scan: HeadScan::default(),
            bytes: 0,
            fields: 0,
            interim: 0,
            empty_lines: 0,
            saw_continue: false,
        }
    }

    /// From now on status 101 is an answer to the request, not an error.
    pub(super) fn allow_upgrade(&mut self) {
        self.asked.upgrade = true;
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn saw_continue(&self) -> bool {
        self.saw_continue
    }

    /// Takes what it can from the front of `input`: how many bytes, and the final head if it was among them.
    pub(super) fn feed(
        &mut self,
        input: &[u8],
    ) -> Result<(usize, Option<ResponseHead>), ParseError> {
        let mut used = 0;
        loop {
            // Nothing beyond the limit is looked at, so that the verdict does not depend on how much was read at once.
            let budget = self.limits.max_head.saturating_sub(self.bytes);
            let over = input.len() - used > budget;
            let window = &input[used..][..budget.min(input.len() - used)];
            let empty = self.skip_empty_lines(window)?;
            used += empty;
            let window = &window[empty..];
            check_start(window)?;
            let look = self.scan.is_worth_parsing(window) || over;
            let Some(parsed) = (if look { self.parse(window)? } else { None }) else {
                if over {
                    let why = format!("more than {} bytes", self.limits.max_head);
                    return Err(ParseError::HeadTooLarge(why));
                }
                return Ok((used, None));
            };
            used += parsed.bytes;
            self.bytes += parsed.bytes;
            self.fields += parsed.fields;
            self.scan = HeadScan::default();
            if parsed.head.is_some() {
                return Ok((used, parsed.head));
            }
            self.count_interim(parsed.status)?;
        }
    }

    /// What the end of the stream after `unread` means; `None` if not one byte of a response has come.
    pub(super) fn eof(&self, unread: &[u8]) -> Option<ParseError> {
        if self.bytes == 0 && unread.is_empty() {
            return None;
        }
        let why = match unread {
            [] => format!(
                "the stream ended before the final head ({} interim)",
                self.interim
            ),
            _ => format!("the stream ended after {}", quote(unread)),
        };
        // The last line was not looked at before its end had come, and may be wrong already.
        let bad = self.parse(unread).err();
        Some(bad.unwrap_or(ParseError::IncompleteHead(why)))
    }

    fn count_interim(&mut self, status: StatusCode) -> Result<(), ParseError> {
        self.saw_continue |= status == StatusCode::CONTINUE;
        self.interim += 1;
        if self.interim > self.limits.max_interim {
            let why = format!("more than {} interim heads", self.limits.max_interim);
            return Err(ParseError::HeadTooLarge(why));
        }
        Ok(())
    }

    /// Empty lines before a status line are consumed at once, so that a head always begins at the front of the input (R7).
    fn skip_empty_lines(&mut self, input: &[u8]) -> Result<usize, ParseError> {
        let mut used = 0;
        while let [b'\n', ..] | [b'\r', b'\n', ..] = &input[used..] {
            used += if input[used] == b'\n' { 1 } else { 2 };
            self.empty_lines += 1;
            if self.empty_lines > MAX_EMPTY_LINES {
                let why = format!("more than {MAX_EMPTY_LINES} empty lines before it");
                return Err(ParseError::BadStatusLine(why));
            }
        }
        self.bytes += used;
        Ok(used)
    }

    /// Parses the head at the front of `window`; `None` if it is not complete.
    fn parse(&self, window: &[u8]) -> Result<Option<ParsedHead>, ParseError> {
        let max_fields = self.limits.max_headers.saturating_sub(self.fields);
        raw_head::parse(window, max_fields, |parsed, response| {
            self.judge(window, parsed, response)
        })
    }

    fn judge(
        &self,
        window: &[u8],
        parsed: Result<Status<usize>, Error>,
        response: &Response<'_, '_>,
    ) -> Result<Option<ParsedHead>, ParseError> {
        let bytes = match parsed {
            Ok(Status::Complete(bytes)) => bytes,
            Ok(Status::Partial) => return Ok(None),
            Err(Error::TooManyHeaders) => {
                let why = format!("more than {} header fields", self.limits.max_headers);
                return Err(ParseError::HeadTooLarge(why));
            }
            // The reason is set when the status line is complete.
            Err(error) if response.reason.is_some() => {
                let why = format!("{error} in {}", quote(bad_line(window)));
                return Err(ParseError::BadHeader(why));
            }
            Err(_) => return Err(bad_status_line(window)),
        };
        let status = response
            .code
            .and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or_else(|| bad_status_line(window))?;
        let (head, fields) = (&window[..bytes], &*response.headers);
        let is_interim = status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS;
        Ok(Some(ParsedHead {
            bytes,
            fields: fields.len(),
            status,
            head: match is_interim {
                true => None,
                false => Some(self.final_head(head, status, response)?),
            },
        }))
    }

    fn final_head(
        &self,
        head: &[u8],
        status: StatusCode,
        response: &Response<'_, '_>,
    ) -> Result<ResponseHead, ParseError> {
        let version = match response.version {
            Some(0) => Version::HTTP_10,
            _ => Version::HTTP_11,
        };
        let fields = &*response.headers;
        let notable = Notable::of(fields);
        // Receivers disagree on what a folded length means, and that is an attack's material (R11).
        let frames = |name: &str| {
            ["content-length", "transfer-encoding"]
                .iter()
                .any(|framing| name.eq_ignore_ascii_case(framing))
        };
        if notable.content_length || notable.transfer_encoding {
            let mut framing = fields.iter().filter(|field| frames(field.name));
            if let Some(field) = framing.find(|field| is_folded(head, field)) {
                let why = format!("{} is continued on a second line", field.name);
                return Err(ParseError::BadHeader(why));
            }
        }
        Ok(ResponseHead {
            status,
            version,
            headers: Headers::new(head, fields).map_err(ParseError::BadHeader)?,
            framing: Framing::new(self.asked, status, version, fields, notable)?,
            keeps: match notable.connection {
                true => keep_alive(version, fields),
                false => version == Version::HTTP_11,
            },
            notable,
        })
    }
}

/// A complete head at the front of the input; `head` is absent if it is an interim one.
struct ParsedHead {
    bytes: usize,
    fields: usize,
    status: StatusCode,
    head: Option<ResponseHead>,
}

/// What is known of an unfinished head, so that small reads do not have it parsed again each time.
#[derive(Debug, Default)]
struct HeadScan {
    seen: usize,
    parsed: usize,
}

impl HeadScan {
    /// Says yes when an empty line has arrived, and before that when a line has and there is twice as much as the last time:
    /// a bad line is reported without waiting for the end, and all parses together stay linear (R36).
    fn is_worth_parsing(&mut self, window: &[u8]) -> bool {
        let from = std::mem::replace(&mut self.seen, window.len()).min(window.len());
        if !window[from..].contains(&b'\n') {
            return false;
        }
        let ends_empty_line = |at: usize| {
            window[at] == b'\n'
                && (window[..at].ends_with(b"\n") || window[..at].ends_with(b"\n\r"))
        };
        let worth = window.len() / 2 >= self.parsed || (from..window.len()).any(ends_empty_line);
        if worth {
            self.parsed = window.len();
        }
        worth
    }
}

/// Whether `HTTP/1.0 ` or `HTTP/1.1 ` and a status code can still come of this: a peer that speaks something else (TLS, SSH,
/// HTTP/0.9) is found out at its first bytes, and may never send a line end (R1, R2, R3).
fn check_start(input: &[u8]) -> Result<(), ParseError> {
    if input == b"\r" {
        return Ok(());
    }
    let prefix = &input[..input.len().min(7)];
    let fits = |(at, byte): (usize, &u8)| match at {
        7 => matches!(byte, b'0' | b'1'),
        8 => *byte == b' ',
        9 => matches!(byte, b'1'..=b'9'),
        _ => byte.is_ascii_digit(),
    };
    if b"HTTP/1.".starts_with(prefix) && input.iter().enumerate().take(12).skip(7).all(fits) {
        Ok(())
    } else {
        Err(bad_status_line(input))
    }
}

fn bad_status_line(input: &[u8]) -> ParseError {
    let line = input.split(|&b| b == b'\n').next().unwrap_or(input);
    ParseError::BadStatusLine(format!(
        "expected `HTTP/1.1` and a status code, got {}",
        quote(line)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a head of `size` bytes that comes byte by byte is parsed, and how many bytes that are in all.
    fn parses(line: &str, size: usize) -> (usize, usize) {
        let head =
            "HTTP/1.1 200 OK\r\nA: b\r\n".to_string() + &line.repeat(size / line.len()) + "\r\n";
        let mut scan = HeadScan::default();
        let looks = (1..=head.len()).filter(|&end| scan.is_worth_parsing(&head.as_bytes()[..end]));
        let looks: Vec<usize> = looks.collect();
        assert_eq!(
            looks.last(),
            Some(&head.len()),
            "the empty line is always seen"
        );
        (looks.len(), looks.iter().sum())
    }

    #[test]
    fn r36_a_dripping_head_is_parsed_in_linear_time() {
        for line in [" \r\n", " \n", "Name: value\r\n"] {
            for size in [1_000, 10_000, 60_000] {
                let (count, bytes) = parses(line, size);
                assert!(
                    count < 14 && bytes < 4 * size,
                    "{line:?} {size}: {count} parses of {bytes} bytes"
                );
            }
        }
    }

    #[test]
    fn a_bad_line_is_not_waited_on_until_the_head_ends() {
        let mut parser = HeadParser::new(&Method::GET, Limits::default());
        let error = parser.feed(b"HTTP/1.1 200 OK\r\nno colon\r\n").unwrap_err();
        assert_eq!(
            error,
            ParseError::BadHeader("invalid header name in `no colon`".into())
        );
    }
}
