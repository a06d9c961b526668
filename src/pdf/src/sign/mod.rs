//! Signing: prepare → digest → embed, as one tail to append (PAdES baseline B-B, EN 319 142-1, unless the request
//! names another [`Container`]).
//!
//! [`prepare`] decides what a signature changes and lays it out as an incremental update with a
//! reserved hole; [`Prepared::digest`] is what the signer's container has to cover; [`Prepared::embed`] fills
//! the hole. [`sign`] does all three and repeats the cheap part when the hole was too small, so a
//! signature never fails for its size. The original is read once, never held, never changed; keys and
//! certificates stay with the [`CmsSigner`].
//!
//! Refused, with the reason, is whatever would break or contradict what is there: a certified
//! document that allows no changes, a field locked by a signature, usage rights, XFA forms.
//! Not here: trust, time-stamps, and documents' long-term material.

mod archival;
pub(crate) mod changes;
mod fields;
pub(crate) mod form;
mod lock;
mod marks;
mod permission;
mod place;
pub(crate) mod prepare;
mod prepared;
mod request;
mod seed;
mod tags;

use crypto::DigestAlgorithm;

pub use prepared::{DigestError, EmbedError, Prepared, Signed};
pub use request::{ClaimedTime, Container, DocMdp, FieldLock, SignatureRequest};

use crate::appearance::{AppearanceError, GeometryError};
use crate::syntax::{Document, Limits, OpenError, ReadError, Source};
use crate::text::SearchError;
use crate::write::LayoutError;

/// Makes the CMS over a digest, or another container: a certificate chain and a key, wherever they are.
pub trait CmsSigner {
    /// The algorithm of the digest it wants.
    fn digest_algorithm(&self) -> DigestAlgorithm;

    /// Octets its container will not exceed; a wrong guess costs a second signature, nothing else.
    fn size_hint(&self) -> usize;

    /// A detached CMS SignedData (DER) whose message digest is `content_digest`.
    ///
    /// # Errors
    /// Whatever keeps it from signing.
    fn sign(&self, content_digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;

    /// The container over the octets of `byte_range` (two pairs of place and length), whose digest is `content_digest`.
    /// A CMS does not say which octets it is over; what does, says it here.
    ///
    /// # Errors
    /// Whatever keeps it from signing.
    fn sign_range(
        &self,
        content_digest: &[u8],
        byte_range: [u64; 4],
    ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let _ = byte_range;
        self.sign(content_digest)
    }
}

impl CmsSigner for pki::cms::sign::CmsSigner {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        self.digest_algorithm()
    }

    fn size_hint(&self) -> usize {
        self.max_len()
    }

    fn sign(&self, content_digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.sign(content_digest)?)
    }
}

/// Prepares a signature with room for `reserve` octets of its container.
///
/// The same document and request give the same octets: no clock and no randomness is used.
///
/// # Errors
/// [`PrepareError`], if the document or the request does not allow it.
pub fn prepare(
    document: &Document<'_>,
    request: &SignatureRequest,
    reserve: usize,
) -> Result<Prepared, PrepareError> {
    prepare::Plan::new(document, request, request.digest)?.lay_out(reserve)
}

/// Signs the PDF in `source` under the default [`Limits`].
///
/// # Errors
/// [`SignError`], if it is no PDF, may not be signed so, or the signer fails.
pub fn sign(
    source: &dyn Source,
    request: &SignatureRequest,
    signer: &dyn CmsSigner,
) -> Result<Signed, SignError> {
    sign_document(&Document::open(source, &Limits::default())?, request, signer)
}

/// Signs a document that is open already.
///
/// # Errors
/// [`SignError`], if it may not be signed so or the signer fails.
pub fn sign_document(
    document: &Document<'_>,
    request: &SignatureRequest,
    signer: &dyn CmsSigner,
) -> Result<Signed, SignError> {
    let plan = prepare::Plan::new(document, request, signer.digest_algorithm())?;
    plan.check_digest(signer.digest_algorithm())?;
    let mut reserve = signer.size_hint();
    for _ in 0..ROUNDS {
        let prepared = plan.lay_out(reserve)?;
        let digest = prepared.digest(document.source(), signer.digest_algorithm())?;
        let container = signer.sign_range(&digest, prepared.byte_range()).map_err(SignError::Signer)?;
        match prepared.embed(&container) {
            Ok(signed) => return Ok(signed),
            // Signatures of one key differ by some octets in length.
            Err(EmbedError::TooSmall { needed, .. }) => reserve = needed.saturating_add(64),
            Err(error) => return Err(error.into()),
        }
    }
    Err(SignError::GrowingCms { rounds: ROUNDS })
}

/// Why a document cannot be signed as asked.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The document cannot be read where signing has to.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its storage failed.
    #[error("the document cannot be read")]
    Io(#[from] std::io::Error),
    /// It breaks the syntax where signing has to change it.
    #[error("malformed document: {what}")]
    Malformed {
        /// What was wrong.
        what: &'static str,
    },
    /// A certification signature allows no changes at all.
    #[error("the document is certified by `{field}` and allows no changes")]
    Certified {
        /// The certifying field; empty where only the catalog names the certification.
        field: String,
    },
    /// A certification lets new signatures be seen only where its author made a place for them.
    #[error(
        "the document is certified by `{field}`, which forbids a new field that is seen: sign an existing \
         field, or invisibly"
    )]
    CertifiedPicture {
        /// The certifying field; empty where only the catalog names the certification.
        field: String,
    },
    /// A signature locks the field.
    #[error("field `{name}` is locked by the signature in `{by}`")]
    FieldLocked {
        /// The field to be signed.
        name: String,
        /// The field whose signature locks it.
        by: String,
    },
    /// The document carries usage rights, whose own signature a change would break.
    #[error("the document carries usage rights that a signature would invalidate")]
    UsageRights,
    /// The document carries a message authentication code over all of it (ISO/TS 32004).
    #[error("the document carries a message authentication code that a signature would invalidate")]
    AuthenticationCode,
    /// The form is an XFA form, which viewers rebuild over what is signed.
    #[error("the document's form is an XFA form")]
    Xfa,
    /// A certification must be the first signature.
    #[error("the document is signed already and can no longer be certified")]
    CertifyAfterSignature,
    /// No field of that name exists, and no new field can have it.
    #[error("`{name}` cannot be the name of a new field")]
    FieldName {
        /// The name.
        name: String,
    },
    /// The field holds something else.
    #[error("field `{name}` is not a signature field")]
    FieldNotSignature {
        /// The name.
        name: String,
    },
    /// The field is signed already.
    #[error("field `{name}` is signed already")]
    FieldSigned {
        /// The name.
        name: String,
    },
    /// A signature field has exactly one widget (ISO 32000-2 §12.7.5.5).
    #[error("field `{name}` has {widgets} widgets instead of one")]
    FieldWidgets {
        /// The name.
        name: String,
        /// How many it has.
        widgets: usize,
    },
    /// A picture was asked for in a field that takes up no room.
    #[error("field `{name}` is invisible")]
    FieldInvisible {
        /// The name.
        name: String,
    },
    /// A place was asked for in a field that has one.
    #[error("field `{name}` has its place already")]
    FieldPlaced {
        /// The name.
        name: String,
    },
    /// The place of an existing field was asked for, and none is signed.
    #[error("the seal is to stand in an existing field, but none was named")]
    NoField,
    /// The field's author demands something of its signature (/SV) that the request does not give.
    #[error("field `{name}` demands {demand}")]
    SeedValue {
        /// The name.
        name: String,
        /// What is demanded.
        demand: &'static str,
    },
    /// The field's author wants other fields locked than the request.
    #[error("field `{name}` locks other fields than asked for: ask for no lock, its own takes effect")]
    LockDemanded {
        /// The name.
        name: String,
    },
    /// A field to be locked is not there.
    #[error("there is no field `{name}` to be locked")]
    LockedFieldMissing {
        /// The name.
        name: String,
    },
    /// The form has more fields than may be looked at.
    #[error("the form has more than {limit} fields or levels")]
    TooManyFields {
        /// The limit.
        limit: usize,
    },
    /// A text entry is too long.
    #[error("a text of the signature is longer than {limit} octets")]
    TextTooLong {
        /// The limit.
        limit: usize,
    },
    /// There is no such page.
    #[error("page {page} does not exist, the document has {pages}")]
    NoSuchPage {
        /// The page asked for.
        page: u32,
        /// How many there are.
        pages: u32,
    },
    /// The seal cannot stand there.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// The seal cannot be shown so.
    #[error(transparent)]
    Appearance(#[from] AppearanceError),
    /// Slices in a signed document are widgets of the new field, which an existing field cannot get.
    #[error("field `{name}` exists already: in a signed document a split seal needs a new field")]
    PagingNeedsNewField {
        /// The name.
        name: String,
    },
    /// The keyword cannot be found.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The update cannot be written.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

/// Why a document was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be signed as asked.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// It cannot be digested.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The signer failed.
    #[error("the signer failed: {0}")]
    Signer(Box<dyn std::error::Error + Send + Sync>),
    /// The CMS cannot be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Each CMS was larger than the one before.
    #[error("the signer's answer kept growing over {rounds} rounds")]
    GrowingCms {
        /// How often it was tried.
        rounds: usize,
    },
}

/// How often the hole may grow; once is enough for every signer that is not broken.
const ROUNDS: usize = 4;
