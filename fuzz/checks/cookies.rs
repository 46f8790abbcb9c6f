//! The cookie jar. The input: lines, the first byte of each of which names the site that sends the rest as `Set-Cookie`.
//!
//! - No site gets a cookie that it has no right to, over http none that is `Secure`.
//! - What is sent is what the jar holds, is a legal header, and is the same when asked for again.
//! - The limits hold.

use std::time::{Duration, SystemTime};

use glassloop::http::CookieJar;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use url::Url;

const SITES: [&str; 8] = [
    "https://a.example.org/x/y",
    "http://a.example.org/x/",
    "https://example.org/",
    "http://b.a.example.org/x/y/z",
    "http://localhost/x",
    "http://10.1.2.3/x",
    "http://[fd00::1]/x",
    "https://other.net/x/y",
];

pub fn check(data: &[u8]) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let jar = CookieJar::with_clock(move || now);
    let sites = SITES.map(|site| Url::parse(site).unwrap());
    for line in data.split(|&b| b == b'\n') {
        let Some((&site, line)) = line.split_first() else {
            continue;
        };
        if let Ok(value) = HeaderValue::from_bytes(line) {
            let url = &sites[usize::from(site) % sites.len()];
            jar.set_cookies(url, &HeaderMap::from_iter([(SET_COOKIE, value)]));
        }
    }
    let cookies = jar.cookies();
    for cookie in &cookies {
        let (name, value) = (cookie.name(), cookie.value());
        assert!(!name.is_empty() && !name.contains(['=', ';']) && !value.contains(';'));
        assert!(cookie.path().starts_with('/'));
        let end = cookie.expires();
        assert!(end.is_none_or(|end| end > now && end <= now + Duration::from_secs(400 * 86_400)));
        let domain = cookie.domain();
        let is_of = |host: &str| {
            host == domain || !cookie.is_host_only() && host.ends_with(&format!(".{domain}"))
        };
        let hosts = sites.iter().filter_map(Url::host_str);
        assert!(hosts.clone().any(is_of), "{cookie:?}");
        assert!(
            cookie.is_host_only() || domain.contains('.') || hosts.clone().any(|h| h == domain)
        );
        let lower = name.to_ascii_lowercase();
        assert!(!lower.starts_with("__secure-") || cookie.is_secure());
        let is_bound = cookie.is_secure() && cookie.is_host_only() && cookie.path() == "/";
        assert!(!lower.starts_with("__host-") || is_bound);
    }
    for url in &sites {
        let host = url.host_str().unwrap();
        let local = host == "localhost";
        let mut belonging: Vec<_> = cookies
            .iter()
            .filter(|cookie| match cookie.is_host_only() {
                true => host == cookie.domain(),
                false => {
                    host == cookie.domain() || host.ends_with(&format!(".{}", cookie.domain()))
                }
            })
            .filter(|cookie| !cookie.is_secure() || url.scheme() == "https" || local)
            .filter(|cookie| {
                let (path, of) = (url.path(), cookie.path());
                path == of
                    || path.starts_with(of)
                        && (of.ends_with('/') || path[of.len()..].starts_with('/'))
            })
            .collect();
        // The jar lists the oldest first.
        belonging.sort_by_key(|cookie| std::cmp::Reverse(cookie.path().len()));
        let pairs = belonging
            .iter()
            .map(|c| format!("{}={}", c.name(), c.value()));
        let expected = pairs.collect::<Vec<_>>().join("; ");
        let sent = jar.header_for(url);
        assert_eq!(sent, jar.header_for(url));
        let sent = sent.map_or_else(Vec::new, |value| value.as_bytes().to_vec());
        assert_eq!(String::from_utf8_lossy(&sent), expected);
    }
    for domain in ["a.example.org", "example.org", "localhost"] {
        assert!(
            cookies
                .iter()
                .filter(|cookie| cookie.domain() == domain)
                .count()
                <= 50
        );
    }
    jar.retain(|_| true);
    assert_eq!(jar.cookies().len(), cookies.len());
    jar.clear();
    assert!(jar.cookies().is_empty() && sites.iter().all(|url| jar.header_for(url).is_none()));
}
