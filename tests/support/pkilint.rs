//! pkilint (PyPI) as a foreign judge of certificates, CRLs and OCSP responses. Std only, so that the suites of single
//! crates take this file in by `#[path]`. Starting Python and loading pkilint takes seconds: judge many at once.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// What pkilint says of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// The file's name as given.
    pub file: String,
    /// `FATAL`, `ERROR`, `WARNING`, `NOTICE`, `INFO` or `DEBUG`.
    pub severity: String,
    /// The finding's code, for example `pkix.wildcard_character_in_dns_name`.
    pub code: String,
    /// Where in the structure.
    pub place: String,
    /// In words.
    pub message: String,
}

/// What a batch came to.
#[derive(Debug)]
pub struct Batch {
    /// Everything said, of every severity.
    pub opinions: Vec<Opinion>,
    /// How many judgements were made: one a file, and one for each certificate whose issuer is in the batch.
    pub judged: usize,
}

/// Judges DER files by the end of their names: `.cer`, `.crl` (of end entities), `.arl` (of authorities), `.ocsp`.
///
/// # Panics
/// When Python does not run or a file is not judged.
#[track_caller]
pub fn judge<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Batch {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut count = 0;
    for (name, der) in files {
        std::fs::write(folder.path().join(name), der).expect("temporary file");
        count += 1;
    }
    let output = Command::new(python())
        .args(["-c", include_str!("judge_with_pkilint.py")])
        .arg(folder.path())
        .output()
        .expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let judged = said.lines().last().and_then(|line| line.strip_prefix("judged ")).expect("a last line");
    let judged = judged.parse().expect("a number");
    assert!(judged >= count && count > 0, "{judged} of {count} files judged");
    let opinions = said.lines().filter(|line| line.contains('\t')).map(|line| {
        let mut parts = line.splitn(5, '\t').map(ToOwned::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        Opinion { file: part(), severity: part(), code: part(), place: part(), message: part() }
    });
    Batch { opinions: opinions.collect(), judged }
}

/// Judges, and fails the test on any finding that weighs: fatal, error or warning, but for the divergences that
/// `pkilint-divergences.txt` explains.
#[track_caller]
pub fn assert_clean<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Batch {
    let batch = judge(files);
    let weighs = |opinion: &&Opinion| ["FATAL", "ERROR", "WARNING"].contains(&opinion.severity.as_str());
    let counts = |opinion: &&Opinion| !divergences().any(|known| known.is(opinion));
    let found: Vec<_> =
        batch.opinions.iter().filter(weighs).filter(counts).map(|opinion| format!("{opinion:?}")).collect();
    assert!(found.is_empty(), "pkilint objects:\n{}", found.join("\n"));
    batch
}

/// A finding of pkilint's that is wrong.
#[derive(Debug)]
pub struct Divergence {
    code: &'static str,
    begins: &'static str,
}

impl Divergence {
    /// Whether it is this finding.
    pub fn is(&self, opinion: &Opinion) -> bool {
        opinion.code == self.code && opinion.message.starts_with(self.begins)
    }
}

/// All of them.
pub fn divergences() -> impl Iterator<Item = Divergence> {
    let lines = include_str!("pkilint-divergences.txt").lines();
    lines.filter(|line| !line.starts_with('#')).map(|line| {
        let parts: Vec<_> = line.split(" | ").collect();
        let [code, begins, reason] = parts[..] else { panic!("code | message | reason: {line}") };
        assert!(reason.len() > 40, "a reason: {line}");
        Divergence { code, begins }
    })
}

/// The interpreter of the environment that `tests/peers/python` makes.
fn python() -> PathBuf {
    if let Some(venv) = std::env::var_os("CINNABAR_VENV") {
        return PathBuf::from(venv).join("bin/python");
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script =
        here.ancestors().map(|above| above.join("tests/peers/python")).find(|script| script.is_file());
    let output = Command::new(script.expect("tests/peers/python")).output().expect("tests/peers/python runs");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).join("bin/python")
}
