//! What a holder carries: the SD-JWT credential (RFC 9901) and the offline QR symbol (CWT in COSE, decision 29).
//!
//! Fields without a tag stand openly in the credential, the others are disclosed one by one. The identifiers of licence, type
//! and issuer, the validity and the status entry are never selective. The QR symbol has the essential fields alone.

use std::sync::Arc;

use licence::catalogue::Holder;
use licence::credential::qr::{self, Essential};
use licence::credential::{Jwk, StatusReference, sd_jwt};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value, json};

use super::IssueError;
use super::version::Parts;
use crate::app::App;
use crate::licences::library::LibraryError;
use crate::licences::{signers, status};

/// What the credentials are of.
pub(super) struct Subject<'a> {
    /// The version.
    pub parts: &'a Parts<'a>,
    /// Its holder.
    pub holder: &'a Holder,
}

/// The credentials of a version.
#[derive(Debug)]
pub(super) struct Credentials {
    /// SD-JWT with all disclosures.
    pub sd_jwt: Option<String>,
    /// Text of the QR symbol.
    pub qr: Option<String>,
}

/// Signs both.
///
/// # Errors
/// [`IssueError::Credential`]: a field that does not fit, or the holder's key is none.
pub(super) async fn make(app: &Arc<App>, subject: &Subject<'_>) -> Result<Credentials, IssueError> {
    let Subject { parts, holder } = subject;
    let signer = signers::credential(app)?;
    let compiled = &parts.kind.compiled;
    let definition = compiled.definition();
    let issued_at = parts.now.div_euclid(1_000_000);
    let (from, to) = parts.validity;
    let reference = parts.status.map(|(list, index)| StatusReference {
        uri: status::uri(app, list),
        index: u32::try_from(index).unwrap_or_default(),
    });
    let mut claims: Map<String, Value> =
        parts.fields.iter().map(|(name, value)| (claim(name), value.clone())).collect();
    let said = json!({
        "identifier": parts.identifier.with_oid(),
        "type": definition.code,
        "name": definition.name.zh,
        "name_en": definition.name.en,
        "issuing_body": parts.issuer.name,
        "issuing_body_code": parts.issuer.code,
    });
    claims.insert(LICENCE.to_owned(), said);
    let present = |name: &&str| parts.fields.contains_key(*name);
    let selective: Vec<String> = compiled.selective().into_iter().filter(present).map(claim).collect();
    let holder_key = parts
        .holder_key
        .map(Jwk::parse)
        .transpose()
        .map_err(|error| IssueError::Parameter { parameter: "holder_key", reason: error.to_string() })?;
    let fields = compiled.qr(parts.fields);
    let titled = |(name, value): (&String, &Value)| {
        let title = compiled.field(name).map_or_else(|| name.clone(), |field| field.title.zh.clone());
        (title, shown(value))
    };
    let essential = Essential {
        identifier: parts.identifier.clone(),
        type_name: definition.name.zh.clone(),
        holder: holder.name.clone(),
        issuing_body: parts.issuer.name.clone(),
        fields: fields.iter().map(titled).collect(),
        valid_from: from,
        valid_to: to,
        issued_at,
        status: reference.clone(),
    };
    let vct = compiled.vct();
    let signed = signer.with(move |issuer| {
        let selective: Vec<&str> = selective.iter().map(String::as_str).collect();
        let wish = sd_jwt::Issue {
            vct: &vct,
            claims: &claims,
            selective: &selective,
            issued_at,
            not_before: Some(from),
            // RFC 7519 §4.1.4: from `exp` on it is not to be accepted, and a licence holds to the end of its last second.
            expires: to.map(|last| last.saturating_add(1)),
            status: reference.as_ref(),
            holder_key: holder_key.as_ref(),
        };
        let (random, mut exhausted) = (SystemRandom::new(), false);
        let mut salts = || {
            let mut salt = [0_u8; 16];
            exhausted |= random.fill(&mut salt).is_err();
            salt
        };
        let failed = |error: &dyn std::fmt::Display| IssueError::Credential(error.to_string());
        let sd_jwt = sd_jwt::issue(&wish, issuer, &mut salts).map_err(|error| failed(&error))?;
        if exhausted {
            return Err(LibraryError::Random.into());
        }
        let qr = qr::encode(&essential, issuer).map_err(|error| failed(&error))?;
        Ok(Credentials { sd_jwt: Some(sd_jwt), qr: Some(qr) })
    });
    signed.await?
}

/// A value as a text.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(entries) => entries.iter().map(shown).collect::<Vec<_>>().join("；"),
        other => other.to_string(),
    }
}

/// The claim of a field: its name, unless that means something else in a credential (RFC 7519 §4.1, RFC 9901).
fn claim(field: &str) -> String {
    const TAKEN: [&str; 14] = [
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "vct", "status", "_sd", "_sd_alg", "...",
        LICENCE,
    ];
    if TAKEN.contains(&field) { format!("field_{field}") } else { field.to_owned() }
}

/// The claim with what the licence is.
const LICENCE: &str = "licence";
