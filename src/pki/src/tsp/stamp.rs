//! Making tokens: one authority, its key and certificate, everything constant encoded once.

use std::sync::Arc;

use crypto::Signer;
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use super::TimeStampReq;
use crate::asn1::{self, GENERALIZED_TIME, INTEGER, SEQUENCE};
use crate::certificate::Certificate;
use crate::cms::sign::{CmsSignError, CmsSigner};
use crate::{oids, time};

/// How far genTime may be off, in either direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accuracy {
    /// Milliseconds.
    pub millis: u32,
}

/// Signs TSTInfo with one key. Make one per certificate and share it.
#[derive(Debug)]
pub struct Stamper {
    cms: CmsSigner,
    certificate: Certificate,
    accuracy: Vec<u8>,
    tsa: Vec<u8>,
}

/// A TSTInfo that is not signed yet: what a log can record before anything leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    // INVARIANT: made by `Stamper::stamp` alone.
    info: Vec<u8>,
    certificates: bool,
}

impl Stamp {
    /// The DER TSTInfo: the content of the token, octet for octet.
    #[must_use]
    pub fn info(&self) -> &[u8] {
        &self.info
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StampError {
    /// The certificate may not sign time-stamps (RFC 3161 §2.3).
    #[error("the certificate must have time-stamping as its only extended key usage, critical")]
    Purpose,
    /// The time cannot be written.
    #[error("the time is out of range")]
    Time,
    /// No signature.
    #[error(transparent)]
    Sign(#[from] CmsSignError),
}

impl Stamper {
    /// Prepares an authority. `chain` (the issuers, not the root) is embedded beside its certificate when a requester
    /// asks for certificates; `named` puts the certificate's subject into tokens as `tsa`.
    ///
    /// # Errors
    /// [`StampError`] when key, certificate and purpose do not go together.
    pub fn new(
        signer: Arc<dyn Signer>,
        certificate: &Certificate,
        chain: &[Certificate],
        accuracy: Accuracy,
        named: bool,
    ) -> Result<Self, StampError> {
        let alone = certificate.extended_key_usages() == Some(&[oids::TIME_STAMPING]);
        if !alone || certificate.extension_criticality(oids::EXTENDED_KEY_USAGE) != Some(true) {
            return Err(StampError::Purpose);
        }
        // [0] EXPLICIT (GeneralName is a CHOICE) directoryName [4] EXPLICIT.
        let tsa = asn1::tlv(0xA0, &asn1::tlv(0xA4, certificate.subject().der()));
        Ok(Self {
            cms: CmsSigner::encapsulating(signer, certificate, chain, oids::TST_INFO)?,
            certificate: certificate.clone(),
            accuracy: encode_accuracy(accuracy),
            tsa: if named { tsa } else { Vec::new() },
        })
    }

    /// The certificate that tokens are verified with.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What answers `request`: under `policy`, with a serial number (big-endian, positive) that was never used before, at
    /// `micros` (microseconds since the Unix epoch, written in milliseconds).
    ///
    /// `ordering` is absent (false): between nodes genTime is not strictly monotonic (decision 25).
    ///
    /// # Errors
    /// [`StampError::Time`].
    pub fn stamp(
        &self,
        request: &TimeStampReq,
        policy: ObjectIdentifier,
        serial: &[u8],
        micros: i64,
    ) -> Result<Stamp, StampError> {
        let time = time::encode_fractional(micros).ok_or(StampError::Time)?;
        let nonce = request.nonce.as_ref().map(|nonce| asn1::tlv(INTEGER, nonce)).unwrap_or_default();
        let info = asn1::join(
            SEQUENCE,
            &[
                &VERSION[..],
                &asn1::oid(policy),
                request.imprint.der(),
                &asn1::unsigned(serial),
                &asn1::tlv(GENERALIZED_TIME, &time),
                &self.accuracy,
                &nonce,
                &self.tsa,
            ],
        );
        Ok(Stamp { info, certificates: request.certificates })
    }

    /// The token: a DER ContentInfo with SignedData (RFC 3161 §2.4.2), certificate referenced by ESSCertIDv2 (RFC 5816).
    ///
    /// # Errors
    /// [`StampError::Sign`].
    pub fn sign(&self, stamp: &Stamp) -> Result<Vec<u8>, StampError> {
        Ok(self.cms.sign_content(&stamp.info, stamp.certificates)?)
    }
}

/// Accuracy ::= SEQUENCE { seconds INTEGER OPTIONAL, millis [0] INTEGER (1..999) OPTIONAL, … }
fn encode_accuracy(accuracy: Accuracy) -> Vec<u8> {
    let (seconds, millis) = (accuracy.millis / 1000, accuracy.millis % 1000);
    let mut fields = Vec::new();
    if seconds > 0 {
        fields.push(asn1::unsigned(&seconds.to_be_bytes()));
    }
    if millis > 0 {
        let mut part = asn1::unsigned(&millis.to_be_bytes());
        if let Some(tag) = part.first_mut() {
            *tag = 0x80;
        }
        fields.push(part);
    }
    asn1::join(SEQUENCE, &fields)
}

/// version INTEGER { v1(1) }
const VERSION: [u8; 3] = [INTEGER, 1, 1];
