//! Header fields: from the slices that `httparse` found to an `http::HeaderMap`. Used for heads and for trailers.

use super::parse_error::quote;
use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::Header;

/// Which of the fields that mean something to the client there are. Most are absent from most heads, and none of these is
/// looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notable {
    pub(crate) connection: bool,
    pub(crate) content_encoding: bool,
    pub(crate) content_length: bool,
    pub(crate) keep_alive: bool,
    pub(crate) set_cookie: bool,
    pub(crate) transfer_encoding: bool,
}

impl Notable {
    pub(super) fn of(fields: &[Header<'_>]) -> Notable {
        let mut notable = Notable::default();
        for Header { name, .. } in fields {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            match name.len() {
                10 => {
                    notable.connection |= is("connection");
                    notable.keep_alive |= is("keep-alive");
                    notable.set_cookie |= is("set-cookie");
                }
                14 => notable.content_length |= is("content-length"),
                16 => notable.content_encoding |= is("content-encoding"),
                17 => notable.transfer_encoding |= is("transfer-encoding"),
                _ => {}
            }
        }
        notable
    }
}

/// The values of all fields of this name.
pub(super) fn values<'a>(
    fields: &'a [Header<'a>],
    name: &'static str,
) -> impl Iterator<Item = &'a [u8]> {
    let named = fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name));
    named.map(|field| field.value)
}

/// Collects the fields in their order; repeated names are all kept (R14). They were found in `source`, of which `copy` is a
/// copy: the values share it. The error is a reason text.
pub(super) fn header_map(
    fields: &[Header<'_>],
    source: &[u8],
    copy: &Bytes,
) -> Result<HeaderMap, String> {
    let share = |value: &[u8]| {
        if value.is_empty() {
            return Bytes::new();
        }
        let at = value.as_ptr().addr() - source.as_ptr().addr();
        copy.slice(at..at + value.len())
    };
    let too_many = |_| format!("{} fields are more than a header map holds", fields.len());
    let mut map = HeaderMap::try_with_capacity(fields.len()).map_err(too_many)?;
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let name =
            name.map_err(|_| format!("field name {} is not usable", quote(field.name.as_bytes())))?;
        let value = match HeaderValue::from_maybe_shared(share(field.value)) {
            Err(_) if field.value.contains(&b'\n') => HeaderValue::try_from(unfold(field.value)),
            value => value,
        };
        let mut value = value.map_err(|_| {
            format!(
                "value {} of {name} has a control character",
                quote(field.value)
            )
        })?;
        // No `Debug` prints it (R86).
        value.set_sensitive(name == SET_COOKIE);
        map.try_append(name, value).map_err(too_many)?;
    }
    Ok(map)
}

/// Joins the lines of a folded value with one space each (R11).
fn unfold(value: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(value.len());
    for line in value
        .split(|&b| b == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
    {
        if !joined.is_empty() {
            joined.push(b' ');
        }
        joined.extend_from_slice(line);
    }
    joined
}

/// Whether a field of `head` is continued on a second line.
///
/// The value alone cannot tell: `httparse` trims it, so a fold before the first or after the last visible byte is gone.
pub(super) fn is_folded(head: &[u8], field: &Header<'_>) -> bool {
    let name_at = field.name.as_ptr().addr() - head.as_ptr().addr();
    let after_line = head[name_at..].iter().skip_while(|&&b| b != b'\n').nth(1);
    matches!(after_line, Some(b' ' | b'\t'))
}

/// The first header line of `head` that breaks the grammar, for an error text (`httparse` does not say where it stopped).
pub(super) fn bad_line(head: &[u8]) -> &[u8] {
    let is_bad = |(n, line): (usize, &[u8])| {
        let continues = n > 0 && line.starts_with(b" ") || line.starts_with(b"\t");
        let name = line
            .split(|&b| b == b':')
            .next()
            .filter(|name| name.len() < line.len());
        let named = continues
            || line.is_empty()
            || name.is_some_and(|name| HeaderName::from_bytes(name).is_ok());
        !named || HeaderValue::from_bytes(line).is_err()
    };
    let lines = head
        .split(|&b| b == b'\n')
        .skip(1)
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines
        .enumerate()
        .find(|&line| is_bad(line))
        .map_or(head, |(_, line)| line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfold_joins_lines_with_one_space() {
        let cases: [(&[u8], &[u8]); 5] = [
            (b"just\r\n some\r\n\t folding", b"just some folding"),
            (b"a \n  b", b"a b"),
            (b"a\r\n \r\n b", b"a b"),
            (b"a  b\r\n c", b"a  b c"),
            (b"\xff\r\n\t\xfe", b"\xff \xfe"),
        ];
        for (folded, joined) in cases {
            assert_eq!(unfold(folded), joined, "{}", quote(folded));
        }
    }

    #[test]
    fn order_and_duplicates_are_kept() {
        let map = |lines: &[u8]| {
            let mut slots = [httparse::EMPTY_HEADER; 8];
            let parsed = httparse::parse_headers(lines, &mut slots).unwrap();
            let (_, fields) = parsed.unwrap();
            header_map(fields, lines, &Bytes::copy_from_slice(lines))
        };
        let lines = b"Server: a\r\nX-One:\r\nserver: b\r\nETag:  \xff \r\nX-Two: c\r\n\r\n";
        let map = map(lines).unwrap();
        let seen: Vec<_> = map
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let expected: [(&str, &[u8]); 5] = [
            ("server", b"a"),
            ("server", b"b"),
            ("x-one", b""),
            ("etag", b"\xff"),
            ("x-two", b"c"),
        ];
        assert_eq!(seen, expected);
        let refused = |name, value| {
            let field = Header { name, value };
            header_map(&[field], value, &Bytes::copy_from_slice(value)).unwrap_err()
        };
        assert!(refused("X", b"a\x00b").contains(r"`a\x00b` of x"));
        assert!(refused("a b", b"").contains("`a b`"));
    }

    #[test]
    fn notable_fields_are_noted() {
        let set = |set: fn(&mut Notable)| {
            let mut notable = Notable::default();
            set(&mut notable);
            notable
        };
        for (name, expected) in [
            ("Connection", set(|notable| notable.connection = true)),
            (
                "CONTENT-LENGTH",
                set(|notable| notable.content_length = true),
            ),
            ("Keep-Alive", set(|notable| notable.keep_alive = true)),
            ("set-cookie", set(|notable| notable.set_cookie = true)),
            (
                "transfer-encoding",
                set(|notable| notable.transfer_encoding = true),
            ),
            (
                "content-Encoding",
                set(|notable| notable.content_encoding = true),
            ),
            ("Server", Notable::default()),
        ] {
            let line = format!("{name}: 1\r\n\r\n");
            let mut slots = [httparse::EMPTY_HEADER; 1];
            let parsed = httparse::parse_headers(line.as_bytes(), &mut slots).unwrap();
            assert_eq!(Notable::of(parsed.unwrap().1), expected, "{name}");
        }
    }

    #[test]
    fn a_fold_is_seen_wherever_it_stands() {
        let cases: [(&[u8], bool); 6] = [
            (b"X: 1\r\n\r\n", false),
            (b"X:\r\n\r\n", false),
            (b"X: 1\r\nY: 2\r\n\r\n", false),
            (b"X: 1\r\n 2\r\n\r\n", true),
            (b"X:\r\n 1\r\n\r\n", true),
            (b"X: 1\n\t\n\n", true),
        ];
        for (head, folded) in cases {
            let name = std::str::from_utf8(&head[..1]).unwrap();
            assert_eq!(
                is_folded(head, &Header { name, value: b"" }),
                folded,
                "{}",
                quote(head)
            );
        }
    }

    #[test]
    fn bad_line_finds_the_offender() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"S\r\nA: b\r\nno colon\r\nC: d\r\n\r\n", b"no colon"),
            (b"S\r\n A: b\r\nC: d\r\n\r\n", b" A: b"),
            (b"S\nA: b\n c\nD : e\n\n", b"D : e"),
            (b"S\r\nA: b\x01\r\n\r\n", b"A: b\x01"),
            (b"S\r\nA: b\rC: d\r\n\r\n", b"A: b\rC: d"),
            (b"S\r\n: b\r\n\r\n", b": b"),
        ];
        for (head, line) in cases {
            assert_eq!(bad_line(head), line, "{}", quote(head));
        }
    }
}
