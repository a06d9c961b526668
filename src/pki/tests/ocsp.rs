//! OCSP requests and responses, with OpenSSL as the foreign judge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use cinnabar_pki::{
    Certificate, Reason, Revoked,
    ocsp::{
        BasicResponse, BuildError, ErrorStatus, IssuerId, Request, RequestBuilder, RequestError, Responder,
        ResponseError, Single, Status, VerifiedBy, VerifyError, error_response, respond,
    },
};
use common::*;
use proptest::prelude::*;

struct World {
    root: Entity,
    ca: Entity,
    leaf: Entity,
    delegate: Entity,
}

fn world() -> World {
    let Hierarchy { root, ca, seal } = hierarchy();
    let delegate = entity(Some(&ca), Profile::Ocsp, "OCSP signer");
    World { root, ca, leaf: seal, delegate }
}

impl World {
    fn responder(&self) -> Responder {
        Responder::new(self.delegate.certificate.clone(), &self.ca.certificate).unwrap()
    }

    /// A response of the delegate about the leaf.
    fn answer(&self, status: Status, nonce: Option<&[u8]>) -> Vec<u8> {
        let id = IssuerId::of(&self.ca.certificate).sha1_id(self.leaf.certificate.serial());
        let single = Single {
            id: &id,
            status,
            this_update: NOW - 60,
            next_update: Some(NOW + DAY),
            cert_hash: Some(*self.leaf.certificate.sha256_fingerprint()),
            archive_cutoff: Some(NOW - 3650 * DAY),
        };
        respond(&self.responder(), &*self.delegate.key, NOW, &[single], nonce).unwrap()
    }
}

const HELD: Status = Status::Revoked(Revoked { time: NOW - 3600, reason: Some(Reason::CertificateHold) });

#[test]
fn openssl_asks_and_accepts_every_answer() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let world = world();
    for (name, entity) in [("root", &world.root), ("ca", &world.ca), ("leaf", &world.leaf)] {
        write(dir, name, entity.certificate.to_pem());
    }
    for hash in ["sha1", "sha256", "sha384"] {
        openssl(dir, &format!("ocsp -issuer ca -{hash} -cert leaf -reqout ask"));
        let request = Request::from_der(&read(dir, "ask")).unwrap();
        let [id] = request.ids() else { panic!("one certificate") };
        assert!(IssuerId::of(&world.ca.certificate).issued(id), "{hash}");
        assert!(!IssuerId::of(&world.root.certificate).issued(id), "{hash}");
        assert_eq!(id.serial(), world.leaf.certificate.serial());
        let nonce = request.nonce().unwrap();
        for (status, wanted) in [
            (HELD, "Reason: certificateHold"),
            (Status::Revoked(Revoked { time: NOW, reason: None }), "leaf: revoked"),
            (Status::Unknown, "leaf: unknown"),
            (Status::Good, "leaf: good"),
        ] {
            let single = Single {
                id,
                status,
                this_update: NOW - 60,
                next_update: Some(NOW + DAY),
                cert_hash: Some(*world.leaf.certificate.sha256_fingerprint()),
                archive_cutoff: Some(NOW - DAY),
            };
            let der = respond(&world.responder(), &*world.delegate.key, NOW, &[single], Some(nonce)).unwrap();
            write(dir, "answer", der);
            let output = openssl_output(
                dir,
                &format!(
                    "ocsp -reqin ask -no_nonce -respin answer -issuer ca -{hash} -cert leaf -CAfile root -verify_other ca -attime {NOW}"
                ),
            );
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            assert!(text.contains("Response verify OK") && text.contains(wanted), "{hash} {wanted}: {text}");
            // The nonce matches the request's; a missing or another one is a warning or an error.
            assert!(!text.to_lowercase().contains("nonce"), "{text}");
        }
    }
    let text = openssl(dir, "ocsp -respin answer -resp_text -noverify");
    assert!(text.contains("Responder Id: ") && text.contains("Archive Cutoff"), "{text}");
    assert!(text.contains("1.3.36.8.3.13"), "{text}");
}

#[test]
fn a_response_reads_back_as_it_was_built_and_is_the_delegates() {
    let world = world();
    let nonce = [7; 32];
    for status in [Status::Good, HELD] {
        let der = world.answer(status, Some(&nonce));
        let response = BasicResponse::from_response_der(&der).unwrap();
        let issuer = &world.ca.certificate;
        assert_eq!(
            response.verify(issuer, NOW),
            Ok(VerifiedBy::Delegate(world.delegate.certificate.clone()))
        );
        assert_eq!((response.produced_at(), response.nonce()), (NOW, Some(&nonce[..])));
        let single = response.about(&world.leaf.certificate, issuer).unwrap();
        assert_eq!(
            (single.status, single.this_update, single.next_update),
            (status, NOW - 60, Some(NOW + DAY))
        );
        assert_eq!(single.cert_hash, Some(*world.leaf.certificate.sha256_fingerprint()));
        assert_eq!(single.archive_cutoff, Some(NOW - 3650 * DAY));
        // Not the leaf's issuer, another certificate: it says nothing.
        assert_eq!(response.about(&world.leaf.certificate, &world.root.certificate), None);
        assert_eq!(response.about(&world.delegate.certificate, issuer), None);
    }
}

#[test]
fn the_issuer_may_sign_itself() {
    let world = world();
    let responder = Responder::new(world.ca.certificate.clone(), &world.ca.certificate).unwrap();
    let id = IssuerId::of(&world.ca.certificate).id(world.leaf.certificate.serial());
    let single = Single {
        id: &id,
        status: Status::Good,
        this_update: NOW,
        next_update: None,
        cert_hash: None,
        archive_cutoff: None,
    };
    let der = respond(&responder, &*world.ca.key, NOW, &[single], None).unwrap();
    let response = BasicResponse::from_response_der(&der).unwrap();
    assert_eq!(response.verify(&world.ca.certificate, NOW), Ok(VerifiedBy::Issuer));
    assert!(response.certificates().is_empty());
    // One signed by another authority of ours does not speak for this one.
    assert_eq!(response.verify(&world.root.certificate, NOW), Err(VerifyError::NoResponder));
}

#[test]
fn a_certificate_the_record_never_held_is_not_spoken_for() {
    let world = world();
    // Same issuer and serial number, another certificate: what a broken hash would allow.
    let twin = entity_from(
        Some(&world.ca),
        crypto::KeyKind::P256,
        |template| {
            let serial = world.leaf.certificate.serial();
            template.serial = [0; 20];
            template.serial[20 - serial.len()..].copy_from_slice(serial);
        },
        Profile::Seal,
        "twin",
    );
    let response = BasicResponse::from_response_der(&world.answer(Status::Good, None)).unwrap();
    assert_eq!(twin.certificate.serial(), world.leaf.certificate.serial());
    assert!(response.about(&world.leaf.certificate, &world.ca.certificate).is_some());
    assert!(response.about(&twin.certificate, &world.ca.certificate).is_none());
}

#[test]
fn only_a_responder_the_issuer_delegated_is_believed() {
    let world = world();
    let issuer = &world.ca.certificate;
    let forge = |signer: &Entity, by: &Entity| {
        // A certificate that is none of the issuer's delegates cannot even be made a responder …
        let responder = Responder::new(signer.certificate.clone(), issuer);
        // … so a forger makes itself one under an issuer of its own.
        let responder = responder.or_else(|_| Responder::new(signer.certificate.clone(), &by.certificate));
        let id = IssuerId::of(issuer).id(world.leaf.certificate.serial());
        let single = Single {
            id: &id,
            status: Status::Good,
            this_update: NOW,
            next_update: Some(NOW + DAY),
            cert_hash: None,
            archive_cutoff: None,
        };
        let der = respond(&responder.unwrap(), &*signer.key, NOW, &[single], None).unwrap();
        BasicResponse::from_response_der(&der).unwrap()
    };
    let other_ca = entity(Some(&world.root), Profile::IssuingCa, "other CA");
    let others = entity(Some(&other_ca), Profile::Ocsp, "other CA's signer");
    assert_eq!(
        forge(&others, &other_ca).verify(issuer, NOW),
        Err(VerifyError::NotAuthorised { reason: "issued by another authority" })
    );
    // An end entity of the right issuer without the purpose.
    assert_eq!(Responder::new(world.leaf.certificate.clone(), issuer).unwrap_err(), BuildError::NotDelegated);
    // A namesake of the issuer: the name fits, the signature does not.
    let namesake = entity(None, Profile::RootCa, "印章签发 CA");
    let impostor = entity(Some(&namesake), Profile::Ocsp, "OCSP signer");
    assert!(matches!(forge(&impostor, &namesake).verify(issuer, NOW), Err(VerifyError::Signature(_))));
    // Run out at the time of validation.
    let response = forge(&world.delegate, &world.ca);
    assert_eq!(
        response.verify(issuer, world.delegate.certificate.not_after() + 1),
        Err(VerifyError::NotAuthorised { reason: "outside its validity" })
    );
    assert_eq!(respond(&world.responder(), &*world.ca.key, NOW, &[], None), Err(BuildError::WrongKey));
}

#[test]
fn an_altered_response_is_not_believed() {
    let world = world();
    let der = world.answer(Status::Good, None);
    let mut read = 0;
    for at in 0..der.len() {
        let mut altered = der.clone();
        altered[at] ^= 1;
        let Ok(response) = BasicResponse::from_response_der(&altered) else { continue };
        read += 1;
        let same_certificate = response.certificates() == [world.delegate.certificate.clone()];
        let verified = response.verify(&world.ca.certificate, NOW);
        assert!(verified.is_err(), "octet {at}, same certificate: {same_certificate}");
    }
    assert!(read > 100, "only {read} alterations could be read at all");
}

#[test]
fn a_request_reads_back_and_its_limits_hold() {
    let world = world();
    let issuer = IssuerId::of(&world.ca.certificate);
    let ids: Vec<_> = (1..=64_u8).map(|serial| issuer.id(&[serial])).collect();
    let ask = |ids: &[cinnabar_pki::ocsp::CertId], nonce: usize| {
        RequestBuilder { ids: ids.to_vec(), nonce: (nonce > 0).then(|| vec![9; nonce]) }.to_der()
    };
    for nonce in [0, 1, 16, 32, 128] {
        let request = Request::from_der(&ask(&ids, nonce).unwrap()).unwrap();
        assert_eq!(request.ids(), ids);
        assert_eq!(request.nonce().map_or(0, <[u8]>::len), nonce);
        assert!(!request.is_signed());
    }
    assert_eq!(ask(&ids, 129), None);
    assert_eq!(ask(&[], 0), None);
    // SEQUENCE { SEQUENCE { SEQUENCE {} } }: asks about nothing.
    assert_eq!(Request::from_der(&[0x30, 4, 0x30, 2, 0x30, 0]), Err(RequestError::Empty));
    assert_eq!(Request::from_der(&[0x30; 40_000]), Err(RequestError::TooLarge { len: 40_000 }));
}

/// A request about one CertID, given its fields' encodings.
fn about(algorithm: &[u8], hashes: [&[u8]; 2], serial: &[u8]) -> Vec<u8> {
    let tlv = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let [name, key] = hashes.map(|hash| tlv(4, hash));
    let id = tlv(0x30, &[tlv(0x30, algorithm), name, key, serial.to_vec()].concat());
    (0..4).fold(id, |inner, _| tlv(0x30, &inner))
}

#[test]
fn a_certid_has_no_other_forms_than_its_hash_and_null_or_no_parameters() {
    const SHA1: &[u8] = &[6, 5, 0x2B, 0x0E, 3, 2, 0x1A];
    const SHA256: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    const SHA384: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
    let hashes = [0xAB; 48];
    for (oid, len, usual) in [(SHA1, 20, true), (SHA256, 32, true), (SHA384, 48, false)] {
        let ask = |parameters: &[u8], name: usize, key: usize| {
            let hashes = [&hashes[..name], &hashes[..key]];
            Request::from_der(&about(&[oid, parameters].concat(), hashes, &[2, 1, 5]))
        };
        for parameters in [&[][..], &[5, 0]] {
            assert_eq!(
                ask(parameters, len, len).unwrap().ids()[0].is_usual(),
                usual,
                "{oid:?} {parameters:?}"
            );
        }
        for parameters in [&[4, 1, 7][..], &[5, 1, 7], &[5, 0, 5, 0], &[2, 1, 1], &[0x30, 0]] {
            let refused = ask(parameters, len, len);
            assert!(matches!(refused, Err(RequestError::Malformed(_))), "{oid:?} {parameters:?}");
        }
        for (name, key) in [(len - 1, len), (len, len - 1), (0, len)] {
            assert!(matches!(ask(&[], name, key), Err(RequestError::Malformed(_))), "{oid:?} {name} {key}");
        }
    }
}

/// A request about serial number 5 with one extension.
fn with_extension(extension: &[u8]) -> Vec<u8> {
    let world = world();
    let id = IssuerId::of(&world.ca.certificate).id(&[5]);
    let tlv = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap();
        let head = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [&head, content].concat()
    };
    let list = tlv(0x30, &tlv(0x30, id.der()));
    tlv(0x30, &tlv(0x30, &[list, tlv(0xA2, &tlv(0x30, extension))].concat()))
}

#[test]
fn a_nonce_outside_its_bounds_and_what_is_critical_and_unknown_are_malformed() {
    let nonce = |inner: &[u8]| {
        let oid = [6, 9, 0x2B, 6, 1, 5, 5, 7, 0x30, 1, 2];
        let value = [&[4, u8::try_from(inner.len()).unwrap()], inner].concat();
        [&[0x30, u8::try_from(oid.len() + value.len()).unwrap()], &oid[..], &value].concat()
    };
    assert_eq!(Request::from_der(&with_extension(&nonce(&[4, 1, 7]))).unwrap().nonce(), Some(&[7][..]));
    // Empty, and raw octets instead of an OCTET STRING (as before RFC 8954).
    for inner in [&[4, 0][..], &[1, 2, 3, 4]] {
        let refused = Request::from_der(&with_extension(&nonce(inner)));
        assert!(matches!(refused, Err(RequestError::Malformed(_))), "{inner:?}");
    }
    let unknown = |critical: bool| {
        let critical: &[u8] = if critical { &[1, 1, 0xFF] } else { &[] };
        let body = [&[6, 3, 0x2A, 3, 4][..], critical, &[4, 2, 5, 0]].concat();
        [&[0x30, u8::try_from(body.len()).unwrap()], &body[..]].concat()
    };
    assert!(Request::from_der(&with_extension(&unknown(false))).is_ok());
    assert!(matches!(Request::from_der(&with_extension(&unknown(true))), Err(RequestError::Critical { .. })));
}

#[test]
fn openssl_signed_requests_and_several_questions_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let world = world();
    for (name, entity) in [("ca", &world.ca), ("leaf", &world.leaf), ("other", &world.delegate)] {
        write(dir, name, entity.certificate.to_pem());
    }
    openssl(dir, "ecparam -name prime256v1 -genkey -noout -out key");
    openssl(dir, "req -x509 -new -key key -subj /CN=client -days 2 -out client");
    openssl(dir, "ocsp -issuer ca -cert leaf -cert other -serial 7 -signer client -signkey key -reqout ask");
    let request = Request::from_der(&read(dir, "ask")).unwrap();
    assert!(request.is_signed());
    assert_eq!(request.ids().len(), 3);
    assert_eq!(request.ids()[2].serial(), [7]);
}

#[test]
fn error_responses_are_what_openssl_says_they_are() {
    let dir = tempfile::tempdir().unwrap();
    for (status, code, name) in [
        (ErrorStatus::MalformedRequest, 1, "malformedrequest"),
        (ErrorStatus::InternalError, 2, "internalerror"),
        (ErrorStatus::TryLater, 3, "trylater"),
        (ErrorStatus::SigRequired, 5, "sigrequired"),
        (ErrorStatus::Unauthorized, 6, "unauthorized"),
    ] {
        let der = error_response(status);
        assert_eq!(der, [0x30, 3, 0x0A, 1, code]);
        assert_eq!(BasicResponse::from_response_der(&der).unwrap_err(), ResponseError::NotSuccessful(status));
        write(dir.path(), "answer", &der);
        let output = openssl_output(dir.path(), "ocsp -respin answer -resp_text -noverify");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).to_lowercase();
        assert!(text.contains(name), "{text}");
    }
}

/// Reads bytes as both structures and uses what was read.
fn read_as_everything(bytes: &[u8], issuer: &Certificate) {
    if let Ok(request) = Request::from_der(bytes) {
        let _ = request.ids().iter().any(|id| IssuerId::of(issuer).issued(id));
    }
    if let Ok(response) = BasicResponse::from_response_der(bytes) {
        let _ = response.verify(issuer, NOW);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn hostile_octets_are_errors_not_panics(
        specimen in 0..3_usize, cut in any::<prop::sample::Index>(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)
    ) {
        static SPECIMENS: std::sync::LazyLock<(Vec<Vec<u8>>, Certificate)> = std::sync::LazyLock::new(|| {
            let world = world();
            let ids = vec![IssuerId::of(&world.ca.certificate).sha1_id(&[1, 2]); 3];
            let ask = RequestBuilder { ids, nonce: Some(vec![1; 32]) }.to_der().unwrap();
            let specimens = vec![ask, world.answer(Status::Good, None), world.answer(HELD, Some(&[1]))];
            (specimens, world.ca.certificate)
        });
        let mut bytes = SPECIMENS.0[specimen].clone();
        for (at, value) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_as_everything(&bytes, &SPECIMENS.1);
    }
}

/// What a path uses of responses and lists, and what it lacks.
mod material {
    use cinnabar_pki::material::{Known, Lack, Material, of};
    use cinnabar_pki::path::{PathFailure, Purpose, TrustAnchors};
    use cinnabar_pki::{Crl, CrlBuilder};

    use super::*;

    fn list(issuer: &Entity, this_update: i64) -> Crl {
        let builder = CrlBuilder {
            number: u64::try_from(this_update).unwrap(),
            this_update,
            next_update: this_update + DAY,
            ..CrlBuilder::default()
        };
        Crl::from_der(&builder.build(&issuer.certificate, &*issuer.key).unwrap()).unwrap()
    }

    fn used(
        world: &World,
        certificates: &[Certificate],
        crls: &[Crl],
        ocsp: &[BasicResponse],
    ) -> Result<Material, PathFailure> {
        let anchors = TrustAnchors::new(vec![world.root.certificate.clone()]);
        let known = Known { certificates, crls, ocsp, anchors: &anchors };
        of(&world.leaf.certificate, known, NOW, Purpose::Any)
    }

    #[test]
    fn the_newest_evidence_that_suffices_is_taken_and_a_response_before_a_list() {
        let world = world();
        let certificates = [world.ca.certificate.clone()];
        let good = BasicResponse::from_response_der(&world.answer(Status::Good, None)).unwrap();
        let unknown = BasicResponse::from_response_der(&world.answer(Status::Unknown, None)).unwrap();
        let lists = [
            list(&world.ca, NOW - 5 * DAY),
            list(&world.root, NOW - 60),
            list(&world.ca, NOW - 3600),
            list(&world.ca, NOW - 7200),
        ];
        let material = used(&world, &certificates, &lists, &[unknown, good]).unwrap();
        assert_eq!((material.ocsp.as_slice(), material.crls.as_slice()), (&[1][..], &[1][..]));
        let path = [&world.leaf, &world.ca, &world.root].map(|one| one.certificate.clone());
        assert_eq!(material.certificates, path);
        assert!(material.lacking.is_empty());
        let material = used(&world, &certificates, &lists, &[]).unwrap();
        assert_eq!((material.ocsp.len(), material.crls.as_slice()), (0, &[2, 1][..]));
    }

    #[test]
    fn what_lacks_is_named_with_the_addresses_to_ask() {
        let world = world();
        let certificates = [world.ca.certificate.clone()];
        let material = used(&world, &certificates, &[list(&world.root, NOW - 60)], &[]).unwrap();
        let [Lack::Revocation { of, issuer, crls, .. }] = material.lacking.as_slice() else {
            panic!("{:?}", material.lacking)
        };
        assert_eq!((of, issuer), (&world.leaf.certificate, &world.ca.certificate));
        assert_eq!(crls, &[CRL_URI.to_owned()]);
        assert!(material.lacking.iter().all(Lack::is_findable));
        // Out of date is as good as nothing.
        let stale = [list(&world.root, NOW - 60), list(&world.ca, NOW - 5 * DAY)];
        assert_eq!(used(&world, &certificates, &stale, &[]).unwrap().lacking.len(), 1);
    }

    #[test]
    fn what_nothing_further_can_mend_is_a_failure() {
        let world = world();
        let certificates = [world.ca.certificate.clone()];
        let revoked = Status::Revoked(Revoked { time: NOW - 3600, reason: None });
        let said = [BasicResponse::from_response_der(&world.answer(revoked, None)).unwrap()];
        let failed = used(&world, &certificates, &[list(&world.root, NOW - 60)], &said);
        assert!(matches!(failed, Err(PathFailure::Revoked { ca: false, .. })), "{failed:?}");
        // An issuer that nobody brought may be had; a root that is not trusted stays so.
        let material = used(&world, &[], &[], &[]).unwrap();
        assert!(matches!(material.lacking.as_slice(), [Lack::Issuer { urls, .. }] if urls.len() == 1));
        let stranger = TrustAnchors::new(vec![entity(None, Profile::RootCa, "stranger").certificate]);
        let certificates = [world.ca.certificate.clone(), world.root.certificate.clone()];
        let known = Known { certificates: &certificates, crls: &[], ocsp: &[], anchors: &stranger };
        let failed = of(&world.leaf.certificate, known, NOW, Purpose::Any);
        assert!(matches!(failed, Err(PathFailure::NoPath { .. })), "{failed:?}");
    }
}
