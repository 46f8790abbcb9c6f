//! Forms with files in them, `multipart/form-data` (RFC 7578): parts with a boundary between them that nobody can foresee.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::body::Body;

/// A form with several parts, for [`RequestBuilder::multipart`](crate::http::RequestBuilder::multipart).
///
/// aiohttp's `FormData`. It has a known length if all parts have one; files do. What cannot be sent, like a line end in a
/// header, is an error of the request before anything is written.
///
/// ```
/// use glassloop::http::{Form, Part};
///
/// let form = Form::new()
///     .text("title", "A cat")
///     .part("image", Part::new(&b"\x89PNG.."[..]).file_name("cat.png").content_type("image/png"));
/// ```
#[derive(Debug)]
pub struct Form {
    boundary: String,
    pieces: Vec<Body>,
    refused: Option<String>,
}

impl Default for Form {
    fn default() -> Form {
        Form::new()
    }
}

impl Form {
    /// A form without parts.
    pub fn new() -> Form {
        let (pieces, refused) = (Vec::new(), None);
        Form {
            boundary: boundary(),
            pieces,
            refused,
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn text(self, name: impl AsRef<str>, value: impl Into<String>) -> Form {
        self.part(name, Part::new(value.into()))
    }

    /// Adds a file, with the last part of its path as its name. It is read when it is sent.
    ///
    /// # Errors
    /// When it cannot be opened; the text names the path.
    pub fn file(self, name: impl AsRef<str>, path: impl AsRef<Path>) -> io::Result<Form> {
        let path = path.as_ref();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let part = Part::new(Body::file(path)?);
        let part = part.file_name(file_name);
        Ok(self.part(name, part.content_type("application/octet-stream")))
    }

    /// Adds a part.
    #[must_use]
    pub fn part(mut self, name: impl AsRef<str>, part: Part) -> Form {
        let boundary = &self.boundary;
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; ");
        let mut refused = quoted(&mut head, "name", name.as_ref()).err();
        if let Some(file_name) = &part.file_name {
            head.push_str("; ");
            refused = refused.or(quoted(&mut head, "filename", file_name).err());
        }
        let mut head = head.into_bytes();
        for (name, value) in &part.headers {
            head.extend([b"\r\n", name.as_str().as_bytes(), b": ", value.as_bytes()].concat());
        }
        head.extend(b"\r\n\r\n");
        self.refused = self.refused.or(refused).or(part.refused);
        self.pieces.extend([head.into(), part.body, "\r\n".into()]);
        self
    }

    /// The `Content-Type` that names the boundary, and the body.
    pub(super) fn into_body(mut self) -> Result<(HeaderValue, Body), String> {
        if let Some(why) = self.refused {
            return Err(why);
        }
        let boundary = &self.boundary;
        self.pieces.push(format!("--{boundary}--\r\n").into());
        let content_type =
            HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"));
        let content_type = content_type.map_err(|error| error.to_string())?;
        Ok((content_type, Body::joined(self.pieces)))
    }
}

/// A part of a [`Form`].
#[derive(Debug)]
pub struct Part {
    body: Body,
    file_name: Option<String>,
    headers: HeaderMap,
    refused: Option<String>,
}

impl Part {
    /// A part of bytes, text or any [`Body`].
    pub fn new(body: impl Into<Body>) -> Part {
        let (file_name, headers, refused) = (None, HeaderMap::new(), None);
        Part {
            body: body.into(),
            file_name,
            headers,
            refused,
        }
    }

    /// Makes it a file of that name.
    #[must_use]
    pub fn file_name(mut self, name: impl Into<String>) -> Part {
        self.file_name = Some(name.into());
        self
    }

    /// Says what it is: `image/png`.
    #[must_use]
    pub fn content_type(self, content_type: &str) -> Part {
        self.header("content-type", content_type)
    }

    /// Adds a header field to the part, in place of one with the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Part {
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(value)) if name != "content-disposition" => {
                self.headers.insert(name, value);
            }
            _ => self.refused = Some(format!("{name:?}: {value:?} cannot be a header of a part")),
        }
        self
    }
}

/// Writes `key="value"` as browsers do: what would end it is written in hexadecimal.
fn quoted(head: &mut String, key: &str, value: &str) -> Result<(), String> {
    let ends = ['"', '\r', '\n'];
    if value.contains(|c: char| c.is_ascii_control() && !ends.contains(&c)) {
        return Err(format!(
            "the {key} {value:?} of a part has a control character"
        ));
    }
    head.push_str(key);
    head.push_str("=\"");
    for c in value.chars() {
        match c {
            _ if ends.contains(&c) => drop(write!(head, "%{:02X}", u32::from(c))),
            _ => head.push(c),
        }
    }
    head.push('"');
    Ok(())
}

/// 128 bits that nobody can foresee, so that no content can be made to contain them (R66): hashes under keys that the
/// standard library has from the system's random numbers.
fn boundary() -> String {
    let keys = RandomState::new();
    format!(
        "glassloop-{:016x}{:016x}",
        keys.hash_one(0),
        keys.hash_one(1)
    )
}
