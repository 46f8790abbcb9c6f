//! One cookie: what a `Set-Cookie` line says, judged by the URL that it came from (RFC 6265 section 5, with what RFC 6265bis
//! adds: prefixes, sizes, control characters, at most 400 days). The jar is in `cookies`.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::time::{Duration, SystemTime};

use url::{Host, Url};

use super::cookie_date;

/// Bytes of name and value together; a longer cookie is ignored.
const MAX_PAIR: usize = 4096;
/// A longer attribute is ignored.
const MAX_ATTRIBUTE: usize = 1024;
/// Nobody may ask to be remembered for longer.
const MAX_AGE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// A cookie of a [`CookieJar`](super::CookieJar). Its `Debug` form does not print the value, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    pub(super) domain: String,
    pub(super) host_only: bool,
    pub(super) path: String,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) expires: Option<SystemTime>,
    /// When it was first stored and last sent, on the jar's counter.
    pub(super) created: u64,
    pub(super) used: Cell<u64>,
}

impl Cookie {
    /// The name. What is not UTF-8 is replaced here, but sent as it came.
    pub fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }

    /// The value, quotes included. What is not UTF-8 is replaced here, but sent as it came.
    pub fn value(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }

    /// The host that it is sent to, and unless [`is_host_only`](Cookie::is_host_only) those below it. Lower case, no dot in front.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// It had no `Domain` attribute: only the host that set it gets it back.
    pub fn is_host_only(&self) -> bool {
        self.host_only
    }

    /// It is sent with this path and those below it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// It is sent over https only (and to this machine).
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The server does not want scripts to see it.
    pub fn is_http_only(&self) -> bool {
        self.http_only
    }

    /// When it is forgotten; `None`: with the jar.
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    /// The cookie that `line` sets when it comes from `site`; `None` if it sets none. One that is over by `now` deletes.
    pub(super) fn parse(line: &[u8], site: &Site<'_>, now: SystemTime) -> Option<Cookie> {
        if line.iter().any(|&b| b != b'\t' && b.is_ascii_control()) {
            return None;
        }
        let mut parts = line.split(|&b| b == b';');
        let (name, value) = halves(parts.next()?);
        let (name, value) = (name, value?);
        if name.is_empty() || name.len() + value.len() > MAX_PAIR {
            return None;
        }
        let said = Attributes::parse(parts, now);
        let (domain, host_only) = site.scope(said.domain.as_deref())?;
        if said.secure && !site.secure {
            return None;
        }
        let has_prefix = |prefix: &[u8]| {
            name.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let at_root = host_only && said.path.as_deref() == Some("/");
        if has_prefix(b"__Secure-") && !said.secure
            || has_prefix(b"__Host-") && !(said.secure && at_root)
        {
            return None;
        }
        Some(Cookie {
            name: name.to_vec(),
            value: value.to_vec(),
            domain,
            host_only,
            path: said
                .path
                .unwrap_or_else(|| default_path(site.path).to_owned()),
            secure: said.secure,
            http_only: said.http_only,
            expires: said.max_age.or(said.expires),
            created: 0,
            used: Cell::new(0),
        })
    }

    pub(super) fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    /// Whether a request to `site` carries it, if the site's host is in its domain.
    pub(super) fn suits(&self, site: &Site<'_>) -> bool {
        (!self.host_only || self.domain == site.host)
            && (!self.secure || site.secure)
            && path_match(site.path, &self.path)
    }

    /// One takes the place of the other.
    pub(super) fn same_as(&self, other: &Cookie) -> bool {
        self.name == other.name
            && self.domain == other.domain
            && self.host_only == other.host_only
            && self.path == other.path
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, size) = (self.name(), self.value.len());
        let Cookie { domain, path, .. } = self;
        write!(f, "<Cookie {name}=[{size} bytes] for {domain}{path}>")
    }
}

/// What matters of the URL that a cookie comes from or goes to.
pub(super) struct Site<'a> {
    pub(super) host: &'a str,
    /// An address has no domain above it.
    is_name: bool,
    /// Nobody on the way can read along: https, or this machine itself.
    pub(super) secure: bool,
    path: &'a str,
}

impl<'a> Site<'a> {
    pub(super) fn new(url: &'a Url) -> Option<Site<'a>> {
        let (is_name, loopback) = match url.host()? {
            Host::Domain(name) => (true, name == "localhost" || name.ends_with(".localhost")),
            Host::Ipv4(address) => (false, address.is_loopback()),
            Host::Ipv6(address) => (false, address.is_loopback()),
        };
        Some(Site {
            host: url.host_str()?,
            is_name,
            secure: loopback || matches!(url.scheme(), "https" | "wss"),
            path: url.path(),
        })
    }

    /// The host and, of a name, the domains above it.
    pub(super) fn domains(&self) -> impl Iterator<Item = &'a str> {
        let up = |domain: &&'a str| domain.split_once('.').map(|(_, up)| up);
        let is_name = self.is_name;
        std::iter::successors(Some(self.host), move |domain| {
            up(domain).filter(|_| is_name)
        })
    }

    /// The domain of a cookie with that `Domain` attribute, and whether it is for the host alone; `None` if the site has no
    /// right to it.
    fn scope(&self, domain: Option<&str>) -> Option<(String, bool)> {
        let Some(domain) = domain.filter(|domain| *domain != self.host) else {
            let host_only =
                domain.is_none() || !self.is_name || is_public_suffix(domain.unwrap_or_default());
            return Some((self.host.to_owned(), host_only));
        };
        let allowed = self.is_name && is_below(self.host, domain) && !is_public_suffix(domain);
        allowed.then(|| (domain.to_owned(), false))
    }
}

/// Whether `host` is a true subdomain of `domain`.
pub(super) fn is_below(host: &str, domain: &str) -> bool {
    let above = host.strip_suffix(domain);
    above.is_some_and(|above| above.len() > 1 && above.ends_with('.'))
}

/// Whether `domain` is one under which anybody can have a name, like `com` or `co.uk`: no cookie is for all of it.
#[cfg(feature = "psl")]
fn is_public_suffix(domain: &str) -> bool {
    psl::suffix_str(domain) == Some(domain)
}

/// Whether `domain` is one under which anybody can have a name. Without the list of feature `psl`: one without a dot.
#[cfg(not(feature = "psl"))]
fn is_public_suffix(domain: &str) -> bool {
    !domain.contains('.')
}

pub(super) fn path_match(path: &str, cookie: &str) -> bool {
    let rest = path.strip_prefix(cookie);
    rest.is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

/// The path up to its last slash.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(end) => &path[..end],
    }
}

/// The attributes of a `Set-Cookie` line; the last one of a name counts.
#[derive(Default)]
struct Attributes {
    domain: Option<String>,
    path: Option<String>,
    secure: bool,
    http_only: bool,
    expires: Option<SystemTime>,
    max_age: Option<SystemTime>,
}

impl Attributes {
    fn parse<'a>(parts: impl Iterator<Item = &'a [u8]>, now: SystemTime) -> Attributes {
        let mut said = Attributes::default();
        let latest = now + MAX_AGE;
        for part in parts {
            let (name, value) = halves(part);
            let value = value.unwrap_or_default();
            if value.len() > MAX_ATTRIBUTE {
                continue;
            }
            let text = || String::from_utf8_lossy(value);
            match name.to_ascii_lowercase().as_slice() {
                b"domain" if !value.is_empty() => {
                    let domain = text().to_ascii_lowercase();
                    said.domain = Some(domain.strip_prefix('.').unwrap_or(&domain).to_owned());
                }
                b"path" => said.path = Some(text().into_owned()).filter(|p| p.starts_with('/')),
                b"secure" => said.secure = true,
                b"httponly" => said.http_only = true,
                b"expires" => {
                    let end = cookie_date::parse(value);
                    said.expires = end.map(|end| end.min(latest)).or(said.expires);
                }
                b"max-age" => {
                    let age = max_age(value).map(|age| now + age.min(MAX_AGE));
                    said.max_age = age.or(said.max_age);
                }
                _ => {}
            }
        }
        said
    }
}

/// Seconds; none for a negative number, `None` for what is no number.
fn max_age(value: &[u8]) -> Option<Duration> {
    let (negative, digits) = match value {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = digits.iter().fold(0u64, |sum, digit| {
        let digit = u64::from(digit - b'0');
        sum.saturating_mul(10).saturating_add(digit)
    });
    Some(Duration::from_secs(if negative { 0 } else { seconds }))
}

/// What stands before and after the first `=`, without the blanks around it.
fn halves(part: &[u8]) -> (&[u8], Option<&[u8]>) {
    match part.iter().position(|&b| b == b'=') {
        Some(at) => (trim(&part[..at]), Some(trim(&part[at + 1..]))),
        None => (trim(part), None),
    }
}

/// Without spaces and tabs at the ends; nothing else is white space here.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_paths_and_path_matches() {
        for (path, default) in [
            ("/", "/"),
            ("/a", "/"),
            ("/a/", "/a"),
            ("/a/b", "/a"),
            ("", "/"),
        ] {
            assert_eq!(default_path(path), default, "{path}");
        }
        for (path, cookie, matches) in [
            ("/", "/", true),
            ("/a", "/", true),
            ("/a", "/a", true),
            ("/a/b", "/a", true),
            ("/a/b", "/a/", true),
            ("/ab", "/a", false),
            ("/a", "/a/", false),
            ("/A", "/a", false),
        ] {
            assert_eq!(path_match(path, cookie), matches, "{path} {cookie}");
        }
    }

    #[test]
    fn max_ages() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("60", Some(60)),
            ("-1", Some(0)),
            ("-", None),
            ("", None),
            ("+1", None),
            ("1.5", None),
            ("99999999999999999999999", Some(u64::MAX)),
        ] {
            assert_eq!(
                max_age(text.as_bytes()),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        }
    }

    #[test]
    fn domains_of_a_site() {
        for (url, domains) in [
            (
                "http://a.example.org/",
                &["a.example.org", "example.org", "org"][..],
            ),
            ("http://127.0.0.1/", &["127.0.0.1"]),
            ("http://[::1]/", &["[::1]"]),
        ] {
            let url = Url::parse(url).unwrap();
            let site = Site::new(&url).unwrap();
            assert_eq!(site.domains().collect::<Vec<_>>(), domains);
        }
        assert!(Site::new(&Url::parse("data:x").unwrap()).is_none());
    }
}
