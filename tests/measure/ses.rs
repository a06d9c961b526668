//! Electronic seals: signatures of GB/T 38540 made and verified with a seal of 20 KB, in both suites.

use std::hint::black_box;
use std::sync::Arc;

use crypto::{DigestAlgorithm, SoftwareKey, Suite};
use eseal::signature::{Approval, Refusal};
use eseal::{Makers, NewPicture, NewSeal, Seal, Sealer, Signature, Signers, Trust, Version, verify};
use pki::Certificate;
use pki::crl::Crl;
use pki::path::TrustAnchors;
use pki::validation::{Evidence, Origin, SignaturePolicy};
use support::cast::{certificate, crl, key};

use crate::pdf::NOW;
use crate::{Figure, cpu_of};

pub fn figures() -> Vec<Figure> {
    let both = [
        ("ses.create.per_core_s", "ses.verify.per_core_s", &Suite::SHANGMI),
        ("ses.create.p256.per_core_s", "ses.verify.p256.per_core_s", &Suite::INTERNATIONAL),
    ];
    let of = |(create, verify, suite): (&'static str, &'static str, &'static Suite)| {
        let figure = |name, measure: fn(&'static Suite) -> f64| Figure {
            name,
            unit: "1/s",
            measure: Box::new(move || measure(suite)),
        };
        [figure(create, creating), figure(verify, verifying)]
    };
    both.into_iter().flat_map(of).collect()
}

/// Digests signed by a seal whose first steps have passed.
fn creating(suite: &'static Suite) -> f64 {
    let people = People::new(suite);
    let sealer = people.sealer();
    1.0 / cpu_of(|| drop(black_box(people.signed(&sealer))))
}

/// Signatures read and verified: structure, two signatures, two paths of three certificates with their lists.
fn verifying(suite: &'static Suite) -> f64 {
    let people = People::new(suite);
    let der = people.signed(&people.sealer());
    let mut evidence = Evidence::new(&people.anchors);
    evidence.add_certificates([&people.ca], Origin::Outside);
    evidence.add_crls(&people.crls, Origin::Outside);
    let makers = [people.maker.clone()];
    let trust = Trust::new(&evidence, SignaturePolicy::default_policy(), Makers::Known(&makers));
    let content = |algorithm: DigestAlgorithm| Some(algorithm.digest(CONTENT));
    1.0 / cpu_of(|| {
        let read = Signature::parse(black_box(&der)).expect("a signature");
        let report = verify(&read, &content, &trust, NOW);
        assert!(report.is_valid(), "{:?}", report.steps);
    })
}

/// Root, issuing authority, maker and signer by the appliance's own profiles, all of one suite.
struct People {
    suite: &'static Suite,
    anchors: TrustAnchors,
    ca: Certificate,
    maker: Certificate,
    signer: Certificate,
    signer_key: Arc<SoftwareKey>,
    crls: Vec<Crl>,
    seal: Seal,
}

impl People {
    fn new(suite: &'static Suite) -> Self {
        let [root_key, ca_key, maker_key, signer_key] = std::array::from_fn(|_| key(suite.key));
        let root = certificate(NOW, "root", "Root", &root_key, None);
        let ca = certificate(NOW, "issuing-ca", "Seals CA", &ca_key, Some((&root, &root_key)));
        let maker = certificate(NOW, "seal-maker", "Seal Maker", &maker_key, Some((&ca, &ca_key)));
        let signer =
            certificate(NOW, "seal-organisation", "Approval Seal", &signer_key, Some((&ca, &ca_key)));
        let new = NewSeal {
            version: Version::V4,
            vendor: "Cinnabar".to_owned(),
            id: "37030000001721".to_owned(),
            kind: 6,
            name: "示例市行政审批局审批专用章".to_owned(),
            signers: Signers::Certificates(vec![signer.der().to_vec()]),
            created: NOW,
            valid_from: NOW,
            valid_to: NOW + 3 * 365 * 86_400,
            picture: NewPicture {
                kind: "PNG".to_owned(),
                data: [b"\x89PNG\r\n\x1A\n".as_slice(), &[7; 20_000]].concat(),
                width_mm: 42,
                height_mm: 42,
            },
            extensions: Vec::new(),
        };
        let der = new.sign(&maker_key, maker.der()).expect("a seal");
        Self {
            suite,
            crls: vec![crl(NOW, &root, &root_key), crl(NOW, &ca, &ca_key)],
            anchors: TrustAnchors::new(vec![root]),
            ca,
            maker,
            signer,
            signer_key: Arc::new(signer_key),
            seal: Seal::parse(&der).expect("a seal").value,
        }
    }

    fn sealer(&self) -> Sealer {
        Sealer::new(&self.seal, self.signer.der(), &Known, NOW).expect("the first steps pass")
    }

    fn signed(&self, sealer: &Sealer) -> Vec<u8> {
        let digest = self.suite.digest;
        let hash = digest.digest(black_box(CONTENT));
        sealer.sign(&*self.signer_key, digest, &hash, "/ByteRange", NOW).expect("signed")
    }
}

const CONTENT: &[u8] = b"the octets of the document";

/// Whoever keeps seals knows the state of their certificates.
struct Known;

impl Approval for Known {
    fn signer(&self, _: &Certificate, _: i64) -> Result<(), Refusal> {
        Ok(())
    }

    fn maker(&self, _: &Certificate, _: i64, _: i64) -> Result<(), Refusal> {
        Ok(())
    }
}
