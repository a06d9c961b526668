//! Status list tokens: `statuslist+jwt` and `statuslist+cwt`.
//!
//! `sub` is the list's own address: a list fetched from one place cannot stand in for another. The signer's certificate names the
//! issuer; whose lists those are, the reader knows from the credential that referred to it.

use ciborium::Value as Cbor;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::super::cose::{self, Cwt, CwtError, KeyName};
use super::super::jws::{self, Jws, JwsError};
use super::super::signed::CLOCKS_APART;
use super::super::{Issuer, IssuerError, Trust, Untrusted, json};
use super::StatusList;

/// What a token says about the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The list's address.
    pub uri: String,
    /// When the token was made, Unix seconds.
    pub issued_at: i64,
    /// Until when it may be used, Unix seconds.
    pub expires: Option<i64>,
    /// For how many seconds a reader may keep it without asking again.
    pub ttl: Option<u64>,
}

/// A token that reads.
#[derive(Debug, Clone)]
pub struct Token {
    frame: Frame,
    list: StatusList,
    terms: Terms,
}

#[derive(Debug, Clone)]
enum Frame {
    Jwt(Box<Jws>),
    Cwt(Box<Cwt>),
}

/// A list whose signer may sign it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedList {
    /// The list.
    pub list: StatusList,
    /// What the token says about it.
    pub terms: Terms,
}

/// Why a token is none, or not believed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ListError {
    /// Longer than is read.
    #[error("a status list token of {0} octets is longer than any that is read")]
    TooLong(usize),
    /// The frame of a JWT.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// The frame of a CWT.
    #[error(transparent)]
    Cwt(#[from] CwtError),
    /// Not a status list token.
    #[error("the token is of another type than a status list")]
    Type,
    /// A claim is missing or of another type.
    #[error("the status list token's `{0}` is missing or malformed")]
    Claim(&'static str),
    /// The list within does not inflate, or to too much.
    #[error("the status list does not inflate to a list of at most {} octets", super::MOST_OCTETS)]
    List,
    /// Another list's token.
    #[error("the token is that of the list `{found}`, not of `{wanted}`")]
    Subject {
        /// What it says.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// Made later than now.
    #[error("the status list token was made in the future")]
    Future,
    /// Its time is over.
    #[error("the status list token held until {0} (Unix seconds)")]
    Expired(i64),
    /// The signer.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
}

/// The list as a JWT.
///
/// # Errors
/// [`IssuerError`] when the key does not sign.
pub fn token_jwt(bits: u8, compressed: &[u8], terms: &Terms, issuer: &Issuer) -> Result<String, IssuerError> {
    let mut payload = Map::new();
    payload.insert("sub".to_owned(), terms.uri.clone().into());
    payload.insert("iat".to_owned(), terms.issued_at.into());
    if let Some(expires) = terms.expires {
        payload.insert("exp".to_owned(), expires.into());
    }
    if let Some(ttl) = terms.ttl {
        payload.insert("ttl".to_owned(), ttl.into());
    }
    payload.insert("status_list".to_owned(), json!({ "bits": bits, "lst": json::encode(compressed) }));
    jws::sign(JWT, &payload, issuer)
}

/// The list as a CWT.
///
/// # Errors
/// [`IssuerError`] when the key does not sign.
pub fn token_cwt(
    bits: u8,
    compressed: &[u8],
    terms: &Terms,
    issuer: &Issuer,
) -> Result<Vec<u8>, IssuerError> {
    let mut claims = vec![(SUB.into(), Cbor::Text(terms.uri.clone()))];
    if let Some(expires) = terms.expires {
        claims.push((EXP.into(), expires.into()));
    }
    claims.push((IAT.into(), terms.issued_at.into()));
    let list =
        vec![(Cbor::from("bits"), Cbor::from(bits)), (Cbor::from("lst"), Cbor::Bytes(compressed.to_vec()))];
    claims.push((STATUS_LIST.into(), Cbor::Map(list)));
    if let Some(ttl) = terms.ttl {
        claims.push((TTL.into(), ttl.into()));
    }
    // By both: readers differ in which they ask for.
    let kid = issuer.certificate().map(super::super::qr::kid).unwrap_or_default();
    cose::sign(claims, Some(CWT), KeyName::Chain(&kid), issuer)
}

impl Token {
    /// Reads a JWT.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn parse_jwt(text: &str) -> Result<Self, ListError> {
        let frame = Jws::parse(text, &[JWT], LONGEST)?;
        let claims = frame.payload();
        let seconds = |name| frame.seconds(name).map_err(ListError::Claim);
        let uri = claims.get("sub").and_then(Value::as_str).ok_or(ListError::Claim("sub"))?;
        let ttl = match claims.get("ttl") {
            None => None,
            Some(ttl) => Some(ttl.as_u64().ok_or(ListError::Claim("ttl"))?),
        };
        let terms = Terms {
            uri: uri.to_owned(),
            issued_at: seconds("iat")?.ok_or(ListError::Claim("iat"))?,
            expires: seconds("exp")?,
            ttl,
        };
        let list = claims.get("status_list").ok_or(ListError::Claim("status_list"))?;
        let bits = list.get("bits").and_then(Value::as_u64).and_then(|bits| u8::try_from(bits).ok());
        let octets = list.get("lst").and_then(Value::as_str).and_then(json::decode);
        let list = inflated(bits, octets.as_deref())?;
        Ok(Self { frame: Frame::Jwt(Box::new(frame)), list, terms })
    }

    /// Reads a CWT.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn parse_cwt(octets: &[u8]) -> Result<Self, ListError> {
        if octets.len() > LONGEST {
            return Err(ListError::TooLong(octets.len()));
        }
        let frame = Cwt::parse(octets)?;
        if !frame.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(CWT)) {
            return Err(ListError::Type);
        }
        let ttl = match frame.claim(TTL) {
            None => None,
            Some(ttl) => {
                let ttl = ttl.as_integer().and_then(|ttl| u64::try_from(ttl).ok());
                Some(ttl.ok_or(ListError::Claim("ttl"))?)
            }
        };
        let terms = Terms {
            uri: frame.text(SUB).ok_or(ListError::Claim("sub"))?.to_owned(),
            issued_at: frame.seconds(IAT)?.ok_or(ListError::Claim("iat"))?,
            expires: frame.seconds(EXP)?,
            ttl,
        };
        let list = frame.claim(STATUS_LIST).and_then(Cbor::as_map).ok_or(ListError::Claim("status_list"))?;
        let bits = cose::member(list, &"bits".into()).and_then(Cbor::as_integer);
        let bits = bits.and_then(|bits| u8::try_from(bits).ok());
        let octets = cose::member(list, &"lst".into()).and_then(Cbor::as_bytes);
        let list = inflated(bits, octets.map(Vec::as_slice))?;
        Ok(Self { frame: Frame::Cwt(Box::new(frame)), list, terms })
    }

    /// That it is the list at `uri`, signed by `issuer` or whoever signs for it, and may be used at `at` (Unix seconds).
    ///
    /// # Errors
    /// [`ListError`].
    pub fn verify(
        self,
        trust: &Trust<'_>,
        issuer: &str,
        uri: &str,
        at: i64,
    ) -> Result<VerifiedList, ListError> {
        if self.terms.uri != uri {
            return Err(ListError::Subject { found: self.terms.uri, wanted: uri.to_owned() });
        }
        let chain = match &self.frame {
            Frame::Jwt(frame) => frame.chain(),
            Frame::Cwt(frame) => &frame.chain,
        };
        let signer = chain.first().ok_or(Untrusted::Unknown)?;
        match &self.frame {
            Frame::Jwt(frame) => frame.is_signed_by(signer.spki())?,
            Frame::Cwt(frame) => frame.is_signed_by(signer.spki())?,
        }
        if self.terms.issued_at > at.saturating_add(CLOCKS_APART) {
            return Err(ListError::Future);
        }
        trust.check(chain, issuer, self.terms.issued_at.min(at), at)?;
        if let Some(over) = self.terms.expires.filter(|expires| *expires <= at) {
            return Err(ListError::Expired(over));
        }
        Ok(VerifiedList { list: self.list, terms: self.terms })
    }
}

fn inflated(bits: Option<u8>, compressed: Option<&[u8]>) -> Result<StatusList, ListError> {
    let bits = bits.ok_or(ListError::Claim("bits"))?;
    let compressed = compressed.ok_or(ListError::Claim("lst"))?;
    StatusList::inflate(bits, compressed).ok_or(ListError::List)
}

/// 1 MiB of octets, which does not compress, in base64url, with room for the rest.
const LONGEST: usize = 2 * 1024 * 1024;
const JWT: &str = "statuslist+jwt";
const CWT: &str = "application/statuslist+cwt";
const SUB: i64 = 2;
const EXP: i64 = 4;
const IAT: i64 = 6;
const STATUS_LIST: i64 = 65_533;
const TTL: i64 = 65_534;
