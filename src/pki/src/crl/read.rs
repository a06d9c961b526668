//! Reading a CRL.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use crypto::{DigestAlgorithm, SignatureScheme};
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use super::{Reason, Revoked};
use crate::{
    asn1::{Asn1Error, BIT_STRING, ENUMERATED, GENERALIZED_TIME, INTEGER, Reader, Rules, SEQUENCE, UTC_TIME},
    certificate::SignatureError,
    extensions::{GeneralName, PointName, RawExtension},
    name::Name,
    oids,
    path::CanonicalName,
    pem::{self, PemError},
};

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
    canonical_issuer: CanonicalName,
    number: Option<Vec<u8>>,
    base_number: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    /// URIs of freshestCRL.
    freshest: Vec<String>,
    revoked: Entries,
    /// Entries of other issuers (indirect lists), by name.
    foreign: HashMap<CanonicalName, Entries>,
    /// Whether a certificate is listed twice; such a list shows nobody to be good.
    has_duplicates: bool,
    scope: Scope,
    unprocessed_critical: Vec<ObjectIdentifier>,
    /// Made when first asked for: large lists are rarely named by it.
    fingerprint: OnceLock<[u8; 32]>,
}

type Entries = HashMap<Box<[u8]>, Revoked>;

/// issuingDistributionPoint (RFC 5280 §5.2.5): which certificates the list speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// URIs of the distribution point; `None` when no name is given.
    pub distribution_points: Option<Vec<String>>,
    /// All names of the distribution point, a relative one made whole; `None` when no name is given.
    pub names: Option<Vec<GeneralName>>,
    /// Only end-entity certificates.
    pub only_user: bool,
    /// Only CA certificates.
    pub only_ca: bool,
    /// Only attribute certificates.
    pub only_attribute: bool,
    /// Only some reasons.
    pub some_reasons: bool,
    /// Which, as ReasonFlags (bit 1 is keyCompromise); `None`: all.
    pub reasons: Option<u16>,
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
        let signature = outer.expect(BIT_STRING)?.signature_bits()?.to_vec();
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
            canonical_issuer: CanonicalName::new(&issuer),
            issuer,
            this_update,
            next_update,
            number: None,
            base_number: None,
            authority_key_id: None,
            freshest: Vec::new(),
            revoked: HashMap::new(),
            foreign: HashMap::new(),
            has_duplicates: false,
            scope: Scope::default(),
            unprocessed_critical: Vec::new(),
            fingerprint: OnceLock::new(),
        };
        if let Some(list) = fields.optional(SEQUENCE)? {
            let mut entries = list.reader();
            // RFC 5280 §5.3.3: an entry without a certificateIssuer has that of the entry before it.
            let mut issuer = None;
            while !entries.is_empty() {
                inner.read_entry(entries.expect(SEQUENCE)?.reader(), &mut issuer)?;
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
        if !inner.foreign.is_empty() && !inner.scope.indirect {
            inner.unprocessed_critical.push(oids::CERTIFICATE_ISSUER);
        }
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

    /// SHA-256 over the whole encoding.
    #[must_use]
    pub fn sha256_fingerprint(&self) -> &[u8; 32] {
        self.0.fingerprint.get_or_init(|| {
            let mut fingerprint = [0; 32];
            let digest = DigestAlgorithm::Sha256.digest(self.der());
            fingerprint.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
            fingerprint
        })
    }

    /// What tells this list's place in memory from that of every other that lives.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// The AlgorithmIdentifier it is signed with, as DER.
    #[must_use]
    pub fn signature_algorithm(&self) -> &[u8] {
        &self.0.algorithm
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
        self.0.base_number.is_some()
    }

    /// For a delta CRL: BaseCRLNumber's content octets, from which on it lists changes.
    #[must_use]
    pub fn base_number(&self) -> Option<&[u8]> {
        self.0.base_number.as_deref()
    }

    /// authorityKeyIdentifier's key identifier.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.authority_key_id.as_deref()
    }

    /// Where the delta to this list is found (freshestCRL, RFC 5280 §5.2.6).
    #[must_use]
    pub fn freshest_uris(&self) -> &[String] {
        &self.0.freshest
    }

    pub(crate) fn canonical_issuer(&self) -> &CanonicalName {
        &self.0.canonical_issuer
    }

    pub(crate) fn has_duplicates(&self) -> bool {
        self.0.has_duplicates
    }

    /// The entry for a certificate of that issuer.
    pub(crate) fn lookup_of(&self, issuer: &CanonicalName, serial: &[u8]) -> Option<Revoked> {
        let own = if *issuer == self.0.canonical_issuer { self.0.revoked.get(serial) } else { None };
        let foreign = || self.0.foreign.get(issuer).and_then(|entries| entries.get(serial));
        own.or_else(foreign).copied()
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

    /// The entry for a serial number, as [`crate::Certificate::serial`] has it.
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
    fn read_entry(
        &mut self,
        mut fields: Reader<'_>,
        issuer: &mut Option<CanonicalName>,
    ) -> Result<(), CrlError> {
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
                    oids::CERTIFICATE_ISSUER => {
                        let names = GeneralName::read_all(
                            Reader::only(extension.value, Rules::Der, SEQUENCE)?.reader(),
                        )?;
                        let name = names.into_iter().find_map(|name| match name {
                            GeneralName::Directory(name) => Some(CanonicalName::new(&name)),
                            _ => None,
                        });
                        *issuer = Some(name.ok_or_else(|| extensions.invalid("certificateIssuer"))?);
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
        let entries = match issuer {
            Some(issuer) if *issuer != self.canonical_issuer => {
                self.foreign.entry(issuer.clone()).or_default()
            }
            _ => &mut self.revoked,
        };
        self.has_duplicates |= entries.insert(serial.into(), revoked).is_some();
        Ok(())
    }

    fn read_extension(&mut self, extension: &RawExtension<'_>) -> Result<(), CrlError> {
        match extension.id {
            // §5.2.3: never critical; one that is was made for readers who know another meaning.
            oids::CRL_NUMBER if extension.critical => self.unprocessed_critical.push(extension.id),
            oids::CRL_NUMBER => {
                self.number = Some(Reader::only(extension.value, Rules::Der, INTEGER)?.integer()?.to_vec());
            }
            oids::DELTA_CRL_INDICATOR => {
                self.base_number =
                    Some(Reader::only(extension.value, Rules::Der, INTEGER)?.integer()?.to_vec());
            }
            oids::AUTHORITY_KEY_IDENTIFIER => {
                let key = Reader::only(extension.value, Rules::Der, SEQUENCE)?.reader().optional(0x80)?;
                self.authority_key_id = key.map(|id| id.content.to_vec());
            }
            // §5.2.6: never critical, and one that does not read only leaves the address out.
            oids::FRESHEST_CRL if !extension.critical => {
                self.freshest = freshest(extension.value).unwrap_or_default();
            }
            oids::ISSUING_DISTRIBUTION_POINT => {
                let mut fields = Reader::only(extension.value, Rules::Der, SEQUENCE)?.reader();
                if let Some(point) = fields.optional(0xA0)? {
                    let point = PointName::read(&point)?;
                    self.scope.distribution_points = Some(point.uris().collect());
                    self.scope.names = Some(point.resolve(&self.issuer));
                }
                let flag = |fields: &mut Reader<'_>, tag| -> Result<bool, Asn1Error> {
                    Ok(fields.optional(tag)?.map(|flag| flag.boolean()).transpose()?.unwrap_or(false))
                };
                self.scope.only_user = flag(&mut fields, 0x81)?;
                self.scope.only_ca = flag(&mut fields, 0x82)?;
                self.scope.reasons =
                    fields.optional(0x83)?.map(|reasons| reasons.named_bits()).transpose()?;
                self.scope.some_reasons = self.scope.reasons.is_some();
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

/// FreshestCRL ::= CRLDistributionPoints (RFC 5280 §5.2.6): the URIs of its points.
fn freshest(value: &[u8]) -> Result<Vec<String>, Asn1Error> {
    let mut uris = Vec::new();
    for point in Reader::only(value, Rules::Der, SEQUENCE)?.reader().all(MAX_POINTS)? {
        if let Some(name) = point.reader().optional(0xA0)? {
            uris.extend(PointName::read(&name)?.uris());
        }
    }
    Ok(uris)
}

/// One is usual.
const MAX_POINTS: usize = 16;

const PEM_LABEL: &str = "X509 CRL";

/// The largest public CRLs have a few tens of megabytes.
const MAX_LEN: usize = 64 * 1024 * 1024;
