//! Published documents: JSON objects signed as a whole, for the catalogue of licences and for trust lists.
//!
//! A compact JWS with `typ`, `x5c`, and in its payload `iss` (the URI of the signer's certificate) and `iat` beside the
//! document's own members. The type keeps documents apart: a catalogue is never taken for a trust list.

use pki::Certificate;
use serde_json::{Map, Value};
use thiserror::Error;

use super::jws::{self, Jws, JwsError};
use super::{Issuer, IssuerError, Trust, Untrusted};

/// The longest document that is read: 16 MiB of text.
pub const LONGEST: usize = 16 * 1024 * 1024;

/// A document that reads; whether to believe it, [`Document::verify`] says.
#[derive(Debug, Clone)]
pub struct Document(Jws);

/// A document with an issuer that may issue it.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Its members, `iss`, `iat`, `exp` included.
    pub members: Map<String, Value>,
    /// Who issued it.
    pub issuer: String,
    /// When, Unix seconds.
    pub issued_at: i64,
    /// Until when it holds, where it says so; not yet over.
    pub expires: Option<i64>,
    /// The certificate of who signed.
    pub signer: Certificate,
}

/// Why a document is not signed, or not believed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum DocumentError {
    /// Members that the frame writes itself.
    #[error("a document has no member `{0}` of its own")]
    Reserved(&'static str),
    /// The key.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The frame.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// A member is missing or of another type.
    #[error("the document's member `{0}` is missing or malformed")]
    Member(&'static str),
    /// Issued later than now.
    #[error("the document was issued in the future")]
    Future,
    /// Its time is over.
    #[error("the document held until {0} (Unix seconds)")]
    Expired(i64),
    /// The signer.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
}

/// Signs a document as `typ` (for example `cinnabar-catalogue+jwt`), issued at `issued_at` and held good until `expires`, Unix
/// seconds.
///
/// # Errors
/// [`DocumentError`].
pub fn sign(
    document: &Map<String, Value>,
    typ: &str,
    issued_at: i64,
    expires: Option<i64>,
    issuer: &Issuer,
) -> Result<String, DocumentError> {
    if let Some(name) = ["iss", "iat", "exp"].into_iter().find(|name| document.contains_key(*name)) {
        return Err(DocumentError::Reserved(name));
    }
    let mut payload = document.clone();
    payload.insert("iss".to_owned(), issuer.uri().into());
    payload.insert("iat".to_owned(), issued_at.into());
    if let Some(expires) = expires {
        payload.insert("exp".to_owned(), expires.into());
    }
    Ok(jws::sign(typ, &payload, issuer)?)
}

impl Document {
    /// Reads a document of that type.
    ///
    /// # Errors
    /// [`DocumentError::Jws`].
    pub fn parse(text: &str, typ: &'static str) -> Result<Self, DocumentError> {
        Ok(Self(Jws::parse(text.trim_end_matches(['\r', '\n']), &[typ], LONGEST)?))
    }

    /// Who says to have issued it, and by which certificates: what a person is shown before they decide to trust it.
    #[must_use]
    pub fn claimed(&self) -> (Option<&str>, &[Certificate]) {
        (self.0.payload().get("iss").and_then(Value::as_str), self.0.chain())
    }

    /// What it says, believed or not: for learning whom to ask, never for a decision.
    #[must_use]
    pub const fn unverified(&self) -> &Map<String, Value> {
        self.0.payload()
    }

    /// That it was signed by whom it names, who may, and holds at `at` (Unix seconds).
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn verify(&self, trust: &Trust<'_>, at: i64) -> Result<Verified, DocumentError> {
        let members = self.0.payload();
        let issuer = members.get("iss").and_then(Value::as_str).ok_or(DocumentError::Member("iss"))?;
        let seconds = |name| self.0.seconds(name).map_err(DocumentError::Member);
        let issued_at = seconds("iat")?.ok_or(DocumentError::Member("iat"))?;
        let expires = seconds("exp")?;
        let signer = self.0.chain().first().ok_or(Untrusted::Unknown)?;
        self.0.is_signed_by(signer.spki())?;
        trust.check(self.0.chain(), issuer, issued_at, at)?;
        if issued_at > at.saturating_add(CLOCKS_APART) {
            return Err(DocumentError::Future);
        }
        if let Some(over) = expires.filter(|expires| *expires <= at) {
            return Err(DocumentError::Expired(over));
        }
        Ok(Verified {
            members: members.clone(),
            issuer: issuer.to_owned(),
            issued_at,
            expires,
            signer: signer.clone(),
        })
    }
}

/// Seconds that the clocks of issuer and reader may differ.
pub(super) const CLOCKS_APART: i64 = 60;
