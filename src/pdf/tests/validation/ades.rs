//! Every document beside its verdict.

use pki::SubIndication;

use super::cases::Case;
use super::{turns, words};

pub fn all() -> Vec<Case> {
    words::cases().into_iter().chain(turns::cases()).collect()
}

#[test]
fn each_document_yields_exactly_its_word() {
    let mut wrong = Vec::new();
    for case in all() {
        let (found, reasons) = case.outcome();
        if found != case.expected {
            wrong.push(format!("{}: {found:?} instead of {:?}; {reasons:?}", case.name, case.expected));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_sub_indication_has_a_document() {
    use SubIndication as S;
    let cases = all();
    for wanted in [
        S::FormatFailure,
        S::HashFailure,
        S::SigCryptoFailure,
        S::Revoked,
        S::Expired,
        S::NotYetValid,
        S::SigConstraintsFailure,
        S::ChainConstraintsFailure,
        S::CertificateChainGeneralFailure,
        S::CryptoConstraintsFailure,
        S::PolicyProcessingError,
        S::SignaturePolicyNotAvailable,
        S::TimestampOrderFailure,
        S::NoSigningCertificateFound,
        S::NoCertificateChainFound,
        S::RevokedNoPoe,
        S::RevokedCaNoPoe,
        S::OutOfBoundsNotRevoked,
        S::OutOfBoundsNoPoe,
        S::RevocationOutOfBoundsNoPoe,
        S::CryptoConstraintsFailureNoPoe,
        S::NoPoe,
        S::TryLater,
        S::SignedDataNotFound,
    ] {
        assert!(cases.iter().any(|case| case.expected.1 == Some(wanted)), "no document for {wanted}");
    }
}
