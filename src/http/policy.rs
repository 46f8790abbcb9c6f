//! Which redirects are followed, and what is remembered of those that were.

use std::fmt;
use std::rc::Rc;

use http::{HeaderMap, StatusCode};
use url::Url;

use crate::http::error::ErrorKind;
use crate::http::parser::ResponseHead;
use crate::http::shown::ShownUrl;
use crate::text::shown_as;

/// A response on the way to the final one.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hop {
    /// The URL that was asked.
    pub url: Url,
    /// The status of its answer.
    pub status: StatusCode,
    /// The header fields of its answer.
    pub headers: HeaderMap,
}

/// Which redirects are followed: see [`SessionBuilder::redirect`](crate::http::SessionBuilder::redirect).
#[derive(Clone)]
pub struct Policy(Kind);

shown_as! { Policy => "<Policy>" }

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
    /// So many are followed; one more is [`ErrorKind::TooManyRedirects`]. aiohttp's `max_redirects`.
    pub fn limited(redirects: usize) -> Policy {
        Policy(Kind::Limited(redirects))
    }

    /// None is followed: it is the response. aiohttp's `allow_redirects=False`.
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

impl Hop {
    pub(crate) fn new(url: &Url, head: &ResponseHead) -> Hop {
        Hop {
            url: url.clone(),
            status: head.status,
            headers: head.headers().clone(),
        }
    }
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop")
            .field("url", &ShownUrl(&self.url))
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish()
    }
}
