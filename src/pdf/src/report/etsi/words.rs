//! Identifiers of TS 119 102-2 and of XML signatures.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pki::validation::{AlgorithmUsed, ObjectKind, Reliability, Status};
use pki::{Indication, SubIndication};

use super::node::Node;

/// TS 119 102-2 §4.3.3: of a signature.
pub(super) fn main_indication(indication: Indication) -> &'static str {
    match indication {
        Indication::TotalPassed => "urn:etsi:019102:mainindication:total-passed",
        Indication::Indeterminate => "urn:etsi:019102:mainindication:indeterminate",
        Indication::TotalFailed => "urn:etsi:019102:mainindication:total-failed",
    }
}

/// Of a building block or of an object that is no signature.
pub(super) fn block_indication(indication: Indication) -> &'static str {
    match indication {
        Indication::TotalPassed => "urn:etsi:019102:mainindication:passed",
        Indication::Indeterminate => "urn:etsi:019102:mainindication:indeterminate",
        Indication::TotalFailed => "urn:etsi:019102:mainindication:failed",
    }
}

pub(super) fn sub_indication(sub: SubIndication) -> String {
    format!("urn:etsi:019102:subindication:{sub}")
}

/// TS 119 102-2 §4.3.5.4: whether a constraint was applied.
pub(super) fn constraint_status(status: Status) -> &'static str {
    match status {
        Status::Passed | Status::Failed => "urn:etsi:019102:constraintStatus:applied",
        Status::Warned | Status::Ignored => "urn:etsi:019102:constraintStatus:disabled",
    }
}

/// TS 119 102-2 §4.4.4.
pub(super) fn object_type(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Certificate => "urn:etsi:019102:validationObject:certificate",
        ObjectKind::Crl => "urn:etsi:019102:validationObject:CRL",
        ObjectKind::Ocsp => "urn:etsi:019102:validationObject:OCSPResponse",
        ObjectKind::TimeStamp => "urn:etsi:019102:validationObject:timestamp",
        ObjectKind::Signature => "urn:etsi:019102:validationObject:other",
    }
}

/// `urn:etsi:019102:revocationReason:…` with the word of RFC 5280 §5.3.1.
pub(super) fn revocation_reason(name: &str) -> String {
    format!("urn:etsi:019102:revocationReason:{name}")
}

/// The identifier of a digest algorithm (RFC 9231 §2.1).
pub(super) fn digest_uri(name: &str) -> Option<&'static str> {
    Some(match name {
        "sha256" => "http://www.w3.org/2001/04/xmlenc#sha256",
        "sha384" => "http://www.w3.org/2001/04/xmldsig-more#sha384",
        "sha512" => "http://www.w3.org/2001/04/xmlenc#sha512",
        "sha224" => "http://www.w3.org/2001/04/xmldsig-more#sha224",
        "sha1" => "http://www.w3.org/2000/09/xmldsig#sha1",
        "md5" => "http://www.w3.org/2001/04/xmldsig-more#md5",
        _ => return None,
    })
}

/// The identifier of a signature algorithm (RFC 9231 §2.3).
pub(super) fn signature_uri(family: &str, digest: &str) -> Option<String> {
    Some(match family {
        "ecdsa" if digest == "sha1" => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1".to_owned(),
        "ecdsa" => format!("http://www.w3.org/2001/04/xmldsig-more#ecdsa-{digest}"),
        "rsa-pkcs1" if digest == "sha1" => "http://www.w3.org/2000/09/xmldsig#rsa-sha1".to_owned(),
        "rsa-pkcs1" => format!("http://www.w3.org/2001/04/xmldsig-more#rsa-{digest}"),
        "rsa-pss" => format!("http://www.w3.org/2007/05/xmldsig-more#{digest}-rsa-MGF1"),
        "eddsa" => "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519".to_owned(),
        _ => return None,
    })
}

/// CryptoInformation about the signature with that id: its algorithm, whether it is secure, and until when.
pub(super) fn cryptography(id: &str, algorithms: &[AlgorithmUsed]) -> Option<Node> {
    let own: Vec<&AlgorithmUsed> =
        algorithms.iter().filter(|used| used.kind == ObjectKind::Signature).collect();
    let digest = own.iter().find(|used| digest_uri(used.algorithm).is_some())?;
    let uri = own.iter().find_map(|used| signature_uri(used.algorithm, digest.algorithm))?;
    let end = own.iter().map(|used| used.reliable).min();
    let mut node = Node::new("CryptoInformation")
        .child(Node::reference("ValidationObjectId", id))
        .text("Algorithm", uri)
        .text("SecureAlgorithm", if own.iter().all(|used| used.secure) { "true" } else { "false" });
    if let Some(Reliability::Until { until }) = end {
        node = node.text("NotAfter", time(until.saturating_sub(1)));
    }
    Some(node)
}

/// XAdES:DigestAlgAndValueType in an element of that name.
pub(super) fn digest(name: &'static str, algorithm: &str, value: &[u8]) -> Option<Node> {
    let method = Node::new("ds:DigestMethod").with("Algorithm", digest_uri(algorithm)?);
    Some(Node::new(name).child(method).text("ds:DigestValue", base64(value)))
}

pub(super) fn base64(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

pub(super) fn time(unix: i64) -> String {
    crate::verify::date::rfc3339(unix)
}
