//! `cinnabar verify`: says whether the signatures of a PDF, a plain CMS or a time-stamp hold, whether an electronic seal is
//! genuine and what was signed with it. Files in, a report out; no server, no configuration, no network unless asked for.
//!
//! Its options, exit codes and JSON names are a fixed contract that scripts lean on.

mod args;
mod inputs;
pub(super) mod online;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pdf::report::{About, Simple, etsi};
use pdf::syntax::{Limits, Source};
use pdf::verify::{
    Format, Options, PlainLimits, Report, SignatureContainer, Unreadable, verify, verify_plain,
};
use serde_json::{Value, json};

use super::{Failure, Outcome, Output, Tone, block_on, json_text, whole};
use crate::documents::FileSource;
use args::Kind;
pub use args::VerifyArgs;
pub(super) use args::{swallowed, take_back};
use inputs::Inputs;
pub(super) use inputs::{certificates, revocation_lists};

/// The policy's name when none was chosen.
const USUAL: &str = "default";

/// Runs `cinnabar verify`.
pub fn run(args: VerifyArgs, output: Output) -> Outcome {
    let usage = |failure: Failure| {
        output.error(failure.as_ref());
        Ok(ExitCode::from(2))
    };
    if let Err(failure) = sensible(&args, output) {
        return usage(failure);
    }
    let mut inputs = match Inputs::read(&args.lists) {
        Ok(inputs) => inputs,
        Err(failure) => return usage(failure),
    };
    let now = || Timestamp::from_second(Timestamp::now().as_second());
    let at = args.lists.at.map_or_else(now, Ok)?;
    let source = match FileSource::open(&args.file) {
        Ok(source) => source,
        Err(error) => return unreadable(&args, at, &error.to_string(), None, output),
    };
    let content = match args.lists.content.as_deref().map(FileSource::open).transpose() {
        Ok(content) => content,
        Err(error) => return usage(format!("cannot read the file given with --content: {error}").into()),
    };
    let content = content.as_ref().map(|content| content as &dyn Source);
    let seals = inputs.seals();
    let containers: [&dyn SignatureContainer; 1] = [&seals];
    let mut judged = judge(&source, content, &inputs.options(&containers, at.as_second()));
    if args.lists.online
        && let Ok(report) = &judged
    {
        let remarks = block_on(online::fetch(&args.lists, &source, report, &mut inputs, at.as_second()))??;
        remarks.iter().for_each(|remark| output.remark(Tone::Dim, remark));
        judged = judge(&source, content, &inputs.options(&containers, at.as_second()));
    }
    match judged {
        Ok(report) => {
            say(&args, at, &report, output)?;
            Ok(ExitCode::from(report.exit_code()))
        }
        Err(error) => unreadable(&args, at, &error.to_string(), Some(&error), output),
    }
}

fn sensible(args: &VerifyArgs, output: Output) -> Result<(), Failure> {
    let lists = &args.lists;
    if output.json && lists.out.is_none() && !matches!(lists.report, None | Some(Kind::Detailed)) {
        return Err("--json prints the detailed report; write the other one into a file with --out".into());
    }
    if let Some(out) = &lists.out {
        whole::apart(out, std::iter::once(&args.file).chain(&lists.content))?;
    }
    match &lists.out {
        Some(out) if out.exists() && !lists.force => {
            Err(format!("`{}` exists; add --force to replace it", out.display()).into())
        }
        _ => Ok(()),
    }
}

fn judge(
    source: &FileSource,
    content: Option<&dyn Source>,
    options: &Options<'_>,
) -> Result<Report, Unreadable> {
    if Format::is_plain(source, options.containers)? {
        return verify_plain(source, content, options, &PlainLimits::default());
    }
    let mut report = verify(source, options, &Limits::default())?;
    if content.is_some() {
        report.warnings.push("a PDF carries its content; the file given beside it was not looked at".into());
    }
    Ok(report)
}

/// Prints the report, or writes it and prints the usual words.
fn say(args: &VerifyArgs, at: Timestamp, report: &Report, output: Output) -> Result<(), Failure> {
    let name = args.file.display().to_string();
    let mut value = serde_json::to_value(report)?;
    if let Some(members) = value.as_object_mut() {
        members.insert("path".into(), name.clone().into());
        members.insert("at".into(), at.to_string().into());
        members.insert("policy".into(), policy_name(args).into());
    }
    let about = about(args, &name, at);
    let language = args.lists.lang.into();
    let text = |kind| match kind {
        Kind::Simple => plain(&Simple::new(report, &about).lines(language)),
        Kind::Detailed => format!("{}\n", json_text(&value)),
        Kind::Etsi => etsi(report, &about),
        Kind::Html => Simple::new(report, &about).html(language),
    };
    match (args.lists.report, &args.lists.out) {
        (Some(kind), Some(out)) => {
            whole::write(out, text(kind).as_bytes(), args.lists.force)?;
            output.result(&value, &words::lines(report, args, at));
        }
        (Some(Kind::Simple), None) => {
            output.result(&value, &toned(Simple::new(report, &about).lines(language)))
        }
        (Some(kind), None) => print(&text(kind)),
        (None, _) => output.result(&value, &words::lines(report, args, at)),
    }
    Ok(())
}

fn unreadable(
    args: &VerifyArgs,
    at: Timestamp,
    reason: &str,
    error: Option<&Unreadable>,
    output: Output,
) -> Outcome {
    let shown = args.file.display().to_string();
    let too_complex = error.is_some_and(Unreadable::is_too_complex);
    let word = error.map_or("unreadable", Unreadable::verdict);
    let value: Value = json!({
        "verdict": word, "signatures": [], "path": shown, "error": reason, "over_budget": too_complex,
    });
    let simple = Simple::unreadable(reason, too_complex, &about(args, &shown, at));
    let language = args.lists.lang.into();
    let write = |out: &Path, text: &str| whole::write(out, text.as_bytes(), args.lists.force);
    let usual = [(Tone::Bad, format!("{word}: {shown}: {reason}"))];
    match (args.lists.report, &args.lists.out) {
        (Some(Kind::Simple), None) => output.result(&value, &toned(simple.lines(language))),
        (Some(Kind::Html), None) => print(&simple.html(language)),
        (Some(Kind::Detailed), None) => print(&format!("{}\n", json_text(&value))),
        (Some(Kind::Simple), Some(out)) => write(out, &plain(&simple.lines(language)))?,
        (Some(Kind::Html), Some(out)) => write(out, &simple.html(language))?,
        (Some(Kind::Detailed), Some(out)) => write(out, &format!("{}\n", json_text(&value)))?,
        // TS 119 102-2 reports on signatures, and nobody knows of any.
        (Some(Kind::Etsi), _) | (None, _) => {}
    }
    if args.lists.out.is_some() || matches!(args.lists.report, None | Some(Kind::Etsi)) {
        output.result(&value, &usual);
    }
    Ok(ExitCode::from(6))
}

fn about<'a>(args: &'a VerifyArgs, name: &'a str, at: Timestamp) -> About<'a> {
    let offset = TimeZone::system().to_offset(at).seconds() / 60;
    About { name, at: at.as_second(), offset_minutes: offset, policy: policy_name(args) }
}

fn policy_name(args: &VerifyArgs) -> &str {
    args.lists.policy.as_deref().unwrap_or(USUAL)
}

fn toned(lines: Vec<(pdf::report::Tone, String)>) -> Vec<(Tone, String)> {
    let tone = |tone| match tone {
        pdf::report::Tone::Good => Tone::Good,
        pdf::report::Tone::Warn => Tone::Warn,
        pdf::report::Tone::Bad => Tone::Bad,
        pdf::report::Tone::Plain => Tone::Plain,
    };
    lines.into_iter().map(|(meant, line)| (tone(meant), line)).collect()
}

fn plain(lines: &[(pdf::report::Tone, String)]) -> String {
    lines.iter().map(|(_, line)| format!("{line}\n")).collect()
}

fn print(text: &str) {
    use std::io::Write;
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
