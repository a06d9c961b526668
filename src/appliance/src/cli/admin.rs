//! `cinnabar unseal` and `cinnabar status`: over the local admin socket, by whoever the file system lets open it.
//!
//! Secrets are typed without echo or read from files, never given as arguments: the process list shows those.

use std::io::{BufRead as _, IsTerminal as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::Value;
use zeroize::Zeroizing;

use super::client::Client;
use super::{Failure, Global, Outcome, Output, Tone, block_on};
use crate::config::Config;

/// Options of `cinnabar unseal`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar unseal                                    asks for what the keystore wants: passphrase or shares
  cinnabar unseal --share                            one share, typed or pasted; the next holder does the same
  cinnabar unseal --share-file li.share --share-file wang.share
  cinnabar unseal --passphrase-file /run/secrets/passphrase
  cinnabar unseal --pin                              asks for the key token's PIN too, where no file holds it")]
pub struct UnsealArgs {
    /// Read the passphrase from this file's first line
    #[arg(long, conflicts_with_all = ["share", "share_files", "credential"])]
    passphrase_file: Option<PathBuf>,
    /// Ask for one share and hand it in
    #[arg(long, conflicts_with = "credential")]
    share: bool,
    /// Hand in the share in this file's first line; several times for several
    #[arg(long = "share-file", conflicts_with = "credential")]
    share_files: Vec<PathBuf>,
    /// Have the service read its credential file again
    #[arg(long)]
    credential: bool,
    /// Ask for the PIN of the key token and hand it in, before unsealing or afterwards
    #[arg(long, conflicts_with = "pin_file")]
    pin: bool,
    /// Read the PIN of the key token from this file's first line
    #[arg(long)]
    pin_file: Option<PathBuf>,
}

/// Options of `cinnabar status`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar status
  cinnabar status --ready && echo serving

Exit codes: 0 the service answers, with --ready only when it serves acts; 1 otherwise; 2 wrong usage")]
pub struct StatusArgs {
    /// Exit with 1 unless acts are served
    #[arg(long)]
    ready: bool,
}

/// Runs `cinnabar unseal`.
pub fn unseal(args: UnsealArgs, global: &Global, output: Output) -> Outcome {
    let client = admin(global)?;
    let mut status = block_on(client.get("/status"))??.json();
    let pin = match (&args.pin_file, args.pin) {
        (Some(path), _) => Some(passphrase_from(path)?),
        (None, true) => Some(ask("PIN of the key token: ")?),
        (None, false) => None,
    };
    if !is_sealed(&status) {
        if let Some(pin) = pin {
            status = enter_pin(&client, &pin)?;
            output.result(&shown(&status), &[(Tone::Good, "the key token took the PIN".into())]);
            return Ok(ExitCode::SUCCESS);
        }
        output.result(&shown(&status), &[(Tone::Good, "unsealed already".into())]);
        return Ok(ExitCode::SUCCESS);
    }
    let method = status.pointer("/unlock/method").and_then(Value::as_str).unwrap_or_default().to_owned();
    if args.credential || (method == "credential" && args.passphrase_file.is_none()) {
        status = hand_in(&client, "{\"credential\":true}".to_owned().into())?;
    } else if args.share
        || !args.share_files.is_empty()
        || (method == "shares" && args.passphrase_file.is_none())
    {
        let mut shares = Vec::new();
        for path in &args.share_files {
            shares.push(passphrase_from(path)?);
        }
        let ask_all = !args.share && args.share_files.is_empty();
        if args.share {
            shares.push(ask("Share: ")?);
        }
        for share in shares {
            if !is_sealed(&status) {
                output
                    .remark(Tone::Warn, "unsealed before all shares were needed; the rest was not handed in");
                break;
            }
            status = hand_in(&client, member("share", &share)?)?;
        }
        while ask_all && is_sealed(&status) {
            let (given, needed) = shares_given(&status);
            let share = ask(&format!("Share {} of {needed}: ", given + 1))?;
            status = hand_in(&client, member("share", &share)?)?;
        }
    } else {
        let passphrase = match &args.passphrase_file {
            Some(path) => passphrase_from(path)?,
            None => ask("Passphrase: ")?,
        };
        status = hand_in(&client, member("passphrase", &passphrase)?)?;
    }
    if let Some(pin) = pin.filter(|_| !is_sealed(&status)) {
        status = enter_pin(&client, &pin)?;
    }
    let lines = if is_sealed(&status) {
        let (given, needed) = shares_given(&status);
        vec![(Tone::Warn, format!("share taken: {given} of {needed}; the keystore is still sealed"))]
    } else {
        vec![(Tone::Good, "unsealed: the appliance serves acts".into())]
    };
    output.result(&shown(&status), &lines);
    Ok(ExitCode::SUCCESS)
}

/// Runs `cinnabar status`.
pub fn status(args: StatusArgs, global: &Global, output: Output) -> Outcome {
    let status = block_on(admin(global)?.get("/status"))??.json();
    let word = status.get("status").and_then(Value::as_str).unwrap_or("unknown");
    let ready = is_ready(&status);
    let tone = match word {
        "ready" => Tone::Good,
        "degraded" | "unsealing" => Tone::Warn,
        _ => Tone::Bad,
    };
    let meaning = match word {
        "ready" => "acts are served",
        "degraded" => "acts are served, but look at this",
        "unsealing" => "the keystore is being opened",
        "sealed" => "no act is served until `cinnabar unseal`",
        _ => "an unknown state; is the service of another version?",
    };
    let mut lines = vec![(tone, format!("{word}: {meaning}"))];
    for reason in status.get("reasons").and_then(Value::as_array).into_iter().flatten() {
        lines.push((Tone::Warn, format!("  {}", reason.as_str().unwrap_or_default())));
    }
    if is_sealed(&status) && status.pointer("/unlock/method").and_then(Value::as_str) == Some("shares") {
        let (given, needed) = shares_given(&status);
        lines.push((Tone::Plain, format!("  shares handed in: {given} of {needed}")));
    }
    let text =
        |pointer: &str| status.pointer(pointer).map(|v| v.as_str().map_or_else(|| v.to_string(), Into::into));
    for device in status.get("devices").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| device.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if device.get("available") == Some(&Value::Bool(true)) {
            lines.push((Tone::Plain, format!("  key device {}, {}", text("device"), text("detail"))));
        }
    }
    if let (Some(origin), Some(size)) = (text("/log/origin"), text("/log/size")) {
        lines.push((Tone::Plain, format!("  log {origin}, {size} leaves")));
    }
    for (name, pointer) in [("version", "/version"), ("keystore", "/keystore"), ("policies", "/policies")] {
        if let Some(text) = text(pointer) {
            lines.push((Tone::Dim, format!("  {name} {text}")));
        }
    }
    output.result(&shown(&status), &lines);
    Ok(if ready || !args.ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn admin(global: &Global) -> Result<Client, Failure> {
    Ok(Client::admin(&Config::load(&global.config)?.listeners.admin.socket))
}

fn hand_in(client: &Client, body: Zeroizing<String>) -> Result<Value, Failure> {
    let body = Bytes::from_owner(Octets(body));
    let headers = [("content-type", "application/json")];
    Ok(block_on(client.send(Method::POST, "/unseal", &headers, body))??.json())
}

fn enter_pin(client: &Client, pin: &str) -> Result<Value, Failure> {
    let body = Bytes::from_owner(Octets(member("pin", pin)?));
    let headers = [("content-type", "application/json")];
    Ok(block_on(client.send(Method::POST, "/pin", &headers, body))??.json())
}

/// Owns a request body that is wiped when the last copy of it is gone.
struct Octets(Zeroizing<String>);

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// `{"NAME":"TEXT"}`. The copy that serde makes of the text is wiped with the string it is written into.
fn member(name: &str, text: &str) -> Result<Zeroizing<String>, Failure> {
    Ok(Zeroizing::new(format!("{{\"{name}\":{}}}", Zeroizing::new(serde_json::to_string(text)?).as_str())))
}

fn is_sealed(status: &Value) -> bool {
    matches!(status.get("status").and_then(Value::as_str), Some("sealed" | "unsealing"))
}

fn is_ready(status: &Value) -> bool {
    matches!(status.get("status").and_then(Value::as_str), Some("ready" | "degraded"))
}

fn shares_given(status: &Value) -> (u64, u64) {
    let number = |pointer: &str| status.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    (number("/unlock/shares_given"), number("/unlock/shares_needed"))
}

/// The service's report with the two answers scripts want most.
fn shown(status: &Value) -> Value {
    let mut shown = status.clone();
    if let Some(members) = shown.as_object_mut() {
        members.insert("sealed".into(), is_sealed(status).into());
        members.insert("ready".into(), is_ready(status).into());
    }
    shown
}

/// A secret typed without echo; from a pipe, its next line.
pub fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let typed = if std::io::stdin().is_terminal() {
        Zeroizing::new(rpassword::prompt_password(prompt)?)
    } else {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().lock().read_line(&mut line)?;
        Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned())
    };
    if typed.is_empty() {
        return Err(
            "nothing was typed; there is no terminal, or the input ended (see --help for files)".into()
        );
    }
    Ok(typed)
}

/// The first line of a secret's file, which nobody but its owner may read.
pub fn passphrase_from(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let failed = |e: std::io::Error| format!("cannot read `{}`: {e}", path.display());
    let metadata = std::fs::metadata(path).map_err(failed)?;
    // A pipe (`<(…)`) has no readers but ours.
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        let shown = path.display();
        return Err(format!("others may read the secret in `{shown}`: chmod go= '{shown}'").into());
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    let line = Zeroizing::new(text.lines().next().unwrap_or_default().to_owned());
    if line.is_empty() {
        return Err(format!("the first line of `{}` is empty", path.display()).into());
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_that_others_may_read_is_refused_with_the_chmod_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        std::fs::write(&path, "correct horse\nsecond line\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = passphrase_from(&path).unwrap_err().to_string();
        assert!(error.contains("chmod go="), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(passphrase_from(&path).unwrap().as_str(), "correct horse");
        std::fs::write(&path, "\n").unwrap();
        assert!(passphrase_from(&path).unwrap_err().to_string().contains("empty"));
    }

    #[test]
    fn a_secret_is_one_member_of_the_request_whatever_stands_in_it() {
        let body = member("passphrase", "a\"b\\c\n章").unwrap();
        let value: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(value, json!({ "passphrase": "a\"b\\c\n章" }));
    }

    #[test]
    fn the_report_says_whether_it_is_sealed_and_whether_it_serves() {
        for (word, sealed, ready) in [
            ("sealed", true, false),
            ("unsealing", true, false),
            ("ready", false, true),
            ("degraded", false, true),
        ] {
            let shown = shown(&json!({ "status": word }));
            assert_eq!(
                (shown["sealed"].as_bool(), shown["ready"].as_bool()),
                (Some(sealed), Some(ready)),
                "{word}"
            );
        }
    }
}
