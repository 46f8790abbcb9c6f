//! The API that the client's specification lists in its section 5, every item by its name.

mod http_peer;

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use glassloop::http::{
    Body, ClientSession, ClientTimeout, CookieJar, Error, ErrorKind, Form, Hop, Phase, Policy,
    PoolStats, Proxy, Request, RequestBuilder, Resolve, Response, TcpConnector, Trace, TraceEvent,
    Upgraded,
};
use glassloop::run;
use http::{Extensions, HeaderMap, Method, StatusCode, Version};
use http_peer::serve_all;
use url::Url;

struct Here;

impl Resolve for Here {
    fn resolve(&self, _: &str) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>>>> {
        Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) })
    }
}

struct Silent;

impl Trace for Silent {
    fn event(&self, _: u64, _: &TraceEvent<'_>) {}
}

fn session(base: &str) -> Result<ClientSession, Error> {
    let connector = TcpConnector::builder()
        .limit(100)
        .limit_per_host(0)
        .keepalive_timeout(Duration::from_secs(15))
        .force_close(false)
        .ttl_dns_cache(Duration::from_secs(10))
        .happy_eyeballs_delay(Duration::from_millis(250))
        .local_addr(IpAddr::V4(Ipv4Addr::LOCALHOST))
        .resolver(Rc::new(Here))
        .connect_filter(|address| address.ip().is_loopback());
    ClientSession::builder()
        .base_url(base)
        .default_headers(HeaderMap::new())
        .timeout(ClientTimeout {
            total: Some(Duration::from_secs(300)),
            connect: Some(Duration::from_secs(30)),
            sock_connect: None,
            sock_read: Some(Duration::from_secs(60)),
        })
        .connector(connector)
        .cookie_jar(CookieJar::new())
        .redirect(Policy::none())
        .redirect(Policy::custom(|_, _| true))
        .redirect(Policy::limited(10))
        .trust_env(false)
        .auto_decompress(true)
        .raise_for_status(false)
        .max_body(64 << 20)
        .max_head(64 << 10)
        .max_headers(128)
        .retry_stale(true)
        .user_agent("agent")
        .trace(Rc::new(Silent))
        .build()
}

fn described(request: RequestBuilder) -> RequestBuilder {
    request
        .header("x-a", "1")
        .headers(HeaderMap::new())
        .query("k", "v")
        .query_pairs([("a", 1)])
        .basic_auth("user", "password")
        .bearer_auth("token")
        .cookie("a", "b")
        .form([("k", "v")])
        .multipart(Form::new().text("k", "v"))
        .body("text")
        .chunked()
        .expect_continue()
        .timeout(ClientTimeout::streaming())
        .version(Version::HTTP_11)
        .no_redirect()
        .idempotent(true)
}

#[test]
fn sessions_and_requests() {
    let (url, _) = serve_all(|_, peer| peer.answer_all("ok"));
    run(async move {
        let session = session(&url)?.clone();
        for request in [
            session.get("/"),
            session.post("/"),
            session.put("/"),
            session.patch("/"),
            session.delete("/"),
            session.options("/"),
            session.request(Method::TRACE, "/"),
        ] {
            assert_eq!(request.await?.text().await?, "ok");
        }
        let head = session.head("/").send().await?;
        assert_eq!(head.bytes().await?, "");
        let uri: http::Uri = url.parse().unwrap();
        let parsed: Url = url.parse().unwrap();
        session.get(uri).await?.bytes().await?;
        session.get(parsed).await?.bytes().await?;
        let request: Request = described(session.post("/")).build()?;
        assert_eq!(request.url().query(), Some("k=v&a=1"));
        let whole = http::Request::put("/").body(Body::from("x")).unwrap();
        assert_eq!(session.execute(whole).await?.text().await?, "ok");
        let stats: PoolStats = session.stats();
        assert_eq!((stats.in_use, stats.idle), (0, 1));
        session.close().await;
        let proxied = ClientSession::builder().proxy(Proxy::new(&url).unwrap());
        let response = proxied.build()?.get("http://elsewhere.example/").await?;
        assert_eq!(response.text().await?, "ok");
        Ok::<_, Error>(())
    })
    .unwrap()
    .unwrap();
}

#[test]
fn bodies() {
    let path = std::env::current_exe().unwrap();
    let length = std::fs::metadata(&path).unwrap().len();
    let file = File::open(&path).unwrap();
    let none = || async { None::<Result<Bytes, std::io::Error>> };
    for (body, length, clones) in [
        (Body::empty(), Some(0), true),
        (Body::from(Bytes::from_static(b"ab")), Some(2), true),
        (Body::from("abc".to_owned()), Some(3), true),
        (Body::from("abcd"), Some(4), true),
        (Body::file(&path).unwrap(), Some(length), true),
        (Body::from_file(file).unwrap(), Some(length), true),
        (Body::stream(none, None), None, false),
        (Body::stream(none, 5), Some(5), false),
    ] {
        assert_eq!(body.length(), length);
        assert_eq!(body.try_clone().is_some(), clones, "{body:?}");
    }
}

#[test]
fn responses_and_errors() {
    let (url, address) = serve_all(|_, peer| {
        while let Some(request) = peer.request() {
            match request.starts_with("GET /missing ") {
                true => peer.send("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"),
                false => peer.answer("ok"),
            }
        }
    });
    run(async move {
        let session = ClientSession::new();
        let mut response: Response = session.get(&url).await?;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.version(), Version::HTTP_11);
        assert_eq!(response.headers()["content-length"], "2");
        assert_eq!(response.url().as_str(), url);
        let history: &[Hop] = response.history();
        assert!(history.is_empty());
        let extensions: &mut Extensions = response.extensions_mut();
        assert_eq!(extensions.insert(7_u8), None);
        assert_eq!(response.extensions().get(), Some(&7_u8));
        assert_eq!(response.remote_addr(), Some(address));
        assert_eq!(response.content_length(), Some(2));
        assert_eq!(response.trailers(), None);
        assert_eq!(response.error_for_status_ref()?.status(), 200);
        let mut response = response.error_for_status()?;
        let chunk: Option<Bytes> = response.chunk().await?;
        assert_eq!(chunk.unwrap(), "ok");
        let mut copy = glassloop::net::TcpStream::connect(&address.to_string())
            .await
            .unwrap();
        assert_eq!(session.get(&url).await?.copy_to(&mut copy).await?, 2);
        let refused: Result<Upgraded, Error> = session.get(&url).await?.upgrade().await;
        assert!(matches!(
            refused.unwrap_err().kind(),
            ErrorKind::NotUpgraded(_)
        ));
        let missing = session.get(format!("{url}missing")).await?;
        let error = missing.error_for_status().unwrap_err();
        assert!(matches!(
            error.kind(),
            ErrorKind::Status(StatusCode::NOT_FOUND)
        ));
        assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
        assert_eq!(error.phase(), Phase::Head);
        assert!(error.url().is_some() && !error.is_timeout() && !error.is_connect());
        assert!(!error.is_reused() && !error.is_retryable());
        assert!(std::error::Error::source(&error).is_none());
        assert_eq!(size_of::<Error>(), 8);
        Ok::<_, Error>(())
    })
    .unwrap()
    .unwrap();
}
