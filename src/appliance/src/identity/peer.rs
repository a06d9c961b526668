//! A client certificate that has been shown, and the authorities that may have issued it.
//!
//! The chain must hold: signature, authority, client authentication. A certificate past its validity is let
//! through to here, so that its holder, having proved possession of the key, can be told so and the attempt
//! be entered (decision 13); logging inside the verifier would let anyone replay another's certificate.

use pki::Certificate;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::EndEntityCert;

use super::CallerKind;

/// One authority whose certificates name callers.
#[derive(Debug, Clone)]
pub struct ClientAuthority {
    /// The authority's label in the key hierarchy.
    pub label: String,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// The kinds of callers it may name (decision 12).
    pub kinds: Vec<CallerKind>,
}

/// The authorities in force.
#[derive(Debug)]
pub struct ClientAuthorities {
    all: Vec<Authority>,
}

#[derive(Debug)]
struct Authority {
    label: String,
    anchor: TrustAnchor<'static>,
    subject: Vec<u8>,
    kinds: Vec<CallerKind>,
    not_before: u64,
    not_after: u64,
}

/// A client certificate under one of our authorities, whatever its dates and whether or not it is revoked.
#[derive(Debug, Clone)]
pub struct Peer {
    /// SHA-256 of the certificate, lower-case hex.
    pub fingerprint: String,
    /// Serial number, lower-case hex without leading zero octets.
    pub serial: String,
    /// Label of the authority that issued it.
    pub issuer: String,
    /// The kinds of callers that authority may name.
    pub kinds: Vec<CallerKind>,
    /// The URIs among its alternative names; exactly one names a caller.
    pub uris: Vec<String>,
    /// Whether its usages say client authentication, in so many words.
    pub client_authentication: bool,
    /// Start of validity, Unix seconds.
    pub not_before: u64,
    /// End of validity, Unix seconds.
    pub not_after: u64,
}

/// Why a certificate does not get past the handshake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// Not a certificate that can be read.
    #[error("the certificate cannot be read: {0}")]
    Unreadable(String),
    /// Not issued by an authority of ours.
    #[error("the certificate was not issued by a configured authority")]
    UnknownAuthority,
    /// Names an authority of ours, but does not hold up.
    #[error("the certificate does not hold: {0}")]
    Unsound(String),
}

impl ClientAuthorities {
    /// Takes the authorities' certificates.
    ///
    /// # Errors
    /// [`PeerError`] when a certificate cannot be read as a trust anchor.
    pub fn new(authorities: impl IntoIterator<Item = ClientAuthority>) -> Result<Self, PeerError> {
        let all = authorities.into_iter().map(Authority::read).collect::<Result<_, _>>()?;
        Ok(Self { all })
    }

    /// Subject names, DER: what the server tells clients it accepts.
    #[must_use]
    pub fn subjects(&self) -> Vec<Vec<u8>> {
        self.all.iter().map(|authority| authority.subject.clone()).collect()
    }

    /// Labels of all authorities.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|authority| authority.label.as_str())
    }

    /// Checks the chain of a client certificate, its dates apart.
    ///
    /// # Errors
    /// [`PeerError`]: nothing that ends here is identified; the handshake fails.
    pub fn authenticate(&self, leaf: &CertificateDer<'_>, now: UnixTime) -> Result<Peer, PeerError> {
        let unreadable = |error: &dyn std::fmt::Display| PeerError::Unreadable(error.to_string());
        let parsed = Certificate::from_der(leaf).map_err(|error| unreadable(&error))?;
        let (not_before, not_after) = validity(&parsed);
        if not_before > not_after {
            return Err(PeerError::Unsound("its validity ends before it begins".to_owned()));
        }
        // The dates are judged per request; the chain is judged at a time when the leaf was valid.
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            now.as_secs().clamp(not_before, not_after),
        ));
        let end_entity = EndEntityCert::try_from(leaf).map_err(|error| unreadable(&error))?;
        let mut failure = PeerError::UnknownAuthority;
        for authority in self.all.iter().filter(|authority| authority.subject == parsed.issuer().der()) {
            if !(authority.not_before..=authority.not_after).contains(&now.as_secs()) {
                failure =
                    PeerError::Unsound(format!("authority `{}` is outside its validity", authority.label));
                continue;
            }
            match end_entity.verify_for_usage(
                rustls::crypto::ring::default_provider().signature_verification_algorithms.all,
                std::slice::from_ref(&authority.anchor),
                &[],
                at,
                webpki::KeyUsage::client_auth(),
                None,
                None,
            ) {
                Ok(_) => {
                    return Ok(Peer {
                        fingerprint: hex::encode(parsed.sha256_fingerprint()),
                        serial: serial_hex(parsed.serial()),
                        issuer: authority.label.clone(),
                        kinds: authority.kinds.clone(),
                        uris: parsed.uri_sans().map(ToOwned::to_owned).collect(),
                        client_authentication: client_authentication(&parsed),
                        not_before,
                        not_after,
                    });
                }
                Err(error) => failure = PeerError::Unsound(error.to_string()),
            }
        }
        Err(failure)
    }
}

impl Authority {
    fn read(authority: ClientAuthority) -> Result<Self, PeerError> {
        let unreadable = |error: &dyn std::fmt::Display| {
            PeerError::Unreadable(format!("authority `{}`: {error}", authority.label))
        };
        let der = CertificateDer::from(authority.certificate.as_slice());
        let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|error| unreadable(&error))?.to_owned();
        let parsed = Certificate::from_der(&der).map_err(|error| unreadable(&error))?;
        let (not_before, not_after) = validity(&parsed);
        Ok(Self {
            subject: parsed.subject().der().to_vec(),
            not_before,
            not_after,
            label: authority.label,
            kinds: authority.kinds,
            anchor,
        })
    }
}

fn validity(certificate: &Certificate) -> (u64, u64) {
    let seconds = |at: i64| u64::try_from(at).unwrap_or(0);
    (seconds(certificate.not_before()), seconds(certificate.not_after()))
}

fn client_authentication(certificate: &Certificate) -> bool {
    certificate
        .extended_key_usages()
        .is_some_and(|usages| usages.iter().any(|usage| usage.to_string() == CLIENT_AUTH))
}

/// id-kp-clientAuth, RFC 5280 §4.2.1.12. anyExtendedKeyUsage does not count.
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

/// A serial number as the register keeps it: lower-case hex without leading zero octets.
#[must_use]
pub fn serial_hex(serial: &[u8]) -> String {
    match serial {
        [0, rest @ ..] if !rest.is_empty() => serial_hex(rest),
        all => hex::encode(all),
    }
}
