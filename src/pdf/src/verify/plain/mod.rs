//! Signatures outside of PDFs: plain CMS (RFC 5652, attached or detached), time-stamps (RFC 3161), and what the container
//! verifiers of [`Options::containers`] recognise (electronic seals and what they signed).
//!
//! The same questions, the same options and the same [`Report`] as for a PDF; each signer of a message is one entry.
//! What a file is, its octets say ([`Format::of`]), never its name. Content elsewhere is read through a [`Source`] in
//! one pass, however many signers there are. Called by the appliance and the command line.

mod envelope;
mod signer;

use pki::Certificate;
use pki::cms::{CmsError, SignedData, TimeStampToken};

pub(crate) use envelope::is_signed_data;
pub use envelope::{Format, Limits};

use super::judge::verdict;
use super::report::{FileFacts, Report, Verdict};
use super::{Options, SignatureContainer, Unreadable};
use crate::syntax::{ReadError, Source};
use envelope::{Envelope, Signed};
use signer::{Content, Signer};

/// Why a file that looks like CMS cannot be processed; exit code 6.
#[derive(Debug, thiserror::Error)]
pub enum PlainError {
    /// It cannot be read as CMS.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// Its PEM armour is broken.
    #[error("malformed PEM: {0}")]
    Pem(#[from] pki::pem::PemError),
    /// It is PEM, but of nothing that is signed.
    #[error("no PEM block labelled CMS or PKCS7")]
    NoPem,
    /// It begins as something that one of the container verifiers opens, and cannot be read as that.
    #[error("{reason}")]
    Container {
        /// Why, in the verifier's words.
        reason: String,
    },
    /// Which of them is meant, nobody can tell.
    #[error("{count} PEM blocks of signatures in one file; verify them one by one")]
    SeveralPem {
        /// How many.
        count: usize,
    },
}

/// Verifies every signature of the CMS, time-stamp or container in `source`, over `content` when that is not inside.
///
/// # Errors
/// [`Unreadable`] when it is no CMS of signed data and no time-stamp, or costs more than `limits`.
pub fn verify_plain(
    source: &dyn Source,
    content: Option<&dyn Source>,
    options: &Options<'_>,
    limits: &Limits,
) -> Result<Report, Unreadable> {
    let envelope = Envelope::read(source, options.containers, limits)?;
    let mut report = Report {
        verdict: Verdict::NoSignature,
        signatures: Vec::new(),
        file: FileFacts {
            format: envelope.format(),
            length: source.len(),
            version: String::new(),
            revisions: 0,
            linearized: false,
            header_offset: 0,
            trailing: envelope.trailing,
            oddities: Vec::new(),
        },
        warnings: envelope.warnings,
    };
    let (inside, signers) = match envelope.signed {
        Signed::Nothing => return Ok(report),
        Signed::Message(message) => {
            let signers = message.signers.into_iter().map(|data| Signer::Cms(Box::new(data))).collect();
            (message.content, signers)
        }
        Signed::TimeStamp(token, digest) => (None, vec![Signer::TimeStamp(token, digest)]),
        Signed::Contained(container) => (None, vec![Signer::Contained(container)]),
    };
    if content.is_some() && !signers.iter().any(Signer::needs_content) {
        report.warnings.push("a seal signs no content; the file given beside it was not looked at".into());
    }
    let (content, differs) = match (&inside, content) {
        (Some(inside), None) => (Content::of(Some(inside), &signers, limits)?, false),
        (Some(inside), Some(outside)) => {
            (Content::of(Some(inside), &signers, limits)?, !same(inside, outside)?)
        }
        (None, Some(outside)) => (Content::of(Some(outside), &signers, limits)?, false),
        (None, None) => (Content::of(None, &signers, limits)?, false),
    };
    for signer in signers {
        report.signatures.push(signer.report(&content, differs, report.file.trailing, options)?);
    }
    if inside.is_some() && differs {
        report.warnings.push("the content inside the signature is not the content given beside it".into());
    }
    report.verdict = verdict(&report.signatures);
    Ok(report)
}

/// The certificates inside a CMS or a time-stamp, those of its time-stamps included; whoever completes paths looks among
/// them.
///
/// # Errors
/// As [`verify_plain`].
pub fn plain_certificates(
    source: &dyn Source,
    containers: &[&dyn SignatureContainer],
    limits: &Limits,
) -> Result<Vec<Certificate>, Unreadable> {
    let mut found: Vec<Certificate> = Vec::new();
    let mut add = |certificates: &[Certificate]| {
        for certificate in certificates {
            if !found.contains(certificate) {
                found.push(certificate.clone());
            }
        }
    };
    let mut take = |data: &SignedData| add(data.certificates());
    match Envelope::read(source, containers, limits)?.signed {
        Signed::Nothing => {}
        Signed::Contained(container) => add(&container.certificates()),
        Signed::TimeStamp(token, _) => take(token.signed_data()),
        Signed::Message(message) => {
            for signer in &message.signers {
                take(signer);
                for token in signer.signature_time_stamps() {
                    if let Ok(token) = TimeStampToken::parse(token, &pki::cms::Limits::default()) {
                        take(token.signed_data());
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Whether the content inside a message is that beside it.
fn same(inside: &[u8], outside: &dyn Source) -> Result<bool, ReadError> {
    if inside.len() as u64 != outside.len() {
        return Ok(false);
    }
    let mut buffer = vec![0; 1 << 16];
    let mut offset = 0;
    for chunk in inside.chunks(buffer.len()) {
        let Some(block) = buffer.get_mut(..chunk.len()) else { return Ok(false) };
        outside.read_at(offset, block)?;
        if block != chunk {
            return Ok(false);
        }
        offset += chunk.len() as u64;
    }
    Ok(true)
}
