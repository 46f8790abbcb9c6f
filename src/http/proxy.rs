//! Proxies: which one a URL goes through, and the CONNECT that makes a tunnel through it.

use std::net::IpAddr;
use std::rc::Rc;

use http::HeaderValue;
use http::header::{HOST, PROXY_AUTHORIZATION};
use url::{Position, Url};

use crate::http::auth;
use crate::http::error::ErrorKind;
use crate::http::into_url::IntoUrl;
use crate::http::shown::without_credentials;
use crate::text::shown_as;

/// An HTTP proxy, `http://host:port`, perhaps with user name and password. Plain requests are handed to it; for `https` it is
/// asked for a tunnel.
#[derive(Clone)]
pub struct Proxy {
    pub(crate) url: Url,
    /// The credentials, which only the proxy sees.
    pub(crate) authorization: Option<HeaderValue>,
    /// What does not go through it.
    exempt: Vec<String>,
}

shown_as! { Proxy => "<Proxy>" }

impl Proxy {
    /// The proxy at `url`; `host:port` is one as well.
    ///
    /// # Errors
    /// A sentence that says why it cannot be one.
    pub fn new(url: impl IntoUrl) -> Result<Proxy, String> {
        let bare = url.as_text().filter(|text| !text.contains("://"));
        let parsed = match bare.map(|text| format!("http://{text}")) {
            Some(text) => text.into_url(),
            None => url.into_url(),
        };
        let mut url = parsed.map_err(|(text, error)| {
            let shown = without_credentials(&text);
            format!("the proxy {shown:?} is no URL: {error}")
        })?;
        if url.scheme() != "http" {
            let scheme = url.scheme();
            return Err(format!(
                "a proxy of scheme {scheme} is not supported, http is"
            ));
        }
        let authorization = auth::has_credentials(&url).then(|| auth::take_credentials(&mut url));
        Ok(Proxy {
            url,
            authorization,
            exempt: Vec::new(),
        })
    }

    /// What does not go through it, in the form of the environment's `NO_PROXY`: names with all below them, addresses,
    /// networks (`10.0.0.0/8`), each perhaps with a port, between commas; `*` is everything.
    pub fn no_proxy(mut self, list: &str) -> Proxy {
        self.exempt = entries(list);
        self
    }

    /// What tells it from other proxies.
    pub(crate) fn name(&self) -> String {
        self.name_with(self.authorization.as_ref())
    }

    /// The same, where a request brings credentials of its own.
    pub(crate) fn name_with(&self, authorization: Option<&HeaderValue>) -> String {
        let secret = authorization.map_or(&b""[..], |value| value.as_bytes());
        format!("{} {}", self.address(), secret.escape_ascii())
    }

    pub(crate) fn address(&self) -> &str {
        &self.url[..Position::BeforePath]
    }

    /// The request for a tunnel to `host:port`, with these credentials.
    pub(crate) fn connect_request(target: &str, authorization: Option<&HeaderValue>) -> Vec<u8> {
        let mut out = format!("CONNECT {target} HTTP/1.1\r\n{HOST}: {target}\r\n").into_bytes();
        if let Some(value) = authorization {
            out.extend_from_slice(PROXY_AUTHORIZATION.as_str().as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}

macro_rules! from_url {
    ($($url:ty),*) => {$(
        impl TryFrom<$url> for Proxy {
            type Error = String;

            fn try_from(url: $url) -> Result<Proxy, String> {
                Proxy::new(url)
            }
        }
    )*};
}

from_url!(&str, String, &String, Url, &Url);

/// The proxies of a session.
#[derive(Clone, Default)]
pub(crate) struct Proxies {
    http: Option<Named>,
    https: Option<Named>,
    exempt: Vec<String>,
}

/// A proxy; or why there is none, which is an error only of a request that would go through it.
type Named = Result<Rc<Proxy>, String>;

impl Proxies {
    pub(crate) fn all(mut proxy: Proxy) -> Proxies {
        let exempt = std::mem::take(&mut proxy.exempt);
        let proxy = Rc::new(proxy);
        Proxies {
            http: Some(Ok(proxy.clone())),
            https: Some(Ok(proxy)),
            exempt,
        }
    }

    /// Those of the environment, which `read` looks into.
    pub(crate) fn from_environment(read: impl Fn(&str) -> Option<String>) -> Proxies {
        let read = |name: &'static str| {
            let value = read(name).filter(|value| !value.is_empty());
            value.map(|value| (name, value))
        };
        // A CGI program is told its client's header `Proxy` as HTTP_PROXY.
        let is_cgi = read("REQUEST_METHOD").is_some();
        let http = read("http_proxy").or_else(|| read("HTTP_PROXY").filter(|_| !is_cgi));
        let https = read("https_proxy").or_else(|| read("HTTPS_PROXY"));
        let all = || read("all_proxy").or_else(|| read("ALL_PROXY"));
        let make = |(name, value): (&str, String)| {
            let proxy = Proxy::new(value).map(Rc::new);
            proxy.map_err(|why| format!("{name} in the environment: {why}"))
        };
        let exempt = read("no_proxy").or_else(|| read("NO_PROXY"));
        let exempt = exempt.map_or(String::new(), |(_, value)| value);
        Proxies {
            http: http.or_else(all).map(make),
            https: https.or_else(all).map(make),
            exempt: entries(&exempt),
        }
    }

    /// The proxy for `url`, if it goes through one.
    pub(crate) fn of(&self, url: &Url) -> Result<Option<&Rc<Proxy>>, ErrorKind> {
        let named = match url.scheme() {
            "https" => self.https.as_ref(),
            _ => self.http.as_ref(),
        };
        match named.filter(|_| !self.exempt.iter().any(|entry| is_exempt(entry, url))) {
            None => Ok(None),
            Some(Ok(proxy)) => Ok(Some(proxy)),
            Some(Err(why)) => Err(ErrorKind::Proxy(why.clone())),
        }
    }
}

/// Those of a NO_PROXY.
fn entries(list: &str) -> Vec<String> {
    let entries = list.split([',', ' ']).filter(|entry| !entry.is_empty());
    entries.map(str::to_ascii_lowercase).collect()
}

/// An entry of NO_PROXY: `*`, a name and all below it, an address, a network, each perhaps with a port.
fn is_exempt(entry: &str, url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if entry == "*" {
        return true;
    }
    let address = host.parse::<IpAddr>().ok();
    if let Some((network, bits)) = entry.split_once('/') {
        return match (address, network.parse(), bits.parse()) {
            (Some(address), Ok(network), Ok(bits)) => is_within(address, network, bits),
            _ => false,
        };
    }
    let bare = entry.trim_start_matches('[');
    let (name, port) = match bare.rsplit_once(':') {
        _ if entry.parse::<IpAddr>().is_ok() => (entry, None),
        Some((name, port)) => (name.trim_end_matches(']'), port.parse::<u16>().ok()),
        None => (bare.trim_end_matches(']'), None),
    };
    if port.is_some() && port != url.port_or_known_default() {
        return false;
    }
    if let Some(address) = address {
        return name.parse() == Ok(address);
    }
    let name = name.trim_start_matches('.');
    host == name
        || host
            .strip_suffix(name)
            .is_some_and(|front| front.ends_with('.'))
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let differs = u32::from(address) ^ u32::from(network);
            differs.checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let differs = u128::from(address) ^ u128::from(network);
            differs.checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(environment: &[(&str, &str)], url: &str) -> Option<String> {
        let read = |name: &str| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let proxies = Proxies::from_environment(read);
        let proxy = proxies.of(&Url::parse(url).unwrap());
        proxy.unwrap().map(|proxy| proxy.address().to_owned())
    }

    #[test]
    fn r75_the_environment_names_a_proxy_for_each_scheme() {
        let both = [("http_proxy", "http://a:1"), ("HTTPS_PROXY", "b:2")];
        assert_eq!(proxy_of(&both, "http://x/").as_deref(), Some("http://a:1"));
        assert_eq!(proxy_of(&both, "https://x/").as_deref(), Some("http://b:2"));
        let all = [("ALL_PROXY", "http://c:3")];
        assert_eq!(proxy_of(&all, "https://x/").as_deref(), Some("http://c:3"));
        assert_eq!(proxy_of(&[], "http://127.0.0.1/"), None);
        assert!(proxy_of(&all, "http://127.0.0.1/").is_some());
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_an_error_only_where_it_is_needed() {
        let proxies = |exempt: &'static str| {
            Proxies::from_environment(move |name| match name {
                "http_proxy" => Some("http://a:1".to_owned()),
                "ALL_PROXY" => Some("socks5h://joe:pw@b:2".to_owned()),
                "no_proxy" => Some(exempt.to_owned()),
                _ => None,
            })
        };
        let of = |exempt, url: &str| {
            let proxies = proxies(exempt);
            let proxy = proxies.of(&Url::parse(url).unwrap());
            proxy.map(|proxy| proxy.map(|proxy| proxy.address().to_owned()))
        };
        assert_eq!(of("", "http://x/").unwrap().as_deref(), Some("http://a:1"));
        assert_eq!(of("*", "https://x/").unwrap(), None);
        let why =
            "ALL_PROXY in the environment: a proxy of scheme socks5h is not supported, http is";
        assert_eq!(of("", "https://x/").unwrap_err().to_string(), why);
    }

    #[test]
    fn r75_a_cgi_program_does_not_believe_http_proxy() {
        let cgi = [("HTTP_PROXY", "http://evil"), ("REQUEST_METHOD", "GET")];
        assert_eq!(proxy_of(&cgi, "http://x/"), None);
        assert!(proxy_of(&cgi[..1], "http://x/").is_some());
    }

    #[test]
    fn r75_no_proxy_knows_names_ports_and_networks() {
        let exempt = |entries: &str, url: &str| {
            proxy_of(&[("ALL_PROXY", "http://p"), ("NO_PROXY", entries)], url).is_none()
        };
        for (entries, url, expected) in [
            ("*", "http://x/", true),
            ("example.com", "http://example.com/", true),
            ("example.com", "http://a.example.com/", true),
            (".example.com", "http://a.example.com/", true),
            ("example.com", "http://badexample.com/", false),
            ("a, example.com:8080", "http://example.com:8080/", true),
            ("example.com:8080", "http://example.com/", false),
            ("example.com:443", "https://example.com/", true),
            ("10.0.0.0/8", "http://10.1.2.3/", true),
            ("10.0.0.0/8", "http://11.1.2.3/", false),
            ("0.0.0.0/0", "http://11.1.2.3/", true),
            ("127.0.0.1", "http://0x7f.1/", true),
            ("1.2.3.4", "http://1.2.3.4.example.com/", false),
            ("::1", "http://[::1]:8/", true),
            ("[::1]:8", "http://[::1]:8/", true),
            ("[::1]:9", "http://[::1]:8/", false),
            ("fd00::/8", "http://[fd12::1]/", true),
        ] {
            assert_eq!(exempt(entries, url), expected, "{entries} {url}");
        }
    }

    #[test]
    fn r75_a_tunnel_is_asked_for_with_the_proxys_credentials() {
        let proxy = Proxy::new("http://user:pa%20ss@proxy:3128/").unwrap();
        let request = Proxy::connect_request("example.com:443", proxy.authorization.as_ref());
        let expected = "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\nproxy-authorization: Basic dXNlcjpwYSBzcw==\r\n\r\n";
        assert_eq!(String::from_utf8(request).unwrap(), expected);
        assert_eq!(proxy.address(), "http://proxy:3128");
    }

    #[test]
    fn r53_another_password_is_another_proxy() {
        let name = |url: &str| Proxy::new(url).unwrap().name();
        assert_eq!(name("http://p:1/"), name("http://p:1"));
        let names = [
            "http://p:1",
            "http://p:2",
            "http://a:b@p:1",
            "http://a:c@p:1",
        ]
        .map(name);
        for (at, one) in names.iter().enumerate() {
            assert!(!names[at + 1..].contains(one), "{one}");
        }
    }
}
