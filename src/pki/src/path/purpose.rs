//! What a certificate is used for: keyUsage and extendedKeyUsage (RFC 5280 §4.2.1.3, §4.2.1.12).
//!
//! RFC 5280 leaves extendedKeyUsage of a CA open; here it limits every certificate below, as in webpki, Go and the
//! Windows and Mozilla stores. The anchor's own is its owner's matter: what an anchor is good for is said where it is
//! trusted ([`super::Anchor`]).

use der::asn1::ObjectIdentifier;

use crate::{certificate::Certificate, extensions::KeyUsage, oids};

/// What the end certificate was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Anything: no keyUsage or extendedKeyUsage is asked for.
    Any,
    /// A TLS client.
    ClientAuth,
    /// A TLS server.
    ServerAuth,
    /// A signature or seal on a document, by any purpose in use for that.
    DocumentSigning,
    /// A time-stamp token (RFC 3161 §2.3).
    TimeStamping,
    /// An OCSP response.
    OcspSigning,
    /// Exactly this extendedKeyUsage.
    Extended(ObjectIdentifier),
}

impl Purpose {
    /// The purpose of that name in RFC 5280 §4.2.1.12 or RFC 9336 (`serverAuth`, `documentSigning`, …), or with that
    /// dotted identifier. `any` and `anyExtendedKeyUsage` ask for nothing.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if let Some((_, purpose)) = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Some(*purpose);
        }
        let id = ObjectIdentifier::new(name).ok()?;
        Some(match id {
            oids::ANY_EXTENDED_KEY_USAGE => Self::Any,
            oids::SERVER_AUTH => Self::ServerAuth,
            oids::CLIENT_AUTH => Self::ClientAuth,
            oids::TIME_STAMPING => Self::TimeStamping,
            oids::OCSP_SIGNING => Self::OcspSigning,
            id => Self::Extended(id),
        })
    }

    /// The extendedKeyUsages of which one is needed; none for [`Self::Any`].
    pub(super) fn wanted(&self) -> &[ObjectIdentifier] {
        match self {
            Self::Any => &[],
            Self::ClientAuth => &[oids::CLIENT_AUTH],
            Self::ServerAuth => &[oids::SERVER_AUTH],
            Self::DocumentSigning => &[
                oids::DOCUMENT_SIGNING,
                oids::EMAIL_PROTECTION,
                oids::ADOBE_AUTHENTIC_DOCUMENTS,
                oids::MICROSOFT_DOCUMENT_SIGNING,
            ],
            Self::TimeStamping => &[oids::TIME_STAMPING],
            Self::OcspSigning => &[oids::OCSP_SIGNING],
            Self::Extended(id) => std::slice::from_ref(id),
        }
    }

    /// Key usages of which one is needed (RFC 5280 §4.2.1.12 names those consistent with each purpose).
    fn key_usage(self) -> Option<KeyUsage> {
        const SIGNING: KeyUsage = KeyUsage::DIGITAL_SIGNATURE.and(KeyUsage::NON_REPUDIATION);
        Some(match self {
            Self::Any => return None,
            Self::ClientAuth => KeyUsage::DIGITAL_SIGNATURE.and(KeyUsage::KEY_AGREEMENT),
            Self::ServerAuth => {
                KeyUsage::DIGITAL_SIGNATURE.and(KeyUsage::KEY_ENCIPHERMENT).and(KeyUsage::KEY_AGREEMENT)
            }
            Self::Extended(oids::CODE_SIGNING) => KeyUsage::DIGITAL_SIGNATURE,
            Self::Extended(oids::EMAIL_PROTECTION) => {
                SIGNING.and(KeyUsage::KEY_ENCIPHERMENT).and(KeyUsage::KEY_AGREEMENT)
            }
            Self::Extended(oids::DOCUMENT_SIGNING) => SIGNING,
            Self::Extended(_) => return None,
            Self::DocumentSigning | Self::TimeStamping | Self::OcspSigning => SIGNING,
        })
    }

    /// Whether the end certificate may be used so.
    pub(super) fn check(self, leaf: &Certificate) -> Result<(), &'static str> {
        if let (Some(wanted), Some(usage)) = (self.key_usage(), leaf.key_usage())
            && !usage.intersects(wanted)
        {
            return Err("key usage does not allow it");
        }
        let uses = leaf.extended_key_usages();
        match self {
            Self::TimeStamping => {
                let critical = leaf.extension_criticality(oids::EXTENDED_KEY_USAGE) == Some(true);
                if uses != Some(&[oids::TIME_STAMPING]) || !critical {
                    return Err("extended key usage must be time-stamping alone, critical");
                }
            }
            Self::OcspSigning if uses.is_none_or(|uses| !uses.contains(&oids::OCSP_SIGNING)) => {
                return Err("extended key usage must include OCSP signing");
            }
            _ if !self.is_allowed_by(uses) => return Err("extended key usage does not allow it"),
            _ => {}
        }
        Ok(())
    }

    /// Whether an extendedKeyUsage, or its absence, leaves room for this purpose.
    pub(super) fn is_allowed_by(&self, uses: Option<&[ObjectIdentifier]>) -> bool {
        let wanted = self.wanted();
        wanted.is_empty()
            || uses.is_none_or(|uses| {
                uses.iter().any(|found| *found == oids::ANY_EXTENDED_KEY_USAGE || wanted.contains(found))
            })
    }
}

const NAMES: &[(&str, Purpose)] = &[
    ("any", Purpose::Any),
    ("anyExtendedKeyUsage", Purpose::Any),
    ("serverAuth", Purpose::ServerAuth),
    ("clientAuth", Purpose::ClientAuth),
    ("codeSigning", Purpose::Extended(oids::CODE_SIGNING)),
    ("emailProtection", Purpose::Extended(oids::EMAIL_PROTECTION)),
    ("timeStamping", Purpose::TimeStamping),
    ("ocspSigning", Purpose::OcspSigning),
    ("documentSigning", Purpose::Extended(oids::DOCUMENT_SIGNING)),
];
