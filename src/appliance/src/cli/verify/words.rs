//! The usual words about a report: what technicians read, and scripts of old.

use jiff::Timestamp;
use pdf::report::visible;
use pdf::verify::{
    Coverage, Format, Integrity, Kind, Level, Outcome, Report, SealReport, SignatureReport, StateWord, Trust,
    Verdict,
};
use serde_json::Value;

use super::VerifyArgs;
use crate::cli::Tone;

pub(super) fn lines(report: &Report, args: &VerifyArgs, at: Timestamp) -> Vec<(Tone, String)> {
    let (tone, verdict) = match report.verdict {
        Verdict::Valid => (Tone::Good, "valid: every signature holds, is trusted and covers what it should"),
        Verdict::Invalid => (Tone::Bad, "invalid: do not rely on this document"),
        Verdict::Undecided => (Tone::Warn, "undecided: something needed to trust it is missing"),
        Verdict::NoSignature => (Tone::Warn, "no signature: nothing in this file is signed"),
        Verdict::TimestampOnly => (Tone::Warn, "time-stamps only: nobody signed this file"),
    };
    let mut lines = vec![
        (Tone::Head, format!("{} as of {at}", args.file.display())),
        (Tone::Dim, format!("  {}, {} octets{}", format_name(report), report.file.length, revisions(report))),
    ];
    for (number, signature) in (1..).zip(&report.signatures) {
        describe(number, signature, &mut lines);
    }
    lines.extend(report.warnings.iter().map(|warning| (Tone::Warn, format!("  note: {warning}"))));
    if args.lists.trust_anchor.is_empty() && !report.signatures.is_empty() {
        lines.push((Tone::Warn, "  note: no --trust-anchor was given, so nothing can be trusted".into()));
    }
    lines.push((tone, verdict.into()));
    lines
}

fn describe(number: usize, signature: &SignatureReport, lines: &mut Vec<(Tone, String)>) {
    let kind = match signature.kind {
        Kind::DocumentTimestamp => "document time-stamp",
        Kind::Timestamp => "time-stamp",
        Kind::Cms => "signer",
        Kind::SesSignature => "electronic seal signature",
        Kind::Seal => "electronic seal",
        Kind::Signature => "signature",
    };
    let name = match (&signature.field, signature.kind) {
        (Some(name), _) => format!(": {name}"),
        (None, _) if is_plain(signature) => String::new(),
        (None, _) => ": (no field)".to_owned(),
    };
    lines.push((Tone::Head, format!("  {kind} {number}{name}")));
    let mut line = |tone, label: &str, text: String| lines.push((tone, format!("    {label:<10} {text}")));
    if let Some(signer) = &signature.signer {
        line(Tone::Plain, "signer", signer.clone());
    }
    if let Some(time) = &signature.signing_time {
        line(Tone::Plain, "claims", format!("signed at {time}"));
    }
    let (tone, text) = match signature.integrity {
        Integrity::Intact => (Tone::Good, "intact"),
        Integrity::Broken => (Tone::Bad, "broken: the content is not what was signed"),
        Integrity::Unknown => (Tone::Warn, "unknown: its algorithm or container is not supported"),
    };
    line(tone, "integrity", text.into());
    let (tone, text) = match signature.coverage {
        Coverage::File if is_plain(signature) => (Tone::Good, "all of its content".into()),
        Coverage::File => (Tone::Good, "the whole file".into()),
        Coverage::Revision => {
            let revision =
                signature.revision.map_or_else(|| "an earlier revision".into(), |r| format!("revision {r}"));
            (Tone::Plain, format!("all of {revision}"))
        }
        Coverage::Partial => (Tone::Bad, "not all of a revision".into()),
    };
    line(tone, "covers", text);
    if !signature.changes.is_empty() {
        let words: Vec<String> = signature
            .changes
            .iter()
            .filter_map(|class| serde_json::to_value(class).ok()?.as_str().map(ToOwned::to_owned))
            .collect();
        let (tone, allowed) =
            if signature.changes_allowed { (Tone::Plain, "allowed") } else { (Tone::Bad, "not allowed") };
        line(tone, "since then", format!("{} ({allowed})", words.join(", ")));
    }
    let (tone, text) = match signature.trust {
        Trust::Trusted => (Tone::Good, "trusted"),
        Trust::Untrusted => (Tone::Bad, "untrusted"),
        Trust::Undecided => (Tone::Warn, "undecided"),
    };
    line(tone, "trust", text.into());
    if signature.level != Level::None {
        let level = serde_json::to_value(signature.level).ok();
        let level = level.as_ref().and_then(Value::as_str).unwrap_or_default();
        let family = if signature.kind == Kind::Cms { "CAdES" } else { "PAdES" };
        line(Tone::Plain, "level", format!("{family} {level}"));
    }
    if let Some(seal) = &signature.seal {
        describe_seal(seal, lines);
    }
    lines.extend(signature.reasons.iter().map(|reason| (Tone::Warn, format!("    {:<10} · {reason}", ""))));
}

fn describe_seal(seal: &SealReport, lines: &mut Vec<(Tone, String)>) {
    let mut line = |tone, label: &str, text: String| lines.push((tone, format!("    {label:<10} {text}")));
    let code = seal.code.as_deref().map(|code| format!(", code {}", visible(code))).unwrap_or_default();
    line(
        Tone::Plain,
        "seal",
        format!("{} ({}, {}{code})", visible(&seal.name), visible(&seal.id), seal.kind.en),
    );
    if let Some(maker) = &seal.maker {
        line(Tone::Plain, "made by", maker.clone());
    }
    for (label, state) in [("state then", &seal.then), ("state now", &seal.now)] {
        let Some(state) = state else { continue };
        let tone = if state.word == StateWord::Active { Tone::Plain } else { Tone::Warn };
        let since = state.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
        line(tone, label, format!("{}{since}", state.word.word()));
    }
    for step in &seal.steps {
        let (tone, mark) = match step.outcome {
            Outcome::Passed => (Tone::Good, "✓"),
            Outcome::Failed => (Tone::Bad, "✗"),
            Outcome::Undecided => (Tone::Warn, "?"),
            Outcome::Warned => (Tone::Warn, "!"),
        };
        line(tone, "", format!("{mark} {}: {}", step.name, visible(&step.en)));
    }
    for told in seal.deviations.iter().chain(&seal.remarks) {
        line(Tone::Warn, "", format!("· {}", visible(&told.en)));
    }
}

/// Whether it stands in a file of its own.
fn is_plain(signature: &SignatureReport) -> bool {
    match signature.kind {
        Kind::Cms | Kind::Timestamp | Kind::Seal => true,
        Kind::SesSignature => signature.byte_range.is_none(),
        Kind::Signature | Kind::DocumentTimestamp => false,
    }
}

fn format_name(report: &Report) -> String {
    match report.file.format {
        Format::Pdf => format!("PDF {}", report.file.version),
        Format::Cms => "CMS".to_owned(),
        Format::Timestamp => "time-stamp".to_owned(),
        Format::SesSignature => "SES_Signature".to_owned(),
        Format::Seal => "SESeal".to_owned(),
    }
}

fn revisions(report: &Report) -> String {
    match report.file.format {
        Format::Pdf => format!(", {} revisions", report.file.revisions),
        _ => String::new(),
    }
}
