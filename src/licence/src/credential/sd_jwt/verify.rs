//! The verifier's part (RFC 9901 §7.1, §7.3).

use pki::Certificate;
use serde_json::{Map, Value};

use super::super::jws::{Jws, seconds};
use super::super::signed::CLOCKS_APART;
use super::super::{Jwk, StatusReference, Trust, Untrusted};
use super::disclosure::{Disclosure, disclosed};
use super::{LONGEST, MOST_DISCLOSURES, SdJwtError, TYPE, digest};

/// A presentation that reads; whether to believe it, [`Presentation::verify`] says.
#[derive(Debug, Clone)]
pub struct Presentation {
    credential: Jws,
    disclosures: Vec<Disclosure>,
    proof: Option<Jws>,
    /// SHA-256 over everything before the proof.
    hash: String,
}

/// What a proof of possession must be bound to.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// This verifier, as it called itself in its request.
    pub audience: &'a str,
    /// What it asked to be repeated; used once.
    pub nonce: &'a str,
}

/// A credential whose signer may sign it, within its validity.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Its claims as far as disclosed, those of the frame (`iss`, `vct`, `iat`, …) included.
    pub claims: Map<String, Value>,
    /// Its type.
    pub vct: String,
    /// Who issued it.
    pub issuer: String,
    /// The certificate of who signed.
    pub signer: Certificate,
    /// When it was issued, Unix seconds.
    pub issued_at: i64,
    /// From when it holds, where it says so.
    pub not_before: Option<i64>,
    /// Until when it holds, where it says so.
    pub expires: Option<i64>,
    /// Where its standing can be asked for.
    pub status: Option<StatusReference>,
    /// Whether who presents it is its holder.
    pub holder: Holder,
}

/// Whether who presents a credential is its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// They proved possession of the key it names, to this verifier and this request.
    Bound,
    /// Nothing shows that they are: anybody with a copy can present it.
    Unbound(Unbound),
}

/// Why a holder is not bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbound {
    /// The credential names no key.
    NoKey,
    /// No proof came along.
    NoProof,
    /// A proof came along, but the verifier asked for none, so it may be a copy.
    NotAsked,
}

impl Presentation {
    /// Reads a presentation: JWT, disclosures, and a key-binding JWT or nothing after the last `~`.
    ///
    /// # Errors
    /// [`SdJwtError`]; no signature is looked at.
    pub fn parse(text: &str) -> Result<Self, SdJwtError> {
        let text = text.trim_ascii();
        if text.len() > LONGEST || text.bytes().filter(|octet| *octet == b'~').count() > MOST_DISCLOSURES + 1
        {
            return Err(SdJwtError::TooLong);
        }
        let (before, proof) = text.rsplit_once('~').ok_or(SdJwtError::Form)?;
        let mut parts = before.split('~');
        let token = parts.next().ok_or(SdJwtError::Form)?;
        let jws = |part, text: &str, types: &[&'static str]| {
            Jws::parse(text, types, LONGEST).map_err(|source| SdJwtError::Jws { part, source })
        };
        let credential = jws("the credential", token, &[TYPE, FORMER_TYPE])?;
        let disclosures = parts.map(Disclosure::parse).collect::<Result<_, _>>()?;
        let proof = match proof {
            "" => None,
            proof => Some(jws("the holder's proof", proof, &[BINDING_TYPE])?),
        };
        let hash = digest(text.get(..=before.len()).unwrap_or_default());
        Ok(Self { credential, disclosures, proof, hash })
    }

    /// Who says to have issued it, and as what, believed or not: to find the trust to verify it by.
    #[must_use]
    pub fn claimed(&self) -> (Option<&str>, Option<&str>) {
        let text = |name| self.credential.payload().get(name).and_then(Value::as_str);
        (text("iss"), text("vct"))
    }

    /// The certificate that came along as its signer's, believed or not.
    #[must_use]
    pub fn signer(&self) -> Option<&Certificate> {
        self.credential.chain().first()
    }

    /// That its signer may sign, everything disclosed belongs to it, it holds at `at` (Unix seconds); and whether the holder is
    /// bound, to what the verifier `expected` where it asked.
    ///
    /// # Errors
    /// [`SdJwtError`]. A proof that does not fit what was expected is an error, its absence is not.
    pub fn verify(
        self,
        trust: &Trust<'_>,
        at: i64,
        expected: Option<&Expected<'_>>,
    ) -> Result<Verified, SdJwtError> {
        let payload = self.credential.payload();
        let text = |name: &'static str| {
            payload.get(name).and_then(Value::as_str).ok_or(SdJwtError::Registered(name))
        };
        let time = |name| seconds(payload, name).map_err(SdJwtError::Registered);
        let (issuer, vct) = (text("iss")?.to_owned(), text("vct")?.to_owned());
        let issued_at = time("iat")?.ok_or(SdJwtError::Registered("iat"))?;
        let (not_before, expires) = (time("nbf")?, time("exp")?);
        let chain = self.credential.chain();
        let signer = chain.first().cloned().ok_or(Untrusted::Unknown)?;
        let signed = self.credential.is_signed_by(signer.spki());
        signed.map_err(|source| SdJwtError::Jws { part: "the credential", source })?;
        if issued_at > at.saturating_add(CLOCKS_APART) {
            return Err(SdJwtError::Future);
        }
        trust.check(chain, &issuer, issued_at.min(at), at)?;
        let claims = disclosed(payload, self.disclosures.clone())?;
        let holder = self.holder(&claims, at, expected)?;
        if let Some(from) = not_before.filter(|from| *from > at) {
            return Err(SdJwtError::NotYet(from));
        }
        if let Some(over) = expires.filter(|expires| *expires <= at) {
            return Err(SdJwtError::Expired(over));
        }
        let status = status(&claims)?;
        Ok(Verified { claims, vct, issuer, signer, issued_at, not_before, expires, status, holder })
    }

    fn holder(
        &self,
        claims: &Map<String, Value>,
        at: i64,
        expected: Option<&Expected<'_>>,
    ) -> Result<Holder, SdJwtError> {
        let key = match claims.get("cnf") {
            None => None,
            Some(cnf) => Some(Jwk::parse(cnf.get("jwk").ok_or(SdJwtError::Registered("cnf"))?)?),
        };
        let (key, proof) = match (key, &self.proof) {
            (None, None) => return Ok(Holder::Unbound(Unbound::NoKey)),
            (None, Some(_)) => return Err(SdJwtError::NoHolderKey),
            (Some(_), None) => return Ok(Holder::Unbound(Unbound::NoProof)),
            (Some(key), Some(proof)) => (key, proof),
        };
        let signed = proof.is_signed_by(key.spki());
        signed.map_err(|source| SdJwtError::Jws { part: "the holder's proof", source })?;
        let said = proof.payload();
        let is = |name: &str, wanted: &str| said.get(name).and_then(Value::as_str) == Some(wanted);
        if !is("sd_hash", &self.hash) {
            return Err(SdJwtError::Binding("sd_hash"));
        }
        let made = seconds(said, "iat").ok().flatten().ok_or(SdJwtError::Binding("iat"))?;
        let Some(expected) = expected else { return Ok(Holder::Unbound(Unbound::NotAsked)) };
        if !is("aud", expected.audience) {
            return Err(SdJwtError::Binding("aud"));
        }
        if !is("nonce", expected.nonce) {
            return Err(SdJwtError::Binding("nonce"));
        }
        if made > at.saturating_add(CLOCKS_APART) || made < at.saturating_sub(OLDEST_PROOF) {
            return Err(SdJwtError::Binding("iat"));
        }
        Ok(Holder::Bound)
    }
}

fn status(claims: &Map<String, Value>) -> Result<Option<StatusReference>, SdJwtError> {
    let Some(status) = claims.get("status") else { return Ok(None) };
    let list = status.get("status_list").ok_or(SdJwtError::Registered("status"))?;
    let index = list.get("idx").and_then(Value::as_u64).and_then(|index| u32::try_from(index).ok());
    match (list.get("uri").and_then(Value::as_str), index) {
        (Some(uri), Some(index)) => Ok(Some(StatusReference { uri: uri.to_owned(), index })),
        _ => Err(SdJwtError::Registered("status")),
    }
}

/// Seconds that a proof of possession is good for.
const OLDEST_PROOF: i64 = 300;
/// The credential's type before it was renamed; still issued by others.
const FORMER_TYPE: &str = "vc+sd-jwt";
pub(super) const BINDING_TYPE: &str = "kb+jwt";
