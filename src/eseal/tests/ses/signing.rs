//! The signing order: each step refuses for its own reason, and nothing is signed then.

use cinnabar_eseal::{
    NewPicture, NewSeal, Seal, Sealer, Signers, Version,
    seal::MakeError,
    sign,
    signature::{Approval, Refusal, SignError},
};
use crypto::{DigestAlgorithm, KeyKind, Signer as _, Suite};
use pki::Certificate;

use crate::{forge::*, parts::*, world::*};

/// Approves nobody of one kind.
struct Nobody {
    signers: bool,
}

impl Approval for Nobody {
    fn signer(&self, _: &Certificate, _: i64) -> Result<(), Refusal> {
        if self.signers { Ok(()) } else { Err(Refusal { reason: "no signer".to_owned() }) }
    }

    fn maker(&self, _: &Certificate, _: i64, _: i64) -> Result<(), Refusal> {
        Err(Refusal { reason: "no maker".to_owned() })
    }
}

const AT: i64 = NOW - DAY;

#[test]
fn each_step_of_signing_refuses_for_its_own_reason() {
    for suite in SUITES {
        let world = World::new(suite);
        let seal = world.seal();
        let certificate = world.certificate.der();
        let new = |seal: &Seal, certificate: &[u8], at| Sealer::new(seal, certificate, &Everybody, at).err();
        assert!(new(&seal, certificate, AT).is_none());
        assert!(matches!(new(&seal, b"nothing", AT), Some(SignError::Certificate { .. })));
        let refused = |approval: &dyn Approval| Sealer::new(&seal, certificate, approval, AT).err();
        assert!(matches!(refused(&Nobody { signers: false }), Some(SignError::Signer(_))));
        assert!(matches!(refused(&Nobody { signers: true }), Some(SignError::Maker(_))));
        assert_eq!(new(&seal, world.other_certificate.der(), AT), Some(SignError::NotListed));
        for at in [time("20260531235959"), time("20290601000001")] {
            assert!(matches!(new(&seal, certificate, at), Some(SignError::NotValid { .. })));
        }
        // Changed since its maker signed it.
        let mut other = seal.der().to_vec();
        let at = other.windows(PICTURE.len()).position(|window| window == PICTURE).unwrap();
        other[at + 12] ^= 1;
        let other = Seal::parse(&other).unwrap().value;
        assert!(matches!(new(&other, certificate, AT), Some(SignError::Seal { .. })));
        // Old, or not as the standard has it.
        let old = Seal::parse(&SealParts::old(&world).signed(&world)).unwrap().value;
        assert_eq!(new(&old, certificate, AT), Some(SignError::Version));
        let mut deviant = SealParts::new(&world);
        deviant.picture[0] = ia5("png");
        let deviant = Seal::parse(&deviant.signed(&world)).unwrap().value;
        assert!(matches!(new(&deviant, certificate, AT), Some(SignError::Deviant(_))));
    }
}

#[test]
fn what_is_signed_must_fit_the_signer() {
    for suite in SUITES {
        let world = World::new(suite);
        let sealer = Sealer::new(&world.seal(), world.certificate.der(), &Everybody, AT).unwrap();
        let hash = world.digest();
        let signed = |digest, hash: &[u8], property: &str, at| {
            sealer.sign(&*world.signer.key, digest, hash, property, at).err()
        };
        assert!(signed(suite.digest, &hash, "x", AT).is_none());
        for wrong in [DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
            assert!(matches!(signed(wrong, &hash, "x", AT), Some(SignError::Digest { .. })));
        }
        assert!(matches!(signed(suite.digest, &hash[1..], "x", AT), Some(SignError::Digest { .. })));
        for wrong in ["文档", "a\nb", &"x".repeat(1025)] {
            assert!(matches!(signed(suite.digest, &hash, wrong, AT), Some(SignError::PropertyInfo(_))));
        }
        // Time goes on while a sealer is kept.
        let late = signed(suite.digest, &hash, "x", time("20290601000001"));
        assert!(matches!(late, Some(SignError::NotValid { .. })));
        let expired = signed(suite.digest, &hash, "x", time("20290101000000"));
        assert!(matches!(expired, Some(SignError::Signer(_))), "the signer's certificate ran out");
        let key = sealer.sign(&*world.other.key, suite.digest, &hash, "x", AT).err();
        assert_eq!(key, Some(SignError::Key));
    }
}

#[test]
fn trust_itself_can_approve_and_refuse() {
    for suite in SUITES {
        let mut world = World::new(suite);
        let seal = world.seal();
        let (hash, key, certificate) = (world.digest(), world.signer.key.clone(), world.certificate.clone());
        let signed = |world: &World| {
            world.with_trust(|trust| {
                sign(&seal, &*key, certificate.der(), suite.digest, &hash, "x", AT, trust).map(|_| ())
            })
        };
        assert_eq!(signed(&world), Ok(()));
        world.revoke(&[(SIGNER, "20261101", 1)]);
        assert!(matches!(signed(&world), Err(SignError::Signer(_))));
        world.revoke(&[(MAKER, "20261101", 1)]);
        assert!(matches!(signed(&world), Err(SignError::Maker(_))));
        world.crls.clear();
        world.makers.clear();
        assert!(matches!(signed(&world), Err(SignError::Maker(_))));
    }
}

#[test]
fn a_seal_is_not_made_of_what_cannot_stand_in_it() {
    let world = World::new(SUITES[1]);
    let made = |new: &NewSeal| new.sign(&*world.maker.key, world.maker_certificate.der()).err();
    let good = world.new_seal();
    assert!(made(&good).is_none());
    let picture = |kind: &str, data: &[u8], width_mm, height_mm| NewSeal {
        picture: NewPicture { kind: kind.to_owned(), data: data.to_vec(), width_mm, height_mm },
        ..good.clone()
    };
    for wrong in [
        NewSeal { vendor: String::new(), ..good.clone() },
        NewSeal { id: "章".to_owned(), ..good.clone() },
        NewSeal { id: "x".repeat(257), ..good.clone() },
        NewSeal { name: " ".to_owned(), ..good.clone() },
        NewSeal { name: "a\u{0}b".to_owned(), ..good.clone() },
        picture("png", PICTURE, 42, 42),
        picture("TIFF", PICTURE, 42, 42),
        picture("PNG", b"", 42, 42),
        picture("PNG", PICTURE, 0, 42),
        picture("PNG", PICTURE, 42, 1001),
    ] {
        assert!(matches!(made(&wrong), Some(MakeError::Field { .. })), "{wrong:?}");
    }
    // A picture that is another than it is called.
    assert!(matches!(made(&picture("GIF", PICTURE, 42, 42)), Some(MakeError::Unsound { .. })));
    assert_eq!(made(&NewSeal { version: Version::V1, ..good.clone() }), Some(MakeError::Version));
    for (from, to) in [(10, 10), (10, 9), (0, i64::MAX)] {
        let wrong = NewSeal { created: 0, valid_from: from, valid_to: to, ..good.clone() };
        assert_eq!(made(&wrong), Some(MakeError::Validity));
    }
    let late = NewSeal { created: good.valid_to + 1, ..good.clone() };
    assert_eq!(made(&late), Some(MakeError::Validity));
    let nobody = NewSeal { signers: Signers::Certificates(vec![]), ..good.clone() };
    assert_eq!(made(&nobody), Some(MakeError::NoSigners));
    let unreadable = NewSeal { signers: Signers::Certificates(vec![b"x".to_vec()]), ..good.clone() };
    assert!(matches!(made(&unreadable), Some(MakeError::Certificate { .. })));
    let other_key = good.sign(&*world.signer.key, world.maker_certificate.der()).err();
    assert_eq!(other_key, Some(MakeError::MakerKey));
    let fourth = world.seal();
    assert_eq!(fourth.with_time_stamp(b"token"), Err(MakeError::Version));
}

#[test]
fn a_time_stamp_can_be_replaced() {
    let world = World::new(SUITES[0]);
    let signature = cinnabar_eseal::Signature::parse(&world.signature()).unwrap().value;
    let first = signature.with_time_stamp(b"the first token").unwrap();
    let first = cinnabar_eseal::Signature::parse(&first).unwrap().value;
    let second = first.with_time_stamp(b"the second").unwrap();
    assert_eq!(second, signature.with_time_stamp(b"the second").unwrap());
}

#[test]
fn other_keys_that_have_an_identifier_of_their_own_can_sign() {
    let world = World::new(&Suite::INTERNATIONAL);
    for kind in [KeyKind::P384, KeyKind::Ed25519] {
        let signer = party("another kind of key", kind, ["20260101000000Z", "20281231235959Z"]);
        let certificate = world.authority.certify_with(&signer, &[55], &[usage(0xC0)]);
        let signers = Signers::Certificates(vec![certificate.der().to_vec()]);
        let seal = world.made(&NewSeal { signers, ..world.new_seal() });
        let digest = signer.key.scheme().cms_digest();
        let sealer = Sealer::new(&seal, certificate.der(), &Everybody, AT).unwrap();
        let signature = sealer.sign(&*signer.key, digest, &digest.digest(CONTENT), "x", AT).unwrap();
        let report = world.verify(&signature);
        assert!(report.is_valid(), "{:?}", report.steps);
        assert_eq!(report.digest, Some(digest));
    }
}
