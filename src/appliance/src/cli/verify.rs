//! `cinnabar verify`: says whether the signatures of a PDF hold. Files in, a report out; no server, no network, no
//! configuration.
//!
//! Its options, exit codes and JSON names are a fixed contract that scripts lean on. `…` lists take several values
//! after one flag, so a FILE given last would be swallowed by the list before it; it is taken back
//! ([`VerifyArgs`]).

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, FromArgMatches};
use jiff::Timestamp;
use pdf::syntax::Limits;
use pdf::verify::{Coverage, Integrity, Kind, Level, Options, Report, SignatureReport, Trust, Verdict};
use pki::Certificate;
use pki::crl::Crl;
use pki::path::{RevocationPolicy, TrustAnchors};
use serde_json::{Value, json};

use super::{Failure, Outcome, Output, Tone};
use crate::documents::FileSource;

/// Options of `cinnabar verify`, with FILE wherever it stood.
#[derive(Debug)]
pub struct VerifyArgs {
    file: PathBuf,
    lists: Lists,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar verify sealed.pdf --trust-anchor root.pem --crl seals-ca.crl
  cinnabar verify --trust-anchor root.pem other-root.pem --untrusted ca.pem sealed.pdf --json
  cinnabar verify sealed.pdf --trust-anchor root.pem --crl seals-ca.crl --at 2026-11-22T08:00:00+08:00

Without a trust anchor nothing can be trusted, and an intact signature ends with 4. The signer's certificate needs
revocation information (a CRL given here or in the file) unless it says that there is none (RFC 9608); for the
authorities above it, what is at hand is used.

Exit codes:
  0  every signature is valid, trusted and followed by nothing its signer did not allow
  3  a signature is invalid or altered, or was followed by more than its signer allowed
  4  it cannot be decided: no path to a trust anchor, no revocation information
  5  the file holds no signature (with verdict `timestamp-only`: nothing but intact document time-stamps)
  6  the file cannot be processed: malformed beyond reading, encrypted, over a budget, unreadable
  2  wrong usage, unreadable certificates or CRLs among it")]
struct Lists {
    /// The PDF to verify
    file: Option<PathBuf>,
    /// Certificates that are trusted, PEM or DER; several after one flag or with several
    #[arg(long, num_args = 1.., value_name = "ROOT.pem")]
    trust_anchor: Vec<PathBuf>,
    /// Further certificates that may be on a path, PEM or DER
    #[arg(long, num_args = 1.., value_name = "CERT.pem")]
    untrusted: Vec<PathBuf>,
    /// Revocation lists, PEM or DER
    #[arg(long, num_args = 1.., value_name = "CRL")]
    crl: Vec<PathBuf>,
    /// Verify as of this time [default: now]
    #[arg(long, value_name = "RFC3339")]
    at: Option<Timestamp>,
}

impl Args for VerifyArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        Lists::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Lists::augment_args_for_update(command)
    }
}

impl FromArgMatches for VerifyArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        let is_pdf = |path: &Path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("pdf"));
        let names = ["trust_anchor", "untrusted", "crl"];
        let swallowed = if matches.contains_id("file") { None } else { swallowed(matches, &names, is_pdf) };
        let mut lists = Lists::from_arg_matches_mut(matches)?;
        let mut file = lists.file.take();
        if let Some((name, position)) = swallowed {
            let list = match name {
                "trust_anchor" => &mut lists.trust_anchor,
                "untrusted" => &mut lists.untrusted,
                _ => &mut lists.crl,
            };
            file = (position < list.len()).then(|| list.remove(position));
        }
        let missing = "name the PDF to verify: cinnabar verify FILE --trust-anchor ROOT.pem…\n";
        let file = file.ok_or_else(|| clap::Error::raw(ErrorKind::MissingRequiredArgument, missing))?;
        Ok(Self { file, lists })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Which list swallowed the one file a command is about, and at which of its values it stands: the end of the last flag
/// that was given more than one value. One that looks right by name goes before one by place.
pub(super) fn swallowed(
    matches: &ArgMatches,
    names: &[&'static str],
    looks_right: impl Fn(&Path) -> bool,
) -> Option<(&'static str, usize)> {
    let mut ends: Vec<(usize, &'static str, usize, bool)> = Vec::new();
    for name in names.iter().copied() {
        let (Some(occurrences), Some(indices)) =
            (matches.get_occurrences::<PathBuf>(name), matches.indices_of(name))
        else {
            continue;
        };
        let indices: Vec<usize> = indices.collect();
        let mut position = 0;
        for occurrence in occurrences {
            let values: Vec<&PathBuf> = occurrence.collect();
            position += values.len();
            let (Some(last), true) = (values.last(), values.len() > 1) else { continue };
            let Some(index) = indices.get(position - 1) else { continue };
            ends.push((*index, name, position - 1, looks_right(last)));
        }
    }
    ends.into_iter().max_by_key(|(index, _, _, is_pdf)| (*is_pdf, *index)).map(|(_, name, at, _)| (name, at))
}

/// Runs `cinnabar verify`.
pub fn run(args: VerifyArgs, output: Output) -> Outcome {
    let inputs = match Inputs::read(&args.lists) {
        Ok(inputs) => inputs,
        Err(failure) => {
            output.error(failure.as_ref());
            return Ok(ExitCode::from(2));
        }
    };
    let now = || Timestamp::from_second(Timestamp::now().as_second());
    let at = args.lists.at.map_or_else(now, Ok)?;
    let options = Options {
        untrusted: &inputs.untrusted,
        crls: &inputs.crls,
        revocation: RevocationPolicy::Required,
        ca_revocation: RevocationPolicy::IfAvailable,
        ..Options::new(&inputs.anchors, at.as_second())
    };
    let report = match FileSource::open(&args.file) {
        Ok(source) => pdf::verify::verify(&source, &options, &Limits::default()),
        Err(error) => return Ok(unreadable(&args.file, &error.to_string(), false, output)),
    };
    match report {
        Ok(report) => {
            let mut value = serde_json::to_value(&report)?;
            if let Some(members) = value.as_object_mut() {
                members.insert("path".into(), args.file.display().to_string().into());
                members.insert("at".into(), at.to_string().into());
            }
            output.result(&value, &lines(&report, &args, at));
            Ok(ExitCode::from(report.exit_code()))
        }
        Err(error) => {
            let too_complex = error.is_too_complex();
            Ok(unreadable(&args.file, &error.to_string(), too_complex, output))
        }
    }
}

fn unreadable(file: &Path, reason: &str, too_complex: bool, output: Output) -> ExitCode {
    let shown = file.display().to_string();
    let value: Value = json!({
        "verdict": "unreadable", "signatures": [], "path": shown, "error": reason, "over_budget": too_complex,
    });
    output.result(&value, &[(Tone::Bad, format!("unreadable: {shown}: {reason}"))]);
    ExitCode::from(6)
}

struct Inputs {
    anchors: TrustAnchors,
    untrusted: Vec<Certificate>,
    crls: Vec<Crl>,
}

impl Inputs {
    fn read(lists: &Lists) -> Result<Self, Failure> {
        Ok(Self {
            anchors: TrustAnchors::new(certificates("--trust-anchor", &lists.trust_anchor)?),
            untrusted: certificates("--untrusted", &lists.untrusted)?,
            crls: revocation_lists("--crl", &lists.crl)?,
        })
    }
}

pub(super) fn certificates(flag: &str, paths: &[PathBuf]) -> Result<Vec<Certificate>, Failure> {
    files(flag, "certificate", paths, |bytes| Certificate::from_pem_or_der(bytes).map_err(|e| e.to_string()))
}

pub(super) fn revocation_lists(flag: &str, paths: &[PathBuf]) -> Result<Vec<Crl>, Failure> {
    files(flag, "revocation list", paths, |bytes| Crl::from_pem_or_der(bytes).map_err(|e| e.to_string()))
}

fn files<T>(
    flag: &str,
    what: &str,
    paths: &[PathBuf],
    parse: impl Fn(&[u8]) -> Result<Vec<T>, String>,
) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    for path in paths {
        let shown = path.display();
        let bytes = std::fs::read(path).map_err(|e| format!("cannot read `{shown}` ({flag}): {e}"))?;
        let found = parse(&bytes).map_err(|e| format!("`{shown}` ({flag}) holds no readable {what}: {e}"))?;
        if found.is_empty() {
            return Err(format!("`{shown}` ({flag}) holds no {what}").into());
        }
        all.extend(found);
    }
    Ok(all)
}

fn lines(report: &Report, args: &VerifyArgs, at: Timestamp) -> Vec<(Tone, String)> {
    let (tone, verdict) = match report.verdict {
        Verdict::Valid => (Tone::Good, "valid: every signature holds, is trusted and covers what it should"),
        Verdict::Invalid => (Tone::Bad, "invalid: do not rely on this document"),
        Verdict::Undecided => (Tone::Warn, "undecided: something needed to trust it is missing"),
        Verdict::NoSignature => (Tone::Warn, "no signature: nothing in this file is signed"),
        Verdict::TimestampOnly => (Tone::Warn, "time-stamps only: nobody signed this file"),
    };
    let mut lines = vec![
        (Tone::Head, format!("{} as of {at}", args.file.display())),
        (
            Tone::Dim,
            format!(
                "  PDF {}, {} octets, {} revisions",
                report.file.version, report.file.length, report.file.revisions
            ),
        ),
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
        Kind::SesSignature => "electronic seal",
        _ => "signature",
    };
    let name = signature.field.as_deref().unwrap_or("(no field)");
    lines.push((Tone::Head, format!("  {kind} {number}: {name}")));
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
        line(Tone::Plain, "level", format!("PAdES {level}"));
    }
    for reason in &signature.reasons {
        line(Tone::Warn, "", format!("· {reason}"));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parsed(arguments: &str) -> Result<(String, [String; 3]), ErrorKind> {
        let words = ["cinnabar", "verify"].into_iter().chain(arguments.split_whitespace());
        let cli = Cli::try_parse_from(words).map_err(|e| e.kind())?;
        let Command::Verify(args) = cli.command else { panic!("another command") };
        let list = |paths: &[PathBuf]| {
            paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        let lists = &args.lists;
        Ok((
            args.file.display().to_string(),
            [list(&lists.trust_anchor), list(&lists.untrusted), list(&lists.crl)],
        ))
    }

    #[test]
    fn file_is_found_wherever_it_stands() {
        for (arguments, file, lists) in [
            ("f.pdf", "f.pdf", ["", "", ""]),
            ("f.pdf --trust-anchor a.pem b.pem", "f.pdf", ["a.pem b.pem", "", ""]),
            ("f.pdf --trust-anchor a.pem --trust-anchor b.pem", "f.pdf", ["a.pem b.pem", "", ""]),
            ("--trust-anchor a.pem f.pdf", "f.pdf", ["a.pem", "", ""]),
            ("--trust-anchor a.pem b.pem f.pdf", "f.pdf", ["a.pem b.pem", "", ""]),
            ("--trust-anchor a.pem f.pdf --json", "f.pdf", ["a.pem", "", ""]),
            ("--trust-anchor a.pem f.pdf --crl c.crl", "f.pdf", ["a.pem", "", "c.crl"]),
            ("--trust-anchor a.pem f.pdf --trust-anchor b.pem", "f.pdf", ["a.pem b.pem", "", ""]),
            ("--trust-anchor a.pem --crl c.crl d.crl f", "f", ["a.pem", "", "c.crl d.crl"]),
            ("--crl c.crl f --trust-anchor a.pem", "f", ["a.pem", "", "c.crl"]),
            ("--trust-anchor a.pem f.pdf --crl c.crl d.crl", "f.pdf", ["a.pem", "", "c.crl d.crl"]),
            ("--trust-anchor a.pem --untrusted u.pem -- f.pdf", "f.pdf", ["a.pem", "u.pem", ""]),
            ("--trust-anchor a.pem --at 2026-01-01T00:00:00Z f.pdf", "f.pdf", ["a.pem", "", ""]),
            ("--untrusted u.pem v.PDF --trust-anchor a.pem", "v.PDF", ["a.pem", "u.pem", ""]),
        ] {
            let (found, found_lists) =
                parsed(arguments).unwrap_or_else(|kind| panic!("{arguments}: {kind:?}"));
            assert_eq!(found, file, "{arguments}");
            assert_eq!(found_lists, lists, "{arguments}");
        }
    }

    #[test]
    fn wrong_usage_is_told_before_anything_is_read() {
        for (arguments, kind) in [
            ("", ErrorKind::MissingRequiredArgument),
            ("--trust-anchor a.pem", ErrorKind::MissingRequiredArgument),
            ("--trust-anchor a.pem --crl c.crl", ErrorKind::MissingRequiredArgument),
            ("f.pdf --at yesterday", ErrorKind::ValueValidation),
            ("f.pdf --crl", ErrorKind::InvalidValue),
            ("f.pdf --colour red", ErrorKind::UnknownArgument),
        ] {
            assert_eq!(parsed(arguments).unwrap_err(), kind, "{arguments}");
        }
    }

    fn code(file: &Path, anchors: &[PathBuf]) -> String {
        let lists = Lists {
            file: None,
            trust_anchor: anchors.into(),
            untrusted: Vec::new(),
            crl: Vec::new(),
            at: None,
        };
        format!("{:?}", run(VerifyArgs { file: file.into(), lists }, Output { json: true }).unwrap())
    }

    #[test]
    fn what_cannot_be_read_has_its_own_exit_codes() {
        let folder = tempfile::tempdir().unwrap();
        let junk = folder.path().join("junk");
        std::fs::write(&junk, b"not a PDF, not a certificate").unwrap();
        let expected = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(code(&junk, &[]), expected(6));
        assert_eq!(code(&folder.path().join("absent.pdf"), &[]), expected(6));
        assert_eq!(code(folder.path(), &[]), expected(6));
        assert_eq!(code(&junk, std::slice::from_ref(&junk)), expected(2));
        assert_eq!(code(&junk, &[folder.path().join("absent.pem")]), expected(2));
    }
}
