//! The validation report of ETSI TS 119 102-2 (clause 4; namespace of versions 1.2.1 to 1.3.1), for other programs.
//!
//! Every signature and every time-stamp that stands for itself has a SignatureValidationReport; certificates, revocation
//! data and time-stamps are validation objects known by their SHA-256, so that no octets of a document or a person's
//! certificate are copied. Objects are sorted and nothing is read from a clock: the same report gives the same octets.

mod node;
mod objects;
mod signature;
mod words;

use node::Node;
use objects::Objects;

use super::About;
use crate::verify::Report;

/// The report as an XML document in UTF-8.
#[must_use]
pub fn etsi(report: &Report, about: &About<'_>) -> String {
    let mut objects = Objects::default();
    let mut root = Node::new("ValidationReport")
        .with("xmlns", "http://uri.etsi.org/19102/v1.2.1#")
        .with("xmlns:ds", "http://www.w3.org/2000/09/xmldsig#")
        .with("xmlns:XAdES", "http://uri.etsi.org/01903/v1.3.2#");
    for (number, signature) in (1..).zip(&report.signatures) {
        root = root.child(signature::report(number, signature, about, &mut objects));
    }
    if report.signatures.is_empty() {
        // The standard has no word for it; this one is in use by others.
        let status = Node::new("SignatureValidationStatus")
            .text("MainIndication", "urn:cef:dss:mainindication:noSignatureFound");
        root = root.child(Node::new("SignatureValidationReport").child(status));
    }
    root.maybe(objects.list()).document()
}
