//! `cinnabar licence-type check` and `preview`: templates judged and drawn on this machine; nothing is asked of the service.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use licence::catalogue::Fault;
use licence::template::{Finding, Fonts, Severity};
use serde_json::{Map, Value, json};

use super::draft::files;
use super::{Failure, Global, Output, Tone};
use crate::config::{Config, Licences};
use crate::licences::templates::{Form, Preview, PreviewError, load_fonts};

/// Options of `cinnabar licence-type check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The definition, JSON
    definition: PathBuf,
    /// Folder with the files of its templates [default: that of the definition]
    #[arg(long)]
    templates: Option<PathBuf>,
}

/// Options of `cinnabar licence-type preview`.
#[derive(Debug, Args)]
pub struct PreviewArgs {
    #[command(flatten)]
    of: CheckArgs,
    /// The fields, JSON [default: the longest that the schema lets through]
    #[arg(long)]
    values: Option<PathBuf>,
    /// Which form
    #[arg(long, value_enum, default_value_t = FormWord::Original)]
    form: FormWord,
    /// Where to write the PDF
    #[arg(long)]
    out: PathBuf,
}

/// A form's word on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormWord {
    Original,
    Duplicate,
    Overprint,
}

impl From<FormWord> for Form {
    fn from(word: FormWord) -> Self {
        match word {
            FormWord::Original => Self::Original,
            FormWord::Duplicate => Self::Duplicate,
            FormWord::Overprint => Self::Overprint,
        }
    }
}

/// Runs `cinnabar licence-type check`: every form that the definition names, with the longest texts.
pub(super) fn check(args: &CheckArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let (definition, templates) = read(args)?;
    let fonts = usual(global)?;
    let mut told = Vec::new();
    let mut lines = Vec::new();
    let mut errors = 0;
    for form in [Form::Original, Form::Duplicate, Form::Overprint] {
        let wanted =
            Preview { definition: definition.clone(), templates: templates.clone(), form, values: None };
        let name = json!(form).as_str().unwrap_or_default().to_owned();
        let findings = match wanted.check(|| Ok(fonts.clone())) {
            Ok(findings) => findings,
            Err(PreviewError::NoForm(_)) => continue,
            // The checks say it in both languages; what they cannot say is said here.
            Err(PreviewError::Template(error)) => vec![Finding {
                severity: Severity::Error,
                place: name.clone(),
                zh: "版式无法使用".to_owned(),
                en: error.to_string(),
            }],
            Err(error) => return Err(failed(error)),
        };
        errors += findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        lines.push((Tone::Plain, format!("{name}: {} findings", findings.len())));
        lines.extend(findings.iter().flat_map(told_of));
        told.push(json!({ "form": form, "findings": findings }));
    }
    if errors > 0 {
        lines.push((Tone::Bad, format!("{errors} errors: the type would not be published")));
    } else {
        lines.push((Tone::Good, "the templates suit the type".to_owned()));
    }
    output.result(&json!({ "errors": errors, "forms": told }), &lines);
    if errors > 0 { Err(format!("{errors} errors in the templates").into()) } else { Ok(()) }
}

/// Runs `cinnabar licence-type preview`.
pub(super) fn preview(args: &PreviewArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let (definition, templates) = read(&args.of)?;
    let values: Option<Map<String, Value>> = match &args.values {
        Some(path) => Some(
            serde_json::from_str(&text(path)?)
                .map_err(|error| format!("`{}` is no JSON object: {error}", path.display()))?,
        ),
        None => None,
    };
    let wanted = Preview { definition, templates, form: args.form.into(), values };
    let fonts = usual(global)?;
    let rendered = wanted.draw(|| Ok(fonts), jiff::Timestamp::now()).map_err(failed)?;
    std::fs::write(&args.out, &rendered.pdf)
        .map_err(|error| format!("cannot write `{}`: {error}", args.out.display()))?;
    let mut lines = vec![(Tone::Good, format!("{} is drawn", args.out.display()))];
    lines.extend(rendered.findings.iter().flat_map(told_of));
    let told = json!({ "out": args.out, "octets": rendered.pdf.len(), "findings": rendered.findings });
    output.result(&told, &lines);
    Ok(())
}

fn read(args: &CheckArgs) -> Result<(Value, std::collections::BTreeMap<String, String>), Failure> {
    let definition: Value = serde_json::from_str(&text(&args.definition)?)
        .map_err(|error| format!("`{}` is no JSON: {error}", args.definition.display()))?;
    let beside = args.definition.parent().map(Path::to_owned).unwrap_or_default();
    let templates = files(&definition, args.templates.as_ref().unwrap_or(&beside))?;
    Ok((definition, templates))
}

/// The configuration's fonts, or those of Debian where there is no configuration.
fn usual(global: &Global) -> Result<Fonts, Failure> {
    let licences =
        Config::load(&global.config).map_or_else(|_| Licences::default(), |config| config.licences);
    Ok(load_fonts(&licences.fonts)?)
}

fn failed(error: PreviewError) -> Failure {
    let faults: &[Fault] = match &error {
        PreviewError::Definition(faults) | PreviewError::Values(faults) => faults,
        _ => &[],
    };
    let faults: Vec<String> = faults.iter().map(|fault| format!("\n  {}\n  {fault}", fault.zh)).collect();
    format!("{error}{}", faults.concat()).into()
}

/// A finding in both languages, a line each.
fn told_of(finding: &Finding) -> [(Tone, String); 2] {
    let tone = match finding.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Note => Tone::Plain,
    };
    [(tone, format!("  {}", finding.zh)), (tone, format!("  {}", finding.en))]
}

fn text(path: &Path) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?)
}
