//! Requests on the wire, byte for byte, and those that are refused before a byte is written (R56-R66).

mod http_peer;

use std::io::Write;
use std::sync::mpsc;

use glassloop::http::{Body, ClientSession, Error, ErrorKind, RequestBuilder};
use glassloop::run;
use http::{HeaderMap, HeaderValue, Method, Version};
use http_peer::{field, script, serve, serve_all};

fn session() -> ClientSession {
    let session = ClientSession::builder().auto_decompress(false);
    session.user_agent("t").build().unwrap()
}

/// What is sent for a request, with the host replaced.
fn sent(make: impl FnOnce(&ClientSession, &str) -> RequestBuilder + 'static) -> String {
    let (tell, told) = mpsc::channel();
    let (url, server) = serve(vec![script(move |peer| {
        tell.send(peer.request().unwrap()).unwrap();
        peer.answer("ok");
    })]);
    let base = url.clone();
    run(async move {
        let response = make(&session(), &base).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "ok");
    })
    .unwrap();
    server.join().unwrap();
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    told.recv().unwrap().replace(host, "HOST")
}

const FRONT: &str = "HTTP/1.1\r\nHost: HOST\r\naccept: */*\r\nuser-agent: t\r\n";

#[test]
fn each_part_of_the_builder_is_seen_on_the_wire() {
    let get = sent(|s, url| {
        s.get(format!("{url}p?a=1"))
            .query("q", "ü &=")
            .query_pairs([("n", 5)])
    });
    assert_eq!(get, format!("GET /p?a=1&q=%C3%BC+%26%3D&n=5 {FRONT}\r\n"));
    let get = sent(|s, url| {
        s.get(url)
            .header("accept", "text/x")
            .header("x", "1")
            .header("x", "2")
    });
    let expected =
        "GET / HTTP/1.1\r\nHost: HOST\r\nuser-agent: t\r\naccept: text/x\r\nx: 1\r\nx: 2\r\n\r\n";
    assert_eq!(get, expected);
    let get = sent(|s, url| s.get(url).basic_auth("user", "pa:ss"));
    assert_eq!(
        get,
        format!("GET / {FRONT}authorization: Basic dXNlcjpwYTpzcw==\r\n\r\n")
    );
    let get = sent(|s, url| s.get(url).bearer_auth("t0ken"));
    assert_eq!(
        get,
        format!("GET / {FRONT}authorization: Bearer t0ken\r\n\r\n")
    );
    let get = sent(|s, url| s.get(url).cookie("a", "b").cookie("c", "d e"));
    assert_eq!(get, format!("GET / {FRONT}cookie: a=b; c=d e\r\n\r\n"));
    let post = sent(|s, url| s.post(url).form([("a", "b c"), ("d", "&")]));
    assert_eq!(
        post,
        format!(
            "POST / {FRONT}content-type: application/x-www-form-urlencoded\r\ncontent-length: 11\r\n\r\na=b+c&d=%26"
        )
    );
    let put = sent(|s, url| s.put(url).body("hello").chunked());
    assert_eq!(
        put,
        format!("PUT / {FRONT}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    );
    let old = sent(|s, url| s.get(url).version(Version::HTTP_10));
    assert_eq!(old, format!("GET / {}\r\n", FRONT.replace("1.1", "1.0")));
    let host = sent(|s, url| s.get(url).header("host", "other.example"));
    assert_eq!(
        host,
        format!("GET / {}\r\n", FRONT.replace("HOST", "other.example"))
    );
}

#[test]
fn no_pairs_leave_the_url_alone() {
    let none: [(&str, &str); 0] = [];
    let get = sent(move |s, url| s.get(format!("{url}x")).query_pairs(none));
    assert_eq!(get, format!("GET /x {FRONT}\r\n"));
    let get = sent(|s, url| {
        let absent = None::<u8>.map(|limit| ("limit", limit));
        let get = s.get(url).query_pairs(absent);
        get.query_pairs(Some(("q", 1)))
    });
    assert_eq!(get, format!("GET /?q=1 {FRONT}\r\n"));
}

#[test]
fn a_form_takes_numbers() {
    let post = sent(|s, url| s.post(url).form([("id", 7)]));
    assert!(post.ends_with("\r\n\r\nid=7"), "{post}");
}

#[test]
fn fields_of_which_there_is_one_are_sent_once() {
    let form = "application/x-www-form-urlencoded";
    for other in ["application/x-www-form-urlencoded", "text/x"] {
        let after = sent(move |s, url| {
            let post = s.post(url).form([("a", "b")]);
            post.header("content-type", other)
        });
        let expected =
            format!("POST / {FRONT}content-type: {other}\r\ncontent-length: 3\r\n\r\na=b");
        assert_eq!(after, expected);
    }
    let before = sent(|s, url| {
        s.post(url)
            .header("content-type", "text/x")
            .form([("a", "b")])
    });
    assert!(before.contains("\r\ncontent-type: text/x\r\n") && !before.contains(form));
    let get = sent(|s, url| s.get(url).bearer_auth("t").header("authorization", "Mine"));
    assert_eq!(get, format!("GET / {FRONT}authorization: Mine\r\n\r\n"));
}

#[test]
fn a_cookie_of_the_request_takes_the_place_of_the_jars() {
    let (url, server) = serve(vec![script(|peer| {
        peer.request().unwrap();
        peer.send("HTTP/1.1 200 R\r\nSet-Cookie: a=jar\r\nSet-Cookie: ab=jar\r\nContent-Length: 0\r\n\r\n");
        let next = peer.request().unwrap();
        assert_eq!(field(&next, "cookie"), Some("a=mine; c=d; ab=jar"));
        peer.answer("ok");
    })]);
    run(async move {
        let session = session();
        session.get(&url).await.unwrap().bytes().await.unwrap();
        let get = session.get(&url).cookie("a", "mine").cookie("c", "d");
        get.await.unwrap().bytes().await.unwrap();
    })
    .unwrap();
    server.join().unwrap();
}

#[cfg(feature = "json")]
#[test]
fn json_goes_both_ways() {
    let value = serde_json::json!({"a": [1, 2]});
    let post = sent(move |s, url| s.post(url).json(&value));
    let expected = format!(
        "POST / {FRONT}content-type: application/json\r\ncontent-length: 11\r\n\r\n{{\"a\":[1,2]}}"
    );
    assert_eq!(post, expected);
    let (url, server) = serve(vec![script(|peer| {
        peer.request();
        peer.answer("[1, 2]");
        peer.request();
        peer.answer("{\"secret\": }");
    })]);
    run(async move {
        let session = session();
        let list: Vec<u8> = session.get(&url).await.unwrap().json().await.unwrap();
        assert_eq!(list, [1, 2]);
        let wrong = session
            .get(&url)
            .await
            .unwrap()
            .json::<Vec<u8>>()
            .await
            .unwrap_err();
        let expected =
            format!("GET {url}: response body: no JSON as expected: Data error at line 1 column 0");
        assert_eq!(wrong.to_string(), expected);
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn r58_credentials_and_fragments_of_the_url_are_not_part_of_the_target() {
    let get = sent(|s, url| s.get(format!("{}x#frag", url.replace("//", "//us%20er:pa%3Ass@"))));
    assert_eq!(
        get,
        format!("GET /x {FRONT}authorization: Basic dXMgZXI6cGE6c3M=\r\n\r\n")
    );
}

#[test]
fn r61_who_has_no_body_says_so_only_where_one_is_expected() {
    for (method, length) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::OPTIONS, ""),
        (Method::POST, "content-length: 0\r\n"),
        (Method::PUT, "content-length: 0\r\n"),
        (Method::PATCH, "content-length: 0\r\n"),
    ] {
        let word = method.to_string();
        let request = sent(move |s, url| s.request(method, url));
        assert_eq!(request, format!("{word} / {FRONT}{length}\r\n"));
    }
}

fn pieces(pieces: &'static [&'static str], length: Option<u64>) -> Body {
    let mut pieces = pieces.iter();
    let pull = move || {
        let piece = pieces.next().copied();
        async move { piece.map(Ok::<_, std::io::Error>) }
    };
    Body::stream(pull, length)
}

#[test]
fn streams_and_files_are_sent_with_their_length_or_in_chunks() {
    let post = sent(|s, url| s.post(url).body(pieces(&["ab", "", "cde"], None)));
    assert_eq!(
        post,
        format!("POST / {FRONT}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")
    );
    let post = sent(|s, url| s.post(url).body(pieces(&["ab", "cde"], Some(5))));
    assert_eq!(
        post,
        format!("POST / {FRONT}content-length: 5\r\n\r\nabcde")
    );
    let post = sent(|s, url| {
        s.post(url)
            .body(pieces(&["abc"], None))
            .header("content-length", "3")
    });
    assert_eq!(post, format!("POST / {FRONT}content-length: 3\r\n\r\nabc"));
    let path = std::env::temp_dir().join(format!("glassloop-body-{}", std::process::id()));
    let text = "file ".repeat(40_000);
    std::fs::File::create(&path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let file = std::fs::File::open(&path).unwrap();
    let expected = format!("POST / {FRONT}content-length: 200000\r\n\r\n{text}");
    let post = sent(move |s, url| s.post(url).body(Body::from_file(file).unwrap()));
    assert_eq!(post, expected);
    let body = Body::file(&path).unwrap();
    assert_eq!(body.length(), Some(200_000));
    assert_eq!(body.try_clone().unwrap().length(), Some(200_000));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(sent(move |s, url| s.post(url).body(body)), expected);
    let reader = sent(|s, url| s.post(url).body(Body::from_reader(&b"read"[..], 4)));
    assert_eq!(
        reader,
        format!("POST / {FRONT}content-length: 4\r\n\r\nread")
    );
}

#[test]
fn a_file_that_is_none_is_named() {
    let error = Body::file("/no/such/file").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert!(error.to_string().starts_with("/no/such/file: "), "{error}");
    let folder = std::env::temp_dir();
    let error = Body::file(&folder).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: is a directory", folder.display())
    );
    let error = glassloop::http::Form::new().file("f", "/no/such/file");
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("/no/such/file: "), "{error}");
}

#[test]
fn what_is_attached_to_a_request_is_found_at_its_response() {
    #[derive(Clone, Debug, PartialEq)]
    struct Number(u32);
    let (url, _) = serve_all(|_, peer| {
        while let Some(request) = peer.request() {
            match request.starts_with("GET /away ") {
                true => {
                    peer.send("HTTP/1.1 302 Found\r\nLocation: /here\r\nContent-Length: 0\r\n\r\n")
                }
                false => peer.answer("here"),
            }
        }
    });
    run(async move {
        let session = ClientSession::new();
        let mut request = session.get(format!("{url}away")).build().unwrap();
        assert_eq!(request.extensions_mut().insert(Number(1)), None);
        let again = request.try_clone().unwrap();
        assert_eq!(again.extensions().get(), Some(&Number(1)));
        let mut response = session.execute(request).await.unwrap();
        assert_eq!(response.history().len(), 1);
        assert_eq!(response.extensions().get(), Some(&Number(1)));
        response.extensions_mut().insert(Number(2));
        assert_eq!(response.extensions().get(), Some(&Number(2)));
        let request = http::Request::get(&url).extension(Number(3));
        let response = session.execute(request.body("").unwrap()).await.unwrap();
        assert_eq!(response.extensions().get(), Some(&Number(3)));
    })
    .unwrap();
}

#[test]
fn default_headers_give_way_to_the_requests_own() {
    let mut headers = HeaderMap::new();
    headers.insert("x-a", HeaderValue::from_static("1"));
    headers.insert("accept", HeaderValue::from_static("text/html"));
    let (tell, told) = mpsc::channel();
    let (url, server) = serve(vec![script(move |peer| {
        while let Some(request) = peer.request() {
            tell.send(request).unwrap();
            peer.answer("");
        }
    })]);
    run(async move {
        let builder = ClientSession::builder().default_headers(headers);
        let session = builder.base_url(format!("{url}base/")).build().unwrap();
        for request in [session.get("one"), session.get("/two").header("x-a", "2")] {
            request.await.unwrap().bytes().await.unwrap();
        }
        let request = http::Request::put("three")
            .header("x-b", "3")
            .body(Body::from("x"));
        session.execute(request.unwrap()).await.unwrap();
    })
    .unwrap();
    server.join().unwrap();
    let all: Vec<String> = told.iter().collect();
    let seen = |i: usize, name: &str| field(&all[i], name).map(str::to_owned);
    assert!(all[0].starts_with("GET /base/one ") && all[1].starts_with("GET /two "));
    assert_eq!(
        (seen(0, "x-a"), seen(1, "x-a")),
        (Some("1".into()), Some("2".into()))
    );
    assert_eq!(seen(0, "accept").as_deref(), Some("text/html"));
    assert!(all[2].starts_with("PUT /base/three ") && all[2].ends_with("\r\n\r\nx"));
    assert_eq!(seen(2, "x-b").as_deref(), Some("3"));
}

#[test]
fn a_base_url_that_cannot_be_one_is_refused_when_the_session_is_made() {
    for (base, why) in [
        (
            "http://h/v1",
            "the path of the base URL http://h/v1 must end with '/'",
        ),
        (
            "ftp://h/",
            "the base URL ftp://h/ cannot be used: the scheme ftp is not supported, http and https are",
        ),
        (
            "mailto:x",
            "the base URL mailto:x cannot be used: it does not begin with http:// or https://",
        ),
    ] {
        let error = ClientSession::builder().base_url(base).build().unwrap_err();
        assert_eq!(error.to_string(), format!("ClientSession: {why}"));
    }
    ClientSession::builder()
        .base_url("http://h")
        .build()
        .unwrap();
}

/// The error of a request that must not even connect.
fn refused(make: impl FnOnce(&ClientSession, &str) -> RequestBuilder + 'static) -> Error {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let error = run(async move { make(&session(), &url).await.unwrap_err() }).unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "it has connected");
    error
}

#[test]
fn r56_what_could_smuggle_something_in_is_refused_before_a_byte_is_written() {
    let evil = "1\r\nevil: 1";
    let cases: Vec<Error> = vec![
        refused(move |s, url| s.get(url).header("x", evil)),
        refused(|s, url| s.get(url).header("x y", "1")),
        refused(|s, url| s.get(url).header("x:", "1")),
        refused(|s, url| s.get(url).header("", "1")),
        refused(|s, url| s.get(url).header("x", "a\0b")),
        refused(move |s, url| s.get(url).bearer_auth(evil)),
        refused(move |s, url| s.get(url).cookie("a", evil)),
        refused(|s, url| s.get(url).cookie("a", "b; c=d")),
        refused(|s, url| s.get(url).cookie("a b", "c")),
        refused(|s, url| s.get(url).basic_auth("us:er", "x")),
        refused(|s, url| s.get(url).header("host", "a").header("host", "b")),
        refused(|s, url| s.request(Method::CONNECT, url)),
        refused(|s, url| s.get(url).version(Version::HTTP_2)),
        refused(|s, url| s.get(url.replace("//", "//u:p@")).bearer_auth("t")),
        // R59
        refused(|s, url| s.post(url).body("abc").header("content-length", "4")),
        refused(|s, url| s.post(url).body("abc").header("content-length", "+3")),
        refused(|s, url| {
            s.post(url)
                .body("abc")
                .header("content-length", "3")
                .chunked()
        }),
        refused(|s, url| {
            let post = s.post(url).body("abc").header("content-length", "3");
            post.header("transfer-encoding", "chunked")
        }),
        refused(|s, url| s.post(url).body("abc").header("transfer-encoding", "gzip")),
        refused(|s, url| {
            s.post(url)
                .body(pieces(&["a"], None))
                .version(Version::HTTP_10)
        }),
    ];
    for error in cases {
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::InvalidRequest(_)), "{error}");
        assert!(!error.to_string().contains("u:p@"), "{error}");
    }
    // The target is made of the URL, which has no bytes that could end it.
    let get = sent(|s, url| s.get(format!("{url}a b\r\nevil: 1\u{fc}?\u{fc} \0x")));
    assert_eq!(
        get,
        format!("GET /a%20bevil:%201%C3%BC?%C3%BC%20%00x {FRONT}\r\n")
    );
    let error = refused(|s, _| s.get("/relative"));
    let expected = "GET \"/relative\": request: this is not a URL: relative URL without a base";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn r57_ipv6_hosts_are_bracketed_and_default_ports_left_out() {
    let Ok(listener) = std::net::TcpListener::bind("[::1]:0") else {
        println!("skipped: no IPv6 here");
        return;
    };
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let host = url[7..url.len() - 1].to_owned();
    let server = std::thread::spawn(move || {
        let mut peer = http_peer::Peer::new(listener.accept().unwrap().0);
        let request = peer.request().unwrap();
        peer.answer("ok");
        request
    });
    run(async move { session().get(url).await.unwrap().text().await.unwrap() }).unwrap();
    let request = server.join().unwrap();
    assert_eq!(field(&request, "host"), Some(host.as_str()));
}

#[test]
fn of_several_cookies_of_a_name_the_nearest_one_is_sent() {
    let (url, server) = serve(vec![script(|peer| {
        peer.request().unwrap();
        peer.send(
            "HTTP/1.1 200 R\r\nSet-Cookie: a=jar\r\nSet-Cookie: b=jar\r\nContent-Length: 0\r\n\r\n",
        );
        for expected in ["a=hdr; b=jar", "d=hdr; a=2; b=jar", "a=jar; b=jar"] {
            let next = peer.request().unwrap();
            assert_eq!(field(&next, "cookie"), Some(expected));
            peer.answer("");
        }
    })]);
    run(async move {
        let session = ClientSession::new();
        let get = || session.get(&url);
        get().await.unwrap().bytes().await.unwrap();
        for request in [
            get().header("cookie", "a=hdr"),
            get()
                .header("cookie", "a=hdr; d=hdr")
                .cookie("a", "1")
                .cookie("a", "2"),
            get(),
        ] {
            request.await.unwrap().bytes().await.unwrap();
        }
    })
    .unwrap();
    server.join().unwrap();
}
