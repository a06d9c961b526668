//! SESeal: an electronic seal as its maker signed it.
//!
//! GB/T 38540-2020 (V4), GM/T 0031-2025 (V5), GM/T 0031-2014 (V1). [`Seal::parse`] reads what others wrote, [`NewSeal`]
//! writes ours. What a seal proves is [`mod@crate::verify`]'s question.

mod image;
mod make;
mod property;
mod read;

use std::ops::Range;

use der::asn1::ObjectIdentifier;
use serde::Serialize;

pub use make::{MakeError, NewPicture, NewSeal, Signers};

use crate::{
    asn1,
    read::{Notes, Read, SignatureValue, StructureError},
};

/// Which edition of the structures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// GM/T 0031-2014.
    V1,
    /// GB/T 38540-2020.
    #[default]
    V4,
    /// GM/T 0031-2025.
    V5,
}

impl Version {
    /// The number in the header.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::V1 => 1,
            Self::V4 => 4,
            Self::V5 => 5,
        }
    }

    /// The standard.
    #[must_use]
    pub const fn standard(self) -> &'static str {
        match self {
            Self::V1 => "GM/T 0031-2014",
            Self::V4 => "GB/T 38540-2020",
            Self::V5 => "GM/T 0031-2025",
        }
    }
}

/// A seal, as it came.
///
/// ```asn1
/// SESeal ::= SEQUENCE { eSealInfo SES_SealInfo, cert OCTET STRING, signAlgID OBJECT IDENTIFIER, signedValue BIT STRING,
///                       timeStamp [0] EXPLICIT BIT STRING OPTIONAL }   -- timeStamp: V5
/// SESeal ::= SEQUENCE { esealInfo SES_SealInfo, signInfo SES_SignInfo }   -- V1
/// ```
// INVARIANT: made by `Seal::parse` alone; every range lies within `der`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    der: Vec<u8>,
    version: Version,
    header_version: i64,
    vendor: String,
    id: String,
    kind: i64,
    name: String,
    cert_list: CertList,
    created: i64,
    valid_from: i64,
    valid_to: i64,
    picture_kind: String,
    picture: Vec<u8>,
    width_mm: i64,
    height_mm: i64,
    extensions: Vec<Extension>,
    maker: Option<Vec<u8>>,
    algorithm: ObjectIdentifier,
    signature: SignatureValue,
    /// What the maker signed: the octets of each part, one after the other.
    signed: Vec<Range<usize>>,
    time_stamp: Option<Vec<u8>>,
}

/// Who may sign with a seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertList {
    /// Whole certificates; `None` where a member is empty.
    Certificates(Vec<Option<Vec<u8>>>),
    /// Digests of certificates.
    Digests(Vec<CertDigest>),
}

/// A certificate's digest (CertDigestObj).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertDigest {
    /// What the maker calls the digest's type; the standard leaves it to the maker.
    pub kind: String,
    /// The digest.
    pub value: Vec<u8>,
}

/// An extension (ExtData).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its identifier.
    pub id: ObjectIdentifier,
    /// Whether whoever does not know it must not go on.
    pub critical: bool,
    /// Its value.
    pub value: Vec<u8>,
}

/// A seal's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture<'a> {
    /// Its type, as written (`PNG`, `png`, `ofd`, …).
    pub kind: &'a str,
    /// Its octets.
    pub data: &'a [u8],
    /// Width in millimetres.
    pub width_mm: i64,
    /// Height in millimetres.
    pub height_mm: i64,
}

impl Seal {
    /// Reads a seal of any version.
    ///
    /// # Errors
    /// [`StructureError`] where it cannot be understood.
    pub fn parse(octets: &[u8]) -> Result<Read<Self>, StructureError> {
        let mut notes = Notes::default();
        let outer = notes.outermost(octets)?;
        let value = read::seal(&outer, &mut notes)?;
        Ok(Read { value, deviations: notes.into_deviations() })
    }

    /// The octets as they came, without what stood behind them.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The edition, by the form of the structure and the header's version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The header's version as written.
    #[must_use]
    pub const fn header_version(&self) -> i64 {
        self.header_version
    }

    /// Who wrote it (Vid).
    #[must_use]
    pub fn vendor(&self) -> &str {
        &self.vendor
    }

    /// The seal's identifier (esID).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The kind (type): 0 to 6 and 99 on the national platform; in V1 1 is an organisation's, 2 a person's.
    #[must_use]
    pub const fn kind(&self) -> i64 {
        self.kind
    }

    /// The seal's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who may sign with it.
    #[must_use]
    pub const fn cert_list(&self) -> &CertList {
        &self.cert_list
    }

    /// When it was made (createDate), Unix seconds.
    #[must_use]
    pub const fn created(&self) -> i64 {
        self.created
    }

    /// First second of its validity (validStart), Unix seconds.
    #[must_use]
    pub const fn valid_from(&self) -> i64 {
        self.valid_from
    }

    /// Last second of its validity (validEnd), Unix seconds.
    #[must_use]
    pub const fn valid_to(&self) -> i64 {
        self.valid_to
    }

    /// Whether `at` lies in its validity, both ends included.
    #[must_use]
    pub fn is_valid_at(&self, at: i64) -> bool {
        (self.valid_from..=self.valid_to).contains(&at)
    }

    /// Its picture.
    #[must_use]
    pub fn picture(&self) -> Picture<'_> {
        Picture {
            kind: &self.picture_kind,
            data: &self.picture,
            width_mm: self.width_mm,
            height_mm: self.height_mm,
        }
    }

    /// Its extensions.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The maker's certificate; `None` when it is missing.
    #[must_use]
    pub fn maker(&self) -> Option<&[u8]> {
        self.maker.as_deref()
    }

    /// How the maker signed, as written.
    #[must_use]
    pub const fn algorithm(&self) -> ObjectIdentifier {
        self.algorithm
    }

    /// The octets of the maker's signature value as they came: what a time-stamp covers.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        self.signature.octets()
    }

    /// The maker's signature value in DER, whatever form it came in: what verifies.
    #[must_use]
    pub fn signature_in_der(&self) -> &[u8] {
        self.signature.der()
    }

    /// The time-stamp token of the maker's signature value (V5).
    #[must_use]
    pub fn time_stamp(&self) -> Option<&[u8]> {
        self.time_stamp.as_deref()
    }

    /// What the maker signed: the octets of eSealInfo as they came; in V1 those of
    /// `SEQUENCE { esealInfo, cert, signatureAlgorithm }`.
    #[must_use]
    pub fn signed_octets(&self) -> Vec<u8> {
        let parts: Vec<_> = self.signed.iter().filter_map(|range| self.der.get(range.clone())).collect();
        match parts.as_slice() {
            [info] => info.to_vec(),
            parts => asn1::join(asn1::SEQUENCE, parts),
        }
    }
}

pub(crate) use make::last_start;
pub(crate) use read::seal as read_seal;
