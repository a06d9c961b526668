//! From findings to a report: digests, containers, changes, times, and the one word at the end.

use pki::{Certificate, Indication, SubIndication};

use super::cms::{CmsContainer, TimeStampContainer};
use super::container::{Judgement, SignatureContainer};
use super::evidence::Evidence;
use super::inspect::{Findings, Found};
use super::judgements::{Judged, Judgements, Opened};
use super::picture::Pictures;
use super::report::{
    Coverage, DocumentDigest, FileFacts, Integrity, Kind, Report, SignatureReport, Trust, Verdict,
};
use super::{Format, Options, Unreadable, changes, date, hash};
use crate::syntax::{Dictionary, Document, Object, ReadError};

pub(crate) fn judge(
    document: &Document<'_>,
    mut findings: Findings,
    options: &Options<'_>,
) -> Result<Report, Unreadable> {
    let mut opened: Vec<Opened> = findings.signatures.iter().map(|found| open(found, options)).collect();
    let (mut digests, startxrefs) = digest_all(document, &findings, &opened)?;
    let lost = findings.lost(document, &startxrefs)?;
    opened.extend(lost.iter().map(|found| open(found, options)));
    digests.extend(lost.iter().map(|_| None));
    findings.signatures.extend(lost);
    let steps = changes::steps(document, &findings)?;
    let evidence =
        if findings.signatures.is_empty() { Evidence::default() } else { Evidence::of(document.view())? };
    let mut warnings = findings.warnings.clone();
    warnings.extend(evidence.warnings.iter().cloned());

    let mut judgements = Judgements::of(&findings, &opened, &digests, &evidence, options)?;

    let mut pictures = Pictures::of(document);
    let mut signatures = Vec::new();
    for (index, found) in findings.signatures.iter().enumerate() {
        let entry = Entry { document, findings: &findings, steps: &steps };
        let kind = opened.get(index).and_then(|container| container.as_ref().ok()).map(|c| c.kind());
        let mut report = entry.report(found, kind, judgements.take(index))?;
        if let Some(Ok(container)) = opened.get(index) {
            report.signature_value = container.signature_value().map(hex::encode);
            let digest = digests.get(index).and_then(Option::as_ref);
            report.document_digest = container
                .digest_algorithm()
                .zip(digest)
                .map(|(algorithm, digest)| DocumentDigest::new(algorithm, digest));
        }
        if let Some(picture) = report.seal.as_mut().and_then(|seal| seal.picture.as_mut()) {
            let sound = report.indication != Indication::TotalFailed;
            picture.shown = match &found.field {
                Some((field, _)) if sound => pictures.shown(*field, &picture.octets)?,
                _ => None,
            };
        }
        signatures.push(report);
    }
    let newest_end = findings.revisions.newest().map_or(0, |revision| revision.end);
    let (major, minor) = document.version();
    Ok(Report {
        verdict: verdict(&signatures),
        signatures,
        file: FileFacts {
            format: Format::Pdf,
            length: document.source().len(),
            version: format!("{major}.{minor}"),
            revisions: findings.revisions.list.len(),
            linearized: findings.revisions.linearized,
            header_offset: document.header_offset(),
            trailing: findings
                .revisions
                .trailing
                .as_ref()
                .map_or(0, |_| document.source().len() - newest_end),
            oddities: document.oddities().into_iter().map(crate::syntax::Oddity::describe).collect(),
        },
        warnings,
    })
}

/// The certificates inside the containers of a document's signatures, and in its security store.
pub(crate) fn certificates(
    document: &Document<'_>,
    options: &Options<'_>,
) -> Result<Vec<Certificate>, Unreadable> {
    let findings = Findings::of(document)?;
    let mut all = Evidence::of(document.view())?.certificates;
    let opened = findings.signatures.iter().filter_map(|found| open(found, options).ok());
    all.extend(opened.flat_map(|container| container.certificates()));
    Ok(all)
}

pub(super) fn is_timestamp(dictionary: &Dictionary) -> bool {
    dictionary.get(b"SubFilter").and_then(Object::as_name) == Some(b"ETSI.RFC3161")
        || dictionary.get(b"Type").and_then(Object::as_name) == Some(b"DocTimeStamp")
}

/// Opens the container with the verifier for its `/SubFilter`; what no verifier sees is judged here.
fn open(found: &Found, options: &Options<'_>) -> Opened {
    let Some(signed) = &found.examined.signed else {
        let mut judgement = Judgement::broken("the signature's structure does not hold");
        judgement.reasons.clear(); // the examination gave its own
        return Err(Box::new(judgement));
    };
    let dictionary = &found.examined.dictionary;
    let sub_filter = dictionary.get(b"SubFilter").and_then(Object::as_name).unwrap_or_default();
    match dictionary.get(b"Type").map(Object::as_name) {
        None => {}
        Some(Some(b"Sig")) if sub_filter != b"ETSI.RFC3161" => {}
        Some(Some(b"DocTimeStamp")) if sub_filter == b"ETSI.RFC3161" => {}
        _ => {
            let reason = "/Type and /SubFilter of the signature contradict each other";
            return Err(Box::new(Judgement::broken(reason)));
        }
    }
    let Some(verifier) = verifier(sub_filter, &signed.container, options) else {
        let name = String::from_utf8_lossy(sub_filter);
        let reason = format!("signatures of /SubFilter `{name}` are not supported");
        return Err(Box::new(Judgement::unknown(reason)));
    };
    let opened = verifier.open(&signed.container).map_err(|error| Box::new(error.into()))?;
    // What stands for itself says nothing of the file it was put into: a seal, which everybody has who was ever sent a
    // sealed document, would make a signature over any other (ISO 32000-2 §12.8.1: /Contents is a signature over the
    // octets of /ByteRange).
    if opened.kind() == Kind::Seal || !opened.needs_content() {
        let reason =
            "/Contents holds an electronic seal and no signature made with it: nothing here is signed";
        return Err(Box::new(Judgement::broken(reason)));
    }
    Ok(opened)
}

/// Among those that some known `/SubFilter` belongs to, the one whose octets these are, and else the one whose name it is.
/// A time-stamp is one by name alone: that a document time-stamp is no signature must not hang on its octets.
fn verifier<'v>(
    sub_filter: &[u8],
    octets: &[u8],
    options: &Options<'v>,
) -> Option<&'v dyn SignatureContainer> {
    if TimeStampContainer.handles(sub_filter) {
        return Some(&TimeStampContainer);
    }
    let all = || options.containers.iter().copied().chain([&CmsContainer as &dyn SignatureContainer]);
    let named = all().find(|container| container.handles(sub_filter))?;
    Some(all().find(|container| container.recognises(octets)).unwrap_or(named))
}

/// By signature; `None` where no digest is wanted.
type Digests = Vec<Option<Vec<u8>>>;

/// The digest of each signature's octets, and where the file holds a `startxref`.
fn digest_all(
    document: &Document<'_>,
    findings: &Findings,
    opened: &[Opened],
) -> Result<(Digests, Vec<u64>), ReadError> {
    let mut jobs = Vec::new();
    let mut owners = Vec::new();
    for (i, (found, container)) in findings.signatures.iter().zip(opened).enumerate() {
        let algorithm = container.as_ref().ok().and_then(|container| container.digest_algorithm());
        if let (Some(signed), Some(algorithm)) = (&found.examined.signed, algorithm) {
            jobs.push(hash::Job {
                algorithm,
                gap: signed.first.end..signed.second.start,
                end: signed.second.end,
            });
            owners.push(i);
        }
    }
    let mut digests: Digests = vec![None; opened.len()];
    let pass = hash::pass(document.source(), &jobs)?;
    for (owner, digest) in owners.into_iter().zip(pass.digests) {
        if let Some(slot) = digests.get_mut(owner) {
            *slot = Some(digest);
        }
    }
    Ok((digests, pass.startxrefs))
}

struct Entry<'e, 'a> {
    document: &'e Document<'a>,
    findings: &'e Findings,
    steps: &'e [changes::Step],
}

impl Entry<'_, '_> {
    fn report(
        &self,
        found: &Found,
        kind: Option<Kind>,
        judged: Judged,
    ) -> Result<SignatureReport, ReadError> {
        let Judged { judgement, best: (best, time_source), reached, timestamps } = judged;
        let examined = &found.examined;
        let dictionary = &examined.dictionary;
        let revision = examined.signed.as_ref().map(|signed| signed.revision);
        let mut reasons: Vec<String> = examined.reasons.iter().map(|reason| (*reason).to_owned()).collect();
        reasons.extend(judgement.reasons);
        let after = changes::after(self.document, self.findings, self.steps, found)?;
        reasons.extend(after.reasons);
        let length = self.document.source().len();
        let newest = self.findings.revisions.list.len().checked_sub(1);
        let coverage = match revision {
            Some(_) if revision == newest && self.findings.revisions.trailing.is_none() => Coverage::File,
            Some(_) => Coverage::Revision,
            None => Coverage::Partial,
        };
        let timestamp = is_timestamp(dictionary);
        let sub_filter = dictionary.get(b"SubFilter").and_then(Object::as_name);
        let claimed = dictionary.get(b"M").and_then(Object::as_string).and_then(date::parse);
        let claimed = judgement.claimed.map(date::rfc3339).or(claimed.map(|date| date.text));
        let broken = found.removed || judgement.integrity == Integrity::Broken;
        let (indication, sub_indication) = match (judgement.indication, broken) {
            (Indication::TotalFailed, _) => (Indication::TotalFailed, judgement.sub_indication),
            (_, true) => (Indication::TotalFailed, Some(SubIndication::FormatFailure)),
            (indication, _) => (indication, judgement.sub_indication),
        };
        Ok(SignatureReport {
            kind: match kind {
                _ if timestamp => Kind::DocumentTimestamp,
                Some(kind @ Kind::SesSignature) => kind,
                _ => Kind::Signature,
            },
            field: found.field.as_ref().map(|(_, name)| name.clone()),
            integrity: if broken { Integrity::Broken } else { judgement.integrity },
            coverage,
            not_covered: not_covered(examined.byte_range, revision.is_some(), length),
            byte_range: examined.byte_range,
            revision: revision.map(|revision| revision + 1),
            changes: after.classes,
            changes_allowed: after.allowed,
            changed_objects: after.objects,
            trust: judgement.trust,
            level: reached.level,
            level_reason: reached.why_not_more,
            sub_filter: sub_filter.map(|name| String::from_utf8_lossy(name).into_owned()),
            indication,
            sub_indication,
            reasons,
            signer: judgement.signer.as_ref().map(|certificate| certificate.subject().to_string()),
            signer_fingerprint: judgement.signer.as_ref().map(|c| hex::encode(c.sha256_fingerprint())),
            signing_time: claimed,
            best_signature_time: Some(date::rfc3339(best)),
            time_source,
            document_digest: None,
            signature_value: None,
            timestamps,
            validation: judgement.validation.map(|validation| *validation),
            timestamp_validation: judgement.timestamp_validation.map(|validation| *validation),
            seal: judgement.seal.map(|seal| *seal),
        })
    }
}

/// The parts of the file outside the byte range; of a sound one, only what follows it.
fn not_covered(range: Option<[u64; 4]>, sound: bool, length: u64) -> Vec<[u64; 2]> {
    let Some([start, first, second, tail]) = range else { return vec![[0, length]] };
    let first_end = start.saturating_add(first);
    let gap = (!sound).then_some([first_end, second]);
    [Some([0, start]), gap, Some([second.saturating_add(tail), length])]
        .into_iter()
        .flatten()
        .filter(|[from, to]| from < to)
        .collect()
}

impl Report {
    /// Sums up anew, for whoever knows more of a signature than its octets say and has changed its indication.
    pub fn conclude(&mut self) {
        self.verdict = verdict(&self.signatures);
    }
}

/// Precedence: anything broken, then anything undecided, then nothing there, then valid.
pub(super) fn verdict(signatures: &[SignatureReport]) -> Verdict {
    let failed = |s: &SignatureReport| {
        s.integrity == Integrity::Broken
            || !s.changes_allowed
            || s.coverage == Coverage::Partial
            || s.indication == Indication::TotalFailed
    };
    let undecided = |s: &SignatureReport| {
        s.integrity == Integrity::Unknown
            || s.indication != Indication::TotalPassed
            || s.trust != Trust::Trusted
    };
    let timestamp = |s: &SignatureReport| s.kind == Kind::DocumentTimestamp;
    if signatures.is_empty() {
        Verdict::NoSignature
    } else if signatures.iter().any(failed) {
        Verdict::Invalid
    } else if signatures.iter().all(|s| timestamp(s) && s.integrity == Integrity::Intact) {
        Verdict::TimestampOnly
    } else if signatures.iter().any(undecided) {
        Verdict::Undecided
    } else {
        Verdict::Valid
    }
}
