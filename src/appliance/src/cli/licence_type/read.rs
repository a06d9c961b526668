//! `cinnabar licence-type list|show|catalogue`.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{Failure, Global, Output, Remote, Tone, all, segment, table};

/// Options of `cinnabar licence-type list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those kept by this organisation
    #[arg(long)]
    organisation: Option<String>,
    /// Only those in this state: draft, published, retired
    #[arg(long)]
    state: Option<String>,
    /// Only those with this in their name or code
    #[arg(long)]
    search: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence-type show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Code of the type
    code: String,
    /// Which version, with its definition
    number: Option<i64>,
    /// Folder to write the definition and the files of its templates into
    #[arg(long, requires = "number")]
    files: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence-type catalogue`.
#[derive(Debug, Args)]
pub struct CatalogueArgs {
    /// Write it into this file as it is published: signed (JWS)
    #[arg(long)]
    signed: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn catalogue(args: CatalogueArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let client = args.remote.client(global)?;
    if let Some(path) = &args.signed {
        let headers = [("accept", "application/jwt")];
        let answer = client.send(Method::GET, PUBLISHED, &headers, Bytes::new()).await?;
        std::fs::write(path, &answer.body)
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        let told = format!("`{}`: {} octets, signed", path.display(), answer.body.len());
        output.result(&json!({ "file": path, "length": answer.body.len() }), &[(Tone::Good, told)]);
        return Ok(());
    }
    let found = client.get(PUBLISHED).await?.json();
    if output.json {
        output.result(&found, &[]);
        return Ok(());
    }
    let types = found.get("types").and_then(Value::as_array).cloned().unwrap_or_default();
    let rows: Vec<Value> = types
        .iter()
        .map(|one| {
            let member = |name: &str| one.get(name).cloned().unwrap_or_default();
            let name = one.pointer("/name/zh").cloned().unwrap_or_default();
            json!({ "code": member("code"), "state": member("state"), "version": member("version"), "name": name,
                "issuers": member("issuers") })
        })
        .collect();
    table(&rows, &["code", "state", "version", "name", "issuers"], output);
    Ok(())
}

pub(super) async fn list(args: ListArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let members = [("organisation", args.organisation), ("state", args.state), ("search", args.search)];
    let given: Vec<(&str, String)> =
        members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let query = if given.is_empty() { String::new() } else { format!("?{}", super::super::query(&given)) };
    let items = all(&args.remote.client(global)?, "/v1/licence-types", &query).await?;
    table(&items, &["code", "state", "published", "organisation", "name"], output);
    Ok(())
}

pub(super) async fn show(args: ShowArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let record = format!("/v1/licence-types/{}", segment(&args.code)?);
    let client = args.remote.client(global)?;
    let Some(number) = args.number else {
        let found = client.get(&record).await?.json();
        let versions = found.get("versions").and_then(Value::as_array).cloned().unwrap_or_default();
        if output.json {
            output.result(&found, &[]);
            return Ok(());
        }
        output.result(&found, &[(Tone::Head, line(&found, &["code", "state", "name"]))]);
        table(
            &versions,
            &["number", "state", "author", "submitter", "reviewer", "created", "decided"],
            output,
        );
        return Ok(());
    };
    let found = client.get(&format!("{record}/versions/{number}")).await?.json();
    if let Some(folder) = &args.files {
        write(&found, folder)?;
    }
    let mut lines = vec![(Tone::Head, line(&found, &["type", "number", "state", "digest"]))];
    for fault in found.get("faults").and_then(Value::as_array).into_iter().flatten() {
        lines.push((Tone::Warn, line(fault, &["pointer", "zh", "en"])));
    }
    if let Some(definition) = found.get("definition").filter(|_| args.files.is_none()) {
        lines.push((Tone::Plain, serde_json::to_string_pretty(definition)?));
    }
    output.result(&found, &lines);
    Ok(())
}

/// Writes a version's definition and template files, under names that lead nowhere else.
fn write(found: &Value, folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make `{}`: {error}", folder.display()))?;
    let put = |name: &str, text: &str| -> Result<(), Failure> {
        let path = folder.join(segment(name)?);
        Ok(std::fs::write(&path, text)
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?)
    };
    if let Some(definition) = found.get("definition") {
        put("definition.json", &serde_json::to_string_pretty(definition)?)?;
    }
    for (name, text) in found.get("templates").and_then(Value::as_object).into_iter().flatten() {
        put(name, text.as_str().unwrap_or_default())?;
    }
    Ok(())
}

fn line(value: &Value, members: &[&str]) -> String {
    let words = members.iter().filter_map(|member| match value.get(*member) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    });
    words.collect::<Vec<_>>().join("  ")
}

/// Where the published catalogue is.
const PUBLISHED: &str = "/v1/licence-catalogue";
