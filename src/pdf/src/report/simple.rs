//! The simple report as data: what it says, before it is text or a page.

use pki::{Indication, SubIndication};

use super::seal;
use super::sentences::{self, Finding};
use super::words::{Words, called, shown};
use super::{About, moment};
use crate::verify::{
    Coverage, Format, Integrity, Kind, Report, SignatureReport, TimeSource, Trust, Unreadable, Verdict,
};

/// How something is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Good.
    Good,
    /// To be looked at.
    Warn,
    /// Bad.
    Bad,
    /// Neither.
    Plain,
}

/// A report for people.
#[derive(Debug, Clone)]
pub struct Simple {
    /// The verdict in one sentence.
    pub verdict: Words,
    /// How it is meant.
    pub tone: Tone,
    /// About the check: file, time, rules.
    pub facts: Vec<Row>,
    /// Each seal, signature and time-stamp.
    pub entries: Vec<Entry>,
    /// For technicians: words of the standard, fingerprints, reasons in English.
    pub technical: Vec<String>,
}

/// What is said about one seal, signature or time-stamp.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is, with its number.
    pub title: Words,
    /// What was found, in one sentence.
    pub found: Words,
    /// How that is meant.
    pub tone: Tone,
    /// Who, when, what changed, what to do.
    pub rows: Vec<Row>,
}

/// A labelled line.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it is about.
    pub label: Words,
    /// What is said.
    pub text: Words,
    /// How it is meant.
    pub tone: Tone,
}

impl Simple {
    /// What is to be said about `report`.
    #[must_use]
    pub fn new(report: &Report, about: &About<'_>) -> Self {
        let tone = match report.verdict {
            Verdict::Valid => Tone::Good,
            Verdict::Invalid => Tone::Bad,
            Verdict::Undecided | Verdict::NoSignature | Verdict::TimestampOnly => Tone::Warn,
        };
        let mut numbers = (0_usize, 0_usize);
        let entries = report.signatures.iter().map(|signature| {
            let number = if is_timestamp(signature) { &mut numbers.1 } else { &mut numbers.0 };
            *number += 1;
            entry(signature, *number, about)
        });
        Self {
            verdict: sentences::verdict(report.verdict, report.file.format),
            tone,
            entries: entries.collect(),
            facts: facts(Some(report), about),
            technical: technical(report),
        }
    }

    /// What is to be said about a file that cannot be processed.
    #[must_use]
    pub fn unreadable(reason: &str, too_complex: bool, about: &About<'_>) -> Self {
        let verdict = if too_complex {
            Words::new(
                "无法核验：文件过于复杂，超出处理限度。请勿采信；向出具单位索取普通的版本。",
                "Cannot be checked: the file is too complex. Do not rely on it; ask the issuing body for a plain version.",
            )
        } else {
            Words::new(
                "无法核验：文件已损坏、已加密或不是受支持的格式。请重新获取完整的原始文件。",
                "Cannot be checked: the file is damaged, encrypted or of an unsupported kind. Get the whole original again.",
            )
        };
        Self {
            verdict,
            tone: Tone::Bad,
            facts: facts(None, about),
            entries: Vec::new(),
            technical: vec![shown(reason)],
        }
    }
}

impl From<&Unreadable> for Words {
    /// Why, for people.
    fn from(error: &Unreadable) -> Self {
        Self::same(shown(&error.to_string()))
    }
}

fn is_timestamp(signature: &SignatureReport) -> bool {
    matches!(signature.kind, Kind::DocumentTimestamp | Kind::Timestamp)
}

fn facts(report: Option<&Report>, about: &About<'_>) -> Vec<Row> {
    let row = |zh: &str, en: &str, text: Words| Row { label: Words::new(zh, en), text, tone: Tone::Plain };
    let mut rows = vec![
        row("文件", "File", Words::same(shown(about.name))),
        row("核验时间", "Checked as of", moment::at(about.at, about.offset_minutes)),
        row("核验规则", "Rules", Words::same(shown(about.policy))),
    ];
    if let Some(report) = report {
        let (mut seals, mut stamps) = (0, 0);
        for signature in &report.signatures {
            *(if is_timestamp(signature) { &mut stamps } else { &mut seals }) += 1;
        }
        let text = Words::new(
            format!("印章或签名 {seals} 个，时间戳 {stamps} 个"),
            format!("{seals} seal(s) or signature(s), {stamps} time-stamp(s)"),
        );
        rows.push(row("内容", "Contains", text));
    }
    rows
}

fn entry(signature: &SignatureReport, number: usize, about: &About<'_>) -> Entry {
    let timestamp = is_timestamp(signature);
    let title = match signature.kind {
        Kind::DocumentTimestamp | Kind::Timestamp => {
            Words::new(format!("时间戳 {number}"), format!("Time-stamp {number}"))
        }
        Kind::SesSignature => {
            Words::new(format!("电子签章 {number}"), format!("Electronic seal signature {number}"))
        }
        Kind::Seal => Words::new(format!("电子印章 {number}"), format!("Electronic seal {number}")),
        Kind::Signature | Kind::Cms => {
            Words::new(format!("印章（签名）{number}"), format!("Seal (signature) {number}"))
        }
    };
    let (mut found, tone, advice) = outcome(signature, timestamp);
    if tone != Tone::Good
        && signature.changes_allowed
        && signature.coverage != Coverage::Partial
        && let Some(finding) = signature.seal.as_ref().and_then(seal::finding)
    {
        found = finding;
    }
    let mut rows = vec![who(signature, timestamp), when(signature, timestamp, about)];
    if let Some(seal) = &signature.seal {
        rows.extend(seal::rows(signature, seal, about));
    }
    // A file with an SES_Signature alone holds nothing that could be changed afterwards.
    if signature.byte_range.is_some()
        && matches!(signature.kind, Kind::Signature | Kind::DocumentTimestamp | Kind::SesSignature)
        && signature.coverage != Coverage::Partial
        && signature.integrity != Integrity::Broken
    {
        rows.push(changes(signature));
    }
    if let Some(advice) = advice {
        rows.push(Row { label: Words::new("该怎么办", "What to do"), text: advice, tone });
    }
    Entry { title, found, tone, rows }
}

fn outcome(signature: &SignatureReport, timestamp: bool) -> (Words, Tone, Option<Words>) {
    let bad = |finding: Finding| (finding.found, Tone::Bad, Some(finding.advice));
    let open = |finding: Finding| (finding.found, Tone::Warn, Some(finding.advice));
    let own = |default: fn() -> Finding| signature.sub_indication.map_or_else(default, sentences::finding);
    if signature.coverage == Coverage::Partial && signature.sub_indication != Some(SubIndication::HashFailure)
    {
        return bad(sentences::partial());
    }
    if signature.integrity == Integrity::Broken || signature.indication == Indication::TotalFailed {
        return bad(own(sentences::broken));
    }
    if !signature.changes_allowed {
        return bad(sentences::changed());
    }
    if signature.integrity == Integrity::Unknown {
        return open(own(sentences::unsupported));
    }
    if signature.indication != Indication::TotalPassed || signature.trust != Trust::Trusted {
        return open(own(sentences::undecided));
    }
    let found = if timestamp {
        Words::new("时间戳真实、可信。", "The time-stamp is genuine and trusted.")
    } else if signature.kind == Kind::Seal {
        Words::new("电子印章真实、可信。", "The electronic seal is genuine and trusted.")
    } else {
        Words::new("印章（签名）真实、可信。", "The seal (signature) is genuine and trusted.")
    };
    (found, Tone::Good, None)
}

fn who(signature: &SignatureReport, timestamp: bool) -> Row {
    let label = if timestamp {
        Words::new("由谁签发", "Issued by")
    } else if signature.kind == Kind::Seal {
        Words::new("由谁制作", "Made by")
    } else {
        Words::new("由谁盖章", "Sealed by")
    };
    let confirmed = signature.trust == Trust::Trusted && signature.integrity == Integrity::Intact;
    let (text, tone) = match (&signature.signer, confirmed) {
        (Some(subject), true) => (Words::same(called(subject)), Tone::Good),
        (Some(subject), false) => {
            let name = called(subject);
            (
                Words::new(
                    format!("{name}（证书自称，身份未经确认）"),
                    format!("{name} (as its certificate says; not confirmed)"),
                ),
                Tone::Warn,
            )
        }
        (None, _) => (Words::new("不知道", "not known"), Tone::Warn),
    };
    Row { label, text, tone }
}

fn when(signature: &SignatureReport, timestamp: bool, about: &About<'_>) -> Row {
    let shown = |time: &Option<String>| time.as_ref().map(|time| moment::shown(time, about.offset_minutes));
    let claimed = shown(&signature.signing_time);
    let proven = match signature.time_source {
        TimeSource::ValidationTime => None,
        _ => shown(&signature.best_signature_time),
    };
    let (text, tone) = match (timestamp, claimed, proven) {
        (true, _, Some(proven)) => (proven, Tone::Good),
        (true, claimed, None) => match claimed {
            Some(claimed) => (
                Words::new(format!("{}（未经证明）", claimed.zh), format!("{} (not proven)", claimed.en)),
                Tone::Warn,
            ),
            None => (Words::new("不知道", "not known"), Tone::Warn),
        },
        (false, Some(claimed), Some(proven)) => (
            Words::new(
                format!("不晚于 {}（有时间戳证明）；签署人自称 {}", proven.zh, claimed.zh),
                format!(
                    "not later than {} (proven by a time-stamp); the signer says {}",
                    proven.en, claimed.en
                ),
            ),
            Tone::Good,
        ),
        (false, None, Some(proven)) => (
            Words::new(
                format!("不晚于 {}（有时间戳证明）", proven.zh),
                format!("not later than {} (proven by a time-stamp)", proven.en),
            ),
            Tone::Good,
        ),
        (false, Some(claimed), None) => (
            Words::new(
                format!("签署人自称 {}（没有时间戳证明）", claimed.zh),
                format!("{}, as the signer says (not proven by a time-stamp)", claimed.en),
            ),
            Tone::Plain,
        ),
        (false, None, None) => (Words::new("不知道", "not known"), Tone::Plain),
    };
    let label = match signature.kind {
        _ if timestamp => Words::new("时间", "Time"),
        Kind::Seal => Words::new("何时制作", "Made when"),
        _ => Words::new("何时盖章", "Sealed when"),
    };
    Row { label, text, tone }
}

fn changes(signature: &SignatureReport) -> Row {
    let label = Words::new("此后的改动", "Changes since");
    if signature.changes.is_empty() && signature.changes_allowed {
        return Row { label, text: Words::new("没有", "none"), tone: Tone::Good };
    }
    let classes: Vec<Words> = signature.changes.iter().map(|class| sentences::class(*class)).collect();
    let join = |pick: fn(&Words) -> &str, separator: &str| {
        classes.iter().map(pick).collect::<Vec<_>>().join(separator)
    };
    let (zh, en) = (join(|words| &words.zh, "；"), join(|words| &words.en, "; "));
    let (text, tone) = match (signature.changes_allowed, classes.is_empty()) {
        (true, _) => (Words::new(format!("{zh}（允许）"), format!("{en} (allowed)")), Tone::Plain),
        (false, true) => (Words::new("有，且不允许", "yes, and not allowed"), Tone::Bad),
        (false, false) => (Words::new(format!("{zh}（不允许）"), format!("{en} (not allowed)")), Tone::Bad),
    };
    Row { label, text, tone }
}

fn technical(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, signature) in (1..).zip(&report.signatures) {
        let sub = signature.sub_indication.map(|sub| format!(", {sub}")).unwrap_or_default();
        let mut line = format!("{number}: {}{sub}", signature.indication);
        for (label, text) in [
            ("field", &signature.field),
            ("subject", &signature.signer),
            ("SHA-256", &signature.signer_fingerprint),
        ] {
            if let Some(text) = text {
                line.push_str(&format!("; {label} {}", shown(text)));
            }
        }
        lines.push(line);
        lines.extend(
            signature.reasons.iter().take(MOST_REASONS).map(|reason| format!("{number}: {}", shown(reason))),
        );
    }
    lines.extend(report.warnings.iter().take(MOST_REASONS).map(|warning| shown(warning)));
    if report.file.format == Format::Pdf && report.file.revisions > 1 {
        lines.push(format!("PDF {}, {} revisions", report.file.version, report.file.revisions));
    }
    lines
}

/// Reasons of one signature; the detailed report has all.
const MOST_REASONS: usize = 12;
