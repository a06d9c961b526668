//! tls-alpn-01 (RFC 8737; for addresses RFC 8738 §6): a handshake with ALPN `acme-tls/1` must show a self-signed
//! certificate for exactly the identifier, with the digest of the key authorization in a critical extension.
//!
//! The handshake proves possession of the certificate's key, nothing else about the certificate counts: no chain,
//! no validity.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use der::{Decode as _, Encode as _, asn1::OctetStringRef};
use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio_rustls::TlsConnector;
use x509_cert::certificate::{CertificateInner, Rfc5280};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::{Failed, Question};
use crate::acme::error::ErrorKind;
use crate::acme::identifier::Identifier;
use crate::fetch::Client;

pub(super) async fn try_once(client: &Client, port: u16, question: &Question) -> Result<(), Failed> {
    let host = question.identifier.value();
    let wrong = |detail: String| Failed::for_good(ErrorKind::IncorrectResponse, detail);
    let broken = |detail: String| Failed::passing(ErrorKind::Tls, detail);
    let name = ServerName::try_from(server_name(&question.identifier))
        .map_err(|_| wrong(format!("`{host}` cannot be named in a handshake.")))?;
    let stream = client.connect(&host, port).await?;
    let connector = TlsConnector::from(config().map_err(|error| broken(format!("{error}.")))?);
    let handshake = tokio::time::timeout(HANDSHAKE, connector.connect(name, stream));
    let stream = match handshake.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(broken(format!("The handshake with `{host}` failed: {error}."))),
        Err(_) => return Err(broken(format!("The handshake with `{host}` took too long."))),
    };
    let (_, connection) = stream.get_ref();
    if connection.alpn_protocol() != Some(PROTOCOL) {
        return Err(wrong(format!("`{host}` did not choose the protocol `acme-tls/1`.")));
    }
    let shown = connection.peer_certificates().unwrap_or_default();
    let [certificate] = shown else {
        return Err(wrong(format!("`{host}` showed {} certificates; it must show one.", shown.len())));
    };
    let expected = digest(&SHA256, question.key_authorization.as_bytes());
    judge(certificate, &question.identifier, expected.as_ref())
        .map_err(|reason| wrong(format!("The certificate of `{host}` {reason}.")))
}

/// RFC 8737 §3, the steps of the verifier.
fn judge(certificate: &[u8], identifier: &Identifier, expected: &[u8]) -> Result<(), &'static str> {
    let certificate =
        CertificateInner::<Rfc5280>::from_der(certificate).map_err(|_| "cannot be read as X.509")?;
    let body = certificate.tbs_certificate();
    let all = body.extensions().map(Vec::as_slice).unwrap_or_default();
    let mut names = all.iter().filter(|one| one.extn_id == SUBJECT_ALT_NAME);
    let (Some(name), None) = (names.next(), names.next()) else {
        return Err("has not exactly one subjectAltName extension");
    };
    let name = SubjectAltName::from_der(name.extn_value.as_bytes())
        .map_err(|_| "has a subjectAltName that cannot be read")?;
    let fits = match (name.0.as_slice(), identifier) {
        ([GeneralName::DnsName(name)], Identifier::Dns(wanted)) => name.as_str().eq_ignore_ascii_case(wanted),
        ([GeneralName::IpAddress(octets)], Identifier::Ip(IpAddr::V4(wanted))) => {
            octets.as_bytes() == wanted.octets()
        }
        ([GeneralName::IpAddress(octets)], Identifier::Ip(IpAddr::V6(wanted))) => {
            octets.as_bytes() == wanted.octets()
        }
        _ => false,
    };
    if !fits {
        return Err("is not for exactly the identifier");
    }
    let mut marks = all.iter().filter(|one| one.extn_id == ACME_IDENTIFIER);
    let (Some(mark), None) = (marks.next(), marks.next()) else {
        return Err("has not exactly one acmeIdentifier extension");
    };
    if !mark.critical {
        return Err("has an acmeIdentifier extension that is not critical");
    }
    match <&OctetStringRef>::from_der(mark.extn_value.as_bytes()) {
        Ok(found) if found.as_bytes() == expected => Ok(()),
        _ => Err("has an acmeIdentifier extension with another value"),
    }
}

/// The name, or for an address its reverse name (RFC 8738 §6).
fn server_name(identifier: &Identifier) -> String {
    match identifier {
        Identifier::Dns(name) => name.clone(),
        Identifier::Ip(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Identifier::Ip(IpAddr::V6(address)) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
        }
    }
}

fn config() -> Result<Arc<ClientConfig>, rustls::Error> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OwnKey))
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // A resumed handshake would show no certificate.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(CONFIG.get_or_init(|| Arc::new(config)).clone())
}

/// Takes any certificate whose key signs the handshake; what it says is judged afterwards.
#[derive(Debug)]
struct OwnKey;

impl ServerCertVerifier for OwnKey {
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
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        signed(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        signed(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.iter().map(|(scheme, _)| *scheme).collect()
    }
}

/// Whether the certificate's key signed the handshake. Not by webpki: it refuses a certificate with a critical extension
/// that it does not know, and the one looked for here is critical by definition.
fn signed(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    let malformed = || rustls::Error::InvalidCertificate(CertificateError::BadEncoding);
    let parsed = CertificateInner::<Rfc5280>::from_der(certificate).map_err(|_| malformed())?;
    let key = parsed.tbs_certificate().subject_public_key_info().to_der().map_err(|_| malformed())?;
    let mut tried = SCHEMES.iter().filter(|(scheme, _)| *scheme == signature.scheme);
    // In TLS 1.2 a scheme names no curve (RFC 8422 §5.1.1); the key has one.
    let fits = tried.any(|(_, own)| {
        own.iter().any(|own| crypto::verify(&key, *own, message, signature.signature()).is_ok())
    });
    if fits {
        return Ok(HandshakeSignatureValid::assertion());
    }
    Err(rustls::Error::InvalidCertificate(CertificateError::BadSignature))
}

/// The schemes offered, and what they are in `crypto`.
const SCHEMES: &[(SignatureScheme, &[crypto::SignatureScheme])] = &[
    (
        SignatureScheme::ECDSA_NISTP256_SHA256,
        &[crypto::SignatureScheme::EcdsaP256Sha256, crypto::SignatureScheme::EcdsaP384Sha256],
    ),
    (
        SignatureScheme::ECDSA_NISTP384_SHA384,
        &[crypto::SignatureScheme::EcdsaP384Sha384, crypto::SignatureScheme::EcdsaP256Sha384],
    ),
    (SignatureScheme::ED25519, &[crypto::SignatureScheme::Ed25519]),
    (SignatureScheme::RSA_PSS_SHA256, &[crypto::SignatureScheme::RsaPssSha256]),
    (SignatureScheme::RSA_PSS_SHA384, &[crypto::SignatureScheme::RsaPssSha384]),
    (SignatureScheme::RSA_PSS_SHA512, &[crypto::SignatureScheme::RsaPssSha512]),
    (SignatureScheme::RSA_PKCS1_SHA256, &[crypto::SignatureScheme::RsaPkcs1Sha256]),
    (SignatureScheme::RSA_PKCS1_SHA384, &[crypto::SignatureScheme::RsaPkcs1Sha384]),
    (SignatureScheme::RSA_PKCS1_SHA512, &[crypto::SignatureScheme::RsaPkcs1Sha512]),
];

const PROTOCOL: &[u8] = b"acme-tls/1";
const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(10);
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
/// id-pe-acmeIdentifier (RFC 8737 §6.1).
const ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CustomExtension, KeyPair};

    use super::*;

    fn certificate(names: &[&str], value: &[u8], change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(value)];
        change(&mut parameters);
        parameters.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_certificate_must_be_for_the_identifier_alone_and_carry_the_digest_critically() {
        let value = [7; 32];
        let name = Identifier::dns("a.example").unwrap();
        let judged = |der: &[u8]| judge(der, &name, &value);
        assert_eq!(judged(&certificate(&["a.example"], &value, |_| {})), Ok(()));
        assert_eq!(judged(&certificate(&["A.Example"], &value, |_| {})), Ok(()));
        let said = |der: &[u8]| judged(der).unwrap_err();
        assert!(said(&certificate(&["b.example"], &value, |_| {})).contains("exactly the identifier"));
        assert!(
            said(&certificate(&["a.example", "b.example"], &value, |_| {}))
                .contains("exactly the identifier")
        );
        assert!(said(&certificate(&["a.example"], &[8; 32], |_| {})).contains("another value"));
        let plain = certificate(&["a.example"], &value, |p| p.custom_extensions.clear());
        assert!(said(&plain).contains("acmeIdentifier"));
        let lax = certificate(&["a.example"], &value, |p| p.custom_extensions[0].set_criticality(false));
        assert!(said(&lax).contains("not critical"));
        let twice = certificate(&["a.example"], &value, |p| {
            p.custom_extensions.push(CustomExtension::new_acme_identifier(&value));
        });
        assert!(said(&twice).contains("exactly one acmeIdentifier"));
        assert!(said(&certificate(&[], &value, |_| {})).contains("subjectAltName"));
        assert!(said(b"no certificate").contains("X.509"));
    }

    #[test]
    fn addresses_are_named_by_their_reverse_names_and_judged_by_their_octets() {
        let v4 = Identifier::ip("192.0.2.1").unwrap();
        assert_eq!(server_name(&v4), "1.2.0.192.in-addr.arpa");
        let v6 = Identifier::ip("2001:db8::1").unwrap();
        let long = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assert_eq!(server_name(&v6), long);
        let value = [7; 32];
        assert_eq!(judge(&certificate(&["192.0.2.1"], &value, |_| {}), &v4, &value), Ok(()));
        assert_eq!(judge(&certificate(&["2001:db8::1"], &value, |_| {}), &v6, &value), Ok(()));
        assert!(judge(&certificate(&["192.0.2.2"], &value, |_| {}), &v4, &value).is_err());
        assert!(judge(&certificate(&["1.2.0.192.in-addr.arpa"], &value, |_| {}), &v4, &value).is_err());
    }
}
