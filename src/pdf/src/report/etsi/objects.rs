//! SignatureValidationObjects (TS 119 102-2 §4.4): each object once, by kind and SHA-256.

use std::collections::BTreeMap;

use pki::validation::{Material, ObjectKind, ProofSource, ProofUsed, TimestampValidation};

use super::node::Node;
use super::{signature, words};

/// What is known of one object.
#[derive(Debug, Default)]
struct Known {
    poe: Option<(i64, ProofSource)>,
    provides: Option<i64>,
    report: Option<Node>,
}

/// The objects that a report refers to.
#[derive(Debug, Default)]
pub(super) struct Objects {
    known: BTreeMap<(u8, [u8; 32]), (ObjectKind, Known)>,
}

impl Objects {
    /// The id of an object, which is in the list from now on.
    pub(super) fn id(&mut self, kind: ObjectKind, sha256: &[u8; 32]) -> String {
        self.entry(kind, sha256);
        let letter = match kind {
            ObjectKind::Certificate => 'C',
            ObjectKind::Crl | ObjectKind::Ocsp => 'R',
            ObjectKind::TimeStamp => 'T',
            ObjectKind::Signature => 'V',
        };
        format!("{letter}-{}", hex::encode_upper(sha256))
    }

    fn entry(&mut self, kind: ObjectKind, sha256: &[u8; 32]) -> &mut Known {
        let rank = match kind {
            ObjectKind::Certificate => 0,
            ObjectKind::Crl => 1,
            ObjectKind::Ocsp => 2,
            ObjectKind::TimeStamp => 3,
            ObjectKind::Signature => 4,
        };
        &mut self.known.entry((rank, *sha256)).or_insert_with(|| (kind, Known::default())).1
    }

    /// Takes in what a verdict rests on.
    pub(super) fn gather(&mut self, material: &Material) {
        for certificate in &material.chain {
            self.entry(ObjectKind::Certificate, &certificate.sha256);
        }
        for used in &material.revocation {
            self.entry(used.kind, &used.sha256);
            self.entry(ObjectKind::Certificate, &used.certificate);
        }
        for ProofUsed { kind, object, poe } in &material.proofs {
            // A signature value's proof stands with the signature, as its best signature time.
            if *kind != ObjectKind::Signature {
                let known = self.entry(*kind, object);
                if known.poe.is_none_or(|(time, _)| poe.time < time) {
                    known.poe = Some((poe.time, poe.source));
                }
            }
        }
    }

    /// Takes in a time-stamp with the report on it; its id.
    pub(super) fn time_stamp(&mut self, stamp: &TimestampValidation) -> String {
        self.gather(&stamp.material);
        let id = self.id(ObjectKind::TimeStamp, &stamp.token);
        let report = signature::of_time_stamp(&id, stamp, self);
        let known = self.entry(ObjectKind::TimeStamp, &stamp.token);
        known.report = Some(report);
        known.provides = stamp.proves.then_some(stamp.generated_at);
        id
    }

    pub(super) fn list(self) -> Option<Node> {
        if self.known.is_empty() {
            return None;
        }
        let ids: Vec<String> = {
            let mut naming = Self::default();
            self.known.iter().map(|((_, sha256), (kind, _))| naming.id(*kind, sha256)).collect()
        };
        let objects = ids.into_iter().zip(self.known).map(|(id, ((_, sha256), (kind, known)))| {
            let digest = words::digest("DigestAlgAndValue", "sha256", &sha256);
            let poe = known.poe.map(|(time, source)| {
                let proof = match source {
                    ProofSource::Told => "urn:etsi:019102:poetype:provided",
                    ProofSource::SignatureTimestamp | ProofSource::DocumentTimestamp => {
                        "urn:etsi:019102:poetype:validation"
                    }
                };
                Node::new("POE").text("POETime", words::time(time)).text("TypeOfProof", proof)
            });
            let provides =
                known.provides.map(|time| Node::new("POEProvisioning").text("POETime", words::time(time)));
            Node::new("ValidationObject")
                .with("id", id)
                .text("ObjectType", words::object_type(kind))
                .child(Node::new("ValidationObjectRepresentation").maybe(digest))
                .maybe(poe)
                .maybe(provides)
                .maybe(known.report)
        });
        Some(Node::new("SignatureValidationObjects").children(objects))
    }
}
