//! Making a CRL.

use crypto::{SignError, Signer};
use thiserror::Error;

use super::{Reason, Revoked};
use crate::{
    asn1::{self, ENUMERATED, SEQUENCE},
    certificate::Certificate,
    issue::{assemble, authority_key_identifier, distribution_point, extension},
    oids, time,
};

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
