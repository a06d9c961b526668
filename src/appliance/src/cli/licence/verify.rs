//! `cinnabar licence verify`: whether a licence holds, by what is at hand of it: its number and a field, its file, a show-code, a
//! symbol, a presentation. The service judges; exit codes are as those of `cinnabar verify`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use crate::cli::client::ClientError;
use crate::cli::{Failure, Global, Outcome, Output, Remote, Tone, block_on};

/// Options of `cinnabar licence verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar licence verify 11100000000013338W011.11430000006122244L.20230000403.001.U --value 示例市某某餐饮有限公司 \\
      --identity credentials/inspection
  cinnabar licence verify --file permit.pdf --identity credentials/inspection
  cinnabar licence verify --qr @symbol.txt --identity credentials/inspection
  cinnabar licence verify --presentation shown.txt --audience https://inspection.example --nonce 8f2c --json \\
      --identity credentials/inspection

Exit codes: 0 in force; 3 void, suspended, not yet in force, altered or not matching; 4 incomplete; 5 no such licence; \
6 the file cannot be read.")]
pub struct VerifyArgs {
    #[command(flatten)]
    what: What,
    /// With IDENTIFIER: what stands on the licence, in the field that --field names or in any that a verifier may know
    #[arg(long, requires = "identifier")]
    value: Option<String>,
    /// With --value: which field it is, by its name in the type's schema
    #[arg(long, requires = "value")]
    field: Option<String>,
    /// With --presentation: to whom it was shown, as the holder was told
    #[arg(long, requires_all = ["presentation", "nonce"])]
    audience: Option<String>,
    /// With --presentation: the number used once that the holder was given
    #[arg(long, requires_all = ["presentation", "audience"])]
    nonce: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// The licence's identifier (GB/T 36904), with or without its object identifier
    #[arg(requires = "value")]
    identifier: Option<String>,
    /// A licence as PDF, or a picture of its QR symbol or of a show-code as PNG
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A show-code, or the address that its symbol holds
    #[arg(long, value_name = "CODE|URL")]
    code: Option<String>,
    /// The text of the licence's QR symbol, `CNB1:…`, or @FILE with it
    #[arg(long, value_name = "TEXT|@FILE")]
    qr: Option<String>,
    /// A file with an SD-JWT presentation
    #[arg(long, value_name = "FILE")]
    presentation: Option<PathBuf>,
}

/// Runs `cinnabar licence verify`.
pub fn run(args: &VerifyArgs, global: &Global, output: Output) -> Outcome {
    let client = args.remote.client(global)?;
    let (kind, body) = question(args)?;
    let headers = [("content-type", kind)];
    let sent = async { client.send(Method::POST, "/v1/licence-verifications", &headers, body).await };
    let answer = match block_on(sent)? {
        Ok(answer) => answer.json(),
        Err(error) if unreadable(&error) => {
            output.error(&error);
            return Ok(ExitCode::from(6));
        }
        Err(error) => return Err(error.into()),
    };
    output.result(&answer, &lines(&answer));
    Ok(ExitCode::from(exit_code(&answer)))
}

/// The body to send, and its media type.
fn question(args: &VerifyArgs) -> Result<(&'static str, Bytes), Failure> {
    let What { identifier, file, code, qr, presentation } = &args.what;
    let json = |question: Value| Ok(("application/json", Bytes::from(question.to_string())));
    if let Some(file) = file {
        let octets = octets(file)?;
        let kind = if octets.starts_with(b"\x89PNG") { "image/png" } else { "application/pdf" };
        return Ok((kind, octets.into()));
    }
    if let Some(identifier) = identifier {
        let mut question = json!({ "identifier": identifier, "value": args.value });
        if let (Some(field), Some(members)) = (&args.field, question.as_object_mut()) {
            members.insert("field".into(), field.as_str().into());
        }
        return json(question);
    }
    if let Some(code) = code {
        let code = code.split_once("#s=").map_or(code.as_str(), |(_, code)| code);
        return json(json!({ "code": code }));
    }
    if let Some(qr) = qr {
        let text = match qr.strip_prefix('@') {
            Some(file) => text(Path::new(file))?,
            None => qr.clone(),
        };
        return json(json!({ "qr": text }));
    }
    let Some(presentation) = presentation else { return Err("name what is to be verified".into()) };
    let mut question = json!({ "presentation": text(presentation)? });
    if let (Some(members), Some(audience), Some(nonce)) =
        (question.as_object_mut(), &args.audience, &args.nonce)
    {
        members.insert("audience".into(), audience.as_str().into());
        members.insert("nonce".into(), nonce.as_str().into());
    }
    json(question)
}

fn octets(file: &Path) -> Result<Vec<u8>, Failure> {
    Ok(std::fs::read(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))?)
}

fn text(file: &Path) -> Result<String, Failure> {
    let text = String::from_utf8(octets(file)?);
    let text = text.map_err(|_| format!("`{}` is no text", file.display()))?;
    Ok(text.trim().to_owned())
}

/// Whether the service could not read the file as what it is.
fn unreadable(error: &ClientError) -> bool {
    let ClientError::Problem { problem, .. } = error else { return false };
    let kind = problem.get("type").and_then(Value::as_str).unwrap_or_default();
    kind.starts_with("urn:cinnabar:problem:pdf-") || problem.get("picture").is_some()
}

fn exit_code(verdict: &Value) -> u8 {
    let number = |member: &str| verdict.get(member).and_then(Value::as_u64);
    match (number("code"), number("file")) {
        (Some(0), None | Some(0)) => 0,
        (Some(4), _) => 4,
        (Some(5), _) => 5,
        _ => 3,
    }
}

fn lines(verdict: &Value) -> Vec<(Tone, String)> {
    let said = |value: &Value, member: &str| {
        value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let tone = match exit_code(verdict) {
        0 => Tone::Good,
        3 => Tone::Bad,
        _ => Tone::Warn,
    };
    let mut lines = vec![(
        tone,
        format!("{}: {} ({})", said(verdict, "result"), said(verdict, "en"), said(verdict, "zh")),
    )];
    let reasons = verdict.get("reasons").and_then(Value::as_array);
    for reason in reasons.into_iter().flatten() {
        lines.push((Tone::Plain, format!("  {} ({})", said(reason, "en"), said(reason, "zh"))));
    }
    let Some(licence) = verdict.get("licence").filter(|licence| licence.is_object()) else { return lines };
    for (label, member) in [
        ("licence", "identifier"),
        ("type", "type_name"),
        ("issuer", "issuer"),
        ("state", "state_zh"),
        ("from", "valid_from"),
        ("to", "valid_to"),
        ("present", "present"),
    ] {
        let value = said(licence, member);
        if !value.is_empty() {
            lines.push((Tone::Plain, format!("  {label:<8} {value}")));
        }
    }
    let fields = licence.get("fields").and_then(Value::as_array);
    for field in fields.into_iter().flatten() {
        let value = field.get("value").cloned().unwrap_or_default();
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        lines.push((Tone::Dim, format!("  {}: {}", said(field, "zh"), pdf::report::visible(&value))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_as_those_of_verify() {
        let code = |verdict: Value| exit_code(&verdict);
        assert_eq!(code(json!({ "code": 0 })), 0);
        assert_eq!(code(json!({ "code": 0, "file": 0 })), 0);
        assert_eq!(code(json!({ "code": 6, "file": 1 })), 3);
        assert_eq!(code(json!({ "code": 3, "file": 0 })), 3);
        assert_eq!(code(json!({ "code": 2 })), 3);
        assert_eq!(code(json!({ "code": 4 })), 4);
        assert_eq!(code(json!({ "code": 5, "file": 2 })), 5);
        assert_eq!(code(json!({})), 3, "an answer that is not understood is no good news");
    }

    #[test]
    fn void_licences_are_told_in_words() {
        let verdict = json!({ "code": 3, "result": "void", "en": "Void", "zh": "已失效",
            "reasons": [{ "name": "revoked", "en": "revoked", "zh": "吊销" }],
            "licence": { "identifier": "A.B", "fields": [{ "zh": "经营者名称", "value": "示例" }] } });
        let words: Vec<String> = lines(&verdict).into_iter().map(|(_, line)| line).collect();
        assert_eq!(words[0], "void: Void (已失效)");
        assert!(
            words.iter().any(|line| line.contains("吊销")) && words.iter().any(|line| line.contains("示例"))
        );
    }
}
