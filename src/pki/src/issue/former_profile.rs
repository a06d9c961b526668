//! Certificate profiles as constants.

use der::asn1::ObjectIdentifier;

use crate::{extensions::KeyUsage, oids};

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// The hierarchy's self-signed root.
    RootCa,
    /// A CA under the root that issues end-entity certificates only.
    IssuingCa,
    /// A server of ours: DNS names or addresses, serverAuth.
    TlsServer,
    /// An approval system's machine: one URI names it, clientAuth.
    MachineClient,
    /// An officer or operator: one URI names them, clientAuth.
    OfficerClient,
    /// An organisation's electronic seal: signs documents.
    Seal,
    /// A delegated OCSP responder (RFC 6960 §4.2.2.2).
    Ocsp,
    /// A time-stamping unit (RFC 3161 §2.3: critical, alone).
    TimeStamp,
    /// The maker who signs seal structures.
    SealMaker,
}

impl Profile {
    /// Whether the subject issues certificates.
    #[must_use]
    pub const fn is_ca(self) -> bool {
        matches!(self, Self::RootCa | Self::IssuingCa)
    }

    /// pathLenConstraint.
    #[must_use]
    pub const fn path_len(self) -> Option<u32> {
        match self {
            Self::IssuingCa => Some(0),
            _ => None,
        }
    }

    /// keyUsage bits, always critical.
    #[must_use]
    pub const fn key_usage(self) -> KeyUsage {
        match self {
            Self::RootCa | Self::IssuingCa => KeyUsage::KEY_CERT_SIGN.and(KeyUsage::CRL_SIGN),
            Self::TlsServer | Self::MachineClient | Self::OfficerClient | Self::Ocsp => {
                KeyUsage::DIGITAL_SIGNATURE
            }
            Self::Seal | Self::SealMaker | Self::TimeStamp => {
                KeyUsage::DIGITAL_SIGNATURE.and(KeyUsage::NON_REPUDIATION)
            }
        }
    }

    /// extendedKeyUsage, empty when the extension is left out.
    #[must_use]
    pub const fn purposes(self) -> &'static [ObjectIdentifier] {
        match self {
            Self::RootCa | Self::IssuingCa => &[],
            Self::TlsServer => &[oids::SERVER_AUTH],
            Self::MachineClient | Self::OfficerClient => &[oids::CLIENT_AUTH],
            // RFC 9336 documentSigning; emailProtection because NSS (poppler, LibreOffice) judges document signers by it.
            Self::Seal => &[oids::DOCUMENT_SIGNING, oids::EMAIL_PROTECTION],
            Self::SealMaker => &[oids::DOCUMENT_SIGNING],
            Self::Ocsp => &[oids::OCSP_SIGNING],
            Self::TimeStamp => &[oids::TIME_STAMPING],
        }
    }
}
