//! Certificates taken apart and put together again with a fault in them; nothing that issues could make those.

use crate::{
    asn1::{self, BOOLEAN, OCTET_STRING, OID, Reader, Rules, SEQUENCE},
    certificate::Certificate,
    extensions::GeneralName,
    issue::assemble,
    oids,
};

/// A certificate in pieces.
#[derive(Clone)]
pub(super) struct Parts {
    pub version: Vec<u8>,
    pub serial: Vec<u8>,
    pub algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    pub validity: [Vec<u8>; 2],
    pub subject: Vec<u8>,
    pub spki: Vec<u8>,
    pub unique: Vec<u8>,
    /// Identifier, the `critical` field's encoding, value.
    pub extensions: Vec<(der::asn1::ObjectIdentifier, Vec<u8>, Vec<u8>)>,
}

pub(super) fn critical() -> Vec<u8> {
    asn1::tlv(BOOLEAN, &[0xFF])
}

impl Parts {
    pub(super) fn of(certificate: &Certificate) -> Self {
        let mut fields = Reader::only(certificate.tbs(), Rules::Der, SEQUENCE).unwrap().reader();
        let mut raw = || fields.next().unwrap().raw.to_vec();
        let (version, serial, algorithm, issuer) = (raw(), raw(), raw(), raw());
        let validity = raw();
        let (subject, spki) = (raw(), raw());
        let explicit = fields.next().unwrap();
        let list = explicit.reader().next().unwrap().reader().all(64).unwrap();
        let extensions = list.iter().map(|extension| {
            let mut parts = extension.reader();
            let id = parts.expect(OID).unwrap().oid().unwrap();
            let critical = parts.optional(BOOLEAN).unwrap().map(|flag| flag.raw.to_vec()).unwrap_or_default();
            (id, critical, parts.expect(OCTET_STRING).unwrap().content.to_vec())
        });
        let mut times = Reader::only(&validity, Rules::Der, SEQUENCE).unwrap().reader();
        let validity = [times.next().unwrap().raw.to_vec(), times.next().unwrap().raw.to_vec()];
        let extensions = extensions.collect();
        Self { version, serial, algorithm, issuer, validity, subject, spki, unique: Vec::new(), extensions }
    }

    pub(super) fn finish(&self) -> Certificate {
        let extensions: Vec<_> = self
            .extensions
            .iter()
            .map(|(id, critical, value)| {
                asn1::join(SEQUENCE, &[asn1::oid(*id), critical.clone(), asn1::tlv(OCTET_STRING, value)])
            })
            .collect();
        let tbs = asn1::join(
            SEQUENCE,
            &[
                self.version.clone(),
                self.serial.clone(),
                self.algorithm.clone(),
                self.issuer.clone(),
                asn1::join(SEQUENCE, &self.validity),
                self.subject.clone(),
                self.spki.clone(),
                self.unique.clone(),
                asn1::tlv(0xA3, &asn1::join(SEQUENCE, &extensions)),
            ],
        );
        Certificate::from_der(&assemble(&tbs, &self.algorithm, &[0; 64])).unwrap()
    }

    pub(super) fn value(&mut self, id: der::asn1::ObjectIdentifier) -> &mut Vec<u8> {
        &mut self.extensions.iter_mut().find(|(own, ..)| *own == id).unwrap().2
    }

    pub(super) fn flag(&mut self, id: der::asn1::ObjectIdentifier) -> &mut Vec<u8> {
        &mut self.extensions.iter_mut().find(|(own, ..)| *own == id).unwrap().1
    }

    pub(super) fn remove(&mut self, id: der::asn1::ObjectIdentifier) {
        self.extensions.retain(|(own, ..)| *own != id);
    }

    pub(super) fn add(&mut self, id: der::asn1::ObjectIdentifier, critical: Vec<u8>, value: Vec<u8>) {
        self.extensions.push((id, critical, value));
    }

    pub(super) fn names(&mut self, names: &[GeneralName]) {
        let encoded: Vec<_> = names.iter().map(|name| name.encode().unwrap()).collect();
        *self.value(oids::SUBJECT_ALT_NAME) = asn1::join(SEQUENCE, &encoded);
    }
}
