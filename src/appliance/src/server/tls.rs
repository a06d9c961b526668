//! TLS of the listeners: ring, and on the platform and the enrolment listener a client certificate from one of our
//! authorities.
//!
//! The platform listener speaks version 1.3 only and demands the certificate; the enrolment listener asks for it, and
//! takes version 1.2 besides where the operator says so (AEAD suites with forward secrecy; rustls knows no others, nor
//! renegotiation).
//!
//! The verifier demands a sound chain but leaves dates and revocation to the request, so that the holder of
//! an expired or revoked certificate proves possession first and is then told why (decision 13). A new
//! `ServerConfig` is put in force whenever its files change: open connections go on, old session tickets
//! become void with the old configuration.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use crate::identity::{ClientAuthorities, PeerError};

/// Why a listener has no TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The key could be read by others.
    #[error("`{path}` can be read by others (mode {mode:o}); mend it with `chmod 600 {path}`")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file does not hold what it should.
    #[error("`{path}` does not hold {wanted}: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// rustls refuses the parts together.
    #[error("certificate `{path}` and key do not go together: {source}")]
    Mismatch {
        /// The certificate file.
        path: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
}

/// Builds the platform listener's configuration from its files.
///
/// # Errors
/// [`TlsError`] naming the file and how to mend it.
pub fn server_config(
    certificate: &Path,
    key: &Path,
    authorities: Arc<ClientAuthorities>,
) -> Result<ServerConfig, TlsError> {
    configured(certificate, key, authorities, true, &[&rustls::version::TLS13])
}

/// Builds the enrolment listener's configuration from its files: the client certificate is optional.
///
/// # Errors
/// [`TlsError`] naming the file and how to mend it.
pub fn enrolment_config(
    certificate: &Path,
    key: &Path,
    authorities: Arc<ClientAuthorities>,
    tls12: bool,
) -> Result<ServerConfig, TlsError> {
    let versions: &[_] = match tls12 {
        true => &[&rustls::version::TLS13, &rustls::version::TLS12],
        false => &[&rustls::version::TLS13],
    };
    configured(certificate, key, authorities, false, versions)
}

/// Builds the portal's configuration from its files: nobody is asked for a certificate. Version 1.2 is taken besides,
/// for phones are old.
///
/// # Errors
/// [`TlsError`] naming the file and how to mend it.
pub fn portal_config(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let mismatch = |source| TlsError::Mismatch { path: certificate.into(), source };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(mismatch)?
        .with_no_client_auth()
        .with_single_cert(read_chain(certificate)?, read_key(key)?)
        .map_err(mismatch)?;
    Ok(spoken(config))
}

/// What every listener says alike.
fn spoken(mut config: ServerConfig) -> ServerConfig {
    // Without it a TLS 1.2 session could be made to share its secrets with another (RFC 7627 §1).
    config.require_ems = true;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

fn configured(
    certificate: &Path,
    key: &Path,
    authorities: Arc<ClientAuthorities>,
    mandatory: bool,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ServerConfig, TlsError> {
    let chain = read_chain(certificate)?;
    let key = read_key(key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mismatch = |source| TlsError::Mismatch { path: certificate.into(), source };
    let verifier = ClientVerifier { mandatory, ..ClientVerifier::new(authorities, provider.clone()) };
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(mismatch)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(chain, key)
        .map_err(mismatch)?;
    Ok(spoken(config))
}

/// Certificates of a PEM file, in its order.
///
/// # Errors
/// [`TlsError`] when it cannot be read or holds none.
pub fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable =
        |reason: String| TlsError::Unusable { path: path.into(), wanted: "PEM certificates", reason };
    let text = read(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(error.to_string()))?;
    if chain.is_empty() { Err(unusable("there is none".to_owned())) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let metadata =
        std::fs::metadata(path).map_err(|source| TlsError::Unreadable { path: path.into(), source })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(TlsError::Exposed { path: path.into(), mode });
    }
    let text = zeroize::Zeroizing::new(read(path)?);
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| TlsError::Unusable {
        path: path.into(),
        wanted: "a PEM private key",
        reason: error.to_string(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.into(), source })
}

/// Lets in whoever proves possession of a key certified, at some time, by one of our authorities.
pub struct ClientVerifier {
    authorities: Arc<ClientAuthorities>,
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
    mandatory: bool,
}

impl ClientVerifier {
    /// A verifier under these authorities.
    #[must_use]
    pub fn new(authorities: Arc<ClientAuthorities>, provider: Arc<CryptoProvider>) -> Self {
        let hints = authorities.subjects().into_iter().map(DistinguishedName::from).collect();
        Self { authorities, hints, provider, mandatory: true }
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        // Only certificates issued by a configured authority itself name callers (decision 12), so whatever
        // else the client sends is not looked at.
        match self.authorities.authenticate(end_entity, now) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(error) => Err(rustls::Error::InvalidCertificate(match error {
                PeerError::Unreadable(_) => CertificateError::BadEncoding,
                PeerError::UnknownAuthority => CertificateError::UnknownIssuer,
                PeerError::Unsound(_) => CertificateError::Other(OtherError(Arc::new(error))),
            })),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientVerifier").field("authorities", &self.authorities).finish_non_exhaustive()
    }
}

/// Which of the counted kinds a failed handshake is; anonymous, so a word and nothing else.
#[must_use]
pub fn failure_kind(error: &std::io::Error) -> &'static str {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            std::io::ErrorKind::UnexpectedEof
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::BrokenPipe => "broken-off",
            _ => "transport",
        };
    };
    match error {
        rustls::Error::NoCertificatesPresented => "no-certificate",
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => "unknown-authority",
        rustls::Error::InvalidCertificate(CertificateError::BadEncoding) => "unreadable-certificate",
        rustls::Error::InvalidCertificate(_) => "unsound-certificate",
        rustls::Error::PeerIncompatible(_) => "incompatible",
        rustls::Error::AlertReceived(_) => "refused-by-client",
        _ => "protocol",
    }
}
