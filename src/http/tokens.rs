//! The members of a header field that is a list, as `Connection: keep-alive, Upgrade`.

use http::HeaderMap;
use http::header::HeaderName;

/// All of the lines of this name, in their order, without the white space around them. A line that is no text has none.
pub(crate) fn tokens<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let lines = headers.get_all(name).into_iter();
    let text = lines.filter_map(|line| line.to_str().ok());
    text.flat_map(|line| line.split(',')).map(str::trim)
}

/// Whether this token is among them, in any case.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}
