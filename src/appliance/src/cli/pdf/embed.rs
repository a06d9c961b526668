//! `cinnabar pdf embed`: the second half of a signature whose key is elsewhere.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::super::append::{self, is_begun};
use super::super::{Outcome, Output, Tone};
use crate::documents::{FileSource, Preparation};

/// Options of `cinnabar pdf embed`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar pdf embed decision.pdf prepared.json --cms signature.der --out signed.pdf
  cinnabar pdf embed decision.pdf prepared.json --cms signature.der --in-place

The document must be the one that was prepared, octet for octet, and the signature sound and over its digest; nothing is
written otherwise.")]
pub struct EmbedArgs {
    /// The PDF that was prepared
    input: PathBuf,
    /// What `cinnabar pdf prepare` wrote
    prepared: PathBuf,
    /// The detached CMS over the prepared digest, or the SES_Signature where that was prepared, DER
    #[arg(long, visible_alias = "signature")]
    cms: PathBuf,
    /// Where the signed PDF is written
    #[arg(long, required_unless_present = "in_place", conflicts_with = "in_place")]
    out: Option<PathBuf>,
    /// Append to the PDF itself
    #[arg(long)]
    in_place: bool,
    /// Replace an existing output file
    #[arg(long)]
    force: bool,
}

/// Runs `cinnabar pdf embed`.
pub fn run(args: &EmbedArgs, output: Output) -> Outcome {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
    };
    let preparation = Preparation::read(&read(&args.prepared)?)?;
    let cannot = |error| format!("cannot read `{}`: {error}", args.input.display());
    let mut source = FileSource::open(&args.input).map_err(cannot)?;
    let signed = preparation.embed(&read(&args.cms)?)?;
    // An earlier run may have been cut off while it appended: what it was to be signed is what stands before that.
    if args.in_place && is_begun(source.file(), signed.original_length, &signed.tail).map_err(cannot)? {
        source = source.first(signed.original_length);
    }
    // Reads the document once: whether it is the one that was prepared, and whether the digest told is its own.
    if preparation.prepared.digest(&source, preparation.algorithm.into())? != preparation.digest()? {
        return Err("the prepared digest is not that of this document; prepare it again".into());
    }
    let shown = match &args.out {
        Some(out) => {
            append::beside(&source, out, &signed.tail, args.force)?;
            out
        }
        None => {
            append::in_place(&args.input, signed.original_length, &signed.tail)?;
            &args.input
        }
    };
    let shown = shown.display().to_string();
    output.result(
        &json!({ "output": shown, "octets": signed.result_length, "appended": signed.tail.len() }),
        &[(Tone::Good, format!("signed: {shown}"))],
    );
    Ok(ExitCode::SUCCESS)
}
