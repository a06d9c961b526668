//! By file: a licence as PDF, or the picture of a symbol.
//!
//! A PDF is judged twice: its seal by the machinery of document verification, its octets by the record. What is on record is
//! the SHA-256 of each file as it left; a file with revisions behind it is that file only as far as those add validation data
//! and time-stamps (EN 319 142-1 §5.4), which anyone may add and nobody sees. Anything else, a copy that was saved anew
//! included, is not the licence, whatever it shows.

use std::sync::Arc;

use licence::life::Operation;
use pdf::syntax::Source;
use pdf::verify::{Class, Integrity, Kind as SignatureKind, Report, Verdict as PdfVerdict};

use super::facts;
use super::identifier::clock;
use super::prefixes::{Prefix, prefixes};
use super::question::Question;
use super::record::{self, Version};
use super::verdict::{Audience, Code, FileCode, Reason, Verdict, instant};
use crate::app::App;
use crate::licences::recognition::{self, Region};
use crate::problem::{Kind, Problem, Result};
use crate::server::spill::Spooled;

/// A verdict on a file, and what it was judged by.
#[derive(Debug)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// What a PDF's seals are worth; none of a picture.
    pub seals: Option<SealsOf>,
}

/// What the seals of a document are worth.
#[derive(Debug)]
pub struct SealsOf {
    /// By this platform's trust.
    pub report: Report,
    /// When, Unix seconds.
    pub at: i64,
    /// The recognised region under whose trust they are valid, with the report under that.
    pub region: Option<(Arc<Region>, Report)>,
}

/// Verifies a file: its seal, its octets against the record, and where the licence stands. A PNG is looked through for a
/// symbol, whose text is then verified.
///
/// # Errors
/// A problem when the file cannot be read as what it is, limits are reached, the appliance is sealed, or the store does not
/// answer.
pub async fn by_file(app: &Arc<App>, audience: &Audience<'_>, file: Arc<Spooled>) -> Result<Verdict> {
    judge_file(app, audience, file).await.map(|judged| judged.verdict)
}

/// As [`by_file`], with what it was judged by: whoever wants to say more of the document verifies it no second time.
///
/// # Errors
/// As [`by_file`].
pub async fn judge_file(app: &Arc<App>, audience: &Audience<'_>, file: Arc<Spooled>) -> Result<Judged> {
    if is_png(file.as_ref())? {
        return Ok(Judged { verdict: picture(app, audience, &file).await?, seals: None });
    }
    let service = &app.licences.verification;
    service.limits.ask(audience)?;
    let (report, at) = crate::documents::verify_whole(app, file.clone()).await?;
    let now = clock(app)?;
    let (verdict, region) = match on_record(app, &file).await? {
        Some(record) => (judged(app, &report, &record, now).await, None),
        None => {
            let region = recognition::by_document(app, &file, now).await?;
            let said = match &region {
                Some(region) => recognition::licence_in(app, &file, region, now).await?,
                None => None,
            };
            (said.unwrap_or_else(|| unknown(&report, now)), region)
        }
    };
    service.tally.count(audience, verdict.code, now);
    Ok(Judged { verdict, seals: Some(SealsOf { report, at, region }) })
}

fn is_png(file: &Spooled) -> Result<bool> {
    let mut start = [0; 8];
    if file.len() < start.len() as u64 {
        return Ok(false);
    }
    file.read_at(0, &mut start).map_err(Problem::internal)?;
    Ok(&start == b"\x89PNG\r\n\x1a\n")
}

async fn picture(app: &Arc<App>, audience: &Audience<'_>, file: &Arc<Spooled>) -> Result<Verdict> {
    if file.len() > LARGEST_PICTURE {
        let text = format!("A picture has at most {LARGEST_PICTURE} octets; make it smaller.");
        return Err(Problem::new(Kind::BodyTooLarge, text));
    }
    let octets = file.octets().map_err(Problem::internal)?;
    let text = app.portal.pictures.read(octets).await?;
    let question = Question::of_text(&text).ok_or_else(|| {
        Problem::new(
            Kind::InvalidParameter,
            "The symbol in the picture is neither a licence's nor a show-code.",
        )
    })?;
    // By the text alone, so that this does not come round again.
    Box::pin(question.answer(app, audience)).await
}

/// A file that is on record, whole or with revisions behind it.
struct OnRecord {
    version: Version,
    kind: String,
    /// Whether it came with a licence that was taken over, and was not made here.
    imported: bool,
    /// Octets that follow what is on record.
    behind: u64,
    /// Of an annotated copy: until when it may be used, microseconds.
    until: Option<i64>,
}

async fn on_record(app: &App, file: &Arc<Spooled>) -> Result<Option<OnRecord>> {
    let source = file.clone();
    let found = app.desk.work(move || prefixes(source.as_ref())).await?.map_err(Problem::internal)?;
    // The longest first: a later file of the same licence may begin with an earlier one.
    for Prefix { end, sha256 } in found.into_iter().rev() {
        let digest = hex::encode(sha256);
        let Some(artefact) = app.db.fetch_optional(BY_DIGEST, &[digest.as_str().into()]).await? else {
            continue;
        };
        let identifier = artefact.text("identifier")?;
        let Some(version) = record::read(&app.db, record::BY_IDENTIFIER, identifier).await? else { continue };
        let copy = app.db.fetch_optional(COPY, &[digest.as_str().into()]).await?;
        let operation = app.db.fetch_optional(OPERATION, &[identifier.into()]).await?;
        let operation = operation.as_ref().map(|version| version.text("operation")).transpose()?;
        // Copies are made here, of whatever licence.
        let imported = copy.is_none() && operation == Some(Operation::Import.as_str());
        return Ok(Some(OnRecord {
            version,
            kind: artefact.text("kind")?.to_owned(),
            imported,
            behind: file.len().saturating_sub(end),
            until: copy.map(|copy| copy.int("until")).transpose()?,
        }));
    }
    Ok(None)
}

async fn judged(app: &App, report: &Report, record: &OnRecord, now: i64) -> Verdict {
    if report.verdict == PdfVerdict::NoSignature {
        return Verdict::new(Code::Mismatch, now).of_file(FileCode::SealFails).because(no_seal());
    }
    if record.behind > 0 && !only_validation_data(report) {
        let reason = Reason::new(
            "changed",
            "文件在签发后被添加或修改了内容，不能作为证照使用",
            "the file was added to or changed after it was issued; it is not the licence any more",
        );
        return Verdict::new(Code::Mismatch, now).of_file(FileCode::Fails).because(reason);
    }
    if report.verdict == PdfVerdict::Invalid {
        let verdict = Verdict::new(Code::Mismatch, now).of_file(FileCode::SealFails).because(broken());
        return words(report).into_iter().fold(verdict, Verdict::because);
    }
    if record.imported && report.verdict != PdfVerdict::Valid {
        // Whoever brought it chose it: the record proves when it was taken over, and nothing of who made it.
        let reason = Reason::new(
            "taken-over-unproven",
            "该文件随存量证照接收，其印章不能证明由何人签发",
            "the file came with a licence that was taken over; its seal does not prove who made it",
        );
        let verdict = Verdict::new(Code::Mismatch, now).of_file(FileCode::SealFails).because(reason);
        return words(report).into_iter().fold(verdict, Verdict::because);
    }
    let mut verdict = facts::verdict(app, &record.version, now).await.of_file(FileCode::Pass);
    let (zh, en) = kind(&record.kind);
    verdict.reasons.push(if record.imported {
        Reason::new("as-taken-over", format!("{zh}与接收时一致"), format!("{en}, as it was taken over"))
    } else {
        Reason::new("as-issued", format!("{zh}与签发时一致"), format!("{en}, as it was issued"))
    });
    if record.behind > 0 {
        let reason = Reason::new(
            "validation-data",
            "签发后仅添加了验证数据或时间戳",
            "validation data or time-stamps alone were added since",
        );
        verdict.reasons.push(reason);
    }
    if report.verdict == PdfVerdict::Undecided {
        // The record proves to ourselves what the file alone cannot prove to others (decision 3).
        verdict.reasons.extend(words(report));
    }
    if let Some(until) = record.until {
        verdict = copy(verdict, until, now);
    }
    verdict
}

/// An annotated copy holds no longer than it says.
fn copy(mut verdict: Verdict, until: i64, now: i64) -> Verdict {
    let end = instant(until.div_euclid(1_000_000));
    if now <= until {
        let reason = Reason::new(
            "annotated-copy",
            format!("加注件，有效期至 {end}"),
            format!("an annotated copy, good until {end}"),
        );
        return verdict.because(reason);
    }
    let over = Reason::new(
        "copy-expired",
        format!("加注件已于 {end} 失效"),
        format!("an annotated copy that was good until {end}"),
    );
    verdict.reasons.insert(0, over);
    let Verdict { reasons, licence, origin, .. } = verdict;
    Verdict { reasons, licence, origin, ..Verdict::new(Code::Void, now).of_file(FileCode::Fails) }
}

/// A file that is on nobody's record here.
fn unknown(report: &Report, now: i64) -> Verdict {
    let verdict = |code, file, reason| Verdict::new(code, now).of_file(file).because(reason);
    // Said after the rest: by it the public page knows that it may judge the file as any document.
    let nowhere = || Reason::new("not-on-record", "证照库中没有该文件", "no licence on record has this file");
    match report.verdict {
        PdfVerdict::NoSignature | PdfVerdict::TimestampOnly => {
            verdict(Code::Mismatch, FileCode::SealFails, no_seal()).because(nowhere())
        }
        PdfVerdict::Invalid => words(report)
            .into_iter()
            .fold(verdict(Code::Mismatch, FileCode::SealFails, broken()), Verdict::because)
            .because(nowhere()),
        PdfVerdict::Valid | PdfVerdict::Undecided => {
            let reason = Reason::new(
                "not-on-record",
                "文件带有印章，但不是本系统签发的证照文件",
                "the file is sealed, but no licence on record has this file",
            );
            verdict(Code::NotFound, FileCode::Fails, reason)
        }
    }
}

/// Whether nothing but validation data and time-stamps follows every signature that is a seal's, and all hold.
fn only_validation_data(report: &Report) -> bool {
    let stamps = |kind| matches!(kind, SignatureKind::DocumentTimestamp | SignatureKind::Timestamp);
    let mut seals = report.signatures.iter().filter(|signature| !stamps(signature.kind)).peekable();
    report.file.trailing == 0
        && seals.peek().is_some()
        && seals.all(|seal| {
            seal.integrity == Integrity::Intact
                && seal.changes_allowed
                && seal.changes.iter().all(|class| *class == Class::Ltv)
        })
}

fn no_seal() -> Reason {
    Reason::new("no-seal", "文件没有电子印章", "the file bears no seal")
}

fn broken() -> Reason {
    Reason::new(
        "seal",
        "电子印章验证不通过：文件已被篡改或印章无效",
        "the seal does not hold: the file was altered, or the seal is no good",
    )
}

/// What the report says against the seals, bounded.
fn words(report: &Report) -> Vec<Reason> {
    let said = report.signatures.iter().flat_map(|signature| &signature.reasons);
    said.take(MOST_WORDS)
        .map(|text| Reason::new("seal-detail", format!("印章验证：{text}"), text.clone()))
        .collect()
}

fn kind(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "original" => ("正本", "the original"),
        "duplicate" => ("副本", "the duplicate"),
        "overprint" => ("套打件", "the overprint"),
        _ => ("证照文件", "the file"),
    }
}

/// Finds a file by its digest; the index is on it.
pub(super) const BY_DIGEST: &str =
    "SELECT identifier, kind FROM licence_artefacts WHERE sha256 = $1 ORDER BY id LIMIT 1";
/// Finds an annotated copy by its digest.
pub(super) const COPY: &str = "SELECT until FROM licence_copies WHERE sha256 = $1 ORDER BY id LIMIT 1";
/// How a version came about, by its key.
const OPERATION: &str = "SELECT operation FROM licence_versions WHERE id = $1";
/// Octets.
const LARGEST_PICTURE: u64 = 8 * 1024 * 1024;
const MOST_WORDS: usize = 5;
