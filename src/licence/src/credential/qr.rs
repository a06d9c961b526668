//! Proof on paper: what a licence says in essence, signed, in a QR symbol that is read without a network.
//!
//! A CWT (RFC 8392) in COSE_Sign1 → zlib → base45 (RFC 9285) behind the prefix `CNB1:`. The whole fits version 25 of a QR symbol
//! at error level M, alphanumeric: 1,451 characters, about 964 octets. The signer is named by `kid`, eight octets of its
//! certificate's SHA-256: who verifies knows the certificates of issuers beforehand. Claims: `sub` the identifier, `nbf`,
//! `exp`, `iat`, `status` (a place in a token status list), and the private claim -65537 with the licence itself.

use ciborium::Value;
use pki::Certificate;
use thiserror::Error;

use super::cose::{self, Cwt, CwtError, KeyName};
use super::signed::CLOCKS_APART;
use super::status_list::{deflate, inflate};
use super::{Issuer, IssuerError, StatusReference, Trust, Untrusted};
use crate::identifier::{Check, Identifier};

/// What every symbol's text begins with.
pub const PREFIX: &str = "CNB1:";
/// Characters of a symbol's text at most: alphanumeric mode, version 25, error level M.
pub const LONGEST: usize = 1451;

/// What a symbol says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Essential {
    /// The licence's identifier.
    pub identifier: Identifier,
    /// Name of its type.
    pub type_name: String,
    /// The holder's name.
    pub holder: String,
    /// Name of the issuing body.
    pub issuing_body: String,
    /// Further fields, by their title.
    pub fields: Vec<(String, String)>,
    /// From when it holds, Unix seconds.
    pub valid_from: i64,
    /// Its last second, Unix time; without an end when absent.
    pub valid_to: Option<i64>,
    /// When the symbol was made, Unix seconds.
    pub issued_at: i64,
    /// Where its standing can be asked for.
    pub status: Option<StatusReference>,
}

/// A symbol that reads; whether to believe it, [`Read::verify`] says.
#[derive(Debug, Clone)]
pub struct Read {
    token: Cwt,
    essential: Essential,
    kid: Vec<u8>,
}

/// A symbol whose signer may sign it, within the validity it states.
#[derive(Debug, Clone)]
pub struct Verified {
    /// What it says.
    pub essential: Essential,
    /// Who issued it: the URI of the signer's certificate.
    pub issuer: String,
    /// The certificate of who signed.
    pub signer: Certificate,
}

/// Why a symbol was not made, or is not believed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum QrError {
    /// More than fits.
    #[error(
        "the QR symbol would have {length} characters where {LONGEST} fit; leave out or shorten `{field}`, the longest"
    )]
    TooMuch {
        /// Characters of the whole text.
        length: usize,
        /// The longest field.
        field: String,
    },
    /// The key.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// Not a text of this kind.
    #[error("not the text of a licence's QR symbol: it begins with {PREFIX}")]
    Prefix,
    /// Longer than any symbol holds.
    #[error("a text of {0} characters does not come from a QR symbol")]
    TooLong(usize),
    /// Not base45.
    #[error("the text after {PREFIX} is not base45 (RFC 9285)")]
    Base45,
    /// Not zlib, or inflated to too much.
    #[error("the octets within do not inflate to a token of at most {MOST_OCTETS} octets")]
    Zlib,
    /// The frame.
    #[error(transparent)]
    Cwt(#[from] CwtError),
    /// A claim is missing or of another type.
    #[error("the symbol's `{0}` is missing or malformed")]
    Claim(&'static str),
    /// Made later than now.
    #[error("the symbol was made in the future")]
    Future,
    /// Does not hold yet.
    #[error("the licence holds from {0} (Unix seconds)")]
    NotYet(i64),
    /// Holds no more.
    #[error("the licence held until {0} (Unix seconds)")]
    Expired(i64),
    /// The signer.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
}

/// The eight octets by which tokens in CBOR name their signer's certificate.
#[must_use]
pub fn kid(certificate: &Certificate) -> [u8; 8] {
    let mut kid = [0; 8];
    kid.iter_mut().zip(certificate.sha256_fingerprint()).for_each(|(to, from)| *to = *from);
    kid
}

/// The text of a symbol.
///
/// # Errors
/// [`QrError::TooMuch`], [`QrError::Issuer`].
pub fn encode(essential: &Essential, issuer: &Issuer) -> Result<String, QrError> {
    let certificate = issuer.certificate().ok_or(IssuerError::NoCertificate)?;
    let mut claims = vec![(SUB.into(), Value::Text(essential.identifier.to_string()))];
    if let Some(to) = essential.valid_to {
        // RFC 8392 §3.1.4: from `exp` on it is not to be accepted.
        claims.push((EXP.into(), to.saturating_add(1).into()));
    }
    claims.push((NBF.into(), essential.valid_from.into()));
    claims.push((IAT.into(), essential.issued_at.into()));
    if let Some(status) = &essential.status {
        let place = vec![
            (Value::from("idx"), Value::from(status.index)),
            (Value::from("uri"), Value::from(status.uri.as_str())),
        ];
        claims.push((STATUS.into(), Value::Map(vec![("status_list".into(), Value::Map(place))])));
    }
    let fields = essential.fields.iter().map(|(title, value)| (title.as_str().into(), value.as_str().into()));
    let licence = vec![
        (TYPE_NAME.into(), Value::from(essential.type_name.as_str())),
        (HOLDER.into(), Value::from(essential.holder.as_str())),
        (ISSUING_BODY.into(), Value::from(essential.issuing_body.as_str())),
        (FIELDS.into(), Value::Map(fields.collect())),
    ];
    claims.push((LICENCE.into(), Value::Map(licence)));
    let token = cose::sign(claims, None, KeyName::Kid(&kid(certificate)), issuer)?;
    let text = format!("{PREFIX}{}", base45::encode(deflate(&token)));
    if text.len() > LONGEST {
        let own = [
            ("type name", &essential.type_name),
            ("holder", &essential.holder),
            ("issuing body", &essential.issuing_body),
        ];
        let further = essential.fields.iter().map(|(title, value)| (title.as_str(), value));
        let longest = own.into_iter().chain(further).max_by_key(|(_, value)| value.len());
        let field = longest.map(|(title, _)| title.to_owned()).unwrap_or_default();
        return Err(QrError::TooMuch { length: text.len(), field });
    }
    Ok(text)
}

/// Reads the text of a symbol, spaces around it left out.
///
/// # Errors
/// [`QrError`]; the signature is not looked at.
pub fn decode(text: &str) -> Result<Read, QrError> {
    let text = text.trim();
    if text.len() > MOST_CHARACTERS {
        return Err(QrError::TooLong(text.len()));
    }
    let encoded = text.strip_prefix(PREFIX).ok_or(QrError::Prefix)?;
    let compressed = base45::decode(encoded).map_err(|_| QrError::Base45)?;
    let token = inflate(&compressed, MOST_OCTETS).ok_or(QrError::Zlib)?;
    let token = Cwt::parse(&token)?;
    let kid = token.kid.clone().filter(|kid| kid.len() == 8).ok_or(QrError::Claim("kid"))?;
    let identifier = token.text(SUB).and_then(|text| Identifier::parse(text).ok());
    let identifier = identifier.filter(|parsed| parsed.check == Check::Right);
    let licence = token.claim(LICENCE).and_then(Value::as_map).ok_or(QrError::Claim("licence"))?;
    let text = |key: i64, name| {
        let value = cose::member(licence, &key.into()).and_then(Value::as_text);
        value.map(ToOwned::to_owned).ok_or(QrError::Claim(name))
    };
    let fields = cose::member(licence, &FIELDS.into()).and_then(Value::as_map);
    let field =
        |(title, value): &(Value, Value)| Some((title.as_text()?.to_owned(), value.as_text()?.to_owned()));
    let fields = fields.and_then(|fields| fields.iter().map(field).collect());
    let essential = Essential {
        identifier: identifier.ok_or(QrError::Claim("sub"))?.identifier,
        type_name: text(TYPE_NAME, "type name")?,
        holder: text(HOLDER, "holder")?,
        issuing_body: text(ISSUING_BODY, "issuing body")?,
        fields: fields.ok_or(QrError::Claim("fields"))?,
        valid_from: token.seconds(NBF)?.ok_or(QrError::Claim("nbf"))?,
        valid_to: token.seconds(EXP)?.map(|over| over.saturating_sub(1)),
        issued_at: token.seconds(IAT)?.ok_or(QrError::Claim("iat"))?,
        status: status(&token)?,
    };
    Ok(Read { token, essential, kid })
}

fn status(token: &Cwt) -> Result<Option<StatusReference>, QrError> {
    let Some(status) = token.claim(STATUS) else { return Ok(None) };
    let read = || {
        let list = cose::member(status.as_map()?, &"status_list".into())?.as_map()?;
        let index = cose::member(list, &"idx".into())?.as_integer()?;
        let uri = cose::member(list, &"uri".into())?.as_text()?;
        Some(StatusReference { uri: uri.to_owned(), index: u32::try_from(index).ok()? })
    };
    read().map(Some).ok_or(QrError::Claim("status"))
}

impl Read {
    /// What it says, believed or not: for showing beside a verdict, never for one.
    #[must_use]
    pub const fn unverified(&self) -> &Essential {
        &self.essential
    }

    /// The eight octets by which it names its signer.
    #[must_use]
    pub fn kid(&self) -> &[u8] {
        &self.kid
    }

    /// That one of the known certificates signed it, that it may, and that the licence holds at `at` (Unix seconds) by what the
    /// symbol says.
    ///
    /// # Errors
    /// [`QrError`].
    pub fn verify(self, trust: &Trust<'_>, at: i64) -> Result<Verified, QrError> {
        let named = trust.known.iter().filter(|known| kid(known)[..] == self.kid);
        // Eight octets can be met on purpose, but not often by chance.
        let signer = named.take(4).find(|known| self.token.is_signed_by(known.spki()).is_ok());
        let Some(signer) = signer.cloned() else {
            let known = trust.known.iter().any(|known| kid(known)[..] == self.kid);
            return Err(if known { CwtError::Signature.into() } else { Untrusted::Unknown.into() });
        };
        let issuer = signer.uri_sans().next().unwrap_or_default().to_owned();
        let Essential { issued_at, valid_from, valid_to, .. } = self.essential;
        if issued_at > at.saturating_add(CLOCKS_APART) {
            return Err(QrError::Future);
        }
        trust.check(std::slice::from_ref(&signer), &issuer, issued_at.min(at), at)?;
        if valid_from > at {
            return Err(QrError::NotYet(valid_from));
        }
        if let Some(over) = valid_to.filter(|to| *to < at) {
            return Err(QrError::Expired(over));
        }
        Ok(Verified { essential: self.essential, issuer, signer })
    }
}

/// The most that any QR symbol holds in alphanumeric mode (version 40, error level L).
const MOST_CHARACTERS: usize = 4296;
/// Inflated at most.
const MOST_OCTETS: usize = 8 * 1024;
const SUB: i64 = 2;
const EXP: i64 = 4;
const NBF: i64 = 5;
const IAT: i64 = 6;
const STATUS: i64 = 65_535;
/// Private use (RFC 8392 §9.1: below -65536).
const LICENCE: i64 = -65_537;
const TYPE_NAME: i64 = 1;
const HOLDER: i64 = 2;
const ISSUING_BODY: i64 = 3;
const FIELDS: i64 = 4;
