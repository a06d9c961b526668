//! Validation by EN 319 102-1 of any CMS: the signer's own certificates as evidence, one of them as anchor, under every built-in
//! policy. It ends, and what is not intact is never passed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::Indication;
use pki::cms::timestamp::TimeStampToken;
use pki::cms::{Limits, SignedData};
use pki::path::TrustAnchors;
use pki::validation::{Evidence, Origin, Poes, SignaturePolicy, Stamp, Subject, validate};

fuzz_target!(|data: &[u8]| {
    // The first octets choose how many of the certificates are trusted, and the time.
    let [trusted, year, cms @ ..] = data else { return };
    let Ok(signed) = SignedData::parse(cms, &Limits::default()) else { return };
    let verification = signed.verify_message(&[], b"message");
    let certificates = signed.certificates();
    let anchors = TrustAnchors::new(certificates.iter().take(usize::from(*trusted % 4)).cloned().collect());
    let at = 1_609_459_200 + i64::from(*year) * 31_557_600;
    let tokens: Vec<_> = signed
        .signature_time_stamps()
        .iter()
        .map(|octets| (octets, TimeStampToken::parse(octets, &Limits::default())))
        .collect();
    let stamps: Vec<_> = tokens
        .iter()
        .filter_map(|(octets, token)| {
            Some(Stamp::of_signature("stamp", token.as_ref().ok()?, octets, signed.signature_value()))
        })
        .collect();
    for policy in ["default", "strict", "archive"] {
        let policy = SignaturePolicy::builtin(policy).expect("a built-in policy");
        let mut evidence = Evidence::new(&anchors);
        evidence.add_certificates(certificates, Origin::Signature);
        let subject =
            Subject { signature_stamps: &stamps, ..Subject::of_cms("signature", &signed, &verification) };
        let validation = validate(&subject, &evidence, &mut Poes::new(), policy, at);
        assert!(verification.integrity.is_intact() || validation.indication != Indication::TotalPassed);
    }
});
