//! Making CRLs: full ones, and the deltas between them.
//!
//! Entries are written straight into one buffer, so a list of 100,000 entries costs about as much as its hash.

use crypto::{SignError, Signer};
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use super::{Reason, Revoked};
use crate::{
    asn1::{self, ENUMERATED, SEQUENCE},
    certificate::Certificate,
    issue::{assemble, authority_key_identifier, distribution_point, extension},
    oids, time,
};

/// What a new CRL shall say.
#[derive(Clone, Debug, Default)]
pub struct CrlBuilder {
    /// cRLNumber: increases per shard, full and delta lists counted together (RFC 5280 §5.2.3).
    pub number: u64,
    /// thisUpdate, Unix seconds.
    pub this_update: i64,
    /// nextUpdate, Unix seconds.
    pub next_update: i64,
    /// The shard's URI, as the certificates' cRLDistributionPoints has it; a delta names its full list's.
    pub distribution_point: Option<String>,
    /// Which certificates of the issuer the list speaks of.
    pub only: Only,
    /// Makes a delta CRL on top of the full one of this number (deltaCRLIndicator, RFC 5280 §5.2.4).
    pub base: Option<u64>,
    /// Where the delta to a full list is found (freshestCRL, RFC 5280 §5.2.6; not in a delta).
    pub freshest: Option<String>,
    /// Since when certificates that ran out stay listed (expiredCertsOnCRL, X.509 §9.5.2.8), Unix seconds.
    pub expired_since: Option<i64>,
    /// The entries, in any order.
    pub revoked: Vec<Entry>,
}

/// The `onlyContains…` flags of issuingDistributionPoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Only {
    /// Every certificate.
    #[default]
    Every,
    /// End entities.
    User,
    /// Authorities.
    Ca,
}

/// One entry of a list to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Serial number, big-endian, in any form (leading zeros or not).
    pub serial: Vec<u8>,
    /// revocationDate, Unix seconds.
    pub time: i64,
    /// reasonCode; [`Reason::RemoveFromCrl`] in deltas alone.
    pub reason: Option<Reason>,
    /// invalidityDate: since when the key is thought to have been misused, Unix seconds.
    pub invalid_from: Option<i64>,
}

impl From<(Vec<u8>, Revoked)> for Entry {
    fn from((serial, revoked): (Vec<u8>, Revoked)) -> Self {
        Self { serial, time: revoked.time, reason: revoked.reason, invalid_from: None }
    }
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
    /// removeFromCRL in a full list (RFC 5280 §5.3.1), freshestCRL in a delta (§5.2.6), or a delta not after its base.
    #[error("full and delta CRL features are mixed")]
    Mixed,
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
        if self.base.is_some_and(|base| base >= self.number || self.freshest.is_some()) {
            return Err(CrlIssueError::Mixed);
        }
        let algorithm = signer.scheme().algorithm_identifier();
        let entries = self.entries()?;
        let tbs = asn1::join(
            SEQUENCE,
            &[
                asn1::unsigned(&[1]),
                algorithm.clone(),
                issuer.subject().der().to_vec(),
                encode(self.this_update)?,
                encode(self.next_update)?,
                if entries.is_empty() { Vec::new() } else { asn1::tlv(SEQUENCE, &entries) },
                asn1::tlv(0xA0, &asn1::join(SEQUENCE, &self.extensions(issuer)?)),
            ],
        );
        let signature = signer.sign(&tbs)?;
        Ok(assemble(&tbs, &algorithm, &signature))
    }

    /// revokedCertificates' content, by ascending serial number.
    fn entries(&self) -> Result<Vec<u8>, CrlIssueError> {
        let mut order: Vec<(&[u8], &Entry)> =
            self.revoked.iter().map(|entry| (significant(&entry.serial), entry)).collect();
        order.sort_unstable_by_key(|(serial, _)| (serial.len(), *serial));
        if order.windows(2).any(|pair| matches!(pair, [(one, _), (two, _)] if one == two)) {
            return Err(CrlIssueError::Duplicate);
        }
        let mut out = Vec::with_capacity(order.len() * 56);
        let mut fields = Vec::with_capacity(96);
        for (serial, entry) in order {
            fields.clear();
            fields.extend(asn1::unsigned(serial));
            fields.extend(encode(entry.time)?);
            let mut extensions = Vec::new();
            match entry.reason {
                // RFC 5280 §5.3.1: unspecified is said by leaving the code out.
                None | Some(Reason::Unspecified) => {}
                Some(Reason::RemoveFromCrl) if self.base.is_none() => return Err(CrlIssueError::Mixed),
                Some(reason) => {
                    let code = [ENUMERATED, 1, reason as u8];
                    extensions.extend(extension(oids::REASON_CODE, false, &code));
                }
            }
            if let Some(since) = entry.invalid_from {
                let since = time::generalized(since).ok_or(CrlIssueError::Time)?;
                extensions.extend(extension(oids::INVALIDITY_DATE, false, &since));
            }
            if !extensions.is_empty() {
                fields.push(SEQUENCE);
                asn1::push_length(&mut fields, extensions.len());
                fields.extend(extensions);
            }
            out.push(SEQUENCE);
            asn1::push_length(&mut out, fields.len());
            out.extend_from_slice(&fields);
        }
        Ok(out)
    }

    fn extensions(&self, issuer: &Certificate) -> Result<Vec<Vec<u8>>, CrlIssueError> {
        let number = |number: u64| asn1::unsigned(&number.to_be_bytes());
        let mut out = Vec::new();
        if let Some(value) = authority_key_identifier(issuer) {
            out.push(extension(oids::AUTHORITY_KEY_IDENTIFIER, false, &value));
        }
        out.push(extension(oids::CRL_NUMBER, false, &number(self.number)));
        if let Some(base) = self.base {
            out.push(extension(oids::DELTA_CRL_INDICATOR, true, &number(base)));
        }
        if self.distribution_point.is_some() || self.only != Only::Every {
            let point = self.distribution_point.as_deref().map(distribution_point).unwrap_or_default();
            let flag = |tag: u8| asn1::tlv(tag, &[0xFF]);
            let only = match self.only {
                Only::Every => Vec::new(),
                Only::User => flag(0x81),
                Only::Ca => flag(0x82),
            };
            let point = asn1::join(SEQUENCE, &[point, only]);
            out.push(extension(oids::ISSUING_DISTRIBUTION_POINT, true, &point));
        }
        if let Some(uri) = &self.freshest {
            let points = asn1::tlv(SEQUENCE, &asn1::tlv(SEQUENCE, &distribution_point(uri)));
            out.push(extension(FRESHEST_CRL, false, &points));
        }
        if let Some(since) = self.expired_since {
            let since = time::generalized(since).ok_or(CrlIssueError::Time)?;
            out.push(extension(EXPIRED_CERTS_ON_CRL, false, &since));
        }
        Ok(out)
    }
}

fn encode(seconds: i64) -> Result<Vec<u8>, CrlIssueError> {
    time::encode(seconds).ok_or(CrlIssueError::Time)
}

fn significant(serial: &[u8]) -> &[u8] {
    let skip = serial.iter().take_while(|byte| **byte == 0).count();
    serial.get(skip..).unwrap_or_default()
}

const FRESHEST_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.46");
const EXPIRED_CERTS_ON_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.60");
