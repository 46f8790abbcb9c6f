//! Redirects: where they lead, what becomes of the request, and what another origin does not get to see.

use std::rc::Rc;

use http::header::{HOST, LOCATION};
use http::{Method, StatusCode};
use url::Url;

use crate::http::auth::has_credentials;
use crate::http::body::Body;
use crate::http::error::ErrorKind;
use crate::http::into_url::check_url;
use crate::http::parse_error::quote;
use crate::http::parser::ResponseHead;
use crate::http::request::{Request, is_about_content, is_secret};
use crate::http::shown::without_credentials;

/// Where the response to a request for `from` leads; `None` if it is no redirect.
pub(crate) fn target(from: &Url, head: &ResponseHead) -> Option<Result<Url, ErrorKind>> {
    if !matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let mut locations = head.headers().get_all(LOCATION).iter();
    let location = locations.next()?;
    if locations.any(|other| other != location) {
        let why = "the response leads to two places (Location)".to_owned();
        return Some(Err(ErrorKind::Redirect(why)));
    }
    Some(resolve(from, location.as_bytes()).map_err(ErrorKind::Redirect))
}

fn resolve(from: &Url, location: &[u8]) -> Result<Url, String> {
    // Bytes that are no UTF-8 are meant as they are.
    let text = match std::str::from_utf8(location) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            percent_encoding::percent_encode(location, percent_encoding::CONTROLS).to_string()
        }
    };
    let mut next = from.join(&text).map_err(|error| {
        let shown = quote(without_credentials(&text).as_bytes());
        format!("the Location {shown} is no URL: {error}")
    })?;
    check_url(&next).map_err(|why| format!("the redirect cannot be followed: {why}"))?;
    if has_credentials(&next) {
        return Err("the Location has credentials in it".to_owned());
    }
    if next.fragment().is_none() {
        next.set_fragment(from.fragment());
    }
    Ok(next)
}

impl Request {
    /// Turns into the request that follows a redirect with `status` to `next`.
    pub(crate) fn redirect(&mut self, status: StatusCode, next: Rc<Url>) -> Result<(), ErrorKind> {
        let becomes_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::HEAD && self.method != Method::GET,
            _ => false,
        };
        let is_origin = self.url[..url::Position::BeforePath] == next[..url::Position::BeforePath];
        if becomes_get {
            self.method = Method::GET;
            self.body = Body::empty();
            self.chunked = false;
        } else if !self.body.can_be_sent() {
            return Err(ErrorKind::BodyNotReplayable);
        }
        let given = std::mem::take(&mut self.headers);
        let mut last = None;
        for (name, value) in given {
            // A name comes with its first value only.
            let Some(name) = name.or_else(|| last.take()) else {
                continue;
            };
            let is_dropped = becomes_get && is_about_content(&name)
                || !is_origin && (is_secret(&name) || name == HOST);
            if !is_dropped {
                self.headers.append(name.clone(), value);
            }
            last = Some(name);
        }
        if !is_origin {
            self.cookies.clear();
            self.is_abroad = true;
        }
        self.url = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::limits::ClientTimeout;
    use http::HeaderValue;
    use http::header::{AUTHORIZATION, COOKIE};

    /// What of the secrets of a request for `from` goes on to `to`.
    fn kept(from: &str, to: &str) -> bool {
        let from = Rc::new(from.parse().unwrap());
        let mut request = Request::new(Method::GET, from, ClientTimeout::default());
        for (name, value) in [(AUTHORIZATION, "a"), (COOKIE, "b"), (COOKIE, "c")] {
            request
                .headers
                .append(name, HeaderValue::from_static(value));
        }
        request.cookies.push("d=e".to_owned());
        let next = Rc::new(to.parse().unwrap());
        request.redirect(StatusCode::FOUND, next).unwrap();
        let secrets = request.headers.len() + request.cookies.len();
        assert!(secrets == 0 || secrets == 4, "{secrets}");
        secrets == 4
    }

    #[test]
    fn r71_which_redirects_leave_the_origin() {
        assert!(kept("http://x.example/a", "http://x.example/b?c"));
        assert!(kept("http://x.example/a", "http://X.EXAMPLE:80/b"));
        for to in [
            "https://x.example/a",
            "http://x.example:81/a",
            "http://y.example/a",
            "http://www.x.example/a",
            "http://x.example./a",
        ] {
            assert!(!kept("http://x.example/a", to), "{to}");
        }
        assert!(!kept("https://x.example/a", "http://x.example/a"));
        assert!(!kept("https://x.example/a", "https://x.example:80/a"));
    }
}
