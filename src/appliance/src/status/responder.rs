//! Who answers OCSP for which authority: the delegated signer of the hierarchy, read anew when certificates change.

use std::sync::Arc;

use crypto::Signer;
use pki::Certificate;
use pki::ocsp::{CertId, IssuerId, Responder};

use crate::app::App;
use crate::ceremony::CustodyKind;

/// A responder and its key.
pub struct Signing {
    /// Its certificate.
    pub responder: Responder,
    /// Its key.
    pub signer: Arc<dyn Signer>,
    /// Whether the key signs in this process; a device makes its callers wait.
    pub at_hand: bool,
}

/// One authority as the responder knows it.
pub struct Desk {
    /// Its label.
    pub label: Arc<str>,
    /// Its name and key as questions have them.
    pub id: IssuerId,
    /// Since when it issues: status is kept from then on (archive cut-off, RFC 6960 §4.4.4).
    pub since: i64,
    /// Who signs: absent where the authority has delegated nobody, and while sealed.
    pub signer: Option<Signing>,
    /// Somebody is delegated, but certificate or key could not be used: a device that holds it may be away.
    pub short: bool,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Desk {
    /// Whether the authority issued what is asked about.
    #[must_use]
    pub fn issued(&self, id: &CertId) -> bool {
        self.id.issued(id)
    }
}

/// Every authority, with its responder where that can sign now. Waits for devices that hold keys.
#[must_use]
pub fn desks(app: &App) -> Vec<Arc<Desk>> {
    let authorities = app.authorities().unwrap_or_else(|error| {
        tracing::error!(%error, "no OCSP: an authority cannot be read");
        Vec::new()
    });
    let desk = |authority: crate::app::Authority| {
        let signer = responder_for(app, &authority.label, &authority.certificate);
        let short = signer.is_err();
        let signer = signer.unwrap_or_else(|fault| {
            tracing::error!(authority = authority.label, fault, "no OCSP for this authority");
            None
        });
        Arc::new(Desk {
            id: IssuerId::of(&authority.certificate),
            since: authority.certificate.not_before(),
            label: authority.label.into(),
            signer,
            short,
        })
    };
    authorities.into_iter().map(desk).collect()
}

/// The delegated responder of an authority and its key. `None` while sealed, or where the hierarchy names none: then
/// the authority's lists are all there is (the root's key signs no answers).
///
/// # Errors
/// A sentence: the certificate or the key cannot be used, or the one does not belong to the other.
pub fn responder_for(app: &App, issuer: &str, certificate: &Certificate) -> Result<Option<Signing>, String> {
    let Ok(unsealed) = app.unsealed() else { return Ok(None) };
    let Some(own) = app.responder_of(issuer) else { return Ok(None) };
    let signer = unsealed.custody.signer(&own.label).map_err(|error| error.to_string())?;
    if own.certificate.spki() != signer.public_key() {
        return Err(format!("the certificate of `{}` is for another key", own.label));
    }
    let responder = Responder::new(own.certificate, certificate).map_err(|error| error.to_string())?;
    let slot = app.slot_of(&own.label);
    let at_hand = app.hierarchy.key(&slot).is_none_or(|key| key.custody == CustodyKind::File);
    Ok(Some(Signing { responder, signer, at_hand }))
}
