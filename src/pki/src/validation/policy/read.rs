//! Reading a policy's text. Nothing is filled in that would make a policy weaker than it reads: what decides must be said.

use std::collections::BTreeMap;

use der::asn1::ObjectIdentifier;
use serde::Deserialize;
use thiserror::Error;
use toml::Value;

use super::{Demands, Limits, SignatureDemands, SignaturePolicy, SlideTo};
use crate::{
    path::{Purpose, RevocationPolicy},
    validation::cryptography::{Cryptography, DigestName, KeyFamily, Reliability, Step},
};

/// Why a text is no signature validation policy.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// Not TOML, or an unknown, missing or ill-typed key.
    #[error("{0}")]
    Syntax(#[from] Box<toml::de::Error>),
    /// A name that cannot be a file's.
    #[error("`{0}` is no name for a policy: 1 to 64 of a-z, 0-9 and `-`")]
    Name(String),
    /// A purpose.
    #[error(
        "`{0}` is no purpose: documentSigning, emailProtection, any, or an extended key usage's identifier"
    )]
    Purpose(String),
    /// An object identifier.
    #[error("`{0}` is no object identifier in dotted form")]
    Identifier(String),
    /// The digest of a signature policy.
    #[error("`{0}` is no SHA-256 in 64 hexadecimal digits")]
    Sha256(String),
    /// An algorithm nobody knows.
    #[error("`{name}` is no algorithm; known are {known}")]
    Algorithm {
        /// As written.
        name: String,
        /// The words that are known there.
        known: String,
    },
    /// An end that is neither a day nor `open`.
    #[error("`{name}` ends neither on a day (`2029-01-01`) nor `\"open\"`")]
    Until {
        /// Of which algorithm.
        name: String,
    },
    /// Keys of one algorithm out of order.
    #[error("`{name}`: list keys by growing size, and let no longer key end before a shorter one")]
    Order {
        /// Of which algorithm.
        name: String,
    },
    /// A number that makes no sense.
    #[error("`{key}` must be {wanted}")]
    Number {
        /// Where.
        key: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// Two things that cannot both be meant.
    #[error("{0}")]
    Contradiction(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    name: String,
    #[serde(default)]
    description: String,
    revocation: Revocation,
    signature: Signature,
    time_stamps: TimeStamps,
    archive: Archive,
    limits: FileLimits,
    digests: BTreeMap<String, Value>,
    keys: BTreeMap<String, Vec<Key>>,
    #[serde(default)]
    signature_policy: Vec<KnownPolicy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Revocation {
    signer: Demand,
    authorities: Demand,
    time_stamps: Demand,
    time_stamp_authorities: Demand,
    freshness: Option<i64>,
    slide_to: Slide,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Demand {
    Required,
    IfAvailable,
    Waived,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Slide {
    ThisUpdate,
    NextUpdate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Signature {
    purpose: String,
    signing_certificate: bool,
    proven_time: bool,
    #[serde(default)]
    attributes: Vec<String>,
    #[serde(default)]
    certificate_policies: Vec<String>,
    signature_policies: SignaturePolicies,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SignaturePolicies {
    Ignored,
    Known,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownPolicy {
    id: String,
    sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeStamps {
    delay: Option<i64>,
    order: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Archive {
    required: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLimits {
    signatures: u32,
    path: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    bits: u32,
    until: Value,
}

pub(super) fn parse(text: &str) -> Result<SignaturePolicy, PolicyError> {
    let file: File = toml::from_str(text).map_err(Box::new)?;
    let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=64).contains(&file.name.len()) || !file.name.bytes().all(named) {
        return Err(PolicyError::Name(file.name));
    }
    let seconds = |value: Option<i64>, key| match value {
        Some(..=-1) => Err(PolicyError::Number { key, wanted: "seconds, not negative" }),
        value => Ok(value),
    };
    let freshness = seconds(file.revocation.freshness, "revocation.freshness")?;
    let delay = seconds(file.time_stamps.delay, "time-stamps.delay")?;
    if !(1..=MOST_SIGNATURES).contains(&file.limits.signatures) {
        return Err(PolicyError::Number { key: "limits.signatures", wanted: "1 to 65536" });
    }
    if !(2..=MOST_CERTIFICATES).contains(&file.limits.path) {
        return Err(PolicyError::Number { key: "limits.path", wanted: "2 to 32" });
    }
    contradictions(&file)?;
    let signature = signature(&file)?;
    Ok(SignaturePolicy {
        digest: super::digest(text),
        revocation: Demands {
            signer: file.revocation.signer.into(),
            authorities: file.revocation.authorities.into(),
            time_stamps: file.revocation.time_stamps.into(),
            time_stamp_authorities: file.revocation.time_stamp_authorities.into(),
            freshness,
            slide_to: match file.revocation.slide_to {
                Slide::ThisUpdate => SlideTo::ThisUpdate,
                Slide::NextUpdate => SlideTo::NextUpdate,
            },
        },
        signature,
        delay,
        order: file.time_stamps.order,
        archive: file.archive.required,
        limits: Limits { signatures: file.limits.signatures, path: file.limits.path },
        cryptography: cryptography(&file)?,
        name: file.name,
        description: file.description,
    })
}

fn contradictions(file: &File) -> Result<(), PolicyError> {
    let contradiction = |words| Err(PolicyError::Contradiction(words));
    let demands = &file.revocation;
    for (own, above) in
        [(demands.signer, demands.authorities), (demands.time_stamps, demands.time_stamp_authorities)]
    {
        if own == Demand::Waived && above != Demand::Waived {
            return contradiction(
                "revocation: what is waived for a certificate must be waived for the authorities above it",
            );
        }
    }
    if file.archive.required && demands.signer != Demand::Required {
        return contradiction(
            "archive.required wants revocation.signer = \"required\": nothing else is archived",
        );
    }
    if file.signature.signature_policies == SignaturePolicies::Ignored && !file.signature_policy.is_empty() {
        return contradiction(
            "[[signature-policy]] is listed although signature.signature-policies = \"ignored\"",
        );
    }
    Ok(())
}

fn signature(file: &File) -> Result<SignatureDemands, PolicyError> {
    let wanted = &file.signature;
    let identifiers = |texts: &[String]| {
        let read =
            |text: &String| ObjectIdentifier::new(text).map_err(|_| PolicyError::Identifier(text.clone()));
        texts.iter().map(read).collect::<Result<Vec<_>, _>>()
    };
    let purpose = if wanted.purpose == "documentSigning" {
        // Whatever serves to seal documents is meant, as elsewhere in the appliance.
        Some(Purpose::DocumentSigning)
    } else {
        Purpose::from_name(&wanted.purpose)
    };
    let mut known = BTreeMap::new();
    for policy in &file.signature_policy {
        let id = ObjectIdentifier::new(&policy.id).map_err(|_| PolicyError::Identifier(policy.id.clone()))?;
        let digest = sha256(&policy.sha256).ok_or_else(|| PolicyError::Sha256(policy.sha256.clone()))?;
        if known.insert(id, digest).is_some() {
            return Err(PolicyError::Contradiction("a signature policy is listed twice"));
        }
    }
    Ok(SignatureDemands {
        purpose: purpose.ok_or_else(|| PolicyError::Purpose(wanted.purpose.clone()))?,
        signing_certificate: wanted.signing_certificate,
        proven_time: wanted.proven_time,
        attributes: identifiers(&wanted.attributes)?,
        certificate_policies: identifiers(&wanted.certificate_policies)?,
        signature_policies: (wanted.signature_policies == SignaturePolicies::Known).then_some(known),
    })
}

fn cryptography(file: &File) -> Result<Cryptography, PolicyError> {
    let mut digests = Vec::new();
    for (name, until) in &file.digests {
        let digest = DigestName::from_name(name)
            .ok_or_else(|| PolicyError::Algorithm { name: name.clone(), known: DigestName::known() })?;
        digests.push((digest, reliability(name, until)?));
    }
    let mut keys = Vec::new();
    for (name, steps) in &file.keys {
        let family = KeyFamily::from_name(name)
            .ok_or_else(|| PolicyError::Algorithm { name: name.clone(), known: KeyFamily::known() })?;
        let mut read: Vec<Step> = Vec::new();
        for key in steps {
            let step = Step { bits: key.bits, reliable: reliability(name, &key.until)? };
            if read.last().is_some_and(|last| last.bits >= step.bits || last.reliable > step.reliable) {
                return Err(PolicyError::Order { name: name.clone() });
            }
            read.push(step);
        }
        if read.is_empty() {
            return Err(PolicyError::Order { name: name.clone() });
        }
        keys.push((family, read));
    }
    Ok(Cryptography::new(digests, keys))
}

/// A day is its first second, UTC: from then on the algorithm is no longer reliable.
fn reliability(name: &str, until: &Value) -> Result<Reliability, PolicyError> {
    let wrong = || PolicyError::Until { name: name.to_owned() };
    match until {
        Value::String(word) if word == "open" => Ok(Reliability::Open),
        Value::Datetime(day) if day.time.is_none() && day.offset.is_none() => {
            let date = day.date.ok_or_else(wrong)?;
            let text = format!("{:04}{:02}{:02}000000Z", date.year, date.month, date.day);
            crate::time::parse(crate::asn1::GENERALIZED_TIME, text.as_bytes())
                .map(|until| Reliability::Until { until })
                .ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut octets = [0; 32];
    for (octet, at) in octets.iter_mut().zip((0..).step_by(2)) {
        *octet = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(octets)
}

impl From<Demand> for RevocationPolicy {
    fn from(demand: Demand) -> Self {
        match demand {
            Demand::Required => Self::Required,
            Demand::IfAvailable => Self::IfAvailable,
            Demand::Waived => Self::Waived,
        }
    }
}

/// Every verification costs about 0.1 ms: seven seconds.
const MOST_SIGNATURES: u32 = 65_536;

const MOST_CERTIFICATES: usize = 32;
