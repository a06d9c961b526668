//! Certification requests (PKCS#10, RFC 2986): made for our own keys, read from others.
//!
//! A [`CertificationRequest`] exists only with its proof of possession verified, for a key that is fit, with names that
//! are what they seem. What it asks for is a wish: the issuing side takes the key and holds the names against a profile;
//! extensions other than names are shown, and ignored by whoever does not ask for them.

use crypto::{SignError, SignatureScheme, Signer};
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use crate::{
    asn1::{
        self, Asn1Error, BIT_STRING, IA5_STRING, INTEGER, PRINTABLE_STRING, Reader, Rules, SEQUENCE, SET,
        Tlv, UTF8_STRING,
    },
    certificate::SignatureError,
    extensions::{Extensions, GeneralName, KeyUsage},
    issue::{assemble, extension},
    key::{KeyAlgorithm, KeyFault, PublicKey},
    name::{Name, Subject, ValueFault, attributes, syntax},
    oids,
    pem::{self, PemError},
    profile::NameKind,
};

/// A request whose signature was made with the key it names.
// INVARIANT: made only by `from_der`, after the proof of possession verified.
#[derive(Clone)]
pub struct CertificationRequest {
    der: Vec<u8>,
    subject: Name,
    spki: Vec<u8>,
    key: PublicKey,
    wanted: Extensions,
    challenge_password: Option<String>,
}

/// Shows whose it is: the challenge password is a secret.
impl std::fmt::Debug for CertificationRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificationRequest").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Why bytes are not an acceptable request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Not DER of the right shape.
    #[error("malformed certification request: {0}")]
    Malformed(#[from] Asn1Error),
    /// Not PEM of the right shape.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Over 64 KiB.
    #[error("certification request of {len} octets is too large")]
    TooLarge {
        /// Its length.
        len: usize,
    },
    /// More than one request in a PEM file.
    #[error("{found} certification requests where one is expected")]
    Several {
        /// How many.
        found: usize,
    },
    /// The key is weak, malformed or of an algorithm that is not accepted.
    #[error("public key: {0}")]
    Key(#[from] KeyFault),
    /// A critical extension is asked for that no certificate of ours could have.
    #[error("critical extension {oid} is unknown")]
    CriticalExtension {
        /// Its identifier.
        oid: ObjectIdentifier,
    },
    /// An attribute twice, where one value counts.
    #[error("attribute {oid} stands twice")]
    AttributeTwice {
        /// Its identifier.
        oid: ObjectIdentifier,
    },
    /// A subject attribute with CR, LF, NUL, other controls, or characters that hide or turn others.
    #[error("subject attribute `{attribute}`: {fault}")]
    Subject {
        /// Its name or identifier.
        attribute: String,
        /// Why.
        fault: ValueFault,
    },
    /// An alternative name of a form that is never certified: directory, other, registered identifier, X.400, EDI.
    #[error("alternative names of form {form} are not accepted")]
    NameForm {
        /// The form (RFC 5280 §4.2.1.6).
        form: &'static str,
    },
    /// An alternative name that is not of its form's syntax.
    #[error("`{}` is not a {form}", name.escape_debug())]
    NameSyntax {
        /// The form.
        form: &'static str,
        /// The name as it stands there.
        name: String,
    },
    /// More alternative names than anybody needs.
    #[error("{found} alternative names; at most {most} are accepted")]
    TooManyNames {
        /// How many.
        found: usize,
        /// The bound.
        most: usize,
    },
    /// The requester has not shown that it holds the key.
    #[error("proof of possession fails: {0}")]
    ProofOfPossession(#[from] SignatureError),
}

impl CertificationRequest {
    /// Reads a request and verifies its proof of possession.
    ///
    /// `CertificationRequestInfo ::= SEQUENCE { version INTEGER (0), subject, subjectPKInfo, attributes [0] SET OF }`
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > MAX_LEN {
            return Err(RequestError::TooLarge { len: der.len() });
        }
        let mut outer = Reader::only(der, Rules::Der, SEQUENCE)?.reader();
        let info = outer.expect(SEQUENCE)?;
        let algorithm = outer.expect(SEQUENCE)?.raw;
        let signature = outer.expect(BIT_STRING)?.aligned_bits()?;
        outer.finish()?;
        let mut fields = info.reader();
        let version = fields.expect(INTEGER)?;
        if version.small()? != 0 {
            return Err(version.invalid("version").into());
        }
        let subject = Name::from_der(fields.expect(SEQUENCE)?.raw)?;
        let spki = fields.expect(SEQUENCE)?.raw.to_vec();
        let key = PublicKey::from_spki(&spki)?;
        let (mut wanted, mut challenge_password) = (None, None);
        // Some clients leave the empty attributes out, although they are not OPTIONAL.
        if let Some(attributes) = fields.optional(0xA0)? {
            for attribute in attributes.reader().all(32)? {
                let mut parts = attribute.reader();
                let oid = parts.expect(asn1::OID)?.oid()?;
                let values = parts.expect(SET)?;
                parts.finish()?;
                let twice = match oid {
                    oids::EXTENSION_REQUEST => {
                        let list = Reader::only(values.content, Rules::Der, SEQUENCE)?;
                        wanted.replace(Extensions::read(&list)?).is_some()
                    }
                    oids::CHALLENGE_PASSWORD => challenge_password.replace(password(&values)?).is_some(),
                    _ => false,
                };
                if twice {
                    return Err(RequestError::AttributeTwice { oid });
                }
            }
        }
        fields.finish()?;
        let wanted = wanted.unwrap_or_default();
        check_subject(&subject)?;
        check_extensions(&wanted)?;
        let scheme = SignatureScheme::from_algorithm(algorithm, &spki).map_err(SignatureError::from)?;
        crypto::verify(&spki, scheme, info.raw, signature).map_err(SignatureError::from)?;
        Ok(Self { der: der.to_vec(), subject, spki, key, wanted, challenge_password })
    }

    /// Reads a PEM or DER file with one request.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self, RequestError> {
        if !pem::is_pem(bytes) {
            return Self::from_der(bytes);
        }
        let limit = MAX_LEN * 2;
        if bytes.len() > limit {
            return Err(RequestError::TooLarge { len: bytes.len() });
        }
        // RFC 7468 §7; the other label is what older Microsoft tools write.
        let blocks =
            pem::decode(bytes, PEM_LABEL).or_else(|_| pem::decode(bytes, "NEW CERTIFICATE REQUEST"))?;
        match blocks.as_slice() {
            [one] => Self::from_der(one),
            several => Err(RequestError::Several { found: several.len() }),
        }
    }

    /// Makes a request for the signer's own key.
    ///
    /// # Errors
    /// [`SignError`]. Names of a form that is never written are left out.
    pub fn make(signer: &dyn Signer, subject: &Subject, names: &[GeneralName]) -> Result<Vec<u8>, SignError> {
        let encoded: Vec<_> = names.iter().filter_map(GeneralName::encode).collect();
        let attributes = if encoded.is_empty() {
            Vec::new()
        } else {
            let extension = extension(oids::SUBJECT_ALT_NAME, false, &asn1::join(SEQUENCE, &encoded));
            let value = asn1::tlv(SET, &asn1::tlv(SEQUENCE, &extension));
            asn1::join(SEQUENCE, &[asn1::oid(oids::EXTENSION_REQUEST), value])
        };
        let info = asn1::join(
            SEQUENCE,
            &[
                &asn1::unsigned(&[0]),
                subject.to_name().der(),
                signer.public_key(),
                &asn1::tlv(0xA0, &attributes),
            ],
        );
        let signature = signer.sign(&info)?;
        Ok(assemble(&info, &signer.scheme().algorithm_identifier(), &signature))
    }

    /// The exact encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The request as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(&self.der, PEM_LABEL)
    }

    /// The subject asked for.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The key, DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// What kind of key it is.
    #[must_use]
    pub fn key_algorithm(&self) -> KeyAlgorithm {
        self.key.algorithm()
    }

    /// Subject alternative names asked for, each of its form's syntax.
    #[must_use]
    pub fn subject_alt_names(&self) -> &[GeneralName] {
        &self.wanted.subject_alt_names
    }

    /// Purposes asked for; profiles give their own.
    #[must_use]
    pub fn extended_key_usages(&self) -> &[ObjectIdentifier] {
        self.wanted.extended_key_usages.as_deref().unwrap_or_default()
    }

    /// Key usage asked for; profiles give their own.
    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.wanted.key_usage.map(KeyUsage::from_bits)
    }

    /// The challenge password (PKCS#9 §5.4.1), which RFC 7030 §3.5 and one-time secrets use. A secret: never log it.
    #[must_use]
    pub fn challenge_password(&self) -> Option<&str> {
        self.challenge_password.as_deref()
    }
}

/// No attribute may hold what shows as something else. Which attributes there may be, and how long, is the profile's.
fn check_subject(subject: &Name) -> Result<(), RequestError> {
    for (oid, value) in subject.attributes() {
        if let Some(character) = value.chars().find(|character| syntax::is_treacherous(*character)) {
            let attribute =
                attributes::by_oid(oid).map_or_else(|| oid.to_string(), |kind| kind.name.to_owned());
            let fault = ValueFault::Character { code: u32::from(character) };
            return Err(RequestError::Subject { attribute, fault });
        }
    }
    Ok(())
}

fn check_extensions(wanted: &Extensions) -> Result<(), RequestError> {
    if let Some(oid) = wanted.unprocessed_critical.first() {
        return Err(RequestError::CriticalExtension { oid: *oid });
    }
    let names = &wanted.subject_alt_names;
    if names.len() > MAX_NAMES {
        return Err(RequestError::TooManyNames { found: names.len(), most: MAX_NAMES });
    }
    for name in names {
        let form = name.kind();
        if NameKind::of(name).is_none() {
            return Err(RequestError::NameForm { form });
        }
        if !syntax::is_name(name, true) {
            return Err(RequestError::NameSyntax { form, name: name.to_string() });
        }
    }
    Ok(())
}

/// A DirectoryString of printable characters.
fn password(values: &Tlv<'_>) -> Result<String, Asn1Error> {
    let value = values.reader().next()?;
    match std::str::from_utf8(value.content) {
        Ok(text) if matches!(value.tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING) => Ok(text.to_owned()),
        _ => Err(value.invalid("challengePassword")),
    }
}

/// Of any profile's alternative names.
const MAX_NAMES: usize = 1000;

const PEM_LABEL: &str = "CERTIFICATE REQUEST";
const MAX_LEN: usize = 64 * 1024;
