//! By what a holder carries: the offline QR symbol (CWT in COSE_Sign1) and the SD-JWT VC presentation.
//!
//! The signature says who issued it and that nothing was changed; the record says where the licence stands now. Who may have
//! signed is known beforehand: this appliance's signers of credentials, in all their generations, unless revoked. A path to an
//! anchor alone makes nobody an issuer: a seal's certificate has one too.

use std::sync::Arc;

use licence::credential::sd_jwt::{Expected, Holder, Presentation, SdJwtError, Unbound};
use licence::credential::{Trust, Untrusted, qr};
use licence::identifier::Identifier;
use pki::path::TrustAnchors;
use serde_json::{Map, Value as Json};

use super::facts;
use super::fields;
use super::identifier::clock;
use super::verdict::{Audience, Code, Reason, Shown, Verdict};
use crate::app::App;
use crate::ceremony::Role;
use crate::licences::{recognition, signers};
use crate::problem::Result;

/// What a presentation is bound to (RFC 9901 §4.3): whoever asked for it chose both.
#[derive(Debug, Clone, Copy)]
pub struct Challenge<'a> {
    /// `aud`: to whom the holder shows it.
    pub audience: &'a str,
    /// `nonce`: what makes it fresh; used once.
    pub nonce: &'a str,
}

/// Verifies the text of a QR symbol: its signature, and where the licence stands now.
///
/// # Errors
/// A problem when limits are reached, the appliance is sealed, or the store does not answer.
pub async fn by_qr(app: &Arc<App>, audience: &Audience<'_>, text: &str) -> Result<Verdict> {
    let service = &app.licences.verification;
    service.limits.ask(audience)?;
    let now = clock(app)?;
    let verdict = match qr::decode(text) {
        Err(error) => unreadable(now, "qr", "二维码内容无法识别", &error),
        Ok(read) => {
            let essential = read.unverified().clone();
            let known = signers::known(app, Role::CredentialSigner);
            let none = TrustAnchors::new(Vec::new());
            let verified = read.verify(&Trust::new(&none).knowing(&known), now.div_euclid(1_000_000));
            match verified {
                // Whether it holds now the record says; the symbol's own word comes after its signature was found good.
                Ok(_) | Err(qr::QrError::NotYet(_) | qr::QrError::Expired(_)) => {
                    let said =
                        [("持证主体", "holder", &essential.holder)].into_iter().map(|(zh, en, value)| {
                            Shown {
                                name: "holder".into(),
                                zh: zh.into(),
                                en: en.into(),
                                value: value.as_str().into(),
                            }
                        });
                    let further = essential.fields.iter().map(|(title, value)| Shown {
                        name: title.clone(),
                        zh: title.clone(),
                        en: title.clone(),
                        value: value.as_str().into(),
                    });
                    let reason =
                        Reason::new("signature", "二维码签名验证通过", "the symbol's signature holds");
                    let proof = Proof {
                        identifier: &essential.identifier,
                        said: said.chain(further).collect(),
                        reason,
                    };
                    standing(app, proof, now).await?
                }
                // Nobody of this house; perhaps somebody whom a region on the trust list names.
                Err(qr::QrError::Untrusted(fault)) => {
                    recognition::by_qr(app, text, now).await?.unwrap_or_else(|| untrusted(now, &fault))
                }
                Err(error) => broken(now, "二维码签名验证不通过，内容可能被篡改", &error),
            }
        }
    };
    service.tally.count(audience, verdict.code, now);
    Ok(verdict)
}

/// Verifies an SD-JWT VC presentation: the issuer's signature, the disclosures, who holds it, and where the licence stands.
///
/// # Errors
/// A problem when limits are reached, the appliance is sealed, or the store does not answer.
pub async fn by_presentation(
    app: &Arc<App>,
    audience: &Audience<'_>,
    presentation: &str,
    challenge: Option<Challenge<'_>>,
) -> Result<Verdict> {
    let service = &app.licences.verification;
    service.limits.ask(audience)?;
    let now = clock(app)?;
    let verdict = match Presentation::parse(presentation) {
        Err(error) => unreadable(now, "presentation", "出示的凭证无法识别", &error),
        Ok(read) => {
            let ours = presented(app, audience, read, challenge, now).await?;
            match ours {
                Some(verdict) => verdict,
                None => foreign(app, audience, presentation, challenge, now).await?,
            }
        }
    };
    service.tally.count(audience, verdict.code, now);
    Ok(verdict)
}

async fn presented(
    app: &Arc<App>,
    audience: &Audience<'_>,
    read: Presentation,
    challenge: Option<Challenge<'_>>,
    now: i64,
) -> Result<Option<Verdict>> {
    let known = signers::known(app, Role::CredentialSigner);
    let none = TrustAnchors::new(Vec::new());
    let expected = challenge.map(|asked| Expected { audience: asked.audience, nonce: asked.nonce });
    let trust = Trust::new(&none).knowing(&known);
    let verified = match read.verify(&trust, now.div_euclid(1_000_000), expected.as_ref()) {
        Ok(verified) => verified,
        Err(SdJwtError::Untrusted(_)) => return Ok(None),
        Err(SdJwtError::NotYet(from)) => {
            let from = super::verdict::instant(from);
            let reason =
                Reason::new("not-yet-active", format!("自 {from} 起生效"), format!("in force from {from}"));
            return Ok(Some(Verdict::new(Code::NotYetActive, now).because(reason)));
        }
        Err(SdJwtError::Expired(to)) => {
            let to = super::verdict::instant(to);
            let reason = Reason::new("expired", format!("已于 {to} 失效"), format!("expired at {to}"));
            return Ok(Some(Verdict::new(Code::Void, now).because(reason)));
        }
        Err(error @ SdJwtError::Binding(_)) => {
            let zh = "持证人证明与本次核验不符：可能是转发或重放的凭证";
            return Ok(Some(Verdict::new(Code::Mismatch, now).because(Reason::new(
                "holder-proof",
                zh,
                error.to_string(),
            ))));
        }
        Err(error) => return Ok(Some(broken(now, "凭证验证不通过，内容可能被篡改", &error))),
    };
    let asked = challenge.filter(|_| verified.holder == Holder::Bound);
    if let Some(asked) = asked
        && !super::once(app, audience, &asked, now).await?
    {
        return Ok(Some(replayed(now)));
    }
    let licence = verified.claims.get("licence").and_then(|licence| licence.get("identifier"));
    let identifier = licence.and_then(Json::as_str).and_then(|text| Identifier::parse(text).ok());
    let Some(identifier) = identifier.map(|parsed| parsed.identifier) else {
        let reason =
            Reason::new("presentation", "凭证中没有证照标识", "the credential names no licence's identifier");
        return Ok(Some(Verdict::new(Code::Incomplete, now).because(reason)));
    };
    let reason = holder(verified.holder);
    let proof = Proof { identifier: &identifier, said: disclosed(&verified.claims), reason };
    standing(app, proof, now).await.map(Some)
}

/// A presentation that nobody of this house signed; perhaps somebody whom a region on the trust list names.
async fn foreign(
    app: &Arc<App>,
    audience: &Audience<'_>,
    presentation: &str,
    challenge: Option<Challenge<'_>>,
    now: i64,
) -> Result<Verdict> {
    let expected = challenge.map(|asked| Expected { audience: asked.audience, nonce: asked.nonce });
    let verdict = recognition::by_presentation(app, presentation, expected.as_ref(), now).await?;
    let verdict = verdict.unwrap_or_else(|| untrusted(now, &Untrusted::Unknown));
    // A holder's proof is believed once, whoever issued the credential.
    let bound = verdict.reasons.iter().any(|reason| reason.name == recognition::HOLDER_BOUND);
    match challenge {
        Some(asked) if bound && !super::once(app, audience, &asked, now).await? => Ok(replayed(now)),
        _ => Ok(verdict),
    }
}

fn replayed(now: i64) -> Verdict {
    let zh = "该凭证已在此前的核验中出示过，请持证人重新出示";
    let en = "this nonce was answered before; have the holder present it anew";
    Verdict::new(Code::Mismatch, now).because(Reason::new("replayed", zh, en))
}

/// What a signature proved: which licence, and what it says.
struct Proof<'a> {
    identifier: &'a Identifier,
    said: Vec<Shown>,
    reason: Reason,
}

/// Where a licence stands whose credential is good.
async fn standing(app: &App, proof: Proof<'_>, now: i64) -> Result<Verdict> {
    let Proof { identifier, said, reason } = proof;
    let found = app.licences.verification.records.find(&app.db, &identifier.to_string()).await?;
    let Some(version) = found else {
        let missing = Reason::new(
            "not-on-record",
            "凭证签名有效，但证照库中没有该证照",
            "the credential is signed, but no such licence is on record",
        );
        return Ok(Verdict::new(Code::NotFound, now).because(missing));
    };
    let mut verdict = facts::verdict(app, &version, now).await;
    verdict.reasons.push(reason);
    let published = fields::at(app, &version.type_code, version.type_number).await;
    if let Some(licence) = &mut verdict.licence {
        let titled = |shown: Shown| match shown.zh.is_empty() {
            true => facts::named(published.as_deref(), shown.name, shown.value),
            false => shown,
        };
        licence.fields = said.into_iter().map(titled).collect();
    }
    Ok(verdict)
}

/// What the holder disclosed, the credential's own claims left out.
fn disclosed(claims: &Map<String, Json>) -> Vec<Shown> {
    const FRAME: [&str; 10] =
        ["iss", "iat", "nbf", "exp", "vct", "vct#integrity", "cnf", "status", "_sd_alg", "licence"];
    let own = claims.iter().filter(|(name, _)| !FRAME.contains(&name.as_str()) && !name.starts_with("_sd"));
    // Titles are the definition's, once it is known which.
    own.map(|(name, value)| Shown {
        name: name.strip_prefix("field_").unwrap_or(name).to_owned(),
        zh: String::new(),
        en: String::new(),
        value: value.clone(),
    })
    .collect()
}

fn holder(holder: Holder) -> Reason {
    match holder {
        Holder::Bound => Reason::new(
            "holder-bound",
            "出示人已证明其为持证人",
            "whoever presents it proved to be its holder",
        ),
        Holder::Unbound(Unbound::NoKey) => Reason::new(
            "holder-unbound",
            "凭证未绑定持证人密钥，不能证明出示人即持证人",
            "the credential names no holder's key: anybody with a copy can present it",
        ),
        Holder::Unbound(Unbound::NoProof) => Reason::new(
            "holder-unbound",
            "出示时没有附持证人证明，不能证明出示人即持证人",
            "no proof of the holder came along: anybody with a copy can present it",
        ),
        Holder::Unbound(Unbound::NotAsked) => Reason::new(
            "holder-unbound",
            "核验方未给出随机数，不能证明出示人即持证人",
            "the verifier named no nonce, so the proof may be a copy",
        ),
    }
}

fn unreadable(now: i64, name: &str, zh: &str, error: &dyn std::fmt::Display) -> Verdict {
    Verdict::new(Code::Incomplete, now).because(Reason::new(name, zh, error.to_string()))
}

fn broken(now: i64, zh: &str, error: &dyn std::fmt::Display) -> Verdict {
    Verdict::new(Code::Mismatch, now).because(Reason::new("signature", zh, error.to_string()))
}

fn untrusted(now: i64, fault: &Untrusted) -> Verdict {
    let reason = Reason::new("issuer-unknown", "签发者不在信任范围内", fault.to_string());
    Verdict::new(Code::NotFound, now).because(reason)
}
