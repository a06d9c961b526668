//! `cinnabar caller`: registering callers. Their keys are made here and never leave the folder they are written to.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, Subcommand};
use crypto::{DigestAlgorithm, KeyKind, SoftwareKey};
use http::{Method, StatusCode};
use pki::Certificate;
use pki::request::CertificationRequest;
use ring::rand::SystemRandom;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::enrolment::{SecretArgs, make_secret, secret};
use super::{
    Client, Failure, Global, Outcome, Output, Remote, Tone, all, block_on, change, done, segment, table,
};
use crate::ceremony::{Secrecy, write_new};

/// `cinnabar caller …`
#[derive(Debug, Subcommand)]
pub enum CallerCommand {
    /// Register a caller, make its key and have its certificate issued
    #[command(after_help = "Examples:
  cinnabar caller add approval --organisation bureau --role sealer --out approval/ --identity credentials/officer-1
  cinnabar caller add portal --organisation bureau --role sealer --enrol --identity credentials/officer-1
  cinnabar caller add wang --kind officer --person p-wang --organisation bureau --role auditor --out wang/
Officers and operators are proposed with their key; when a second officer has compared and approved it, `caller
certificate`, by another than the proposer, finishes the folder with that key.")]
    Add(Box<AddArgs>),
    /// Have a certificate issued to a registered caller, with the key in its folder or a new one
    #[command(
        after_help = "Example:\n  cinnabar caller certificate wang --out wang/ --identity credentials/officer-1"
    )]
    Certificate(CertificateArgs),
    /// List what waits for a second officer
    #[command(after_help = "Example:\n  cinnabar caller proposals --identity credentials/officer-2")]
    Proposals(ListArgs),
    /// Approve what another officer proposed
    #[command(after_help = "Example:\n  cinnabar caller approve 0192f0c1 --identity credentials/officer-2")]
    Approve(OneArgs),
    /// Change a caller's roles; a further role waits for a second officer
    #[command(
        after_help = "Example:\n  cinnabar caller change approval --role sealer --role verifier --identity credentials/officer-1"
    )]
    Change(ChangeArgs),
    /// Retire a caller and revoke its certificates; its name is never used again
    #[command(after_help = "Example:\n  cinnabar caller retire approval --identity credentials/officer-1")]
    Retire(OneArgs),
    /// Make, list or withdraw one-time secrets with which a machine enrols by EST
    #[command(after_help = "Examples:
  cinnabar caller enrolment-secret approval --hours 48 --identity credentials/officer-1
  cinnabar caller enrolment-secret approval --list --identity credentials/officer-1
  cinnabar caller enrolment-secret approval --withdraw 0192f0c1 --identity credentials/officer-1")]
    EnrolmentSecret(SecretArgs),
    /// List callers
    #[command(after_help = "Example:\n  cinnabar caller list --json --identity credentials/officer-1")]
    List(ListArgs),
}

/// Options of `cinnabar caller add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Identifier: 1 to 63 of a-z, 0-9 and -
    id: String,
    /// What it is
    #[arg(long, default_value = "machine", value_parser = ["machine", "officer", "operator"])]
    kind: String,
    /// Organisation it acts for
    #[arg(long)]
    organisation: String,
    /// Registered person behind an officer or operator
    #[arg(long, required_if_eq_any = [("kind", "officer"), ("kind", "operator")])]
    person: Option<String>,
    /// What it is entrusted with; several times for several
    #[arg(long = "role")]
    roles: Vec<String>,
    /// Folder for its credentials; must be empty or not exist
    #[arg(long, required_unless_present = "enrol")]
    out: Option<PathBuf>,
    /// Make no key here: register the machine and print a one-time secret, with which it enrols by EST for its own key
    #[arg(long, conflicts_with_all = ["out", "person"])]
    enrol: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar caller certificate`.
#[derive(Debug, Args)]
pub struct CertificateArgs {
    /// Which caller
    id: String,
    /// Its folder: an existing key.pem is used, an old certificate replaced
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar caller change`.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// Which caller
    id: String,
    /// All its roles from now on
    #[arg(long = "role", required = true)]
    roles: Vec<String>,
    #[command(flatten)]
    remote: Remote,
}

/// One thing by its identifier.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// Which one
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// Nothing but whom to ask.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    remote: Remote,
}

/// Runs `cinnabar caller …`.
pub fn caller(command: CallerCommand, global: &Global, output: Output) -> Outcome {
    block_on(async {
        match command {
            CallerCommand::EnrolmentSecret(args) => secret(args, global, output).await?,
            CallerCommand::Add(args) => add(*args, global, output).await?,
            CallerCommand::Certificate(args) => {
                let client = args.remote.client(global)?;
                let root = root_of(&args.remote)?;
                let answer = enrol(&client, &segment(&args.id)?, &args.out, &root).await?;
                shown(&args.id, &args.out, answer, output);
            }
            CallerCommand::Proposals(args) => {
                let items = all(&args.remote.client(global)?, "/v1/proposals", "").await?;
                table(&items, &["id", "caller", "roles", "key", "proposer", "state", "created"], output);
            }
            CallerCommand::Approve(args) => {
                let at = format!("/v1/proposals/{}/approve", segment(&args.id)?);
                let key = uuid::Uuid::new_v4().to_string();
                let headers = [("idempotency-key", key.as_str())];
                let client = args.remote.client(global)?;
                let answer = client.send(Method::POST, &at, &headers, Bytes::new()).await?;
                done(&answer, &format!("proposal {} is approved", args.id), output);
            }
            CallerCommand::Change(args) => {
                let at = format!("/v1/callers/{}", segment(&args.id)?);
                let body = json!({ "roles": args.roles });
                let answer = change(&args.remote.client(global)?, Method::PATCH, &at, &at, &body).await?;
                let word = if answer.head.status == StatusCode::ACCEPTED {
                    "is proposed: a second officer must approve it (caller proposals, caller approve)"
                } else {
                    "is done"
                };
                done(&answer, &format!("the change of caller {} {word}", args.id), output);
            }
            CallerCommand::Retire(args) => {
                let at = format!("/v1/callers/{}", segment(&args.id)?);
                let client = args.remote.client(global)?;
                let answer =
                    change(&client, Method::POST, &at, &format!("{at}/retire"), &Value::Null).await?;
                done(
                    &answer,
                    &format!("caller {} is retired, its certificates are revoked", args.id),
                    output,
                );
            }
            CallerCommand::List(args) => {
                let items = all(&args.remote.client(global)?, "/v1/callers", "").await?;
                table(&items, &["id", "kind", "organisation", "roles", "state", "uri"], output);
            }
        }
        Ok(ExitCode::SUCCESS)
    })?
}

async fn add(args: AddArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let Some(out) = args.out else {
        let client = args.remote.client(global)?;
        let body = json!({
            "id": segment(&args.id)?, "kind": args.kind, "organisation": args.organisation, "roles": args.roles,
        });
        client.json(Method::POST, "/v1/callers", &body).await?;
        return make_secret(&client, &args.id, &json!({}), output).await;
    };
    if std::fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(format!("`{}` is not empty; name a new folder for the credentials", out.display()).into());
    }
    let client = args.remote.client(global)?;
    let root = root_of(&args.remote)?;
    let id = segment(&args.id)?;
    // The key first: a caller that is registered but whose key could not be written helps nobody.
    let key = key_hash(&key_in(&out)?);
    let mut body = json!({
        "id": id, "kind": args.kind, "organisation": args.organisation, "roles": args.roles,
    });
    if let (Some(members), Some(person)) = (body.as_object_mut(), args.person) {
        members.insert("person".into(), person.into());
        members.insert("key".into(), key.clone().into());
    }
    let answer = match client.json(Method::POST, "/v1/callers", &body).await {
        Ok(answer) => answer,
        Err(error) => {
            // Refused: the key belongs to nobody.
            let _ = std::fs::remove_file(out.join("key.pem"));
            let _ = std::fs::remove_dir(&out);
            return Err(error.into());
        }
    };
    if answer.head.status == StatusCode::ACCEPTED {
        let at = answer.header("location").unwrap_or_default();
        let proposal = at.rsplit('/').next().unwrap_or_default().to_owned();
        let mut value = answer.json();
        if let Some(members) = value.as_object_mut() {
            members.insert("proposal".into(), proposal.clone().into());
            members.insert("key".into(), key.clone().into());
            members.insert("folder".into(), out.display().to_string().into());
        }
        let lines = [
            (
                Tone::Warn,
                format!(
                    "caller {id} is proposed; another officer approves: cinnabar caller approve {proposal}"
                ),
            ),
            (Tone::Plain, format!("  key {key}: the approver compares it with `caller proposals`")),
            (Tone::Head, format!("then: cinnabar caller certificate {id} --out {}", out.display())),
        ];
        output.result(&value, &lines);
        return Ok(());
    }
    let enrolled = enrol(&client, &id, &out, &root).await.map_err(|e| -> Failure {
        let out = out.display();
        format!("{e}; {id} is registered, finish with: cinnabar caller certificate {id} --out {out}").into()
    })?;
    shown(&id, &out, enrolled, output);
    Ok(())
}

fn shown(id: &str, folder: &Path, mut value: Value, output: Output) {
    if let Some(members) = value.as_object_mut() {
        members.insert("id".into(), id.into());
        members.insert("folder".into(), folder.display().to_string().into());
    }
    let text = |name: &str| value.get(name).map(|v| v.as_str().map_or_else(|| v.to_string(), Into::into));
    let lines = [
        (Tone::Good, format!("caller {id}: credentials in {}", folder.display())),
        (Tone::Plain, format!("  certificate {}", text("fingerprint").unwrap_or_default())),
        (Tone::Plain, format!("  log leaf {}", text("leaf").unwrap_or_default())),
    ];
    output.result(&value, &lines);
}

/// Has a certificate issued for the folder's key, and writes certificate, chain and root beside it.
async fn enrol(client: &Client, id: &str, folder: &Path, root: &[u8]) -> Result<Value, Failure> {
    let key = key_in(folder)?;
    let subject = pki::Subject::common_name(id);
    let request = CertificationRequest::make(&key, &subject, &[])?;
    let idempotency = uuid::Uuid::new_v4().to_string();
    let headers = [("content-type", "application/pkcs10"), ("idempotency-key", idempotency.as_str())];
    let at = format!("/v1/callers/{id}/certificates");
    let answer = client.send(Method::POST, &at, &headers, Bytes::from(request)).await?;
    let chain =
        Certificate::from_pem(&answer.body).map_err(|e| format!("the service sent no certificate: {e}"))?;
    let Some((certificate, authorities)) = chain.split_first() else {
        return Err("the service sent no certificate".into());
    };
    if certificate.spki() != crypto::Signer::public_key(&key) {
        return Err("the service sent a certificate for another key; nothing was written".into());
    }
    let authorities: String = authorities.iter().map(Certificate::to_pem).collect();
    replace(&folder.join("certificate.pem"), certificate.to_pem().as_bytes())?;
    replace(&folder.join("chain.pem"), authorities.as_bytes())?;
    replace(&folder.join("root.pem"), root)?;
    let leaf = answer.header("cinnabar-leaf").and_then(|leaf| leaf.parse::<u64>().ok());
    Ok(json!({
        "fingerprint": hex::encode(certificate.sha256_fingerprint()),
        "subject": certificate.subject().to_string(),
        "leaf": leaf,
    }))
}

/// The folder's key; a new one, mode 0600 in a folder of mode 0700, when there is none.
fn key_in(folder: &Path) -> Result<SoftwareKey, Failure> {
    let path = folder.join("key.pem");
    if path.exists() {
        let key = PrivateKeyDer::from_pem_file(&path)
            .map_err(|e| format!("`{}` is no key: {e}", path.display()))?;
        return Ok(SoftwareKey::from_pkcs8(key.secret_der())?);
    }
    let failed = |e: std::io::Error| format!("cannot write `{}`: {e}", path.display());
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let der = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new())?;
    let text = Zeroizing::new(pki::pem::encode(&der, "PRIVATE KEY"));
    write_new(&path, text.as_bytes(), Secrecy::Secret).map_err(failed)?;
    Ok(SoftwareKey::from_pkcs8(&der)?)
}

/// What a proposal names the key by: the SHA-256 of its SubjectPublicKeyInfo.
fn key_hash(key: &SoftwareKey) -> String {
    hex::encode(DigestAlgorithm::Sha256.digest(crypto::Signer::public_key(key)))
}

/// The root that the acting caller trusts is the one the new caller will trust.
fn root_of(remote: &Remote) -> Result<Vec<u8>, Failure> {
    let folder =
        remote.identity.as_deref().ok_or("name the credential folder to act with: --identity DIR")?;
    let path = folder.join("root.pem");
    std::fs::read(&path).map_err(|e| format!("cannot read `{}`: {e}", path.display()).into())
}

/// Writes a public file whole, in place of an older one.
fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let aside = path.with_extension("new");
    let failed = |e: std::io::Error| format!("cannot write `{}`: {e}", path.display());
    let _ = std::fs::remove_file(&aside);
    write_new(&aside, content, Secrecy::Open).map_err(failed)?;
    std::fs::rename(&aside, path).map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_its_owner_alone_reads_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("approval");
        let first = key_in(&folder).unwrap();
        let again = key_in(&folder).unwrap();
        assert_eq!(crypto::Signer::public_key(&first), crypto::Signer::public_key(&again));
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("key.pem")), 0o600);
        let request =
            CertificationRequest::make(&first, &pki::Subject::common_name("approval"), &[]).unwrap();
        let request = CertificationRequest::from_der(&request).unwrap();
        assert_eq!(request.spki(), crypto::Signer::public_key(&first));
    }

    #[test]
    fn files_are_replaced_whole() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("certificate.pem");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
