//! The trust anchors beside this appliance's own: the files of `policies.trust`, each a certificate and what it is trusted
//! for.
//!
//! Reads folders and files; what a file says is `pki::path`'s to judge. Asked when documents are verified, by
//! `cinnabar config check`, and by `cinnabar certificate verify` for single files. Changes are in force after a restart,
//! which enters the digest of what it read.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crypto::DigestAlgorithm;
use pki::path::{Anchor, TrustError};

/// The anchors in force.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    anchors: Vec<Anchor>,
    digest: Option<String>,
}

/// Why anchors cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TrustFault {
    /// A file or the folder cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// What could not be read.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not fit.
    #[error("trust anchor `{path}`: {source}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Which key, and why.
        source: Box<TrustError>,
    },
}

impl Trust {
    /// Reads every `*.toml` of the folder, in the order of their names; none without a folder.
    ///
    /// # Errors
    /// [`TrustFault`]; a folder that is not there is none, for it trusts nobody.
    pub fn load(folder: Option<&Path>) -> Result<Self, TrustFault> {
        let Some(folder) = folder else { return Ok(Self::default()) };
        let unreadable = |source| TrustFault::Unreadable { path: folder.into(), source };
        let mut files = Vec::new();
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unreadable(error)),
        };
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                files.push(path);
            }
        }
        files.sort();
        let mut facts = Vec::new();
        let mut anchors = Vec::new();
        for path in &files {
            let (text, anchor) = read(path)?;
            facts.extend_from_slice(&DigestAlgorithm::Sha256.digest(text.as_bytes()));
            facts.extend_from_slice(anchor.certificate().sha256_fingerprint());
            anchors.push(anchor);
        }
        Ok(Self { anchors, digest: Some(hex::encode(DigestAlgorithm::Sha256.digest(&facts))) })
    }

    /// The anchors.
    #[must_use]
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// SHA-256 over each file's digest and its certificate's, hexadecimal; `None` when no folder is configured.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

/// Reads one anchor's file; the certificate it names lies beside it.
///
/// # Errors
/// [`TrustFault`].
pub fn anchor(path: &Path) -> Result<Anchor, TrustFault> {
    read(path).map(|(_, anchor)| anchor)
}

fn read(path: &Path) -> Result<(String, Anchor), TrustFault> {
    let unreadable = |source| TrustFault::Unreadable { path: path.into(), source };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let beside = |name: &str| {
        let file = path.parent().unwrap_or(Path::new("")).join(name);
        match std::fs::metadata(&file) {
            Ok(found) if found.len() > MAX_LEN => Err("too large for a certificate".into()),
            Ok(_) => std::fs::read(&file).map_err(|error| error.to_string()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err("it is not there".into()),
            Err(error) => Err(error.to_string()),
        }
    };
    match Anchor::from_toml(&text, beside) {
        Ok(anchor) => Ok((text, anchor)),
        Err(source) => Err(TrustFault::Unfit { path: path.into(), source: Box::new(source) }),
    }
}

/// Far above any certificate.
const MAX_LEN: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn each_file_is_an_anchor_and_a_broken_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        for nowhere in [None, Some(folder.path().join("absent"))] {
            assert!(Trust::load(nowhere.as_deref()).unwrap().anchors().is_empty());
        }
        write("province.pem", &certificate());
        write(
            "province.toml",
            "certificate = \"province.pem\"\npurposes = [\"documentSigning\", \"timeStamping\"]",
        );
        write("other.toml", &format!("pem = '''\n{}'''\npermitted.dns = [\"example.cn\"]", certificate()));
        write("README", "not an anchor");
        let trust = Trust::load(Some(folder.path())).unwrap();
        assert_eq!(trust.anchors().len(), 2);
        assert!(trust.anchors().iter().any(|anchor| anchor.constraints().names.is_some()));
        let before = trust.digest().unwrap().to_owned();
        write("other.toml", &format!("pem = '''\n{}'''", certificate()));
        assert_ne!(Trust::load(Some(folder.path())).unwrap().digest(), Some(before.as_str()));
        for (text, expected) in [
            ("certificate = \"province.pem\"\npurpose = [\"serverAuth\"]", "unknown field `purpose`"),
            ("certificate = \"absent.pem\"", "not there"),
            ("certificate = \"province.toml\"", "malformed certificate"),
            ("purposes = []", "either as `certificate`"),
            ("certificate = \"province.pem\"\npurposes = [\"sealing\"]", "`sealing` is no purpose"),
            ("certificate = \"province.pem\"\npolicies = [\"x\"]", "`x` is no policy"),
            ("certificate = \"province.pem\"\npermitted.dns = [\".cn\"]", "permitted.dns"),
            ("certificate = \"province.pem\"\nnot_after = 2026-11-22", "is no time"),
            (
                "certificate = \"province.pem\"\nnot_before = 2026-11-22T08:00:00+08:00\nnot_after = 2026-11-21T23:59:59Z",
                "lies before",
            ),
        ] {
            write("other.toml", text);
            let error = Trust::load(Some(folder.path())).unwrap_err().to_string();
            assert!(error.contains("other.toml") && error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_example_that_is_written_out_is_an_anchor_once_its_certificate_is_there() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("province.pem"), certificate()).unwrap();
        std::fs::write(folder.path().join("example.toml"), EXAMPLE).unwrap();
        let trust = Trust::load(Some(folder.path())).unwrap();
        let limits = trust.anchors().first().unwrap().constraints();
        assert!(limits.names.is_some() && limits.not_after.is_some() && !limits.purposes.is_empty());
    }

    const EXAMPLE: &str = include_str!("../../../policies/trust/example.toml.txt");
}
