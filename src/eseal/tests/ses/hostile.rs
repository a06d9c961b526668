//! Octets that nobody honest writes: the reader ends, says what is wrong, and never panics.

use cinnabar_eseal::{Seal, Signature, StructureError};
use proptest::prelude::*;

use crate::{forge::*, parts::*, world::*};

/// A signature of each version, and a world in which they hold.
fn samples() -> &'static (World, [Vec<u8>; 3]) {
    static SAMPLES: std::sync::OnceLock<(World, [Vec<u8>; 3])> = std::sync::OnceLock::new();
    SAMPLES.get_or_init(|| {
        let world = World::new(SUITES[0]);
        let new = world.signature();
        let old = SignatureParts::old(&world, SealParts::old(&world).signed(&world)).signed(&world);
        let mut digests = SealParts::new(&world);
        digests.list_type = int(2);
        digests.list = seq(&[seq(&[
            tlv(0x13, "SHA-256"),
            octets(crypto::DigestAlgorithm::Sha256.digest(world.certificate.der())),
        ])]);
        digests.header[1] = int(5);
        digests.extensions = seq(&[seq(&[oid("1.2.3.4"), octets(b"v")])]);
        let digests = digests.signed(&world);
        let mut parts = SignatureParts::new(&world, digests);
        parts.version = int(5);
        let signature = Signature::parse(&parts.signed(&world)).unwrap().value;
        let token = world.token(signature.value(), time("20261120120000"));
        let newest = signature.with_time_stamp(&token).unwrap();
        for sample in [&new, &old, &newest] {
            assert!(world.verify(sample).is_valid());
        }
        (world, [new, old, newest])
    })
}

/// Whatever can be read can be verified, and only what was signed holds.
fn judge(original: &[u8], octets: &[u8]) {
    let (world, _) = samples();
    let _ = Seal::parse(octets);
    let Ok(read) = Signature::parse(octets) else { return };
    let report = world.with_trust(|trust| cinnabar_eseal::verify(&read, &content, trust, NOW));
    if report.is_valid() {
        let before = Signature::parse(original).unwrap().value;
        assert_eq!(read.value.data_hash(), before.data_hash());
        assert_eq!(read.value.seal().picture(), before.seal().picture());
        assert_eq!(read.value.seal().name(), before.seal().name());
        assert_eq!(read.value.signer(), before.signer());
        assert_eq!(read.value.time_info(), before.time_info());
        assert_eq!(read.value.property_info(), before.property_info());
    }
}

#[test]
fn every_truncation_is_refused() {
    let (_, samples) = samples();
    for sample in samples {
        for len in 0..sample.len() {
            assert!(Signature::parse(&sample[..len]).is_err(), "{len}");
        }
    }
}

#[test]
fn a_changed_octet_never_lets_something_else_hold() {
    let (_, samples) = samples();
    for sample in samples {
        // Every octet once, in steps that visit each structure; the property below takes the rest.
        for at in (0..sample.len()).step_by(7) {
            for change in [0x01, 0x20, 0x80] {
                let mut other = sample.clone();
                other[at] ^= change;
                judge(sample, &other);
            }
        }
    }
}

#[test]
fn errors_say_where() {
    let (_, [new, ..]) = samples();
    let mut world = World::new(SUITES[0]);
    let error = |octets: &[u8]| Signature::parse(octets).unwrap_err();
    assert_eq!(error(&[]), StructureError::Truncated { place: String::new(), offset: 0 });
    assert!(matches!(error(&[0x31, 0]), StructureError::Type { found: 0x31, .. }));
    assert!(matches!(error(&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), StructureError::Truncated { .. }));
    assert!(matches!(error(&[0x30, 0]), StructureError::Fields { count: 0, .. }));
    assert!(matches!(error(&new[..40]), StructureError::Truncated { .. }));
    let mut parts = SealParts::new(&world);
    parts.kind = ia5("six");
    let error = Seal::parse(&parts.signed(&world)).unwrap_err();
    assert!(error.to_string().starts_with("`eSealInfo.property.type` at octet"), "{error}");
    let mut parts = SealParts::new(&world);
    parts.dates[2] = generalized("never");
    let error = Seal::parse(&parts.signed(&world)).unwrap_err();
    assert!(error.to_string().contains("eSealInfo.property.validEnd"), "{error}");
    let mut parts = SealParts::new(&world);
    parts.list = seq(&vec![octets(b"0"); 1025]);
    assert!(matches!(Seal::parse(&parts.signed(&world)), Err(StructureError::TooMany { limit: 1024, .. })));
    world.makers.clear();
    let large = tlv(0x30, vec![0; 17 << 20]);
    assert!(matches!(Seal::parse(&large), Err(StructureError::TooLarge { .. })));
}

#[test]
fn deep_and_endless_structures_end() {
    for depth in [10, 1000, 1 << 20] {
        assert!(Signature::parse(&[0x30, 0x80].repeat(depth)).is_err());
        assert!(Seal::parse(&[0x30, 0x80].repeat(depth)).is_err());
        let mut nested = vec![0x05, 0x00];
        for _ in 0..depth.min(2000) {
            nested = tlv(0x30, nested);
        }
        assert!(Signature::parse(&nested).is_err());
    }
    assert!(Seal::parse(&seq(&vec![tlv(0x05, []); 1 << 16])).is_err());
}

#[test]
fn the_same_deviation_without_end_is_told_a_few_hundred_times() {
    let world = World::new(SUITES[0]);
    let mut parts = SealParts::new(&world);
    parts.list = seq(&vec![ia5("not a certificate"); 1000]);
    assert_eq!(Seal::parse(&parts.signed(&world)).unwrap().deviations.len(), 256);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn mutations_neither_panic_nor_pass(
        sample in 0_usize..3,
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
    ) {
        let (_, samples) = samples();
        let mut octets = samples[sample].clone();
        for (at, value, how) in cuts {
            if octets.is_empty() {
                break;
            }
            let at = at.index(octets.len());
            match how {
                0 => octets[at] = value,
                1 => octets.insert(at, value),
                2 => drop(octets.remove(at)),
                _ => octets.truncate(at.max(1)),
            }
        }
        judge(&samples[sample], &octets);
    }

    #[test]
    fn noise_is_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Signature::parse(&octets).is_err());
        prop_assert!(Seal::parse(&octets).is_err());
    }
}
