//! `https://`: who is believed, what is said to whom, and that a cut is told from an end (R28, R75, R76). The certificates are
//! made for the test.

mod http_peer;
mod tls_peer;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use glassloop::http::{ClientSession, ClientTimeout, ErrorKind, Phase, Proxy};
use glassloop::{run, sleep};
use http_peer::{field, script, serve};
use rcgen::{CertificateParams, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tls_peer::{Authority, OK, accept, authority, builder, fetch, request, serve_tls};

#[test]
fn r76_a_name_is_sent_and_checked_and_the_connection_kept() {
    let authority = authority(&["name.example"]);
    let (port, server) = serve_tls(authority.config.clone(), |tls| {
        assert_eq!(tls.conn.server_name(), Some("name.example"));
        for _ in 0..2 {
            request(tls)?;
            tls.write_all(OK)?;
        }
        Ok(())
    });
    run(async move {
        let session = builder(&authority).build().unwrap();
        for _ in 0..2 {
            assert_eq!(
                fetch(&session, &format!("https://name.example:{port}/"))
                    .await
                    .unwrap(),
                "ok"
            );
        }
        assert_eq!(session.stats().connected, 1);
    })
    .unwrap();
    server.join().unwrap().unwrap();
}

/// Of a server that lets only one client in, and the certificate and key of that one.
fn asking(authority: &Authority) -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(Vec::new()).unwrap();
    let client = client.self_signed(&key).unwrap();
    let mut trusted = RootCertStore::empty();
    trusted.add(client.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(trusted.into(), provider.clone());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_cert_resolver(authority.config.cert_resolver.clone());
    (Arc::new(config), client.pem() + &key.serialize_pem())
}

#[test]
fn a_client_certificate_is_shown_to_a_server_that_asks() {
    let authority = authority(&["127.0.0.1"]);
    let (config, pem) = asking(&authority);
    let (port, server) = serve_tls(config, |tls| {
        assert_eq!(tls.conn.peer_certificates().unwrap().len(), 1);
        request(tls)?;
        tls.write_all(OK)
    });
    run(async move {
        let session = builder(&authority).client_certificate(&pem).build();
        let url = format!("https://127.0.0.1:{port}/");
        assert_eq!(fetch(&session.unwrap(), &url).await.unwrap(), "ok");
        let keyless = ClientSession::builder().client_certificate(&authority.pem);
        let error = keyless.build().unwrap_err().to_string();
        let expected = "ClientSession: the client certificate is not usable: no key in it: ";
        assert!(error.starts_with(expected), "{error}");
    })
    .unwrap();
    server.join().unwrap().unwrap();
}

#[test]
fn r76_an_address_is_looked_for_among_the_addresses_and_no_name_sent() {
    let authority = authority(&["127.0.0.1"]);
    let (port, server) = serve_tls(authority.config.clone(), |tls| {
        assert_eq!(tls.conn.server_name(), None);
        request(tls)?;
        tls.write_all(OK)
    });
    run(async move {
        let session = builder(&authority).build().unwrap();
        assert_eq!(
            fetch(&session, &format!("https://127.0.0.1:{port}/"))
                .await
                .unwrap(),
            "ok"
        );
    })
    .unwrap();
    server.join().unwrap().unwrap();
}

#[test]
fn r76_who_cannot_prove_who_he_is_hears_nothing() {
    let ours = Arc::new(authority(&["name.example", "127.0.0.1"]));
    let foreign = authority(&["name.example"]);
    for (trusted, host, expected) in [
        (&foreign, "name.example", "invalid peer certificate"),
        (
            &*ours,
            "other.example",
            "not valid for name \"other.example\"",
        ),
        (&*ours, "127.0.0.2", "127.0.0.2"),
    ] {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = ours.config.clone();
        let server = thread::spawn(move || accept(config, listener.accept()?.0).map(drop));
        let session = builder(trusted).build().unwrap();
        let url = format!("https://{host}:{port}/");
        let error = run(async move { fetch(&session, &url).await.unwrap_err() }).unwrap();
        assert!(matches!(error.kind(), ErrorKind::Tls(_)), "{error}");
        assert_eq!(error.phase(), Phase::Tls);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.is_connect() && !error.is_retryable());
        // The server was told why.
        assert!(server.join().unwrap().is_err());
    }
    let (port, server) = serve_tls(ours.config.clone(), |tls| {
        request(tls)?;
        tls.write_all(OK)
    });
    let session = builder(&foreign)
        .danger_accept_invalid_certs(true)
        .build()
        .unwrap();
    let url = format!("https://other.example:{port}/");
    assert_eq!(
        run(async move { fetch(&session, &url).await.unwrap() }).unwrap(),
        "ok"
    );
    server.join().unwrap().unwrap();
}

#[test]
fn r28_a_cut_is_not_taken_for_the_end() {
    for says_goodbye in [true, false] {
        let authority = authority(&["name.example"]);
        let (port, server) = serve_tls(authority.config.clone(), move |tls| {
            request(tls)?;
            tls.write_all(b"HTTP/1.1 200 OK\r\n\r\nall of it?")?;
            if says_goodbye {
                tls.conn.send_close_notify();
                tls.conn.complete_io(&mut tls.sock)?;
            }
            Ok(())
        });
        let session = builder(&authority).build().unwrap();
        let url = format!("https://name.example:{port}/");
        let body = run(async move { fetch(&session, &url).await }).unwrap();
        match body {
            Ok(body) => assert!(says_goodbye && body == "all of it?"),
            Err(error) => {
                assert!(!says_goodbye);
                assert!(error.to_string().contains("incomplete body"), "{error}");
            }
        }
        server.join().unwrap().unwrap();
    }
}

#[test]
fn much_goes_both_ways() {
    let authority = authority(&["name.example"]);
    let (port, server) = serve_tls(authority.config.clone(), |tls| {
        let head = request(tls)?;
        let mut body = vec![0; field(&head, "content-length").unwrap().parse().unwrap()];
        tls.read_exact(&mut body)?;
        write!(
            tls,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        tls.write_all(&body)
    });
    run(async move {
        let body: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        let session = builder(&authority).build().unwrap();
        let put = session
            .put(format!("https://name.example:{port}/"))
            .body(body.clone());
        assert!(put.await.unwrap().bytes().await.unwrap() == body);
    })
    .unwrap();
    server.join().unwrap().unwrap();
}

#[test]
fn r84_the_handshake_is_within_the_limit_for_connecting() {
    let (url, _) = http_peer::serve_all(|_, peer| drop(peer.until_closed()));
    run(async move {
        let timeout = ClientTimeout {
            connect: Some(Duration::from_millis(50)),
            ..ClientTimeout::default()
        };
        let session = ClientSession::builder().timeout(timeout).build().unwrap();
        let error = session.get(url.replace("http", "https")).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Timeout("connect", _)),
            "{error}"
        );
        assert_eq!(error.phase(), Phase::Tls);
    })
    .unwrap();
}

#[test]
fn a_server_that_speaks_no_tls_is_found_out() {
    let (url, _) = http_peer::serve_all(|_, peer| peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"));
    run(async move {
        let error = ClientSession::new()
            .get(url.replace("http", "https"))
            .await
            .unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Tls(_)), "{error}");
    })
    .unwrap();
}

#[test]
fn r19_r75_https_goes_through_a_tunnel_that_the_proxy_cannot_look_into() {
    let authority = authority(&["name.example"]);
    let config = authority.config.clone();
    let (url, server) = serve(vec![
        script(move |peer| {
            let connect = peer.head().unwrap();
            assert!(
                connect
                    .starts_with("CONNECT name.example:443 HTTP/1.1\r\nhost: name.example:443\r\n")
            );
            assert_eq!(field(&connect, "proxy-authorization"), Some("mine"));
            peer.send("HTTP/1.1 200 Go\r\nContent-Length: 99\r\n\r\n");
            let mut tls = accept(config, peer.stream.try_clone().unwrap()).unwrap();
            let inner = request(&mut tls).unwrap();
            assert!(inner.starts_with("GET /x HTTP/1.1\r\nHost: name.example\r\n"));
            assert_eq!(field(&inner, "proxy-authorization"), None);
            tls.write_all(OK).unwrap();
        }),
        script(|peer| {
            peer.head().unwrap();
            peer.send("HTTP/1.1 407 Who\r\nContent-Length: 6\r\n\r\nno way");
        }),
        script(|peer| {
            peer.head().unwrap();
            peer.send("HTTP/1.1 200 Go\r\n\r\nevil");
        }),
    ]);
    run(async move {
        let proxy = Proxy::new(url.replace("//", "//u:p@")).unwrap();
        let session = builder(&authority).proxy(proxy).build().unwrap();
        let get = || {
            let request = session.get("https://name.example/x");
            request.header("proxy-authorization", "mine")
        };
        assert_eq!(get().await.unwrap().text().await.unwrap(), "ok");
        // The first one closes by and by.
        while session.stats().idle > 0 {
            sleep(Duration::from_millis(1)).await;
        }
        let error = get().await.unwrap_err();
        let ErrorKind::ProxyRefused(status, body) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!((status.as_u16(), &body[..]), (407, &b"no way"[..]));
        assert_eq!(error.status().unwrap(), 407);
        let error = get().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Proxy(_)), "{error}");
        assert_eq!(error.phase(), Phase::Proxy);
        assert_eq!(session.stats().in_use, 0);
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn a_root_certificate_that_is_none_is_refused() {
    for bad in [
        "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----",
        "-----",
        "nonsense",
    ] {
        let error = ClientSession::builder()
            .root_certificate(bad)
            .build()
            .err()
            .unwrap();
        assert!(error.to_string().starts_with("ClientSession: "), "{error}");
    }
}

#[test]
fn r19_so_much_of_a_proxys_refusal_is_kept() {
    let (url, _) = http_peer::serve_all(|_, peer| {
        peer.head().unwrap();
        let body = "no".repeat(50_000);
        peer.send(format!(
            "HTTP/1.1 502 No\r\nContent-Length: 100000\r\n\r\n{body}"
        ));
        peer.until_closed();
    });
    run(async move {
        let session = ClientSession::builder().proxy(url).build().unwrap();
        let error = session.get("https://name.example/").await.unwrap_err();
        let ErrorKind::ProxyRefused(status, body) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!((status.as_u16(), body.len()), (502, 64 * 1024));
        assert_eq!((session.stats().idle, session.stats().in_use), (0, 0));
    })
    .unwrap();
}

#[test]
fn a_refused_client_certificate_is_an_error_of_tls_and_not_retryable() {
    let authority = authority(&["127.0.0.1"]);
    let (config, _) = asking(&authority);
    let port = tls_peer::serve_each(config, |_, _| panic!("it was let in"));
    run(async move {
        let session = builder(&authority).build().unwrap();
        let url = format!("https://127.0.0.1:{port}/");
        for body in [0, 5_000_000] {
            let error = session.post(&url).body(vec![b'x'; body]).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Tls(_)), "{error}");
            assert!(error.to_string().contains("CertificateRequired"), "{error}");
            assert!(!error.is_retryable());
        }
    })
    .unwrap();
}

#[test]
fn a_tunnel_is_asked_for_with_the_credentials_of_the_request() {
    let tunnel = |expected: &'static str| {
        script(move |peer| {
            let connect = peer.head().unwrap();
            assert_eq!(field(&connect, "proxy-authorization"), Some(expected));
            peer.send("HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n");
        })
    };
    let (url, server) = serve(["Basic dTpw", "session's", "request's"].map(tunnel).into());
    run(async move {
        let proxy = Proxy::new(url.replace("//", "//u:p@")).unwrap();
        let session = ClientSession::builder().proxy(proxy.clone());
        let get = session.build().unwrap().get("https://name.example/");
        assert_eq!(get.await.unwrap_err().status().unwrap(), 407);
        let session = ClientSession::builder().proxy(proxy);
        let mut headers = http::HeaderMap::new();
        headers.insert("proxy-authorization", "session's".parse().unwrap());
        let session = session.default_headers(headers).build().unwrap();
        for own in [None, Some("request's")] {
            let mut get = session.get("https://name.example/");
            if let Some(own) = own {
                get = get.header("proxy-authorization", own);
            }
            assert_eq!(get.await.unwrap_err().status().unwrap(), 407);
        }
    })
    .unwrap();
    server.join().unwrap();
}

#[test]
fn what_is_no_answer_of_a_proxy_is_not_retryable() {
    let said = [
        "HTTP/1.1 200 Go\r\n\r\nevil",
        "garbage\r\n\r\n",
        "HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ];
    let proxies = said.map(|said| {
        script(move |peer| {
            peer.head().unwrap();
            peer.send(said);
            peer.until_closed();
        })
    });
    let (proxy, server) = serve(proxies.into());
    run(async move {
        let session = ClientSession::builder().proxy(Proxy::new(proxy).unwrap());
        let session = session.build().unwrap();
        for said in said {
            let error = session.get("https://x.example/").await.unwrap_err();
            assert_eq!(error.phase(), Phase::Proxy, "{said}: {error}");
            assert!(!error.is_retryable(), "{said}: {error}");
        }
    })
    .unwrap();
    server.join().unwrap();
}
