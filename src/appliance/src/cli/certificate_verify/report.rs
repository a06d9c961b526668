//! The verdict in words and as JSON.

use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use pki::path::{Evidence, Examination, PathFailure, PathVerdict};
use pki::{Certificate, Indication};
use serde_json::{Value, json};

use super::CertificateVerifyArgs;
use super::inputs::Inputs;
use crate::cli::{Output, Tone};

/// What was found with what.
pub(super) struct Findings<'a> {
    pub(super) args: &'a CertificateVerifyArgs,
    pub(super) inputs: &'a Inputs,
    pub(super) at: Timestamp,
    pub(super) examined: &'a Examination,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Valid,
    Invalid,
    Undecidable,
}

impl Verdict {
    const fn of(verdict: &PathVerdict) -> Self {
        match verdict.failure() {
            None => Self::Valid,
            Some(failure) if failure.is_definite() => Self::Invalid,
            Some(_) => Self::Undecidable,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Undecidable => "undecidable",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 3,
            Self::Undecidable => 4,
        }
    }

    const fn tone(self) -> Tone {
        match self {
            Self::Valid => Tone::Good,
            Self::Invalid => Tone::Bad,
            Self::Undecidable => Tone::Warn,
        }
    }
}

/// Says that a file cannot be read: exit code 6.
pub(super) fn unreadable(leaf: &Path, reason: &str, at: Timestamp, output: Output) -> ExitCode {
    let value = json!({
        "verdict": "unreadable", "reason": reason, "certificate": leaf.display().to_string(), "at": at.to_string(),
        "path": [], "revocation": [], "policies": [],
    });
    output.result(&value, &[(Tone::Bad, format!("unreadable: {reason}"))]);
    ExitCode::from(6)
}

/// Prints the findings.
pub(super) fn print(findings: &Findings<'_>, output: Output) -> ExitCode {
    let verdict = Verdict::of(&findings.examined.verdict);
    let notes = notes(findings);
    output.result(&value(findings, verdict, &notes), &lines(findings, verdict, &notes));
    ExitCode::from(verdict.code())
}

fn notes(findings: &Findings<'_>) -> Vec<String> {
    let lists = &findings.args.lists;
    let mut notes = findings.inputs.notes.clone();
    if lists.trust_anchor.is_empty() {
        notes.push("no --trust-anchor was given, so nothing can be trusted".into());
    }
    if lists.crl.is_empty() && lists.ocsp.is_empty() {
        notes.push("revocation was not asked for: neither --crl nor --ocsp was given".into());
    }
    notes
}

fn reason(findings: &Findings<'_>) -> Option<String> {
    findings.examined.verdict.failure().map(ToString::to_string)
}

fn evidence(findings: &Findings<'_>) -> Vec<Value> {
    let path = findings.examined.verdict.path();
    let all = path.into_iter().flat_map(|path| path.certificates().iter().zip(path.evidence()));
    all.map(|(certificate, evidence)| {
        let (status, since, why) = match evidence {
            Evidence::Good { this_update } => ("good", Some(("crl", *this_update)), None),
            Evidence::Answered { this_update } => ("good", Some(("ocsp", *this_update)), None),
            Evidence::NotApplicable => ("not-applicable", None, None),
            Evidence::None { why } => ("unknown", None, Some(*why)),
            Evidence::Waived => ("not-asked", None, None),
        };
        json!({
            "subject": certificate.subject().to_string(),
            "status": status,
            "source": since.map(|(source, _)| source),
            "this_update": since.and_then(|(_, seconds)| time(seconds)),
            "reason": why,
        })
    })
    .collect()
}

fn time(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}

fn certificate(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "serial": hex::encode(certificate.serial()),
        "fingerprint": hex::encode(certificate.sha256_fingerprint()),
        "not_before": time(certificate.not_before()),
        "not_after": time(certificate.not_after()),
    })
}

fn policies(findings: &Findings<'_>) -> Vec<String> {
    let path = findings.examined.verdict.path();
    path.map(|path| path.policies().iter().map(ToString::to_string).collect()).unwrap_or_default()
}

fn value(findings: &Findings<'_>, verdict: Verdict, notes: &[String]) -> Value {
    let failure = findings.examined.verdict.failure().map(PathFailure::of_certificate);
    let (indication, sub_indication) =
        failure.map_or((Indication::TotalPassed, None), |(indication, sub)| (indication, Some(sub)));
    json!({
        "verdict": verdict.name(),
        "indication": indication,
        "sub_indication": sub_indication,
        "reason": reason(findings),
        "certificate": findings.args.leaf.display().to_string(),
        "at": findings.at.to_string(),
        "path": findings.examined.path.iter().map(certificate).collect::<Vec<_>>(),
        "revocation": evidence(findings),
        "policies": policies(findings),
        "notes": notes,
    })
}

fn lines(findings: &Findings<'_>, verdict: Verdict, notes: &[String]) -> Vec<(Tone, String)> {
    let mut lines = vec![(Tone::Head, format!("{} as of {}", findings.args.leaf.display(), findings.at))];
    for (depth, certificate) in findings.examined.path.iter().enumerate() {
        lines.push((Tone::Plain, format!("  {depth} {}", certificate.subject())));
        lines.push((Tone::Dim, format!("    SHA-256 {}", hex::encode(certificate.sha256_fingerprint()))));
        let known = findings.examined.verdict.path().and_then(|path| path.evidence().get(depth));
        let said = match known {
            Some(Evidence::Good { this_update }) => {
                format!("not revoked, says a CRL of {}", time(*this_update).unwrap_or_default())
            }
            Some(Evidence::Answered { this_update }) => {
                format!("not revoked, says an OCSP response of {}", time(*this_update).unwrap_or_default())
            }
            Some(Evidence::NotApplicable) => "says itself that it is never revoked".into(),
            Some(Evidence::None { why }) => format!("nothing known of its revocation: {why}"),
            Some(Evidence::Waived) | None => continue,
        };
        lines.push((Tone::Dim, format!("    {said}")));
    }
    let policies = policies(findings);
    if !policies.is_empty() {
        lines.push((Tone::Dim, format!("  policies {}", policies.join(", "))));
    }
    lines.extend(notes.iter().map(|note| (Tone::Warn, format!("  note: {note}"))));
    let reason = reason(findings).map(|reason| format!(": {reason}")).unwrap_or_default();
    lines.push((verdict.tone(), format!("{}{reason}", verdict.name())));
    lines
}
