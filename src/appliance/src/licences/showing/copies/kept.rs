//! Copies that were made: what there are, their metadata, and their files once more.
//!
//! A file is fetched again by the registration that had it made, by officers of its organisation, and by officers of the
//! organisation that issued the licence. Each look is an entry before anything leaves, and none leaves of a licence that was
//! erased meanwhile. A copy whose time is over is told as such and not given out again.

use licence::catalogue::MetadataFacts;
use serde_json::{Value as Json, json};

use super::super::model::LicenceCopyLine;
use super::super::{bounds, parts};
use super::{Made, day};
use crate::app::App;
use crate::identity::{Caller, CallerKind};
use crate::journal::{CommitError, Committed, Unit};
use crate::licences::catalogue;
use crate::licences::library::sealing::{self, Sealing};
use crate::licences::library::{self, Licence, keys::kinds, records};
use crate::policy::{Action, AnnotateLicence, Permit, ReadLicenceCopies};
use crate::problem::{Kind, Problem, Result};
use crate::store::tables::{LICENCE_COPIES, LICENCES};
use crate::store::{Row, StoreError};

/// The copies of a licence that the caller may fetch, the newest first, of those with a number below `before`; one more than
/// `limit`, and the leaf that records the look.
///
/// # Errors
/// A problem.
pub async fn list(
    app: &App,
    permit: &Permit<ReadLicenceCopies>,
    licence: &Licence,
    before: i64,
    limit: u32,
) -> Result<(Vec<LicenceCopyLine>, u64)> {
    library::intact(app, licence).await?;
    let now = parts::now(&*app.unsealed()?)?;
    let caller = permit.caller();
    let (every, own) = (sees_every(caller, licence), sees_own(caller));
    let sql = "SELECT id, version, licence, identifier, number, artefact, sha256, words, seal, query, caller, organisation, \
               made, until, leaf FROM licence_copies WHERE licence = $1 AND number < $2 \
               AND ($3 = 1 OR caller = $4 OR ($5 = 1 AND organisation = $6)) ORDER BY number DESC LIMIT $7";
    let parameters = [
        licence.id().into(),
        before.into(),
        i64::from(every).into(),
        caller.id.as_str().into(),
        i64::from(own).into(),
        caller.organisation.as_str().into(),
        i64::from(limit + 1).into(),
    ];
    let records = app.db.fetch_all(sql, &parameters).await?;
    let rows: std::result::Result<Vec<Row>, _> =
        records.iter().map(|record| record.to_row(&LICENCE_COPIES)).collect();
    let lines: Vec<_> = rows?.iter().map(|row| line(row, now)).collect();
    let facts = json!({ "licence": licence.id(), "listed": lines.len() });
    let committed = entered(app, permit, licence, facts).await?;
    Ok((lines, committed.leaf))
}

fn line(row: &Row, now: i64) -> LicenceCopyLine {
    let text = |column: &str| records::text(row, column).to_owned();
    let until = records::int(row, "until").unwrap_or_default();
    LicenceCopyLine {
        number: records::int(row, "number").unwrap_or_default(),
        identifier: text("identifier"),
        organisation: text("organisation"),
        caller: text("caller"),
        query: row.value("query").as_text().map(ToOwned::to_owned),
        sha256: text("sha256"),
        made: parts::moment(records::int(row, "made").unwrap_or_default()),
        until: parts::moment(until),
        over: until <= now,
        url: format!(
            "/v1/licences/{}/annotated-copies/{}/document",
            text("licence"),
            records::int(row, "number").unwrap_or_default()
        ),
    }
}

/// The copy with this number, if there is one that the caller may fetch.
///
/// # Errors
/// A problem: `not-found` for one that is another's, too.
pub async fn own(app: &App, caller: &Caller, licence: &Licence, number: i64) -> Result<Row> {
    let row = copy(app, licence.id(), number).await?;
    let may = |row: &Row| {
        records::text(row, "caller") == caller.id
            || sees_every(caller, licence)
            || (sees_own(caller) && records::text(row, "organisation") == caller.organisation)
    };
    row.filter(may).ok_or_else(|| Problem::new(Kind::NotFound, "There is no such copy of yours."))
}

/// Officers of who issued the licence.
fn sees_every(caller: &Caller, licence: &Licence) -> bool {
    sees_own(caller) && licence.organisation() == caller.organisation
}

/// Persons see what their organisation had made; machines what they had made themselves.
fn sees_own(caller: &Caller) -> bool {
    caller.kind == CallerKind::Officer
}

/// The file of a copy once more, durable before it leaves.
///
/// # Errors
/// A problem: `licence-copy-over` where its time is over, `erased`.
pub async fn fetch<A: Action>(app: &App, permit: &Permit<A>, row: Row) -> Result<Made> {
    let licence = library::found(app, records::text(&row, "licence")).await?;
    library::intact(app, &licence).await?;
    let until = records::int(&row, "until").unwrap_or_default();
    if until <= parts::now(&*app.unsealed()?)? {
        let end = parts::moment(until);
        let detail = format!("The copy served until {end}; have a new one made.");
        let zh = format!("该加注件已于 {end} 失效，请重新制作");
        return Err(Problem::new(Kind::LicenceCopyOver, detail).with("until", end).with("zh", zh));
    }
    let number = records::int(&row, "number").unwrap_or_default();
    let kind = format!("annotated-{number}");
    let artefact = library::document(app, &licence, records::text(&row, "identifier"), &kind).await?;
    let facts = json!({
        "licence": licence.id(),
        "identifier": records::text(&row, "identifier"),
        "copy": number,
        "document": artefact.sha256,
        "fetched": true,
    });
    let committed = entered(app, permit, &licence, facts).await?;
    Ok(Made { row, artefact, committed })
}

/// Enters a look at a licence that is as it was when it was read.
async fn entered<A: Action>(
    app: &App,
    permit: &Permit<A>,
    licence: &Licence,
    facts: Json,
) -> Result<Committed> {
    let unit = Unit::new(permit.act()).facts(facts).guard(&LICENCES, licence.id(), licence.version());
    match app.unsealed()?.journal.commit(unit).await {
        Err(CommitError::Conflict { .. }) => {
            let detail = "Something was done to the licence at the same time; ask again.";
            Err(Problem::new(Kind::Conflict, detail).with("zh", "证照同时被他人办理，请重新读取"))
        }
        committed => Ok(committed?),
    }
}

/// The row of a licence's copy.
///
/// # Errors
/// [`StoreError`].
pub async fn copy(app: &App, licence: &str, number: i64) -> std::result::Result<Option<Row>, StoreError> {
    app.db.row(&LICENCE_COPIES, &format!("{licence}:{number}")).await
}

/// The metadata of a copy (GB/T 36903): JZJZZSJ when it was made, JZJZZZ by whom, JZJZZSY what for, JZJYXQJZSJ until when; and
/// those of the licence that everybody may see. Reading it is an entry.
///
/// # Errors
/// A problem.
pub async fn metadata(
    app: &App,
    permit: &Permit<AnnotateLicence>,
    licence: &Licence,
    row: &Row,
) -> Result<Json> {
    library::intact(app, licence).await?;
    let unsealed = app.unsealed()?;
    let now = parts::now(&unsealed)?;
    let own = records::text(row, "organisation") == permit.caller().organisation;
    if !own && licence.organisation() != permit.caller().organisation {
        return Err(Problem::new(Kind::NotFound, "There is no such copy of yours."));
    }
    let version = library::version(app, licence, records::text(row, "identifier")).await?;
    let kind = catalogue::at(app, licence.type_code(), version.type_number()).await?;
    let key = library::data_key(&unsealed, licence)?;
    let sealed = row.value("words").as_bytes().unwrap_or_default();
    let words: Json = serde_json::from_slice(&key.open(row.id(), kinds::WORDS, sealed)?).unwrap_or_default();
    let text = |name: &str| words.get(name).and_then(Json::as_str).unwrap_or_default();
    let issuer = crate::callers::records::organisation(&app.db, licence.organisation()).await?;
    let issuer = issuer.map(|row| records::text(&row, "name").to_owned()).unwrap_or_default();
    let maker = crate::callers::records::organisation(&app.db, records::text(row, "organisation")).await?;
    let maker = maker.map(|row| records::text(&row, "name").to_owned()).unwrap_or_default();
    let days = |micros: i64| day(micros).to_string();
    let (made, until) =
        (records::int(row, "made").unwrap_or_default(), records::int(row, "until").unwrap_or_default());
    let valid_to = licence.valid_to().map(|end| days(end.saturating_mul(bounds::SECOND)));
    // The copy's own seal, not the licence's.
    let sealing = sealing::of_seal(&app.db, records::text(row, "seal"), made).await?;
    let facts = MetadataFacts {
        identifier: version.identifier(),
        number: None,
        issuer: &issuer,
        issuer_code: licence.issuer(),
        issued: &days(records::int(&version.row, "issued").unwrap_or_default()),
        valid_from: &days(licence.valid_from().saturating_mul(bounds::SECOND)),
        valid_to: valid_to.as_deref(),
        sealed: sealing.as_ref().map(Sealing::facts),
        annotated: Some((&parts::moment(made), &maker, text("purpose"), &parts::moment(until))),
    };
    let metadata = kind.compiled.metadata(&facts, &version.open_fields());
    let facts = json!({ "licence": licence.id(), "copy": row.value("number").as_int() });
    entered(app, permit, licence, facts).await?;
    Ok(json!({
        "number": row.value("number").as_int(),
        "recipient": text("recipient"),
        "over": until <= now,
        "sha256": records::text(row, "sha256"),
        "metadata": metadata,
    }))
}
