//! Why a path does not hold, in the terms of EN 319 102-1 and for whoever asks about a certificate alone.

use thiserror::Error;

use crate::{
    crl::Reason,
    indication::{Indication, SubIndication},
};

/// Why a path does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PathFailure {
    /// No chain of names and signatures leads to an anchor.
    #[error("no path from `{subject}` to a trust anchor")]
    NoPath {
        /// Where the search began.
        subject: String,
    },
    /// More signature verifications than allowed.
    #[error("path building stopped after {budget} signature verifications")]
    Budget {
        /// The policy's budget.
        budget: u32,
    },
    /// A name matched, the signature did not.
    #[error("certificate of `{subject}` is not signed by the issuer it names")]
    BadSignature {
        /// Whose.
        subject: String,
    },
    /// An algorithm that cannot be judged here.
    #[error("signature on the certificate of `{subject}` cannot be judged: {why}")]
    Unsupported {
        /// Whose.
        subject: String,
        /// What is not supported.
        why: String,
    },
    /// An algorithm or key that is refused as too weak to prove anything.
    #[error("certificate of `{subject}` is refused as weak: {why}")]
    Weak {
        /// Whose.
        subject: String,
        /// What is too weak.
        why: String,
    },
    /// Not valid any more.
    #[error("certificate of `{subject}` expired")]
    Expired {
        /// Whose.
        subject: String,
        /// notAfter.
        not_after: i64,
    },
    /// Not valid yet.
    #[error("certificate of `{subject}` was not yet valid")]
    NotYetValid {
        /// Whose.
        subject: String,
        /// notBefore.
        not_before: i64,
        /// Whether the time is proven, so that this is final.
        proven: bool,
    },
    /// Revoked at or before the time in question.
    #[error("certificate of `{subject}` is revoked{}", reason.map(|r| format!(" ({})", r.name())).unwrap_or_default())]
    Revoked {
        /// Whose.
        subject: String,
        /// Whether it is a CA's.
        ca: bool,
        /// When.
        time: i64,
        /// Why.
        reason: Option<Reason>,
    },
    /// The policy wants evidence and none is there.
    #[error("no usable revocation information for the certificate of `{subject}`: {why}")]
    NoRevocationEvidence {
        /// Whose.
        subject: String,
        /// What was lacking.
        why: &'static str,
    },
    /// RFC 5280 §6.1.4: something on the path may not do what it does.
    #[error("certificate of `{subject}` breaks a path rule: {rule}")]
    Constraint {
        /// Whose.
        subject: String,
        /// Which rule.
        rule: &'static str,
    },
    /// RFC 5280 §6.1.3 (d) to (f), §6.1.5 (g): no certificate policy holds for the path.
    #[error("certificate of `{subject}` breaks a policy rule: {rule}")]
    Policy {
        /// Whose.
        subject: String,
        /// Which rule.
        rule: &'static str,
    },
    /// The certificate names somebody else.
    #[error("certificate of `{subject}` does not name `{wanted}`")]
    Name {
        /// Whose.
        subject: String,
        /// Whom it should name.
        wanted: String,
    },
    /// The certificate is not for this purpose.
    #[error("certificate of `{subject}` is not for this use: {rule}")]
    Purpose {
        /// Whose.
        subject: String,
        /// Which rule.
        rule: &'static str,
    },
}

impl PathFailure {
    /// EN 319 102-1 §5.2.6: which outcome this is. Almost all are INDETERMINATE there; only a certificate that provably
    /// began after the signature existed fails for good.
    #[must_use]
    pub const fn indication(&self) -> (Indication, SubIndication) {
        let sub = match self {
            Self::NotYetValid { proven: true, .. } => {
                return (Indication::TotalFailed, SubIndication::NotYetValid);
            }
            Self::NoPath { .. } => SubIndication::NoCertificateChainFound,
            Self::Budget { .. } | Self::BadSignature { .. } | Self::Unsupported { .. } => {
                SubIndication::CertificateChainGeneralFailure
            }
            Self::Weak { .. } => SubIndication::CryptoConstraintsFailureNoPoe,
            Self::Expired { .. } | Self::NotYetValid { .. } => SubIndication::OutOfBoundsNoPoe,
            Self::Revoked { ca: false, .. } => SubIndication::RevokedNoPoe,
            Self::Revoked { ca: true, .. } => SubIndication::RevokedCaNoPoe,
            Self::NoRevocationEvidence { .. } => SubIndication::TryLater,
            Self::Constraint { .. } | Self::Policy { .. } | Self::Name { .. } | Self::Purpose { .. } => {
                SubIndication::ChainConstraintsFailure
            }
        };
        (Indication::Indeterminate, sub)
    }

    /// Whether the certificate, asked about at this very time, is invalid, and not merely unproven: further material could
    /// not change it.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        !matches!(
            self,
            Self::NoPath { .. }
                | Self::Budget { .. }
                | Self::Unsupported { .. }
                | Self::NoRevocationEvidence { .. }
        )
    }

    /// The same failure said of the certificate itself at this very time, not of a signature made with it: what is
    /// [definite](Self::is_definite) is TOTAL-FAILED.
    #[must_use]
    pub const fn of_certificate(&self) -> (Indication, SubIndication) {
        let sub = match self {
            Self::Revoked { .. } => SubIndication::Revoked,
            Self::Expired { .. } => SubIndication::Expired,
            Self::NotYetValid { .. } => SubIndication::NotYetValid,
            Self::BadSignature { .. } => SubIndication::SigCryptoFailure,
            Self::Weak { .. } => SubIndication::CryptoConstraintsFailure,
            Self::Constraint { .. } | Self::Policy { .. } | Self::Purpose { .. } | Self::Name { .. } => {
                SubIndication::ChainConstraintsFailure
            }
            Self::NoPath { .. }
            | Self::Budget { .. }
            | Self::Unsupported { .. }
            | Self::NoRevocationEvidence { .. } => return self.indication(),
        };
        (Indication::TotalFailed, sub)
    }

    /// How far the path got: of several failures the furthest says most.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::NoPath { .. } => 0,
            Self::BadSignature { .. } => 1,
            Self::Unsupported { .. } => 2,
            Self::Budget { .. } => BUDGET_RANK,
            Self::Weak { .. } => 4,
            Self::Constraint { .. } => 5,
            Self::Policy { .. } => 6,
            Self::Purpose { .. } => 7,
            Self::Name { .. } => 8,
            Self::NotYetValid { .. } | Self::Expired { .. } => 9,
            Self::NoRevocationEvidence { .. } => 10,
            Self::Revoked { .. } => 11,
        }
    }

    /// Whether a signature made with the certificate fails for good, whatever may be proven about its time.
    pub(super) const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Constraint { .. }
                | Self::Policy { .. }
                | Self::Purpose { .. }
                | Self::Name { .. }
                | Self::Weak { .. }
                | Self::NotYetValid { proven: true, .. }
                | Self::BadSignature { .. }
        )
    }
}

/// An exhausted budget hides what else there may be, except behind a failure that got further.
pub(super) const BUDGET_RANK: u8 = 3;
