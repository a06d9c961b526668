//! Verifying a document against this appliance's own authorities and current revocation lists.

pub mod http;
mod policies;
mod register;
mod ses;

use std::sync::Arc;

use pdf::syntax::{Limits, ReadError, Source};
use pdf::verify::{Options, PlainLimits, Report, SignatureContainer, Unreadable, verify, verify_plain};
use pki::Certificate;
use pki::crl::Crl;
use pki::path::{Purpose, TrustAnchors};
use pki::validation::SignaturePolicy;

pub use policies::{PolicyFault, SignaturePolicies};
pub use ses::{SealMakers, Seals};

use crate::app::{App, StartError};
use crate::journal::CommitError;
use crate::problem::{Kind, Problem};
use crate::server::spill::Spooled;

/// How a document is to be verified.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// The time of validation, Unix seconds.
    pub at: i64,
    /// What is demanded; without it, revocation information for every certificate.
    pub policy: Option<&'w SignaturePolicy>,
    /// Whether it is a CMS or a time-stamp rather than a PDF; asked of its octets when nobody says.
    pub plain: Option<bool>,
}

/// What a verification leans on, gathered before the computation starts.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Roots, and further anchors of `policies.trust`.
    pub anchors: TrustAnchors,
    /// Issuing authorities.
    pub untrusted: Vec<Certificate>,
    /// Revocation lists in force.
    pub crls: Vec<Crl>,
    /// Verifier of seals: our makers, and whoever makes seals under the anchors of `policies.trust`.
    pub seals: Seals,
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
        // Who is trusted for time-stamps or for TLS alone makes no seals.
        let strangers =
            TrustAnchors::constrained(app.trust.anchors().to_vec()).serving(Purpose::DocumentSigning);
        let makers = SealMakers { known: app.seal_makers(), strangers, ..SealMakers::default() };
        let seals = Seals::by(makers);
        Ok(Self { anchors, untrusted: issuing, crls, seals })
    }

    /// Verifies `source`, over `content` when what was signed is not inside.
    ///
    /// # Errors
    /// `VerificationError`: what cannot be read as what it is. A bad signature is a report.
    pub fn verify(
        &self,
        source: &dyn Source,
        content: Option<&dyn Source>,
        wanted: Wanted<'_>,
    ) -> Result<Report, VerificationError> {
        let demanded = match wanted.policy {
            Some(policy) => Options::under(policy, &self.anchors, wanted.at),
            None => Options::new(&self.anchors, wanted.at),
        };
        let containers: [&dyn SignatureContainer; 1] = [&self.seals];
        let options =
            Options { untrusted: &self.untrusted, crls: &self.crls, containers: &containers, ..demanded };
        let plain = http::judged_plain(wanted.plain, source, options.containers)
            .map_err(|error| VerificationError { truncated: false, error: ReadError::Io(error).into() })?;
        if plain {
            let limits = PlainLimits::default();
            return verify_plain(source, content, &options, &limits)
                .map_err(|error| VerificationError { truncated: false, error });
        }
        verify(source, &options, &Limits::default())
            .map_err(|error| VerificationError { truncated: super::sealing::lacks_end(source), error })
    }
}

/// Verifies a document against everything this appliance knows: its authorities, lists and register of seals. For those who
/// have read the body themselves; the time of validation comes with the report, Unix seconds.
///
/// # Errors
/// The problem to answer: what cannot be read as what it is, or the database does not answer.
pub async fn whole(app: &App, document: Arc<Spooled>) -> crate::problem::Result<(Report, i64)> {
    let clock = app.unsealed()?;
    let now = clock.journal.clock().now().map_err(CommitError::ClockUntrusted)?.div_euclid(1_000_000);
    let evidence = Evidence::of(app).map_err(Problem::internal)?;
    let source = document.clone();
    let job =
        move || evidence.verify(source.as_ref(), None, Wanted { at: now, policy: None, plain: Some(false) });
    let mut report = app.desk.work(job).await??;
    register::consult(app, &mut report, &document, now).await?;
    Ok((report, now))
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
