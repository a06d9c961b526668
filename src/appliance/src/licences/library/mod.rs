//! Licences at rest: their keys, encrypted fields and artefacts, the index by holder, reading and listing.
//!
//! Anyone who may act on a licence begins here: [`find`] by identifier or id, [`open_fields`] for what is encrypted of it,
//! [`document`] for what was made of it. None of these asks a policy or enters anything: whoever reads what is personal does so
//! with a permit, and commits the entry before the first octet leaves (decision 10; `reading` makes it).

pub mod ending;
pub mod erased;
mod error;
pub mod holder;
mod http;
pub mod keys;
pub mod model;
pub mod records;
pub mod rotate;
pub mod sealing;

use std::sync::Arc;

use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use zeroize::Zeroizing;

pub use erased::intact;
pub use error::LibraryError;
pub use keys::{DataKey, Wrapped};
pub use records::{Licence, Version};

use crate::app::{App, Unsealed};
use keys::kinds;
use records::text;

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    http::routes()
}

/// The holder of a licence, as kept encrypted with its fields.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HolderData {
    /// Name.
    pub name: String,
    /// Kind of the number (GB/T 36903): 001 credit code, 111 citizen ID, …
    pub kind: String,
    /// The number.
    pub number: String,
}

impl std::fmt::Debug for HolderData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HolderData(…)")
    }
}

/// Everything that a version keeps encrypted.
#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Content {
    /// All fields, open ones too.
    pub fields: Map<String, Value>,
    /// The holder.
    pub holder: HolderData,
    /// Others by whom it is found: role, number.
    #[serde(default)]
    pub others: Vec<(String, String)>,
    /// The holder's key (JWK) that the credential is bound to, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_key: Option<Value>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({} fields)", self.fields.len())
    }
}

/// What was made of a version, decrypted.
#[derive(Clone)]
pub struct Artefact {
    /// `original`, `duplicate`, `overprint`, `credential`, `qr`.
    pub kind: String,
    /// Media type.
    pub media_type: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// The octets.
    pub octets: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Artefact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Artefact({}, {} octets)", self.kind, self.octets.len())
    }
}

/// The licence that a name means: its id `TYPE.ISSUER.SERIAL`, or the identifier (GB/T 36904) of any of its versions, with or
/// without the OID, in either case of letters. Whether the check character is right is not asked: an imported licence keeps
/// the one it came with.
///
/// # Errors
/// [`LibraryError::Store`].
pub async fn find(app: &App, name: &str) -> Result<Option<Licence>, LibraryError> {
    let Some(id) = licence_id(name) else { return Ok(None) };
    Ok(records::licence(&app.db, &id).await?)
}

/// As [`find`], or the problem that there is none.
///
/// # Errors
/// [`LibraryError`].
pub async fn found(app: &App, name: &str) -> Result<Licence, LibraryError> {
    let unknown = || LibraryError::Unknown { what: "licence", id: name.chars().take(120).collect() };
    find(app, name).await?.ok_or_else(unknown)
}

/// The version that a name means: the one an identifier names, or the present one of a licence id.
///
/// # Errors
/// [`LibraryError`].
pub async fn version(app: &App, licence: &Licence, name: &str) -> Result<Version, LibraryError> {
    let name = plain(name);
    let identifier = if name.split('.').count() == 5 { name.as_str() } else { licence.identifier() };
    let version = records::version(&app.db, identifier).await?;
    version.ok_or_else(|| LibraryError::Unknown { what: "version of a licence", id: identifier.to_owned() })
}

/// `TYPE.ISSUER.SERIAL` of an identifier or an id; `None` for what is neither.
#[must_use]
pub fn licence_id(name: &str) -> Option<String> {
    let name = plain(name);
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [kind, issuer, serial] | [kind, issuer, serial, _, _] | [kind, issuer, serial, _] => {
            Some(format!("{kind}.{issuer}.{serial}"))
        }
        _ => None,
    }
}

/// An identifier as rows have it: without the OID, in capitals.
fn plain(name: &str) -> String {
    let name = name.trim();
    let name = name.strip_prefix(OID).unwrap_or(name);
    name.chars().take(MOST).flat_map(char::to_uppercase).collect()
}

/// The data key of a licence.
///
/// # Errors
/// [`LibraryError`].
pub fn data_key(unsealed: &Unsealed, licence: &Licence) -> Result<DataKey, LibraryError> {
    let key = licence.row.value("data_key").as_bytes().unwrap_or_default();
    DataKey::unwrap(unsealed.custody.as_ref(), licence.id(), key, licence.text("wrapped_by"))
}

/// Everything that the present version of a licence keeps encrypted.
///
/// # Errors
/// [`LibraryError`].
pub async fn content(app: &App, licence: &Licence) -> Result<Content, LibraryError> {
    let version = version(app, licence, licence.identifier()).await?;
    content_of(app, licence, &version)
}

/// Everything that a version of a licence keeps encrypted.
///
/// # Errors
/// [`LibraryError`].
pub fn content_of(app: &App, licence: &Licence, version: &Version) -> Result<Content, LibraryError> {
    let unsealed = keys::opened(app)?;
    let key = data_key(&unsealed, licence)?;
    opened_content(&key, version)
}

/// As [`content_of`], with the key at hand.
///
/// # Errors
/// [`LibraryError`].
pub fn opened_content(key: &DataKey, version: &Version) -> Result<Content, LibraryError> {
    let sealed = version.row.value("sealed").as_bytes().unwrap_or_default();
    let octets = key.open(version.identifier(), kinds::FIELDS, sealed)?;
    serde_json::from_slice(&octets).map_err(|error| LibraryError::Damaged {
        id: version.identifier().to_owned(),
        fault: error.to_string(),
    })
}

/// All fields of the present version of a licence.
///
/// # Errors
/// [`LibraryError`].
pub async fn open_fields(app: &App, licence: &Licence) -> Result<Map<String, Value>, LibraryError> {
    Ok(content(app, licence).await?.fields)
}

/// What was made of a version of a licence, of a kind: `original`, `duplicate`, `overprint`, `credential`, `qr`.
///
/// # Errors
/// [`LibraryError::Unknown`] where nothing of that kind was made.
pub async fn document(
    app: &App,
    licence: &Licence,
    identifier: &str,
    kind: &str,
) -> Result<Artefact, LibraryError> {
    let unsealed = keys::opened(app)?;
    let unknown = || LibraryError::Unknown { what: "document", id: format!("{identifier}:{kind}") };
    let row = records::artefact(&app.db, identifier, kind).await?.ok_or_else(unknown)?;
    if text(&row, "licence") != licence.id() {
        return Err(unknown());
    }
    let sealed = row.value("sealed").as_bytes().unwrap_or_default();
    let octets = data_key(&unsealed, licence)?.open(row.id(), kinds::ARTEFACT, sealed)?;
    Ok(Artefact {
        kind: kind.to_owned(),
        media_type: text(&row, "media_type").to_owned(),
        sha256: text(&row, "sha256").to_owned(),
        octets,
    })
}

/// The licence and the version whose sealed document has this SHA-256 (hexadecimal), if one was issued here.
///
/// # Errors
/// [`LibraryError::Store`].
pub async fn by_document(app: &App, sha256: &str) -> Result<Option<(Licence, Version)>, LibraryError> {
    let sql = "SELECT identifier FROM licence_artefacts WHERE sha256 = $1 ORDER BY id LIMIT 1";
    let Some(record) = app.db.fetch_optional(sql, &[sha256.into()]).await? else { return Ok(None) };
    let Some(version) = records::version(&app.db, record.text("identifier")?).await? else { return Ok(None) };
    let licence = records::licence(&app.db, version.licence()).await?;
    Ok(licence.map(|licence| (licence, version)))
}

/// The licences of a person, by id after `after`.
///
/// # Errors
/// [`LibraryError`].
pub async fn of_holder(
    app: &App,
    kind: &str,
    number: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<Licence>, LibraryError> {
    let hashes = holder::hash(app, kind, number).await?;
    Ok(records::by_holder(app, &hashes, after, limit).await?)
}

/// The arc of identifiers of licences (GB/T 36904).
pub const OID: &str = "1.2.156.3005.2.";
/// The longest identifier: 21, 18, 32, 3 and 1 characters with their dots.
const MOST: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_is_found_by_id_and_by_the_identifier_of_any_version() {
        let id = "11100000000013338W032.11220000013544541J.2430599";
        for name in [
            id.to_owned(),
            format!("{id}.001.F"),
            format!("{id}.002"),
            format!(" {OID}{id}.001.F "),
            format!("{id}.001.f").to_lowercase(),
        ] {
            assert_eq!(licence_id(&name).as_deref(), Some(id), "{name}");
        }
        for none in ["", "a", "a.b", "a.b.c.d.e.f"] {
            assert_eq!(licence_id(none), None, "{none}");
        }
    }
}
