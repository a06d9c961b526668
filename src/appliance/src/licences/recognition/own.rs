//! What this platform says of itself, and its hand for signing publications.

use std::sync::Arc;

use crypto::Suite;
use licence::credential::Issuer;
use licence::credential::signed;
use licence::trust_list::{ENTRY, Entry, Scope};
use pki::Certificate;

use super::error::RecognitionError;
use crate::app::App;
use crate::ceremony::Role;
use crate::licences::signers;

/// The publisher of this platform, with the authorities above it.
pub(super) fn publisher(app: &App) -> Result<Issuer, RecognitionError> {
    let lacks = |reason: &str| RecognitionError::Publisher(reason.to_owned());
    let unsealed = app.unsealed()?;
    let key = signers::in_use(app, Role::Publisher, jiff::Timestamp::now().as_second()).map(|(key, _)| key);
    let key = key.ok_or_else(|| lacks("the key hierarchy has no key with role `publisher`; add one"))?;
    let signer = unsealed.custody.signer(&key.label).map_err(|error| lacks(&error.to_string()))?;
    let mut chain = vec![key.certificate.clone()];
    let authorities = authorities(app)?;
    while let Some(above) = chain.last().and_then(|last| issuer_of(last, &authorities)) {
        if above.is_self_issued() || chain.len() > 4 {
            break;
        }
        chain.push(above.clone());
    }
    Issuer::new(signer, chain).map_err(|error| lacks(&error.to_string()))
}

/// The URI that this platform's publisher goes by; known while sealed, too.
pub(super) fn name(app: &App) -> Option<String> {
    let key = app.signer(Role::Publisher, &Suite::INTERNATIONAL)?;
    key.certificate.uri_sans().next().map(ToOwned::to_owned)
}

fn issuer_of<'a>(certificate: &Certificate, authorities: &'a [Certificate]) -> Option<&'a Certificate> {
    authorities
        .iter()
        .find(|one| one.subject() == certificate.issuer() && certificate.verify_signature(one.spki()).is_ok())
}

/// Certificates of this platform's authorities.
pub(super) fn authorities(app: &App) -> Result<Vec<Certificate>, RecognitionError> {
    Ok(app.authorities()?.into_iter().map(|authority| authority.certificate).collect())
}

/// This platform's entry.
pub(super) async fn entry(app: &App) -> Result<Entry, RecognitionError> {
    let id = app.config.recognition.region.clone().ok_or(RecognitionError::NoRegion)?;
    let claims = claims(app)?;
    let records =
        app.db.fetch_all("SELECT id FROM licence_types WHERE state = 'published' ORDER BY id", &[]).await?;
    let types = records.iter().map(|record| record.text("id").map(ToOwned::to_owned));
    let public = app.config.appliance.public_url.trim_end_matches('/');
    let entry = Entry {
        id,
        scope: Scope { types: types.collect::<Result<_, _>>()?, ..claims.scope },
        // Of all generations: what a former signer issued holds on, here and elsewhere, and who comes next is known beforehand.
        credentials: newest(claims.credentials),
        publishers: newest(claims.publishers),
        catalogue: Some(format!("{public}/licences/catalogue")),
        verification: app.config.listeners.portal.as_ref().map(|portal| portal.url.clone()),
        ..claims
    };
    // Written and read again, so that nothing is published that nobody could read.
    Ok(Entry::read(&entry.members(), "")?)
}

/// The newest of them, as many as an entry holds.
fn newest(mut certificates: Vec<Certificate>) -> Vec<Certificate> {
    certificates.sort_by_key(|certificate| std::cmp::Reverse(certificate.not_before()));
    certificates.truncate(CERTIFICATES);
    certificates
}

/// What is this platform's own, for holding other regions' entries against it; not for publication. Certificates are those of
/// all generations.
pub(super) fn claims(app: &App) -> Result<Entry, RecognitionError> {
    let config = &app.config.recognition;
    let (roots, authorities): (Vec<_>, Vec<_>) =
        authorities(app)?.into_iter().partition(Certificate::is_self_issued);
    let public = app.config.appliance.public_url.trim_end_matches('/');
    Ok(Entry {
        // No region's code has a space.
        id: config.region.clone().unwrap_or_else(|| "this platform".to_owned()),
        zh: config.name.clone(),
        en: config.name_en.clone(),
        scope: Scope { divisions: config.divisions.clone(), types: Vec::new() },
        roots,
        authorities,
        seal_makers: app.seal_makers(),
        credentials: signers::known(app, Role::CredentialSigner),
        publishers: signers::known(app, Role::Publisher),
        catalogue: None,
        status_lists: vec![format!("{public}/licences/status/")],
        verification: None,
    })
}

/// This platform's entry, signed, good for a week.
pub(super) async fn signed_entry(app: &Arc<App>, now: i64) -> Result<String, RecognitionError> {
    let entry = entry(app).await?;
    let publisher = publisher(app)?;
    Ok(signed::sign(&entry.members(), ENTRY, now, Some(now + WEEK), &publisher)?)
}

const WEEK: i64 = 7 * 86_400;
/// Certificates of one kind that an entry holds.
const CERTIFICATES: usize = 32;
