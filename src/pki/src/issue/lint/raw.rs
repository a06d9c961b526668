//! The parts of a certificate that its typed reading does not show: string and time types, extensions' octets.

use der::asn1::ObjectIdentifier;

use crate::{
    asn1::{Asn1Error, BOOLEAN, INTEGER, Reader, Rules, SEQUENCE, Tlv},
    certificate::Certificate,
    extensions::RawExtension,
    oids,
};

pub(super) struct Raw<'a> {
    pub version: u32,
    pub not_before: Tlv<'a>,
    pub not_after: Tlv<'a>,
    pub subject: Tlv<'a>,
    pub unique_identifiers: bool,
    /// Whether an extension's `critical` is written although it is FALSE, its default (X.690 §11.5).
    pub default_written: bool,
    pub extensions: Vec<RawExtension<'a>>,
}

/// One PolicyInformation.
pub(super) struct Policy<'a> {
    pub oid: ObjectIdentifier,
    pub cps: Vec<&'a [u8]>,
    /// Qualifiers of other kinds.
    pub others: usize,
}

impl<'a> Raw<'a> {
    pub(super) fn read(certificate: &'a Certificate) -> Result<Self, Asn1Error> {
        let mut fields = Reader::only(certificate.tbs(), Rules::Der, SEQUENCE)?.reader();
        let version = match fields.optional(0xA0)? {
            Some(version) => Reader::only(version.content, Rules::Der, INTEGER)?.small()?,
            None => 0,
        };
        fields.expect(INTEGER)?;
        fields.expect(SEQUENCE)?;
        fields.expect(SEQUENCE)?;
        let mut validity = fields.expect(SEQUENCE)?.reader();
        let (not_before, not_after) = (validity.next()?, validity.next()?);
        let subject = fields.expect(SEQUENCE)?;
        fields.expect(SEQUENCE)?;
        let unique_identifiers = fields.optional(0x81)?.is_some() | fields.optional(0x82)?.is_some();
        let (mut extensions, mut default_written) = (Vec::new(), false);
        if let Some(explicit) = fields.optional(0xA3)? {
            let list = Reader::only(explicit.content, Rules::Der, SEQUENCE)?;
            extensions = RawExtension::read_all(&list)?;
            for extension in list.reader().all(extensions.len())? {
                let mut parts = extension.reader();
                parts.next()?;
                default_written |= parts.optional(BOOLEAN)?.is_some_and(|critical| critical.content == [0]);
            }
        }
        Ok(Self { version, not_before, not_after, subject, unique_identifiers, default_written, extensions })
    }

    pub(super) fn extension(&self, id: ObjectIdentifier) -> Option<&RawExtension<'a>> {
        self.extensions.iter().find(|extension| extension.id == id)
    }

    pub(super) fn has(&self, id: ObjectIdentifier) -> bool {
        self.extension(id).is_some()
    }

    /// The elements of an extension that is a SEQUENCE; empty when it is not there.
    pub(super) fn sequence(&self, id: ObjectIdentifier) -> Result<Vec<Tlv<'a>>, Asn1Error> {
        match self.extension(id) {
            Some(extension) => Reader::only(extension.value, Rules::Der, SEQUENCE)?.reader().all(4096),
            None => Ok(Vec::new()),
        }
    }

    pub(super) fn policies(&self) -> Result<Vec<Policy<'a>>, Asn1Error> {
        let mut out = Vec::new();
        for information in self.sequence(oids::CERTIFICATE_POLICIES)? {
            let mut fields = information.reader();
            let mut policy =
                Policy { oid: fields.expect(crate::asn1::OID)?.oid()?, cps: Vec::new(), others: 0 };
            if let Some(qualifiers) = fields.optional(SEQUENCE)? {
                for qualifier in qualifiers.reader().all(64)? {
                    let mut parts = qualifier.reader();
                    if parts.expect(crate::asn1::OID)?.oid()? == oids::CPS_QUALIFIER {
                        policy.cps.push(parts.expect(crate::asn1::IA5_STRING)?.content);
                    } else {
                        policy.others += 1;
                    }
                }
            }
            fields.finish()?;
            out.push(policy);
        }
        Ok(out)
    }
}
