//! `cinnabar pdf prepare`: the first half of a signature whose key is elsewhere.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use pdf::appearance::{Font, ImageLimits, SealImage};
use pdf::sign::SignatureRequest;
use pdf::syntax::{Document, Limits};
use pki::Certificate;
use serde_json::json;

use super::super::placing::{Placing, word};
use super::super::{Failure, Outcome, Output, Tone, whole};
use crate::config::Digest;
use crate::documents::parameters::{Format, SealQuery};
use crate::documents::{FileSource, Look, Picture, Preparation, signature_request};

/// Options of `cinnabar pdf prepare`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar pdf prepare decision.pdf --out prepared.json --certificate signer.pem
  cinnabar pdf prepare decision.pdf --out prepared.json --size 12000 --picture seal.png --width-mm 42 --page 1 --x-mm 120 --y-mm 220

Have the printed digest signed as the message digest of a detached CMS (PAdES: with signing-certificate-v2, without
signing-time), then put it in with `cinnabar pdf embed`. The document itself goes nowhere.")]
pub struct PrepareArgs {
    /// The PDF to be signed; it is not changed
    input: PathBuf,
    /// Where the prepared signature is written
    #[arg(long)]
    out: PathBuf,
    /// Certificate of the signer and those above it, PEM: the size of its CMS is computed from them
    #[arg(long, required_unless_present = "size", conflicts_with = "size")]
    certificate: Option<PathBuf>,
    /// Octets to reserve for the signature (with a time-stamp: its token too)
    #[arg(long)]
    size: Option<usize>,
    /// What the signature will be: cms (PAdES) or ses (SES_Signature of GB/T 38540, which needs --size) [default: cms]
    #[arg(long, value_name = "cms|ses", value_parser = word::<Format>)]
    format: Option<Format>,
    /// The digest algorithm that it will be over
    #[arg(long, default_value = "sha-256", value_name = "sha-256|sha-384|sha-512|sm3", value_parser = algorithm)]
    algorithm: Digest,
    /// Picture of the seal, PNG or SVG
    #[arg(long, requires = "width_mm")]
    picture: Option<PathBuf>,
    /// Width of the seal in millimetres
    #[arg(long, requires = "picture")]
    width_mm: Option<f64>,
    /// Height of the seal in millimetres [default: the width]
    #[arg(long, requires = "width_mm")]
    height_mm: Option<f64>,
    /// Name of the signer as viewers show it
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    placing: Placing,
    /// Replace an existing output file
    #[arg(long)]
    force: bool,
}

/// Runs `cinnabar pdf prepare`.
pub fn run(args: &PrepareArgs, output: Output) -> Outcome {
    if args.out.exists() && !args.force {
        return Err(format!("`{}` exists; add --force to replace it", args.out.display()).into());
    }
    let inputs = [Some(&args.input), args.certificate.as_ref(), args.picture.as_ref()];
    whole::apart(&args.out, inputs.into_iter().flatten())?;
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
    };
    if args.format == Some(Format::Ses) && args.size.is_none() {
        return Err("an SES_Signature holds the seal: say how large it is by --size".into());
    }
    let reserve = match (&args.certificate, args.size) {
        (Some(path), _) => reserve(&Certificate::from_pem(&read(path)?)?, path)?,
        (None, Some(size)) => size,
        (None, None) => return Err("say how large the CMS is: --certificate or --size".into()),
    };
    let font = args.placing.font()?;
    let picture = match (&args.picture, args.width_mm) {
        (Some(path), Some(width_mm)) => {
            let image = Arc::new(image(&read(path)?, font.as_slice())?);
            Some(Picture { image, width_mm, height_mm: args.height_mm.unwrap_or(width_mm) })
        }
        _ => None,
    };
    let request = SealQuery { format: args.format, ..args.placing.query("local") }.check()?;
    let source = FileSource::open(&args.input)
        .map_err(|error| format!("cannot read `{}`: {error}", args.input.display()))?;
    let limits = Limits::default();
    let document = Document::open(&source, &limits)?;
    let (name, link) = (args.name.as_deref(), args.placing.link());
    let look = Look { name, picture, font, link, ..Look::default() };
    let signature = signature_request(&document, &request, &look, Timestamp::now().as_second())?;
    let signature = SignatureRequest { digest: args.algorithm.into(), ..signature };
    let prepared = pdf::sign::prepare(&document, &signature, reserve)?;
    let preparation = Preparation::of(prepared, &source, args.algorithm, request.format)?;
    whole::write(&args.out, &serde_json::to_vec(&preparation)?, args.force)?;
    output.result(
        &json!({
            "output": args.out.display().to_string(),
            "algorithm": preparation.algorithm,
            "digest": preparation.digest,
            "byte_range": preparation.byte_range,
            "reserved": preparation.reserved,
        }),
        &[
            (Tone::Plain, preparation.digest.clone()),
            (Tone::Dim, format!("prepared: {}, {reserve} octets reserved", args.out.display())),
        ],
    );
    Ok(ExitCode::SUCCESS)
}

/// A picture, PNG or SVG.
///
/// # Errors
/// What is wrong with it.
pub fn image(octets: &[u8], fonts: &[Arc<Font>]) -> Result<SealImage, Failure> {
    let limits = ImageLimits::default();
    if octets.starts_with(b"\x89PNG") {
        return Ok(SealImage::from_png(octets, &limits)?);
    }
    Ok(SealImage::from_svg(octets, &limits, fonts)?)
}

/// The most octets that a CMS with these certificates can have: they stand in it whole, the signer's issuer and serial
/// once more; a signature is never longer than the key's SubjectPublicKeyInfo and 64 octets.
fn reserve(chain: &[Certificate], path: &std::path::Path) -> Result<usize, Failure> {
    let Some(signer) = chain.first() else {
        return Err(format!("`{}` holds no certificate", path.display()).into());
    };
    let embedded: usize = chain.iter().map(|one| one.der().len()).sum();
    Ok(embedded + signer.issuer().der().len() + signer.serial().len() + signer.spki().len() + 64 + FRAME)
}

fn algorithm(word: &str) -> Result<Digest, String> {
    serde_json::from_value(json!(word)).map_err(|_| "write sha-256, sha-384, sha-512 or sm3".to_owned())
}

/// Tags, lengths, algorithm identifiers and signed attributes of one SignerInfo (RFC 5652); PAdES has three of them.
const FRAME: usize = 512;
