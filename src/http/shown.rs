//! What may be printed of a URL and of what was meant as one: no user name, no password, and not all of a long query, which
//! may sign it (R86).

use std::fmt;

use url::{Position, Url};

/// So many bytes of it are printed.
const LONGEST: usize = 256;

/// A URL as it may be printed.
pub(crate) struct ShownUrl<'a>(pub(crate) &'a Url);

impl fmt::Display for ShownUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0;
        if url.cannot_be_a_base() {
            return f.write_str(&without_credentials(url.as_str()));
        }
        let (scheme, rest) = (
            &url[..Position::BeforeUsername],
            &url[Position::BeforeHost..],
        );
        // A URL is ASCII.
        let shown = &rest[..rest.len().min(LONGEST.saturating_sub(scheme.len()))];
        let dots = if shown.len() < rest.len() { "..." } else { "" };
        write!(f, "{scheme}{shown}{dots}")
    }
}

impl fmt::Debug for ShownUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text in which a URL was looked for: what stands before an `@` may be a password.
pub(crate) fn without_credentials(text: &str) -> String {
    let (dots, rest) = match text.rfind('@') {
        Some(at) => ("...", &text[at..]),
        None => ("", text),
    };
    dots.chars().chain(rest.chars()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r86_a_url_is_shown_without_credentials_and_not_at_length() {
        let shown = |text: &str| ShownUrl(&Url::parse(text).unwrap()).to_string();
        assert_eq!(shown("http://joe:pw@host:81/a?b#c"), "http://host:81/a?b#c");
        assert_eq!(shown("http://joe@host/x@y"), "http://host/x@y");
        assert_eq!(shown("joe:pw@host/x"), "...@host/x");
        let long = format!("http://joe:pw@host/?{}", "s".repeat(300));
        assert_eq!(shown(&long), format!("http://host/?{}...", "s".repeat(243)));
        assert_eq!(without_credentials("http://joe:pw@[bad"), "...@[bad");
        assert_eq!(without_credentials("no url"), "no url");
    }
}
