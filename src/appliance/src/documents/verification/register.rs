//! What the register of seals adds to a report: which seal of ours it was, and how things stood with it then and now.
//!
//! A seal is ours when its very octets are on record; a code or an identifier alone proves nothing, for anybody can write
//! one. Where a signature carries no seal (CMS), the signer's certificate says which it was; beside a seal it does not, for
//! one certificate may stand in the lists of several, and what is on record of the one is not true of the others. A seal
//! that our maker made, or that is made out to a certificate of ours, and that is not on record, is INDETERMINATE: nobody
//! here knows of it. The verdict follows the register as it follows a revocation (EN 319 102-1 §5.2.6,
//! GB/T 38540-2020's order): out of use at the time of signing, by the signer's own word or by a proof that it did not exist
//! before, is TOTAL-FAILED (exit 3); out of use since, with nothing but the signer's word for the time before, is
//! INDETERMINATE (exit 4); out of use since, and proven to be older, stays what it was. Our own record of the use, found by
//! the digest of the very octets that left, is such a proof to ourselves: it stood in the log before they did.

use std::sync::Arc;

use crypto::DigestAlgorithm;
use eseal::Seal;
use jiff::Timestamp;
use pdf::syntax::{ReadError, Source};
use pdf::verify::{
    Deviation, Kind, Outcome, Report, SealKind, SealReport, SealState, SealStep, SignatureReport, StateWord,
    TimeSource, ToldBy, Trust,
};
use pki::{Indication, SubIndication};

use super::ses::{english, tell_seal};
use crate::app::App;
use crate::problem::Problem;
use crate::seals::standing::{By, Found, Standing, find};
use crate::server::spill::Spooled;
use crate::store::{Db, StoreError};

/// Looks up every seal of a report on `document`, as of `at`, Unix seconds.
///
/// # Errors
/// A problem when the database or the document does not answer.
pub(super) async fn consult(
    app: &App,
    report: &mut Report,
    document: &Arc<Spooled>,
    at: i64,
) -> crate::problem::Result<()> {
    let db = &app.db;
    let makers: Vec<String> =
        app.seal_makers().iter().map(|maker| hex::encode(maker.sha256_fingerprint())).collect();
    for signature in report.signatures.iter_mut().take(MOST) {
        if matches!(signature.kind, Kind::DocumentTimestamp | Kind::Timestamp) {
            continue;
        }
        let digest = signature.seal.as_ref().and_then(|seal| seal.digest.as_ref());
        let by_seal = match digest {
            Some(digest) => find(db, By::Seal(&digest.value)).await?,
            None => None,
        };
        let signer = signature.signer_fingerprint.as_deref().filter(|_| signature.kind != Kind::Seal);
        let by_certificate = match (&by_seal, signer) {
            (None, Some(signer)) => find(db, By::Certificate(signer)).await?,
            _ => None,
        };
        let carries_seal = matches!(signature.kind, Kind::SesSignature | Kind::Seal);
        let signers = by_certificate.is_some();
        let standing = by_seal.or(by_certificate.filter(|_| !carries_seal));
        match standing {
            Some(standing) => {
                let mut step = judged(signature, &standing, None, at);
                if matches!(step.verdict, Some((Indication::Indeterminate, _)))
                    && signature.kind != Kind::Seal
                {
                    let recorded = recorded(app, &standing, signature, document).await?;
                    step = judged(signature, &standing, recorded, at);
                }
                told(signature, &standing, step, at);
            }
            None => {
                let maker = signature.seal.as_ref().and_then(|seal| seal.maker_fingerprint.as_ref());
                let makers = maker.is_some_and(|maker| makers.contains(maker));
                if carries_seal && (signers || makers) {
                    unrecorded(signature, signers);
                }
                stranger(db, signature).await?;
            }
        }
    }
    report.conclude();
    Ok(())
}

/// When our log says that the octets up to the end of the signature left, Unix seconds.
async fn recorded(
    app: &App,
    standing: &Standing,
    signature: &SignatureReport,
    document: &Arc<Spooled>,
) -> crate::problem::Result<Option<i64>> {
    let end = signature.byte_range.map(|[_, _, second, tail]| second.saturating_add(tail));
    let document = document.clone();
    let digest =
        app.desk.work(move || digest_until(document.as_ref(), end)).await?.map_err(Problem::internal)?;
    // The index is on the digest's first characters.
    let sql = "SELECT time FROM seal_uses WHERE seal = $1 AND result_digest = $2 \
               AND substr(result_digest, 1, 8) = $3 ORDER BY time LIMIT 1";
    let beginning: String = digest.chars().take(8).collect();
    let parameters = [standing.seal.as_str().into(), digest.into(), beginning.into()];
    let found = app.db.fetch_optional(sql, &parameters).await?;
    Ok(found.map(|record| record.int("time")).transpose()?.map(|micros| micros.div_euclid(1_000_000)))
}

/// SHA-256 of the octets before `end`, hexadecimal.
fn digest_until(source: &dyn Source, end: Option<u64>) -> Result<String, ReadError> {
    let end = end.unwrap_or(u64::MAX).min(source.len());
    let mut hasher = DigestAlgorithm::Sha256.hasher();
    let mut buffer = vec![0; 1 << 16];
    let mut at = 0;
    while at < end {
        let size = usize::try_from(end - at).map_or(buffer.len(), |left| left.min(buffer.len()));
        let Some(block) = buffer.get_mut(..size) else { break };
        source.read_at(at, block)?;
        hasher.update(block);
        at += size as u64;
    }
    Ok(hex::encode(hasher.finish()))
}

/// A seal that ought to be on record, for its signer or its maker is one of ours, and is not.
fn unrecorded(signature: &mut SignatureReport, signers: bool) {
    let (zh, en) = match signers {
        true => {
            ("签章人证书属于登记的另一枚印章", "the signer's certificate belongs to another seal on record")
        }
        false => ("制章人是本系统的制章人", "its maker is one of ours"),
    };
    let step = SealStep {
        name: "register".into(),
        outcome: Outcome::Undecided,
        zh: format!("印章登记：此印章没有登记，而{zh}"),
        en: format!("register of seals: this seal is not on record, and {en}"),
    };
    if signature.indication == Indication::TotalPassed {
        signature.indication = Indication::Indeterminate;
        signature.sub_indication = None;
    }
    if signature.trust == Trust::Trusted {
        signature.trust = Trust::Undecided;
    }
    signature.reasons.push(step.en.clone());
    if let Some(seal) = &mut signature.seal {
        seal.steps.push(step);
    }
}

/// A seal that is not on record, under a code that is.
async fn stranger(db: &Db, signature: &mut SignatureReport) -> Result<(), StoreError> {
    let Some(seal) = &mut signature.seal else { return Ok(()) };
    if seal.id.len() == 14 && find(db, By::Code(&seal.id)).await?.is_some() {
        seal.remarks.push(Deviation {
            name: "code-of-another".into(),
            zh: "登记中有此编码的印章，但不是这一枚：数据与登记的任何版本都不相同。".into(),
            en: "a seal of this code is on record, and it is not this one: no version on record has these octets".into(),
        });
    }
    Ok(())
}

fn told(signature: &mut SignatureReport, standing: &Standing, step: Step, at: i64) {
    let seal = signature.seal.get_or_insert_with(|| described(standing));
    seal.code.clone_from(&standing.code);
    let state = |at: i64, found: Found| SealState {
        word: found.word,
        at: instant(at),
        since: found.since.map(|since| instant(since.div_euclid(1_000_000))),
        told_by: ToldBy::Registry,
        superseded: Some(standing.superseded),
    };
    seal.now = Some(state(at, standing.at(last_micros(at))));
    seal.then = step.time.map(|time| state(time, standing.at(micros(time))));
    seal.steps.push(step.told);
    if let Some((indication, sub_indication)) = step.verdict {
        let worse = match signature.indication {
            Indication::TotalPassed => true,
            Indication::Indeterminate => indication == Indication::TotalFailed,
            Indication::TotalFailed => false,
        };
        if worse {
            signature.indication = indication;
            signature.sub_indication = Some(sub_indication);
        }
        if indication == Indication::TotalFailed {
            signature.trust = Trust::Untrusted;
        }
        if let Some(step) = seal.steps.last() {
            signature.reasons.push(step.en.clone());
        }
    }
}

/// The register's step.
struct Step {
    told: SealStep,
    verdict: Option<(Indication, SubIndication)>,
    /// The time of signing, where there is one, Unix seconds.
    time: Option<i64>,
}

/// `recorded`: when our log says that it was made.
fn judged(signature: &SignatureReport, standing: &Standing, recorded: Option<i64>, at: i64) -> Step {
    let seconds = |text: &Option<String>| text.as_ref()?.parse::<Timestamp>().ok().map(Timestamp::as_second);
    let proven = match signature.time_source {
        TimeSource::ValidationTime => None,
        _ => seconds(&signature.best_signature_time),
    };
    let proven = recorded.or(proven);
    let claimed = seconds(&signature.signing_time).filter(|_| signature.kind != Kind::Seal);
    let word = |at: i64| standing.at(micros(at)).word;
    let out = |word: StateWord| !matches!(word, StateWord::Active | StateWord::Unknown);
    let now = standing.at(last_micros(at)).word;
    let step = |outcome, zh: String, en: String, verdict, time| Step {
        told: SealStep {
            name: "register".into(),
            outcome,
            zh: format!("印章登记：{zh}"),
            en: format!("register of seals: {en}"),
        },
        verdict,
        time,
    };
    if signature.kind == Kind::Seal {
        let verdict = match now {
            StateWord::Cancelled | StateWord::Superseded => {
                Some((Indication::TotalFailed, SubIndication::Revoked))
            }
            StateWord::Expired => Some((Indication::TotalFailed, SubIndication::Expired)),
            StateWord::NotYetValid => Some((Indication::TotalFailed, SubIndication::NotYetValid)),
            StateWord::Suspended => Some((Indication::Indeterminate, SubIndication::RevokedNoPoe)),
            StateWord::Active | StateWord::Unknown => None,
        };
        let (zh, en) = words(now);
        let outcome = match verdict {
            None => Outcome::Passed,
            Some((Indication::TotalFailed, _)) => Outcome::Failed,
            Some(_) => Outcome::Undecided,
        };
        return step(outcome, format!("现在{zh}"), format!("now {en}"), verdict, None);
    }
    let Some(time) = proven.or(claimed) else {
        let (zh, en) = words(now);
        let verdict = out(now).then_some((Indication::Indeterminate, SubIndication::NoPoe));
        let outcome = if verdict.is_some() { Outcome::Undecided } else { Outcome::Passed };
        return step(
            outcome,
            format!("盖章时间未知；现在{zh}"),
            format!("the time of signing is not known; now {en}"),
            verdict,
            None,
        );
    };
    let then = word(time);
    let (by_zh, by_en) = match recorded {
        Some(recorded) => {
            let when = instant(recorded);
            (format!("（本系统日志记载于 {when}）"), format!(" (our log recorded it at {when})"))
        }
        None => (String::new(), String::new()),
    };
    let ((then_zh, then_en), (now_zh, now_en)) = (words(then), words(now));
    // A proof says that it was there by then; by the signer's word it may have been made while the seal was in use.
    let perhaps = proven.is_some() && claimed.is_some_and(|claimed| claimed < time && !out(word(claimed)));
    if out(then) {
        let verdict = match (then, perhaps) {
            (StateWord::NotYetValid, _) => (Indication::TotalFailed, SubIndication::NotYetValid),
            (_, true) => (Indication::Indeterminate, SubIndication::RevokedNoPoe),
            (StateWord::Expired, false) => (Indication::TotalFailed, SubIndication::Expired),
            (_, false) => (Indication::TotalFailed, SubIndication::Revoked),
        };
        let outcome = if perhaps { Outcome::Undecided } else { Outcome::Failed };
        let (zh, en) = (format!("盖章时{then_zh}"), format!("{then_en} when it was signed"));
        return step(outcome, zh, en, Some(verdict), Some(time));
    }
    match (now, proven) {
        (StateWord::Cancelled | StateWord::Suspended, None) => step(
            Outcome::Undecided,
            format!("签署人自称盖章时正常，没有时间证明；现在{now_zh}"),
            format!("in force when the signer says he signed, which nothing proves; now {now_en}"),
            Some((Indication::Indeterminate, SubIndication::RevokedNoPoe)),
            Some(time),
        ),
        (now, _) if out(now) => step(
            Outcome::Warned,
            format!("盖章时正常{by_zh}；现在{now_zh}，不影响此前的签章"),
            format!(
                "in force when it was signed{by_en}; now {now_en}, which does not touch what was signed before"
            ),
            None,
            Some(time),
        ),
        _ => step(
            Outcome::Passed,
            "盖章时和现在均正常".into(),
            "in force when it was signed, and now".into(),
            None,
            Some(time),
        ),
    }
}

fn words(word: StateWord) -> (&'static str, &'static str) {
    match word {
        StateWord::Active => ("正常", "in force"),
        StateWord::NotYetValid => ("尚未生效", "not yet valid"),
        StateWord::Expired => ("已过有效期", "expired"),
        StateWord::Suspended => ("处于停用状态", "suspended"),
        StateWord::Superseded => ("已被新版本取代", "replaced by a newer version"),
        StateWord::Cancelled => ("已注销", "cancelled"),
        StateWord::Unknown => ("状态未知", "in a state that is not known"),
    }
}

/// A seal behind a signature that carries none: as the register has it.
fn described(standing: &Standing) -> SealReport {
    if let Some(seal) = standing.eseal.as_deref().and_then(|der| Seal::parse(der).ok()) {
        return tell_seal(&seal.value);
    }
    let time = |micros: Option<i64>| micros.map(|micros| instant(micros.div_euclid(1_000_000)));
    SealReport {
        id: standing.seal.clone(),
        code: standing.code.clone(),
        name: standing.name.clone(),
        kind: standing.kind.map_or_else(
            || SealKind { number: -1, zh: "未登记类型".into(), en: "kind not on record".into() },
            |kind| SealKind {
                number: i64::from(kind.number()),
                zh: kind.zh().into(),
                en: english(kind).into(),
            },
        ),
        version: None,
        digest: None,
        created: None,
        valid_from: time(standing.valid_from),
        valid_to: time(standing.valid_to),
        picture: None,
        maker: None,
        maker_fingerprint: None,
        listed: 1,
        steps: Vec::new(),
        deviations: Vec::new(),
        then: None,
        now: None,
        remarks: Vec::new(),
    }
}

fn micros(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000)
}

/// What happened in this very second has happened, as far as the present is asked for.
fn last_micros(seconds: i64) -> i64 {
    micros(seconds).saturating_add(999_999)
}

fn instant(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// Signatures of one file that are looked up; more than that nobody reads about.
const MOST: usize = 200;
