//! Electronic seals and the signatures made with them, by anybody's software: any bytes are read and, where they can be
//! read, verified against the world of the golden files. What holds was signed by a listed signer over the content's digest.
#![no_main]

use std::sync::LazyLock;

use crypto::DigestAlgorithm;
use eseal::{Makers, Seal, Signature, Trust, verify, verify_seal};
use libfuzzer_sys::fuzz_target;
use pki::Certificate;
use pki::path::{RevocationPolicy, TrustAnchors};
use pki::validation::{Evidence, Origin, SignaturePolicy};

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("../../../src/eseal/tests/ses/golden/", $name, ".der"))
    };
}

struct World {
    anchors: TrustAnchors,
    authorities: Vec<Certificate>,
    makers: Vec<Certificate>,
    policy: SignaturePolicy,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let read = |files: [&[u8]; 2]| files.map(|der| Certificate::from_der(der).expect("a golden file")).to_vec();
    World {
        anchors: TrustAnchors::new(read([golden!("international.root"), golden!("shangmi.root")])),
        authorities: read([golden!("international.authority"), golden!("shangmi.authority")]),
        makers: read([golden!("international.maker"), golden!("shangmi.maker")]),
        policy: SignaturePolicy::default_policy()
            .with_revocation(RevocationPolicy::IfAvailable, RevocationPolicy::IfAvailable),
    }
});

/// What the golden files sign, and a time at which they hold.
const CONTENT: &[u8] = b"the octets of the document";
const AT: i64 = 1_795_305_600;

fuzz_target!(|data: &[u8]| {
    let mut evidence = Evidence::new(&WORLD.anchors);
    evidence.add_certificates(&WORLD.authorities, Origin::Outside);
    let trust = Trust::new(&evidence, &WORLD.policy, Makers::Known(&WORLD.makers));
    if let Ok(seal) = Seal::parse(data) {
        let again = Seal::parse(seal.value.der()).expect("what was read is read again");
        assert_eq!(again.value, seal.value);
        let report = verify_seal(&seal, &trust, AT);
        assert_eq!(report.deviations.len(), seal.deviations.len());
        if report.is_valid() {
            assert!(seal.value.is_valid_at(AT));
        }
    }
    let Ok(signature) = Signature::parse(data) else { return };
    let value = &signature.value;
    assert_eq!(&Signature::parse(value.der()).expect("what was read is read again").value, value);
    let content = |algorithm: DigestAlgorithm| Some(algorithm.digest(CONTENT));
    let report = verify(&signature, &content, &trust, AT);
    for deviation in &report.deviations {
        assert!(deviation.offset <= data.len() && !deviation.zh().is_empty() && !deviation.en().is_empty());
    }
    if report.is_valid() {
        let digest = value.digest_algorithm().expect("it was digested");
        assert_eq!(value.data_hash(), digest.digest(CONTENT));
        assert!(value.seal().is_valid_at(report.signing_time.expect("a time")));
    }
});
