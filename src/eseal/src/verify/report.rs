//! What a verification says. Only describes; decides nothing but how the steps add up.

use crypto::DigestAlgorithm;
use pki::{Certificate, Indication, SubIndication, validation::Validation};
use serde::Serialize;

use crate::{deviation::Deviation, seal::Version};

/// The outcome of verifying a signature or a seal.
#[derive(Clone, Debug)]
pub struct Report {
    /// The verdict by the steps of GB/T 38540-2020.
    pub verdict: Verdict,
    /// The verdict in the words of EN 319 102-1, which believes no claimed time.
    pub indication: Indication,
    /// Why not TOTAL-PASSED.
    pub sub_indication: Option<SubIndication>,
    /// The edition of the structure.
    pub version: Version,
    /// The steps, in the order of the standard.
    pub steps: Vec<Step>,
    /// What is otherwise than the standard says.
    pub deviations: Vec<Deviation>,
    /// Who signed; `None` for a seal by itself, and when the certificate is missing or unreadable.
    pub signer: Option<Certificate>,
    /// Who made the seal.
    pub maker: Option<Certificate>,
    /// When it was signed, Unix seconds.
    pub signing_time: Option<i64>,
    /// How that is known.
    pub time_source: TimeSource,
    /// What the signer claims (timeInfo), Unix seconds.
    pub claimed_time: Option<i64>,
    /// By which algorithm the content was digested.
    pub digest: Option<DigestAlgorithm>,
    /// The validation of the signature by EN 319 102-1, time-stamps included.
    pub validation: Option<Box<Validation>>,
}

impl Report {
    /// Whether everything holds, by both standards.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.verdict == Verdict::Valid && self.indication == Indication::TotalPassed
    }

    /// The step of that name.
    #[must_use]
    pub fn step(&self, name: StepName) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// Why it is not valid, in the order of the steps: the reasons of what did not pass by either standard, in Chinese and
    /// English.
    pub fn reasons(&self) -> impl Iterator<Item = (&str, &str)> {
        let open = self.steps.iter().filter(|step| {
            matches!(step.outcome, Outcome::Failed | Outcome::Undecided) || step.meaning.is_some()
        });
        open.map(|step| (step.zh.as_str(), step.en.as_str()))
    }
}

/// The verdict by the steps of GB/T 38540-2020.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every step passed.
    Valid,
    /// A step failed.
    Invalid,
    /// None failed, and something is not known.
    Undecided,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found, in Chinese.
    pub zh: String,
    /// What was found, in English.
    pub en: String,
    /// What it means in the words of EN 319 102-1, when it did not pass there.
    #[serde(skip)]
    pub(crate) meaning: Option<(Indication, Option<SubIndication>)>,
}

/// The steps, in the order in which they are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepName {
    /// The structure can be read; deviations are told apart.
    Structure,
    /// The signature value holds over toSign, with the signer's key.
    SignatureValue,
    /// When it was signed, and how that is known.
    SigningTime,
    /// The signer's certificate: chain, validity, revocation, key usage, at the time of signing.
    SignerCertificate,
    /// The content is what was signed.
    ContentDigest,
    /// The maker's signature holds over the seal.
    MakerSignature,
    /// The maker's certificate: chain, validity, revocation, and that its holder makes seals.
    MakerCertificate,
    /// The seal lists the signer's certificate, byte for byte or by digest.
    SignerListed,
    /// The time of signing lies inside the seal's validity.
    SealValidity,
    /// Critical extensions are known; only reported when one is not.
    Extensions,
}

impl StepName {
    /// In Chinese.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Structure => "数据结构",
            Self::SignatureValue => "签名值",
            Self::SigningTime => "签章时间",
            Self::SignerCertificate => "签章人证书",
            Self::ContentDigest => "原文杂凑值",
            Self::MakerSignature => "制章人签名",
            Self::MakerCertificate => "制章人证书",
            Self::SignerListed => "签章人授权",
            Self::SealValidity => "印章有效期",
            Self::Extensions => "扩展数据",
        }
    }

    /// In English.
    #[must_use]
    pub const fn en(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::SignatureValue => "signature value",
            Self::SigningTime => "signing time",
            Self::SignerCertificate => "signer's certificate",
            Self::ContentDigest => "content digest",
            Self::MakerSignature => "maker's signature",
            Self::MakerCertificate => "maker's certificate",
            Self::SignerListed => "signer listed in the seal",
            Self::SealValidity => "validity of the seal",
            Self::Extensions => "extensions",
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It holds, and something is worth knowing.
    Warned,
    /// It does not hold.
    Failed,
    /// Nothing can be said.
    Undecided,
}

/// How the time of signing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeSource {
    /// A time-stamp of the signature value that holds.
    SignatureTimestamp,
    /// The signer says so.
    Claimed,
    /// The signer says nothing that could be read; another proof of existence says when it was there.
    Proof,
    /// Nothing says when: the time of validation stands for it.
    Validation,
}

/// The steps while they are made.
#[derive(Default)]
pub(super) struct Steps(Vec<Step>);

impl Steps {
    pub(super) fn into_inner(self) -> Vec<Step> {
        self.0
    }

    fn push(
        &mut self,
        name: StepName,
        outcome: Outcome,
        meaning: Option<(Indication, Option<SubIndication>)>,
        words: (String, String),
    ) {
        let (zh, en) = words;
        self.0.push(Step { name, outcome, zh, en, meaning });
    }

    pub(super) fn passed(&mut self, name: StepName, zh: impl Into<String>, en: impl Into<String>) {
        self.push(name, Outcome::Passed, None, (zh.into(), en.into()));
    }

    pub(super) fn warned(&mut self, name: StepName, zh: impl Into<String>, en: impl Into<String>) {
        self.push(name, Outcome::Warned, None, (zh.into(), en.into()));
    }

    /// It holds by the steps of GB/T 38540, and means something else to EN 319 102-1.
    pub(super) fn warned_as(
        &mut self,
        name: StepName,
        meaning: (Indication, Option<SubIndication>),
        words: (String, String),
    ) {
        self.push(name, Outcome::Warned, Some(meaning), words);
    }

    /// TOTAL-FAILED.
    pub(super) fn failed(
        &mut self,
        name: StepName,
        sub: SubIndication,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) {
        let meaning = Some((Indication::TotalFailed, Some(sub)));
        self.push(name, Outcome::Failed, meaning, (zh.into(), en.into()));
    }

    /// Failed by the standard of seals, with what EN 319 102-1 says of it.
    pub(super) fn failed_as(
        &mut self,
        name: StepName,
        meaning: (Indication, Option<SubIndication>),
        words: (String, String),
    ) {
        self.push(name, Outcome::Failed, Some(meaning), words);
    }

    /// INDETERMINATE.
    pub(super) fn undecided(
        &mut self,
        name: StepName,
        sub: Option<SubIndication>,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) {
        let meaning = Some((Indication::Indeterminate, sub));
        self.push(name, Outcome::Undecided, meaning, (zh.into(), en.into()));
    }

    pub(super) fn structure(&mut self, version: Version, deviations: &[Deviation]) {
        let standard = version.standard();
        match deviations.len() {
            0 => self.passed(
                StepName::Structure,
                format!("符合 {standard} 的结构"),
                format!("as {standard} has it"),
            ),
            count => self.warned(
                StepName::Structure,
                format!("按 {standard} 解读，有 {count} 处偏离"),
                format!("read as {standard} has it, with {count} deviations"),
            ),
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let has = |outcome| self.0.iter().any(|step| step.outcome == outcome);
        match (has(Outcome::Failed), has(Outcome::Undecided)) {
            (true, _) => Verdict::Invalid,
            (false, true) => Verdict::Undecided,
            (false, false) => Verdict::Valid,
        }
    }

    /// The verdict of EN 319 102-1 over everything: what the validation of the signature said, and what the steps mean. A
    /// proof that it is broken outweighs not knowing; of several the first speaks.
    pub(super) fn conclude(
        &self,
        indication: Indication,
        sub: Option<SubIndication>,
    ) -> (Indication, Option<SubIndication>) {
        let own = std::iter::once((indication, sub));
        let all: Vec<_> = own.chain(self.0.iter().filter_map(|step| step.meaning)).collect();
        let first = |wanted| all.iter().find(|(indication, _)| *indication == wanted).copied();
        first(Indication::TotalFailed)
            .or_else(|| first(Indication::Indeterminate))
            .unwrap_or((Indication::TotalPassed, None))
    }
}
