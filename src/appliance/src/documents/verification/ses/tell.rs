//! What a report says of a seal and of its verification.

use crypto::DigestAlgorithm;
use eseal::seal::{CertList, Seal, Version};
use eseal::verify::{Outcome as StepOutcome, Report, StepName};
use jiff::Timestamp;
use pdf::verify::{
    Deviation, DocumentDigest, Integrity, Outcome, PictureReport, SealKind, SealReport, SealState, SealStep,
    StateWord, ToldBy,
};
use pki::Certificate;

use crate::seals::kinds::SealKind as Kind;

/// What a seal says of itself.
pub(in crate::documents::verification) fn seal(seal: &Seal) -> SealReport {
    let maker = seal.maker().and_then(|der| Certificate::from_der(der).ok());
    let picture = seal.picture();
    SealReport {
        id: seal.id().to_owned(),
        code: None,
        name: seal.name().to_owned(),
        kind: kind(seal.version(), seal.kind()),
        version: Some(seal.version().number()),
        digest: Some(sha256(seal.der())),
        created: Some(instant(seal.created())),
        valid_from: Some(instant(seal.valid_from())),
        valid_to: Some(instant(seal.valid_to())),
        picture: Some(PictureReport {
            format: picture.kind.to_ascii_lowercase(),
            width_mm: picture.width_mm,
            height_mm: picture.height_mm,
            sha256: sha256(picture.data).value,
            shown: None,
            octets: picture.data.to_vec(),
        }),
        maker: maker.as_ref().map(|maker| maker.subject().to_string()),
        maker_fingerprint: maker.map(|maker| hex::encode(maker.sha256_fingerprint())),
        listed: match seal.cert_list() {
            CertList::Certificates(certificates) => certificates.len(),
            CertList::Digests(digests) => digests.len(),
        },
        steps: Vec::new(),
        deviations: Vec::new(),
        then: None,
        now: None,
        remarks: Vec::new(),
    }
}

/// A seal's kind in words; GM/T 0031-2014 knew organisations' and persons' only.
pub(in crate::documents::verification) fn kind(version: Version, number: i64) -> SealKind {
    let (zh, en) = match (version, number) {
        (Version::V1, 1) => ("单位印章", "organisation's seal"),
        (Version::V1, 2) => ("个人印章", "personal seal"),
        (Version::V1, _) => ("未知类型", "unknown kind"),
        (_, number) => match Kind::of_number(number) {
            Some(kind) => (kind.zh(), english(kind)),
            None => ("未知类型", "unknown kind"),
        },
    };
    SealKind { number, zh: zh.to_owned(), en: en.to_owned() }
}

pub(in crate::documents::verification) fn english(kind: Kind) -> &'static str {
    match kind {
        Kind::Personal => "personal seal",
        Kind::StatutoryName => "official seal of the statutory name",
        Kind::Finance => "finance seal",
        Kind::Invoice => "invoice seal",
        Kind::Contract => "contract seal",
        Kind::LegalRepresentative => "legal representative's name seal",
        Kind::Business => "seal for a special purpose",
        Kind::Other => "other seal",
    }
}

/// How it was verified, and its state by its own period of validity.
pub(super) fn report(told: &mut SealReport, report: &Report) {
    told.steps = report
        .steps
        .iter()
        .map(|step| SealStep {
            name: word(step.name),
            outcome: match step.outcome {
                StepOutcome::Passed => Outcome::Passed,
                StepOutcome::Warned => Outcome::Warned,
                StepOutcome::Failed => Outcome::Failed,
                StepOutcome::Undecided => Outcome::Undecided,
            },
            zh: format!("{}：{}", step.name.zh(), step.zh),
            en: format!("{}: {}", step.name.en(), step.en),
        })
        .collect();
    told.deviations = report
        .deviations
        .iter()
        .map(|deviation| Deviation { name: word(&deviation.kind), zh: deviation.zh(), en: deviation.en() })
        .collect();
}

/// The state of a seal at a time, as far as it says so itself.
pub(super) fn state_at(seal: &Seal, at: i64) -> SealState {
    let (word, since) = if at < seal.valid_from() {
        (StateWord::NotYetValid, None)
    } else if at > seal.valid_to() {
        (StateWord::Expired, Some(instant(seal.valid_to())))
    } else {
        (StateWord::Active, Some(instant(seal.valid_from())))
    };
    SealState { word, at: instant(at), since, told_by: ToldBy::Seal, superseded: None }
}

/// Whether everything holds over the octets it names, whoever is trusted. What `over` says has to be there and to hold;
/// a step that nobody took proves nothing.
pub(super) fn integrity(report: &Report, over: Over) -> Integrity {
    let octets =
        [StepName::SignatureValue, StepName::ContentDigest, StepName::MakerSignature, StepName::SignerListed];
    let needed: &[StepName] = match over {
        Over::Content => &octets,
        Over::Itself => &[StepName::MakerSignature],
    };
    let outcome = |name| report.step(name).map(|step| step.outcome);
    let holds = |name| matches!(outcome(name), Some(StepOutcome::Passed | StepOutcome::Warned));
    if octets.iter().any(|name| outcome(*name) == Some(StepOutcome::Failed)) {
        Integrity::Broken
    } else if needed.iter().all(|name| holds(*name)) {
        Integrity::Intact
    } else {
        Integrity::Unknown
    }
}

/// What a verification was of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// A signature over content.
    Content,
    /// A seal by itself.
    Itself,
}

/// A word as JSON has it.
fn word(name: impl serde::Serialize) -> String {
    match serde_json::to_value(name) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Object(members)) => {
            members.get("deviation").and_then(|word| word.as_str()).unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}

fn sha256(octets: &[u8]) -> DocumentDigest {
    DocumentDigest::new(DigestAlgorithm::Sha256, &DigestAlgorithm::Sha256.digest(octets))
}

/// RFC 3339, in UTC.
pub(in crate::documents::verification) fn instant(unix: i64) -> String {
    Timestamp::from_second(unix).map_or_else(|_| unix.to_string(), |time| time.to_string())
}
