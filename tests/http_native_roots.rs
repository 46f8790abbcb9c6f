//! Whom `https://` believes: the web, the system, and nobody. A system's store is what `SSL_CERT_FILE` names, so the client runs
//! in a process of its own for each.

mod http_peer;
mod tls_peer;

use std::io::Write;
use std::process::Command;
use std::rc::Rc;

use glassloop::http::{ClientSession, ErrorKind, SessionBuilder, TcpConnector};
use glassloop::run;
use tls_peer::{Here, OK, authority, fetch, request, serve_each};

/// What the client is to do, in the process that is the client.
const ROLE: &str = "GLASSLOOP_TEST_ROOTS";

fn builder() -> SessionBuilder {
    let connector = TcpConnector::builder().resolver(Rc::new(Here));
    ClientSession::builder().connector(connector)
}

/// Not a test of its own: what the others start.
#[test]
fn client() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let (what, url) = role.split_once(' ').unwrap();
    let url = url.to_owned();
    let builder = match what {
        "default" => builder(),
        "native" => builder().web_roots(false),
        "web" => builder().native_roots(false),
        "once" => {
            let file = std::env::var("SSL_CERT_FILE").unwrap();
            let danger = builder().danger_accept_invalid_certs(true);
            danger.build().unwrap();
            std::fs::rename(format!("{file}.later"), &file).unwrap();
            builder().web_roots(false).build().unwrap();
            std::fs::remove_file(file).unwrap();
            builder().web_roots(false)
        }
        _ => panic!("{what}"),
    };
    let said = match builder.build() {
        Err(error) => error.to_string(),
        Ok(session) => match run(async move { fetch(&session, &url).await }).unwrap() {
            Ok(body) => body,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Tls(_)), "{error}");
                error.to_string()
            }
        },
    };
    println!("<<{said}>>");
}

/// What a client says that fetches `url` with this file for the system's store.
fn said(what: &str, url: &str, file: &std::path::Path) -> String {
    let client = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "client", "--nocapture"])
        .env(ROLE, format!("{what} {url}"))
        .env("SSL_CERT_FILE", file)
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let output = String::from_utf8(client.stdout).unwrap();
    assert!(client.status.success(), "{output}");
    let (_, said) = output.split_once("<<").unwrap();
    said.split_once(">>").unwrap().0.to_owned()
}

#[test]
fn the_systems_store_is_believed_unless_it_is_not_wanted() {
    let authority = authority(&["name.example"]);
    let port = serve_each(authority.config.clone(), |_, tls| {
        request(tls)?;
        tls.write_all(OK)
    });
    let url = format!("https://name.example:{port}/");
    let file = std::env::temp_dir().join(format!("glassloop-roots-{}.pem", std::process::id()));
    std::fs::write(&file, &authority.pem).unwrap();
    assert_eq!(said("default", &url, &file), "ok");
    assert_eq!(said("native", &url, &file), "ok");
    let refused = said("web", &url, &file);
    assert!(refused.contains("invalid peer certificate"), "{refused}");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_systems_store_is_read_once_and_only_where_it_is_needed() {
    let authority = authority(&["name.example"]);
    let port = serve_each(authority.config.clone(), |_, tls| {
        request(tls)?;
        tls.write_all(OK)
    });
    let url = format!("https://name.example:{port}/");
    let name = format!("glassloop-roots-once-{}.pem", std::process::id());
    let file = std::env::temp_dir().join(name);
    std::fs::write(file.with_extension("pem.later"), &authority.pem).unwrap();
    assert_eq!(said("once", &url, &file), "ok");
}

#[test]
fn a_store_without_certificates_is_an_error_that_names_it() {
    let url = "https://name.example/";
    let file = std::env::temp_dir().join("glassloop-no-such-file.pem");
    let error = said("native", url, &file);
    let why = "ClientSession: no root certificate was found in the system's store: ";
    assert!(error.starts_with(why), "{error}");
    assert!(error.contains("glassloop-no-such-file.pem"), "{error}");
    let error = builder().web_roots(false).native_roots(false).build();
    assert_eq!(
        error.err().unwrap().to_string(),
        "ClientSession: there is no root certificate (SessionBuilder::root_certificate)"
    );
}
