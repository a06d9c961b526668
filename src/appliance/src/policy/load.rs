//! Reading and validating a folder of policies: `*.cedarschema` and `*.cedar`.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use cedar_policy::{PolicyId, Schema, ValidationMode, Validator};
use ring::digest;

/// A validated set of policies with its schema.
#[derive(Debug)]
pub struct PolicySet {
    schema: Schema,
    policies: cedar_policy::PolicySet,
    reasons: BTreeMap<String, String>,
    digest: String,
}

/// Why a folder of policies was refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file or the folder cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// What could not be read.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder holds no schema or no policy.
    #[error("`{path}` holds no `{wanted}` file")]
    Empty {
        /// The folder.
        path: PathBuf,
        /// Which ending is missing.
        wanted: &'static str,
    },
    /// Files that were read, and what does not fit in them.
    #[error("{}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unfit {
        /// One line each.
        findings: Vec<Finding>,
    },
}

/// One thing wrong with a file of policies.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Finding {
    /// The file, or the folder when it is about the whole set.
    pub file: PathBuf,
    /// The policy, when it is about one.
    pub policy: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        if let Some(policy) = &self.policy {
            write!(f, "policy `{policy}`: ")?;
        }
        f.write_str(&self.message)
    }
}

/// What `cinnabar policy check` says of a folder.
#[derive(Debug, serde::Serialize)]
pub struct Report {
    /// Whether the appliance would take this set.
    pub valid: bool,
    /// Policies by id, with their reasons.
    pub policies: BTreeMap<String, String>,
    /// SHA-256 over the files, as entries name the set.
    pub digest: Option<String>,
    /// What does not fit.
    pub findings: Vec<Finding>,
    /// Acts of this program that the schema does not know, and that are therefore refused to everybody: the files are
    /// those of an older version.
    pub unknown_acts: Vec<&'static str>,
}

/// Checks a folder of policies without putting it in force.
#[must_use]
pub fn check(folder: &Path) -> Report {
    match PolicySet::load(folder) {
        Ok(set) => Report {
            valid: true,
            unknown_acts: set.unknown_acts(),
            digest: Some(set.digest),
            policies: set.reasons,
            findings: Vec::new(),
        },
        Err(error) => {
            let findings = match error {
                PolicyError::Unfit { findings } => findings,
                other => vec![Finding { file: folder.into(), policy: None, message: other.to_string() }],
            };
            Report {
                valid: false,
                policies: BTreeMap::new(),
                digest: None,
                findings,
                unknown_acts: Vec::new(),
            }
        }
    }
}

impl PolicySet {
    /// Reads every schema and policy file of a folder and validates strictly. Warnings are errors: a policy
    /// that can never apply is a mistake somebody made.
    ///
    /// # Errors
    /// [`PolicyError`], with every finding rather than the first.
    pub fn load(folder: &Path) -> Result<Self, PolicyError> {
        let files = read(folder)?;
        let mut hash = digest::Context::new(&digest::SHA256);
        for (path, text) in &files {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            for part in [name.as_bytes(), text.as_bytes()] {
                hash.update(&(part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        let digest = hex::encode(hash.finish());
        let mut findings = Vec::new();
        let schema = schema(folder, &files, &mut findings)?;
        let (policies, reasons) = policies(folder, &files, &mut findings)?;
        if let Some(schema) = schema {
            validate(folder, &schema, &policies, &mut findings);
            if findings.is_empty() {
                return Ok(Self { schema, policies, reasons, digest });
            }
        }
        Err(PolicyError::Unfit { findings })
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn policies(&self) -> &cedar_policy::PolicySet {
        &self.policies
    }

    fn unknown_acts(&self) -> Vec<&'static str> {
        let known: HashSet<String> =
            self.schema.actions().map(|action| action.id().unescaped().to_owned()).collect();
        super::actions::ACTION_NAMES.iter().copied().filter(|name| !known.contains(*name)).collect()
    }

    /// SHA-256 over names and contents of the files, lower-case hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Policies by id, with the reasons their authors gave.
    #[must_use]
    pub fn reasons(&self) -> &BTreeMap<String, String> {
        &self.reasons
    }
}

fn read(folder: &Path) -> Result<BTreeMap<PathBuf, String>, PolicyError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| PolicyError::Unreadable { path, source }
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_some_and(|ending| ending == "cedar" || ending == "cedarschema") {
            let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
            files.insert(path, text);
        }
    }
    Ok(files)
}

fn schema(
    folder: &Path,
    files: &BTreeMap<PathBuf, String>,
    findings: &mut Vec<Finding>,
) -> Result<Option<Schema>, PolicyError> {
    let mut texts = files.iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "cedarschema"));
    let Some((path, text)) = texts.next() else {
        return Err(PolicyError::Empty { path: folder.into(), wanted: ".cedarschema" });
    };
    let mut finding = |file: &Path, message: String| {
        findings.push(Finding { file: file.into(), policy: None, message });
    };
    if let Some((second, _)) = texts.next() {
        finding(second, "a second schema; keep one".to_owned());
    }
    match Schema::from_cedarschema_str(text) {
        Ok((schema, warnings)) => {
            for warning in warnings {
                finding(path, warning.to_string());
            }
            Ok(Some(schema))
        }
        Err(error) => {
            finding(path, error.to_string());
            Ok(None)
        }
    }
}

fn policies(
    folder: &Path,
    files: &BTreeMap<PathBuf, String>,
    findings: &mut Vec<Finding>,
) -> Result<(cedar_policy::PolicySet, BTreeMap<String, String>), PolicyError> {
    let mut all = cedar_policy::PolicySet::new();
    let mut reasons = BTreeMap::new();
    for (path, text) in files.iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "cedar")) {
        let mut finding = |policy: Option<&str>, message: String| {
            findings.push(Finding { file: path.clone(), policy: policy.map(Into::into), message });
        };
        let parsed = match cedar_policy::PolicySet::from_str(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                finding(None, error.to_string());
                continue;
            }
        };
        if parsed.templates().next().is_some() {
            finding(None, "policy templates are not used here; write the policy out".to_owned());
        }
        for policy in parsed.policies() {
            let Some(id) = policy.annotation("id").filter(|id| !id.is_empty()) else {
                finding(None, "a policy without @id(\"…\"); entries name policies by it".to_owned());
                continue;
            };
            reasons.insert(id.to_owned(), policy.annotation("reason").unwrap_or_default().to_owned());
            if let Err(error) = all.add(policy.new_id(PolicyId::new(id))) {
                finding(Some(id), error.to_string());
            }
        }
    }
    // An empty set denies everything; nobody means that.
    if all.is_empty() && findings.is_empty() {
        return Err(PolicyError::Empty { path: folder.into(), wanted: ".cedar" });
    }
    Ok((all, reasons))
}

fn validate(folder: &Path, schema: &Schema, policies: &cedar_policy::PolicySet, findings: &mut Vec<Finding>) {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    let mut finding = |policy: String, message: String| {
        findings.push(Finding { file: folder.into(), policy: Some(policy), message });
    };
    for error in result.validation_errors() {
        finding(error.policy_id().to_string(), error.to_string());
    }
    for warning in result.validation_warnings() {
        finding(warning.policy_id().to_string(), warning.to_string());
    }
}
