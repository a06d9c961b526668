//! Hostile input of every kind this crate reads: an answer each time, never a panic, and bounded work; and other
//! libraries' reading of our structures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::sync::LazyLock;

use cinnabar_pki::{
    Certificate, Crl, CrlBuilder, Name, Reason, Revoked, Subject,
    cms::{Limits, SignedData, TimeStampToken, element_len, sign::CmsSigner},
    path::{Policy, Purpose, Request, RevocationPolicy, TrustAnchors, validate},
    pem,
    request::CertificationRequest,
};
use common::*;
use crypto::DigestAlgorithm;
use der::{Decode, Encode};
use proptest::prelude::*;

/// One honest specimen of each structure.
static SPECIMENS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let Hierarchy { root, ca, seal } = hierarchy();
    let revoked = Revoked { time: NOW, reason: Some(Reason::Superseded) };
    let crl = CrlBuilder {
        number: 1,
        this_update: NOW,
        next_update: NOW + DAY,
        distribution_point: Some(CRL_URI.into()),
        revoked: vec![(vec![1], revoked).into()],
        ..CrlBuilder::default()
    };
    let cms =
        CmsSigner::new(seal.key.clone(), &seal.certificate, std::slice::from_ref(&ca.certificate)).unwrap();
    vec![
        root.certificate.der().to_vec(),
        seal.certificate.der().to_vec(),
        crl.build(&ca.certificate, &*ca.key).unwrap(),
        cms.sign(&DigestAlgorithm::Sha256.digest(b"content")).unwrap(),
        CertificationRequest::make(&*seal.key, &Subject::common_name("x"), &[]).unwrap(),
    ]
});

/// Reads bytes as everything and uses what was read.
fn read_as_everything(bytes: &[u8]) {
    let _ = element_len(bytes);
    let _ = Name::from_der(bytes).map(|name| name.to_string());
    let _ = pem::decode(bytes, "CERTIFICATE");
    let _ = CertificationRequest::from_der(bytes);
    let _ = TimeStampToken::parse(bytes, &Limits::default());
    if let Ok(signed) = SignedData::parse(bytes, &Limits::default()) {
        let _ = signed.verify_message(&[], b"content").integrity.reasons();
        let _ = signed.verify_encapsulated(&[]);
    }
    let crls: Vec<_> = Crl::from_der(bytes).into_iter().collect();
    if let Ok(certificate) = Certificate::from_der(bytes) {
        let _ = (format!("{certificate:?}"), certificate.ip_sans().count(), certificate.uri_sans().count());
        let anchors = TrustAnchors::new(vec![certificate.clone()]);
        let _ = validate(&Request {
            untrusted: std::slice::from_ref(&certificate),
            crls: &crls,
            purpose: Purpose::DocumentSigning,
            policy: Policy::new(RevocationPolicy::Required),
            ..Request::new(&certificate, &anchors, NOW)
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn spliced_specimens_are_answered(
        which in 0..5_usize,
        other in 0..5_usize,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        splice in proptest::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
    ) {
        let mut bytes = SPECIMENS[which].clone();
        for (index, byte) in edits {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some((cut, from)) = splice {
            bytes.truncate(cut.index(bytes.len()));
            let tail = &SPECIMENS[other];
            bytes.extend_from_slice(&tail[from.index(tail.len())..]);
        }
        read_as_everything(&bytes);
    }
}

#[test]
fn nested_and_endless_structures_cost_little() {
    for unit in [&b"\x30\x80"[..], b"\x24\x80", b"\x30\x84\x00\xff\xff\xff", b"\xa0\x80\x31\x80", b"\x00\x00"]
    {
        read_as_everything(&unit.repeat(200_000));
    }
}

#[test]
fn x509_cert_reads_our_structures_and_writes_the_same_bytes() {
    let reencoded = |der: &[u8]| x509_cert::Certificate::from_der(der).unwrap().to_der().unwrap();
    assert_eq!(reencoded(&SPECIMENS[0]), SPECIMENS[0]);
    assert_eq!(reencoded(&SPECIMENS[1]), SPECIMENS[1]);
    let crl =
        x509_cert::crl::CertificateList::<x509_cert::certificate::Rfc5280>::from_der(&SPECIMENS[2]).unwrap();
    assert_eq!(crl.to_der().unwrap(), SPECIMENS[2]);
    let cms = cms::content_info::ContentInfo::from_der(&SPECIMENS[3]).unwrap();
    let signed: cms::signed_data::SignedData = cms.content.decode_as().unwrap();
    assert_eq!(signed.signer_infos.0.len(), 1);
    assert_eq!(cms.to_der().unwrap(), SPECIMENS[3]);
}

#[test]
fn x509_parser_agrees_on_names_serial_and_validity() {
    use x509_parser::prelude::FromDer;
    let ours = Certificate::from_der(&SPECIMENS[1]).unwrap();
    let (rest, theirs) = x509_parser::certificate::X509Certificate::from_der(&SPECIMENS[1]).unwrap();
    assert!(rest.is_empty());
    assert_eq!(theirs.raw_serial(), ours.serial());
    assert_eq!(theirs.validity().not_after.timestamp(), ours.not_after());
    assert_eq!(theirs.subject().as_raw(), ours.subject().der());
    assert_eq!(theirs.public_key().raw, ours.spki());
}

#[test]
fn a_certificate_of_rcgen_is_read() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(1));
    let der = parameters.self_signed(&key).unwrap();
    let read = Certificate::from_der(der.der()).unwrap();
    assert_eq!(read.dns_sans().collect::<Vec<_>>(), ["a.example"]);
    assert!(read.is_ca() && read.verify_signature(read.spki()).is_ok());
}
