//! Where a response body ends, and whether the connection outlives it: the rules on Content-Length, Transfer-Encoding
//! and Connection, as pure functions of a parsed head. No bytes are read here.

use super::fields::{Notable, values};
use super::parse_error::{ParseError, quote};
use http::{Method, StatusCode, Version};
use httparse::Header;

const CONTENT_LENGTH: &str = "content-length";
const TRANSFER_ENCODING: &str = "transfer-encoding";

/// Where the body of a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body, whatever the header fields say (R20).
    Empty,
    /// After this many bytes.
    Length(u64),
    /// With the last chunk and the trailers.
    Chunked,
    /// With the stream: only closing the connection ends it (R28).
    UntilEof,
    /// The bytes after the head are no longer HTTP: an agreed upgrade or a CONNECT tunnel (R18, R19).
    Tunnel,
}

/// What a request said that decides how its response is framed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The method was HEAD.
    pub head: bool,
    /// The method was CONNECT.
    pub connect: bool,
    /// The request offered to switch protocols.
    pub upgrade: bool,
}

impl Asked {
    /// What `method` alone says; no upgrade is offered.
    pub fn new(method: &Method) -> Self {
        Self {
            head: method == Method::HEAD,
            connect: method == Method::CONNECT,
            upgrade: false,
        }
    }
}

impl Framing {
    /// Decides the framing of a final response, in the order of RFC 9112 section 6.3.
    ///
    /// # Errors
    /// `UnexpectedUpgrade`, `BadFraming` or `UnsupportedTransferEncoding`.
    pub(super) fn new(
        asked: Asked,
        status: StatusCode,
        version: Version,
        fields: &[Header<'_>],
        notable: Notable,
    ) -> Result<Self, ParseError> {
        if status == StatusCode::SWITCHING_PROTOCOLS && !asked.upgrade {
            let why = "status 101, but the request offered no upgrade";
            return Err(ParseError::UnexpectedUpgrade(why.into()));
        }
        if status == StatusCode::SWITCHING_PROTOCOLS || asked.connect && status.is_success() {
            return Ok(Self::Tunnel);
        }
        if asked.head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
            return Ok(Self::Empty);
        }
        if notable.transfer_encoding {
            if version == Version::HTTP_10 {
                return Err(ParseError::BadFraming(
                    "Transfer-Encoding in an HTTP/1.0 response".into(),
                ));
            }
            let chunked = is_chunked(fields);
            if chunked != Ok(false) {
                // Two parties that each believe another one of the two fields see two different messages: smuggling.
                if notable.content_length {
                    return Err(ParseError::BadFraming(
                        "both Transfer-Encoding and Content-Length".into(),
                    ));
                }
                return chunked.map(|_| Self::Chunked);
            }
        }
        let length = match notable.content_length {
            true => content_length(fields)?,
            false => None,
        };
        Ok(length.map_or(Self::UntilEof, Self::Length))
    }

    /// Whether the message says itself where it ends, so that another one can follow on the connection.
    pub fn is_self_delimited(self) -> bool {
        matches!(self, Self::Empty | Self::Length(_) | Self::Chunked)
    }
}

/// What Version and Connection say about using the connection again (R38). `close` wins over `keep-alive`, in any order.
pub(super) fn keep_alive(version: Version, fields: &[Header<'_>]) -> bool {
    let (mut close, mut keep) = (false, version == Version::HTTP_11);
    for token in list(fields, "connection") {
        close |= token.eq_ignore_ascii_case(b"close");
        keep |= token.eq_ignore_ascii_case(b"keep-alive");
    }
    keep && !close
}

/// `chunked` alone is true; only `identity` is false, as if the field were absent; all else is an error (R22).
fn is_chunked(fields: &[Header<'_>]) -> Result<bool, ParseError> {
    let mut codings = list(fields, TRANSFER_ENCODING)
        .filter(|coding| !coding.is_empty())
        .peekable();
    let any = codings.peek().is_some();
    let mut codings = codings.skip_while(|coding| coding.eq_ignore_ascii_case(b"identity"));
    match (codings.next(), codings.next()) {
        (None, _) if any => Ok(false),
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(true),
        _ => {
            let value = values(fields, TRANSFER_ENCODING).next().unwrap_or_default();
            let why = format!("{} (only `chunked` is understood)", quote(value));
            Err(ParseError::UnsupportedTransferEncoding(why))
        }
    }
}

/// The one length that all Content-Length lines and list members agree on (R24, R25, R26).
fn content_length(fields: &[Header<'_>]) -> Result<Option<u64>, ParseError> {
    let mut agreed = None;
    for line in values(fields, CONTENT_LENGTH) {
        for member in line.split(|&b| b == b',') {
            let length = decimal(member.trim_ascii())?;
            if agreed.is_some_and(|other| other != length) {
                let why = format!(
                    "Content-Length says {} and {length}",
                    agreed.unwrap_or_default()
                );
                return Err(ParseError::BadFraming(why));
            }
            agreed = Some(length);
        }
    }
    Ok(agreed)
}

/// Digits only: `str::parse` would take a sign as well.
fn decimal(digits: &[u8]) -> Result<u64, ParseError> {
    let bad = |why| ParseError::BadFraming(format!("Content-Length {} {why}", quote(digits)));
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(bad("is not a decimal number"));
    }
    let add = |sum: i64, digit: &u8| sum.checked_mul(10)?.checked_add(i64::from(digit - b'0'));
    digits
        .iter()
        .try_fold(0, add)
        .map(i64::unsigned_abs)
        .ok_or_else(|| bad("is over 2^63 - 1"))
}

/// The members of a comma-separated list over all lines of a field, without the white space around them.
fn list<'a>(fields: &'a [Header<'a>], name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    values(fields, name)
        .flat_map(|value| value.split(|&b| b == b','))
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    fn map<'a>(lines: Lines<'a>) -> Vec<Header<'a>> {
        let line = |&(name, value): &(&'static str, &'a [u8])| Header { name, value };
        lines.iter().map(line).collect()
    }

    fn frame(
        asked: Asked,
        status: StatusCode,
        version: Version,
        lines: Lines,
    ) -> Result<Framing, ParseError> {
        let fields = map(lines);
        Framing::new(asked, status, version, &fields, Notable::of(&fields))
    }

    fn framed(
        method: &Method,
        status: u16,
        version: Version,
        lines: Lines,
    ) -> Result<Framing, String> {
        let status = StatusCode::from_u16(status).unwrap();
        frame(Asked::new(method), status, version, lines).map_err(|error| match error {
            ParseError::BadFraming(_) => "framing".into(),
            ParseError::UnsupportedTransferEncoding(_) => "coding".into(),
            other => other.to_string(),
        })
    }

    fn get(lines: Lines) -> Result<Framing, String> {
        framed(&Method::GET, 200, Version::HTTP_11, lines)
    }

    type Lines<'a> = &'a [(&'static str, &'a [u8])];

    const CL: &str = "content-length";
    const TE: &str = "transfer-encoding";

    #[test]
    fn r20_no_body_whatever_the_fields_say() {
        let lines: [(&str, &[u8]); 2] = [(CL, b"x"), (TE, b"gzip")];
        for (method, status) in [(Method::HEAD, 200), (Method::GET, 204), (Method::GET, 304)] {
            assert_eq!(
                framed(&method, status, Version::HTTP_11, &lines),
                Ok(Framing::Empty)
            );
        }
    }

    #[test]
    fn r17_r18_r19_tunnels() {
        let asked = Asked {
            upgrade: true,
            ..Asked::default()
        };
        let upgraded = frame(
            asked,
            StatusCode::SWITCHING_PROTOCOLS,
            Version::HTTP_11,
            &[(CL, b"4")],
        );
        assert_eq!(upgraded, Ok(Framing::Tunnel));
        let unasked = framed(&Method::GET, 101, Version::HTTP_11, &[]).unwrap_err();
        assert_eq!(
            unasked,
            "unexpected upgrade: status 101, but the request offered no upgrade"
        );
        assert_eq!(
            framed(&Method::CONNECT, 204, Version::HTTP_11, &[(TE, b"x")]),
            Ok(Framing::Tunnel)
        );
        assert_eq!(
            framed(&Method::CONNECT, 407, Version::HTTP_11, &[(CL, b"3")]),
            Ok(Framing::Length(3))
        );
    }

    #[test]
    fn r21_r22_r23_transfer_encoding() {
        let chunked: [&[u8]; 6] = [
            b"chunked",
            b"CHUNKED",
            b" \tchunked ",
            b",, chunked ,",
            b"identity, chunked",
            b"identity,identity,Chunked",
        ];
        for value in chunked {
            assert_eq!(
                get(&[(TE, value)]),
                Ok(Framing::Chunked),
                "{}",
                quote(value)
            );
            assert_eq!(
                get(&[(TE, value), (CL, b"5")]),
                Err("framing".into()),
                "{}",
                quote(value)
            );
            let old = framed(&Method::GET, 200, Version::HTTP_10, &[(TE, value)]);
            assert_eq!(old, Err("framing".into()), "{}", quote(value));
        }
        let other: [&[u8]; 11] = [
            b"",
            b",",
            b"gzip, chunked",
            b"chunked, chunked",
            b"chunkedchunked",
            b"xchunked",
            b"chunked, identity",
            b"chunked, deflate",
            b"chunked;a=b",
            b"\"chunked\"",
            b"chunk\xe9d",
        ];
        for value in other {
            assert_eq!(
                get(&[(TE, value)]),
                Err("coding".into()),
                "{}",
                quote(value)
            );
            assert_eq!(
                get(&[(TE, value), (CL, b"5")]),
                Err("framing".into()),
                "{}",
                quote(value)
            );
        }
        assert_eq!(
            get(&[(TE, b"identity, identity"), (CL, b"5")]),
            Ok(Framing::Length(5))
        );
        assert_eq!(get(&[(TE, b"identity")]), Ok(Framing::UntilEof));
        assert_eq!(
            get(&[(TE, b"chunked"), (TE, b"identity")]),
            Err("coding".into())
        );
        assert_eq!(
            get(&[(TE, b"identity"), (TE, b"chunked")]),
            Ok(Framing::Chunked)
        );
    }

    #[test]
    fn r24_r25_r26_content_length() {
        let good: [(&[u8], u64); 6] = [
            (b"0", 0),
            (b"42", 42),
            (b"\t42\t", 42),
            (b"3, 3", 3),
            (b"6,06,6", 6),
            (b"9223372036854775807", i64::MAX as u64),
        ];
        for (value, length) in good {
            assert_eq!(
                get(&[(CL, value)]),
                Ok(Framing::Length(length)),
                "{}",
                quote(value)
            );
        }
        let bad: [&[u8]; 16] = [
            b"",
            b"+5",
            b"-5",
            b"0x5",
            b"5 5",
            b"5_0",
            b"5a",
            b"\xd9\xa5",
            b"5;",
            b"3,",
            b",3",
            b"3,4",
            b"1.0",
            b"9223372036854775808",
            b"18446744073709551617",
            b"99999999999999999999999999999999",
        ];
        for value in bad {
            assert_eq!(
                get(&[(CL, value)]),
                Err("framing".into()),
                "{}",
                quote(value)
            );
        }
        assert_eq!(get(&[(CL, b"3,3"), (CL, b"3")]), Ok(Framing::Length(3)));
        assert_eq!(get(&[(CL, b"3"), (CL, b"4")]), Err("framing".into()));
        assert_eq!(get(&[]), Ok(Framing::UntilEof));
    }

    #[test]
    fn r38_connection_tokens() {
        const C: &str = "connection";
        let cases: [(Lines, bool, bool); 8] = [
            (&[], true, false),
            (&[(C, b"close")], false, false),
            (&[(C, b"Keep-Alive")], true, true),
            (&[(C, b"close"), (C, b"keep-alive")], false, false),
            (&[(C, b"keep-alive"), (C, b"CLOSE")], false, false),
            (&[(C, b"upgrade, close ,x")], false, false),
            (&[(C, b"x, keep-alive")], true, true),
            (
                &[("proxy-connection", b"close"), (C, b"closed")],
                true,
                false,
            ),
        ];
        for (lines, new, old) in cases {
            assert_eq!(keep_alive(Version::HTTP_11, &map(lines)), new, "{lines:?}");
            assert_eq!(keep_alive(Version::HTTP_10, &map(lines)), old, "{lines:?}");
        }
    }
}
