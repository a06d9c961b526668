//! The published catalogue: what licence types there are, signed as a whole, for other platforms and for anyone.
//!
//! Seals, query rules and templates are the house's own and are left out; fields, names, codes and operations are in
//! (GB/T 36902). Built when it is asked for first and kept until the catalogue changes or a day has passed; a node that is
//! sealed serves what it built before.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use licence::catalogue::TypeDefinition;
use licence::credential::signed::{self, DocumentError};
use serde_json::{Map, Value, json};

use super::model::TypeState;
use super::records::{self, int, text};
use super::{CatalogueError, checks};
use crate::app::App;
use crate::licences::signers;
use crate::problem::Problem;
use crate::store::Row;
use crate::store::tables::ORGANISATIONS;

/// The catalogue as it is published.
#[derive(Debug)]
pub struct Signed {
    /// Compact JWS of type [`TYPE`].
    pub text: String,
    /// Its members, unsigned, as JSON.
    pub json: String,
    /// Names this edition.
    pub etag: String,
    /// When it was built, Unix seconds.
    pub built: i64,
}

/// What this node built last.
#[derive(Debug, Default)]
pub struct Edition {
    last: RwLock<Option<(u64, Arc<Signed>)>>,
    building: tokio::sync::Mutex<()>,
}

impl Edition {
    fn last(&self) -> Option<(u64, Arc<Signed>)> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The signed catalogue.
///
/// # Errors
/// A problem: sealed, no key to sign publications with, the store failed.
pub async fn catalogue(app: &App) -> Result<Arc<Signed>, Problem> {
    let edition = &app.licences.edition;
    let fresh = |epoch: u64| {
        let (built, last) = edition.last()?;
        (built == epoch && Timestamp::now().as_second() - last.built < DAY).then_some(last)
    };
    if let Some(last) = fresh(app.licences.types.epoch()) {
        return Ok(last);
    }
    let _one = edition.building.lock().await;
    let epoch = app.licences.types.epoch();
    if let Some(last) = fresh(epoch) {
        return Ok(last);
    }
    match build(app).await {
        Ok(built) => {
            let built = Arc::new(built);
            *edition.last.write().unwrap_or_else(PoisonError::into_inner) = Some((epoch, built.clone()));
            Ok(built)
        }
        // Sealed: what was true when it was built still carries its time.
        Err(problem) => match edition.last().filter(|_| app.unsealed().is_err()) {
            Some((_, last)) => Ok(last),
            None => Err(problem),
        },
    }
}

async fn build(app: &App) -> Result<Signed, Problem> {
    let signer = signers::publisher(app)?;
    let mut types = Vec::new();
    let mut after = String::new();
    loop {
        let rows = records::list(&app.db, &records::Filter::default(), &after, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = last.id().to_owned();
        for row in &rows {
            types.extend(entry(app, row).await?);
        }
    }
    let now = app.unsealed()?.journal.clock().now();
    let now = now.map_err(crate::journal::CommitError::ClockUntrusted)?.div_euclid(1_000_000);
    let mut members = Map::new();
    members.insert("publisher".to_owned(), json!(app.config.appliance.organisation));
    members.insert("types".to_owned(), Value::Array(types));
    let json = Value::Object(members.clone()).to_string();
    let text = signer.with(move |issuer| signed::sign(&members, TYPE, now, Some(now + HELD), issuer)).await?;
    let text = text.map_err(|error: DocumentError| Problem::internal(error))?;
    let etag = crate::documents::replay::digest(&[json.as_bytes(), &now.to_be_bytes()]);
    let etag = format!("\"{}\"", etag.get(..32).unwrap_or_default());
    Ok(Signed { text, json, etag, built: now })
}

/// What the catalogue says of a type: of one that is retired its last version, so that its licences can still be read.
async fn entry(app: &App, row: &Row) -> Result<Option<Value>, Problem> {
    let state = TypeState::of(row);
    let Some(number) = int(row, "published").filter(|_| state != TypeState::Draft) else { return Ok(None) };
    let version = records::version(&app.db, row.id(), number).await?;
    let version = version
        .ok_or_else(|| Problem::from(CatalogueError::NoVersion { code: row.id().to_owned(), number }))?;
    let compiled = checks::compiled(&version)?;
    let definition = compiled.definition();
    let mut issuers = Vec::new();
    for issuer in &definition.issuers {
        if let Some(row) = app.db.row(&ORGANISATIONS, issuer).await? {
            issuers.push(text(&row, "name").to_owned());
        }
    }
    let published = int(&version, "decided").and_then(|time| Timestamp::from_microsecond(time).ok());
    Ok(Some(told(definition, &compiled.vct(), state, number, text(&version, "digest"), published, &issuers)))
}

fn told(
    definition: &TypeDefinition,
    vct: &str,
    state: TypeState,
    number: i64,
    digest: &str,
    published: Option<Timestamp>,
    issuers: &[String],
) -> Value {
    json!({
        "code": definition.code,
        "name": definition.name,
        "defining_body": definition.defining_body,
        "item": definition.item,
        "holder": definition.holder,
        "issuing_level": definition.issuing_level,
        "validity": definition.validity,
        "schema": definition.schema,
        "holder_fields": definition.holder_fields,
        "number_field": definition.number_field,
        "operations": definition.operations,
        "vct": vct,
        "issuers": issuers,
        "version": number,
        "state": state,
        "digest": digest,
        "published": published,
    })
}

/// `typ` of the document.
pub const TYPE: &str = "cinnabar-catalogue+jwt";
/// After how long an edition is signed anew, seconds.
const DAY: i64 = 86_400;
/// For how long an edition holds, seconds: who cannot reach us for a week asks anew.
const HELD: i64 = 7 * DAY;
/// Types read at once.
const PAGE: u32 = 100;
