//! Which certificate is meant: CertID, and the issuer hashes it is compared with.

use crypto::{DigestAlgorithm, Suite, sha1_identifier};
use der::asn1::ObjectIdentifier;

use crate::{
    asn1::{self, Asn1Error, BIT_STRING, INTEGER, NULL, OCTET_STRING, Reader, Rules, SEQUENCE, Tlv},
    certificate::Certificate,
};

/// CertID (RFC 6960 §4.1.1), kept as it was encoded, so that a response repeats it byte for byte.
///
/// ```asn1
/// CertID ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, issuerNameHash OCTET STRING, issuerKeyHash OCTET STRING,
///   serialNumber CertificateSerialNumber }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertId {
    der: Vec<u8>,
    algorithm: Option<Algorithm>,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
    serial: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Algorithm {
    /// As an identifier only; RFC 9919 §3.1 still names it, and most clients send nothing else.
    Sha1,
    Strong(DigestAlgorithm),
}

impl Algorithm {
    /// A hash's length in octets.
    const fn output_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Strong(digest) => digest.output_len(),
        }
    }
}

/// An issuer's name and key as CertIDs name them. Made once per issuer.
#[derive(Clone, Debug)]
pub struct IssuerId {
    name: Vec<u8>,
    key: Vec<u8>,
    sha1: [[u8; 20]; 2],
    /// By each digest of a suite.
    strong: Vec<(DigestAlgorithm, [Vec<u8>; 2])>,
}

impl IssuerId {
    /// The issuer that `certificate` certifies.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        let name = certificate.subject().der().to_vec();
        let key = key_bits(certificate.spki()).unwrap_or_default().to_vec();
        Self {
            sha1: [sha1_identifier(&name), sha1_identifier(&key)],
            strong: usual().map(|digest| (digest, [digest.digest(&name), digest.digest(&key)])).collect(),
            name,
            key,
        }
    }

    /// Whether a CertID names this issuer. A hash algorithm that is not known here matches nothing.
    #[must_use]
    pub fn issued(&self, id: &CertId) -> bool {
        let hashes = [id.name_hash.as_slice(), id.key_hash.as_slice()];
        match id.algorithm {
            Some(Algorithm::Sha1) => self.sha1.iter().zip(hashes).all(|(own, given)| own == given),
            Some(Algorithm::Strong(digest)) => match self.strong.iter().find(|(known, _)| *known == digest) {
                Some((_, own)) => own.iter().zip(hashes).all(|(own, given)| own == given),
                None => [&self.name, &self.key]
                    .into_iter()
                    .zip(hashes)
                    .all(|(own, given)| digest.digest(own) == given),
            },
            None => false,
        }
    }

    /// The CertID of one of its certificates, by SHA-256. `serial` is big-endian, in any form.
    #[must_use]
    pub fn id(&self, serial: &[u8]) -> CertId {
        self.id_by(DigestAlgorithm::Sha256, serial)
    }

    /// The CertID by another digest: SM3, say, for a responder that knows nothing else.
    #[must_use]
    pub fn id_by(&self, digest: DigestAlgorithm, serial: &[u8]) -> CertId {
        let algorithm = asn1::tlv(SEQUENCE, &asn1::oid(digest.oid()));
        let (name, key) = (digest.digest(&self.name), digest.digest(&self.key));
        CertId::make(&algorithm, Algorithm::Strong(digest), &name, &key, serial)
    }

    /// The CertID by SHA-1, which is what OpenSSL and RFC 9919's clients send.
    #[must_use]
    pub fn sha1_id(&self, serial: &[u8]) -> CertId {
        let algorithm = asn1::join(SEQUENCE, &[asn1::oid(SHA1), vec![NULL, 0]]);
        let [name, key] = &self.sha1;
        CertId::make(&algorithm, Algorithm::Sha1, name, key, serial)
    }

    /// KeyHash of ResponderID: SHA-1 over the public key's bits (RFC 6960 §4.2.1).
    #[must_use]
    pub fn key_hash(&self) -> &[u8; 20] {
        let [_, key] = &self.sha1;
        key
    }
}

impl CertId {
    fn make(algorithm_der: &[u8], algorithm: Algorithm, name: &[u8], key: &[u8], serial: &[u8]) -> Self {
        let serial = asn1::unsigned(serial);
        let hash = |hash: &[u8]| asn1::tlv(OCTET_STRING, hash);
        let der = asn1::join(SEQUENCE, &[algorithm_der, &hash(name), &hash(key), &serial]);
        Self {
            der,
            algorithm: Some(algorithm),
            name_hash: name.to_vec(),
            key_hash: key.to_vec(),
            serial: serial.get(2..).unwrap_or_default().to_vec(),
        }
    }

    pub(super) fn read(tlv: &Tlv<'_>) -> Result<Self, Asn1Error> {
        if tlv.tag != SEQUENCE {
            return Err(tlv.invalid("CertID"));
        }
        let mut fields = tlv.reader();
        let mut algorithm = fields.expect(SEQUENCE)?.reader();
        let oid = algorithm.expect(asn1::OID)?.oid()?;
        // RFC 5754 §2: parameters are absent or NULL. Anything else would be as many encodings of one question as the
        // sender likes.
        if algorithm.optional(NULL)?.is_some_and(|null| !null.content.is_empty()) {
            return Err(tlv.invalid("hashAlgorithm"));
        }
        algorithm.finish()?;
        let algorithm = match oid {
            SHA1 => Some(Algorithm::Sha1),
            oid => DigestAlgorithm::from_oid(&oid).ok().map(Algorithm::Strong),
        };
        let name_hash = fields.expect(OCTET_STRING)?;
        let key_hash = fields.expect(OCTET_STRING)?;
        let fits = |hash: &Tlv<'_>| match algorithm {
            Some(algorithm) => hash.content.len() == algorithm.output_len(),
            None => hash.content.len() <= MAX_HASH,
        };
        if !fits(&name_hash) || !fits(&key_hash) {
            return Err(tlv.invalid("CertID"));
        }
        let serial = fields.expect(INTEGER)?;
        // RFC 5280 §4.1.2.2: at most 20 octets. Longer or negative ones name no certificate at all, yet some libraries
        // send them; one octet of sign is as far as tolerance goes.
        if serial.integer()?.len() > 21 {
            return Err(serial.invalid("CertificateSerialNumber"));
        }
        fields.finish()?;
        Ok(Self {
            der: tlv.raw.to_vec(),
            algorithm,
            name_hash: name_hash.content.to_vec(),
            key_hash: key_hash.content.to_vec(),
            serial: serial.content.to_vec(),
        })
    }

    /// Its encoding, as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether its hashes are by SHA-1 or the digest of a suite, SHA-256 or SM3, as clients send them (RFC 9919 §3.1):
    /// with and without NULL as the algorithm's parameters, one certificate has six such CertIDs and no more.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        match self.algorithm {
            Some(Algorithm::Sha1) => true,
            Some(Algorithm::Strong(digest)) => usual().any(|usual| usual == digest),
            None => false,
        }
    }

    /// The serial number's content octets, as [`Certificate::serial`] has them.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }
}

/// The digests of the suites: what CertIDs are usually made with, SHA-1 apart.
fn usual() -> impl Iterator<Item = DigestAlgorithm> {
    Suite::ALL.iter().map(|suite| suite.digest)
}

/// The BIT STRING's octets of a SubjectPublicKeyInfo.
fn key_bits(spki: &[u8]) -> Option<&[u8]> {
    let mut fields = Reader::only(spki, Rules::Der, SEQUENCE).ok()?.reader();
    fields.expect(SEQUENCE).ok()?;
    fields.expect(BIT_STRING).ok()?.aligned_bits().ok()
}

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// SHA-512's length.
const MAX_HASH: usize = 64;
