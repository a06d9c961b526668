//! One SignatureValidationReport (TS 119 102-2 §4.3), its children in the order of the schema.

use pki::validation::{Material, ObjectKind, ProofSource, Step, TimestampValidation};
use pki::{Indication, SubIndication};

use super::node::Node;
use super::objects::Objects;
use super::words;
use crate::report::{About, moment, words::called};
use crate::verify::{Coverage, Kind, Outcome, SealReport, SignatureReport, TimeSource};

/// The report on the signature that is the `number`th of its file.
pub(super) fn report(
    number: usize,
    signature: &SignatureReport,
    about: &About<'_>,
    objects: &mut Objects,
) -> Node {
    let id = format!("S-{number}");
    let validation = signature.validation.as_ref();
    let stamp = signature.timestamp_validation.as_ref();
    let material = validation.map(|v| &v.material).or(stamp.map(|s| &s.material));
    if let Some(material) = material {
        objects.gather(material);
    }
    let stamps: Vec<(String, &TimestampValidation)> =
        validation.iter().flat_map(|v| &v.timestamps).map(|s| (objects.time_stamp(s), s)).collect();
    let signer = signer_id(signature, material, objects);
    let process = validation.map(|v| v.process).or(stamp.map(|s| s.process));
    let steps = validation.map(|v| v.steps.as_slice()).or(stamp.map(|s| s.steps.as_slice()));
    Node::new("SignatureValidationReport")
        .child(identifier(&id, signature))
        .child(constraints(steps.unwrap_or_default(), signature, about).children(seal_steps(signature)))
        .child(time_info(signature, about, &stamps))
        .maybe(signers_document(signature))
        .maybe(attributes(signature, signer.as_deref(), &stamps))
        .maybe(signer.as_deref().map(|id| signer_information(signature, id)))
        .maybe(process.map(|process| {
            Node::new("SignatureValidationProcess").text("SignatureValidationProcessID", process.uri())
        }))
        .child(status(&id, signature, material, &stamps, objects))
}

/// The report inside the validation object of a time-stamp.
pub(super) fn of_time_stamp(id: &str, stamp: &TimestampValidation, objects: &mut Objects) -> Node {
    let constraints =
        Node::new("ValidationConstraintsEvaluationReport").children(stamp.steps.iter().map(step));
    let data = associated(&stamp.material, id, &[], objects);
    Node::new("ValidationReport")
        .maybe((!constraints.is_empty()).then_some(constraints))
        .child(
            Node::new("SignatureValidationProcess").text("SignatureValidationProcessID", stamp.process.uri()),
        )
        .child(
            indications(
                Node::new("SignatureValidationStatus"),
                words::block_indication(stamp.indication),
                stamp.sub_indication,
            )
            .maybe((!data.is_empty()).then_some(data)),
        )
}

fn signer_id(
    signature: &SignatureReport,
    material: Option<&Material>,
    objects: &mut Objects,
) -> Option<String> {
    let told = signature.signer_fingerprint.as_ref().and_then(|text| hex::decode(text).ok());
    let told = told.and_then(|octets| <[u8; 32]>::try_from(octets).ok());
    let end = material.and_then(|material| material.chain.first()).map(|certificate| certificate.sha256);
    Some(objects.id(ObjectKind::Certificate, &told.or(end)?))
}

fn identifier(id: &str, signature: &SignatureReport) -> Node {
    let digest = signature.document_digest.as_ref();
    let digest =
        digest.and_then(|d| words::digest("DigestAlgAndValue", &d.algorithm, &hex::decode(&d.value).ok()?));
    let mut node = Node::new("SignatureIdentifier").with("id", id).maybe(digest);
    if let Some(value) = signature.signature_value.as_ref().and_then(|text| hex::decode(text).ok()) {
        node = node.text("ds:SignatureValue", words::base64(&value));
    }
    let node = node.text("HashOnly", "false").text("DocHashOnly", "false");
    match &signature.field {
        Some(field) => node.text("DAIdentifier", field),
        None => node,
    }
}

fn constraints(steps: &[Step], signature: &SignatureReport, about: &About<'_>) -> Node {
    let policy = signature.validation.as_ref().map(|v| (v.policy.as_str(), v.policy_digest));
    let identifier =
        match policy.and_then(|(_, digest)| words::digest("XAdES:SigPolicyHash", "sha256", &digest)) {
            Some(hash) => {
                let name = policy.map_or("", |(name, _)| name);
                let id = Node::new("XAdES:SigPolicyId").text("XAdES:Identifier", urn("policy", name));
                Node::new("XAdES:SignaturePolicyId").child(id).child(hash)
            }
            None => Node::new("XAdES:SignaturePolicyImplied"),
        };
    let policy = Node::new("SignatureValidationPolicy")
        .child(Node::new("SignaturePolicyIdentifier").child(identifier))
        .text("PolicyName", policy.map_or(about.policy, |(name, _)| name));
    Node::new("ValidationConstraintsEvaluationReport").child(policy).children(steps.iter().map(step))
}

/// A building block, as one constraint with its outcome.
fn step(step: &Step) -> Node {
    let applied = step.constraints.iter().any(|c| words::constraint_status(c.status).ends_with("applied"));
    let state = if applied || step.constraints.is_empty() { "applied" } else { "disabled" };
    let section = format!("EN319102-1:{}", step.block.section());
    let node =
        Node::new("ValidationConstraint").text("ValidationConstraintIdentifier", urn("block", &section));
    let parameters = step.constraints.iter().map(|constraint| {
        let status = serde_word(constraint.status);
        let detail = constraint.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
        Node::new("ValidationConstraintParameter")
            .text("Type", urn("constraint", constraint.name))
            .text("Value", format!("{status}{detail}"))
    });
    let node = node.children(parameters).child(
        Node::new("ConstraintStatus").text("Status", format!("urn:etsi:019102:constraintStatus:{state}")),
    );
    node.child(indications(
        Node::new("ValidationStatus"),
        words::block_indication(step.indication),
        step.sub_indication,
    ))
}

/// The steps of GB/T 38540, each as one constraint; the standard's building blocks know nothing of seals.
fn seal_steps(signature: &SignatureReport) -> impl Iterator<Item = Node> {
    signature.seal.iter().flat_map(|seal| &seal.steps).map(|step| {
        let main = match step.outcome {
            Outcome::Passed | Outcome::Warned => Indication::TotalPassed,
            Outcome::Failed => Indication::TotalFailed,
            Outcome::Undecided => Indication::Indeterminate,
        };
        let parameter = Node::new("ValidationConstraintParameter")
            .text("Type", urn("ses", &step.name))
            .text("Value", format!("{} {}", step.zh, step.en));
        let node = Node::new("ValidationConstraint")
            .text("ValidationConstraintIdentifier", urn("ses", &step.name))
            .child(parameter)
            .child(Node::new("ConstraintStatus").text("Status", "urn:etsi:019102:constraintStatus:applied"));
        node.child(indications(Node::new("ValidationStatus"), words::block_indication(main), None))
    })
}

/// What a seal says of itself, and its state then and now.
fn of_seal(seal: &SealReport) -> Vec<(&'static str, String)> {
    let mut told = vec![
        ("seal-identifier", seal.id.clone()),
        ("seal-name", seal.name.clone()),
        ("seal-kind", seal.kind.number.to_string()),
    ];
    told.extend(seal.version.map(|version| ("seal-version", version.to_string())));
    told.extend(seal.digest.as_ref().map(|digest| ("seal-sha256", digest.value.clone())));
    let optional = [
        ("seal-code", &seal.code),
        ("seal-valid-from", &seal.valid_from),
        ("seal-valid-to", &seal.valid_to),
        ("seal-maker", &seal.maker),
    ];
    told.extend(optional.into_iter().filter_map(|(kind, text)| Some((kind, text.clone()?))));
    for (kind, state) in [("seal-state-then", &seal.then), ("seal-state-now", &seal.now)] {
        let Some(state) = state else { continue };
        let since = state.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
        told.push((kind, format!("{}{since} at {}", state.word.word(), state.at)));
    }
    told.extend(seal.deviations.iter().map(|one| ("seal-deviation", format!("{} {}", one.zh, one.en))));
    told.extend(seal.remarks.iter().map(|one| ("seal-remark", format!("{} {}", one.zh, one.en))));
    told
}

fn serde_word(status: pki::validation::Status) -> &'static str {
    use pki::validation::Status as S;
    match status {
        S::Passed => "passed",
        S::Failed => "failed",
        S::Warned => "warned",
        S::Ignored => "ignored",
    }
}

fn indications(node: Node, main: &str, sub: Option<SubIndication>) -> Node {
    let node = node.text("MainIndication", main);
    match sub {
        Some(sub) => node.text("SubIndication", words::sub_indication(sub)),
        None => node,
    }
}

fn time_info(
    signature: &SignatureReport,
    about: &About<'_>,
    stamps: &[(String, &TimestampValidation)],
) -> Node {
    let best =
        signature.best_signature_time.as_deref().and_then(moment::read).map_or(about.at, |(unix, _)| unix);
    let told =
        signature.validation.as_ref().and_then(|v| v.best_signature_time_source) == Some(ProofSource::Told);
    let proof = if told { "provided" } else { "validation" };
    let by = stamps.iter().find(|(_, stamp)| {
        signature.time_source == TimeSource::SignatureTimestamp && stamp.proves && stamp.generated_at == best
    });
    let best = Node::new("BestSignatureTime")
        .text("POETime", words::time(best))
        .text("TypeOfProof", format!("urn:etsi:019102:poetype:{proof}"))
        .maybe(by.map(|(id, _)| Node::reference("POEObject", id)));
    Node::new("ValidationTimeInfo").text("ValidationTime", words::time(about.at)).child(best)
}

fn signers_document(signature: &SignatureReport) -> Option<Node> {
    let digest = signature.document_digest.as_ref()?;
    let digest = words::digest("DigestAlgAndValue", &digest.algorithm, &hex::decode(&digest.value).ok()?)?;
    Some(Node::new("SignersDocument").child(digest))
}

/// SignatureAttributes: any order, at least one.
fn attributes(
    signature: &SignatureReport,
    signer: Option<&str>,
    stamps: &[(String, &TimestampValidation)],
) -> Option<Node> {
    let mut node = Node::new("SignatureAttributes");
    if let Some((unix, _)) = signature.signing_time.as_deref().and_then(moment::read) {
        // A PDF's claimed time stands in the signature dictionary, which the signature covers.
        node = node.child(Node::new("SigningTime").with("Signed", "true").text("Time", words::time(unix)));
    }
    if let (Some(signer), Some(fingerprint)) = (signer, &signature.signer_fingerprint)
        && let Ok(sha256) = hex::decode(fingerprint)
    {
        let id = words::digest("CertID", "sha256", &sha256);
        node = node.child(
            Node::new("SigningCertificate").child(Node::reference("AttributeObject", signer)).maybe(id),
        );
    }
    for (id, stamp) in stamps {
        let name = match stamp.kind {
            pki::validation::StampKind::Content => "AllDataObjectsTimeStamp",
            pki::validation::StampKind::Signature => "SignatureTimeStamp",
            pki::validation::StampKind::Document => "DocTimeStamp",
        };
        node = node.child(
            Node::new(name)
                .child(Node::reference("AttributeObject", id))
                .text("TimeStampValue", words::time(stamp.generated_at)),
        );
    }
    if let Some(sub_filter) = &signature.sub_filter {
        node = node.child(Node::new("SubFilter").with("Signed", "true").text("SubFilterElement", sub_filter));
    }
    if let Some(range) = signature.byte_range {
        node = node.text("ByteRange", range.map(|number| number.to_string()).join(" "));
    }
    (!node.is_empty()).then_some(node)
}

fn signer_information(signature: &SignatureReport, id: &str) -> Node {
    let node = Node::new("SignerInformation").child(Node::reference("SignerCertificate", id));
    match &signature.signer {
        Some(subject) => node.text("Signer", called(subject)),
        None => node,
    }
}

fn status(
    id: &str,
    signature: &SignatureReport,
    material: Option<&Material>,
    stamps: &[(String, &TimestampValidation)],
    objects: &mut Objects,
) -> Node {
    // The standard has no word for what happened to a document after a signature that still holds; a reader who knows
    // nothing of it must not take such a signature for good.
    let spoilt = !signature.changes_allowed || signature.coverage == Coverage::Partial;
    let (main, sub) = match (signature.indication, spoilt) {
        (Indication::TotalFailed, _) => (Indication::TotalFailed, signature.sub_indication),
        (_, true) => (Indication::TotalFailed, Some(SubIndication::FormatFailure)),
        (main, false) => (main, signature.sub_indication),
    };
    let related: Vec<&str> = stamps.iter().map(|(id, _)| id.as_str()).collect();
    let none = Material::default();
    let mut data = associated(material.unwrap_or(&none), id, &related, objects);
    if !matches!(signature.kind, Kind::Cms | Kind::Timestamp) {
        let mut additional: Vec<(&'static str, String)> = Vec::new();
        if signature.byte_range.is_some() || signature.seal.is_none() {
            additional.push(("coverage", coverage(signature.coverage).to_owned()));
        }
        additional.extend(signature.seal.iter().flat_map(of_seal));
        additional.extend(signature.changes.iter().map(|class| {
            let allowed = if signature.changes_allowed { "allowed" } else { "not allowed" };
            ("change", format!("{}: {allowed}", crate::report::sentences::class(*class).en))
        }));
        additional.extend(signature.reasons.iter().map(|reason| ("reason", reason.clone())));
        data = data.child(Node::new("AdditionalValidationReportData").children(additional.into_iter().map(
            |(kind, text)| Node::new("ReportData").text("Type", urn("data", kind)).text("Value", text),
        )));
    }
    indications(Node::new("SignatureValidationStatus"), words::main_indication(main), sub)
        .maybe((!data.is_empty()).then_some(data))
}

fn coverage(coverage: Coverage) -> &'static str {
    match coverage {
        Coverage::File => "file",
        Coverage::Revision => "revision",
        Coverage::Partial => "partial",
    }
}

/// AssociatedValidationReportData (§4.3.12), in the order of the schema.
fn associated(material: &Material, id: &str, related: &[&str], objects: &mut Objects) -> Node {
    let mut chain = Node::new("CertificateChain");
    let mut anchor = None;
    for (index, certificate) in material.chain.iter().enumerate() {
        let object = objects.id(ObjectKind::Certificate, &certificate.sha256);
        let name = match index {
            0 => "SigningCertificate",
            _ if certificate.anchor => "TrustAnchor",
            _ => "IntermediateCertificate",
        };
        if certificate.anchor {
            anchor = Some(Node::reference("TrustAnchor", &object));
        }
        chain = chain.child(Node::reference(name, &object));
    }
    let mut related: Vec<String> = related.iter().map(|id| (*id).to_owned()).collect();
    related.extend(material.revocation.iter().map(|used| objects.id(used.kind, &used.sha256)));
    related.sort();
    related.dedup();
    let revoked = material.revocation.iter().find_map(|used| Some((used, used.revoked_at?)));
    let revocation = revoked.map(|(used, time)| {
        let mut node = Node::new("RevocationStatusInformation")
            .child(Node::reference(
                "ValidationObjectId",
                &objects.id(ObjectKind::Certificate, &used.certificate),
            ))
            .text("RevocationTime", words::time(time));
        if let Some(reason) = used.reason {
            node = node.text("RevocationReason", words::revocation_reason(reason));
        }
        node.child(Node::reference("RevocationObject", &objects.id(used.kind, &used.sha256)))
    });
    Node::new("AssociatedValidationReportData")
        .maybe(anchor)
        .maybe((!chain.is_empty()).then_some(chain))
        .children(related.iter().map(|id| Node::reference("RelatedValidationObject", id)))
        .maybe(revocation)
        .maybe(words::cryptography(id, &material.algorithms))
}

/// A name of this project's own, where the standard has none.
fn urn(kind: &str, name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_') { c } else { '-' })
        .collect();
    format!("urn:cinnabar:validation:{kind}:{name}")
}
