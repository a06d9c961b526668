//! `cinnabar pdf inspect`: what a PDF consists of, octet by octet. Judges nothing; `verify` does.

use std::path::PathBuf;
use std::process::ExitCode;

use ::pdf::inspect::{Bounds, Kind, ObjectStructure, Status, Structure, inspect};
use ::pdf::syntax::Limits;
use clap::Args;
use serde_json::json;

use crate::cli::{Outcome, Output, Tone};
use crate::documents::FileSource;

/// Options of `cinnabar pdf inspect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar pdf inspect sealed.pdf
  cinnabar pdf inspect sealed.pdf --all
  cinnabar pdf inspect sealed.pdf --json --objects 100000

Shows every revision, every cross-reference section with its kind and offset, and every object
with its offset and the revision it belongs to: current, superseded (replaced by a later
revision), freed, shadowed (another entry of the same revision counts), hidden (mentioned by no
section), unreadable (mentioned, but not there); and octets that belong to nothing. Without
--all only what deserves a look is printed in words; --json lists everything up to --objects.

Exit codes:
  0  nothing is hidden: whoever follows the cross-references sees the same document
  3  there are hidden, shadowed or unreadable objects, octets outside every object, or
     revisions that can be read in two ways
  6  the file cannot be processed: no PDF, malformed beyond reading, over a budget
  2  wrong usage")]
pub struct InspectArgs {
    /// The PDF to look at
    file: PathBuf,
    /// List every object, not only those that deserve a look
    #[arg(long)]
    all: bool,
    /// How many objects to list; all are counted
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    objects: usize,
}

/// Runs `cinnabar pdf inspect`.
pub(super) fn run(args: &InspectArgs, output: Output) -> Outcome {
    let bounds = Bounds { objects: args.objects, ..Bounds::default() };
    let structure = match FileSource::open(&args.file) {
        Ok(source) => inspect(&source, &Limits::default(), &bounds).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let shown = args.file.display().to_string();
    match structure {
        Ok(structure) => {
            let mut value = serde_json::to_value(&structure)?;
            if let Some(members) = value.as_object_mut() {
                members.insert("path".into(), shown.clone().into());
                members.insert("suspicious".into(), structure.is_suspicious().into());
            }
            output.result(&value, &lines(&shown, &structure, args.all));
            Ok(ExitCode::from(if structure.is_suspicious() { 3 } else { 0 }))
        }
        Err(reason) => {
            output.result(
                &json!({ "path": shown, "error": reason }),
                &[(Tone::Bad, format!("unreadable: {shown}: {reason}"))],
            );
            Ok(ExitCode::from(6))
        }
    }
}

fn lines(shown: &str, structure: &Structure, all: bool) -> Vec<(Tone, String)> {
    let mut lines = vec![
        (Tone::Head, shown.to_owned()),
        (Tone::Dim, format!("  PDF {}, {} octets", structure.version, structure.length)),
    ];
    for revision in &structure.revisions {
        let place = format!("octets {} to {}", revision.start, revision.end);
        lines.push((Tone::Head, format!("  revision {}: {place}", revision.number)));
        for section in &revision.sections {
            let kind = match section.kind {
                Kind::Table => "table",
                Kind::Stream => "stream",
                Kind::Hybrid => "table with a stream",
            };
            let entries = section.entries + section.hybrid_entries;
            let before = section.prev.map_or(String::new(), |prev| format!(", after the one at {prev}"));
            lines.push((
                Tone::Plain,
                format!("    cross-reference {kind} at {}, {entries} entries{before}", section.offset),
            ));
        }
        if let Some(why) = revision.ambiguous {
            lines.push((Tone::Bad, format!("    can be read in two ways: {why}")));
        }
    }
    let counts: Vec<String> =
        structure.counts.iter().map(|(status, count)| format!("{count} {}", word(*status))).collect();
    lines.push((Tone::Head, format!("  objects: {}", counts.join(", "))));
    let listed = structure.objects.iter().filter(|object| all || tone(object.status) == Tone::Bad);
    lines.extend(listed.map(|object| (tone(object.status), line(object))));
    if structure.truncated {
        lines.push((Tone::Warn, "    … and more than is listed (--objects)".into()));
    }
    lines.extend(
        structure
            .outside
            .iter()
            .map(|[from, to]| (Tone::Bad, format!("  octets {from} to {to} belong to no object"))),
    );
    lines.extend(structure.oddities.iter().map(|oddity| (Tone::Warn, format!("  note: {oddity}"))));
    lines.push(if structure.is_suspicious() {
        (Tone::Bad, "something is not what every reader sees".into())
    } else {
        (Tone::Good, "nothing is hidden".into())
    });
    lines
}

fn line(object: &ObjectStructure) -> String {
    let mut text = format!("    {} {}: {}", object.object, object.generation, word(object.status));
    if !object.kind.is_empty() {
        text.push_str(&format!(", {}", object.kind));
    }
    match (object.offset, object.end, object.stream) {
        (Some(start), Some(end), _) => text.push_str(&format!(", octets {start} to {end}")),
        (Some(start), None, _) => text.push_str(&format!(", at {start}")),
        (_, _, Some(stream)) => text.push_str(&format!(", in object stream {stream}")),
        _ => {}
    }
    if let Some(revision) = object.revision {
        text.push_str(&format!(", revision {revision}"));
    }
    if let Some(error) = &object.error {
        text.push_str(&format!(": {error}"));
    }
    text
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Current => "current",
        Status::Superseded => "superseded",
        Status::Freed => "freed",
        Status::Shadowed => "shadowed",
        Status::Hidden => "hidden",
        Status::Unreadable => "unreadable",
    }
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Current => Tone::Plain,
        Status::Superseded | Status::Freed => Tone::Dim,
        Status::Shadowed | Status::Hidden | Status::Unreadable => Tone::Bad,
    }
}
