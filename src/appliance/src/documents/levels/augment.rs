//! Raising a document that is signed already, from permit to receipt.

use std::sync::Arc;

use bytes::Bytes;
use crypto::DigestAlgorithm;
use pdf::ltv::{Known, Material, Next, Refusal, Step, Survey, Terms, append, survey};
use pdf::sign::{EmbedError, Prepared, Signed};
use pdf::syntax::{Document, Limits, Source};
use pdf::verify::Level;
use pki::Certificate;
use serde_json::json;

use super::gather::Finder;
use super::stamps::Stamping;
use super::{LevelError, MAX_ROUNDS, SLACK, STAMP_ROUNDS, own, stamps};
use crate::app::App;
use crate::documents::replay::{Answer, Kept, ReplayKey};
use crate::documents::service::Tools;
use crate::documents::{DocumentError, Evidence, sealing};
use crate::journal::{CommitError, Unit};
use crate::policy::{AugmentDocument, Permit};
use crate::server::spill::Spooled;
use crate::store::tables::CERTIFICATES;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// The level that every signature is to reach.
    pub level: Level,
    /// Whether a document time-stamp is to be added although the level is reached.
    pub renew: bool,
}

/// A raised document: what to append, and where it is recorded.
#[derive(Debug, Clone)]
pub struct Augmented {
    /// What to append; empty when the level was reached already.
    pub tail: Bytes,
    /// Its leaf; unknown when an answer of an earlier version is repeated.
    pub leaf: Option<u64>,
    /// SHA-256 of the raised document, hexadecimal.
    pub result_digest: String,
}

/// Raises `document`. What is returned is durable; what is not recorded does not leave.
///
/// # Errors
/// [`DocumentError`]; nothing was then recorded, [`CommitError::OutcomeUnknown`] excepted.
pub async fn augment(
    app: &Arc<App>,
    tools: Tools<'_>,
    permit: Permit<AugmentDocument>,
    wish: Wish,
    document: &Arc<Spooled>,
    replay: Option<ReplayKey>,
) -> Result<Augmented, DocumentError> {
    if let Some(known) = known(tools, replay.as_ref()).await? {
        return Ok(known);
    }
    let time = tools.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let raised = raise(app, document, wish, time.div_euclid(1_000_000)).await?;
    let original = document.sha256();
    let (tail, result, length) = match raised {
        Some(signed) => {
            let digest = signed.result_sha256.ok_or(LevelError::NoDigest)?;
            (Bytes::from(signed.tail), hex::encode(digest), signed.result_length)
        }
        None => (Bytes::new(), hex::encode(original), document.len()),
    };
    let id = uuid::Uuid::now_v7().to_string();
    let answer = Answer::of(vec![id.clone()], result.clone()).since(tools.journal.size());
    let kept = Kept { answer, tail };
    let shown = permit.caller().fingerprint.clone();
    let facts = json!({
        "augmentation": id,
        "level": name(wish.level),
        "original": { "sha256": hex::encode(original), "octets": document.len() },
        "result": { "sha256": result, "octets": length },
    });
    let mut unit = Unit::new(permit.act()).facts(facts).guard(&CERTIFICATES, shown, 1);
    if let Some(key) = &replay {
        unit = unit.cache_insert(key.row(&kept, time, tools.custody, tools.replay_key)?);
    }
    match tools.journal.commit(unit).await {
        Ok(committed) => Ok(Augmented { tail: kept.tail, leaf: Some(committed.leaf), result_digest: result }),
        // The loser of a race gets the winner's answer.
        Err(error) => match (&error, self::known(tools, replay.as_ref()).await?) {
            (CommitError::Exists { .. } | CommitError::OutcomeUnknown(_), Some(known)) => Ok(known),
            _ => Err(error.into()),
        },
    }
}

async fn known(tools: Tools<'_>, replay: Option<&ReplayKey>) -> Result<Option<Augmented>, DocumentError> {
    let Some(key) = replay else { return Ok(None) };
    let kept = key.find(tools.db, tools.custody, tools.replay_key).await?;
    let Some(kept) = kept else { return Ok(None) };
    let leaf = leaf(tools, &kept.answer).await;
    Ok(Some(Augmented { tail: kept.tail, leaf, result_digest: kept.answer.result_digest }))
}

/// The leaf that records an earlier answer: the one with its identifier, among those that came after it was begun.
async fn leaf(tools: Tools<'_>, answer: &Answer) -> Option<u64> {
    let (id, since) = (answer.records().next()?, answer.since?);
    let entries = tools.journal.entries(since, LATER).await.ok()?;
    let is_it = |facts: &serde_json::Value| facts.get("augmentation").and_then(|id| id.as_str()) == Some(id);
    entries.iter().find(|entry| entry.json.get("facts").is_some_and(is_it)).map(|entry| entry.leaf)
}

/// Leaves looked through for one that was recorded while others were.
const LATER: u32 = 1_000;

/// The level's name in the log and in queries.
#[must_use]
pub const fn name(level: Level) -> &'static str {
    match level {
        Level::None => "none",
        Level::BB => "b-b",
        Level::BT => "b-t",
        Level::BLT => "b-lt",
        Level::BLTA => "b-lta",
    }
}

/// Survey, evidence, revision, time-stamp: computing on threads of its own, waiting for others on none.
async fn raise(
    app: &Arc<App>,
    source: &Arc<Spooled>,
    wish: Wish,
    at: i64,
) -> Result<Option<Signed>, DocumentError> {
    let open = source.clone();
    let surveyed = app.desk.work(move || look(open.as_ref())).await??;
    let evidence = Evidence::of(app).map_err(LevelError::from)?;
    let anchors = Arc::new(evidence.anchors);
    let mut authority = met(app, wish).await?;
    let mut known = surveyed.known.clone();
    let own = own::authorities(app).into_iter().map(|one| one.certificate);
    let carried = authority.iter().flat_map(|authority| authority.carried.clone());
    for certificate in own.chain(carried).chain(evidence.untrusted) {
        known.add_certificate(certificate).map_err(LevelError::from)?;
    }
    let surveyed = Arc::new(surveyed);
    let mut again = true;
    let mut finder = Finder::new(app, at);
    for _ in 0..MAX_ROUNDS {
        let unit = authority.as_ref().map(|authority| authority.certificate.clone());
        let (survey, anchors) = (surveyed.clone(), anchors.clone());
        let job = move || {
            let next = ask(&survey, &known, &anchors, unit.as_ref(), wish, at);
            (next, known)
        };
        let (next, back) = app.desk.work(job).await?;
        known = back;
        let next = match next {
            Err(Refusal::Service(_)) if std::mem::take(&mut again) => {
                // What was remembered of the service may be old: it is met once more.
                app.levels.service.forget();
                authority = met(app, wish).await?;
                for certificate in authority.iter().flat_map(|authority| &authority.carried) {
                    known.add_certificate(certificate.clone()).map_err(LevelError::from)?;
                }
                continue;
            }
            next => next.map_err(LevelError::from)?,
        };
        match next {
            Next::Reached => return Ok(None),
            Next::Lacking(lacking) => finder.find(&lacking, &mut known).await?,
            Next::Append { material, stamp: false } => {
                let source = source.clone();
                let job = move || lay_out(source.as_ref(), &material, None);
                return match app.desk.work(job).await?? {
                    Laid::Tail(signed) => Ok(Some(signed)),
                    Laid::Nothing | Laid::Stamp(..) => Ok(None),
                };
            }
            Next::Append { material, stamp: true } => {
                let expected = authority.as_ref().ok_or(LevelError::NoService)?;
                // B-T keeps no evidence, so that any authority that is trusted will do.
                let expected = Some(&expected.certificate).filter(|_| wish.level > Level::BT);
                match stamped(app, source, material, expected).await? {
                    Stamp::Embedded(signed) => return Ok(Some(signed)),
                    Stamp::ByAnother(another) => {
                        for certificate in &another.carried {
                            known.add_certificate(certificate.clone()).map_err(LevelError::from)?;
                        }
                        authority = Some(another);
                    }
                }
            }
        }
    }
    Err(finder.exhausted().into())
}

fn ask(
    survey: &Survey,
    known: &Known,
    anchors: &pki::path::TrustAnchors,
    authority: Option<&Certificate>,
    wish: Wish,
    at: i64,
) -> Result<Next, Refusal> {
    survey.next(known, Terms { level: wish.level, anchors, at, renew: wish.renew, authority })
}

fn look(source: &dyn Source) -> Result<Survey, LevelError> {
    Ok(survey(&open(source)?)?)
}

fn open(source: &dyn Source) -> Result<Document<'_>, LevelError> {
    Document::open(source, &Limits::default())
        .map_err(|error| LevelError::Open { truncated: sealing::lacks_end(source), error: Arc::new(error) })
}

enum Laid {
    Nothing,
    Tail(Signed),
    Stamp(Box<Prepared>, Vec<u8>),
}

fn lay_out(source: &dyn Source, material: &Material, reserve: Option<usize>) -> Result<Laid, LevelError> {
    Ok(match append(&open(source)?, material, reserve)? {
        Step::Nothing => Laid::Nothing,
        Step::Tail(signed) => Laid::Tail(signed),
        Step::Stamp(prepared) => {
            let digest = prepared.digest(source, DigestAlgorithm::Sha256)?;
            Laid::Stamp(prepared, digest)
        }
    })
}

/// Who stamps, if anyone.
async fn met(app: &Arc<App>, wish: Wish) -> Result<Option<Stamping>, LevelError> {
    match stamps::authority(app, DigestAlgorithm::Sha256).await {
        Ok(authority) => Ok(Some(authority)),
        // B-LT of what is time-stamped already takes no service.
        Err(LevelError::NoService) if wish.level == Level::BLT => Ok(None),
        Err(error) => Err(error),
    }
}

enum Stamp {
    Embedded(Signed),
    /// Somebody else stamped than evidence was gathered about.
    ByAnother(Stamping),
}

async fn stamped(
    app: &Arc<App>,
    source: &Arc<Spooled>,
    material: Material,
    expected: Option<&Certificate>,
) -> Result<Stamp, DocumentError> {
    let material = Arc::new(material);
    let mut reserve = app.levels.service.size() + SLACK;
    for _ in 0..STAMP_ROUNDS {
        let (open, material) = (source.clone(), material.clone());
        let job = move || lay_out(open.as_ref(), &material, Some(reserve));
        let Laid::Stamp(prepared, digest) = app.desk.work(job).await?? else {
            return Err(LevelError::NoDigest.into());
        };
        let token = stamps::token(app, DigestAlgorithm::Sha256, &digest).await?;
        if expected.is_some_and(|expected| *expected != token.by.certificate) {
            return Ok(Stamp::ByAnother(token.by));
        }
        match prepared.embed(&token.der) {
            Ok(signed) => return Ok(Stamp::Embedded(signed)),
            Err(EmbedError::TooSmall { needed, .. }) => reserve = needed + SLACK,
            Err(error) => return Err(LevelError::from(error).into()),
        }
    }
    Err(LevelError::Growing(STAMP_ROUNDS).into())
}
