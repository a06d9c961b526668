//! Queries, annotated copies, who looked.

use std::path::PathBuf;

use clap::Args;
use http::Method;
use serde_json::Value;

use super::{Failure, Global, Output, Remote, Tone, given, party, segment, table};
use crate::cli::client::Client;

/// Options of `cinnabar licence query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// Code of the licence type
    #[arg(long = "type")]
    type_code: String,
    /// The holder, KIND:NUMBER (111 citizen ID, 001 credit code); the number `-` is read from the standard input
    #[arg(long)]
    holder: String,
    /// What for: a word of the type's rules
    #[arg(long)]
    purpose: String,
    /// Code of the service item
    #[arg(long)]
    item: String,
    /// Case number
    #[arg(long)]
    case_number: String,
    /// Who works on the case
    #[arg(long)]
    operator: String,
    /// Fetch the sealed documents too, where the rule allows it, into this folder
    #[arg(long)]
    documents: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence annotate`.
#[derive(Debug, Args)]
pub struct AnnotateArgs {
    /// The licence, by identifier or id
    licence: String,
    /// The holder, where the platform that holders use asks, KIND:NUMBER; the number `-` is read from the standard input
    #[arg(long, conflicts_with = "query")]
    holder: Option<String>,
    /// The query by which a department took the licence
    #[arg(long)]
    query: Option<String>,
    /// What the copy is for; stands on every page
    #[arg(long)]
    purpose: String,
    /// Whom it is for; stands on every page
    #[arg(long)]
    recipient: String,
    /// Until when it serves, RFC 3339
    #[arg(long)]
    until: jiff::Timestamp,
    /// Where the copy goes
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence copies`.
#[derive(Debug, Args)]
pub struct CopiesArgs {
    /// The licence, by identifier or id
    licence: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence copy`.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// The licence, by identifier or id
    licence: String,
    /// Which copy, as it was listed
    number: u32,
    /// Where the copy goes
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence uses`.
#[derive(Debug, Args)]
#[group(id = "whose", required = true, multiple = false, args = ["licence", "holder"])]
pub struct UsesArgs {
    /// The licence, by identifier or id
    licence: Option<String>,
    /// All licences of this holder, KIND:NUMBER; the number `-` is read from the standard input
    #[arg(long)]
    holder: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn query(args: QueryArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let body = given(&[
        ("type", args.type_code.into()),
        ("holder", party(&args.holder)?),
        ("purpose", args.purpose.into()),
        ("item", args.item.into()),
        ("case_number", args.case_number.into()),
        ("operator", args.operator.into()),
    ]);
    let client = args.remote.client(global)?;
    let answer = client.json(Method::POST, "/v1/licence-queries", &body).await?.json();
    let mut lines = Vec::new();
    for licence in answer.get("licences").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| licence.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        lines.push((Tone::Head, format!("{} {} {}", text("identifier"), text("state_zh"), text("state_en"))));
        for (name, value) in licence.get("fields").and_then(Value::as_object).into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            lines.push((Tone::Plain, format!("  {name}: {value}")));
        }
        if let (Some(folder), Some(at)) = (&args.documents, licence.get("document").and_then(Value::as_str)) {
            let document = client.get(at).await?;
            std::fs::create_dir_all(folder)?;
            let path = folder.join(format!("{}.pdf", segment(&text("identifier"))?));
            std::fs::write(&path, &document.body)
                .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
            lines.push((Tone::Good, format!("  {}", path.display())));
        }
    }
    if lines.is_empty() {
        lines.push((Tone::Dim, "none".into()));
    }
    output.result(&answer, &lines);
    Ok(())
}

pub(super) async fn annotate(args: AnnotateArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let body = given(&[
        ("holder", args.holder.as_deref().map(party).transpose()?.into()),
        ("query", args.query.into()),
        ("purpose", args.purpose.into()),
        ("recipient", args.recipient.into()),
        ("until", args.until.to_string().into()),
    ]);
    let at = format!("/v1/licences/{}/annotated-copies", segment(&args.licence)?);
    let key = uuid::Uuid::new_v4().to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    let client = args.remote.client(global)?;
    let answer = client.send(Method::POST, &at, &headers, body.to_string().into()).await?;
    std::fs::write(&args.out, &answer.body)
        .map_err(|error| format!("cannot write `{}`: {error}", args.out.display()))?;
    let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
    let value = serde_json::json!({ "copy": header("location"), "leaf": header("cinnabar-leaf") });
    let lines = [
        (Tone::Good, args.out.display().to_string()),
        (Tone::Plain, format!("  {}, log leaf {}", header("location"), header("cinnabar-leaf"))),
    ];
    output.result(&value, &lines);
    Ok(())
}

pub(super) async fn copies(args: CopiesArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/licences/{}/annotated-copies", segment(&args.licence)?);
    let items = super::super::all(&args.remote.client(global)?, &at, "?limit=200").await?;
    table(&items, &["number", "made", "until", "over", "organisation", "caller", "identifier"], output);
    Ok(())
}

pub(super) async fn copy(args: CopyArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/licences/{}/annotated-copies/{}/document", segment(&args.licence)?, args.number);
    let answer = args.remote.client(global)?.get(&at).await?;
    std::fs::write(&args.out, &answer.body)
        .map_err(|error| format!("cannot write `{}`: {error}", args.out.display()))?;
    let leaf = answer.header("cinnabar-leaf").unwrap_or_default().to_owned();
    let value = serde_json::json!({ "copy": args.number, "octets": answer.body.len(), "leaf": leaf });
    let lines = [
        (Tone::Good, args.out.display().to_string()),
        (Tone::Plain, format!("  copy {}, log leaf {leaf}", args.number)),
    ];
    output.result(&value, &lines);
    Ok(())
}

pub(super) async fn uses(args: UsesArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let client = args.remote.client(global)?;
    let items = match (&args.licence, &args.holder) {
        (Some(licence), _) => {
            super::super::all(&client, &format!("/v1/licences/{}/uses", segment(licence)?), "?limit=200")
                .await?
        }
        (None, holder) => {
            let holder = holder.as_deref().map(party).transpose()?;
            let mut asked = given(&[("holder", holder.into()), ("limit", 200.into())]);
            pages(&client, "/v1/licence-uses/of-holder", &mut asked).await?
        }
    };
    let columns = ["time", "kind", "organisation", "item", "case_number", "purpose", "fields", "identifier"];
    table(&items, &columns, output);
    Ok(())
}

/// All items of a listing that is asked for by POST, because it names somebody.
pub(super) async fn pages(client: &Client, path: &str, asked: &mut Value) -> Result<Vec<Value>, Failure> {
    let mut items = Vec::new();
    loop {
        let page = client.json(Method::POST, path, asked).await?.json();
        items.extend(page.get("items").and_then(Value::as_array).into_iter().flatten().cloned());
        match page.get("next") {
            Some(next) if next.is_string() && asked.get("after") != Some(next) => {
                if let Some(asked) = asked.as_object_mut() {
                    asked.insert("after".into(), next.clone());
                }
            }
            _ => return Ok(items),
        }
    }
}
