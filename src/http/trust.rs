//! Which certificates a session believes, and which one it shows.

use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Which certificates a session believes.
#[derive(Clone, PartialEq)]
pub(crate) struct Trust {
    /// Those of the web, which are built in.
    pub(crate) web: bool,
    /// Those of the system.
    #[cfg(feature = "native-roots")]
    pub(crate) native: bool,
    /// In addition to these: PEM or DER.
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) anything: bool,
    /// The client's own certificate and its key, in PEM.
    pub(crate) identity: Option<Vec<u8>>,
}

impl Default for Trust {
    fn default() -> Trust {
        Trust {
            web: true,
            #[cfg(feature = "native-roots")]
            native: true,
            roots: Vec::new(),
            anything: false,
            identity: None,
        }
    }
}

/// The configuration for all connections of a session.
pub(crate) enum Tls {
    /// As for most: made once for all sessions, and when it is needed.
    Default,
    Own(Arc<ClientConfig>),
}

static DEFAULT: LazyLock<Result<Arc<ClientConfig>, String>> =
    LazyLock::new(|| Trust::default().config());

/// The certificates of the system's store, and what was wrong with it. All sessions have them from here: to read them takes
/// some milliseconds.
#[cfg(feature = "native-roots")]
static SYSTEM: LazyLock<(RootCertStore, Option<String>)> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // What no client could use is left out, as others do.
    roots.add_parsable_certificates(found.certs);
    let error = found.errors.first();
    let why = |error| format!("no root certificate was found in the system's store: {error}");
    (roots, error.map(why))
});

impl Tls {
    pub(crate) fn new(trust: Trust) -> Result<Tls, String> {
        match trust == Trust::default() {
            true => Ok(Tls::Default),
            false => trust.config().map(Tls::Own),
        }
    }

    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        match self {
            Tls::Default => DEFAULT.clone(),
            Tls::Own(config) => Ok(config.clone()),
        }
    }
}

impl Trust {
    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let roots = self.all_roots()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let config = config.with_root_certificates(roots);
        let mut config = match &self.identity {
            None => config.with_no_client_auth(),
            Some(pem) => {
                let refuse = |why: String| format!("the client certificate is not usable: {why}");
                let chain = certificates(pem).map_err(refuse)?;
                let chain = chain.into_iter().map(CertificateDer::into_owned).collect();
                let key = PrivateKeyDer::from_pem_slice(pem);
                let key = key.map_err(|error| refuse(format!("no key in it: {error}")))?;
                let config = config.with_client_auth_cert(chain, key);
                config.map_err(|error| refuse(error.to_string()))?
            }
        };
        if self.anything {
            let verifier = Arc::new(Anything(provider));
            config.dangerous().set_certificate_verifier(verifier);
        }
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn all_roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        if self.web {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let missing = self.add_native(&mut roots);
        for given in &self.roots {
            for certificate in certificates(given)? {
                let added = roots.add(certificate);
                added.map_err(|error| format!("a root certificate is not usable: {error}"))?;
            }
        }
        match roots.is_empty() && !self.anything {
            true => Err(missing.unwrap_or_else(|| {
                "there is no root certificate (SessionBuilder::root_certificate)".to_owned()
            })),
            false => Ok(roots),
        }
    }

    /// Adds those of the system, and says what was wrong with its store.
    #[cfg(feature = "native-roots")]
    fn add_native(&self, roots: &mut RootCertStore) -> Option<String> {
        if !self.native || self.anything {
            return None;
        }
        let (system, missing) = &*SYSTEM;
        roots.extend(system.roots.iter().cloned());
        missing.clone()
    }

    #[cfg(not(feature = "native-roots"))]
    fn add_native(&self, _: &mut RootCertStore) -> Option<String> {
        None
    }
}

fn certificates(given: &[u8]) -> Result<Vec<CertificateDer<'_>>, String> {
    // Text may stand before each certificate.
    const BEGIN: &[u8] = b"-----BEGIN ";
    if !given.windows(BEGIN.len()).any(|piece| piece == BEGIN) {
        return Ok(vec![CertificateDer::from(given)]);
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(given).collect();
    match read {
        Ok(read) if read.is_empty() => Err("there is no certificate in the PEM text".to_owned()),
        Ok(read) => Ok(read),
        Err(error) => Err(format!("the PEM text cannot be read: {error}")),
    }
}

/// Believes any certificate; only `danger_accept_invalid_certs` leads here.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_may_stand_around_the_certificates_of_a_pem_file() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        let both = [der.clone(), der.clone()];
        for text in [
            format!("# my CA\n{pem}\nand the other:\n{pem}"),
            format!("Certificate:\n    Data:\n{pem}{pem}"),
            format!("\n{pem}{pem}\n").replace('\n', "\r\n"),
        ] {
            assert_eq!(certificates(text.as_bytes()).unwrap(), both, "{text}");
        }
        assert_eq!(certificates(&der).unwrap(), both[..1]);
        let key = key.serialize_pem();
        let error = certificates(key.as_bytes()).unwrap_err();
        assert_eq!(error, "there is no certificate in the PEM text");
    }
}
