//! `cinnabar seal-record add|apply|change|renew|remake|cancel`: applications, and with `--approver` and `--maker` the rest of
//! the way.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::seal_steps::step;
use super::{Failure, Global, Output, Remote, done};
use crate::seals::picture::media_type;

/// What every application has.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Identifier of the seal
    id: String,
    /// Why, in your words
    #[arg(long)]
    reason: Option<String>,
    /// Credential folder of another person, who approves it at once
    #[arg(long, requires = "maker")]
    approver: Option<PathBuf>,
    /// Credential folder of a third person, who carries it out at once
    #[arg(long, requires = "approver")]
    maker: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// What a version of a seal looks like and says.
#[derive(Debug, Args)]
pub struct LookArgs {
    /// Name on the seal [a new one: its identifier]
    #[arg(long)]
    name: Option<String>,
    /// PNG with transparency, or SVG whose text is paths
    #[arg(long)]
    picture: Option<PathBuf>,
    /// Width of the imprint in millimetres
    #[arg(long)]
    width_mm: Option<f64>,
    /// Height of the imprint in millimetres [default: as the picture is shaped]
    #[arg(long)]
    height_mm: Option<f64>,
    /// 0 personal, 1 statutory name, 2 finance, 3 invoice, 4 contract, 5 legal representative, 6 business, 99 other
    #[arg(long)]
    kind: Option<u8>,
    /// national, provincial, city, county or other
    #[arg(long)]
    level: Option<String>,
    /// organisation or person
    #[arg(long)]
    holder: Option<String>,
    /// Credit code of the organisation, or identity number of the person
    #[arg(long, requires = "holder")]
    holder_number: Option<String>,
    /// Name of the holder, where it is not the seal's
    #[arg(long, requires = "holder")]
    holder_name: Option<String>,
    /// Cryptographic suite: international or shangmi
    #[arg(long)]
    suite: Option<String>,
    /// Whether its key also signs hashes that come ready-made, for remote signing (CSC signHash)
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    remote_hashes: Option<bool>,
    /// Until when, RFC 3339 [default: as long as the certificate]
    #[arg(long)]
    valid_to: Option<String>,
}

/// Options of `cinnabar seal-record add` and `apply`.
#[derive(Debug, Args)]
pub struct NewArgs {
    #[command(flatten)]
    apply: ApplyArgs,
    /// Organisation that owns it
    #[arg(long)]
    organisation: String,
    /// Administrative division of its code, 6 digits [default: that of the configuration]
    #[arg(long)]
    division: Option<String>,
    #[command(flatten)]
    look: LookArgs,
}

/// Options of `cinnabar seal-record change`.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    #[command(flatten)]
    apply: ApplyArgs,
    #[command(flatten)]
    look: LookArgs,
    /// A new key and certificate even where the name stays
    #[arg(long)]
    new_certificate: bool,
}

/// Options of `cinnabar seal-record renew`.
#[derive(Debug, Args)]
pub struct RenewArgs {
    #[command(flatten)]
    apply: ApplyArgs,
    #[command(flatten)]
    look: LookArgs,
}

/// Options of `cinnabar seal-record remake`.
#[derive(Debug, Args)]
pub struct RemakeArgs {
    #[command(flatten)]
    apply: ApplyArgs,
    /// loss, damage, compromise or other
    #[arg(long, default_value = "compromise")]
    ground: String,
    #[command(flatten)]
    look: LookArgs,
}

/// Options of `cinnabar seal-record cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    #[command(flatten)]
    apply: ApplyArgs,
    /// closure, loss, damage, compromise or other
    #[arg(long, default_value = "closure")]
    ground: String,
}

pub(super) async fn make(args: NewArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let NewArgs { apply, organisation, division, look } = args;
    let name = look.name.clone().unwrap_or_else(|| apply.id.clone());
    let more = [
        ("organisation", Some(organisation.into())),
        ("name", Some(name.into())),
        ("division", division.map(Into::into)),
    ];
    send("make", apply, Some(look), more, global, output).await
}

pub(super) async fn change(args: ChangeArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let more = [("new_certificate", args.new_certificate.then_some(Value::Bool(true)))];
    send("change", args.apply, Some(args.look), more, global, output).await
}

pub(super) async fn renew(args: RenewArgs, global: &Global, output: Output) -> Result<(), Failure> {
    send("renew", args.apply, Some(args.look), [], global, output).await
}

pub(super) async fn remake(args: RemakeArgs, global: &Global, output: Output) -> Result<(), Failure> {
    send("remake", args.apply, Some(args.look), [("ground", Some(args.ground.into()))], global, output).await
}

pub(super) async fn cancel(args: CancelArgs, global: &Global, output: Output) -> Result<(), Failure> {
    send("cancel", args.apply, None, [("ground", Some(args.ground.into()))], global, output).await
}

async fn send<const N: usize>(
    operation: &str,
    args: ApplyArgs,
    look: Option<LookArgs>,
    more: [(&str, Option<Value>); N],
    global: &Global,
    output: Output,
) -> Result<(), Failure> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    put("operation", Some(operation.into()));
    put("seal", Some(args.id.as_str().into()));
    put("reason", args.reason.map(Into::into));
    let mut picture = None;
    if let Some(look) = look {
        if let Some(path) = &look.picture {
            let octets = std::fs::read(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
            let height = match (look.height_mm, look.width_mm) {
                (None, Some(width)) => Some(height(&octets, width, path)?),
                (height, _) => height,
            };
            put("height_mm", height.map(Into::into));
            picture = Some(octets);
        } else {
            put("height_mm", look.height_mm.map(Into::into));
        }
        put("width_mm", look.width_mm.map(Into::into));
        put("name", look.name.map(Into::into));
        put("kind", look.kind.map(Into::into));
        put("level", look.level.map(Into::into));
        put("suite", look.suite.map(Into::into));
        put("remote_hashes", look.remote_hashes.map(Into::into));
        put("valid_to", look.valid_to.map(Into::into));
        let holder = look
            .holder
            .map(|kind| json!({ "kind": kind, "number": look.holder_number, "name": look.holder_name }));
        put("holder", holder);
    }
    for (name, value) in more {
        put(name, value);
    }
    let (kind, body) = form(&Value::Object(members), picture.as_deref());
    let key = uuid::Uuid::new_v4().to_string();
    let headers = [("content-type", kind.as_str()), ("idempotency-key", key.as_str())];
    let client = args.remote.client(global)?;
    let answer = client.send(Method::POST, "/v1/seal-applications", &headers, body).await?;
    let id = answer.json().get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (Some(approver), Some(maker)) = (args.approver, args.maker) else {
        let next = format!(
            "application {id} is made; another person goes on with `cinnabar seal-record approve {id}`, a third with \
             `cinnabar seal-record make {id}`"
        );
        done(&answer, &next, output);
        return Ok(());
    };
    let server = args.remote.server;
    let as_person = |identity| Remote { server: server.clone(), identity: Some(identity) };
    step(&as_person(approver).client(global)?, &id, "approve", &Value::Null).await?;
    let answer = step(&as_person(maker).client(global)?, &id, "carry-out", &Value::Null).await?;
    let what = match operation {
        "cancel" => "is cancelled",
        "make" => "is made",
        _ => "is made anew",
    };
    done(&answer, &format!("seal {} {what}", args.id), output);
    Ok(())
}

/// The application as a body: a form where a picture comes along.
fn form(request: &Value, picture: Option<&[u8]>) -> (String, Bytes) {
    let Some(picture) = picture else {
        return ("application/json".to_owned(), Bytes::from(request.to_string()));
    };
    let boundary = format!("cinnabar-{}", uuid::Uuid::new_v4().simple());
    let kind = media_type(picture);
    let mut body = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"request\"\r\ncontent-type: application/json\r\n\r\n\
         {request}\r\n--{boundary}\r\ncontent-disposition: form-data; name=\"picture\"; filename=\"picture\"\r\n\
         content-type: {kind}\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(picture);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body.into())
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
