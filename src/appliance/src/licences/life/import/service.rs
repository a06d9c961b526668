//! Taking one licence over: one unit of work.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use licence::catalogue::Holder;
use licence::identifier::{Check, Identifier};
use licence::life::{Ground, Operation, State};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

use super::{Import, ImportError, Warning};
use crate::app::{App, Unsealed};
use crate::identity::Caller;
use crate::journal::{Act, CommitError, Committed, Unit, generations};
use crate::licences::catalogue::{self, Published};
use crate::licences::library::holder::{self, HOLDER, Person};
use crate::licences::library::keys::kinds;
use crate::licences::library::records::{artefact_id, text};
use crate::licences::library::{Content, DataKey, HolderData};
use crate::licences::life::LifeError;
use crate::licences::life::events::{Step, event_row};
use crate::problem::Problem;
use crate::store::tables::{
    LICENCE_ARTEFACTS, LICENCE_TYPES, LICENCE_VERSIONS, LICENCES, ORGANISATIONS, SEALS,
};
use crate::store::{Row, StoreError, Value};

/// A licence that was taken over.
#[derive(Debug)]
pub struct Imported {
    /// Its row.
    pub row: Row,
    /// The row of the event.
    pub event: Row,
    /// The place in the log.
    pub committed: Committed,
}

/// Takes a licence over. `more` adds what else belongs to the act, by the rows of licence and event: the row that answers a
/// repeated request, a line of batch work.
///
/// # Errors
/// [`ImportError`].
#[expect(clippy::too_many_arguments, reason = "who, what, and the document that came along")]
pub async fn import(
    app: &Arc<App>,
    unsealed: &Unsealed,
    act: &Act,
    caller: &Caller,
    kind: &Published,
    order: &Import,
    document: Option<&[u8]>,
    more: impl FnOnce(Unit, &Row, &Row) -> Result<Unit, LifeError>,
) -> Result<Imported, ImportError> {
    order.check()?;
    if document.is_some_and(|octets| !octets.starts_with(b"%PDF-")) {
        return Err(ImportError::Document);
    }
    let now = unsealed
        .journal
        .clock()
        .now()
        .map_err(|why| ImportError::Commit(CommitError::ClockUntrusted(why)))?;
    let taken = Taken::of(app, kind, caller, order).await?;
    let id = taken.identifier.licence_id();
    // Told before anything is made; what comes in between is found by the commit.
    if app.db.row(&LICENCES, &id).await?.is_some() {
        return Err(ImportError::Taken(id));
    }
    let key = DataKey::fresh(app)?;
    let rows = taken.rows(app, unsealed, caller, kind, order, document, &key, now).await?;
    let unit =
        Unit::new(act.clone()).facts(rows.facts.clone()).insert(rows.licence.clone()).insert(rows.version);
    let unit = rows.more.into_iter().fold(unit, Unit::insert).insert(rows.event.clone());
    let definition = kind.compiled.definition();
    let unit = unit
        .guard(&LICENCE_TYPES, definition.code.as_str(), kind.version)
        .guard(&ORGANISATIONS, caller.organisation.as_str(), taken.organisation)
        .bump(generations::LICENCES);
    let unit =
        more(unit, &rows.licence, &rows.event).map_err(|error| ImportError::Elsewhere(error.into()))?;
    let committed = unsealed.journal.commit(unit).await.map_err(|error| match error {
        CommitError::Exists { table: "licences" | "licence_versions", .. } => {
            ImportError::Taken(rows.licence.id().to_owned())
        }
        error => ImportError::Commit(error),
    })?;
    Ok(Imported { row: rows.licence, event: rows.event, committed })
}

/// What is taken over, looked at.
pub(super) struct Taken {
    pub(super) identifier: Identifier,
    /// As it stands on the licence, without the OID.
    pub(super) written: String,
    pub(super) fields: Map<String, Json>,
    holder: Holder,
    pub(super) validity: (i64, Option<i64>),
    warnings: Vec<Warning>,
    /// Version of the organisation's row.
    organisation: i64,
}

struct Rows {
    licence: Row,
    version: Row,
    more: Vec<Row>,
    event: Row,
    facts: Json,
}

impl Taken {
    pub(super) async fn of(
        app: &App,
        kind: &Published,
        caller: &Caller,
        order: &Import,
    ) -> Result<Self, ImportError> {
        let definition = kind.compiled.definition();
        let parsed = Identifier::parse(&order.identifier)?;
        let identifier = parsed.identifier;
        if identifier.type_code() != definition.code {
            let found = identifier.type_code().to_owned();
            return Err(ImportError::OtherType { found, expected: definition.code.clone() });
        }
        if !Operation::Import.allowed_by(&definition.operations) {
            return Err(ImportError::NotOfType(definition.code.clone()));
        }
        let refused = || ImportError::NotIssuer {
            code: definition.code.clone(),
            organisation: caller.organisation.clone(),
        };
        let organisation = app.db.row(&ORGANISATIONS, &caller.organisation).await?;
        let organisation = organisation.filter(|row| text(row, "state") == "active").ok_or_else(refused)?;
        if !kind.compiled.issued_by(&caller.organisation) {
            return Err(refused());
        }
        let fields = kind.compiled.tidied(order.fields.clone());
        let mut warnings: Vec<Warning> = Warning::of_check(parsed.check).into_iter().collect();
        if let Err(faults) = kind.compiled.validate(&fields) {
            warnings.extend(faults.into_iter().map(Warning::of_field));
        }
        match issues_as(app, kind, &caller.organisation, identifier.issuer()).await? {
            IssuesAs::Present => {}
            IssuesAs::Former => warnings.push(Warning::of_issuer()),
            IssuesAs::Nobody => return Err(ImportError::ForeignIssuer(identifier.issuer().to_owned())),
        }
        let holder =
            kind.compiled.holder(&fields).filter(|found| !found.number.is_empty()).ok_or_else(|| {
                let named = &definition.holder_fields;
                ImportError::NoHolder { name: named.name.clone(), number: named.number.clone() }
            })?;
        let validity = validity(kind, order, &fields)?;
        let written = match parsed.check {
            Check::Wrong { found, .. } => {
                format!("{}.{:03}.{found}", identifier.licence_id(), identifier.version())
            }
            Check::Right | Check::Absent => identifier.to_string(),
        };
        let organisation = organisation.version();
        Ok(Self { identifier, written, fields, holder, validity, warnings, organisation })
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of the rows, each of its own kind")]
    async fn rows(
        &self,
        app: &App,
        unsealed: &Unsealed,
        caller: &Caller,
        kind: &Published,
        order: &Import,
        document: Option<&[u8]>,
        key: &DataKey,
        now: i64,
    ) -> Result<Rows, ImportError> {
        let id = self.identifier.licence_id();
        let wrapped = key.wrap(app, unsealed, &id).await?;
        let state = order.state.unwrap_or(State::Active);
        let warnings = (!self.warnings.is_empty()).then(|| json!(self.warnings).to_string());
        let licence = Row::new(&LICENCES, vec![Value::Null; LICENCES.columns.len()])
            .with("id", id.as_str())
            .with("version", 1)
            .with("type", self.identifier.type_code())
            .with("type_number", kind.number)
            .with("organisation", caller.organisation.as_str())
            .with("issuer", self.identifier.issuer())
            .with("number", i64::from(self.identifier.version()))
            .with("identifier", self.written.as_str())
            .with("holder_kind", self.holder.kind.as_str())
            .with("state", state.as_str())
            .with("ground", order.ground.map(Ground::as_str))
            .with("valid_from", self.validity.0)
            .with("valid_to", self.validity.1)
            .with("imported", 1)
            .with("warnings", warnings)
            .with("data_key", wrapped.key)
            .with("wrapped_by", wrapped.by)
            .with("issued", now)
            .with("updated", now)
            .with("checked_to", order.checked_to.and_then(last_second));
        let sha256 = document.map(|octets| hex::encode(digest(&SHA256, octets)));
        let version = self.version(app, unsealed, caller, kind, order, sha256.as_deref(), key, now).await?;
        let mut more = holder::rows(app, unsealed, &id, &self.persons()).await?;
        if let Some((octets, sha256)) = document.zip(sha256.as_deref()) {
            more.push(self.artefact(&id, octets, sha256, key, now)?);
        }
        let words = order.source.as_ref().map(|source| json!({ "source": source }));
        let step = Step {
            licence: &id,
            identifier: &self.written,
            operation: Operation::Import,
            before: None,
            after: state,
            ground: order.ground,
            basis: order.basis.as_deref(),
            item: order.item.as_deref(),
            case_number: order.case_number.as_deref(),
            words: words.as_ref(),
            caller: &caller.id,
            time: now,
        };
        let event = event_row(&step, key)?;
        let codes: Vec<_> = self.warnings.iter().map(|warning| warning.code.as_str()).collect();
        let facts = json!({
            "licence": id,
            "identifier": self.written,
            "type": self.identifier.type_code(),
            "type_number": kind.number,
            "organisation": caller.organisation,
            "operation": Operation::Import.as_str(),
            "state": state.as_str(),
            "document": sha256,
            "warnings": codes,
            "event": event.id(),
        });
        Ok(Rows { licence, version, more, event, facts })
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one row, each of its own kind")]
    async fn version(
        &self,
        app: &App,
        unsealed: &Unsealed,
        caller: &Caller,
        kind: &Published,
        order: &Import,
        sha256: Option<&str>,
        key: &DataKey,
        now: i64,
    ) -> Result<Row, ImportError> {
        let id = self.identifier.licence_id();
        let known = kind.compiled.known(&self.fields);
        let known: Vec<_> = known.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
        let (known, known_by) = holder::known_column(app, unsealed, &id, &known).await?;
        let content = Content {
            fields: self.fields.clone(),
            holder: HolderData {
                name: self.holder.name.clone(),
                kind: self.holder.kind.clone(),
                number: self.holder.number.clone(),
            },
            others: self.holder.others.clone(),
            holder_key: None,
        };
        let plain = Zeroizing::new(
            serde_json::to_vec(&content).map_err(|error| ImportError::Elsewhere(Problem::internal(error)))?,
        );
        let sealed = key.seal(&self.written, kinds::FIELDS, &plain)?;
        let open = Json::Object(kind.compiled.split(&self.fields).open).to_string();
        Ok(Row::new(&LICENCE_VERSIONS, vec![Value::Null; LICENCE_VERSIONS.columns.len()])
            .with("id", self.written.as_str())
            .with("version", 1)
            .with("licence", id)
            .with("number", i64::from(self.identifier.version()))
            .with("type_number", kind.number)
            .with("state", "active")
            .with("fields", open)
            .with("sealed", sealed)
            .with("known", known)
            .with("known_by", known_by)
            .with("valid_from", self.validity.0)
            .with("valid_to", self.validity.1)
            .with("document", sha256)
            .with("operation", Operation::Import.as_str())
            .with("basis", order.basis.as_deref())
            .with("item", order.item.as_deref())
            .with("case_number", order.case_number.as_deref())
            .with("caller", caller.id.as_str())
            .with("issued", now)
            .with("ended", order.state.filter(|state| state.has_ended()).map(|_| now)))
    }

    fn artefact(
        &self,
        id: &str,
        octets: &[u8],
        sha256: &str,
        key: &DataKey,
        now: i64,
    ) -> Result<Row, ImportError> {
        let artefact = artefact_id(&self.written, ORIGINAL);
        let sealed = key.seal(&artefact, kinds::ARTEFACT, octets)?;
        Ok(Row::new(&LICENCE_ARTEFACTS, vec![Value::Null; LICENCE_ARTEFACTS.columns.len()])
            .with("id", artefact)
            .with("version", 1)
            .with("licence", id)
            .with("identifier", self.written.as_str())
            .with("kind", ORIGINAL)
            .with("media_type", "application/pdf")
            .with("length", i64::try_from(octets.len()).unwrap_or(i64::MAX))
            .with("sha256", sha256)
            .with("sealed", sealed)
            .with("made", now))
    }

    /// By whom it is found.
    fn persons(&self) -> Vec<Person> {
        let holder = Person {
            role: HOLDER.to_owned(),
            kind: self.holder.kind.clone(),
            number: self.holder.number.clone(),
        };
        let others = self.holder.others.iter().map(|(role, number)| Person {
            role: role.clone(),
            kind: CITIZEN.to_owned(),
            number: number.clone(),
        });
        std::iter::once(holder).chain(others).collect()
    }
}

/// The published type of an identifier, which is what a permit is asked about.
///
/// # Errors
/// [`ImportError::Identifier`], or the problem that there is no such type.
pub async fn type_of(app: &App, identifier: &str) -> Result<Arc<Published>, ImportError> {
    let parsed = Identifier::parse(identifier)?;
    let found = catalogue::in_force(app, parsed.identifier.type_code()).await;
    found.map_err(|error| ImportError::Elsewhere(error.into()))
}

/// As whom an organisation has issued under a code.
enum IssuesAs {
    /// The seal that issues the type for it now has the code.
    Present,
    /// Another seal of it has it, or had.
    Former,
    /// None of its seals: the code is another body's. Whoever took its identifiers over would have this platform vouch for
    /// licences that body never issued, and would keep it from its own identifiers.
    Nobody,
}

async fn issues_as(
    app: &App,
    kind: &Published,
    organisation: &str,
    code: &str,
) -> Result<IssuesAs, StoreError> {
    if let Some(seal) = kind.compiled.seal(organisation)
        && let Some(row) = app.db.row(&SEALS, seal).await?
        && text(&row, "organisation") == organisation
        && text(&row, "holder_number") == code
    {
        return Ok(IssuesAs::Present);
    }
    let sql = "SELECT id FROM seals WHERE organisation = $1 AND holder_number = $2 LIMIT 1";
    let found = app.db.fetch_optional(sql, &[organisation.into(), code.into()]).await?;
    Ok(if found.is_some() { IssuesAs::Former } else { IssuesAs::Nobody })
}

fn validity(
    kind: &Published,
    order: &Import,
    fields: &Map<String, Json>,
) -> Result<(i64, Option<i64>), ImportError> {
    let first = first_second(order.valid_from).ok_or(ImportError::NoTerm)?;
    match order.valid_to {
        Some(last) => Ok((first, Some(last_second(last).ok_or(ImportError::NoTerm)?))),
        None if order.long_term => Ok((first, None)),
        None => kind.compiled.validity(order.valid_from, fields).map_err(|_| ImportError::NoTerm),
    }
}

/// The first second of a day in China.
fn first_second(day: Date) -> Option<i64> {
    Some(day.to_zoned(TimeZone::fixed(Offset::constant(8))).ok()?.timestamp().as_second())
}

/// Its last second.
pub(super) fn last_second(day: Date) -> Option<i64> {
    first_second(day.tomorrow().ok()?).map(|second| second - 1)
}

/// 正本.
const ORIGINAL: &str = "original";
/// Kind of a citizen's number (GB/T 36903).
const CITIZEN: &str = "111";
