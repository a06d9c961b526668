//! What is to be validated: one signature, or one time-stamp token, with what its format's reader found out.

use crypto::DigestAlgorithm;

use super::{proofs::Poes, report::StampKind};
use crate::{
    certificate::Certificate,
    cms::{SignedAttributes, SignedData, TimeStampToken, Verification},
};

/// What format checking (§5.2.2) said; it is the format's business.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The signature has the form it must have.
    #[default]
    Conforms,
    /// It has not, and why.
    Fails(Vec<String>),
}

/// One signature.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// What reports call it.
    pub name: String,
    /// What format checking said.
    pub format: Format,
    /// Whether the signed data is at hand; without it nothing is verified (SIGNED_DATA_NOT_FOUND).
    pub signed_data: bool,
    /// What the cryptographic verification found: integrity, signer, digest and scheme.
    pub verification: &'a Verification,
    /// The signature value's octets, which a signature time-stamp covers.
    pub signature: &'a [u8],
    /// What the signer signed beside the content.
    pub attributes: Option<&'a SignedAttributes>,
    /// The signing time the signer claims (a PDF's /M, or signing-time), Unix seconds.
    pub claimed_time: Option<i64>,
    /// Time-stamps of the signed data, made before the signature: content-time-stamps, and document time-stamps that the
    /// signature covers.
    pub content_stamps: &'a [Stamp<'a>],
    /// Time-stamps of the signature value.
    pub signature_stamps: &'a [Stamp<'a>],
}

impl<'a> Subject<'a> {
    /// A CMS signature of sound format over data that is at hand, without time-stamps. `claimed_time` is signing-time.
    #[must_use]
    pub fn of_cms(name: impl Into<String>, data: &'a SignedData, verification: &'a Verification) -> Self {
        Self {
            name: name.into(),
            format: Format::Conforms,
            signed_data: true,
            verification,
            signature: data.signature_value(),
            attributes: data.signed_attributes(),
            claimed_time: data.signed_attributes().and_then(SignedAttributes::signing_time),
            content_stamps: &[],
            signature_stamps: &[],
        }
    }
}

/// One time-stamp token and what its imprint must be.
#[derive(Clone, Debug)]
pub struct Stamp<'a> {
    /// What reports call it.
    pub name: String,
    /// What it is about.
    pub kind: StampKind,
    /// The token.
    pub token: &'a TimeStampToken,
    /// SHA-256 of the token's octets, the name its proofs of existence go by.
    pub digest: [u8; 32],
    /// What it is over.
    pub imprint: Imprint<'a>,
}

/// What a token is over.
#[derive(Clone, Copy, Debug)]
pub enum Imprint<'a> {
    /// These octets; the engine verifies the token itself, under its budget.
    Octets(&'a [u8]),
    /// Something else, against which the caller has verified the token ([`TimeStampToken::verify`]).
    Verified(&'a Verification),
}

impl<'a> Stamp<'a> {
    /// A time-stamp of a signature value. `octets` are the token's.
    #[must_use]
    pub fn of_signature(
        name: impl Into<String>,
        token: &'a TimeStampToken,
        octets: &[u8],
        signature: &'a [u8],
    ) -> Self {
        Self {
            name: name.into(),
            kind: StampKind::Signature,
            token,
            digest: Poes::digest(octets),
            imprint: Imprint::Octets(signature),
        }
    }

    /// A time-stamp of something else that the caller has verified it against. `octets` are the token's.
    #[must_use]
    pub fn verified(
        name: impl Into<String>,
        kind: StampKind,
        token: &'a TimeStampToken,
        octets: &[u8],
        verification: &'a Verification,
    ) -> Self {
        Self {
            name: name.into(),
            kind,
            token,
            digest: Poes::digest(octets),
            imprint: Imprint::Verified(verification),
        }
    }

    /// Whether the imprint is that of what the token is said to be over.
    pub(super) fn imprint_holds(&self) -> bool {
        match self.imprint {
            Imprint::Verified(verification) => verification.integrity.is_intact(),
            Imprint::Octets(octets) => {
                let info = self.token.info();
                DigestAlgorithm::from_oid(&info.imprint_algorithm)
                    .is_ok_and(|algorithm| algorithm.digest(octets) == info.imprint)
            }
        }
    }

    /// Verifies the token, if the caller has not.
    pub(super) fn verification(&self, certificates: &[Certificate]) -> std::borrow::Cow<'a, Verification> {
        match self.imprint {
            Imprint::Verified(verification) => std::borrow::Cow::Borrowed(verification),
            Imprint::Octets(octets) => {
                let digest =
                    |algorithm: DigestAlgorithm| Ok::<_, std::convert::Infallible>(algorithm.digest(octets));
                let Ok(verification) = self.token.verify(certificates, digest);
                std::borrow::Cow::Owned(verification)
            }
        }
    }
}
