//! A seal's SESeal, ready to sign with (GB/T 38540-2020).
//!
//! The standard has every signature begin with the signer's certificate, the seal, and whether the seal lists the signer.
//! None of that changes as long as the seal, its certificate and its maker's certificate are what they were, which the
//! unit of work of every use guards; so it is done once, when the seal is made ready, and what depends on the time (the
//! seal's validity, the certificate's) is asked again at every signature. Trust is this appliance's own knowledge: both
//! certificates stand in its records with their states. Called by `cabinet`.

use eseal::signature::{Approval, Refusal, SignError};
use eseal::{Seal, Sealer};
use pki::Certificate;

use super::cabinet::SealError;
use super::model::SealSummary;
use super::records::{self, text};
use crate::store::Db;
use crate::store::tables::CERTIFICATES;

/// What a seal has to sign SES_Signatures with.
#[derive(Debug)]
pub(super) enum Ses {
    /// It may.
    Ready(Box<Sealer>, Maker),
    /// It was made before seals had an SESeal.
    Absent,
    /// A step of the standard did not pass.
    Refused(SignError),
}

/// The certificate of a seal's maker as it stood in the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maker {
    /// SHA-256 fingerprint, hexadecimal.
    pub certificate: String,
    /// Version of its row.
    pub version: i64,
}

impl Ses {
    /// That of the present version of a seal, whose certificate was found to be good.
    ///
    /// # Errors
    /// [`SealError::Store`]. A seal that cannot sign so is no error: it may sign CMS.
    pub(super) async fn of(
        db: &Db,
        summary: &SealSummary,
        certificate: &Certificate,
    ) -> Result<Self, SealError> {
        let Some(number) = summary.number else { return Ok(Self::Absent) };
        let Some(version) = records::version(db, &summary.id, number).await? else { return Ok(Self::Absent) };
        let Some(octets) = version.value("eseal").as_bytes() else { return Ok(Self::Absent) };
        let seal = match Seal::parse(octets) {
            Ok(read) => read.value,
            Err(error) => return Ok(Self::Refused(SignError::Seal { why: error.to_string() })),
        };
        let maker = seal.maker().unwrap_or_default();
        let fingerprint = hex::encode(crypto::DigestAlgorithm::Sha256.digest(maker));
        let row = db.row(&CERTIFICATES, &fingerprint).await?;
        let records = Records { maker: row.as_ref().map(|row| text(row, "state").to_owned()) };
        // Whatever the time is now, the signature states its own and is held against the validities then.
        Ok(match Sealer::new(&seal, certificate.der(), &records, seal.valid_from()) {
            Ok(sealer) => {
                let version = row.map_or(0, |row| row.version());
                Self::Ready(Box::new(sealer), Maker { certificate: fingerprint, version })
            }
            Err(error) => Self::Refused(error),
        })
    }
}

/// What the records say of the certificates.
struct Records {
    /// State of the maker's; none where it is not on record.
    maker: Option<String>,
}

impl Approval for Records {
    fn signer(&self, _: &Certificate, _: i64) -> Result<(), Refusal> {
        // The cabinet has seen to it, and to nothing else before.
        Ok(())
    }

    fn maker(&self, certificate: &Certificate, created: i64, _: i64) -> Result<(), Refusal> {
        let refused = |reason: &str| Err(Refusal { reason: reason.to_owned() });
        match self.maker.as_deref() {
            None => refused("no certificate of that maker is on record here"),
            Some("good") if certificate.is_valid_at(created) => Ok(()),
            Some("good") => refused("the seal was made outside of its validity"),
            Some(_) => refused("it is revoked or on hold; have the seal remade"),
        }
    }
}
