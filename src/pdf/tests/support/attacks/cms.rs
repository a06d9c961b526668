//! What stands in `/Contents`: CMS that proves less than it seems to, and time-stamps of something else.

use std::sync::Arc;

use crypto::Signer as _;

use super::super::later::cms_by;
use super::super::people::{NOW, Person, people};
use super::{Attack, Forgery, Honest, attack};

fn cms(name: &str, make: &dyn Fn(&[u8]) -> Vec<u8>, because: &'static str) -> Attack {
    attack("cms", name, Forgery { cms: make, ..Forgery::none() }.make(), because)
}

pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        short @ 0..128 => vec![short as u8],
        middle @ 128..256 => vec![0x81, middle as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag][..], &length, &content].concat()
}

fn oid(dotted: &[u8]) -> Vec<u8> {
    tlv(0x06, &[dotted])
}

const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const SIGNING_CERTIFICATE_V2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 47];
const SIGNING_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 12];
const ALGORITHM_PROTECTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 52];
const TIME_STAMP: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 14];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];
const SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
const MD5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5];
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const ECDSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];

pub fn sha256(data: &[u8]) -> Vec<u8> {
    crypto::DigestAlgorithm::Sha256.digest(data)
}

fn attribute(kind: &[u8], values: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &[&oid(kind), &tlv(0x31, values)])
}

/// The attribute that names `person`'s certificate (RFC 5035).
fn reference(person: &Person) -> Vec<u8> {
    let hash = tlv(0x04, &[person.certificate.sha256_fingerprint()]);
    attribute(SIGNING_CERTIFICATE_V2, &[&tlv(0x30, &[&tlv(0x30, &[&tlv(0x30, &[&hash])])])])
}

/// The older attribute of that kind (RFC 2634), by SHA-1.
fn older_reference(person: &Person) -> Vec<u8> {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, person.certificate.der());
    let hash = tlv(0x04, &[digest.as_ref()]);
    attribute(SIGNING_CERTIFICATE, &[&tlv(0x30, &[&tlv(0x30, &[&tlv(0x30, &[&hash])])])])
}

/// A CMS whose parts can be wrong one by one.
pub struct Cms<'c> {
    pub attributes: Option<Vec<Vec<u8>>>,
    pub signer: &'c Person,
    /// Whom `sid` and the certificates name.
    pub named: &'c Person,
    pub digest: &'c [u8],
    pub scheme: &'c [u8],
    pub content_type: &'c [u8],
    pub content: Option<Vec<u8>>,
    pub certificates: bool,
    pub unsigned: Vec<u8>,
    pub infos: usize,
    /// Behind the SignedData, inside the ContentInfo.
    pub behind: Vec<u8>,
}

impl Cms<'_> {
    /// A sound one over octets with this digest.
    pub fn over(digest: &[u8]) -> Cms<'static> {
        let signer = &people().seal;
        Cms {
            attributes: Some(vec![
                attribute(CONTENT_TYPE, &[&oid(DATA)]),
                attribute(MESSAGE_DIGEST, &[&tlv(0x04, &[digest])]),
                reference(signer),
            ]),
            signer,
            named: signer,
            digest: SHA256,
            scheme: ECDSA_SHA256,
            content_type: DATA,
            content: None,
            certificates: true,
            unsigned: Vec::new(),
            infos: 1,
            behind: Vec::new(),
        }
    }

    fn with(mut self, more: Vec<u8>) -> Self {
        self.attributes.get_or_insert_default().push(more);
        self
    }

    fn without(mut self, at: usize) -> Self {
        self.attributes.get_or_insert_default().remove(at);
        self
    }

    fn instead(mut self, at: usize, attribute: Vec<u8>) -> Self {
        self.attributes.get_or_insert_default()[at] = attribute;
        self
    }

    /// Encodes it; without attributes `message` is what is signed.
    pub fn encode(&self, message: &[u8]) -> Vec<u8> {
        let (head, carried) = match &self.attributes {
            Some(attributes) => {
                let mut sorted = attributes.clone();
                sorted.sort();
                let parts: Vec<&[u8]> = sorted.iter().map(Vec::as_slice).collect();
                (tlv(0x31, &parts), tlv(0xA0, &parts))
            }
            None => (message.to_vec(), Vec::new()),
        };
        let signature = self.signer.key.sign(&head).unwrap();
        let certificate = &self.named.certificate;
        let sid = tlv(0x30, &[certificate.issuer().der(), &tlv(0x02, &[certificate.serial()])]);
        let digest = tlv(0x30, &[&oid(self.digest)]);
        let info = tlv(
            0x30,
            &[
                &tlv(0x02, &[&[1]]),
                &sid,
                &digest,
                &carried,
                &tlv(0x30, &[&oid(self.scheme)]),
                &tlv(0x04, &[&signature]),
                &self.unsigned,
            ],
        );
        let infos: Vec<&[u8]> = (0..self.infos).map(|_| info.as_slice()).collect();
        let content = self.content.as_ref().map_or(Vec::new(), |c| tlv(0xA0, &[&tlv(0x04, &[c])]));
        let certificates = if self.certificates {
            tlv(0xA0, &[certificate.der(), people().ca.certificate.der()])
        } else {
            Vec::new()
        };
        let data = tlv(
            0x30,
            &[
                &tlv(0x02, &[&[1]]),
                &tlv(0x31, &[&digest]),
                &tlv(0x30, &[&oid(self.content_type), &content]),
                &certificates,
                &tlv(0x31, &infos),
            ],
        );
        tlv(0x30, &[&oid(SIGNED_DATA), &tlv(0xA0, &[&data]), &self.behind])
    }
}

/// A time-stamp token over `data`.
pub fn token(data: &[u8]) -> Vec<u8> {
    let accuracy = pki::tsp::Accuracy { millis: 1_000 };
    let tsa = &people().tsa;
    let stamper = pki::tsp::Stamper::new(
        tsa.key.clone() as Arc<dyn crypto::Signer>,
        &tsa.certificate,
        &[people().ca.certificate.clone()],
        accuracy,
        false,
    )
    .unwrap();
    let imprint = pki::tsp::Imprint::new(crypto::DigestAlgorithm::Sha256, &sha256(data)).unwrap();
    let request =
        pki::tsp::TimeStampReq { certificates: true, ..pki::tsp::TimeStampReq::new(imprint, None, [7; 8]) };
    let policy = "1.3.6.1.4.1.99999.1".parse().unwrap();
    let stamp = stamper.stamp(&request, policy, &[42], (NOW - 30) * 1_000_000).unwrap();
    stamper.sign(&stamp).unwrap()
}

pub fn attacks() -> Vec<Attack> {
    let twice = "occurs twice";
    let mut made = vec![
        cms("two-signers", &|d| Cms { infos: 2, ..Cms::over(&sha256(d)) }.encode(d), "signer"),
        cms("no-signer", &|d| Cms { infos: 0, ..Cms::over(&sha256(d)) }.encode(d), "signer"),
        cms(
            "data-behind-the-signed-data",
            &|d| Cms { behind: tlv(0x30, &[]), ..Cms::over(&sha256(d)) }.encode(d),
            "",
        ),
        cms(
            "message-digest-missing",
            &|d| Cms::over(&sha256(d)).without(1).encode(d),
            "message-digest is missing",
        ),
        cms(
            "message-digest-twice",
            &|d| Cms::over(&sha256(d)).with(attribute(MESSAGE_DIGEST, &[&tlv(0x04, &[&[0; 32]])])).encode(d),
            twice,
        ),
        cms(
            "message-digest-with-two-values",
            &|d| {
                Cms::over(&sha256(d))
                    .instead(
                        1,
                        attribute(MESSAGE_DIGEST, &[&tlv(0x04, &[&sha256(d)]), &tlv(0x04, &[&[0; 32]])]),
                    )
                    .encode(d)
            },
            "has 2 values",
        ),
        cms(
            "message-digest-of-something-else",
            &|_| Cms::over(&sha256(b"something else")).encode(b""),
            "does not match the content",
        ),
        cms(
            "content-type-missing",
            &|d| Cms::over(&sha256(d)).without(0).encode(d),
            "content-type is missing",
        ),
        cms(
            "content-type-twice",
            &|d| Cms::over(&sha256(d)).with(attribute(CONTENT_TYPE, &[&oid(TST_INFO)])).encode(d),
            twice,
        ),
        cms(
            "content-type-contradicted",
            &|d| Cms::over(&sha256(d)).instead(0, attribute(CONTENT_TYPE, &[&oid(TST_INFO)])).encode(d),
            "content type is",
        ),
        cms(
            "content-of-another-type",
            &|d| {
                Cms {
                    content_type: TST_INFO,
                    ..Cms::over(&sha256(d)).instead(0, attribute(CONTENT_TYPE, &[&oid(TST_INFO)]))
                }
                .encode(d)
            },
            "content type is",
        ),
        cms(
            "another-certificate-referenced",
            &|d| Cms::over(&sha256(d)).instead(2, reference(&people().other)).encode(d),
            "names another certificate",
        ),
        cms(
            "two-certificates-referenced",
            &|d| Cms::over(&sha256(d)).with(reference(&people().other)).encode(d),
            twice,
        ),
        cms(
            "two-kinds-of-reference-contradict",
            &|d| Cms::over(&sha256(d)).with(older_reference(&people().other)).encode(d),
            "names another certificate",
        ),
        cms(
            "certificate-exchanged",
            &|d| Cms { named: &people().other, ..Cms::over(&sha256(d)) }.encode(d),
            "names another certificate",
        ),
        cms(
            "signed-by-another-key",
            &|d| Cms { signer: &people().other, named: &people().seal, ..Cms::over(&sha256(d)) }.encode(d),
            "does not verify",
        ),
        cms("signed-by-a-stranger", &|d| cms_by(&people().stranger, d), "").exits(4),
        cms(
            "content-inside",
            &|d| {
                Cms { content: Some(d.to_vec()).filter(|d| d.len() < 60_000), ..Cms::over(&sha256(d)) }
                    .encode(d)
            },
            "carries its own content",
        ),
        cms(
            "content-inside-unlike-the-document",
            &|_| Cms { content: Some(b"pay 100".to_vec()), ..Cms::over(&sha256(b"pay 100")) }.encode(b""),
            "carries its own content",
        ),
        cms(
            "no-signed-attributes",
            &|d| Cms { attributes: None, ..Cms::over(&sha256(d)) }.encode(d),
            "no signed attributes",
        )
        .exits(4),
        cms(
            "algorithms-contradict",
            &|d| Cms { scheme: ECDSA_SHA512, ..Cms::over(&sha256(d)) }.encode(d),
            "contradicts the key or the digest",
        ),
        cms("digest-algorithm-exchanged", &|d| Cms { digest: SHA512, ..Cms::over(&sha256(d)) }.encode(d), ""),
        cms(
            "algorithm-protection-contradicted",
            &|d| {
                let protection = tlv(0x30, &[&tlv(0x30, &[&oid(SHA512)]), &tlv(0xA1, &[&oid(ECDSA_SHA512)])]);
                Cms::over(&sha256(d)).with(attribute(ALGORITHM_PROTECTION, &[&protection])).encode(d)
            },
            "algorithm-protection",
        ),
        cms(
            "sha-1",
            &|d| {
                let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, d);
                Cms { digest: SHA1, ..Cms::over(digest.as_ref()) }.encode(d)
            },
            "",
        )
        .exits(4),
        cms(
            "sha-1-with-its-own-scheme",
            &|d| {
                let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, d);
                Cms { digest: SHA1, scheme: ECDSA_SHA1, ..Cms::over(digest.as_ref()) }.encode(d)
            },
            "SHA-1",
        )
        .exits(4),
        cms("md5", &|_| Cms { digest: MD5, ..Cms::over(&[0; 16]) }.encode(b""), "MD5").exits(4),
        cms(
            "certificate-missing",
            &|d| Cms { certificates: false, ..Cms::over(&sha256(d)) }.encode(d),
            "not embedded",
        )
        .exits(4),
        cms(
            "not-signed-data",
            &|d| tlv(0x30, &[&oid(DATA), &tlv(0xA0, &[&tlv(0x04, &[d.get(..32).unwrap_or(d)])])]),
            "",
        ),
        cms("not-asn1", &|_| b"\x04\x04none".to_vec(), ""),
        cms("token-as-a-signature", &|d| token(d), "content type is"),
    ];
    made.extend(time_stamps());
    made
}

/// An unsigned attribute with a token over `data`.
fn stamped(data: &[u8]) -> Vec<u8> {
    tlv(0xA1, &[&attribute(TIME_STAMP, &[&token(data)])])
}

fn time_stamps() -> Vec<Attack> {
    let document = Forgery { kind: "/DocTimeStamp", sub_filter: "/ETSI.RFC3161", ..Forgery::none() };
    let stamp = |name: &str, make: &dyn Fn(&[u8]) -> Vec<u8>, because: &'static str| {
        attack("cms", name, Forgery { cms: make, ..document }.make(), because)
    };
    let does_not_count = "time-stamp";
    vec![
        stamp(
            "document-time-stamp-of-something-else",
            &|_| token(b"something else"),
            "does not match the content",
        ),
        stamp(
            "document-time-stamp-that-is-a-signature",
            &|d| cms_by(&people().seal, d),
            "malformed time-stamp token",
        )
        .exits(3),
        // The level falls and the reason is given; the signature itself holds.
        cms(
            "signature-time-stamp-of-something-else",
            &|d| Cms { unsigned: stamped(b"something else"), ..Cms::over(&sha256(d)) }.encode(d),
            does_not_count,
        )
        .exits(0),
        cms(
            "signature-time-stamp-of-the-document",
            &|d| Cms { unsigned: stamped(d), ..Cms::over(&sha256(d)) }.encode(d),
            does_not_count,
        )
        .exits(0),
        cms(
            "signature-time-stamp-of-another-signature",
            &|d| {
                let other = Cms::over(&sha256(b"another document")).encode(b"");
                Cms { unsigned: stamped(&other), ..Cms::over(&sha256(d)) }.encode(d)
            },
            does_not_count,
        )
        .exits(0),
        cms(
            "signature-time-stamp-that-is-none",
            &|d| {
                let unsigned = tlv(0xA1, &[&attribute(TIME_STAMP, &[&cms_by(&people().tsa, d)])]);
                Cms { unsigned, ..Cms::over(&sha256(d)) }.encode(d)
            },
            does_not_count,
        )
        .exits(0),
    ]
}

pub fn honest() -> Vec<Honest> {
    let make: &dyn Fn(&[u8]) -> Vec<u8> = &|d| Cms::over(&sha256(d)).encode(d);
    let both: &dyn Fn(&[u8]) -> Vec<u8> =
        &|d| Cms::over(&sha256(d)).with(older_reference(&people().seal)).encode(d);
    vec![
        Honest { name: "both-kinds-of-reference", bytes: Forgery { cms: both, ..Forgery::none() }.make() },
        Honest { name: "signed-by-hand", bytes: Forgery { cms: make, ..Forgery::none() }.make() },
    ]
}
