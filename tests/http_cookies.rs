//! The cookie jar: the cases of the IETF's http-state group where they are beside the checkout, and a table of our own.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use glassloop::http::CookieJar;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use url::Url;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// What a jar sends to `to` after a response from `from` with these lines.
fn sent(from: &str, lines: &[&str], to: &str) -> String {
    let jar = CookieJar::new();
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(SET_COOKIE, HeaderValue::from_str(line).unwrap());
    }
    jar.set_cookies(&url(from), &headers);
    let header = jar.header_for(&url(to));
    header.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

/// The cases that their authors had switched off, and that RFC 6265 decides otherwise.
const NOT_BY_THE_RULES: [&str; 3] = [
    // A NUL, a CR: no header has them, and a cookie with a control character is ignored, not cut short.
    "DISABLED_CHROMIUM0022",
    "DISABLED_CHROMIUM0023",
    // Paths are compared as they are, without decoding %XX.
    "DISABLED_PATH0029",
];

#[test]
fn the_cases_of_the_http_state_group() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/http/cookie_http_state.json"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("note: no cookie_http_state.json beside the checkout");
        return;
    };
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 222);
    // Some of the dates in them have passed since.
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_325_376_000);
    let mut failures = Vec::new();
    for case in &cases {
        let name = case["test"].as_str().unwrap();
        let from = url(&format!(
            "http://home.example.org:8888/cookie-parser?{name}"
        ));
        let to = case["sent-to"].as_str().unwrap_or("/cookie-parser-result");
        let mut headers = HeaderMap::new();
        for line in case["received"].as_array().unwrap() {
            // What no header can hold never comes to the jar.
            if let Ok(value) = HeaderValue::from_bytes(line.as_str().unwrap().as_bytes()) {
                headers.append(SET_COOKIE, value);
            }
        }
        let jar = CookieJar::with_clock(move || then);
        jar.set_cookies(&from, &headers);
        let header = jar.header_for(&from.join(to).unwrap());
        let sent = header.map_or_else(Vec::new, |value| value.as_bytes().to_vec());
        let pair = |pair: &serde_json::Value| {
            format!(
                "{}={}",
                pair["name"].as_str().unwrap(),
                pair["value"].as_str().unwrap()
            )
        };
        let pairs: Vec<String> = case["sent"].as_array().unwrap().iter().map(pair).collect();
        let wanted = match NOT_BY_THE_RULES.contains(&name) {
            true => String::new(),
            false => pairs.join("; "),
        };
        if sent != wanted.as_bytes() {
            let sent = sent.escape_ascii();
            failures.push(format!("{name}: sent {sent}, wanted {wanted}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn r74_lines_that_are_taken_and_lines_that_are_not() {
    let cases: [(&[&str], &str); 24] = [
        (&["a=b"], "a=b"),
        (&["a=b; Path=/"], "a=b"),
        (&["  a \t=\t b  ; x"], "a=b"),
        (&["a=\"b c\""], "a=\"b c\""),
        (&["a="], "a="),
        (&["a==b"], "a==b"),
        (&["a"], ""),
        (&["=a"], ""),
        (&["; a=b"], ""),
        (&["a=b\tc"], "a=b\tc"),
        (&["a=b; Path=/elsewhere"], ""),
        (&["a=b; Path=x"], "a=b"),
        (&["a=b; Path=/x; Path=/dir"], "a=b"),
        (&["a=b; Max-Age=0"], ""),
        (&["a=b; Max-Age=-1"], ""),
        (&["a=b; Max-Age=x"], "a=b"),
        (&["a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], ""),
        (
            &["a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=9"],
            "a=b",
        ),
        (
            &["a=b; Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT"],
            "",
        ),
        (&["a=b; Expires=never"], "a=b"),
        (&["a=b", "a=c"], "a=c"),
        (&["a=b", "c=d", "a=e"], "a=e; c=d"),
        (&["a=b", "a=c; Max-Age=0"], ""),
        (
            &["a=1; Path=/", "a=2; Path=/dir", "b=3; Path=/dir"],
            "a=2; b=3; a=1",
        ),
    ];
    for (lines, wanted) in cases {
        let sent = sent(
            "http://www.example.org/dir/set",
            lines,
            "http://www.example.org/dir/get",
        );
        assert_eq!(sent, wanted, "{lines:?}");
    }
}

#[test]
fn r74_a_cookie_goes_only_where_it_belongs() {
    let org = "https://www.example.org/";
    for (from, line, to, goes) in [
        (org, "a=b", "https://www.example.org/", true),
        (org, "a=b", "http://www.example.org:8080/", true),
        (org, "a=b", "https://WWW.EXAMPLE.ORG/", true),
        (org, "a=b", "https://example.org/", false),
        (org, "a=b", "https://x.www.example.org/", false),
        (org, "a=b; Domain=example.org", "https://example.org/", true),
        (
            org,
            "a=b; Domain=.Example.ORG",
            "https://x.example.org/",
            true,
        ),
        (
            org,
            "a=b; Domain=example.org",
            "https://badexample.org/",
            false,
        ),
        (
            org,
            "a=b; Domain=www.example.org",
            "https://x.www.example.org/",
            true,
        ),
        (
            org,
            "a=b; Domain=x.www.example.org",
            "https://x.www.example.org/",
            false,
        ),
        (org, "a=b; Domain=other.org", "https://other.org/", false),
        (org, "a=b; Domain=ample.org", "https://ample.org/", false),
        (org, "a=b; Domain=org", "https://www.example.org/", false),
        (org, "a=b; Domain=", "https://www.example.org/", true),
        (
            "http://localhost/",
            "a=b; Domain=localhost",
            "http://localhost/",
            true,
        ),
        (
            "http://localhost/",
            "a=b; Domain=localhost",
            "http://x.localhost/",
            false,
        ),
        ("http://10.0.0.1/", "a=b", "http://10.0.0.1:81/", true),
        (
            "http://10.0.0.1/",
            "a=b; Domain=10.0.0.1",
            "http://10.0.0.1/",
            true,
        ),
        (
            "http://10.0.0.1/",
            "a=b; Domain=0.0.1",
            "http://10.0.0.1/",
            false,
        ),
        (
            "http://10.0.0.1/",
            "a=b; Domain=0.0.1",
            "http://7.0.0.1/",
            false,
        ),
        ("http://[fd00::1]/", "a=b", "http://[fd00::1]/", true),
    ] {
        let sent = sent(from, &[line], to);
        assert_eq!(sent == "a=b", goes, "{line} from {from} to {to}: {sent:?}");
    }
}

#[test]
fn r74_secure_and_prefixes() {
    for (from, line, goes) in [
        ("https://example.org/", "a=b; Secure", true),
        ("http://example.org/", "a=b; Secure", false),
        ("http://localhost/", "a=b; Secure", true),
        ("http://127.0.0.1/", "a=b; Secure", true),
        ("http://[::1]/", "a=b; Secure", true),
        ("https://example.org/", "__Secure-a=b; Secure", true),
        ("https://example.org/", "__Secure-a=b", false),
        ("https://example.org/", "__sEcUrE-a=b", false),
        ("https://example.org/", "__Host-a=b; Secure; Path=/", true),
        ("https://example.org/", "__Host-a=b; Secure", false),
        ("https://example.org/", "__Host-a=b; Secure; Path=/x", false),
        ("https://example.org/", "__Host-a=b; Path=/", false),
        (
            "https://example.org/",
            "__host-a=b; Secure; Path=/; Domain=example.org",
            false,
        ),
        ("https://example.org/", "__Host=b", true),
    ] {
        let sent = sent(from, &[line], from);
        assert_eq!(!sent.is_empty(), goes, "{line} from {from}: {sent:?}");
    }
    let over_http = sent(
        "https://example.org/",
        &["a=b; Secure"],
        "http://example.org/",
    );
    assert_eq!(over_http, "");
}

#[test]
fn r74_over_http_nobody_hides_a_cookie_of_https() {
    let (safe, open) = (
        url("https://www.example.org/"),
        url("http://www.example.org/"),
    );
    let jar = CookieJar::new();
    assert!(jar.set(&safe, "id=7; Secure; Path=/login"));
    for line in [
        "id=8; Path=/login",
        "id=8; Path=/login/x",
        "id=8; Path=/login; Domain=example.org",
    ] {
        assert!(!jar.set(&open, line), "{line}");
    }
    assert!(!jar.set(
        &url("http://x.www.example.org/"),
        "id=8; Path=/login; Domain=www.example.org"
    ));
    for line in ["id=8; Path=/", "other=8; Path=/login"] {
        assert!(jar.set(&open, line), "{line}");
    }
    assert!(jar.set(&safe, "id=9; Path=/login"));
    assert_eq!(
        jar.header_for(&safe.join("/login").unwrap()).unwrap(),
        "id=9; other=8; id=8"
    );
}

#[test]
fn r74_sizes_and_control_characters() {
    let (jar, at) = (CookieJar::new(), url("http://example.org/"));
    assert!(jar.set(&at, &format!("a={}", "x".repeat(4095))));
    assert!(!jar.set(&at, &format!("a={}", "x".repeat(4096))));
    assert!(
        jar.set(&at, &format!("b=1; Path=/{}", "x".repeat(1024))),
        "the path is ignored"
    );
    assert_eq!(jar.cookies()[1].path(), "/");
    for line in [
        "a=b\0c",
        "a=b\rc",
        "a=b\nc",
        "a=b\x7f",
        "a\x01=b",
        "a=b; Path=/\x1f",
    ] {
        assert!(!jar.set(&at, line), "{line:?}");
    }
    assert_eq!(jar.cookies().len(), 2);
}

#[test]
fn r74_a_domain_has_fifty_and_the_jar_three_thousand() {
    let jar = CookieJar::new();
    let at = url("https://example.org/");
    assert!(jar.set(&at, "secure=1; Secure"));
    for i in 0..50 {
        assert!(jar.set(&at, &format!("c{i}=1; Path=/{i}")));
    }
    // The first one without Secure had to go; sending c1 makes c2 the next.
    let names = || {
        jar.cookies()
            .iter()
            .map(|c| c.name().into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names()[..3], ["secure", "c1", "c2"]);
    assert_eq!(
        jar.header_for(&at.join("/1").unwrap()).unwrap(),
        "c1=1; secure=1"
    );
    assert!(jar.set(&at, "new=1"));
    assert_eq!(names()[..3], ["secure", "c1", "c3"]);
    assert_eq!(names().len(), 50);

    for host in 0..59 {
        for i in 0..50 {
            assert!(jar.set(
                &url(&format!("https://h{host}.example/")),
                &format!("c{i}=1")
            ));
        }
    }
    assert_eq!(jar.cookies().len(), 3000);
    assert!(jar.set(&url("https://one.more/"), "x=1"));
    assert_eq!(jar.cookies().len(), 3000);
    // Sent (or set) longest ago.
    assert_eq!(names()[..3], ["secure", "c1", "c4"]);
}

#[test]
fn what_has_expired_is_not_sent_and_makes_room_first() {
    let now = Rc::new(Cell::new(
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000),
    ));
    let clock = now.clone();
    let jar = CookieJar::with_clock(move || clock.get());
    let at = url("http://example.org/");
    assert!(jar.set(&at, "short=1; Max-Age=10"));
    assert!(jar.set(&at, "date=1; Expires=Sun, 09 Sep 2001 01:47:00 GMT"));
    assert!(jar.set(&at, "far=1; Max-Age=99999999999999999999"));
    assert!(jar.set(&at, "session=1"));
    let day = Duration::from_secs(24 * 60 * 60);
    assert_eq!(
        jar.cookies()[2].expires(),
        Some(now.get() + 400 * day),
        "400 days at most"
    );
    let mut seen = Vec::new();
    for seconds in [9, 1, 10, 400 * 24 * 60 * 60] {
        now.set(now.get() + Duration::from_secs(seconds));
        seen.push(jar.header_for(&at).unwrap().to_str().unwrap().to_owned());
    }
    assert_eq!(
        seen,
        [
            "short=1; date=1; far=1; session=1",
            "date=1; far=1; session=1",
            "far=1; session=1",
            "session=1"
        ]
    );
    assert_eq!(jar.cookies().len(), 1);
}

#[test]
fn a_jar_can_be_looked_into_and_emptied_and_its_clones_are_the_same_jar() {
    let jar = CookieJar::new();
    let (one, two) = (url("https://a.example.org/x/y"), url("https://b.org/"));
    assert!(jar.set(&one, "id=secret; Domain=example.org; HttpOnly; Secure"));
    assert!(jar.set(&two, "x=y"));
    let cookie = &jar.cookies()[0];
    assert_eq!((&*cookie.name(), &*cookie.value()), ("id", "secret"));
    assert_eq!((cookie.domain(), cookie.path()), ("example.org", "/x"));
    assert!(!cookie.is_host_only() && cookie.is_http_only() && cookie.is_secure());
    assert_eq!(
        format!("{cookie:?} {jar:?}"),
        "<Cookie id=[6 bytes] for example.org/x> <CookieJar 2 cookies>"
    );
    assert!(jar.header_for(&one).unwrap().is_sensitive());

    let same = jar.clone();
    same.retain(|cookie| cookie.domain() != "b.org");
    assert_eq!(jar.header_for(&two), None);
    assert_eq!(jar.cookies().len(), 1);
    same.clear();
    assert_eq!(jar.cookies().len(), 0);
    assert!(!jar.set(&url("data:text/plain,x"), "a=b"));
}

/// Only the list knows that anybody can have a name under these.
#[cfg(feature = "psl")]
#[test]
fn r74_public_suffixes_of_the_list() {
    for (host, domain, taken) in [
        ("shop.co.uk", "co.uk", false),
        ("shop.co.uk", "shop.co.uk", true),
        ("me.github.io", "github.io", false),
        ("a.me.github.io", "me.github.io", true),
        ("a.example.org", "example.org", true),
    ] {
        let taken_now = CookieJar::new().set(
            &url(&format!("https://{host}/")),
            &format!("a=b; Domain={domain}"),
        );
        assert_eq!(taken_now, taken, "{domain} by {host}");
    }
}
