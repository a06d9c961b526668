//! Certificates and revocation lists with any content, which no issuer of ours would make, for the paths they must fail on.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;

use cinnabar_pki::{Certificate, Crl};
use crypto::{KeyKind, Signer, SoftwareKey};
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

pub fn oid(dotted: &str) -> Vec<u8> {
    tlv(6, der::asn1::ObjectIdentifier::new(dotted).unwrap().as_bytes())
}

/// A name of common names, in order.
pub fn name(parts: &[&str]) -> Vec<u8> {
    let rdn = |part: &&str| tlv(0x31, seq(&[oid("2.5.4.3"), tlv(0x0C, part)]));
    seq(&parts.iter().map(rdn).collect::<Vec<_>>())
}

pub fn ext(id: &str, critical: bool, value: Vec<u8>) -> Vec<u8> {
    let flag = if critical { tlv(1, [0xFF]) } else { vec![] };
    seq(&[oid(id), flag, tlv(4, value)])
}

pub fn ca(path_len: Option<u8>) -> Vec<u8> {
    let length = path_len.map_or(vec![], |length| tlv(2, [length]));
    ext("2.5.29.19", true, seq(&[tlv(1, [0xFF]), length]))
}

/// keyUsage from the bits of the first octet, digitalSignature being 0x80, keyCertSign 4, cRLSign 2.
pub fn usage(bits: u8) -> Vec<u8> {
    ext("2.5.29.15", true, tlv(3, [bits.trailing_zeros() as u8, bits]))
}

pub fn dns(text: &str) -> Vec<u8> {
    tlv(0x82, text)
}

pub fn email(text: &str) -> Vec<u8> {
    tlv(0x81, text)
}

pub fn uri(text: &str) -> Vec<u8> {
    tlv(0x86, text)
}

pub fn ip(octets: &[u8]) -> Vec<u8> {
    tlv(0x87, octets)
}

pub fn directory(parts: &[&str]) -> Vec<u8> {
    tlv(0xA4, name(parts))
}

pub fn san(names: &[Vec<u8>]) -> Vec<u8> {
    ext("2.5.29.17", false, seq(names))
}

pub fn limits(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let list = |tag, names: &[Vec<u8>]| {
        let trees: Vec<_> = names.iter().map(|name| seq(std::slice::from_ref(name))).collect();
        if trees.is_empty() { vec![] } else { tlv(tag, trees.concat()) }
    };
    ext("2.5.29.30", true, seq(&[list(0xA0, permitted), list(0xA1, excluded)]))
}

pub fn purposes(ids: &[&str]) -> Vec<u8> {
    ext("2.5.29.37", false, seq(&ids.iter().map(|id| oid(id)).collect::<Vec<_>>()))
}

pub fn policies(ids: &[&str]) -> Vec<u8> {
    ext("2.5.29.32", false, seq(&ids.iter().map(|id| seq(&[oid(id)])).collect::<Vec<_>>()))
}

pub fn mappings(pairs: &[(&str, &str)]) -> Vec<u8> {
    ext(
        "2.5.29.33",
        true,
        seq(&pairs.iter().map(|(from, to)| seq(&[oid(from), oid(to)])).collect::<Vec<_>>()),
    )
}

/// Somebody with a name and a key, who can certify others.
pub struct Party {
    pub name: Vec<u8>,
    pub key: Arc<SoftwareKey>,
    pub validity: [&'static str; 2],
}

impl Party {
    pub fn new(common_name: &str) -> Self {
        Self::named(name(&[common_name]))
    }

    pub fn named(name: Vec<u8>) -> Self {
        let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap();
        let key = Arc::new(SoftwareKey::from_pkcs8(&key).unwrap());
        Self { name, key, validity: ["20200101000000Z", "20491231235959Z"] }
    }

    fn signed(&self, tbs: Vec<u8>) -> Vec<u8> {
        let signature = [vec![0], self.key.sign(&tbs).unwrap()].concat();
        seq(&[tbs, self.key.scheme().algorithm_identifier(), tlv(3, signature)])
    }

    /// A certificate for `subject`, which may be `self`.
    pub fn certify(&self, subject: &Self, extensions: &[Vec<u8>]) -> Certificate {
        self.certify_with(subject, &[1], extensions)
    }

    pub fn certify_with(&self, subject: &Self, serial: &[u8], extensions: &[Vec<u8>]) -> Certificate {
        let times = subject.validity.map(|time| tlv(0x18, time));
        let fields = [
            tlv(0xA0, tlv(2, [2])),
            tlv(2, serial),
            self.key.scheme().algorithm_identifier(),
            self.name.clone(),
            seq(&times),
            subject.name.clone(),
            subject.key.public_key().to_vec(),
            if extensions.is_empty() { vec![] } else { tlv(0xA3, seq(extensions)) },
        ];
        Certificate::from_der(&self.signed(seq(&fields))).unwrap()
    }

    /// A list of serial numbers with reasons, current from `this` to `next` (`YYYYMMDD`).
    pub fn list(
        &self,
        [this, next]: [&str; 2],
        revoked: &[(&[u8], &str, u8)],
        extensions: &[Vec<u8>],
    ) -> Crl {
        let day = |day: &str| tlv(0x18, format!("{day}000000Z"));
        let entry = |(serial, date, reason): &(&[u8], &str, u8)| {
            let reason = ext("2.5.29.21", false, tlv(0x0A, [*reason]));
            seq(&[tlv(2, serial), day(date), seq(&[reason])])
        };
        let entries: Vec<_> = revoked.iter().map(entry).collect();
        let fields = [
            tlv(2, [1]),
            self.key.scheme().algorithm_identifier(),
            self.name.clone(),
            day(this),
            day(next),
            if entries.is_empty() { vec![] } else { seq(&entries) },
            if extensions.is_empty() { vec![] } else { tlv(0xA0, seq(extensions)) },
        ];
        Crl::from_der(&self.signed(seq(&fields))).unwrap()
    }
}
