//! The header fields of a response: checked when the head has come, made into a map when somebody first asks for it. Many
//! programs ask for none, and the map takes a third of what a head costs.

use super::fields::header_map;
use super::raw_head;
use bytes::Bytes;
use http::HeaderMap;
use httparse::Header;
use std::cell::OnceCell;

/// A longer name, or more fields, and the map is made at once: it has limits of its own.
const MOST: usize = 1000;

#[derive(Clone, Debug)]
pub(super) struct Headers {
    /// The whole head.
    head: Bytes,
    fields: usize,
    map: OnceCell<Box<HeaderMap>>,
}

impl Headers {
    /// Of a head in which `httparse` has found these fields; the error is a reason text.
    pub(super) fn new(head: &[u8], fields: &[Header<'_>]) -> Result<Headers, String> {
        let copy = Bytes::copy_from_slice(head);
        let map = OnceCell::new();
        if fields.len() > MOST || fields.iter().any(|field| field.name.len() > MOST) {
            let _ = map.set(Box::new(header_map(fields, head, &copy)?));
        }
        Ok(Headers {
            head: copy,
            fields: fields.len(),
            map,
        })
    }

    pub(super) fn map(&self) -> &HeaderMap {
        self.map.get_or_init(|| Box::new(self.make()))
    }

    pub(super) fn map_mut(&mut self) -> &mut HeaderMap {
        self.map();
        self.map.get_mut().expect("it was made just now")
    }

    /// What `httparse` lets pass is never refused by the map, as a test says of each byte.
    fn make(&self) -> HeaderMap {
        raw_head::parse(&self.head, self.fields, |_, response| {
            let made = header_map(response.headers, &self.head, &self.head);
            made.expect("it was checked when it came")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The map is made later, and may not fail then: `httparse` looks at many bytes at once, so each stands everywhere.
    #[test]
    fn what_httparse_lets_pass_a_header_map_takes() {
        let (mut passed, mut refused) = (0, 0);
        for byte in 0..=255 {
            for at in 0..40 {
                for (name_at, value_at) in [(Some(at), None), (None, Some(at))] {
                    let mut name = [b'n'; 40];
                    let mut value = [b'v'; 40];
                    name_at.into_iter().for_each(|at| name[at] = byte);
                    value_at.into_iter().for_each(|at| value[at] = byte);
                    let line = [&name[..], b": ", &value, b"\r\n\r\n"].concat();
                    let head = [b"HTTP/1.1 200 OK\r\n", &line[..]].concat();
                    let headers = raw_head::parse(&head, 8, |parsed, response| {
                        parsed.is_ok_and(|parsed| parsed.is_complete()).then(|| {
                            let bytes = parsed.unwrap().unwrap();
                            Headers::new(&head[..bytes], response.headers).unwrap()
                        })
                    });
                    match headers {
                        Some(headers) => passed += headers.map().len(),
                        None => refused += 1,
                    }
                }
            }
        }
        // Names: 77 bytes of a token, and the colon ends one but at its beginning. Values: all but control characters.
        assert!(passed > 40 * (77 + 200), "{passed}");
        assert!(refused > 40 * (178 + 30), "{refused}");
    }

    #[test]
    fn long_names_and_many_fields_are_judged_at_once() {
        for length in [MOST, MOST + 1] {
            let head = format!("HTTP/1.1 200 OK\r\n{}: 1\r\n\r\n", "n".repeat(length));
            let made = raw_head::parse(head.as_bytes(), 1, |_, response| {
                Headers::new(head.as_bytes(), response.headers).unwrap()
            });
            assert_eq!(made.map.get().is_some(), length > MOST);
            assert_eq!(made.map().len(), 1);
        }
    }
}
