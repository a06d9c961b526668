//! Records of use: search, one record, figures.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::{Failure, Global, Output, Remote, Tone, members, segment, table};

/// Options of `cinnabar seal-use list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only uses of this seal
    #[arg(long)]
    seal: Option<String>,
    /// Only uses of seals of this organisation
    #[arg(long)]
    organisation: Option<String>,
    /// Only for this service item
    #[arg(long)]
    item: Option<String>,
    /// Only for this case
    #[arg(long)]
    case_number: Option<String>,
    /// Only by this caller
    #[arg(long)]
    caller: Option<String>,
    /// Only under this rule
    #[arg(long)]
    rule: Option<String>,
    /// Only of the document with this SHA-256, before or after it was sealed
    #[arg(long)]
    digest: Option<String>,
    /// From this moment, RFC 3339
    #[arg(long)]
    from: Option<String>,
    /// Until before this moment, RFC 3339
    #[arg(long)]
    to: Option<String>,
    /// Most to list
    #[arg(long, default_value_t = 1000)]
    most: usize,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-use show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The record
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-use figures`.
#[derive(Debug, Args)]
pub struct FiguresArgs {
    /// The first month, YYYY-MM [default: eleven months before the last]
    #[arg(long)]
    from: Option<String>,
    /// The last month, YYYY-MM [default: the present one]
    #[arg(long)]
    to: Option<String>,
    /// Only of this seal
    #[arg(long)]
    seal: Option<String>,
    /// Only of seals of this organisation
    #[arg(long)]
    organisation: Option<String>,
    /// Only for this service item
    #[arg(long)]
    item: Option<String>,
    /// Write them here as CSV
    #[arg(long)]
    csv: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn list(args: ListArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let conditions = [
        ("seal", args.seal),
        ("organisation", args.organisation),
        ("item", args.item),
        ("case_number", args.case_number),
        ("caller", args.caller),
        ("rule", args.rule),
        ("digest", args.digest),
        ("from", args.from),
        ("to", args.to),
    ];
    let conditions: Vec<(&str, String)> =
        conditions.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let client = args.remote.client(global)?;
    let mut items: Vec<Value> = Vec::new();
    let mut after: Option<String> = None;
    while items.len() < args.most {
        let mut query = conditions.clone();
        query.push(("limit", (args.most - items.len()).min(200).to_string()));
        query.extend(after.take().map(|after| ("after", after)));
        let page = client.get(&format!("/v1/seal-uses?{}", crate::cli::query(&query))).await?.json();
        let found = page.get("items").and_then(Value::as_array);
        items.extend(found.ok_or("the service answered with something that is no list")?.iter().cloned());
        match page.get("next").and_then(Value::as_str) {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    let columns = ["id", "time", "seal", "caller", "item", "case_number", "document_kind", "original_digest"];
    table(&items, &columns, output);
    Ok(())
}

pub(super) async fn show(args: ShowArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/seal-uses/{}", segment(&args.id)?);
    members(&args.remote.client(global)?.get(&at).await?.json(), output);
    Ok(())
}

pub(super) async fn figures(args: FiguresArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let conditions = [
        ("from", args.from),
        ("to", args.to),
        ("seal", args.seal),
        ("organisation", args.organisation),
        ("item", args.item),
        ("format", args.csv.as_ref().map(|_| "csv".to_owned())),
    ];
    let conditions: Vec<(&str, String)> =
        conditions.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let client = args.remote.client(global)?;
    let answer = client.get(&format!("/v1/seal-uses/figures?{}", crate::cli::query(&conditions))).await?;
    if let Some(path) = args.csv {
        std::fs::write(&path, &answer.body)
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        let told = path.display().to_string();
        output.result(&serde_json::json!({ "csv": told }), &[(Tone::Good, told.clone())]);
        return Ok(());
    }
    let items = answer.json().get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    table(&items, &["month", "organisation", "seal", "item", "uses"], output);
    Ok(())
}
