//! `cinnabar seal`: has PDFs sealed by the service, as an approval system would.

mod batch;
mod two_phase;

pub(super) use batch::file_body;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::client::{Client, ClientError};
use super::noted::Noted;
use super::placing::{Placing, word};
use super::{Failure, Global, Outcome, Output, Remote, Tone, block_on, whole};
use crate::documents::parameters::{Format, Level};

/// Options of `cinnabar seal`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar seal in.pdf out.pdf --seal bureau --page 1 --x-mm 120 --y-mm 220 --identity credentials/approval
  cinnabar seal in.pdf out.pdf --seal bureau --keyword 盖章处 --lines signer,time --qr --receipt out.receipt
  cinnabar seal in.pdf out.pdf --seal bureau --paging right --level b-lta
  cinnabar seal in.pdf out.pdf --seal bureau --page -1 --x-mm 120 --y-mm 220 --format ses
  cinnabar seal in.pdf out.pdf --request seals.json
  cinnabar seal decisions/*.pdf --out-dir sealed --seal bureau --page -1 --x-mm 120 --y-mm 220
  cinnabar seal large.pdf out.pdf --seal bureau --two-phase --level b-t

--request names a JSON file: {\"level\": \"b-t\", \"seals\": [{\"seal\": \"bureau\", \"page\": 1, \"x_mm\": 120, \"y_mm\": 220}, …]};
all seals are set, in their order, or none. With --two-phase the document stays here: only its digest is sent.
With --out-dir the exit code is 1 when some files were not sealed; the others are there.")]
pub struct SealArgs {
    /// The PDF to seal, and where the sealed one is written; with --out-dir all PDFs to seal
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Folder for the sealed PDFs, under their own names
    #[arg(long, conflicts_with_all = ["receipt", "two_phase"])]
    out_dir: Option<PathBuf>,
    /// Which seal
    #[arg(long, required_unless_present = "request", conflicts_with = "request")]
    seal: Option<String>,
    /// JSON file with what is wanted, for several seals
    #[arg(long, conflicts_with = "two_phase")]
    request: Option<PathBuf>,
    #[command(flatten)]
    placing: Placing,
    /// What the signature is: cms (PAdES) or ses (SES_Signature of GB/T 38540) [default: cms]
    #[arg(long, conflicts_with = "request", value_name = "cms|ses", value_parser = word::<Format>)]
    format: Option<Format>,
    /// How much the sealed document proves by itself
    #[arg(long, conflicts_with = "request", value_name = "b-b|b-t|b-lt|b-lta", value_parser = word::<Level>)]
    level: Option<Level>,
    #[command(flatten)]
    noted: Noted,
    /// Keep the document here and have its digest signed
    #[arg(long)]
    two_phase: bool,
    /// Also fetch the receipt and write it here
    #[arg(long)]
    receipt: Option<PathBuf>,
    /// Replace existing output files
    #[arg(long)]
    force: bool,
    /// Key that makes a repeated request answer the same [default: a new one]
    #[arg(long)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl SealArgs {
    fn key(&self) -> String {
        self.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string())
    }

    /// What is wanted, as the API's `request` part has it.
    fn order(&self) -> Result<Value, Failure> {
        if let Some(path) = &self.request {
            let text = std::fs::read(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
            let read = serde_json::from_slice(&text);
            return Ok(read.map_err(|e| format!("`{}` is not JSON: {e}", path.display()))?);
        }
        let mut query = self.placing.query(self.seal.as_deref().unwrap_or_default());
        query.level = self.level;
        query.format = self.format;
        self.noted.fill(&mut query);
        // Found here, with the name of the parameter, before anything is sent.
        query.clone().check()?;
        let mut order = serde_json::to_value(query)?;
        if let Some(members) = order.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        Ok(order)
    }

    fn free(&self, path: &Path) -> Result<(), Failure> {
        if path.exists() && !self.force {
            return Err(format!("`{}` exists; add --force to replace it", path.display()).into());
        }
        Ok(())
    }
}

/// Runs `cinnabar seal`.
pub fn run(args: SealArgs, global: &Global, output: Output) -> Outcome {
    if let Some(folder) = &args.out_dir {
        return batch::run(&args, folder, global, output);
    }
    let [input, sealed] = args.files.as_slice() else {
        return Err("name the PDF to seal and where the sealed one is written, or --out-dir".into());
    };
    for path in std::iter::once(sealed).chain(args.receipt.as_ref()) {
        args.free(path)?;
    }
    let client = args.remote.client(global)?;
    let done = if args.two_phase {
        two_phase::run(&args, &client, input, sealed)?
    } else {
        single(&args, &client, input, sealed)?
    };
    if let Some(path) = &args.receipt {
        whole::apart(path, [input, sealed])?;
        let receipt = block_on(client.get(&format!("/v1/receipts/{}", done.leaf)))??;
        whole::write(path, &receipt.body, args.force)?;
    }
    let shown = sealed.display().to_string();
    output.result(
        &json!({
            "output": shown, "leaf": done.leaf, "record": done.record, "records": done.records,
            "octets": done.octets,
        }),
        &[
            (Tone::Good, format!("sealed: {shown}")),
            (Tone::Plain, format!("record {}, log leaf {}", done.record, done.leaf)),
        ],
    );
    Ok(ExitCode::SUCCESS)
}

/// What the service said about a sealed document.
struct Done {
    leaf: String,
    record: String,
    records: Vec<String>,
    octets: u64,
}

fn single(args: &SealArgs, client: &Client, input: &Path, sealed: &Path) -> Result<Done, Failure> {
    let order = args.order()?;
    let form = batch::Form::new(&order, &[input.to_owned()])?;
    let (kind, key) = (form.content_type(), args.key());
    let headers = [("content-type", kind.as_str()), ("idempotency-key", key.as_str())];
    let done = block_on(async {
        let answer = client.stream(Method::POST, "/v1/documents/seal", &headers, form.body()).await?;
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let leaf = header("cinnabar-leaf").ok_or("the answer names no log leaf")?.to_owned();
        let record = header("location").unwrap_or_default().to_owned();
        let records = header("cinnabar-records").unwrap_or_default();
        let records = records.split(", ").map(str::to_owned).collect();
        let digest = header("content-digest").map(str::to_owned);
        let body = http_body_util::BodyStream::new(answer.into_body());
        let octets =
            batch::written(batch::chunks(body), (input, sealed), digest.as_deref(), args.force).await?;
        Ok(Done { leaf, record, records, octets })
    })?;
    done.map_err(|error: Failure| again(error, &key))
}

/// What went wrong, and how to ask again: unless the service refused, it may have sealed.
pub(super) fn again(error: Failure, key: &str) -> Failure {
    match error.downcast_ref::<ClientError>() {
        None | Some(ClientError::Broken(_)) => {
            format!("{error}; seal the file again with the same --idempotency-key {key}").into()
        }
        Some(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_told_when_the_answer_was_lost_and_not_when_there_was_none_to_lose() {
        for lost in [Failure::from(ClientError::Broken("x".into())), Failure::from("the answer broke off")] {
            assert!(again(lost, "k1").to_string().ends_with("--idempotency-key k1"));
        }
        let refused = ClientError::Problem { status: 422, problem: Value::Null };
        assert!(!again(refused.into(), "k1").to_string().contains("k1"));
    }
}
