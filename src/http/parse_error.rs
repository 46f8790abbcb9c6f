//! What can be wrong with the bytes of a response. The lowest file of the parser: every other one returns this error.

use std::fmt;

/// Peer data is quoted in an error up to this many bytes, so that a hostile peer cannot flood a log.
const QUOTED: usize = 64;

/// Why the bytes of a peer are not a response that can be trusted. After any of these the connection must be closed.
///
/// The text in a variant says what was expected and quotes at most 64 bytes of what came, escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// The first line is not `HTTP/1.0` or `HTTP/1.1`, one space, three digits and a legal reason phrase.
    BadStatusLine(String),
    /// A header line breaks the grammar: name, colon, value without control characters.
    BadHeader(String),
    /// The heads of one response have more bytes or fields, or there are more interim heads, than the limits allow.
    HeadTooLarge(String),
    /// The stream ended inside the head.
    IncompleteHead(String),
    /// Content-Length and Transfer-Encoding do not say in one voice where the body ends.
    BadFraming(String),
    /// The chunked body or its trailers break the grammar or their limits.
    BadChunk(String),
    /// A transfer coding other than `chunked`, which the request never offered to take.
    UnsupportedTransferEncoding(String),
    /// The stream ended before the body did.
    IncompleteBody {
        /// Body bytes that arrived (and were delivered).
        got: u64,
        /// Body bytes that were announced, where that is known.
        want: Option<u64>,
    },
    /// `101 Switching Protocols`, although the request did not ask for it.
    UnexpectedUpgrade(String),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self {
            Self::BadStatusLine(why) => ("bad status line", why),
            Self::BadHeader(why) => ("bad header", why),
            Self::HeadTooLarge(why) => ("response head too large", why),
            Self::IncompleteHead(why) => ("incomplete response head", why),
            Self::BadFraming(why) => ("bad message framing", why),
            Self::BadChunk(why) => ("bad chunked body", why),
            Self::UnsupportedTransferEncoding(why) => ("unsupported transfer encoding", why),
            Self::UnexpectedUpgrade(why) => ("unexpected upgrade", why),
            Self::IncompleteBody { got, want: None } => {
                return write!(f, "incomplete body: the stream ended after {got} bytes");
            }
            Self::IncompleteBody {
                got,
                want: Some(want),
            } => {
                return write!(
                    f,
                    "incomplete body: the stream ended after {got} of {want} bytes"
                );
            }
        };
        write!(f, "{what}: {why}")
    }
}

impl std::error::Error for ParseError {}

/// The first 64 bytes of `data`, escaped and in backquotes; dots say that there was more.
pub(super) fn quote(data: &[u8]) -> String {
    let shown = &data[..data.len().min(QUOTED)];
    let more = if shown.len() < data.len() { "..." } else { "" };
    format!("`{}`{more}", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_short_and_escaped() {
        assert_eq!(quote(b"a\r\n\x00\xff"), r"`a\r\n\x00\xff`");
        assert_eq!(quote(&[b'x'; 64]), format!("`{}`", "x".repeat(64)));
        assert_eq!(quote(&[b'x'; 65]), format!("`{}`...", "x".repeat(64)));
    }

    #[test]
    fn display_names_the_kind_and_the_reason() {
        let header = ParseError::BadHeader("no colon in `abc`".into());
        assert_eq!(header.to_string(), "bad header: no colon in `abc`");
        let known = ParseError::IncompleteBody {
            got: 3,
            want: Some(10),
        };
        assert_eq!(
            known.to_string(),
            "incomplete body: the stream ended after 3 of 10 bytes"
        );
        let unknown = ParseError::IncompleteBody { got: 3, want: None };
        assert_eq!(
            unknown.to_string(),
            "incomplete body: the stream ended after 3 bytes"
        );
    }
}
