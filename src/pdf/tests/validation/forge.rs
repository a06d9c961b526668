//! Authorities, certificates, revocation information, CMS and time-stamps with any content and any time: what
//! no honest issuer would make is made here octet by octet. Keys live as long as the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crypto::{DigestAlgorithm, KeyKind, Signer, SoftwareKey};
use pki::Certificate;
use pki::crl::Crl;
use pki::path::ObjectIdentifier;
use ring::rand::SystemRandom;

pub fn tlv(tag: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = vec![tag];
    match content.len() {
        short @ 0..0x80 => out.push(short as u8),
        long => {
            let octets: Vec<u8> = long.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | octets.len() as u8);
            out.extend(octets);
        }
    }
    out.extend_from_slice(content);
    out
}

pub fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, parts.concat())
}

/// A SET OF in DER's order, under any tag.
pub fn set(tag: u8, mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    tlv(tag, parts.concat())
}

pub fn oid(dotted: &str) -> Vec<u8> {
    tlv(6, ObjectIdentifier::new(dotted).unwrap().as_bytes())
}

pub fn integer(value: u64) -> Vec<u8> {
    let mut octets: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    if octets.first().is_none_or(|first| *first >= 0x80) {
        octets.insert(0, 0);
    }
    tlv(2, octets)
}

/// `YYYYMMDDHHMMSSZ`.
pub fn clock(at: i64) -> String {
    let (days, seconds) = (at.div_euclid(86_400), at.rem_euclid(86_400));
    // Civil date from days, after Howard Hinnant.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

pub fn generalized(at: i64) -> Vec<u8> {
    tlv(0x18, clock(at))
}

/// As certificates and CRLs have it: UTCTime before 2050.
fn time(at: i64) -> Vec<u8> {
    let text = clock(at);
    if text.as_str() < "2050" { tlv(0x17, &text[2..]) } else { tlv(0x18, text) }
}

fn ext(id: &str, critical: bool, value: Vec<u8>) -> Vec<u8> {
    let flag = if critical { tlv(1, [0xFF]) } else { vec![] };
    seq(&[oid(id), flag, tlv(4, value)])
}

pub fn ca(path_len: Option<u8>) -> Vec<u8> {
    let length = path_len.map_or(vec![], |length| tlv(2, [length]));
    ext("2.5.29.19", true, seq(&[tlv(1, [0xFF]), length]))
}

/// keyUsage from the bits of the first octet: digitalSignature 0x80, nonRepudiation 0x40, keyCertSign 4, cRLSign 2.
pub fn usage(bits: u8) -> Vec<u8> {
    ext("2.5.29.15", true, tlv(3, [bits.trailing_zeros() as u8, bits]))
}

pub fn purposes(critical: bool, ids: &[&str]) -> Vec<u8> {
    ext("2.5.29.37", critical, seq(&ids.iter().map(|id| oid(id)).collect::<Vec<_>>()))
}

/// authorityInfoAccess with a responder that nobody asks: some validators look at responses at hand only then.
pub fn answered() -> Vec<u8> {
    let place = tlv(0x86, "http://pki.example/ocsp");
    ext("1.3.6.1.5.5.7.1.1", false, seq(&[seq(&[oid("1.3.6.1.5.5.7.48.1"), place])]))
}

/// subjectAltName of these GeneralNames.
pub fn san(names: &[Vec<u8>]) -> Vec<u8> {
    ext("2.5.29.17", false, seq(names))
}

/// nameConstraints that permit these GeneralNames and what lies below them.
pub fn subtrees(names: &[Vec<u8>]) -> Vec<u8> {
    let trees: Vec<_> = names.iter().map(|name| seq(std::slice::from_ref(name))).collect();
    ext("2.5.29.30", true, seq(&[tlv(0xA0, trees.concat())]))
}

pub fn nocheck() -> Vec<u8> {
    ext("1.3.6.1.5.5.7.48.1.5", false, vec![5, 0])
}

pub const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
pub const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

/// Somebody with a key and a certificate.
#[derive(Clone)]
pub struct Party {
    pub name: Vec<u8>,
    pub key: Arc<SoftwareKey>,
    pub certificate: Certificate,
}

/// What a certificate shall say.
#[derive(Clone)]
pub struct Wish {
    pub name: &'static str,
    pub validity: [i64; 2],
    pub extensions: Vec<Vec<u8>>,
    pub kind: KeyKind,
    /// Taken instead of a fresh key.
    pub key: Option<Arc<SoftwareKey>>,
    /// Written instead of the algorithm identifier the issuer signs with.
    pub algorithm: Option<Vec<u8>>,
    /// The signature does not hold.
    pub forged: bool,
}

impl Wish {
    pub fn new(name: &'static str, from: i64, to: i64, extensions: Vec<Vec<u8>>) -> Self {
        let (kind, key, algorithm, forged) = (KeyKind::P256, None, None, false);
        Self { name, validity: [from, to], extensions, kind, key, algorithm, forged }
    }
}

pub fn key(kind: KeyKind) -> Arc<SoftwareKey> {
    let pkcs8 = SoftwareKey::generate(kind, &SystemRandom::new()).unwrap();
    Arc::new(SoftwareKey::from_pkcs8(&pkcs8).unwrap())
}

/// A name of one organisation and one common name.
fn name(common: &str) -> Vec<u8> {
    let rdn = |kind: &str, text: &str| tlv(0x31, seq(&[oid(kind), tlv(0x0C, text)]));
    seq(&[rdn("2.5.4.10", "示例市行政审批局"), rdn("2.5.4.3", common)])
}

/// SHA-1 over the public key's bits (RFC 5280 §4.2.1.2 (1)).
fn key_id(key: &SoftwareKey) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, key.raw_public_key()).as_ref().to_vec()
}

/// A serial number nobody else has.
fn serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0x1000_0001);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Party {
    /// An authority that certifies itself.
    pub fn root(wish: Wish) -> Self {
        let key = wish.key.clone().unwrap_or_else(|| self::key(wish.kind));
        Self::issue(&name(wish.name), &key, &key, wish)
    }

    /// A party certified by this one.
    pub fn certify(&self, wish: Wish) -> Self {
        let key = wish.key.clone().unwrap_or_else(|| self::key(wish.kind));
        Self::issue(&self.name, &self.key, &key, wish)
    }

    fn issue(issuer: &[u8], issuer_key: &SoftwareKey, own: &Arc<SoftwareKey>, wish: Wish) -> Self {
        let subject = name(wish.name);
        let mut extensions = wish.extensions;
        extensions.push(ext("2.5.29.14", false, tlv(4, key_id(own))));
        extensions.push(ext("2.5.29.35", false, seq(&[tlv(0x80, key_id(issuer_key))])));
        let algorithm = wish.algorithm.unwrap_or_else(|| issuer_key.scheme().algorithm_identifier());
        let tbs = seq(&[
            tlv(0xA0, tlv(2, [2])),
            integer(serial()),
            algorithm.clone(),
            issuer.to_vec(),
            seq(&wish.validity.map(time)),
            subject.clone(),
            own.public_key().to_vec(),
            tlv(0xA3, seq(&extensions)),
        ]);
        let mut der = signed(issuer_key, tbs, algorithm, vec![]);
        if wish.forged {
            *der.last_mut().unwrap() ^= 1;
        }
        Self { name: subject, key: Arc::clone(own), certificate: Certificate::from_der(&der).unwrap() }
    }

    /// A list of certificates, each revoked at a time for a reason (RFC 5280 §5.3.1), current from `this` to `next`.
    pub fn crl(&self, [this, next]: [i64; 2], revoked: &[(&Self, i64, u8)]) -> Vec<u8> {
        let entry = |(who, at, reason): &(&Self, i64, u8)| {
            let reason = ext("2.5.29.21", false, tlv(0x0A, [*reason]));
            seq(&[tlv(2, who.certificate.serial()), time(*at), seq(&[reason])])
        };
        let entries: Vec<_> = revoked.iter().map(entry).collect();
        let extensions = [
            ext("2.5.29.35", false, seq(&[tlv(0x80, key_id(&self.key))])),
            ext("2.5.29.20", false, integer(serial())),
        ];
        let algorithm = self.key.scheme().algorithm_identifier();
        let tbs = seq(&[
            tlv(2, [1]),
            algorithm.clone(),
            self.name.clone(),
            time(this),
            time(next),
            if entries.is_empty() { vec![] } else { seq(&entries) },
            tlv(0xA0, seq(&extensions)),
        ]);
        signed(&self.key, tbs, algorithm, vec![])
    }

    /// An OCSPResponse about `whom` by this responder, whom `issuer` has delegated (or who is the issuer).
    pub fn ocsp(
        &self,
        issuer: &Self,
        whom: &Self,
        [this, next]: [i64; 2],
        revoked: Option<(i64, u8)>,
    ) -> Vec<u8> {
        let sha1 = |data: &[u8]| {
            tlv(4, ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, data).as_ref())
        };
        let id = seq(&[
            seq(&[oid("1.3.14.3.2.26"), vec![5, 0]]),
            sha1(&issuer.name),
            tlv(4, key_id(&issuer.key)),
            tlv(2, whom.certificate.serial()),
        ]);
        let status = match revoked {
            None => vec![0x80, 0],
            Some((at, reason)) => tlv(0xA1, [generalized(at), tlv(0xA0, tlv(0x0A, [reason]))].concat()),
        };
        let single = seq(&[id, status, generalized(this), tlv(0xA0, generalized(next))]);
        let responder = tlv(0xA2, tlv(4, key_id(&self.key)));
        let tbs = seq(&[responder, generalized(this), seq(&[single])]);
        let own = self.certificate == issuer.certificate;
        let certs = if own { vec![] } else { tlv(0xA0, seq(&[self.certificate.der().to_vec()])) };
        let basic = signed(&self.key, tbs, self.key.scheme().algorithm_identifier(), certs);
        let bytes = seq(&[oid("1.3.6.1.5.5.7.48.1.1"), tlv(4, basic)]);
        seq(&[tlv(0x0A, [0]), tlv(0xA0, bytes)])
    }

    /// A time-stamp token over `data` at `at`; `chain` goes in with the authority's own certificate.
    pub fn token(&self, data: &[u8], at: i64, chain: &[&Self]) -> Vec<u8> {
        self.token_over(&DigestAlgorithm::Sha256.digest(data), at, chain)
    }

    /// The same over a SHA-256 digest.
    pub fn token_over(&self, digest: &[u8], at: i64, chain: &[&Self]) -> Vec<u8> {
        let info = seq(&[
            tlv(2, [1]),
            oid("1.3.6.1.4.1.99999.1"),
            seq(&[seq(&[oid("2.16.840.1.101.3.4.2.1")]), tlv(4, digest)]),
            integer(serial()),
            generalized(at),
        ]);
        let mut cms = Cms::new(self, chain);
        cms.content_type = "1.2.840.113549.1.9.16.1.4";
        cms.content = Some(info.clone());
        let own = cms.signer.key.scheme().cms_digest().digest(&info);
        cms.sign(&own)
    }
}

/// `SEQUENCE { tbs, algorithm, signature, more }`
fn signed(key: &SoftwareKey, tbs: Vec<u8>, algorithm: Vec<u8>, more: Vec<u8>) -> Vec<u8> {
    let signature = [vec![0], key.sign(&tbs).unwrap()].concat();
    seq(&[tbs, algorithm, tlv(3, signature), more])
}

/// A CMS signature to be made, and how it departs from a sound one.
#[derive(Clone)]
pub struct Cms<'p> {
    pub signer: &'p Party,
    pub chain: Vec<&'p Party>,
    pub content_type: &'static str,
    pub content: Option<Vec<u8>>,
    /// No certificate at all.
    pub bare: bool,
    /// Without signing-certificate-v2.
    pub unbound: bool,
    /// The signature value is not the key's.
    pub forged: bool,
    /// Two signers where one belongs.
    pub twice: bool,
    /// Further signed attributes, whole.
    pub attributes: Vec<Vec<u8>>,
    /// Made from the document's digest: signed attributes that depend on it (content-time-stamp).
    pub content_stamp: Option<(&'p Party, i64)>,
    /// Authority and time of signature time-stamps.
    pub stamps: Vec<(&'p Party, i64)>,
    /// Tokens that are written as they are.
    pub tokens: Vec<Vec<u8>>,
    /// Elements of SignedData.crls.
    pub crls: Vec<Vec<u8>>,
    /// Further elements of SignedData.certificates, whatever they are.
    pub more_certificates: Vec<Vec<u8>>,
}

impl<'p> Cms<'p> {
    pub fn new(signer: &'p Party, chain: &[&'p Party]) -> Self {
        Self {
            signer,
            chain: chain.to_vec(),
            content_type: "1.2.840.113549.1.7.1",
            content: None,
            bare: false,
            unbound: false,
            forged: false,
            twice: false,
            attributes: Vec::new(),
            content_stamp: None,
            stamps: Vec::new(),
            tokens: Vec::new(),
            crls: Vec::new(),
            more_certificates: Vec::new(),
        }
    }

    /// The ContentInfo over content with this digest.
    pub fn sign(&self, digest: &[u8]) -> Vec<u8> {
        let signer = self.signer;
        let algorithm = signer.key.scheme().cms_digest();
        let digest_algorithm = seq(&[tlv(6, algorithm.oid().as_bytes())]);
        let fingerprint = tlv(4, signer.certificate.sha256_fingerprint());
        let mut attributes = vec![
            attribute("1.2.840.113549.1.9.3", oid(self.content_type)),
            attribute("1.2.840.113549.1.9.4", tlv(4, digest)),
        ];
        if !self.unbound {
            let reference = seq(&[seq(&[seq(&[fingerprint])])]);
            attributes.push(attribute("1.2.840.113549.1.9.16.2.47", reference));
        }
        attributes.extend(self.attributes.iter().cloned());
        if let Some((authority, at)) = self.content_stamp {
            let token = authority.token_over(digest, at, &self.chain);
            attributes.push(attribute("1.2.840.113549.1.9.16.2.20", token));
        }
        let signed_attributes = set(0x31, attributes);
        let mut signature = signer.key.sign(&signed_attributes).unwrap();
        if self.forged {
            signature = signer.key.sign(b"something else").unwrap();
        }
        let mut carried = signed_attributes;
        carried[0] = 0xA0;
        let stamps = self.stamps.iter().map(|(authority, at)| authority.token(&signature, *at, &self.chain));
        let stamps: Vec<_> = stamps.chain(self.tokens.iter().cloned()).collect();
        let unsigned = if stamps.is_empty() {
            vec![]
        } else {
            tlv(0xA1, seq(&[oid("1.2.840.113549.1.9.16.2.14"), set(0x31, stamps)]))
        };
        let sid = seq(&[signer.certificate.issuer().der().to_vec(), tlv(2, signer.certificate.serial())]);
        let info = seq(&[
            integer(1),
            sid,
            digest_algorithm.clone(),
            carried,
            signer.key.scheme().algorithm_identifier(),
            tlv(4, &signature),
            unsigned,
        ]);
        let content = self.content.as_ref().map_or(vec![], |content| tlv(0xA0, tlv(4, content)));
        let certificates: Vec<_> = std::iter::once(signer)
            .chain(self.chain.iter().copied())
            .map(|party| party.certificate.der().to_vec())
            .chain(self.more_certificates.iter().cloned())
            .collect();
        let version = if self.content_type == "1.2.840.113549.1.7.1" { 1 } else { 3 };
        let infos = if self.twice { vec![info.clone(), info] } else { vec![info] };
        let data = seq(&[
            integer(version),
            tlv(0x31, digest_algorithm),
            seq(&[oid(self.content_type), content]),
            if self.bare { vec![] } else { set(0xA0, certificates) },
            if self.crls.is_empty() { vec![] } else { set(0xA1, self.crls.clone()) },
            set(0x31, infos),
        ]);
        seq(&[oid("1.2.840.113549.1.7.2"), tlv(0xA0, data)])
    }
}

/// An attribute with one value.
pub fn attribute(kind: &str, value: Vec<u8>) -> Vec<u8> {
    seq(&[oid(kind), tlv(0x31, value)])
}

/// An OCSP response among the CRLs of a CMS (RFC 5940 §2.1).
pub fn other_revocation_info(response: &[u8]) -> Vec<u8> {
    tlv(0xA1, [oid("1.3.6.1.5.5.7.16.2"), response.to_vec()].concat())
}

/// Adobe's revocation-information archival attribute (ISO 32000-2 §12.8.3.3.2).
pub fn archival(crls: &[Vec<u8>], ocsps: &[Vec<u8>]) -> Vec<u8> {
    let list = |tag, items: &[Vec<u8>]| if items.is_empty() { vec![] } else { tlv(tag, seq(items)) };
    attribute("1.2.840.113583.1.1.8", seq(&[list(0xA0, crls), list(0xA1, ocsps)]))
}

pub fn crl(der: &[u8]) -> Crl {
    Crl::from_der(der).unwrap()
}
