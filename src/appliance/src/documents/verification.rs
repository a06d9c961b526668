//! Verifying a document against this appliance's own authorities and current revocation lists.

use pdf::syntax::{Limits, ReadError, Source};
use pdf::verify::{Options, Report, Unreadable, verify};
use pki::Certificate;
use pki::crl::Crl;
use pki::path::TrustAnchors;

use crate::app::{App, StartError};
use crate::problem::{Kind, Problem};

/// What a verification leans on, gathered before the computation starts.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Roots, and further anchors of `policies.trust`.
    pub anchors: TrustAnchors,
    /// Issuing authorities.
    pub untrusted: Vec<Certificate>,
    /// Revocation lists in force.
    pub crls: Vec<Crl>,
}

impl Evidence {
    /// This appliance's authorities and the revocation lists in force.
    ///
    /// # Errors
    /// When a certificate cannot be read.
    pub fn of(app: &App) -> Result<Self, StartError> {
        let authorities = app.authorities()?;
        let crls = app.status.lists.full();
        let (roots, issuing): (Vec<_>, Vec<_>) =
            authorities.into_iter().map(|a| a.certificate).partition(Certificate::is_self_issued);
        let own = TrustAnchors::new(roots);
        let anchors = TrustAnchors::constrained([own.anchors(), app.trust.anchors()].concat());
        Ok(Self { anchors, untrusted: issuing, crls })
    }

    /// Verifies `source` at `at` (Unix seconds).
    ///
    /// # Errors
    /// `VerificationError`: what is no readable PDF. A bad signature is a report.
    pub fn verify(&self, source: &dyn Source, at: i64) -> Result<Report, VerificationError> {
        let options =
            Options { untrusted: &self.untrusted, crls: &self.crls, ..Options::new(&self.anchors, at) };
        verify(source, &options, &Limits::default())
            .map_err(|error| VerificationError { truncated: super::sealing::lacks_end(source), error })
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct VerificationError {
    /// The file has no end-of-file marker.
    truncated: bool,
    /// What cannot be read.
    error: Unreadable,
}

impl From<VerificationError> for Problem {
    fn from(failed: VerificationError) -> Self {
        match &failed.error {
            Unreadable::Open(error) => super::problems::unreadable(error, failed.truncated),
            Unreadable::Read(error) => super::problems::unread(error, failed.truncated),
            Unreadable::TooComplex { budget } => {
                super::problems::unread(&ReadError::TooComplex { budget }, failed.truncated)
            }
            Unreadable::Plain(error) => Self::new(Kind::PdfUnreadable, error.to_string()),
        }
    }
}
