//! `cinnabar seal`: has a PDF sealed by the service, as an approval system would.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::json;

use super::{Global, Outcome, Output, Remote, Tone, block_on};

/// Options of `cinnabar seal`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar seal in.pdf out.pdf --seal bureau --page 1 --x-mm 120 --y-mm 220 --identity credentials/approval
  cinnabar seal in.pdf out.pdf --seal bureau --keyword 盖章处 --receipt out.receipt --identity credentials/approval")]
pub struct SealArgs {
    /// The PDF to seal
    input: PathBuf,
    /// Where the sealed PDF is written; must not exist yet unless --force
    output: PathBuf,
    /// Which seal
    #[arg(long)]
    seal: String,
    /// Page to show the seal on, from 1; negative counts from the end
    #[arg(long, requires_all = ["x_mm", "y_mm"], conflicts_with = "keyword", allow_negative_numbers = true)]
    page: Option<i32>,
    /// Left edge of the seal, millimetres from the page's left as seen
    #[arg(long, requires = "page")]
    x_mm: Option<f64>,
    /// Upper edge of the seal, millimetres from the page's top as seen
    #[arg(long, requires = "page")]
    y_mm: Option<f64>,
    /// Centre the seal on this text
    #[arg(long)]
    keyword: Option<String>,
    /// Which occurrence of the text, from 1
    #[arg(long, default_value_t = 1, requires = "keyword")]
    occurrence: u32,
    /// Reason shown by viewers
    #[arg(long)]
    reason: Option<String>,
    /// Case number for the record
    #[arg(long)]
    case_number: Option<String>,
    /// Code of the service item for the record
    #[arg(long)]
    item: Option<String>,
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

/// Runs `cinnabar seal`.
pub fn run(args: SealArgs, global: &Global, output: Output) -> Outcome {
    for path in std::iter::once(&args.output).chain(args.receipt.as_ref()) {
        if path.exists() && !args.force {
            return Err(format!("`{}` exists; add --force to replace it", path.display()).into());
        }
    }
    let document =
        std::fs::read(&args.input).map_err(|e| format!("cannot read `{}`: {e}", args.input.display()))?;
    let client = args.remote.client(global)?;
    let key = args.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let path = format!("/v1/documents/seal?{}", query(&args));
    block_on(async {
        let headers = [("content-type", "application/pdf"), ("idempotency-key", key.as_str())];
        let answer = client.send(Method::POST, &path, &headers, document.into()).await?;
        let leaf = answer.header("cinnabar-leaf").ok_or("the answer names no log leaf")?.to_owned();
        let record = answer.header("location").unwrap_or_default().to_owned();
        std::fs::write(&args.output, &answer.body)
            .map_err(|e| format!("cannot write `{}`: {e}", args.output.display()))?;
        if let Some(path) = &args.receipt {
            let receipt = client.get(&format!("/v1/receipts/{leaf}")).await?;
            std::fs::write(path, &receipt.body)
                .map_err(|e| format!("cannot write `{}`: {e}", path.display()))?;
        }
        let shown = args.output.display().to_string();
        output.result(
            &json!({ "output": shown, "leaf": leaf, "record": record, "octets": answer.body.len() }),
            &[
                (Tone::Good, format!("sealed: {shown}")),
                (Tone::Plain, format!("record {record}, log leaf {leaf}")),
            ],
        );
        Ok(ExitCode::SUCCESS)
    })?
}

fn query(args: &SealArgs) -> String {
    let mut pairs = vec![("seal", args.seal.clone())];
    let mut add = |name, value: Option<String>| pairs.extend(value.map(|v| (name, v)));
    add("page", args.page.map(|v| v.to_string()));
    add("x_mm", args.x_mm.map(|v| v.to_string()));
    add("y_mm", args.y_mm.map(|v| v.to_string()));
    add("occurrence", args.keyword.as_ref().map(|_| args.occurrence.to_string()));
    add("keyword", args.keyword.clone());
    add("reason", args.reason.clone());
    add("case_number", args.case_number.clone());
    add("item", args.item.clone());
    super::query(&pairs)
}
