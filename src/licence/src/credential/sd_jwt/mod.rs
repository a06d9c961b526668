//! SD-JWT VC: a licence as a credential whose holder chooses which fields a verifier sees (RFC 9901).
//!
//! An issuer-signed JWT bears digests of salted fields; each field travels beside it as a disclosure, or does not. Issued with
//! `typ` dc+sd-jwt (vc+sd-jwt is read too), ES256, sha-256. `iss`, `nbf`, `exp`, `cnf`, `vct`, `status` are never selective. Where
//! a credential names its holder's key (`cnf`), a presentation proves possession by a key-binding JWT over `aud` and `nonce`;
//! without one the holder is unbound, and the verdict says so.
//!
//! [`issue`] makes one, [`present`] is the holder's part, [`Presentation`] the verifier's. Bounded: length, disclosures, depth.

mod disclosure;
mod present;
mod verify;

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::json::encode;
use super::jwk::JwkError;
use super::jws::{self, JwsError};
use super::{Issuer, IssuerError, Jwk, StatusReference, Untrusted};
use disclosure::Disclosure;

pub use present::{Binding, present};
pub use verify::{Expected, Holder, Presentation, Unbound, Verified};

/// What is to be issued.
#[derive(Debug, Clone)]
pub struct Issue<'a> {
    /// The credential's type: a URI.
    pub vct: &'a str,
    /// What it says of its subject.
    pub claims: &'a Map<String, Value>,
    /// Names of those claims that the holder may keep back.
    pub selective: &'a [&'a str],
    /// When it is issued, Unix seconds.
    pub issued_at: i64,
    /// From when it holds, Unix seconds.
    pub not_before: Option<i64>,
    /// Until when it holds, Unix seconds.
    pub expires: Option<i64>,
    /// Where its standing can be asked for.
    pub status: Option<&'a StatusReference>,
    /// The key that its holder proves possession of.
    pub holder_key: Option<&'a Jwk>,
}

/// Why a credential was not issued, read or believed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SdJwtError {
    /// A claim that the frame writes, or that selective disclosure reserves.
    #[error("a credential has no claim `{0}` of its own")]
    Reserved(String),
    /// A claim that may be kept back is none of the claims.
    #[error("`{0}` may be kept back, but is not among the claims")]
    NoClaim(String),
    /// The signer's key.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// Longer, or in more parts, than is read.
    #[error(
        "the presentation is longer than {LONGEST} octets or has more than {MOST_DISCLOSURES} disclosures"
    )]
    TooLong,
    /// Not an SD-JWT.
    #[error("not an SD-JWT: a JWT and disclosures, each followed by `~` (RFC 9901 §4)")]
    Form,
    /// A signed part.
    #[error("{part}: {source}")]
    Jws {
        /// Which.
        part: &'static str,
        /// What is wrong.
        source: JwsError,
    },
    /// A digest algorithm other than SHA-256.
    #[error("the digests are by `{0}` where only sha-256 is accepted")]
    Digest(String),
    /// A disclosure that is none.
    #[error("a disclosure is not base64url of a JSON array of salt, name and value (RFC 9901 §4.2)")]
    Disclosure,
    /// A digest that stands twice, or two disclosures with one digest.
    #[error("a digest stands twice")]
    DigestTwice,
    /// A disclosure that no digest refers to.
    #[error("a disclosure belongs to no digest of the credential")]
    Unreferenced,
    /// A disclosed claim that stands there already, or whose name is reserved.
    #[error("the disclosed claim `{0}` is reserved or stands there already")]
    Claim(String),
    /// Digests where there are none, or malformed ones.
    #[error("the structure of digests is malformed (RFC 9901 §4.2.4)")]
    Structure,
    /// Deeper than is read.
    #[error("disclosures are nested too deeply")]
    Depth,
    /// A registered claim is missing or of another type.
    #[error("the credential's `{0}` is missing or malformed")]
    Registered(&'static str),
    /// Issued later than now.
    #[error("the credential was issued in the future")]
    Future,
    /// Does not hold yet.
    #[error("the credential holds from {0} (Unix seconds)")]
    NotYet(i64),
    /// Holds no more.
    #[error("the credential held until {0} (Unix seconds)")]
    Expired(i64),
    /// The signer.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The holder's key.
    #[error(transparent)]
    HolderKey(#[from] JwkError),
    /// A key-binding JWT where the credential names no key.
    #[error("a key-binding JWT for a credential that names no holder's key")]
    NoHolderKey,
    /// The proof of possession is for somebody else, another request, other disclosures, or too old.
    #[error("the holder's proof does not fit: `{0}`")]
    Binding(&'static str),
}

/// Issues a credential: the JWT and every disclosure, each followed by `~`. Each salt of `salts` is 128 random bits, used once.
///
/// # Errors
/// [`SdJwtError::Reserved`], [`SdJwtError::NoClaim`], [`SdJwtError::Issuer`].
pub fn issue(
    wish: &Issue<'_>,
    issuer: &Issuer,
    salts: &mut dyn FnMut() -> [u8; 16],
) -> Result<String, SdJwtError> {
    if let Some(name) = wish.claims.keys().find(|name| is_reserved(name)) {
        return Err(SdJwtError::Reserved(name.clone()));
    }
    if let Some(name) = wish.selective.iter().find(|name| !wish.claims.contains_key(**name)) {
        return Err(SdJwtError::NoClaim((*name).to_owned()));
    }
    let mut payload = Map::new();
    let mut disclosures = Vec::new();
    for (name, value) in wish.claims {
        if wish.selective.contains(&name.as_str()) {
            disclosures.push(Disclosure::of_claim(&salts(), name, value));
        } else {
            payload.insert(name.clone(), value.clone());
        }
    }
    // RFC 9901 §4.2.4.1: an order that tells nothing about the claims.
    let mut digests: Vec<String> =
        disclosures.iter().map(|disclosure| disclosure.digest().to_owned()).collect();
    digests.sort_unstable();
    if !digests.is_empty() {
        payload.insert("_sd".to_owned(), digests.into());
        payload.insert("_sd_alg".to_owned(), SHA_256.into());
    }
    payload.insert("iss".to_owned(), issuer.uri().into());
    payload.insert("vct".to_owned(), wish.vct.into());
    payload.insert("iat".to_owned(), wish.issued_at.into());
    for (name, seconds) in [("nbf", wish.not_before), ("exp", wish.expires)] {
        if let Some(seconds) = seconds {
            payload.insert(name.to_owned(), seconds.into());
        }
    }
    if let Some(status) = wish.status {
        let place = json!({ "status_list": { "idx": status.index, "uri": status.uri } });
        payload.insert("status".to_owned(), place);
    }
    if let Some(key) = wish.holder_key {
        payload.insert("cnf".to_owned(), key.confirmation());
    }
    let mut text = jws::sign(TYPE, &payload, issuer)?;
    text.push('~');
    for disclosure in &disclosures {
        text.push_str(disclosure.text());
        text.push('~');
    }
    Ok(text)
}

/// Names that the frame writes, and those of RFC 9901 §4.1 and §4.2.
fn is_reserved(name: &str) -> bool {
    NEVER_SELECTIVE.contains(&name) || ["_sd", "_sd_alg", "...", "iat"].contains(&name)
}

/// SHA-256 in base64url, as digests stand in credentials.
fn digest(text: &str) -> String {
    encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}

/// Claims that no disclosure may bring (SD-JWT VC §3.2.2.2).
const NEVER_SELECTIVE: [&str; 7] = ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"];
const TYPE: &str = "dc+sd-jwt";
const SHA_256: &str = "sha-256";
/// Octets of a presentation at most.
pub const LONGEST: usize = 512 * 1024;
/// Disclosures in a presentation at most.
pub const MOST_DISCLOSURES: usize = 256;
