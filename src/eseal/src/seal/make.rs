//! Making a seal: strict DER, checked by the reader before it leaves.

use crypto::{DigestAlgorithm, Signer};
use pki::Certificate;
use thiserror::Error;

use super::{Extension, Seal, Version, image::PICTURES};
use crate::{
    asn1::{self, bits, join, tlv, unsigned},
    write::{self, algorithm_oid, extensions, generalized_time, is_ia5},
};

/// A seal that its maker has not signed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSeal {
    /// V4, or V5.
    pub version: Version,
    /// Who writes it (Vid): printable ASCII.
    pub vendor: String,
    /// Its identifier (esID): printable ASCII, not empty.
    pub id: String,
    /// Its kind: 0 personal, 1 statutory name, 2 finance, 3 invoice, 4 contract, 5 legal representative's name, 6 business,
    /// 99 other.
    pub kind: u8,
    /// Its name, not empty.
    pub name: String,
    /// Who may sign with it.
    pub signers: Signers,
    /// When it is made, Unix seconds.
    pub created: i64,
    /// First second of its validity, Unix seconds.
    pub valid_from: i64,
    /// Last second of its validity, Unix seconds.
    pub valid_to: i64,
    /// Its picture.
    pub picture: NewPicture,
    /// Extensions; usually none.
    pub extensions: Vec<Extension>,
}

/// Who may sign with a new seal: DER certificates, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signers {
    /// The certificates stand in the seal.
    Certificates(Vec<Vec<u8>>),
    /// Their digests do.
    Digests(DigestAlgorithm, Vec<Vec<u8>>),
}

/// The picture of a new seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPicture {
    /// `PNG`, `SVG`, …
    pub kind: String,
    /// Its octets.
    pub data: Vec<u8>,
    /// Width in millimetres, 1 to 1000.
    pub width_mm: u32,
    /// Height in millimetres, 1 to 1000.
    pub height_mm: u32,
}

/// Why no seal was made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MakeError {
    /// V1 is read only.
    #[error("seals of GM/T 0031-2014 are not made any more; make version 4 or 5")]
    Version,
    /// A field that holds what it must not.
    #[error("{field} `{value}` cannot stand in a seal: {why}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What it must be.
        why: &'static str,
    },
    /// Times in the wrong order, or outside the years 0 to 9999.
    #[error("the seal's validity must end after it begins, and not before the seal is made")]
    Validity,
    /// Nobody could sign with it.
    #[error("a seal needs the certificate of at least one signer")]
    NoSigners,
    /// A certificate that cannot be read.
    #[error("the {whose} certificate cannot be read: {why}")]
    Certificate {
        /// `signer's` or `maker's`.
        whose: &'static str,
        /// Why not.
        why: String,
    },
    /// The maker's certificate is for another key.
    #[error("the maker's certificate is not for the key that signs")]
    MakerKey,
    /// The maker's scheme cannot be named by an OBJECT IDENTIFIER alone.
    #[error("the maker's key signs in a way that a seal cannot name; use SM2 or P-256")]
    Scheme,
    /// Not signed.
    #[error(transparent)]
    Sign(#[from] crypto::SignError),
    /// The finished seal is not one that could be read back without deviations.
    #[error("the finished seal is not as the standard wants it: {why}")]
    Unsound {
        /// What the reader says.
        why: String,
    },
}

impl NewSeal {
    /// Signs the seal: the whole SESeal in DER.
    ///
    /// # Errors
    /// [`MakeError`].
    pub fn sign(&self, maker: &dyn Signer, maker_certificate: &[u8]) -> Result<Vec<u8>, MakeError> {
        let certificate = readable("maker's", maker_certificate)?;
        if certificate.spki() != maker.public_key() {
            return Err(MakeError::MakerKey);
        }
        let algorithm = algorithm_oid(maker.scheme()).ok_or(MakeError::Scheme)?;
        let info = self.info()?;
        let signature = maker.sign(&info)?;
        let seal = join(
            asn1::SEQUENCE,
            &[&info, &tlv(asn1::OCTET_STRING, maker_certificate), &algorithm, &bits(&signature)],
        );
        write::sound(Seal::parse(&seal)).map_err(|why| MakeError::Unsound { why })?;
        Ok(seal)
    }

    /// What the maker signs: SES_SealInfo in DER.
    ///
    /// # Errors
    /// [`MakeError`] for contents that cannot stand in a seal.
    pub fn info(&self) -> Result<Vec<u8>, MakeError> {
        if self.version == Version::V1 {
            return Err(MakeError::Version);
        }
        let field = |field, value: &str, why| MakeError::Field { field, value: value.to_owned(), why };
        for (name, value) in [("vendor", &self.vendor), ("identifier", &self.id)] {
            if !is_ia5(value) || value.is_empty() || value.len() > MAX_TEXT {
                return Err(field(name, value, "1 to 256 printable ASCII characters"));
            }
        }
        if self.name.trim().is_empty()
            || self.name.len() > MAX_TEXT
            || self.name.chars().any(char::is_control)
        {
            return Err(field("name", &self.name, "1 to 256 octets of text without control characters"));
        }
        let NewPicture { kind, data, width_mm, height_mm } = &self.picture;
        if !PICTURES.contains(&kind.as_str()) || data.is_empty() {
            return Err(field("picture", kind, "PNG, SVG, GIF, BMP, JPG or OFD, and not empty"));
        }
        if let Some(wrong) = [width_mm, height_mm].into_iter().find(|size| !(1..=1000).contains(*size)) {
            return Err(field("size", &wrong.to_string(), "1 to 1000 millimetres"));
        }
        if self.valid_to <= self.valid_from || self.valid_to < self.created {
            return Err(MakeError::Validity);
        }
        let time = |seconds| generalized_time(seconds).ok_or(MakeError::Validity);
        let header = join(
            asn1::SEQUENCE,
            &[
                &tlv(asn1::IA5_STRING, b"ES"),
                &unsigned(self.version.number().unsigned_abs()),
                &tlv(asn1::IA5_STRING, self.vendor.as_bytes()),
            ],
        );
        let (list_type, list) = self.signers.encode()?;
        let property = join(
            asn1::SEQUENCE,
            &[
                &unsigned(u64::from(self.kind)),
                &tlv(asn1::UTF8_STRING, self.name.as_bytes()),
                &unsigned(list_type),
                &list,
                &time(self.created)?,
                &time(self.valid_from)?,
                &time(self.valid_to)?,
            ],
        );
        let picture = join(
            asn1::SEQUENCE,
            &[
                &tlv(asn1::IA5_STRING, kind.as_bytes()),
                &tlv(asn1::OCTET_STRING, data),
                &unsigned(u64::from(*width_mm)),
                &unsigned(u64::from(*height_mm)),
            ],
        );
        let extensions = match self.extensions.is_empty() {
            true => Vec::new(),
            false => extensions(&self.extensions),
        };
        let id = tlv(asn1::IA5_STRING, self.id.as_bytes());
        Ok(join(asn1::SEQUENCE, &[&header, &id, &property, &picture, &extensions]))
    }
}

impl Signers {
    fn encode(&self) -> Result<(u64, Vec<u8>), MakeError> {
        let (Self::Certificates(certificates) | Self::Digests(_, certificates)) = self;
        if certificates.is_empty() {
            return Err(MakeError::NoSigners);
        }
        certificates.iter().try_for_each(|der| readable("signer's", der).map(|_| ()))?;
        let (list_type, members): (_, Vec<_>) = match self {
            Self::Certificates(certificates) => {
                (1, certificates.iter().map(|der| tlv(asn1::OCTET_STRING, der)).collect())
            }
            Self::Digests(digest, certificates) => {
                let kind = tlv(asn1::PRINTABLE_STRING, write::digest_name(*digest).as_bytes());
                let member = |der: &Vec<u8>| {
                    join(asn1::SEQUENCE, &[&kind, &tlv(asn1::OCTET_STRING, &digest.digest(der))])
                };
                (2, certificates.iter().map(member).collect())
            }
        };
        Ok((list_type, join(asn1::SEQUENCE, &members.iter().map(Vec::as_slice).collect::<Vec<_>>())))
    }
}

impl Seal {
    /// The same seal with a time-stamp token of the maker's signature value (V5 alone).
    ///
    /// # Errors
    /// [`MakeError::Version`] for other versions, [`MakeError::Unsound`] when the seal deviates itself.
    pub fn with_time_stamp(&self, token: &[u8]) -> Result<Vec<u8>, MakeError> {
        if self.version != Version::V5 {
            return Err(MakeError::Version);
        }
        let outer = asn1::first(&self.der).map(|outer| outer.content).unwrap_or_default();
        let end = self.time_stamp.is_some().then(|| last_start(outer)).flatten().unwrap_or(outer.len());
        let kept = outer.get(..end).unwrap_or_default();
        let seal = join(asn1::SEQUENCE, &[kept, &write::time_stamp(token)]);
        write::sound(Seal::parse(&seal)).map_err(|why| MakeError::Unsound { why })?;
        Ok(seal)
    }
}

/// Where the last element begins.
pub(crate) fn last_start(content: &[u8]) -> Option<usize> {
    let mut elements = asn1::Elements::new(content);
    let mut last = None;
    while !elements.is_empty() {
        last = Some(elements.take().ok()?.offset);
    }
    last
}

fn readable(whose: &'static str, der: &[u8]) -> Result<Certificate, MakeError> {
    Certificate::from_der(der).map_err(|error| MakeError::Certificate { whose, why: error.to_string() })
}

/// Names and identifiers in real seals stay below 100 octets.
const MAX_TEXT: usize = 256;
