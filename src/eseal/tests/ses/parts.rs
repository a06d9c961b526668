//! Seals and signatures put together field by field, so that any field can be otherwise; signed over whatever came of it.

use cinnabar_eseal::{DeviationKind, Seal, Signature};
use crypto::Signer as _;

use crate::{forge::*, world::*};

pub fn ia5(text: &str) -> Vec<u8> {
    tlv(0x16, text)
}

pub fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0C, text)
}

pub fn int(value: u8) -> Vec<u8> {
    tlv(2, [value])
}

pub fn octets(content: impl AsRef<[u8]>) -> Vec<u8> {
    tlv(4, content)
}

pub fn bits(content: &[u8]) -> Vec<u8> {
    tlv(3, [&[0], content].concat())
}

pub fn generalized(text: &str) -> Vec<u8> {
    tlv(0x18, text)
}

pub fn utc(text: &str) -> Vec<u8> {
    tlv(0x17, text)
}

/// A signature in DER as r‖s, each in that many octets.
pub fn raw_signature(der: &[u8], width: usize) -> Vec<u8> {
    let number = |at: usize| -> (Vec<u8>, usize) {
        let len = usize::from(der[at + 1]);
        let content = &der[at + 2..at + 2 + len];
        let content = content.strip_prefix(&[0]).unwrap_or(content);
        ([vec![0; width - content.len()], content.to_vec()].concat(), at + 2 + len)
    };
    let (r, next) = number(2);
    let (s, _) = number(next);
    [r, s].concat()
}

/// The fields of a seal, each encoded already.
#[derive(Clone)]
pub struct SealParts {
    pub old: bool,
    pub header: [Vec<u8>; 3],
    pub id: Vec<u8>,
    pub kind: Vec<u8>,
    pub name: Vec<u8>,
    pub list_type: Vec<u8>,
    pub list: Vec<u8>,
    pub dates: [Vec<u8>; 3],
    pub picture: [Vec<u8>; 4],
    pub extensions: Vec<u8>,
    pub cert: Vec<u8>,
    pub algorithm: Vec<u8>,
    pub value: fn(&[u8]) -> Vec<u8>,
    pub stamp: Vec<u8>,
}

impl SealParts {
    /// Version 4 to the letter.
    pub fn new(world: &World) -> Self {
        let oid = tlv(6, world.suite.signature.signature_oid().unwrap().as_bytes());
        Self {
            old: false,
            header: [ia5("ES"), int(4), ia5("Cinnabar")],
            id: ia5("37030000001721"),
            kind: int(6),
            name: utf8("部门审批专用章"),
            list_type: int(1),
            list: seq(&[octets(world.certificate.der())]),
            dates: ["20260601000000Z", "20260601000000Z", "20290601000000Z"].map(generalized),
            picture: [ia5("PNG"), octets(PICTURE), int(42), int(42)],
            extensions: vec![],
            cert: octets(world.maker_certificate.der()),
            algorithm: oid,
            value: bits,
            stamp: vec![],
        }
    }

    /// Version 1 to the letter.
    pub fn old(world: &World) -> Self {
        let new = Self::new(world);
        Self {
            old: true,
            header: [ia5("ES"), int(1), ia5("Cinnabar")],
            kind: int(1),
            list_type: vec![],
            dates: ["260601000000Z", "260601000000Z", "290601000000Z"].map(utc),
            ..new
        }
    }

    pub fn info(&self) -> Vec<u8> {
        let [created, from, to] = self.dates.clone();
        let property = [
            self.kind.clone(),
            self.name.clone(),
            self.list_type.clone(),
            self.list.clone(),
            created,
            from,
            to,
        ];
        seq(&[
            seq(&self.header),
            self.id.clone(),
            seq(&property),
            seq(&self.picture),
            self.extensions.clone(),
        ])
    }

    pub fn signed(&self, world: &World) -> Vec<u8> {
        self.around(world, self.info())
    }

    /// The seal around an eSealInfo that may be encoded in any way.
    pub fn around(&self, world: &World, info: Vec<u8>) -> Vec<u8> {
        let (cert, algorithm) = (self.cert.clone(), self.algorithm.clone());
        if self.old {
            let signed = seq(&[info.clone(), cert.clone(), algorithm.clone()]);
            let value = (self.value)(&world.maker.key.sign(&signed).unwrap());
            return seq(&[info, seq(&[cert, algorithm, value])]);
        }
        let value = (self.value)(&world.maker.key.sign(&info).unwrap());
        seq(&[info, cert, algorithm, value, self.stamp.clone()])
    }
}

/// The fields of a signature, each encoded already.
#[derive(Clone)]
pub struct SignatureParts {
    pub old: bool,
    pub version: Vec<u8>,
    pub seal: Vec<u8>,
    pub time: Vec<u8>,
    pub hash: Vec<u8>,
    pub property: Vec<u8>,
    pub extensions: Vec<u8>,
    pub cert: Vec<u8>,
    pub algorithm: Vec<u8>,
    pub value: fn(&[u8]) -> Vec<u8>,
    pub stamp: Vec<u8>,
}

impl SignatureParts {
    pub fn new(world: &World, seal: Vec<u8>) -> Self {
        Self {
            old: false,
            version: int(4),
            seal,
            time: generalized("20261120000000Z"),
            hash: bits(&world.digest()),
            property: ia5("/Doc_0/Signs/Sign_0/Signature.xml"),
            extensions: vec![],
            cert: octets(world.certificate.der()),
            algorithm: tlv(6, world.suite.signature.signature_oid().unwrap().as_bytes()),
            value: bits,
            stamp: vec![],
        }
    }

    pub fn old(world: &World, seal: Vec<u8>) -> Self {
        let time = bits(&utc("261120000000Z"));
        Self { old: true, version: int(1), time, ..Self::new(world, seal) }
    }

    pub fn to_sign(&self) -> Vec<u8> {
        let mut fields = vec![
            self.version.clone(),
            self.seal.clone(),
            self.time.clone(),
            self.hash.clone(),
            self.property.clone(),
        ];
        match self.old {
            true => fields.extend([self.cert.clone(), self.algorithm.clone()]),
            false => fields.push(self.extensions.clone()),
        }
        seq(&fields)
    }

    pub fn signed(&self, world: &World) -> Vec<u8> {
        self.around(world, self.to_sign())
    }

    pub fn around(&self, world: &World, to_sign: Vec<u8>) -> Vec<u8> {
        let value = (self.value)(&world.signer.key.sign(&to_sign).unwrap());
        match self.old {
            true => seq(&[to_sign, value]),
            false => seq(&[to_sign, self.cert.clone(), self.algorithm.clone(), value, self.stamp.clone()]),
        }
    }
}

/// What a reader finds otherwise: places and kinds.
pub fn found_in_seal(seal: &[u8]) -> Vec<(String, DeviationKind)> {
    let read = Seal::parse(seal).unwrap();
    read.deviations.into_iter().map(|deviation| (deviation.place, deviation.kind)).collect()
}

pub fn found_in_signature(signature: &[u8]) -> Vec<(String, DeviationKind)> {
    let read = Signature::parse(signature).unwrap();
    read.deviations.into_iter().map(|deviation| (deviation.place, deviation.kind)).collect()
}
