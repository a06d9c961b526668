//! Issuing certificates: wish → profile applied → examined → signed.
//!
//! The order is in the types: [`prepare`] is the only way to a [`Linted`], and [`Linted::sign`] the only way to a signed
//! certificate. What is examined is the finished certificate, under a throw-away signature. Serial numbers, times and
//! addresses are parameters. The issuer's name is copied byte for byte from its certificate, so chains match by bytes.
//! Called by the ceremony and by the appliance's issuance; who may ask is theirs to decide.

mod apply;
mod lint;

use crypto::{DigestAlgorithm, KeyError, SignError, SignatureScheme, Signer};
use der::asn1::ObjectIdentifier;
use thiserror::Error;

pub use apply::WishError;
pub use lint::{Finding, Lint, lint};

use crate::{
    asn1::{self, BOOLEAN, OCTET_STRING, SEQUENCE},
    certificate::{Certificate, CertificateError, SignatureError},
    extensions::GeneralName,
    key::key_identifier,
    name::Subject,
    profile::Profile,
};

/// What is asked for; the profile decides.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Whose it shall be. Attributes that the profile fixes can be left out.
    pub subject: Subject,
    /// Subject alternative names.
    pub names: Vec<GeneralName>,
    /// The subject's public key, DER SubjectPublicKeyInfo; possession of its other half is shown before (`request`).
    pub public_key: Vec<u8>,
    /// First second of validity, Unix time; the profile's when absent.
    pub not_before: Option<i64>,
    /// Last second of validity, Unix time; the profile's when absent. Shortened to the issuer's end.
    pub not_after: Option<i64>,
}

/// Where a relying party finds what belongs to a certificate; written as far as the profile says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The CRL of its shard; equals that CRL's issuingDistributionPoint byte for byte.
    pub crl: Option<String>,
    /// The issuer's OCSP responder.
    pub ocsp: Option<String>,
    /// The issuer's certificate.
    pub ca_issuers: Option<String>,
}

/// Who issues.
#[derive(Clone, Copy, Debug)]
pub enum IssuerRef<'a> {
    /// The new certificate's own key: a root.
    SelfSigned,
    /// An existing CA.
    Ca(&'a Certificate),
}

/// Why nothing was issued.
#[derive(Debug, Error)]
pub enum IssueError {
    /// The profile does not give what is asked for.
    #[error(transparent)]
    Wish(#[from] WishError),
    /// The profile has the certificate say where something is found, and the place is not known.
    #[error("profile `{profile}` names the {place}, whose address is missing")]
    Place {
        /// The profile.
        profile: String,
        /// What is not known.
        place: &'static str,
    },
    /// The finished certificate breaks rules; nothing was signed.
    #[error("certificate refused: {}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Lint {
        /// Every rule broken.
        findings: Vec<Finding>,
    },
    /// No authority of ours signs by that scheme.
    #[error("issuers do not sign by {scheme:?} here")]
    Scheme {
        /// The scheme.
        scheme: SignatureScheme,
    },
    /// No throw-away key could be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What the key signed does not verify; it is nobody's certificate.
    #[error("the issuer's signature does not verify: {0}")]
    Signature(#[from] SignatureError),
    /// The finished certificate cannot even be read back.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The signing key is not the issuer's.
    #[error("the signing key does not belong to the issuer")]
    WrongKey,
    /// The subject's key is not SubjectPublicKeyInfo.
    #[error("malformed subject public key")]
    MalformedKey,
    /// A time outside years 1950-9999.
    #[error("validity cannot be expressed")]
    Time,
    /// A subject alternative name of a form that is never written.
    #[error("unsupported form of subject alternative name")]
    AlternativeName,
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Makes a serial number of 159 random bits: positive, at most 20 octets encoded (RFC 5280 §4.1.2.2).
/// `random` must come from a cryptographic source.
#[must_use]
pub fn serial_from_random(mut random: [u8; 20]) -> [u8; 20] {
    if let Some(first) = random.first_mut() {
        *first &= 0x7F;
    }
    random
}

/// A certificate that passed every examination and waits for its issuer's signature.
// INVARIANT: made only by `prepare`, after every lint passed.
#[derive(Debug)]
pub struct Linted {
    draft: Certificate,
    issuer_spki: Vec<u8>,
    scheme: SignatureScheme,
}

/// Applies a profile to a wish and examines what comes of it. `now` is Unix time; `scheme` is how the issuer's key signs.
///
/// # Errors
/// [`IssueError`]; nothing was signed with any key that matters.
pub fn prepare(
    profile: &Profile,
    wish: &Wish,
    issuer: IssuerRef<'_>,
    places: &Places,
    serial: [u8; 20],
    now: i64,
    scheme: SignatureScheme,
) -> Result<Linted, IssueError> {
    let key = crypto::throw_away(scheme)?.ok_or(IssueError::Scheme { scheme })?;
    let algorithm = scheme.algorithm_identifier();
    let tbs = apply::to_be_signed(profile, wish, issuer, places, serial, now, &algorithm)?;
    let draft = Certificate::from_der(&assemble(&tbs, &algorithm, &key.sign(&tbs)?))?;
    let findings = lint(&draft, profile, issuer);
    if !findings.is_empty() {
        return Err(IssueError::Lint { findings });
    }
    let issuer_spki = match issuer {
        IssuerRef::SelfSigned => wish.public_key.clone(),
        IssuerRef::Ca(certificate) => certificate.spki().to_vec(),
    };
    Ok(Linted { draft, issuer_spki, scheme })
}

impl Linted {
    /// The certificate under its throw-away signature; not valid anywhere.
    #[must_use]
    pub fn draft(&self) -> &Certificate {
        &self.draft
    }

    /// What will be signed.
    #[must_use]
    pub fn tbs(&self) -> &[u8] {
        self.draft.tbs()
    }

    /// SHA-256 of what will be signed: an intent names the certificate by it.
    #[must_use]
    pub fn tbs_digest(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        for (to, from) in digest.iter_mut().zip(DigestAlgorithm::Sha256.digest(self.tbs())) {
            *to = from;
        }
        digest
    }

    /// The serial number's content octets.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        self.draft.serial()
    }

    /// First second of validity, Unix time.
    #[must_use]
    pub fn not_before(&self) -> i64 {
        self.draft.not_before()
    }

    /// Last second of validity, Unix time.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.draft.not_after()
    }

    /// Signs with the issuer's key, and only with that; verifies what the key answered, so that a fault in a device
    /// never becomes a certificate.
    ///
    /// # Errors
    /// [`IssueError::WrongKey`], [`IssueError::Sign`] and [`IssueError::Signature`].
    pub fn sign(self, issuer: &dyn Signer) -> Result<Certificate, IssueError> {
        if issuer.public_key() != self.issuer_spki || issuer.scheme() != self.scheme {
            return Err(IssueError::WrongKey);
        }
        let signature = issuer.sign(self.tbs())?;
        let der = assemble(self.tbs(), self.draft.signature_algorithm(), &signature);
        let certificate = Certificate::from_der(&der)?;
        certificate.verify_signature(&self.issuer_spki)?;
        Ok(certificate)
    }
}

/// SEQUENCE { tbs, algorithm, BIT STRING signature }: certificates, CRLs and requests alike.
pub(crate) fn assemble(tbs: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    asn1::join(SEQUENCE, &[tbs, algorithm, &asn1::bit_string(signature)])
}

/// One `Extension`.
pub(crate) fn extension(id: ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { asn1::tlv(BOOLEAN, &[0xFF]) } else { Vec::new() };
    asn1::join(SEQUENCE, &[asn1::oid(id), critical, asn1::tlv(OCTET_STRING, value)])
}

/// `DistributionPointName` in its explicit `[0]`, holding one URI.
pub(crate) fn distribution_point(uri: &str) -> Vec<u8> {
    asn1::tlv(0xA0, &asn1::tlv(0xA0, &asn1::tlv(0x86, uri.as_bytes())))
}

/// The AuthorityKeyIdentifier extension's value for certificates and CRLs of that CA.
pub(crate) fn authority_key_identifier(ca: &Certificate) -> Option<Vec<u8>> {
    let id = ca.subject_key_id().map(<[u8]>::to_vec).or_else(|| key_identifier(ca.spki()))?;
    Some(asn1::tlv(SEQUENCE, &asn1::tlv(0x80, &id)))
}
