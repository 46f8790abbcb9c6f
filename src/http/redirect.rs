//! Redirects: where they lead, what becomes of the request, and what another origin does not get to see.

use std::rc::Rc;

use http::header::{HOST, HeaderMap, LOCATION};
use http::{Method, StatusCode};
use url::Url;

use crate::http::body::Body;
use crate::http::error::ErrorKind;
use crate::http::parser::ResponseHead;
use crate::http::request::{Request, is_about_content, is_secret};
use crate::http::request_builder::check_url;

/// A response on the way to the final one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Hop {
    /// The URL that was asked.
    pub url: Url,
    /// The status of its answer.
    pub status: StatusCode,
    /// The header fields of its answer.
    pub headers: HeaderMap,
}

/// Which redirects are followed: see [`SessionBuilder::redirects`](crate::http::SessionBuilder::redirects).
#[derive(Clone)]
pub struct Policy(Kind);

type Follow = dyn Fn(&Url, &[Hop]) -> bool;

#[derive(Clone)]
enum Kind {
    Limited(usize),
    Custom(Rc<Follow>),
}

impl Default for Policy {
    fn default() -> Policy {
        Policy::limited(10)
    }
}

impl Policy {
    /// So many are followed; one more is an error.
    pub fn limited(redirects: usize) -> Policy {
        Policy(Kind::Limited(redirects))
    }

    /// None is followed: it is the response.
    pub fn none() -> Policy {
        Policy::limited(0)
    }

    /// Those are followed for which `follow` says yes, given where it leads and what lies behind (the redirect itself is the
    /// last one of these). Else it is the response.
    pub fn custom(follow: impl Fn(&Url, &[Hop]) -> bool + 'static) -> Policy {
        Policy(Kind::Custom(Rc::new(follow)))
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self.0, Kind::Limited(0))
    }

    /// Whether to go to `next` after `history`.
    pub(crate) fn follows(&self, next: &Url, history: &[Hop]) -> Result<bool, ErrorKind> {
        match &self.0 {
            Kind::Custom(follow) => Ok(follow(next, history)),
            Kind::Limited(most) if history.len() <= *most => Ok(true),
            Kind::Limited(_) => {
                let urls = history.iter().map(|hop| hop.url.clone());
                Err(ErrorKind::TooManyRedirects(urls.collect()))
            }
        }
    }
}

/// Where the response to a request for `from` leads; `None` if it is no redirect.
pub(crate) fn target(from: &Url, head: &ResponseHead) -> Option<Result<Url, ErrorKind>> {
    if !matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let mut locations = head.headers.get_all(LOCATION).iter();
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
    let quoted: String = text.escape_debug().take(64).collect();
    let mut next = from
        .join(&text)
        .map_err(|error| format!("the Location \"{quoted}\" is no URL: {error}"))?;
    check_url(&next).map_err(|why| format!("the redirect cannot be followed: {why}"))?;
    if !next.username().is_empty() || next.password().is_some() {
        return Err("the Location has credentials in it".to_owned());
    }
    if next.fragment().is_none() {
        next.set_fragment(from.fragment());
    }
    Ok(next)
}

impl Request {
    /// Turns into the request that follows a redirect with `status` to `next`.
    pub(crate) fn redirect(&mut self, status: StatusCode, next: Url) -> Result<(), ErrorKind> {
        let parts = &mut self.parts;
        let becomes_get = match status.as_u16() {
            301 | 302 => parts.method == Method::POST,
            303 => parts.method != Method::HEAD && parts.method != Method::GET,
            _ => false,
        };
        let is_origin = self.url[..url::Position::BeforePath] == next[..url::Position::BeforePath];
        if becomes_get {
            parts.method = Method::GET;
            parts.body = Body::empty();
            parts.chunked = false;
        } else if !parts.body.can_be_sent() {
            return Err(ErrorKind::BodyNotReplayable);
        }
        let given = std::mem::take(&mut parts.headers);
        let mut last = None;
        for (name, value) in given {
            // A name comes with its first value only.
            let Some(name) = name.or_else(|| last.take()) else {
                continue;
            };
            let is_dropped = becomes_get && is_about_content(&name)
                || !is_origin && (is_secret(&name) || name == HOST);
            if !is_dropped {
                parts.headers.append(name.clone(), value);
            }
            last = Some(name);
        }
        if !is_origin {
            parts.cookies.clear();
            self.is_abroad = true;
        }
        self.url = next;
        Ok(())
    }
}

impl Hop {
    pub(crate) fn new(url: &Url, head: &ResponseHead) -> Hop {
        Hop {
            url: url.clone(),
            status: head.status,
            headers: head.headers.clone(),
        }
    }
}
