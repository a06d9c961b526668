//! `cinnabar seal-record`: making and looking at seals. (`cinnabar seal` uses one.)

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::Method;

use super::{Failure, Global, Outcome, Output, Remote, Tone, all, block_on, done, segment, table};
use crate::seals::picture::media_type;

/// `cinnabar seal-record …`
#[derive(Debug, Subcommand)]
pub enum SealRecordCommand {
    /// Have a seal made: its key, its certificate, its picture
    #[command(
        after_help = "Example:\n  cinnabar seal-record add bureau-seal --organisation bureau --picture seal.png --width-mm 42 --identity credentials/officer-1"
    )]
    Add(AddArgs),
    /// List seals
    #[command(after_help = "Example:\n  cinnabar seal-record list --identity credentials/officer-1")]
    List(ListArgs),
    /// Show one seal
    #[command(
        after_help = "Example:\n  cinnabar seal-record show bureau-seal --json --identity credentials/officer-1"
    )]
    Show(ShowArgs),
}

/// Options of `cinnabar seal-record add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Identifier of the new seal
    id: String,
    /// Organisation that owns it
    #[arg(long)]
    organisation: String,
    /// PNG with transparency, or SVG whose text is paths
    #[arg(long)]
    picture: PathBuf,
    /// Width of the imprint in millimetres
    #[arg(long)]
    width_mm: f64,
    /// Height of the imprint in millimetres [default: as the picture is shaped]
    #[arg(long)]
    height_mm: Option<f64>,
    /// Name of the seal [default: its identifier]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-record list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those of this organisation
    #[arg(long)]
    organisation: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-record show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Which seal
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// Runs `cinnabar seal-record …`.
pub fn seal_record(command: SealRecordCommand, global: &Global, output: Output) -> Outcome {
    block_on(async {
        match command {
            SealRecordCommand::Add(args) => {
                let picture = std::fs::read(&args.picture)
                    .map_err(|e| format!("cannot read `{}`: {e}", args.picture.display()))?;
                let height = match args.height_mm {
                    Some(height) => height,
                    None => height(&picture, args.width_mm, &args.picture)?,
                };
                let query = crate::cli::query(&[
                    ("id", args.id.clone()),
                    ("name", args.name.unwrap_or_else(|| args.id.clone())),
                    ("organisation", args.organisation),
                    ("width_mm", args.width_mm.to_string()),
                    ("height_mm", height.to_string()),
                ]);
                let key = uuid::Uuid::new_v4().to_string();
                let kind = media_type(&picture);
                let headers = [("content-type", kind), ("idempotency-key", key.as_str())];
                let client = args.remote.client(global)?;
                let answer = client
                    .send(Method::POST, &format!("/v1/seals?{query}"), &headers, Bytes::from(picture))
                    .await?;
                done(&answer, &format!("seal {} is made", args.id), output);
            }
            SealRecordCommand::List(args) => {
                let query = match args.organisation {
                    Some(organisation) => {
                        format!("?{}", crate::cli::query(&[("organisation", organisation)]))
                    }
                    None => String::new(),
                };
                let items = all(&args.remote.client(global)?, "/v1/seals", &query).await?;
                table(&items, &["id", "organisation", "state", "width_mm", "height_mm", "name"], output);
            }
            SealRecordCommand::Show(args) => {
                let answer = args
                    .remote
                    .client(global)?
                    .get(&format!("/v1/seals/{}", segment(&args.id)?))
                    .await?
                    .json();
                let members =
                    answer.as_object().ok_or("the service answered with something that is no seal")?;
                let lines: Vec<_> = members
                    .iter()
                    .map(|(name, value)| {
                        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                        (Tone::Plain, format!("  {name:<14} {text}"))
                    })
                    .collect();
                output.result(&answer, &lines);
            }
        }
        Ok(ExitCode::SUCCESS)
    })?
}

/// The height that keeps the picture's shape: width and height stand in a PNG's first chunk (ISO/IEC 15948 §11.2.1).
fn height(picture: &[u8], width_mm: f64, path: &Path) -> Result<f64, Failure> {
    let number = |at: usize| {
        let octets = picture.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(octets)).filter(|value| *value > 0)
    };
    match (picture.starts_with(b"\x89PNG\r\n\x1a\n"), number(16), number(20)) {
        (true, Some(width), Some(height)) => {
            let height = width_mm * f64::from(height) / f64::from(width);
            Ok((height * 1000.0).round() / 1000.0)
        }
        _ => Err(format!("`{}` is no PNG: say --height-mm", path.display()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_height_follows_the_picture() {
        let mut picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        picture.extend_from_slice(&300_u32.to_be_bytes());
        picture.extend_from_slice(&200_u32.to_be_bytes());
        assert!((height(&picture, 42.0, Path::new("p")).unwrap() - 28.0).abs() < 1e-9);
        assert!(height(&picture[..20], 42.0, Path::new("p")).is_err());
        assert!(height(b"GIF89a", 42.0, Path::new("p")).is_err());
    }
}
