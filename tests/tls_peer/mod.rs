//! A server over TLS in a thread, with certificates made for the test.
#![allow(dead_code)] // each test uses what it needs

use std::future::Future;
use std::io::{self, Read};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use glassloop::http::{ClientSession, Resolve, SessionBuilder, TcpConnector};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub type Tls = StreamOwned<ServerConnection, TcpStream>;

/// Who signs, and a server configuration for these names and addresses.
pub struct Authority {
    pub pem: String,
    pub config: Arc<ServerConfig>,
}

pub fn authority(names: &[&str]) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut about = CertificateParams::new(Vec::new()).unwrap();
    about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = about.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(about, key);
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth();
    let chain = vec![certificate.der().clone()];
    let config = config.with_single_cert(chain, key.into()).unwrap();
    let config = Arc::new(config);
    Authority { pem, config }
}

/// One connection over TLS.
pub fn serve_tls(
    config: Arc<ServerConfig>,
    run: impl FnOnce(&mut Tls) -> io::Result<()> + Send + 'static,
) -> (u16, JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        run(&mut accept(config, stream)?)
    });
    (port, thread)
}

pub fn accept(config: Arc<ServerConfig>, stream: TcpStream) -> io::Result<Tls> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    Ok(tls)
}

pub fn request(tls: &mut Tls) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        tls.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8(head).unwrap())
}

pub struct Here;

impl Resolve for Here {
    fn resolve(&self, _: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>>>> {
        Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) })
    }
}

pub fn builder(authority: &Authority) -> SessionBuilder {
    let connector = TcpConnector::builder().resolver(Rc::new(Here));
    ClientSession::builder()
        .connector(connector)
        .root_certificate(&authority.pem)
}

pub async fn fetch(session: &ClientSession, url: &str) -> Result<String, glassloop::http::Error> {
    session.get(url).await?.text().await
}

pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Serves one connection after the other, and tells the number of each.
pub fn serve_each(
    config: Arc<ServerConfig>,
    run: impl Fn(usize, &mut Tls) -> io::Result<()> + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            // It ends with an error when the client closes.
            let _ =
                accept(config.clone(), stream.unwrap()).and_then(|mut tls| run(number, &mut tls));
        }
    });
    port
}
