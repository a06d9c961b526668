//! `cinnabar licence-type draft`: a definition with the files of its templates, and with `--submitter` and `--reviewer` the
//! rest of the way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::steps::step;
use super::{Failure, Global, Output, Remote, done};

/// Options of `cinnabar licence-type draft`.
#[derive(Debug, Args)]
pub struct DraftArgs {
    /// The definition, JSON
    definition: PathBuf,
    /// Folder with the files of its templates [default: that of the definition]
    #[arg(long)]
    templates: Option<PathBuf>,
    /// Organisation that keeps the type [default: the caller's]
    #[arg(long)]
    organisation: Option<String>,
    /// An issuing organisation and the seal it seals with, instead of those of the definition; may be given again
    #[arg(long = "issuer", value_name = "ORGANISATION=SEAL", value_parser = pair)]
    issuers: Vec<(String, String)>,
    /// Credential folder of an officer, who hands the draft in at once
    #[arg(long, requires = "reviewer")]
    submitter: Option<PathBuf>,
    /// Credential folder of another officer, who publishes it at once
    #[arg(long, requires = "submitter")]
    reviewer: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn run(args: DraftArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let text = read(&args.definition)?;
    let mut definition: Value = serde_json::from_str(&text)
        .map_err(|error| format!("`{}` is no JSON: {error}", args.definition.display()))?;
    if !args.issuers.is_empty()
        && let Some(members) = definition.as_object_mut()
    {
        let issuers: Vec<&String> = args.issuers.iter().map(|(organisation, _)| organisation).collect();
        members.insert("issuers".to_owned(), json!(issuers));
        members.insert("seals".to_owned(), args.issuers.iter().cloned().collect());
    }
    let folder = args.definition.parent().map(Path::to_owned).unwrap_or_default();
    let templates = files(&definition, &args.templates.unwrap_or(folder))?;
    let body = json!({ "organisation": args.organisation, "definition": definition, "templates": templates });
    let key = uuid::Uuid::new_v4().to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    let client = args.remote.client(global)?;
    let answer =
        client.send(Method::POST, "/v1/licence-types", &headers, Bytes::from(body.to_string())).await?;
    let drafted = answer.json();
    let code = drafted.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = drafted.get("number").and_then(Value::as_i64).unwrap_or_default();
    let (Some(submitter), Some(reviewer)) = (args.submitter, args.reviewer) else {
        let next = format!(
            "version {number} of {code} is drafted; an officer goes on with `cinnabar licence-type submit {code} {number}`, \
             another with `cinnabar licence-type publish {code} {number}`"
        );
        done(&answer, &next, output);
        return Ok(());
    };
    let as_officer = |identity| Remote { server: args.remote.server.clone(), identity: Some(identity) };
    step(&as_officer(submitter).client(global)?, &code, number, "submit", &Value::Null).await?;
    let answer = step(&as_officer(reviewer).client(global)?, &code, number, "publish", &Value::Null).await?;
    done(&answer, &format!("version {number} of {code} is in force"), output);
    Ok(())
}

/// The files of the templates that a definition names, out of a folder: `NAME.toml` and the pages it names.
pub(super) fn files(definition: &Value, folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let named = definition.get("templates").and_then(Value::as_object);
    let mut files = BTreeMap::new();
    for name in named.into_iter().flat_map(|named| named.values()).filter_map(Value::as_str) {
        let settings = format!("{name}.toml");
        let text = read(&folder.join(plain(&settings)?))?;
        let parsed: toml::Table =
            text.parse().map_err(|error| format!("`{settings}` cannot be read: {error}"))?;
        files.insert(settings, text);
        let pages = parsed.get("pages").and_then(toml::Value::as_array);
        for page in pages.into_iter().flatten().filter_map(toml::Value::as_str) {
            files.insert(page.to_owned(), read(&folder.join(plain(page)?))?);
        }
    }
    Ok(files)
}

/// A name that leads nowhere else.
fn plain(name: &str) -> Result<&str, Failure> {
    match name.contains(['/', '\\']) || name.starts_with('.') {
        true => Err(format!("`{name}` is no file name: it must lie beside the other files").into()),
        false => Ok(name),
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?)
}

fn pair(text: &str) -> Result<(String, String), String> {
    let parts =
        text.split_once('=').filter(|(organisation, seal)| !organisation.is_empty() && !seal.is_empty());
    let (organisation, seal) = parts.ok_or("write ORGANISATION=SEAL")?;
    Ok((organisation.to_owned(), seal.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_brings_its_pages_and_nothing_from_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        put("a.toml", "title = \"甲\"\npages = [\"one.svg\", \"two.svg\"]\n");
        put("one.svg", "<svg/>");
        put("two.svg", "<svg/>");
        let definition = json!({ "templates": { "original": "a", "duplicate": "a" } });
        let files = files(&definition, folder.path()).unwrap();
        assert_eq!(files.keys().collect::<Vec<_>>(), ["a.toml", "one.svg", "two.svg"]);
        put("b.toml", "title = \"乙\"\npages = [\"../../etc/passwd\"]\n");
        let error = super::files(&json!({ "templates": { "original": "b" } }), folder.path()).unwrap_err();
        assert!(error.to_string().contains("is no file name"), "{error}");
        assert_eq!(pair("bureau=permits"), Ok(("bureau".to_owned(), "permits".to_owned())));
        assert!(pair("bureau").is_err() && pair("=permits").is_err());
    }
}
