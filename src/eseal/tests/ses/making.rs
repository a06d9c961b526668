//! Making seals and signatures, and that what is made holds.

use cinnabar_eseal::{
    Seal, Signature, Version,
    seal::CertList,
    signature::TimeInfo,
    verify::{Outcome, TimeSource, Verdict},
};
use pki::Indication;

use crate::world::*;

#[test]
fn what_is_made_is_read_back_and_holds_in_both_suites() {
    for suite in SUITES {
        let world = World::new(suite);
        let seal = world.seal();
        assert_eq!((seal.version(), seal.header_version(), seal.id()), (Version::V4, 4, "37030000001721"));
        assert_eq!((seal.kind(), seal.name()), (6, "示例市行政审批局审批专用章"));
        assert_eq!(seal.created(), time("20260601000000"));
        assert_eq!(seal.picture().data, PICTURE);
        assert_eq!(seal.cert_list(), &CertList::Certificates(vec![Some(world.certificate.der().to_vec())]));
        let report = world.verify_seal(seal.der(), NOW);
        assert_eq!(report.verdict, Verdict::Valid, "{:?}", report.steps);
        let signature = world.signed(&seal);
        let read = Signature::parse(&signature).unwrap();
        assert_eq!(read.deviations, []);
        assert_eq!(read.value.seal(), &seal);
        assert_eq!(read.value.time_info(), &TimeInfo::Claimed(time("20261120000000")));
        let report = world.verify(&signature);
        assert!(report.is_valid(), "{:?}", report.steps);
        assert!(report.steps.iter().all(|step| step.outcome == Outcome::Passed), "{:?}", report.steps);
        assert_eq!((report.indication, report.sub_indication), (Indication::TotalPassed, None));
        assert_eq!(report.time_source, TimeSource::Claimed);
        assert_eq!(report.signer.as_ref(), Some(&world.certificate));
        assert_eq!(report.maker.as_ref(), Some(&world.maker_certificate));
    }
}

#[test]
fn a_time_stamp_beats_what_the_signer_claims() {
    for suite in SUITES {
        let world = World::new(suite);
        let signature = Signature::parse(&world.signature()).unwrap().value;
        let token = world.token(signature.value(), time("20261120120000"));
        let stamped = signature.with_time_stamp(&token).unwrap();
        let report = world.verify(&stamped);
        assert!(report.is_valid(), "{:?}", report.steps);
        assert_eq!(report.time_source, TimeSource::SignatureTimestamp);
        assert_eq!(report.signing_time, Some(time("20261120120000")));
    }
}

#[test]
fn version_5_carries_time_stamps_of_seal_and_signature() {
    for suite in SUITES {
        let world = World::new(suite);
        let seal = world.made(&cinnabar_eseal::NewSeal { version: Version::V5, ..world.new_seal() });
        assert_eq!(seal.version(), Version::V5);
        let token = world.token(seal.signature(), time("20260601000100"));
        let stamped = Seal::parse(&seal.with_time_stamp(&token).unwrap()).unwrap();
        assert_eq!((stamped.deviations.len(), stamped.value.time_stamp()), (0, Some(&token[..])));
        let report = world.verify(&world.signed(&stamped.value));
        assert!(report.is_valid(), "{:?}", report.steps);
        assert_eq!(report.version, Version::V5);
    }
}
