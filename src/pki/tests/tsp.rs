//! The time-stamp protocol, with OpenSSL as requester, as authority and as judge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::path::Path;

use cinnabar_pki::tsp::{
    Accuracy, Failure, Imprint, RequestError, StampError, Stamper, Status, TimeStampReq, TimeStampResp,
    TokenFault, check_response, check_token, granted, rejection,
};
use common::Profile;
use common::{Entity, NOW, entity, openssl, openssl_output, read, write};
use crypto::DigestAlgorithm;
use der::asn1::ObjectIdentifier;

const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.3");
const CONTENT: &[u8] = b"content";

struct Authority {
    root: Entity,
    ca: Entity,
    tsa: Entity,
    stamper: Stamper,
}

fn authority() -> Authority {
    let root = entity(None, Profile::RootCa, "root");
    let ca = entity(Some(&root), Profile::IssuingCa, "CA");
    let tsa = entity(Some(&ca), Profile::TimeStamp, "TSA");
    let stamper = stamper(&tsa, &ca).unwrap();
    Authority { root, ca, tsa, stamper }
}

fn stamper(tsa: &Entity, ca: &Entity) -> Result<Stamper, StampError> {
    let chain = std::slice::from_ref(&ca.certificate);
    Stamper::new(tsa.key.clone(), &tsa.certificate, chain, Accuracy { millis: 1500 }, true)
}

impl Authority {
    fn token(&self, request: &TimeStampReq) -> Vec<u8> {
        let serial = common::serial();
        let policy = request.policy.unwrap_or(POLICY);
        let stamp = self.stamper.stamp(request, policy, &serial, NOW * 1_000_000 + 250_000).unwrap();
        self.stamper.sign(&stamp).unwrap()
    }

    fn answer(&self, request: &TimeStampReq) -> Vec<u8> {
        granted(&self.token(request))
    }

    fn files(&self, dir: &Path) {
        write(dir, "root", self.root.certificate.to_pem());
        let chain = self.ca.certificate.to_pem();
        write(dir, "chain", &chain);
        write(dir, "all", chain + &self.tsa.certificate.to_pem());
        write(dir, "content", CONTENT);
    }
}

fn request() -> TimeStampReq {
    let digest = DigestAlgorithm::Sha256.digest(CONTENT);
    TimeStampReq::new(
        Imprint::new(DigestAlgorithm::Sha256, &digest).unwrap(),
        None,
        [0x80, 1, 2, 3, 4, 5, 6, 7],
    )
}

#[test]
fn openssl_asks_and_verifies() {
    let (authority, dir) = (authority(), tempfile::tempdir().unwrap());
    let dir = dir.path();
    authority.files(dir);
    for query in [
        "-sha256 -cert",
        "-sha384 -cert",
        "-sha512 -cert",
        "-sha256 -cert -no_nonce",
        "-sha256",
        "-sha512 -tspolicy 1.3.6.1.4.1.99999.4 -cert",
    ] {
        openssl(dir, &format!("ts -query -data content -out request {query}"));
        let request = TimeStampReq::parse(&read(dir, "request")).unwrap();
        assert_eq!(request.to_der(), read(dir, "request"), "read and written the same");
        assert_eq!(request.certificates, query.contains("-cert"));
        assert_eq!(request.nonce.is_none(), query.contains("-no_nonce"));
        write(dir, "reply", authority.answer(&request));
        let untrusted = if request.certificates { "chain" } else { "all" };
        let verify = |what: &str| {
            let anchors = format!("-CAfile root -untrusted {untrusted} -attime {NOW}");
            openssl_output(dir, &format!("ts -verify {what} -in reply {anchors}"))
        };
        let verified = verify("-queryfile request");
        assert!(verified.status.success(), "{query}: {}", String::from_utf8_lossy(&verified.stderr));
        assert!(verify("-data content").status.success());
        assert!(!verify("-digest 00").status.success());
        let text = openssl(dir, "ts -reply -in reply -text");
        let policy = request.policy.unwrap_or(POLICY).to_string();
        for shown in
            ["Status: Granted", &policy, "Accuracy: 0x01 seconds, 0x01F4 millis", "Ordering: no", "DirName:"]
        {
            assert!(text.contains(shown), "{shown}: {text}");
        }
        assert!(text.contains("Time stamp: Nov 22 00:00:00.25 2026 GMT"), "{text}");
    }
}

#[test]
fn a_token_is_signed_data_of_version_3_and_carries_certificates_only_when_asked_for() {
    let (authority, dir) = (authority(), tempfile::tempdir().unwrap());
    for certificates in [true, false] {
        let token = authority.token(&TimeStampReq { certificates, ..request() });
        write(dir.path(), "token", &token);
        let text = openssl(dir.path(), "cms -cmsout -print -noout -inform DER -in token");
        assert!(text.contains("version: 3") && text.contains("id-smime-ct-TSTInfo"), "{text}");
        assert!(text.contains("id-smime-aa-signingCertificateV2"), "{text}");
        assert_eq!(text.contains("subject: "), certificates, "{text}");
    }
}

#[test]
fn our_client_takes_what_openssl_stamps() {
    let (authority, dir) = (authority(), tempfile::tempdir().unwrap());
    let dir = dir.path();
    authority.files(dir);
    openssl(dir, "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out key");
    openssl(dir, "req -new -key key -subj /CN=TSA -out csr");
    write(dir, "eku", "extendedKeyUsage=critical,timeStamping");
    openssl(dir, "x509 -req -in csr -signkey key -extfile eku -out cert");
    write(dir, "serial", "01");
    write(
        dir,
        "tsa.cnf",
        "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_digest=sha256\ndefault_policy=1.2.3.4\n\
         other_policies=1.2.3.5\ndigests=sha256\naccuracy=secs:1,millisecs:500,microsecs:7\n\
         ess_cert_id_alg=sha256\nordering=yes\n",
    );
    let mut asked = request();
    asked.policy = Some(ObjectIdentifier::new_unwrap("1.2.3.5"));
    write(dir, "request", asked.to_der());
    let reply = "ts -reply -config tsa.cnf -queryfile request -signer cert -inkey key -out reply";
    openssl(dir, reply);
    let (_, token, signer) = check_response(&read(dir, "reply"), &asked, &[]).unwrap();
    let info = token.info();
    assert_eq!((info.accuracy_micros, info.ordering, &info.nonce), (Some(1_500_007), true, &asked.nonce));
    assert_eq!(
        signer.to_pem().replace('\n', ""),
        String::from_utf8(read(dir, "cert")).unwrap().replace('\n', "")
    );
    // What it refuses is understood.
    asked.policy = Some(POLICY);
    write(dir, "request", asked.to_der());
    openssl(dir, reply);
    let fault = check_response(&read(dir, "reply"), &asked, &[]).unwrap_err();
    assert!(
        matches!(&fault, TokenFault::Refused { status: Status::Rejection, failures, .. } if failures == &[Failure::UnacceptedPolicy]),
        "{fault}"
    );
}

#[test]
fn every_way_not_to_answer_the_request_is_found() {
    let authority = authority();
    let asked = request();
    let of = |change: &dyn Fn(&mut TimeStampReq)| {
        let mut other = asked.clone();
        change(&mut other);
        check_response(&authority.answer(&other), &asked, &[])
    };
    let (der, token, signer) = of(&|_| {}).unwrap();
    assert_eq!(signer, authority.tsa.certificate);
    assert!(token.info().gen_time == NOW && token.info().gen_time_micros == 250_000);
    assert_eq!((token.info().ordering, token.info().policy), (false, POLICY));
    assert_eq!(token.info().serial.len(), 20);
    assert_eq!(of(&|r| r.nonce = None).unwrap_err(), TokenFault::Nonce);
    assert_eq!(of(&|r| r.nonce = Some(vec![1])).unwrap_err(), TokenFault::Nonce);
    let other = Imprint::new(DigestAlgorithm::Sha256, &[0; 32]).unwrap();
    assert!(matches!(of(&|r| r.imprint = other.clone()).unwrap_err(), TokenFault::Broken(_)));
    let other = Imprint::new(DigestAlgorithm::Sha512, &[0; 64]).unwrap();
    assert!(matches!(of(&|r| r.imprint = other.clone()).unwrap_err(), TokenFault::ImprintAlgorithm { .. }));
    assert!(matches!(of(&|r| r.certificates = false).unwrap_err(), TokenFault::Unverifiable(_)));
    let mut strict = asked.clone();
    strict.policy = Some(ObjectIdentifier::new_unwrap("1.2.3"));
    let fault = check_response(&granted(&der), &strict, &[]).unwrap_err();
    assert_eq!(fault, TokenFault::Policy { found: POLICY });
    // Alter any octet: it is found, or it is one that nobody signed (the CMS version, a list of algorithms, the chain)
    // and the token still says the same by the same certificate.
    let mut found = 0;
    for index in 0..der.len() {
        let mut altered = der.clone();
        altered[index] ^= 1;
        match check_response(&granted(&altered), &asked, &[]) {
            Ok((_, other, by)) => assert!(other.info() == token.info() && by == signer, "octet {index}"),
            Err(_) => found += 1,
        }
    }
    assert!(found > der.len() / 2, "{found} of {}", der.len());
    assert_eq!(check_response(&[0x30, 5, 0x30, 3, 2, 1, 0], &asked, &[]).unwrap_err(), TokenFault::NoToken);
    for end in 0..der.len() {
        let cut = granted(&der)[..end].to_vec();
        assert!(check_response(&cut, &asked, &[]).is_err());
    }
}

#[test]
fn a_certificate_for_anything_else_neither_stamps_nor_is_taken() {
    let authority = authority();
    for profile in [Profile::Seal, Profile::Ocsp, Profile::TlsServer] {
        let other = entity(Some(&authority.ca), profile, "other");
        assert_eq!(stamper(&other, &authority.ca).unwrap_err(), StampError::Purpose);
    }
    // A foreign authority that does it all the same.
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    openssl(dir, "genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out key");
    openssl(dir, "req -new -key key -subj /CN=TSA -out csr");
    for eku in ["extendedKeyUsage=timeStamping", "extendedKeyUsage=critical,timeStamping,emailProtection", ""]
    {
        write(dir, "eku", eku);
        openssl(dir, "x509 -req -in csr -signkey key -extfile eku -out cert");
        // OpenSSL's own ts refuses to sign with it, its cms does not ask.
        let stamp = authority.stamper.stamp(&request(), POLICY, &[7], NOW * 1_000_000).unwrap();
        write(dir, "info", stamp.info());
        let sign = "cms -sign -binary -nodetach -nosmimecap -cades -econtent_type 1.2.840.113549.1.9.16.1.4";
        openssl(dir, &format!("{sign} -md sha256 -in info -signer cert -inkey key -outform DER -out token"));
        let fault = check_response(&granted(&read(dir, "token")), &request(), &[]).unwrap_err();
        assert_eq!(fault, TokenFault::Purpose, "{eku}");
    }
}

#[test]
fn a_token_without_the_signed_certificate_reference_is_broken() {
    let authority = authority();
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    openssl(dir, "genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out key");
    openssl(dir, "req -new -key key -subj /CN=TSA -out csr");
    write(dir, "eku", "extendedKeyUsage=critical,timeStamping");
    openssl(dir, "x509 -req -in csr -signkey key -extfile eku -out cert");
    let stamp = authority.stamper.stamp(&request(), POLICY, &[7], NOW * 1_000_000).unwrap();
    write(dir, "info", stamp.info());
    let sign = "cms -sign -binary -nodetach -nosmimecap -econtent_type 1.2.840.113549.1.9.16.1.4";
    openssl(dir, &format!("{sign} -md sha256 -in info -signer cert -inkey key -outform DER -out token"));
    let fault = check_response(&granted(&read(dir, "token")), &request(), &[]).unwrap_err();
    assert!(matches!(&fault, TokenFault::Broken(why) if why[0].contains("signing-certificate")), "{fault}");
}

#[test]
fn each_bad_request_gets_its_failure() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir, "content", CONTENT);
    let good = request().to_der();
    let sha256 = DigestAlgorithm::Sha256.oid();
    let replaced = |from: &[u8], to: &[u8]| {
        assert_eq!(from.len(), to.len());
        let at = good.windows(from.len()).position(|window| window == from).unwrap();
        let mut altered = good.clone();
        altered[at..at + to.len()].copy_from_slice(to);
        altered
    };
    let failure = |der: &[u8]| {
        let error = TimeStampReq::parse(der).unwrap_err();
        (error.failure(), error)
    };
    for algorithm in ["md5", "sha1", "sha224", "sha3-256"] {
        openssl(dir, &format!("ts -query -data content -{algorithm} -out request"));
        assert_eq!(failure(&read(dir, "request")).0, Failure::BadAlgorithm, "{algorithm}");
    }
    let sha384 = DigestAlgorithm::Sha384.oid();
    let (kind, error) = failure(&replaced(sha256.as_bytes(), sha384.as_bytes()));
    assert_eq!(
        (kind, error),
        (
            Failure::BadDataFormat,
            RequestError::ImprintLength { algorithm: DigestAlgorithm::Sha384, length: 32 }
        )
    );
    assert_eq!(
        failure(&replaced(&[2, 1, 1, 0x30], &[2, 1, 2, 0x30])),
        (Failure::BadRequest, RequestError::Version(2))
    );
    assert_eq!(failure(&replaced(&[5, 0, 4, 32], &[4, 0, 4, 32])).0, Failure::BadAlgorithm, "parameters");
    for malformed in [&good[..good.len() - 1], b"", b"\x30\x00", &[&good[..], b"\0"].concat(), &[0x30; 5000]]
    {
        assert_eq!(failure(malformed).0, Failure::BadDataFormat);
    }
    let long = TimeStampReq { nonce: Some(vec![1; 65]), ..request() };
    assert_eq!(failure(&long.to_der()), (Failure::BadRequest, RequestError::Nonce(65)));
    // extensions [0] { Extension { 1.2.3, critical, OCTET STRING } }, critical or not.
    for extension in
        [&[0xA0, 8, 0x30, 6, 6, 2, 0x2A, 3, 4, 0][..], &[0xA0, 11, 0x30, 9, 6, 2, 0x2A, 3, 1, 1, 0xFF, 4, 0]]
    {
        let mut der = [&good[..], extension].concat();
        der[1] = u8::try_from(der.len() - 2).unwrap();
        assert_eq!(failure(&der).0, Failure::UnacceptedExtension);
    }
}

#[test]
fn rejections_say_why_in_the_standards_words() {
    let dir = tempfile::tempdir().unwrap();
    for (failure, shown) in [
        (Failure::BadAlgorithm, "unrecognized or unsupported algorithm"),
        (Failure::BadRequest, "transaction not permitted or supported"),
        (Failure::BadDataFormat, "the data submitted has the wrong format"),
        (Failure::TimeNotAvailable, "the TSA's time source is not available"),
        (Failure::UnacceptedPolicy, "the requested TSA policy is not supported by the TSA"),
        (Failure::UnacceptedExtension, "the requested extension is not supported by the TSA"),
        (Failure::AddInfoNotAvailable, "the additional information requested could not be understood"),
        (Failure::SystemFailure, "the request cannot be handled due to system failure"),
    ] {
        let der = rejection(failure, "so ist es");
        write(dir.path(), "reply", &der);
        let text = openssl(dir.path(), "ts -reply -in reply -text");
        assert!(
            text.contains("Status: Rejected") && text.contains("so ist es") && text.contains(shown),
            "{text}"
        );
        let read = TimeStampResp::parse(&der).unwrap();
        assert_eq!((read.status, read.failures, read.token), (Status::Rejection, vec![failure], None));
        assert_eq!(read.text, ["so ist es"]);
    }
}

#[test]
fn a_token_alone_is_checked_against_the_digest() {
    let authority = authority();
    let token = authority.token(&request());
    let token =
        cinnabar_pki::cms::TimeStampToken::parse(&token, &cinnabar_pki::cms::Limits::default()).unwrap();
    assert_eq!(check_token(&token, &request().imprint, &[]).unwrap(), authority.tsa.certificate);
    let other = Imprint::new(DigestAlgorithm::Sha256, &[1; 32]).unwrap();
    assert!(check_token(&token, &other, &[]).is_err());
    assert!(Imprint::new(DigestAlgorithm::Sha384, &[1; 32]).is_err());
}

/// Tokens over signature values, inside what others and we signed.
mod inside_signatures {
    use cinnabar_pki::cms::sign::CmsSigner;
    use cinnabar_pki::cms::{
        CmsError, Limits, SignedData, signature_time_stamp_len, with_signature_time_stamp,
    };

    use super::*;

    fn token_over(authority: &Authority, cms: &[u8]) -> Vec<u8> {
        let value = SignedData::parse(cms, &Limits::default()).unwrap().signature_value().to_vec();
        let digest = DigestAlgorithm::Sha256.digest(&value);
        let imprint = Imprint::new(DigestAlgorithm::Sha256, &digest).unwrap();
        authority.token(&TimeStampReq::new(imprint, None, [1; 8]))
    }

    #[test]
    fn a_time_stamp_is_added_and_everything_signed_stays_and_openssl_still_verifies() {
        let (authority, dir) = (authority(), tempfile::tempdir().unwrap());
        let (dir, seal) = (dir.path(), entity(Some(&authority.ca), Profile::Seal, "seal"));
        authority.files(dir);
        let made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout seal.key -out seal.pem";
        openssl(dir, &format!("{made} -days 30 -subj /CN=other"));
        let chain = std::slice::from_ref(&authority.ca.certificate);
        let own = CmsSigner::new(seal.key.clone(), &seal.certificate, chain).unwrap();
        write(dir, "own.der", own.sign(&DigestAlgorithm::Sha256.digest(CONTENT)).unwrap());
        let foreign =
            "cms -sign -binary -in content -signer seal.pem -inkey seal.key -outform DER -md sha256";
        openssl(dir, &format!("{foreign} -out der.der"));
        openssl(dir, &format!("{foreign} -indef -stream -out ber.der"));
        for name in ["own.der", "der.der", "ber.der"] {
            let mut cms = read(dir, name);
            for round in 1..=2 {
                let token = token_over(&authority, &cms);
                let before = SignedData::parse(&cms, &Limits::default()).unwrap();
                let stamped = with_signature_time_stamp(&cms, &token).unwrap();
                let after = SignedData::parse(&stamped, &Limits::default()).unwrap();
                assert_eq!(after.signature_time_stamps().len(), round, "{name}");
                assert!(after.signature_time_stamps().contains(&token), "{name}");
                assert!(
                    before
                        .signature_time_stamps()
                        .iter()
                        .all(|one| after.signature_time_stamps().contains(one))
                );
                assert_eq!(after.signature_value(), before.signature_value());
                assert_eq!(after.certificates(), before.certificates());
                assert!(stamped.len() <= cms.len() + signature_time_stamp_len(token.len()), "{name}");
                assert!(stamped.len() + 64 > cms.len() + signature_time_stamp_len(token.len()), "{name}");
                write(dir, "stamped.der", &stamped);
                openssl(
                    dir,
                    "cms -verify -binary -inform DER -in stamped.der -content content -out out -noverify",
                );
                cms = stamped;
            }
        }
        // Ours is DER before and after: OpenSSL's own encoding of it is the same.
        let stamped =
            with_signature_time_stamp(&read(dir, "own.der"), &token_over(&authority, &read(dir, "own.der")));
        write(dir, "stamped.der", stamped.unwrap());
        openssl(dir, "cms -cmsout -inform DER -in stamped.der -outform DER -out again.der");
        assert_eq!(read(dir, "stamped.der"), read(dir, "again.der"));
    }

    #[test]
    fn a_token_over_something_else_is_refused_and_so_is_what_is_no_signature() {
        let authority = authority();
        let seal = entity(Some(&authority.ca), Profile::Seal, "seal");
        let signer = CmsSigner::new(seal.key.clone(), &seal.certificate, &[]).unwrap();
        let (one, other) = (signer.sign(&[1; 32]).unwrap(), signer.sign(&[2; 32]).unwrap());
        let token = token_over(&authority, &other);
        assert_eq!(with_signature_time_stamp(&one, &token), Err(CmsError::NotTimeStamp));
        assert_eq!(with_signature_time_stamp(&one, &other), Err(CmsError::NotTimeStamp));
        for cut in 0..one.len() {
            assert!(with_signature_time_stamp(&one[..cut], &token_over(&authority, &one)).is_err());
        }
    }
}
