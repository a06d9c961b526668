//! Trust anchors as files (`policies/trust/NAME.toml`): one certificate each, and what it is trusted for.
//!
//! Only reads text. The certificate a file names is opened by the caller, so that no path is followed here. Unknown keys
//! refuse: a constraint that is misspelt must not turn into no constraint.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;
use toml::value::{Datetime, Offset};

use super::{Anchor, Constraints, ObjectIdentifier, Purpose};
use crate::{
    certificate::{Certificate, CertificateError},
    extensions::NameConstraints,
    profile::{ProfileError, subtrees},
};

/// Why a text is no trust anchor.
#[derive(Debug, Error)]
pub enum TrustError {
    /// Not TOML, or an unknown, missing or ill-typed key.
    #[error("{0}")]
    Syntax(#[from] Box<toml::de::Error>),
    /// Neither or both of the two ways to give the certificate.
    #[error("give the certificate either as `certificate`, a file, or as `pem`")]
    Source,
    /// The file named by `certificate`.
    #[error("cannot open `{file}`: {reason}")]
    Unreadable {
        /// As the text names it.
        file: String,
        /// What the caller says.
        reason: String,
    },
    /// What should be a certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Several certificates where one is trusted.
    #[error("{count} certificates where one belongs: each anchor has a file of its own")]
    Several {
        /// How many there are.
        count: usize,
    },
    /// A name constraint.
    #[error(transparent)]
    Names(#[from] ProfileError),
    /// A purpose.
    #[error("`{0}` is no purpose: an extended key usage by name or dotted identifier")]
    Purpose(String),
    /// A policy.
    #[error("`{0}` is no policy: a dotted object identifier")]
    Policy(String),
    /// A time without a zone, or an impossible one.
    #[error("`{0}` is no time: write `2026-11-22T00:00:00Z`")]
    Time(String),
    /// A window that holds no time.
    #[error("`not_after` lies before `not_before`")]
    Window,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    certificate: Option<String>,
    pem: Option<String>,
    #[serde(default)]
    purposes: Vec<String>,
    #[serde(default)]
    policies: Vec<String>,
    not_before: Option<Datetime>,
    not_after: Option<Datetime>,
    #[serde(default)]
    permitted: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    excluded: BTreeMap<String, Vec<String>>,
}

impl Anchor {
    /// Reads one anchor's file. `open` answers with the content of the file that `certificate` names, PEM or DER.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn from_toml(
        text: &str,
        open: impl FnOnce(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, TrustError> {
        let file: File = toml::from_str(text).map_err(Box::new)?;
        let found = match (&file.certificate, &file.pem) {
            (Some(name), None) => {
                let unreadable = |reason| TrustError::Unreadable { file: name.clone(), reason };
                Certificate::from_pem_or_der(&open(name).map_err(unreadable)?)?
            }
            (None, Some(pem)) => Certificate::from_pem(pem.as_bytes())?,
            _ => return Err(TrustError::Source),
        };
        let [certificate] = found.as_slice() else { return Err(TrustError::Several { count: found.len() }) };
        let permitted = subtrees("permitted", &file.permitted)?;
        let excluded = subtrees("excluded", &file.excluded)?;
        let named = !permitted.is_empty() || !excluded.is_empty();
        let constraints = Constraints {
            names: named.then_some(NameConstraints { permitted, excluded }),
            policies: each(
                &file.policies,
                |text| ObjectIdentifier::new(text).ok().map(|id| vec![id]),
                TrustError::Policy,
            )?,
            purposes: each(&file.purposes, purpose, TrustError::Purpose)?,
            not_before: file.not_before.map(seconds).transpose()?,
            not_after: file.not_after.map(seconds).transpose()?,
        };
        if let (Some(from), Some(to)) = (constraints.not_before, constraints.not_after)
            && to < from
        {
            return Err(TrustError::Window);
        }
        Ok(Self::new(certificate.clone(), constraints))
    }
}

fn each(
    texts: &[String],
    read: impl Fn(&str) -> Option<Vec<ObjectIdentifier>>,
    wrong: impl Fn(String) -> TrustError,
) -> Result<Vec<ObjectIdentifier>, TrustError> {
    let mut all = Vec::new();
    for text in texts {
        all.extend(read(text).ok_or_else(|| wrong(text.clone()))?);
    }
    Ok(all)
}

/// Whatever serves to seal documents is meant by `documentSigning`, as elsewhere in the appliance.
fn purpose(text: &str) -> Option<Vec<ObjectIdentifier>> {
    let purpose =
        if text == "documentSigning" { Purpose::DocumentSigning } else { Purpose::from_name(text)? };
    let wanted = purpose.wanted();
    (!wanted.is_empty()).then(|| wanted.to_vec())
}

fn seconds(time: Datetime) -> Result<i64, TrustError> {
    let read = || -> Option<i64> {
        let (date, clock) = (time.date?, time.time?);
        let offset = match time.offset? {
            Offset::Z => 0,
            Offset::Custom { minutes } => i64::from(minutes) * 60,
        };
        let text = format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}Z",
            date.year,
            date.month,
            date.day,
            clock.hour,
            clock.minute,
            clock.second.unwrap_or(0)
        );
        crate::time::parse(crate::asn1::GENERALIZED_TIME, text.as_bytes()).map(|local| local - offset)
    };
    read().ok_or_else(|| TrustError::Time(time.to_string()))
}
