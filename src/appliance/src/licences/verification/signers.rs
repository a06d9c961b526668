//! Whose signatures credentials are believed by: the appliance's own signers of credentials, in all their generations.

use pki::Certificate;

use crate::app::App;
use crate::ceremony::Role;
use crate::problem::Result;

/// Their certificates, revoked ones left out.
///
/// # Errors
/// A problem when the store does not answer.
pub(super) async fn known(app: &App) -> Result<Vec<Certificate>> {
    let mut known = Vec::new();
    for certificate in app.certificates_of(Role::CredentialSigner) {
        let fingerprint = hex::encode(certificate.sha256_fingerprint());
        let found = app.db.fetch_optional(STATE, &[fingerprint.into()]).await?;
        let revoked = found.map(|found| found.text("state").map(|state| state == "revoked")).transpose()?;
        if revoked != Some(true) {
            known.push(certificate);
        }
    }
    Ok(known)
}

const STATE: &str = "SELECT state FROM certificates WHERE id = $1";
