//! `cinnabar receipt`: fetches the proof of an act, and verifies one against nothing but the log's public key.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use crypto::DigestAlgorithm;
use serde_json::{Value, json};
use tlog::Receipt;
use tlog::history::KeyHistory;

use super::{Failure, Global, Outcome, Output, Remote, Tone, block_on, leaf, paragraph};

/// `cinnabar receipt …`
#[derive(Debug, Subcommand)]
pub enum ReceiptCommand {
    /// Fetch the receipt of an act from the service
    Get(GetArgs),
    /// Verify a receipt; needs no server
    Verify(VerifyArgs),
}

/// Options of `cinnabar receipt get`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar receipt get 1042 --out act.receipt --identity credentials/approval
  cinnabar receipt get 1042 --identity credentials/approval | less")]
pub struct GetArgs {
    /// Index of the log leaf, as the answer to the act named it
    leaf: u64,
    /// Where the receipt is written; must not exist yet unless --force [default: standard output]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar receipt verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar receipt verify act.receipt --log-key log.key
  cinnabar receipt verify act.receipt --log-key log.key --document sealed.pdf
  cinnabar receipt verify act.receipt --log-key 'demo.example/log+0123abcd+AQ…' --json

Exit codes: 0 the receipt proves the act; 1 it does not; 2 wrong usage")]
pub struct VerifyArgs {
    /// The receipt: a C2SP tlog-proof file with the leaf in it, or the API's JSON
    file: PathBuf,
    /// The log's public key: a file with verifier keys, or a key itself (`name+hash+base64`)
    #[arg(long)]
    log_key: String,
    /// Also check that the act is about this very file (its SHA-256 stands in the leaf)
    #[arg(long)]
    document: Option<PathBuf>,
}

/// Runs `cinnabar receipt …`.
pub fn run(command: ReceiptCommand, global: &Global, output: Output) -> Outcome {
    match command {
        ReceiptCommand::Get(args) => get(&args, global, output),
        ReceiptCommand::Verify(args) => verify(&args, output),
    }
}

fn get(args: &GetArgs, global: &Global, output: Output) -> Outcome {
    if let Some(out) = args.out.as_ref().filter(|out| out.exists() && !args.force) {
        return Err(format!("`{}` exists; add --force to replace it", out.display()).into());
    }
    let client = args.remote.client(global)?;
    let answer = block_on(client.get(&format!("/v1/receipts/{}", args.leaf)))??;
    let receipt = parse(&answer.body)?;
    if receipt.index != args.leaf {
        return Err(format!("asked for leaf {}, the service sent leaf {}", args.leaf, receipt.index).into());
    }
    let Some(out) = &args.out else {
        if output.json {
            output.result(&serde_json::to_value(&receipt)?, &[]);
        } else {
            output.result(&Value::Null, &paragraph(Tone::Plain, "", 0, &receipt.to_text()));
        }
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::write(out, receipt.to_text()).map_err(|e| format!("cannot write `{}`: {e}", out.display()))?;
    let shown = out.display().to_string();
    output.result(
        &json!({ "leaf": receipt.index, "output": shown }),
        &[(Tone::Good, format!("receipt of leaf {}: {shown}", receipt.index))],
    );
    Ok(ExitCode::SUCCESS)
}

fn verify(args: &VerifyArgs, output: Output) -> Outcome {
    let bytes =
        std::fs::read(&args.file).map_err(|e| format!("cannot read `{}`: {e}", args.file.display()))?;
    let keys = log_keys(&args.log_key)?;
    let receipt = parse(&bytes)?;
    // The leaf is only believed below; its time picks the keys that may vouch for it (decision 6).
    let leaf = tlog::canonical::parse(&receipt.leaf)
        .map_err(|e| format!("the receipt's leaf is no log entry: {e}"))?;
    let proven = match leaf::time(&leaf) {
        Some(time) => receipt.verify_dated(&keys, time.as_second()),
        None => receipt.verify(&keys.all_keys()),
    };
    let proven = match proven {
        Ok(proven) => proven,
        Err(error) => {
            output.result(
                &json!({ "valid": false, "error": error.to_string(), "leaf": receipt.index }),
                &[(Tone::Bad, format!("not proven: {error}"))],
            );
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut lines = vec![
        (Tone::Good, format!("proven: leaf {} of log {}", proven.index, proven.origin)),
        (
            Tone::Plain,
            format!("  covered by the checkpoint of {} leaves, signed by {}", proven.size, proven.key.name()),
        ),
    ];
    lines.extend(leaf::describe(&leaf));
    let mut valid = true;
    let mut document = Value::Null;
    if let Some(path) = &args.document {
        let digest = file_digest(path)?;
        let places = leaf::places_of(&leaf, &digest);
        valid = !places.is_empty();
        lines.push(if valid {
            (
                Tone::Good,
                format!("the act is about `{}`: its SHA-256 is {}", path.display(), places.join(", ")),
            )
        } else {
            (
                Tone::Bad,
                format!("the act is not about `{}`: SHA-256 {digest} does not stand in it", path.display()),
            )
        });
        document = json!({ "file": path, "sha256": digest, "recorded": valid, "as": places });
    }
    output.result(
        &json!({
            "valid": valid, "origin": proven.origin, "leaf": proven.index, "size": proven.size,
            "root": hex::encode(proven.root), "leaf_hash": hex::encode(proven.leaf_hash),
            "key": proven.key.to_string(), "entry": leaf, "document": document,
        }),
        &lines,
    );
    Ok(if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(bytes: &[u8]) -> Result<Receipt, Failure> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        return serde_json::from_slice(bytes).map_err(|e| format!("not a receipt: {e}").into());
    }
    Receipt::from_text(bytes).map_err(|e| format!("not a receipt: {e}").into())
}

/// Keys from a file, or from the text itself.
pub fn log_keys(text: &str) -> Result<KeyHistory, Failure> {
    let path = Path::new(text);
    if path.is_file() {
        let file = std::fs::read_to_string(path).map_err(|e| format!("cannot read `{text}`: {e}"))?;
        return KeyHistory::parse(&file).map_err(|e| format!("`{text}` is no file of log keys: {e}").into());
    }
    KeyHistory::parse(text).map_err(|e| {
        format!("`{text}` is neither a file nor a log key ({e}); a key looks like `name+hash+base64`").into()
    })
}

/// Hexadecimal SHA-256 of a file of any size.
pub fn file_digest(path: &Path) -> Result<String, Failure> {
    let unreadable = |e: std::io::Error| format!("cannot read `{}`: {e}", path.display());
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let mut hasher = DigestAlgorithm::Sha256.hasher();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut buffer).map_err(unreadable)?;
        match buffer.get(..read) {
            Some(chunk) if !chunk.is_empty() => hasher.update(chunk),
            _ => return Ok(hex::encode(hasher.finish())),
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use tlog::note::{SigningKey, VerifierKey};
    use tlog::{Checkpoint, CompactRange, leaf_hash};

    use super::*;

    const QUIET: Output = Output { json: true };

    fn receipt(leaf: &Value) -> (Receipt, VerifierKey) {
        let seed = [7_u8; 32];
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let public: [u8; 32] = pair.public_key().as_ref().try_into().unwrap();
        let key = VerifierKey::new("demo.example/log", public).unwrap();
        let leaf = tlog::canonical::to_vec(leaf).unwrap();
        let mut range = CompactRange::default();
        range.append(leaf_hash(&leaf)).unwrap();
        let signer = SigningKey::new(key.clone(), move |text: &[u8]| {
            Ok::<_, std::io::Error>(pair.sign(text).as_ref().to_vec())
        });
        let checkpoint = Checkpoint::new("demo.example/log", 1, range.root()).sign(&signer).unwrap();
        (Receipt::new(leaf, 0, Vec::new(), checkpoint).unwrap(), key)
    }

    fn code(args: VerifyArgs) -> Result<String, String> {
        verify(&args, QUIET).map(|code| format!("{code:?}")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_receipt_verifies_with_its_key_and_its_document_and_with_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let document = folder.path().join("sealed.pdf");
        std::fs::write(&document, b"%PDF-").unwrap();
        let digest = file_digest(&document).unwrap();
        let leaf = json!({ "action": "document.seal", "facts": { "result": digest }, "time": 1 });
        let (receipt, key) = receipt(&leaf);
        let text = folder.path().join("a.receipt");
        std::fs::write(&text, receipt.to_text()).unwrap();
        let as_json = folder.path().join("a.json");
        std::fs::write(&as_json, serde_json::to_vec(&receipt).unwrap()).unwrap();
        let keys = folder.path().join("log.key");
        std::fs::write(&keys, format!("{key}\n")).unwrap();

        let success = format!("{:?}", ExitCode::SUCCESS);
        let failure = format!("{:?}", ExitCode::FAILURE);
        let args = |file: &PathBuf, log_key: &str, document: Option<&PathBuf>| VerifyArgs {
            file: file.clone(),
            log_key: log_key.into(),
            document: document.cloned(),
        };
        let file = keys.display().to_string();
        for receipt in [&text, &as_json] {
            for key in [file.clone(), key.to_string()] {
                assert_eq!(code(args(receipt, &key, Some(&document))).unwrap(), success);
            }
        }
        assert_eq!(code(args(&text, &file, Some(&keys))).unwrap(), failure);
        let other = VerifierKey::new("demo.example/log", [1; 32]).unwrap().to_string();
        assert_eq!(code(args(&text, &other, None)).unwrap(), failure);
        // A key that was retired before the act vouches for nothing.
        let retired = format!("{key} notAfter=1969-12-31T00:00:00Z");
        assert_eq!(code(args(&text, &retired, None)).unwrap(), failure);
        assert!(code(args(&text, "nonsense", None)).unwrap_err().contains("name+hash+base64"));
        assert!(code(args(&document, &file, None)).unwrap_err().contains("not a receipt"));
    }
}
