//! Certificate revocation lists: ours written, anyone's read.
//!
//! A list of ours always carries a critical issuingDistributionPoint whose URI equals the certificates' CRL-DP byte for
//! byte, so one shard cannot be passed off as another. Reading keeps everything a checker must honour (RFC 5280 §5.2,
//! §6.3.3); deciding what a list proves is `path::revocation`'s work.

use std::{collections::HashMap, sync::Arc};

use crypto::{SignError, SignatureScheme, Signer};
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use crate::{
    asn1::{
        self, Asn1Error, BIT_STRING, ENUMERATED, GENERALIZED_TIME, INTEGER, Reader, Rules, SEQUENCE, UTC_TIME,
    },
    certificate::{Certificate, SignatureError},
    extensions::{RawExtension, full_name_uris},
    issue::{assemble, authority_key_identifier, distribution_point, extension},
    name::Name,
    oids,
    pem::{self, PemError},
    time,
};

/// CRLReason (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants' names are the standard's")]
pub enum Reason {
    Unspecified = 0,
    KeyCompromise = 1,
    CaCompromise = 2,
    AffiliationChanged = 3,
    Superseded = 4,
    CessationOfOperation = 5,
    CertificateHold = 6,
    RemoveFromCrl = 8,
    PrivilegeWithdrawn = 9,
    AaCompromise = 10,
}

impl Reason {
    const ALL: [(Self, &'static str); 10] = [
        (Self::Unspecified, "unspecified"),
        (Self::KeyCompromise, "keyCompromise"),
        (Self::CaCompromise, "cACompromise"),
        (Self::AffiliationChanged, "affiliationChanged"),
        (Self::Superseded, "superseded"),
        (Self::CessationOfOperation, "cessationOfOperation"),
        (Self::CertificateHold, "certificateHold"),
        (Self::RemoveFromCrl, "removeFromCRL"),
        (Self::PrivilegeWithdrawn, "privilegeWithdrawn"),
        (Self::AaCompromise, "aACompromise"),
    ];

    /// The standard's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("unspecified", |(_, name)| name)
    }

    /// The reason of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(reason, _)| *reason)
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().find(|(reason, _)| *reason as u8 == code).map(|(reason, _)| *reason)
    }
}

/// When and why a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// revocationDate, Unix seconds.
    pub time: i64,
    /// reasonCode, when given.
    pub reason: Option<Reason>,
}

/// What a new CRL shall say.
#[derive(Clone, Debug)]
pub struct CrlBuilder {
    /// cRLNumber: increases per shard.
    pub number: u64,
    /// thisUpdate, Unix seconds.
    pub this_update: i64,
    /// nextUpdate, Unix seconds.
    pub next_update: i64,
    /// The shard's URI, as the certificates' cRLDistributionPoints has it.
    pub distribution_point: Option<String>,
    /// Serial numbers (any big-endian form) and their revocation.
    pub revoked: Vec<(Vec<u8>, Revoked)>,
}

/// Why no CRL was made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CrlIssueError {
    /// The key is not the issuer's.
    #[error("the signing key does not belong to the CRL issuer")]
    WrongKey,
    /// A time outside years 1950-9999, or nextUpdate not after thisUpdate.
    #[error("CRL times cannot be expressed")]
    Time,
    /// One serial number twice.
    #[error("serial number listed twice")]
    Duplicate,
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl CrlBuilder {
    /// Signs the list and returns its DER.
    ///
    /// # Errors
    /// [`CrlIssueError`].
    pub fn build(&self, issuer: &Certificate, signer: &dyn Signer) -> Result<Vec<u8>, CrlIssueError> {
        if issuer.spki() != signer.public_key() {
            return Err(CrlIssueError::WrongKey);
        }
        if self.next_update <= self.this_update {
            return Err(CrlIssueError::Time);
        }
        let algorithm = signer.scheme().algorithm_identifier();
        let encode = |seconds| time::encode(seconds).ok_or(CrlIssueError::Time);
        let mut entries: Vec<_> =
            self.revoked.iter().map(|(serial, revoked)| (asn1::unsigned(serial), *revoked)).collect();
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        let mut list = Vec::with_capacity(entries.len());
        let mut previous: Option<&[u8]> = None;
        for (serial, revoked) in &entries {
            if previous == Some(serial) {
                return Err(CrlIssueError::Duplicate);
            }
            previous = Some(serial);
            // RFC 5280 §5.3.1: unspecified is said by leaving the code out.
            let reason = match revoked.reason {
                None | Some(Reason::Unspecified) => Vec::new(),
                Some(reason) => {
                    let code = asn1::tlv(ENUMERATED, &[reason as u8]);
                    asn1::tlv(SEQUENCE, &extension(oids::REASON_CODE, false, &code))
                }
            };
            list.push(asn1::join(SEQUENCE, &[serial.clone(), encode(revoked.time)?, reason]));
        }
        let mut extensions = Vec::new();
        if let Some(value) = authority_key_identifier(issuer) {
            extensions.push(extension(oids::AUTHORITY_KEY_IDENTIFIER, false, &value));
        }
        extensions.push(extension(oids::CRL_NUMBER, false, &asn1::unsigned(&self.number.to_be_bytes())));
        if let Some(uri) = &self.distribution_point {
            let point = asn1::tlv(SEQUENCE, &distribution_point(uri));
            extensions.push(extension(oids::ISSUING_DISTRIBUTION_POINT, true, &point));
        }
        let tbs = asn1::join(
            SEQUENCE,
            &[
                asn1::unsigned(&[1]),
                algorithm.clone(),
                issuer.subject().der().to_vec(),
                encode(self.this_update)?,
                encode(self.next_update)?,
                if list.is_empty() { Vec::new() } else { asn1::join(SEQUENCE, &list) },
                asn1::tlv(0xA0, &asn1::join(SEQUENCE, &extensions)),
            ],
        );
        let signature = signer.sign(&tbs)?;
        Ok(assemble(&tbs, &algorithm, &signature))
    }
}

/// A CRL as read. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Crl(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    der: Vec<u8>,
    tbs: std::ops::Range<usize>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    issuer: Name,
    this_update: i64,
    next_update: Option<i64>,
    number: Option<Vec<u8>>,
    revoked: HashMap<Box<[u8]>, Revoked>,
    scope: Scope,
    is_delta: bool,
    unprocessed_critical: Vec<ObjectIdentifier>,
}

/// issuingDistributionPoint (RFC 5280 §5.2.5): which certificates the list speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// URIs of the distribution point; `None` when no name is given.
    pub distribution_points: Option<Vec<String>>,
    /// Only end-entity certificates.
    pub only_user: bool,
    /// Only CA certificates.
    pub only_ca: bool,
    /// Only attribute certificates.
    pub only_attribute: bool,
    /// Only some reasons.
    pub some_reasons: bool,
    /// Entries of other issuers.
    pub indirect: bool,
}

/// Why bytes are not a CRL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CrlError {
    /// Not DER of the right shape.
    #[error("malformed CRL: {0}")]
    Malformed(#[from] Asn1Error),
    /// Not PEM of the right shape.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Over 64 MiB.
    #[error("CRL of {len} octets is too large")]
    TooLarge {
        /// Its length.
        len: usize,
    },
    /// A version other than v1 and v2, or extensions in v1.
    #[error("CRL version is not allowed")]
    Version,
    /// The signed and the unsigned algorithm identifier differ (RFC 5280 §5.1.1.2).
    #[error("inner and outer signature algorithms differ")]
    AlgorithmMismatch,
}

impl Crl {
    /// Reads one DER CRL with nothing after it.
    ///
    /// # Errors
    /// [`CrlError`].
    pub fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        if der.len() > MAX_LEN {
            return Err(CrlError::TooLarge { len: der.len() });
        }
        let mut outer = Reader::only(der, Rules::Der, SEQUENCE)?.reader();
        let tbs = outer.expect(SEQUENCE)?;
        let algorithm = outer.expect(SEQUENCE)?.raw;
        let signature = outer.expect(BIT_STRING)?.aligned_bits()?.to_vec();
        outer.finish()?;

        let mut fields = tbs.reader();
        let version = fields.optional(INTEGER)?.map(|version| version.small()).transpose()?;
        if version.is_some_and(|version| version != 1) {
            return Err(CrlError::Version);
        }
        if fields.expect(SEQUENCE)?.raw != algorithm {
            return Err(CrlError::AlgorithmMismatch);
        }
        let issuer = Name::from_der(fields.expect(SEQUENCE)?.raw)?;
        let this_update = fields.next()?.time()?;
        let next_update = match fields.peek() {
            Some(UTC_TIME | GENERALIZED_TIME) => Some(fields.next()?.time()?),
            _ => None,
        };
        let mut inner = Inner {
            tbs: tbs.offset..tbs.offset + tbs.raw.len(),
            der: der.to_vec(),
            algorithm: algorithm.to_vec(),
            signature,
            issuer,
            this_update,
            next_update,
            number: None,
            revoked: HashMap::new(),
            scope: Scope::default(),
            is_delta: false,
            unprocessed_critical: Vec::new(),
        };
        if let Some(list) = fields.optional(SEQUENCE)? {
            let mut entries = list.reader();
            while !entries.is_empty() {
                inner.read_entry(entries.expect(SEQUENCE)?.reader())?;
            }
        }
        if let Some(explicit) = fields.optional(0xA0)? {
            if version.is_none() {
                return Err(CrlError::Version);
            }
            let sequence = Reader::only(explicit.content, Rules::Der, SEQUENCE)?;
            for extension in RawExtension::read_all(&sequence)? {
                inner.read_extension(&extension)?;
            }
        }
        fields.finish()?;
        Ok(Self(Arc::new(inner)))
    }

    /// Reads a file that is either PEM (many) or DER (one).
    ///
    /// # Errors
    /// [`CrlError`].
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Vec<Self>, CrlError> {
        if pem::is_pem(bytes) {
            return pem::decode(bytes, PEM_LABEL)?.iter().map(|der| Self::from_der(der)).collect();
        }
        Self::from_der(bytes).map(|crl| vec![crl])
    }

    /// The list as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(self.der(), PEM_LABEL)
    }

    /// The exact encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Who issued the list.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// thisUpdate, Unix seconds.
    #[must_use]
    pub fn this_update(&self) -> i64 {
        self.0.this_update
    }

    /// nextUpdate, Unix seconds.
    #[must_use]
    pub fn next_update(&self) -> Option<i64> {
        self.0.next_update
    }

    /// cRLNumber's content octets.
    #[must_use]
    pub fn number(&self) -> Option<&[u8]> {
        self.0.number.as_deref()
    }

    /// Which certificates it speaks of.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// Whether it is a delta CRL, which proves nothing alone.
    #[must_use]
    pub fn is_delta(&self) -> bool {
        self.0.is_delta
    }

    /// Critical extensions, of the list or of an entry, that this crate does not process.
    #[must_use]
    pub fn unprocessed_critical_extensions(&self) -> &[ObjectIdentifier] {
        &self.0.unprocessed_critical
    }

    /// How many certificates it lists.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.revoked.len()
    }

    /// Whether it lists none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.revoked.is_empty()
    }

    /// The entry for a serial number, as [`Certificate::serial`] has it.
    #[must_use]
    pub fn lookup(&self, serial: &[u8]) -> Option<Revoked> {
        self.0.revoked.get(serial).copied()
    }

    /// Verifies the signature with the issuer's key, over the original bytes.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_signature(&self, issuer_spki: &[u8]) -> Result<(), SignatureError> {
        let scheme = SignatureScheme::from_algorithm(&self.0.algorithm, issuer_spki)?;
        let tbs = self.0.der.get(self.0.tbs.clone()).unwrap_or_default();
        Ok(crypto::verify(issuer_spki, scheme, tbs, &self.0.signature)?)
    }
}

impl Inner {
    fn read_entry(&mut self, mut fields: Reader<'_>) -> Result<(), CrlError> {
        let serial = fields.expect(INTEGER)?.integer()?;
        let mut revoked = Revoked { time: fields.next()?.time()?, reason: None };
        if let Some(extensions) = fields.optional(SEQUENCE)? {
            for extension in RawExtension::read_all(&extensions)? {
                match extension.id {
                    oids::REASON_CODE => {
                        let code = Reader::only(extension.value, Rules::Der, ENUMERATED)?;
                        revoked.reason = match code.content {
                            [code] => Reason::from_code(*code),
                            _ => return Err(code.invalid("CRLReason").into()),
                        };
                    }
                    oids::INVALIDITY_DATE => {}
                    id if extension.critical && !self.unprocessed_critical.contains(&id) => {
                        self.unprocessed_critical.push(id);
                    }
                    _ => {}
                }
            }
        }
        fields.finish()?;
        self.revoked.insert(serial.into(), revoked);
        Ok(())
    }

    fn read_extension(&mut self, extension: &RawExtension<'_>) -> Result<(), CrlError> {
        match extension.id {
            oids::CRL_NUMBER => {
                self.number = Some(Reader::only(extension.value, Rules::Der, INTEGER)?.integer()?.to_vec());
            }
            oids::DELTA_CRL_INDICATOR => self.is_delta = true,
            oids::AUTHORITY_KEY_IDENTIFIER => {}
            oids::ISSUING_DISTRIBUTION_POINT => {
                let mut fields = Reader::only(extension.value, Rules::Der, SEQUENCE)?.reader();
                if let Some(point) = fields.optional(0xA0)? {
                    self.scope.distribution_points = Some(full_name_uris(&point)?);
                }
                let flag = |fields: &mut Reader<'_>, tag| -> Result<bool, Asn1Error> {
                    Ok(fields.optional(tag)?.map(|flag| flag.boolean()).transpose()?.unwrap_or(false))
                };
                self.scope.only_user = flag(&mut fields, 0x81)?;
                self.scope.only_ca = flag(&mut fields, 0x82)?;
                self.scope.some_reasons = fields.optional(0x83)?.is_some();
                self.scope.indirect = flag(&mut fields, 0x84)?;
                self.scope.only_attribute = flag(&mut fields, 0x85)?;
                fields.finish()?;
            }
            id if extension.critical => self.unprocessed_critical.push(id),
            _ => {}
        }
        Ok(())
    }
}

const PEM_LABEL: &str = "X509 CRL";

/// The largest public CRLs have a few tens of megabytes.
const MAX_LEN: usize = 64 * 1024 * 1024;
