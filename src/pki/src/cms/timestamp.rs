//! RFC 3161 time-stamp tokens: what a PDF document time-stamp and a signature time-stamp are.
//!
//! Structure, the signature over TSTInfo, and whether the imprint is that of the stamped data. Whether the authority is
//! trusted (with its critical extendedKeyUsage) is `path`'s question.

use crypto::{DigestAlgorithm, DigestError};
use der::asn1::ObjectIdentifier;

use super::{
    parse::{CmsError, Limits, SignedData},
    verify::{Fault, Integrity, Unverifiable, Verification},
};
use crate::{
    asn1::{self, BOOLEAN, GENERALIZED_TIME, INTEGER, OCTET_STRING, Reader, Rules, SEQUENCE, Tlv},
    certificate::Certificate,
    oids, time,
};

/// TSTInfo (RFC 3161 §2.4.2), as far as verification needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TstInfo {
    /// The authority's policy.
    pub policy: ObjectIdentifier,
    /// The imprint's digest algorithm, as found.
    pub imprint_algorithm: ObjectIdentifier,
    /// The imprint.
    pub imprint: Vec<u8>,
    /// The token's serial number, content octets.
    pub serial: Vec<u8>,
    /// genTime, Unix seconds; a fraction is dropped.
    pub gen_time: i64,
    /// Microseconds of genTime's fraction.
    pub gen_time_micros: u32,
    /// How far genTime may be off in either direction, in microseconds; `None` when the authority does not say.
    pub accuracy_micros: Option<u64>,
    /// Whether tokens of this authority can be ordered by genTime alone.
    pub ordering: bool,
    /// The request's nonce, content octets.
    pub nonce: Option<Vec<u8>>,
    /// Object identifiers of extensions.
    pub extensions: Vec<ObjectIdentifier>,
}

/// A time-stamp token.
#[derive(Clone, Debug)]
pub struct TimeStampToken {
    signed_data: SignedData,
    info: TstInfo,
}

impl TimeStampToken {
    /// Reads a token: a SignedData with one signer over an encapsulated TSTInfo.
    ///
    /// # Errors
    /// [`CmsError`].
    pub fn parse(der: &[u8], limits: &Limits) -> Result<Self, CmsError> {
        let signed_data = SignedData::parse(der, limits)?;
        if signed_data.content_type() != oids::TST_INFO {
            return Err(CmsError::NotTimeStamp);
        }
        let info = TstInfo::read(signed_data.encapsulated_content().ok_or(CmsError::NotTimeStamp)?)?;
        Ok(Self { signed_data, info })
    }

    /// What the authority said.
    #[must_use]
    pub fn info(&self) -> &TstInfo {
        &self.info
    }

    /// The CMS around it: certificates, CRLs, attributes.
    #[must_use]
    pub fn signed_data(&self) -> &SignedData {
        &self.signed_data
    }

    /// Verifies the authority's signature and that the imprint is the digest of the stamped data, which `digest` computes
    /// (for a signature time-stamp, over [`SignedData::signature_value`]).
    ///
    /// # Errors
    /// Only what `digest` returns.
    pub fn verify<E>(
        &self,
        further: &[Certificate],
        mut digest: impl FnMut(DigestAlgorithm) -> Result<Vec<u8>, E>,
    ) -> Result<Verification, E> {
        let mut verification = self.signed_data.verify_encapsulated(further);
        let unknown = match DigestAlgorithm::from_oid(&self.info.imprint_algorithm) {
            Ok(algorithm) => {
                if digest(algorithm)? != self.info.imprint {
                    verification.break_by(Fault::MessageDigestMismatch);
                }
                None
            }
            Err(DigestError::Refused { name }) => Some(Unverifiable::RefusedAlgorithm { name }),
            Err(DigestError::Unknown { oid }) => Some(Unverifiable::UnsupportedAlgorithm { oid }),
        };
        // RFC 3161 §2.4.1: the ESS certificate reference MUST be signed.
        if !self
            .signed_data
            .signed_attributes()
            .is_some_and(|attributes| attributes.has_signing_certificate())
        {
            verification.break_by(Fault::MissingAttribute { name: "signing-certificate" });
        }
        if let (Integrity::Intact, Some(reason)) = (&verification.integrity, unknown) {
            verification.integrity = Integrity::Unknown(reason);
        }
        Ok(verification)
    }
}

impl Verification {
    fn break_by(&mut self, fault: Fault) {
        match &mut self.integrity {
            Integrity::Broken(faults) => faults.push(fault),
            other => *other = Integrity::Broken(vec![fault]),
        }
    }
}

impl TstInfo {
    /// TSTInfo ::= SEQUENCE { version INTEGER (1), policy, messageImprint SEQUENCE { hashAlgorithm, hashedMessage },
    /// serialNumber, genTime, accuracy …, ordering …, nonce …, tsa [0] …, extensions [1] … }
    fn read(der: &[u8]) -> Result<Self, CmsError> {
        let mut fields = Reader::only(der, Rules::Der, SEQUENCE)?.reader();
        if fields.expect(INTEGER)?.small()? != 1 {
            return Err(CmsError::NotTimeStamp);
        }
        let policy = fields.expect(asn1::OID)?.oid()?;
        let mut imprint = fields.expect(SEQUENCE)?.reader();
        let imprint_algorithm = imprint.expect(SEQUENCE)?.reader().expect(asn1::OID)?.oid()?;
        let hashed = imprint.expect(OCTET_STRING)?.content.to_vec();
        imprint.finish()?;
        let serial = fields.expect(INTEGER)?.integer()?.to_vec();
        let gen_time = fields.expect(GENERALIZED_TIME)?;
        let micros = time::parse_fractional(gen_time.content).ok_or_else(|| gen_time.invalid("genTime"))?;
        let accuracy_micros =
            fields.optional(SEQUENCE)?.map(|accuracy| read_accuracy(&accuracy)).transpose()?;
        let ordering = fields.optional(BOOLEAN)?.map(|ordering| ordering.boolean()).transpose()?;
        let nonce = fields.optional(INTEGER)?.map(|nonce| nonce.integer().map(<[u8]>::to_vec)).transpose()?;
        fields.optional(0xA0)?;
        let extensions = match fields.optional(0xA1)? {
            Some(list) => list.reader().all(MOST_EXTENSIONS)?,
            None => Vec::new(),
        };
        fields.finish()?;
        let kind = |extension: &Tlv<'_>| extension.reader().expect(asn1::OID)?.oid();
        Ok(Self {
            policy,
            imprint_algorithm,
            imprint: hashed,
            serial,
            gen_time: micros.div_euclid(1_000_000),
            gen_time_micros: u32::try_from(micros.rem_euclid(1_000_000)).unwrap_or(0),
            accuracy_micros,
            ordering: ordering.unwrap_or(false),
            nonce,
            extensions: extensions.iter().map(kind).collect::<Result<_, _>>()?,
        })
    }
}

/// Accuracy ::= SEQUENCE { seconds INTEGER OPTIONAL, millis [0] INTEGER (1..999) OPTIONAL, micros [1] INTEGER (1..999)
/// OPTIONAL } (RFC 3161 §2.4.2)
fn read_accuracy(accuracy: &Tlv<'_>) -> Result<u64, CmsError> {
    let mut fields = accuracy.reader();
    let mut micros = match fields.optional(INTEGER)? {
        Some(seconds) => u64::from(seconds.small()?) * 1_000_000,
        None => 0,
    };
    for (tag, unit) in [(0x80, 1000), (0x81, 1)] {
        if let Some(part) = fields.optional(tag)? {
            let value = part.small()?;
            if !(1..=999).contains(&value) {
                return Err(part.invalid("accuracy").into());
            }
            micros += u64::from(value) * unit;
        }
    }
    fields.finish()?;
    Ok(micros)
}

/// None is defined; more than a few are an attack.
const MOST_EXTENSIONS: usize = 16;
