//! The cookie jar: which cookies a session keeps, and which of them a request carries (RFC 6265 sections 5.3 and 5.4, R74).
//! What a single line says is in `cookie`.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::rc::Rc;
use std::time::SystemTime;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use url::Url;

use super::cookie::{Cookie, Site, is_below, path_match};

/// Cookies of one domain.
const MAX_PER_DOMAIN: usize = 50;
/// Cookies in all.
const MAX_COOKIES: usize = 3000;

/// Cookies, kept by the rules of RFC 6265. Clones share them, so that one jar can serve several sessions, or be looked into.
///
/// A domain has at most 50 and the jar 3,000; beyond that the one that was sent longest ago goes, in a domain those without
/// `Secure` first. What a site may not set (for another domain, for a public suffix, `Secure` over http, larger than 4,096
/// bytes) is ignored. Without feature `psl` only names without a dot count as public suffixes. `SameSite` is ignored: a client
/// that follows no links and runs no scripts is always asked by its user.
///
/// aiohttp's `CookieJar`; its `filter_cookies` is [`header_for`](CookieJar::header_for), its `update_cookies`
/// [`set`](CookieJar::set).
///
/// ```
/// use glassloop::http::CookieJar;
///
/// let (jar, url) = (CookieJar::new(), "https://example.org/account".parse()?);
/// assert!(jar.set(&url, "id=7; Path=/; Secure"));
/// assert_eq!(jar.header_for(&url).unwrap(), "id=7");
/// assert_eq!(jar.header_for(&"http://example.org/".parse()?), None);
/// # Ok::<(), url::ParseError>(())
/// ```
#[derive(Clone)]
pub struct CookieJar {
    shared: Rc<Shared>,
}

struct Shared {
    store: RefCell<Store>,
    clock: Box<dyn Fn() -> SystemTime>,
}

/// The cookies that a response from `url` sets.
pub(crate) fn set_by(url: &Url, headers: &HeaderMap) -> Vec<Cookie> {
    let Some(site) = Site::new(url) else {
        return Vec::new();
    };
    let lines = headers.get_all(SET_COOKIE).iter();
    let now = SystemTime::now();
    let cookies = lines.filter_map(|line| Cookie::parse(line.as_bytes(), &site, now));
    cookies.collect()
}

#[derive(Default)]
struct Store {
    /// By domain. A request looks up its host and the domains above it, and no others.
    domains: HashMap<String, Vec<Cookie>>,
    count: usize,
    /// Counts stored and sent cookies: the order of both.
    tick: u64,
}

impl Default for CookieJar {
    fn default() -> CookieJar {
        CookieJar::new()
    }
}

impl CookieJar {
    /// An empty jar.
    pub fn new() -> CookieJar {
        CookieJar::with_clock(SystemTime::now)
    }

    /// An empty jar that reads the time from `clock`, for tests of what expires.
    pub fn with_clock(clock: impl Fn() -> SystemTime + 'static) -> CookieJar {
        CookieJar {
            shared: Rc::new(Shared {
                store: RefCell::default(),
                clock: Box::new(clock),
            }),
        }
    }

    /// Stores what the `Set-Cookie` lines of a response from `url` say.
    pub fn set_cookies(&self, url: &Url, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            self.store(url, line.as_bytes());
        }
    }

    /// Stores one cookie as if a response from `url` had set it, in the form `name=value; Path=/; Max-Age=60`. Says whether it
    /// was acceptable.
    pub fn set(&self, url: &Url, line: &str) -> bool {
        self.store(url, line.as_bytes())
    }

    /// The `Cookie` header of a request to `url`; `None` without cookies for it. Longer paths come first, then older cookies.
    pub fn header_for(&self, url: &Url) -> Option<HeaderValue> {
        let store = &mut *self.shared.store.borrow_mut();
        if store.count == 0 {
            return None;
        }
        let (site, now) = (Site::new(url)?, (self.shared.clock)());
        let domains = site
            .domains()
            .filter_map(|domain| store.domains.get(domain));
        let suiting = |cookie: &&Cookie| cookie.suits(&site) && !cookie.is_expired(now);
        let mut chosen: Vec<&Cookie> = domains.flatten().filter(suiting).collect();
        if chosen.is_empty() {
            return None;
        }
        chosen.sort_by_key(|cookie| (Reverse(cookie.path.len()), cookie.created));
        let mut line = Vec::new();
        for cookie in chosen {
            store.tick += 1;
            cookie.used.set(store.tick);
            if !line.is_empty() {
                line.extend_from_slice(b"; ");
            }
            line.extend_from_slice(&cookie.name);
            line.push(b'=');
            line.extend_from_slice(&cookie.value);
        }
        // No control character comes into the jar.
        let mut header = HeaderValue::from_bytes(&line).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// The cookies that have not expired, oldest first.
    pub fn cookies(&self) -> Vec<Cookie> {
        let now = (self.shared.clock)();
        let store = self.shared.store.borrow();
        let all = store.domains.values().flatten();
        let mut cookies: Vec<Cookie> = all.filter(|c| !c.is_expired(now)).cloned().collect();
        cookies.sort_by_key(|cookie| cookie.created);
        cookies
    }

    /// Forgets those for which `keep` is false.
    pub fn retain(&self, mut keep: impl FnMut(&Cookie) -> bool) {
        // The jar is not borrowed while `keep` runs, which may use it. No two cookies have the same moment of creation.
        let cookies = self.cookies();
        let forgotten = cookies.iter().filter(|cookie| !keep(cookie));
        let forgotten: HashSet<u64> = forgotten.map(|cookie| cookie.created).collect();
        let mut store = self.shared.store.borrow_mut();
        store.keep(|cookie| !forgotten.contains(&cookie.created));
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.retain(|_| false);
    }

    fn store(&self, url: &Url, line: &[u8]) -> bool {
        let now = (self.shared.clock)();
        let Some(site) = Site::new(url) else {
            return false;
        };
        let Some(cookie) = Cookie::parse(line, &site, now) else {
            return false;
        };
        let mut store = self.shared.store.borrow_mut();
        if !site.secure && store.is_overlaid(&cookie) {
            return false;
        }
        store.insert(cookie, now);
        true
    }
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<CookieJar {} cookies>",
            self.shared.store.borrow().count
        )
    }
}

impl Store {
    /// Whether a cookie that came over http would hide one that came over https, which somebody on the way may want.
    fn is_overlaid(&self, new: &Cookie) -> bool {
        let related =
            |of: &str| of == new.domain || is_below(of, &new.domain) || is_below(&new.domain, of);
        let domains = self.domains.iter().filter(|(domain, _)| related(domain));
        domains.flat_map(|(_, cookies)| cookies).any(|cookie| {
            cookie.secure && cookie.name == new.name && path_match(&new.path, &cookie.path)
        })
    }

    fn insert(&mut self, mut new: Cookie, now: SystemTime) {
        self.tick += 1;
        new.created = self.tick;
        new.used.set(self.tick);
        let cookies = self.domains.entry(new.domain.clone()).or_default();
        let before = cookies.len();
        cookies.retain(|old| {
            let same = old.same_as(&new);
            if same {
                new.created = old.created;
            }
            !same && !old.is_expired(now)
        });
        let domain = new.domain.clone();
        if !new.is_expired(now) {
            cookies.push(new);
            if cookies.len() > MAX_PER_DOMAIN {
                let least =
                    (0..cookies.len()).min_by_key(|&i| (cookies[i].secure, cookies[i].used.get()));
                cookies.remove(least.unwrap_or_default());
            }
        }
        self.count = self.count - before + cookies.len();
        if cookies.is_empty() {
            self.domains.remove(&domain);
        }
        if self.count > MAX_COOKIES {
            self.evict(now);
        }
    }

    /// Makes room: what has expired goes, and if nothing has, the cookie that was sent longest ago.
    fn evict(&mut self, now: SystemTime) {
        let all = self.domains.values().flatten();
        let last = all
            .map(|cookie| cookie.used.get())
            .min()
            .unwrap_or_default();
        let any_expired = |cookies: &Vec<Cookie>| cookies.iter().any(|c| c.is_expired(now));
        let expired = self.domains.values().any(any_expired);
        self.keep(|cookie| match expired {
            true => !cookie.is_expired(now),
            false => cookie.used.get() != last,
        });
    }

    fn keep(&mut self, mut keep: impl FnMut(&Cookie) -> bool) {
        self.domains.retain(|_, cookies| {
            cookies.retain(&mut keep);
            !cookies.is_empty()
        });
        self.count = self.domains.values().map(Vec::len).sum();
    }
}
