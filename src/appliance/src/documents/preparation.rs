//! What travels between the one who keeps the document and the one who holds the key (two-phase signing).
//!
//! A [`Preparation`] is everything about a signature but its CMS or SES_Signature: which octets will be appended, where the
//! hole is, and what has to be signed with which digest. It holds no part of the document. Made and finished by the command line and by
//! `/v1/documents/prepare` and `/v1/documents/embed`; nothing is read or signed here.

use crypto::DigestAlgorithm;
use pdf::sign::{DigestError, EmbedError, Prepared, Signed};
use pdf::syntax::Source;
use pki::cms::{CmsError, Integrity, Limits, SignedData};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::format::Format;
use crate::config::Digest;

/// A signature that lacks nothing but what fills its hole.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// Version of this form: 1.
    pub version: u32,
    /// What is to fill the hole: `cms` when left out.
    #[serde(default, skip_serializing_if = "Format::is_usual")]
    pub format: Format,
    /// The algorithm of `digest`: `sha-256`, `sha-384`, `sha-512` or `sm3`.
    #[schema(value_type = String)]
    pub algorithm: Digest,
    /// The digest that a CMS has to state as its message digest and an SES_Signature as its dataHash, hexadecimal.
    pub digest: String,
    /// The signature's ByteRange: two pairs of place and length.
    pub byte_range: [u64; 4],
    /// Octets there is room for.
    pub reserved: usize,
    /// The document it was prepared for.
    pub original: Original,
    /// The octets to append and the hole in them; to be sent back as it is.
    #[schema(value_type = Object)]
    pub prepared: Prepared,
}

/// A document told by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Original {
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Length.
    pub octets: u64,
}

/// Why a preparation does not become a signature.
#[derive(Debug, thiserror::Error)]
pub enum PreparationError {
    /// It is no preparation.
    #[error("this is no prepared signature: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It was made by a newer program.
    #[error(
        "the prepared signature has version {0}, this program reads version 1: use the program that made it"
    )]
    Version(u32),
    /// Its parts contradict each other.
    #[error("the prepared signature is damaged: {0}; prepare the document again")]
    Damaged(&'static str),
    /// The document is another one.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// What was signed cannot be read.
    #[error("this is no CMS signature (RFC 5652, DER): {0}")]
    Cms(#[from] CmsError),
    /// The CMS carries content of its own.
    #[error("the CMS carries content of its own: sign detached")]
    Encapsulated,
    /// What was signed is not this document.
    #[error("this is no sound signature over the prepared digest: {}", .reasons.join("; "))]
    Unsound {
        /// What is wrong with it.
        reasons: Vec<String>,
    },
    /// It does not fit.
    #[error("{0}: prepare the document again with that size")]
    Embed(#[from] EmbedError),
}

impl Preparation {
    /// Describes what was prepared for the document in `source`.
    ///
    /// # Errors
    /// [`DigestError`].
    pub fn of(
        prepared: Prepared,
        source: &dyn Source,
        algorithm: Digest,
        format: Format,
    ) -> Result<Self, DigestError> {
        let digest = prepared.digest(source, algorithm.into())?;
        Ok(Self {
            version: VERSION,
            format,
            algorithm,
            digest: hex::encode(digest),
            byte_range: prepared.byte_range(),
            reserved: prepared.reserved(),
            original: Original {
                sha256: hex::encode(prepared.original_sha256()),
                octets: prepared.original_length(),
            },
            prepared,
        })
    }

    /// Reads what [`Preparation::of`] made.
    ///
    /// # Errors
    /// [`PreparationError`].
    pub fn read(json: &[u8]) -> Result<Self, PreparationError> {
        let read: Self = serde_json::from_slice(json)?;
        if read.version != VERSION {
            return Err(PreparationError::Version(read.version));
        }
        let original = Original {
            sha256: hex::encode(read.prepared.original_sha256()),
            octets: read.prepared.original_length(),
        };
        if original != read.original || read.prepared.reserved() != read.reserved {
            return Err(PreparationError::Damaged("it is told of another document than it is for"));
        }
        if read.digest()?.len() != DigestAlgorithm::from(read.algorithm).output_len() {
            return Err(PreparationError::Damaged("its digest does not fit its algorithm"));
        }
        Ok(read)
    }

    /// The digest as octets.
    ///
    /// # Errors
    /// [`PreparationError::Damaged`].
    pub fn digest(&self) -> Result<Vec<u8>, PreparationError> {
        hex::decode(&self.digest).map_err(|_| PreparationError::Damaged("its digest is not hexadecimal"))
    }

    /// Fills `signature` in, once it is seen to be sound and over the prepared digest.
    ///
    /// # Errors
    /// [`PreparationError`].
    pub fn embed(&self, signature: &[u8]) -> Result<Signed, PreparationError> {
        match self.format {
            Format::Cms => self.check_cms(signature)?,
            Format::Ses => super::ses::check(signature, self.algorithm.into(), &self.digest()?)
                .map_err(|reason| PreparationError::Unsound { reasons: vec![reason] })?,
        }
        Ok(self.prepared.embed(signature)?)
    }

    fn check_cms(&self, cms: &[u8]) -> Result<(), PreparationError> {
        let signed = SignedData::parse(cms, &Limits::default())?;
        if signed.encapsulated_content().is_some() {
            return Err(PreparationError::Encapsulated);
        }
        let wanted = DigestAlgorithm::from(self.algorithm);
        let digest = self.digest()?;
        let checked = signed.verify(&[], |algorithm| (algorithm == wanted).then(|| digest.clone()).ok_or(()));
        let reasons = match checked.map(|verification| verification.integrity) {
            Ok(Integrity::Intact) => return Ok(()),
            Ok(integrity) => integrity.reasons(),
            Err(()) => vec![format!("it is over another digest algorithm than {}", wanted.name())],
        };
        Err(PreparationError::Unsound { reasons })
    }
}

const VERSION: u32 = 1;
