//! One signer of a message, or a time-stamp: judged as its like inside a PDF, over content that is elsewhere.

use std::sync::Arc;

use crypto::{DigestAlgorithm, Hasher};
use pki::cms::{SignedAttributes, SignedData, TimeStampToken};
use pki::{Indication, SubIndication};

use super::Limits;
use crate::syntax::{ReadError, Source};
use crate::verify::cms;
use crate::verify::container::{Context, Judgement, OpenContainer};
use crate::verify::report::TimestampReport;
use crate::verify::report::{
    Coverage, DocumentDigest, Integrity, Kind, Level, SignatureReport, TimeSource, Trust,
};
use crate::verify::{Options, Unreadable, date};

/// One thing to judge.
pub(super) enum Signer {
    /// A signer of a message.
    Cms(Box<SignedData>),
    /// A time-stamp token, and SHA-256 of its octets.
    TimeStamp(Box<TimeStampToken>, [u8; 32]),
    /// What a container verifier outside this crate opened.
    Contained(Box<dyn OpenContainer>),
}

/// What was signed, as far as judging needs it: read once, whatever is asked of it.
#[derive(Default)]
pub(super) struct Content {
    known: bool,
    digests: Vec<(DigestAlgorithm, Vec<u8>)>,
    octets: Option<Arc<[u8]>>,
}

impl Content {
    pub(super) fn of(
        source: Option<&dyn Source>,
        signers: &[Signer],
        limits: &Limits,
    ) -> Result<Self, ReadError> {
        let Some(source) = source else { return Ok(Self::default()) };
        let length = source.len();
        let mut hashers: Vec<Hasher> = Vec::new();
        for algorithm in signers.iter().filter_map(Signer::digest_algorithm) {
            if hashers.iter().all(|hasher| hasher.algorithm() != algorithm) {
                hashers.push(algorithm.hasher());
            }
        }
        let mut buffer = vec![0; BLOCK];
        let mut at = 0;
        while at < length && !hashers.is_empty() {
            let size = usize::try_from(length - at).map_or(BLOCK, |left| left.min(BLOCK));
            let Some(block) = buffer.get_mut(..size) else { break };
            source.read_at(at, block)?;
            hashers.iter_mut().for_each(|hasher| hasher.update(block));
            at += size as u64;
        }
        let digests = hashers.into_iter().map(|hasher| (hasher.algorithm(), hasher.finish())).collect();
        let short = usize::try_from(length).ok().filter(|length| *length <= limits.unattributed);
        let octets = match short {
            Some(short) if signers.iter().any(Signer::is_over_content) => {
                let mut octets = vec![0; short];
                source.read_at(0, &mut octets)?;
                Some(octets.into())
            }
            _ => None,
        };
        Ok(Self { known: true, digests, octets })
    }

    fn digest(&self, algorithm: DigestAlgorithm) -> Option<&[u8]> {
        self.digests.iter().find(|(other, _)| *other == algorithm).map(|(_, digest)| digest.as_slice())
    }
}

impl Signer {
    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        let oid = match self {
            Self::Cms(data) => data.digest_oid(),
            Self::TimeStamp(token, _) => token.info().imprint_algorithm,
            Self::Contained(container) => return container.digest_algorithm(),
        };
        DigestAlgorithm::from_oid(&oid).ok()
    }

    /// Whether there is content it is over.
    pub(super) fn needs_content(&self) -> bool {
        match self {
            Self::Contained(container) => container.needs_content(),
            Self::Cms(_) | Self::TimeStamp(..) => true,
        }
    }

    /// Whether the signature is over the content itself instead of attributes with its digest.
    fn is_over_content(&self) -> bool {
        matches!(self, Self::Cms(data) if data.signed_attributes().is_none())
    }

    /// Judges it and says so. `differs`: the content inside is not that beside it. `trailing`: octets after the end.
    pub(super) fn report(
        self,
        content: &Content,
        differs: bool,
        trailing: u64,
        options: &Options<'_>,
    ) -> Result<SignatureReport, Unreadable> {
        let algorithm = self.digest_algorithm();
        // Without the content, what the signer says of it stands in: the rest can still be judged.
        let claimed = match &self {
            Self::Cms(data) => data.signed_attributes().and_then(|attributes| attributes.message_digest()),
            Self::TimeStamp(token, _) => Some(token.info().imprint.as_slice()),
            Self::Contained(container) => container.claimed_digest(),
        };
        let digest = if content.known { algorithm.and_then(|a| content.digest(a)) } else { claimed };
        let digest = digest.map(<[u8]>::to_vec);
        let document_digest = match (content.known, algorithm, &digest) {
            (true, Some(algorithm), Some(digest)) => Some(DocumentDigest::new(algorithm, digest)),
            _ => None,
        };
        let signature_value = match &self {
            Self::Cms(data) => Some(hex::encode(data.signature_value())),
            Self::TimeStamp(token, _) => Some(hex::encode(token.signed_data().signature_value())),
            Self::Contained(container) => container.signature_value().map(hex::encode),
        };
        let kind = match &self {
            Self::Cms(_) => Kind::Cms,
            Self::TimeStamp(..) => Kind::Timestamp,
            Self::Contained(container) => container.kind(),
        };
        let lacks_content = !content.known && self.needs_content();
        let signing_time = match &self {
            Self::Cms(data) => data.signed_attributes().and_then(|attributes| attributes.signing_time()),
            Self::TimeStamp(token, _) => Some(token.info().gen_time),
            Self::Contained(_) => None,
        };
        let name = if kind == Kind::Timestamp { "time-stamp" } else { "signature" };
        let context = Context { name, ..Context::bare(options) };
        // EN 319 122-1 §6.3: a CAdES baseline signature carries and names its certificate and says when it was made.
        let names_signer = match &self {
            Self::Cms(data) => {
                data.signed_attributes().is_some_and(SignedAttributes::has_signing_certificate)
            }
            Self::TimeStamp(..) | Self::Contained(_) => false,
        };
        let inside = match &self {
            Self::Cms(data) => data.certificates().to_vec(),
            Self::TimeStamp(..) | Self::Contained(_) => Vec::new(),
        };
        let opened = match (self, &content.octets) {
            (Self::Cms(data), Some(octets)) => cms::of(data.over(octets.clone())),
            (Self::Cms(data), None) => cms::of(*data),
            (Self::TimeStamp(token, sha256), _) => Ok(cms::of_token(*token, sha256)),
            (Self::Contained(container), _) => Ok(container),
        };
        let mut judgement = match opened {
            Ok(container) => container.judge(digest.as_deref(), &context),
            Err(error) => Judgement::from(error),
        };
        if let Some(budget) = judgement.too_complex {
            return Err(Unreadable::TooComplex { budget });
        }
        judgement.baseline = names_signer && judgement.signer.as_ref().is_some_and(|s| inside.contains(s));
        if lacks_content && judgement.integrity != Integrity::Broken {
            judgement.integrity = Integrity::Unknown;
            judgement.indication = Indication::Indeterminate;
            judgement.sub_indication = Some(SubIndication::SignedDataNotFound);
            judgement.reasons.insert(0, "the content that was signed is neither inside nor given".into());
        }
        if differs {
            fail(&mut judgement, SubIndication::HashFailure, "another content than the one given was signed");
        }
        if trailing > 0 {
            let reason = format!("{trailing} octets follow the end of the signature");
            fail(&mut judgement, SubIndication::FormatFailure, &reason);
        }
        let signing_time = judgement.claimed.or(signing_time);
        let described = described(kind, judgement, signing_time, options);
        Ok(SignatureReport { document_digest, signature_value, ..described })
    }
}

fn fail(judgement: &mut Judgement, sub_indication: SubIndication, reason: &str) {
    if judgement.integrity != Integrity::Broken {
        judgement.integrity = Integrity::Broken;
        judgement.indication = Indication::TotalFailed;
        judgement.sub_indication = Some(sub_indication);
    }
    judgement.reasons.insert(0, reason.to_owned());
}

fn described(
    kind: Kind,
    judgement: Judgement,
    signing_time: Option<i64>,
    options: &Options<'_>,
) -> SignatureReport {
    let intact = judgement.integrity == Integrity::Intact;
    let proven = match kind {
        // A token proves its own time only once its authority is trusted.
        Kind::Timestamp if judgement.trust != Trust::Trusted || !intact => None,
        _ => judgement.timestamp.filter(|_| intact),
    };
    let (best, time_source) = match (proven, kind) {
        (Some(time), Kind::Timestamp) => (time, TimeSource::DocumentTimestamp),
        (Some(time), _) => (time, TimeSource::SignatureTimestamp),
        (None, _) => (options.at, TimeSource::ValidationTime),
    };
    let baseline = kind == Kind::Cms && intact && judgement.baseline && signing_time.is_some();
    SignatureReport {
        kind,
        field: None,
        integrity: judgement.integrity,
        coverage: Coverage::File,
        not_covered: Vec::new(),
        byte_range: None,
        revision: None,
        changes: Vec::new(),
        changes_allowed: true,
        changed_objects: Vec::new(),
        trust: judgement.trust,
        level: match (baseline, proven) {
            (false, _) => Level::None,
            (true, None) => Level::BB,
            (true, Some(_)) => Level::BT,
        },
        level_reason: None,
        sub_filter: None,
        indication: judgement.indication,
        sub_indication: judgement.sub_indication,
        reasons: judgement.reasons,
        signer: judgement.signer.as_ref().map(|certificate| certificate.subject().to_string()),
        signer_fingerprint: judgement.signer.as_ref().map(|c| hex::encode(c.sha256_fingerprint())),
        signing_time: signing_time.map(date::rfc3339),
        best_signature_time: Some(date::rfc3339(best)),
        time_source,
        document_digest: None,
        signature_value: None,
        timestamps: judgement
            .validation
            .iter()
            .flat_map(|validation| &validation.timestamps)
            .map(TimestampReport::of)
            .collect(),
        validation: judgement.validation.map(|validation| *validation),
        timestamp_validation: judgement.timestamp_validation.map(|validation| *validation),
        seal: judgement.seal.map(|seal| *seal),
    }
}

/// Octets hashed at a time.
const BLOCK: usize = 1 << 16;
