//! Names and addresses: lookups that are shared and remembered, Happy Eyeballs, the filter (R77-R79), and proxies (R75).

mod http_peer;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use glassloop::http::{
    ClientSession, ClientTimeout, ErrorKind, Phase, Proxy, Resolve, TcpConnector,
};
use glassloop::{gather, run, sleep};
use http_peer::{field, script, serve, serve_all};

/// A resolver that gives these addresses after a while, and notes what it was asked.
#[derive(Clone)]
struct Names {
    asked: Rc<RefCell<Vec<String>>>,
    addresses: Vec<IpAddr>,
    delay: Duration,
}

impl Names {
    fn new(addresses: &[IpAddr]) -> Names {
        Names {
            asked: Rc::default(),
            addresses: addresses.to_vec(),
            delay: Duration::from_millis(5),
        }
    }

    fn connector(&self) -> TcpConnector {
        TcpConnector::builder().resolver(Rc::new(self.clone()))
    }
}

impl Resolve for Names {
    fn resolve(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>>>> {
        self.asked.borrow_mut().push(name.to_owned());
        let (addresses, delay) = (self.addresses.clone(), self.delay);
        Box::pin(async move {
            sleep(delay).await;
            Ok(addresses)
        })
    }
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn session(connector: TcpConnector) -> ClientSession {
    ClientSession::builder()
        .connector(connector)
        .build()
        .unwrap()
}

async fn text(session: &ClientSession, url: &str) -> String {
    session.get(url).await.unwrap().text().await.unwrap()
}

#[test]
fn r77_lookups_are_shared_and_remembered() {
    let (_, address) = serve_all(|_, peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    });
    let url = format!("http://name.example:{}/", address.port());
    run(async move {
        let names = Names::new(&[HERE]);
        let session = session(names.connector().ttl_dns_cache(Duration::from_millis(100)));
        let all = gather(
            (0..5)
                .map(|_| {
                    let (session, url) = (session.clone(), url.clone());
                    async move { text(&session, &url).await }
                })
                .collect::<Vec<_>>(),
        );
        assert_eq!(all.await.unwrap(), ["ok"; 5]);
        assert_eq!(text(&session, &url).await, "ok");
        assert_eq!(*names.asked.borrow(), ["name.example"]);
        sleep(Duration::from_millis(120)).await;
        assert_eq!(text(&session, &url).await, "ok");
        assert_eq!(names.asked.borrow().len(), 2);
        // Addresses are not looked up.
        assert_eq!(
            text(&session, &format!("http://0x7f.1:{}/", address.port())).await,
            "ok"
        );
        assert_eq!(names.asked.borrow().len(), 2);
    })
    .unwrap();
}

#[test]
fn r77_who_gives_up_leaves_the_lookup_to_the_others() {
    let (_, address) = serve_all(|_, peer| peer.answer_all("ok"));
    let url = format!("http://name.example:{}/", address.port());
    run(async move {
        let mut names = Names::new(&[HERE]);
        names.delay = Duration::from_millis(60);
        let session = session(names.connector());
        let timeout = ClientTimeout::total(Duration::from_millis(10));
        let error = session.get(&url).timeout(timeout).await.unwrap_err();
        assert!(
            error.is_timeout() && error.phase() == Phase::Resolve,
            "{error}"
        );
        assert_eq!(text(&session, &url).await, "ok");
        assert_eq!(names.asked.borrow().len(), 1);
        assert_eq!(glassloop::all_tasks().len(), 1);
    })
    .unwrap();
}

#[test]
fn r77_a_program_ends_without_waiting_for_a_lookup() {
    let begin = Instant::now();
    run(async move {
        let timeout = ClientTimeout::total(Duration::from_millis(1));
        // Whether it is looked up for long depends on the machine; it must not matter.
        let request = ClientSession::new()
            .get("http://no-such-name.example/")
            .timeout(timeout);
        assert!(request.await.is_err());
    })
    .unwrap();
    assert!(begin.elapsed() < Duration::from_secs(4));
}

#[test]
fn r77_an_empty_answer_and_a_failed_lookup_are_errors_of_their_phase() {
    run(async move {
        let error = session(Names::new(&[]).connector())
            .get("http://x.example/")
            .await;
        let error = error.unwrap_err();
        let expected = "GET http://x.example/: resolve: the name x.example has no address";
        assert_eq!(error.to_string(), expected);
        assert!(matches!(error.kind(), ErrorKind::Resolve(_)) && error.is_connect());
    })
    .unwrap();
}

#[test]
fn r78_an_address_that_refuses_or_says_nothing_holds_nobody_up() {
    let (_, address) = serve_all(|_, peer| peer.answer_all("ok"));
    let url = format!("http://name.example:{}/", address.port());
    run(async move {
        // Nothing listens at this address of the loopback net; it refuses at once.
        let refusing = IpAddr::V6(Ipv6Addr::LOCALHOST);
        let session = session(Names::new(&[refusing, HERE]).connector());
        let begin = Instant::now();
        let response = session.get(&url).await.unwrap();
        assert_eq!(response.remote_addr(), Some(address));
        assert!(begin.elapsed() < Duration::from_millis(240));
    })
    .unwrap();
}

/// A listener whose queue is full: connecting to it hangs.
fn black_hole() -> (SocketAddr, Vec<std::net::TcpStream>, socket2::Socket) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.2:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut fill = Vec::new();
    while let Ok(stream) =
        std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100))
    {
        fill.push(stream);
    }
    (address, fill, socket)
}

/// Answers at the port of a black hole, at [`HERE`]: the URL of a name that can be both.
fn beside(hole: SocketAddr) -> String {
    let listener = std::net::TcpListener::bind((HERE, hole.port())).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            http_peer::Peer::new(stream.unwrap()).answer_all("ok");
        }
    });
    format!("http://name.example:{}/", hole.port())
}

#[test]
fn r78_a_silent_address_is_given_a_head_start_and_no_more() {
    let (hole, _fill, _socket) = black_hole();
    let url = beside(hole);
    run(async move {
        let names = Names::new(&[hole.ip(), HERE]);
        let begin = Instant::now();
        assert_eq!(text(&session(names.connector()), &url).await, "ok");
        let took = begin.elapsed();
        assert!(
            took > Duration::from_millis(240) && took < Duration::from_secs(3),
            "{took:?}"
        );
        // All fail: each address with its cause.
        let closed = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
        let names = Names::new(&[hole.ip(), closed]);
        let timeout = ClientTimeout {
            sock_connect: Some(Duration::from_millis(300)),
            ..ClientTimeout::default()
        };
        let error = session(names.connector())
            .get(&url)
            .timeout(timeout)
            .await
            .unwrap_err();
        let ErrorKind::Connect(tried) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!(tried.len(), 2);
        assert!(error.to_string().contains(&format!("{hole}: ")), "{error}");
        let only = session(Names::new(&[hole.ip()]).connector());
        let error = only.get(&url).timeout(timeout).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Timeout("sock_connect", _)),
            "{error}"
        );
        let timeout = ClientTimeout {
            connect: Some(Duration::from_millis(50)),
            ..ClientTimeout::default()
        };
        let error = only.get(&url).timeout(timeout).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Timeout("connect", _)),
            "{error}"
        );
        assert_eq!(error.phase(), Phase::Connect);
    })
    .unwrap();
}

#[test]
fn r78_an_address_that_fails_at_once_has_no_head_start() {
    let (hole, _fill, _socket) = black_hole();
    let url = beside(hole);
    run(async move {
        // TCP does not connect to all of a network.
        let names = Names::new(&[hole.ip(), IpAddr::V4(Ipv4Addr::BROADCAST), HERE]);
        let delay = Duration::from_millis(600);
        let session = session(names.connector().happy_eyeballs_delay(delay));
        let begin = Instant::now();
        assert_eq!(text(&session, &url).await, "ok");
        let took = begin.elapsed();
        assert!(took >= delay && took < 2 * delay, "{took:?}");
    })
    .unwrap();
}

#[test]
fn r79_the_filter_sees_resolved_addresses_on_every_hop() {
    let (inner, _) = serve_all(|_, peer| peer.answer_all("secret"));
    let (outer, _) = serve_all(move |_, peer| {
        peer.request();
        peer.send(format!(
            "HTTP/1.1 302 R\r\nLocation: {inner}\r\nContent-Length: 0\r\n\r\n"
        ));
    });
    run(async move {
        let port: u16 = outer
            .trim_end_matches('/')
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let seen = Rc::new(Cell::new(0));
        let count = seen.clone();
        let names = Names::new(&[HERE]);
        let connector = names.connector().connect_filter(move |address| {
            count.set(count.get() + 1);
            assert_eq!(address.ip(), HERE);
            address.port() == port
        });
        let url = format!("http://rebinding.example:{port}/");
        let error = session(connector).get(url).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Connect(tried) if tried.is_empty()),
            "{error}"
        );
        assert!(error.to_string().contains("connect_filter"), "{error}");
        assert_eq!(seen.get(), 2);
    })
    .unwrap();
}

#[test]
fn a_local_address_is_connected_from() {
    let (tell, told) = mpsc::channel();
    let (url, server) = serve(vec![script(move |peer| {
        tell.send(peer.stream.peer_addr().unwrap().ip()).unwrap();
        peer.answer_all("ok");
    })]);
    let local: IpAddr = "127.0.0.9".parse().unwrap();
    run(async move { text(&session(TcpConnector::builder().local_addr(local)), &url).await })
        .unwrap();
    server.join().unwrap();
    assert_eq!(told.recv().unwrap(), local);
}

#[test]
fn a_proxy_can_be_one_requests_and_leave_hosts_out() {
    let (proxy, _) = serve_all(|_, peer| peer.answer_all("proxied"));
    let (url, _) = serve_all(|_, peer| peer.answer_all("direct"));
    run(async move {
        let direct = ClientSession::new();
        assert_eq!(text(&direct, &url).await, "direct");
        let proxied = direct.get(&url).proxy(proxy.as_str()).await.unwrap();
        assert_eq!(proxied.text().await.unwrap(), "proxied");
        let refused = direct.get(&url).proxy("socks5://x").await.unwrap_err();
        assert!(matches!(refused.kind(), ErrorKind::InvalidRequest(_)));
        let all = Proxy::new(&proxy).unwrap();
        let session = |proxy| ClientSession::builder().proxy(proxy).build().unwrap();
        let without = session(all.clone()).get(&url).no_proxy().await.unwrap();
        assert_eq!(without.text().await.unwrap(), "direct");
        let session = session(all.no_proxy("x.example, 127.0.0.0/8"));
        assert_eq!(text(&session, &url).await, "direct");
        assert_eq!(text(&session, "http://y.example/").await, "proxied");
    })
    .unwrap();
}

#[test]
fn r75_a_proxy_authorization_of_ones_own_is_the_only_one() {
    let (url, server) = serve(vec![script(|peer| {
        for expected in ["Own", "Basic dTpw"] {
            let request = peer.request().unwrap();
            let lines = request.lines();
            let lines: Vec<_> = lines.filter(|line| line.starts_with("proxy-")).collect();
            assert_eq!(lines, [format!("proxy-authorization: {expected}")]);
            peer.answer("ok");
        }
    })]);
    run(async move {
        let proxy = Proxy::new(url.replace("//", "//u:p@")).unwrap();
        let session = ClientSession::builder().proxy(proxy).build().unwrap();
        let own = session.get("http://target.example/");
        let own = own.header("proxy-authorization", "Own").await.unwrap();
        assert_eq!(own.text().await.unwrap(), "ok");
        assert_eq!(text(&session, "http://target.example/").await, "ok");
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn addresses_of_the_other_family_than_the_local_one_are_left_alone() {
    let (_, address) = serve_all(|_, peer| peer.answer_all("ok"));
    let url = format!("http://name.example:{}/", address.port());
    run(async move {
        let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
        let local: IpAddr = "127.0.0.9".parse().unwrap();
        let connector = |names: &[IpAddr]| Names::new(names).connector().local_addr(local);
        assert_eq!(text(&session(connector(&[six, HERE])), &url).await, "ok");
        let listener = std::net::TcpListener::bind((six, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://name.example:{port}/");
        let error = session(connector(&[six])).get(&url).await.unwrap_err();
        let expected = format!(
            "GET {url}: connect: [::1]:{port}: not of the family of the local address 127.0.0.9 (local_addr)"
        );
        assert_eq!(error.to_string(), expected);
    })
    .unwrap();
}

#[test]
fn a_proxy_that_is_not_reached_is_named() {
    let (address, _socket) = http_peer::nobody();
    run(async move {
        let session = |proxy: &str, names: &Names| {
            let builder = ClientSession::builder().connector(names.connector());
            builder.proxy(proxy).build().unwrap()
        };
        let refused = format!("http://joe:pw@{address}");
        let error = session(&refused, &Names::new(&[])).get("http://target/");
        let expected = format!(
            "GET http://target/: connect to the proxy http://{address}: {address}: Connection refused (os error 111)"
        );
        assert_eq!(error.await.unwrap_err().to_string(), expected);
        let unknown = session("proxy.example:3128", &Names::new(&[]));
        let error = unknown.get("http://target/").await.unwrap_err();
        let expected = "GET http://target/: resolve for the proxy http://proxy.example:3128: the name proxy.example has no address";
        assert_eq!(error.to_string(), expected);
        let (refusing, _) = serve_all(|_, peer| {
            peer.head();
            peer.send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
        });
        let names = Names::new(&[HERE]);
        let error = session(&refusing, &names).get("https://target/");
        let expected = format!(
            "GET https://target/: proxy {}: the proxy answered 403 Forbidden",
            refusing.trim_end_matches('/')
        );
        if cfg!(feature = "tls") {
            assert_eq!(error.await.unwrap_err().to_string(), expected);
        }
    })
    .unwrap();
}

#[test]
fn r75_plain_requests_go_to_the_proxy_with_their_whole_url() {
    let (url, server) = serve(vec![script(|peer| {
        for path in ["/a", "/b?c"] {
            let request = peer.request().unwrap();
            assert!(
                request.starts_with(&format!("GET http://target.example:81{path} HTTP/1.1\r\n"))
            );
            assert_eq!(field(&request, "host"), Some("target.example:81"));
            assert_eq!(field(&request, "proxy-authorization"), Some("Basic dTpw"));
            peer.answer("ok");
        }
    })]);
    run(async move {
        // The scheme need not be said.
        let proxy = url.replace("http://", "u:p@");
        let session = ClientSession::builder().proxy(proxy).build().unwrap();
        for path in ["a", "b?c#d"] {
            let target = format!("http://target.example:81/{path}");
            assert_eq!(text(&session, &target).await, "ok");
        }
        assert_eq!(session.stats().connected, 1);
    })
    .unwrap();
    server.join().unwrap();
    for bad in ["socks5://x", "x y", "ftp://x"] {
        let error = ClientSession::builder().proxy(bad).build().err().unwrap();
        assert!(error.to_string().starts_with("ClientSession: "), "{error}");
    }
}

#[test]
fn r57_the_default_port_is_not_a_part_of_the_host() {
    let (url, _) = serve_all(|_, peer| {
        while let Some(request) = peer.request() {
            let target = request.split(' ').nth(1).unwrap();
            peer.answer(&format!("{target} {}", field(&request, "host").unwrap()));
        }
    });
    run(async move {
        let session = ClientSession::builder().proxy(url).build().unwrap();
        for (url, expected) in [
            ("http://x.example:80/", "http://x.example/ x.example"),
            (
                "http://X.example:443",
                "http://x.example:443/ x.example:443",
            ),
            ("http://[::1]:80/", "http://[::1]/ [::1]"),
        ] {
            assert_eq!(text(&session, url).await, expected);
        }
    })
    .unwrap();
}

#[test]
fn r79_an_address_in_another_spelling_is_the_same_address() {
    run(async move {
        let seen = Rc::new(std::cell::RefCell::new(Vec::new()));
        let notes = seen.clone();
        let connector = TcpConnector::builder().connect_filter(move |address| {
            notes.borrow_mut().push(address.to_string());
            false
        });
        let session = session(connector);
        for url in [
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
        ] {
            session.get(url).await.unwrap_err();
        }
        assert_eq!(*seen.borrow(), ["127.0.0.1:80"; 4]);
    })
    .unwrap();
}

#[test]
fn r77_no_more_than_a_thousand_names_are_remembered() {
    run(async move {
        let mut names = Names::new(&[HERE]);
        names.delay = Duration::ZERO;
        let session = session(names.connector().connect_filter(|_| false));
        let ask = async |name: usize| {
            let url = format!("http://name{name}.example/");
            session.get(url).await.unwrap_err();
            names.asked.borrow().len()
        };
        for name in 0..1000 {
            assert_eq!(ask(name).await, name + 1);
        }
        assert_eq!(ask(0).await, 1000, "all are remembered");
        assert_eq!(ask(1000).await, 1001);
        assert_eq!(ask(0).await, 1002, "there was no room for another");
    })
    .unwrap();
}
