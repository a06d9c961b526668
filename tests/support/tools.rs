//! The other programs of the field side by side: each one's opinion of a signed PDF in one word, and PDFs signed by them.
//!
//! [`judges`] ends a test that a judge disagrees with; here opinions are data, for tables that show which tool
//! noticed what. Every program runs in its own process with the network unused.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::judges;
use crate::process::{Done, finish, run};

/// What one tool says of a file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opinion {
    /// Every signature holds and the tool has nothing against the file.
    Accepts,
    /// The signatures hold, but the tool says that not all of the file is covered or that something was changed.
    Warns,
    /// The signatures hold, and document time-stamps are left out: the tool does not know them.
    Partly,
    /// A signature does not hold, or changes were made that are not allowed.
    Refuses,
    /// It finds no signature.
    FindsNone,
    /// It cannot read the file.
    Fails,
}

impl Opinion {
    /// As it stands in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepts => "accepts",
            Self::Warns => "warns",
            Self::Partly => "partly",
            Self::Refuses => "refuses",
            Self::FindsNone => "none",
            Self::Fails => "fails",
        }
    }
}

/// The tools, in the order of the tables.
pub const TOOLS: [&str; 4] = ["pdfsig", "pyhanko", "pdfbox", "mutool"];

/// What each of [`TOOLS`] says of `pdf`, trusting `root`.
pub fn opinions(pdf: &Path, root: &Path) -> BTreeMap<&'static str, Opinion> {
    BTreeMap::from([
        ("pdfsig", pdfsig(pdf)),
        ("pyhanko", pyhanko(pdf, root)),
        ("pdfbox", pdfbox(pdf, root)),
        ("mutool", mutool(pdf)),
    ])
}

/// poppler: validity by its words, a warning where the last signature does not cover the file.
pub fn pdfsig(pdf: &Path) -> Opinion {
    let done = run("pdfsig", [Path::new("-nocert"), pdf]);
    let said = &done.stdout;
    let signatures = said.matches("\nSignature #").count();
    let valid = said.matches("Signature Validation: Signature is Valid.").count();
    let left_out = said.matches("Signature Validation: Signature has not yet been verified.").count();
    if done.told().contains("does not contain any signatures") {
        Opinion::FindsNone
    } else if signatures == 0 {
        Opinion::Fails
    } else if valid > 0 && left_out > 0 && valid + left_out == signatures {
        Opinion::Partly
    } else if valid < signatures {
        Opinion::Refuses
    } else if said.rsplit("\nSignature #").next().is_some_and(|last| last.contains("Total document signed")) {
        Opinion::Accepts
    } else {
        Opinion::Warns
    }
}

/// pyHanko with its strict difference rules, path up to `root`, revocation not demanded.
pub fn pyhanko(pdf: &Path, root: &Path) -> Opinion {
    let done = judges::pyhanko_on_all(pdf, root);
    let Ok(Value::Array(signatures)) = serde_json::from_str(&done.stdout) else { return Opinion::Fails };
    let all = |claim: &str| signatures.iter().all(|signature| signature[claim] == true);
    if signatures.is_empty() {
        Opinion::FindsNone
    } else if !all("intact") || !all("valid") || !all("bottom_line") {
        Opinion::Refuses
    } else if signatures.last().is_some_and(|last| last["coverage"] == "ENTIRE_FILE") {
        Opinion::Accepts
    } else {
        Opinion::Warns
    }
}

/// PDFBox reads, BouncyCastle verifies; nobody there compares revisions.
pub fn pdfbox(pdf: &Path, root: &Path) -> Opinion {
    let done = pdfbox_report(pdf, root);
    let Ok(Value::Array(signatures)) = serde_json::from_str(&done.stdout) else { return Opinion::Fails };
    let all = |claim: &str| signatures.iter().all(|signature| signature[claim] == true);
    if signatures.is_empty() {
        Opinion::FindsNone
    } else if !all("intact") || !all("trusted") {
        Opinion::Refuses
    } else if signatures.iter().any(|signature| signature["whole"] == true) {
        Opinion::Accepts
    } else {
        Opinion::Warns
    }
}

/// mupdf: unchanged since signing or not; every later revision counts as an edit. It trusts none of our roots, so that is
/// left out.
pub fn mutool(pdf: &Path) -> Opinion {
    let done = run("mutool", [Path::new("sign"), Path::new("-v"), pdf]);
    let said = done.told();
    let signatures = said.matches("Verifying signature").count();
    let unchanged = said.matches("The document is unchanged since signing").count();
    let changed_later = said.matches("there have been edits since signing").count();
    if signatures == 0 {
        return if done.code == Some(0) { Opinion::FindsNone } else { Opinion::Fails };
    }
    let left_out = said.matches("Signature is not signed").count();
    match unchanged {
        all if left_out > 0 && all + changed_later + left_out == signatures => Opinion::Partly,
        all if all == signatures => Opinion::Accepts,
        some if some + changed_later == signatures => Opinion::Warns,
        _ => Opinion::Refuses,
    }
}

/// PDFBox' and BouncyCastle's verdict as JSON, one object per signature.
pub fn pdfbox_report(pdf: &Path, root: &Path) -> Done {
    java(["judge".as_ref(), pdf.as_os_str(), root.as_os_str()])
}

/// PDFBox' preflight: whether the file is PDF/A-1b, and what is wrong.
pub fn preflight(pdf: &Path) -> Value {
    java(["preflight".as_ref(), pdf.as_os_str()]).ok().json()
}

/// Runs the Java harness; see `tests/peers/java.d/Peer.java`. A run is short, so the second compiler is left out.
pub fn java<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Done {
    harness(&["-XX:TieredStopAtLevel=1"], arguments)
}

/// As [`java`], with everything that makes a long run fast.
pub fn java_for_benchmarks<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Done {
    harness(&[], arguments)
}

fn harness<'a>(options: &[&str], arguments: impl IntoIterator<Item = &'a OsStr>) -> Done {
    let classes = made_by("CINNABAR_JAVA", concat!(env!("CARGO_MANIFEST_DIR"), "/peers/java"));
    let mut command = Command::new("java");
    command.args(options).args(["-Xmx2g", "-Xss4m", "-cp"]).arg(classes).arg("Peer").args(arguments);
    finish(command)
}

/// A key and certificate in PKCS #12, made by openssl for this test: what the other signers sign with.
#[derive(Debug)]
pub struct Credential {
    /// PKCS #12, password [`PASSWORD`].
    pub p12: PathBuf,
    /// Its self-signed certificate.
    pub certificate: PathBuf,
}

/// The password of every [`Credential`]; the key is thrown away with the test.
pub const PASSWORD: &str = "password";

impl Credential {
    /// Makes a key of `kind` (`rsa:2048`, `ec:prime256v1`) in `folder`.
    pub fn make(folder: &Path, kind: &str) -> Self {
        let (key, certificate, p12) =
            (folder.join("peer-key.pem"), folder.join("peer.pem"), folder.join("peer.p12"));
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-nodes", "-days", "30", "-subj", "/C=CN/CN=peer"]);
        command.args(["-addext", "keyUsage=critical,digitalSignature,nonRepudiation"]);
        match kind.split_once(':') {
            Some(("ec", curve)) => {
                command.args(["-newkey", "ec", "-pkeyopt"]).arg(format!("ec_paramgen_curve:{curve}"))
            }
            _ => command.args(["-newkey", kind]),
        };
        command.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
        finish(command).ok();
        let mut command = Command::new("openssl");
        command.args(["pkcs12", "-export", "-passout"]).arg(format!("pass:{PASSWORD}"));
        command.arg("-inkey").arg(&key).arg("-in").arg(&certificate).arg("-out").arg(&p12);
        finish(command).ok();
        Self { p12, certificate }
    }
}

/// Signs with PDFBox and BouncyCastle; `certify` 1 to 3 makes it a certification.
pub fn sign_with_pdfbox(input: &Path, output: &Path, credential: &Credential, certify: Option<u8>) {
    let level = certify.map(|level| level.to_string());
    let mut arguments = vec![
        "sign".as_ref(),
        input.as_os_str(),
        output.as_os_str(),
        credential.p12.as_os_str(),
        PASSWORD.as_ref(),
    ];
    arguments.extend(level.as_deref().map(OsStr::new));
    java(arguments).ok();
}

/// Signs with @signpdf/signpdf; it takes RSA keys and files with a classic cross-reference table only.
pub fn sign_with_signpdf(input: &Path, output: &Path, credential: &Credential) {
    let folder = made_by("CINNABAR_NODE", concat!(env!("CARGO_MANIFEST_DIR"), "/peers/node"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/node.d/sign.mjs");
    let mut command = Command::new("node");
    command.env("CINNABAR_NODE", folder).arg(script);
    command.arg(input).arg(output).arg(&credential.p12).arg(PASSWORD);
    finish(command).ok();
}

/// Signs every empty signature field with mupdf, which uses SHA-1.
pub fn sign_with_mutool(input: &Path, output: &Path, credential: &Credential) {
    let mut command = Command::new("mutool");
    command.args(["sign", "-P", PASSWORD, "-s"]).arg(&credential.p12);
    command.arg("-o").arg(output).arg(input);
    finish(command).ok();
}

/// What `tests/run` exported under `name`; asked of `script` otherwise.
fn made_by(name: &str, script: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| run(script, [""; 0]).ok().stdout.lines().last().unwrap_or_default().to_owned())
}
