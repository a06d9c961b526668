//! SM2 with SM3 in everything that is signed, with OpenSSL and gmssl as judges, and theirs judged by us.
//!
//! OpenSSL 3.0 verifies certificates and requests when it is told the signer's identifier; of lists, OCSP responses, CMS
//! and time-stamps it can be told none, so their octets and signatures are taken out and shown to `pkeyutl`. It cannot
//! sign CMS with SM2 at all: those of "others" are put together here around signatures that it made.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;
mod forge;
mod judge;

use cinnabar_pki::{
    Certificate, Crl, CrlBuilder, GeneralName, Reason, Revoked, SignatureError, Subject,
    cms::{Integrity, Limits, SignedData, TimeStampToken, sign::CmsSigner, verify::Fault},
    key::KeyAlgorithm,
    ocsp::{BasicResponse, IssuerId, Request, RequestBuilder, Responder, Single, Status, respond},
    path::{self, Evidence, PathVerdict, Policy, RevocationPolicy, TrustAnchors},
    profile::{IssuedBy, SubjectRules, builtin},
    request::{CertificationRequest, RequestError},
    tsp::{Accuracy, Stamper, TimeStampReq, check_response, granted},
    validation::{DigestName, KeyFamily, Reliability, SignaturePolicy, Subject as Signature, validate},
};
use common::*;
use crypto::{DigestAlgorithm, KeyKind, SignatureScheme, Signer, Suite};
use der::asn1::ObjectIdentifier;
use judge::*;

const SM2: KeyKind = KeyKind::Sm2;
const SM2_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");
const SM2_SIGNATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301.1");
const SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.401");
const GM_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.1");
const GM_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.2");

struct World {
    root: Entity,
    ca: Entity,
    seal: Entity,
}

fn world() -> World {
    let root = make("root", None, SM2, "国密根");
    let ca = make("issuing-ca", Some(&root), SM2, "国密印章 CA");
    let seal = make("seal-organisation", Some(&ca), SM2, "部门审批专用章");
    World { root, ca, seal }
}

#[test]
fn every_profile_is_issued_and_openssl_and_gmssl_verify_each_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let World { root, ca, .. } = world();
    let mut shown = Gmssl::default();
    let verify = |above: &Entity, one: &Entity, name: &str| {
        write(dir, "above.pem", above.certificate.to_pem());
        write(dir, "one.pem", one.certificate.to_pem());
        let args = format!(
            "verify -x509_strict -partial_chain -trusted above.pem -vfyopt {DISTID} -attime {NOW} one.pem"
        );
        assert!(openssl(dir, &args).contains("one.pem: OK"), "{name}");
        let wrong = openssl_output(dir, &args.replace(DISTID, "distid:somebody"));
        assert!(!wrong.status.success(), "{name}: under another identifier");
    };
    let (tbs, _, value) = parts(root.certificate.der());
    openssl_verifies(root.key.public_key(), &tbs, &value);
    for profile in builtin().iter().filter(|profile| profile.issuer() != IssuedBy::Itself) {
        // JOSE and COSE have no SM2: who signs credentials and lists has P-256 in either hierarchy.
        let other = !profile.keys().contains(&KeyAlgorithm::Sm2);
        assert_eq!(other, ["credential-signer", "publisher"].contains(&profile.name()), "{}", profile.name());
        if other || *profile.subject() == SubjectRules::Copied {
            continue;
        }
        let issuer = if profile.is_ca() { &root } else { &ca };
        let leaf = make(profile.name(), Some(issuer), SM2, "部门审批专用章");
        verify(issuer, &leaf, profile.name());
        let (tbs, algorithm, value) = parts(leaf.certificate.der());
        assert_eq!(tbs, leaf.certificate.tbs());
        assert_eq!(algorithm, forge::seq(&[forge::oid(&SM2_SM3.to_string())]), "no parameters");
        shown.add(issuer.key.raw_public_key(), &tbs, &value);
    }
    shown.all_hold();
}

#[test]
fn requests_go_both_ways_with_openssl() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let mine = key(SM2);
    let names = [GeneralName::Uri("urn:cinnabar:machine:a".into())];
    let der = CertificationRequest::make(&mine, &Subject::common_name("审批系统"), &names).unwrap();
    write(dir, "mine", &der);
    let text = openssl(
        dir,
        &format!("req -inform DER -in mine -verify -vfyopt {DISTID} -noout -text -nameopt utf8"),
    );
    assert!(text.contains("审批系统") && text.contains("SM2-with-SM3"), "{text}");

    openssl(dir, "genpkey -algorithm SM2 -out k");
    openssl(dir, &format!("req -new -key k -sm3 -sigopt {DISTID} -subj /O=o/CN=c -out csr"));
    let request = CertificationRequest::from_pem_or_der(&read(dir, "csr")).unwrap();
    assert_eq!(request.key_algorithm().to_string(), "sm2");
    assert_eq!(*Suite::of_key(request.spki()), Suite::SHANGMI);
    // The identifier is part of what is signed: a request under another one proves no possession.
    for other in ["", " -sigopt distid:somebody"] {
        openssl(dir, &format!("req -new -key k -sm3{other} -subj /O=o/CN=c -out csr"));
        let refused = CertificationRequest::from_pem_or_der(&read(dir, "csr"));
        assert!(matches!(refused, Err(RequestError::ProofOfPossession(_))), "{other}: {refused:?}");
    }
}

#[test]
fn openssl_s_certificates_and_lists_are_verified() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (ca, leaf) = openssl_pair(dir);
    assert_eq!(leaf.verify_signature(ca.spki()), Ok(()));
    let anchors = TrustAnchors::new(vec![ca.clone()]);
    let now = leaf.not_before() + 1;
    let request = path::Request {
        policy: Policy::new(RevocationPolicy::Waived),
        ..path::Request::new(&leaf, &anchors, now)
    };
    assert!(matches!(path::validate(&request), PathVerdict::Trusted(_)));

    // One that OpenSSL signed under an empty identifier, as `req` and `x509` do unless told otherwise.
    openssl(
        dir,
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -sm3 -set_serial 9 -days 9 -vfyopt distid:1234567812345678 -out empty.pem",
    );
    let empty = Certificate::from_pem(&read(dir, "empty.pem")).unwrap().remove(0);
    let refused = SignatureError::Verify(crypto::VerifyError::BadSignature);
    assert_eq!(empty.verify_signature(ca.spki()), Err(refused), "an empty identifier is never tried");

    write(dir, "index", "");
    let list = "ca -gencrl -config ca.cnf -crldays 3 -md sm3 -sigopt distid:1234567812345678 -out crl.pem";
    write(
        dir,
        "ca.cnf",
        "[ca]\ndefault_ca = a\n[a]\ndatabase = index\ncertificate = ca.pem\nprivate_key = ca.key\n\
         default_md = sm3\ncrlnumber = number\n",
    );
    write(dir, "number", "01\n");
    openssl(dir, list);
    let crl = Crl::from_pem_or_der(&read(dir, "crl.pem")).unwrap().remove(0);
    assert_eq!(crl.verify_signature(ca.spki()), Ok(()));
}

#[test]
fn revocation_lists_and_their_deltas_are_signed_so_that_openssl_and_gmssl_agree_and_paths_use_them() {
    let World { root, ca, seal } = world();
    let revoked = |entity: &Entity| {
        let revoked = Revoked { time: NOW - 60, reason: Some(Reason::KeyCompromise) };
        (entity.certificate.serial().to_vec(), revoked).into()
    };
    let full = CrlBuilder {
        number: 7,
        this_update: NOW - 60,
        next_update: NOW + DAY,
        distribution_point: Some(CRL_URI.into()),
        ..CrlBuilder::default()
    };
    let delta = CrlBuilder { number: 8, base: Some(7), revoked: vec![revoked(&seal)], ..full.clone() };
    let mut shown = Gmssl::default();
    let mut made = Vec::new();
    for builder in [&full, &delta] {
        let der = builder.build(&ca.certificate, &*ca.key).unwrap();
        let (tbs, _, value) = parts(&der);
        openssl_verifies(ca.key.public_key(), &tbs, &value);
        shown.add(ca.key.raw_public_key(), &tbs, &value);
        let crl = Crl::from_der(&der).unwrap();
        assert_eq!(crl.verify_signature(ca.key.public_key()), Ok(()));
        made.push(crl);
    }
    shown.all_hold();
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "crl", made[1].to_pem());
    let text = openssl(dir.path(), "crl -in crl -noout -text -nameopt utf8");
    for wanted in ["SM2-with-SM3", "国密印章 CA", "Key Compromise", "Delta CRL Indicator: critical"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }

    let anchors = TrustAnchors::new(vec![root.certificate]);
    let verdict = |crls: &[Crl]| {
        let mut policy = Policy::new(RevocationPolicy::Required);
        policy.ca_revocation = RevocationPolicy::Waived;
        let untrusted = [ca.certificate.clone()];
        let request = path::Request {
            untrusted: &untrusted,
            crls,
            policy,
            ..path::Request::new(&seal.certificate, &anchors, NOW)
        };
        match path::validate(&request) {
            PathVerdict::Trusted(path) => {
                assert!(matches!(path.evidence()[0], Evidence::Good { .. }));
                "trusted".to_owned()
            }
            other => other.failure().unwrap().to_string(),
        }
    };
    assert_eq!(verdict(&made[..1]), "trusted");
    assert!(verdict(&made).contains("revoked"), "{}", verdict(&made));
}

#[test]
fn ocsp_answers_questions_by_sm3_and_openssl_reads_the_answers() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let World { ca, seal, .. } = world();
    let delegate = make("ocsp", Some(&ca), SM2, "OCSP");
    write(dir, "ca", ca.certificate.to_pem());
    write(dir, "leaf", seal.certificate.to_pem());
    let issuer = IssuerId::of(&ca.certificate);
    let serial = seal.certificate.serial();
    for (hash, own) in [
        ("-sm3", issuer.id_by(DigestAlgorithm::Sm3, serial)),
        ("-sha256", issuer.id(serial)),
        ("-sha1", issuer.sha1_id(serial)),
    ] {
        openssl(dir, &format!("ocsp -issuer ca {hash} -cert leaf -no_nonce -reqout ask"));
        let asked = Request::from_der(&read(dir, "ask")).unwrap();
        let id = &asked.ids()[0];
        assert!(issuer.issued(id) && id.is_usual() && id.serial() == serial, "{hash}");
        let again = RequestBuilder { ids: vec![own], nonce: None }.to_der().unwrap();
        assert!(issuer.issued(&Request::from_der(&again).unwrap().ids()[0]));

        let responder = Responder::new(delegate.certificate.clone(), &ca.certificate).unwrap();
        let single = Single {
            id,
            status: Status::Revoked(Revoked { time: NOW - 60, reason: Some(Reason::Superseded) }),
            this_update: NOW - 30,
            next_update: Some(NOW + DAY),
            cert_hash: Some(*seal.certificate.sha256_fingerprint()),
            archive_cutoff: None,
        };
        let der = respond(&responder, &*delegate.key, NOW, &[single], None).unwrap();
        let response = BasicResponse::from_response_der(&der).unwrap();
        assert!(response.verify(&ca.certificate, NOW).is_ok());
        let (tbs, algorithm, value) = parts(&basic(&der));
        assert_eq!(algorithm, SignatureScheme::Sm2Sm3.algorithm_identifier());
        openssl_verifies(delegate.key.public_key(), &tbs, &value);
        write(dir, "answer", &der);
        let text = openssl(dir, "ocsp -respin answer -reqin ask -resp_text -noverify");
        for wanted in ["Cert Status: revoked", "superseded", "SM2-with-SM3"] {
            assert!(text.contains(wanted), "{hash}: {wanted}: {text}");
        }
    }
    // Another authority of the same name is not the one that is asked about.
    let other = IssuerId::of(&world().ca.certificate);
    assert!(!other.issued(&issuer.id_by(DigestAlgorithm::Sm3, serial)) && !issuer.issued(&other.id(serial)));
}

#[test]
fn cms_is_signed_under_both_families_of_content_types_and_openssl_and_gmssl_agree() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let World { ca, seal, .. } = world();
    let mut shown = Gmssl::default();
    for (suite, signed_data, data, version) in [
        (Suite::INTERNATIONAL, Suite::INTERNATIONAL.cms_signed_data, Suite::INTERNATIONAL.cms_data, 1),
        (Suite::SHANGMI, GM_SIGNED_DATA, GM_DATA, 1),
    ] {
        let chain = [ca.certificate.clone()];
        let signer = CmsSigner::typed(&suite, seal.key.clone(), &seal.certificate, &chain).unwrap();
        assert_eq!(signer.digest_algorithm(), DigestAlgorithm::Sm3);
        let cms = signer.sign(&DigestAlgorithm::Sm3.digest(b"content")).unwrap();
        assert!(cms.len() <= signer.max_len());
        write(dir, "cms", &cms);
        let text = openssl(dir, "asn1parse -inform DER -in cms");
        let objects: Vec<_> =
            text.lines().filter_map(|line| line.split("OBJECT").nth(1)).map(str::trim).collect();
        assert!(text.lines().nth(4).unwrap().ends_with(&format!(":0{version}")), "{text}");
        let named = |oid: ObjectIdentifier| {
            // OpenSSL knows some by name.
            let name = match oid.to_string().as_str() {
                "1.2.840.113549.1.7.1" => "pkcs7-data".to_owned(),
                "1.2.840.113549.1.7.2" => "pkcs7-signedData".to_owned(),
                "1.2.156.10197.1.401" => "sm3".to_owned(),
                other => other.to_owned(),
            };
            objects.iter().filter(|object| object.trim_start_matches(':') == name).count()
        };
        assert_eq!((named(signed_data), named(data)), (1, 2), "{text}");
        // digestAlgorithms, digestAlgorithm and the hash of the certificate that is named.
        assert_eq!((named(SM3), named(SM2_SIGNATURE)), (3, 1), "{text}");

        let read = SignedData::parse(&cms, &Limits::default()).unwrap();
        let verified = read.verify_message(&[], b"content");
        assert_eq!(verified.integrity, Integrity::Intact);
        assert_eq!(
            (verified.scheme, verified.signer),
            (Some(SignatureScheme::Sm2Sm3), Some(seal.certificate.clone()))
        );
        assert!(matches!(read.verify_message(&[], b"other").integrity, Integrity::Broken(_)));
        let attributes = read.signed_attributes().unwrap().signed_bytes();
        openssl_verifies(seal.key.public_key(), attributes, read.signature_value());
        shown.add(seal.key.raw_public_key(), attributes, read.signature_value());

        let inside = signer.sign_attached(b"content").unwrap();
        let read = SignedData::parse(&inside, &Limits::default()).unwrap();
        assert_eq!(read.encapsulated_content(), Some(&b"content"[..]));
        assert!(read.verify_encapsulated(&[]).integrity.is_intact());
    }
    shown.all_hold();
}

#[test]
fn cms_that_others_signed_with_openssl_is_judged() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_, leaf) = openssl_pair(dir);
    let digest = DigestAlgorithm::Sm3.digest(b"content");
    let foreign =
        |types: (ObjectIdentifier, ObjectIdentifier), signature: ObjectIdentifier, null, attributed| {
            Foreign { types, signature, null, attributed }.cms(dir, &leaf, b"content")
        };
    let rfc = (Suite::INTERNATIONAL.cms_signed_data, Suite::INTERNATIONAL.cms_data);
    let gm = (GM_SIGNED_DATA, GM_DATA);
    for types in [rfc, gm, (GM_SIGNED_DATA, rfc.1)] {
        for signature in [SM2_SIGNATURE, SM2_SM3] {
            for null in [true, false] {
                let cms = foreign(types, signature, null, true);
                let read = SignedData::parse(&cms, &Limits::default()).unwrap();
                let verified =
                    read.verify(&[], |algorithm| Ok::<_, ()>(algorithm.digest(b"content"))).unwrap();
                assert_eq!(verified.integrity, Integrity::Intact, "{types:?} {signature} {null}");
                assert_eq!(
                    verified.digest.map(|algorithm| algorithm.digest(b"content")),
                    Some(digest.clone())
                );
                let bare = foreign(types, signature, null, false);
                let read = SignedData::parse(&bare, &Limits::default()).unwrap();
                assert!(
                    read.verify_message(&[], b"content").integrity.is_intact(),
                    "over the content itself"
                );
                assert!(matches!(read.verify_message(&[], b"c").integrity, Integrity::Broken(_)));
            }
        }
    }
    // A time-stamp's content type is no document's, whatever family it is dressed as.
    let tst = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
    let read =
        SignedData::parse(&foreign((GM_SIGNED_DATA, tst), SM2_SIGNATURE, false, true), &Limits::default());
    let verified = read.unwrap().verify_message(&[], b"content");
    assert_eq!(verified.integrity, Integrity::Broken(vec![Fault::ContentTypeMismatch { found: tst }]));
}

#[test]
fn time_stamps_have_sm3_imprints_and_sm2_signatures() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let World { ca, .. } = world();
    let unit = make("time-stamp", Some(&ca), SM2, "时间戳");
    let chain = std::slice::from_ref(&ca.certificate);
    let stamper =
        Stamper::new(unit.key.clone(), &unit.certificate, chain, Accuracy { millis: 1000 }, true).unwrap();
    write(dir, "content", b"content");
    openssl(dir, "ts -query -data content -sm3 -cert -out ask");
    let request = TimeStampReq::parse(&read(dir, "ask")).unwrap();
    assert_eq!(request.imprint.algorithm(), DigestAlgorithm::Sm3);
    let policy = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.3");
    let stamp = stamper.stamp(&request, policy, &serial(), NOW * 1_000_000).unwrap();
    let reply = granted(&stamper.sign(&stamp).unwrap());
    let (der, token, signer) = check_response(&reply, &request, &[]).unwrap();
    assert_eq!(signer, unit.certificate);
    let verified = token.verify(&[], |algorithm| Ok::<_, ()>(algorithm.digest(b"content"))).unwrap();
    assert_eq!((verified.integrity, verified.scheme), (Integrity::Intact, Some(SignatureScheme::Sm2Sm3)));
    assert!(TimeStampToken::parse(&der, &Limits::default()).is_ok());
    let data = token.signed_data();
    openssl_verifies(
        unit.key.public_key(),
        data.signed_attributes().unwrap().signed_bytes(),
        data.signature_value(),
    );
    write(dir, "reply", &reply);
    let text = openssl(dir, "ts -reply -in reply -text");
    assert!(text.contains("Hash Algorithm: sm3") && text.contains("Status: Granted"), "{text}");
}

#[test]
fn paths_of_one_suite_are_trusted_and_a_forged_link_is_not() {
    let World { root, ca, seal } = world();
    let anchors = TrustAnchors::new(vec![root.certificate.clone()]);
    let trusted = |leaf: &Certificate, between: &Certificate| {
        let untrusted = [between.clone()];
        let policy = Policy::new(RevocationPolicy::Waived);
        let request =
            path::Request { untrusted: &untrusted, policy, ..path::Request::new(leaf, &anchors, NOW) };
        matches!(path::validate(&request), PathVerdict::Trusted(_))
    };
    assert!(trusted(&seal.certificate, &ca.certificate));
    let mut altered = seal.certificate.der().to_vec();
    *altered.last_mut().unwrap() ^= 1;
    assert!(!trusted(&Certificate::from_der(&altered).unwrap(), &ca.certificate));
    // The same names over other keys.
    let other = world();
    assert!(!trusted(&other.seal.certificate, &other.ca.certificate));
    assert!(!trusted(&seal.certificate, &other.ca.certificate));
    // What a P-256 authority certifies stays verifiable, though the appliance never mixes suites itself.
    let mixed = make("issuing-ca", Some(&root), KeyKind::P256, "混合 CA");
    let leaf = make("seal-organisation", Some(&mixed), SM2, "章");
    assert!(trusted(&leaf.certificate, &mixed.certificate));
}

#[test]
fn the_policies_know_sm2_and_sm3_and_one_that_does_not_list_them_takes_neither() {
    let World { root, ca, seal } = world();
    let signer =
        CmsSigner::new(seal.key.clone(), &seal.certificate, std::slice::from_ref(&ca.certificate)).unwrap();
    let cms = signer.sign(&DigestAlgorithm::Sm3.digest(b"content")).unwrap();
    let data = SignedData::parse(&cms, &Limits::default()).unwrap();
    let verification = data.verify_message(&[], b"content");
    let anchors = TrustAnchors::new(vec![root.certificate.clone()]);
    let list = |issuer: &Entity| {
        let builder = CrlBuilder {
            number: 1,
            this_update: NOW - 60,
            next_update: NOW + DAY,
            distribution_point: Some(CRL_URI.into()),
            ..CrlBuilder::default()
        };
        Crl::from_der(&builder.build(&issuer.certificate, &*issuer.key).unwrap()).unwrap()
    };
    let lists = [list(&ca), list(&root)];
    let outcome = |policy: &SignaturePolicy| {
        let mut evidence = cinnabar_pki::validation::Evidence::new(&anchors);
        evidence.add_certificates(data.certificates(), cinnabar_pki::validation::Origin::Signature);
        evidence.add_crls(&lists, cinnabar_pki::validation::Origin::Store);
        let mut poes = cinnabar_pki::validation::Poes::default();
        let subject = Signature::of_cms("signature", &data, &verification);
        let outcome = validate(&subject, &evidence, &mut poes, policy, NOW);
        (
            outcome.indication.to_string(),
            outcome.sub_indication.map(|sub| sub.to_string()),
            outcome.material.algorithms,
        )
    };
    let (indication, _, algorithms) = outcome(SignaturePolicy::default_policy());
    assert_eq!(indication, "TOTAL-PASSED");
    assert!(algorithms.iter().all(|one| ["sm2", "sm3"].contains(&one.algorithm) && one.secure));
    for name in ["default", "strict", "archive"] {
        let cryptography = SignaturePolicy::builtin(name).unwrap().cryptography();
        assert_eq!(cryptography.digest(DigestName::Sm3), Reliability::Open);
        assert_eq!(cryptography.key(KeyFamily::Sm2, 256), Reliability::Open);
    }
    let text = include_str!("../../../policies/signature-validation/default.toml");
    for (from, to) in [
        ("sm3 = \"open\"", "# "),
        ("sm2 = [{ bits = 256, until = \"open\" }]", ""),
        ("sm3 = \"open\"", "sm3 = 2020-01-01"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let (indication, sub, _) = outcome(&SignaturePolicy::parse(&changed).unwrap());
        assert_eq!(indication, "INDETERMINATE", "{from} → {to}");
        assert!(sub.unwrap().starts_with("CRYPTO_CONSTRAINTS_FAILURE"), "{from} → {to}");
    }
}
