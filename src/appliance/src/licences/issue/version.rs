//! Making one version of a licence: its pages rendered and sealed, its credentials, its encrypted rows and the index by holder.
//!
//! What a first issue, a change, a renewal, a correction and a reissue have in common. [`make`] computes and signs everything;
//! nothing of it is on record or leaves before [`Made::commit`] has entered it, together with whatever else the act writes
//! (decision 2). What depends on the licence's own row (its state, its present version) is the caller's part of the unit.

use std::sync::Arc;

use licence::catalogue::Holder;
use licence::identifier::Identifier;
use licence::life::Operation;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value as Json, json};

use super::credentials::{self, Subject};
use super::{IssueError, pages};
use crate::app::{App, Unsealed};
use crate::documents::made::{self, MadeDocuments, Terms};
use crate::documents::parameters::Level;
use crate::identity::Caller;
use crate::journal::{Act, Committed, Unit, generations};
use crate::licences::catalogue::Published;
use crate::licences::library::holder::{self, HOLDER, Person};
use crate::licences::library::keys::{DataKey, kinds};
use crate::licences::library::records::artefact_id;
use crate::licences::library::{Content, HolderData};
use crate::seals::ReadySeal;
use crate::store::tables::{LICENCE_ARTEFACTS, LICENCE_TYPES, LICENCE_VERSIONS, ORGANISATIONS};
use crate::store::{Row, Value};

/// Who issues: the organisation, and the seal that stands for it.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// The organisation.
    pub organisation: String,
    /// Version of its row.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Its code, as identifiers have it: the credit code of its seal's holder.
    pub code: String,
    /// The seal.
    pub seal: Arc<ReadySeal>,
}

/// What a version is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The type, and the version of it that this version of the licence is made by.
    pub kind: &'a Arc<Published>,
    /// Its identifier; names the licence, the issuer's code and the version.
    pub identifier: &'a Identifier,
    /// Who issues.
    pub issuer: &'a Issuer,
    /// All fields, tidied; they passed the type's checks ([`checked`]).
    pub fields: &'a Map<String, Json>,
    /// From when until when, Unix seconds.
    pub validity: (i64, Option<i64>),
    /// Place in the status lists: list and index.
    pub status: Option<(i64, i64)>,
    /// The licence's data key.
    pub key: &'a DataKey,
    /// The holder's key (JWK) that the credential is bound to.
    pub holder_key: Option<&'a Json>,
    /// What makes it.
    pub operation: Operation,
    /// Legal basis.
    pub basis: Option<&'a str>,
    /// Code of the service item.
    pub item: Option<&'a str>,
    /// Case number.
    pub case_number: Option<&'a str>,
    /// Rows of the index that lead to the licence now; none for a new one.
    pub indexed: Vec<Row>,
    /// Microseconds.
    pub now: i64,
}

/// A version that is not on record yet.
#[derive(Debug)]
pub struct Made {
    /// Its row.
    pub version: Row,
    /// What was made of it.
    pub artefacts: Vec<Row>,
    /// SHA-256 of the sealed original, hexadecimal.
    pub document: String,
    index: Vec<Indexing>,
    documents: MadeDocuments,
    guards: Vec<(&'static crate::store::Table, String, i64)>,
}

#[derive(Debug, Clone)]
enum Indexing {
    Insert(Row),
    Update(Row),
    Delete(Row),
}

/// The fields as they are kept, and the holder, if they fit the type.
///
/// # Errors
/// [`IssueError::Fields`].
pub fn checked(
    kind: &Published,
    fields: Map<String, Json>,
) -> Result<(Map<String, Json>, Holder), IssueError> {
    let fields = kind.compiled.tidied(fields);
    kind.compiled.validate(&fields).map_err(IssueError::Fields)?;
    let holder = kind.compiled.holder(&fields).ok_or_else(|| IssueError::Fields(Vec::new()))?;
    Ok((fields, holder))
}

/// Who issues licences of a type for an organisation, with its seal ready for use.
///
/// # Errors
/// [`IssueError`]: it does not, the type names no seal for it, or the seal cannot be used.
pub async fn issuer(
    app: &App,
    unsealed: &Unsealed,
    kind: &Published,
    organisation: &str,
) -> Result<Issuer, IssueError> {
    let code = || kind.compiled.definition().code.clone();
    let refused = || IssueError::NotIssuer { code: code(), organisation: organisation.to_owned() };
    if !kind.compiled.issued_by(organisation) {
        return Err(refused());
    }
    let row = app.db.row(&ORGANISATIONS, organisation).await?;
    let row = row.filter(|row| row.value("state").as_text() == Some("active")).ok_or_else(refused)?;
    let seal = kind
        .compiled
        .seal(organisation)
        .ok_or_else(|| IssueError::NoSeal { code: code(), organisation: organisation.to_owned() })?;
    let chain = app.desk.chain(app).map_err(crate::problem::Problem::internal)?;
    let seal = app.desk.seals.ready(&app.db, unsealed.custody.as_ref(), &chain, seal).await?;
    if seal.summary.organisation != organisation {
        // Who drafts a type could else have anybody's seal set on what it likes.
        let seal = seal.summary.id.clone();
        return Err(IssueError::ForeignSeal { seal, organisation: organisation.to_owned() });
    }
    let number = seal.summary.holder_number.clone().filter(|code| licence::identifier::is_issuer(code));
    let code = number.ok_or_else(|| IssueError::NoIssuerCode(seal.summary.id.clone()))?;
    let name = row.value("name").as_text().unwrap_or_default().to_owned();
    Ok(Issuer { organisation: organisation.to_owned(), version: row.version(), name, code, seal })
}

/// Renders, seals and encrypts a version. Nothing of it may leave before [`Made::commit`].
///
/// # Errors
/// [`IssueError`].
pub async fn make(
    app: &Arc<App>,
    unsealed: &Unsealed,
    caller: &Caller,
    parts: Parts<'_>,
) -> Result<Made, IssueError> {
    let identifier = parts.identifier.to_string();
    let licence = parts.identifier.licence_id();
    let definition = parts.kind.compiled.definition();
    let holder = parts.kind.compiled.holder(parts.fields).ok_or_else(|| IssueError::Fields(Vec::new()))?;
    let subject = Subject { parts: &parts, holder: &holder };
    let credentials = credentials::make(app, &subject).await?;
    let drafts = pages::render(app, &parts, credentials.qr.as_deref()).await?;
    let terms = Terms {
        level: level(&definition.level),
        item: parts.item.map(ToOwned::to_owned),
        case_number: parts.case_number.map(ToOwned::to_owned),
        document_kind: Some(definition.code.clone()),
    };
    let (kinds_of, wanted): (Vec<_>, Vec<_>) = drafts.to_seal.into_iter().unzip();
    let documents = made::seal(app, caller, &parts.issuer.seal, wanted, &terms, parts.now).await?;
    let mut files: Vec<(&str, &str, &[u8])> = kinds_of
        .iter()
        .zip(documents.octets())
        .map(|(kind, octets)| (*kind, PDF, octets.as_slice()))
        .collect();
    files.extend(drafts.plain.iter().map(|(kind, octets)| (*kind, PDF, octets.as_slice())));
    if let Some(credential) = &credentials.sd_jwt {
        files.push((CREDENTIAL, "application/dc+sd-jwt", credential.as_bytes()));
    }
    if let Some(qr) = &credentials.qr {
        files.push((QR, "text/plain", qr.as_bytes()));
    }
    let artefacts = files
        .iter()
        .map(|(kind, media_type, octets)| artefact(&parts, &licence, &identifier, kind, media_type, octets))
        .collect::<Result<Vec<_>, _>>()?;
    let document = files.first().map(|(_, _, octets)| sha256(octets)).unwrap_or_default();
    let index = indexing(app, unsealed, &licence, &holder, &parts.indexed).await?;
    let version = row(app, unsealed, caller, &parts, &identifier, &licence, holder, &document).await?;
    let guards = vec![
        (&LICENCE_TYPES, definition.code.clone(), parts.kind.version),
        (&ORGANISATIONS, parts.issuer.organisation.clone(), parts.issuer.version),
    ];
    Ok(Made { version, artefacts, document, index, documents, guards })
}

impl Made {
    /// Identifier of the version.
    #[must_use]
    pub fn identifier(&self) -> &str {
        self.version.id()
    }

    /// What the leaf of the act says of it; digests and identifiers, nothing personal.
    #[must_use]
    pub fn facts(&self) -> Json {
        let text = |column: &str| self.version.value(column).as_text().unwrap_or_default().to_owned();
        let each = self.artefacts.iter().map(|row| {
            let of = |column: &str| row.value(column).as_text().unwrap_or_default().to_owned();
            (of("kind"), Json::String(of("sha256")))
        });
        json!({
            "licence": text("licence"),
            "identifier": self.version.id(),
            "number": self.version.value("number").as_int(),
            "operation": text("operation"),
            "seal": text("seal"),
            "documents": each.collect::<Map<_, _>>(),
        })
    }

    /// Enters the version as part of an act. `principal` makes the act's unit, whose entry takes the version's rows, and
    /// `more` adds what else is of it, also entries; the uses of the seal have entries of their own at the end. All of it is
    /// made again where other uses of the seal come in between.
    ///
    /// # Errors
    /// [`IssueError::Usage`], [`IssueError::Commit`]; nothing was then recorded, an unknown outcome excepted. A conflict
    /// of the seal or its certificate makes the cabinet forget it.
    pub async fn commit(
        &self,
        app: &App,
        unsealed: &Unsealed,
        caller: &Caller,
        act: &Act,
        principal: impl Fn() -> Unit,
        more: impl Fn(Unit) -> Unit,
    ) -> Result<Committed, IssueError> {
        let build = || {
            let unit = principal().insert(self.version.clone()).bump(generations::LICENCES);
            let unit = self.artefacts.iter().cloned().fold(unit, Unit::insert);
            let unit = self.index.iter().cloned().fold(unit, |unit, step| match step {
                Indexing::Insert(row) => unit.insert(row),
                Indexing::Update(row) => unit.update(row),
                Indexing::Delete(row) => {
                    unit.delete(&crate::store::tables::LICENCE_HOLDERS, row.id(), row.version())
                }
            });
            more(self.guards.iter().fold(unit, |unit, (table, id, version)| unit.guard(table, id, *version)))
        };
        let done = self.documents.commit(app, &unsealed.journal, caller, act, build).await;
        let done = done.map_err(IssueError::from);
        if done.as_ref().is_err_and(IssueError::is_stale) {
            app.desk.seals.forget(self.version.value("seal").as_text().unwrap_or_default());
        }
        done
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts of one row, each of its own kind")]
async fn row(
    app: &App,
    unsealed: &Unsealed,
    caller: &Caller,
    parts: &Parts<'_>,
    identifier: &str,
    licence: &str,
    holder: Holder,
    document: &str,
) -> Result<Row, IssueError> {
    let compiled = &parts.kind.compiled;
    let open = compiled.split(parts.fields).open;
    let known: Vec<(String, String)> =
        compiled.known(parts.fields).into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
    let (known, known_by) = holder::known_column(app, unsealed, licence, &known).await?;
    let content = Content {
        fields: parts.fields.clone(),
        holder: HolderData { name: holder.name, kind: holder.kind, number: holder.number },
        others: holder.others,
        holder_key: parts.holder_key.cloned(),
    };
    let plain =
        zeroize::Zeroizing::new(serde_json::to_vec(&content).map_err(crate::problem::Problem::internal)?);
    let sealed = parts.key.seal(identifier, kinds::FIELDS, &plain)?;
    let row = Row::new(&LICENCE_VERSIONS, vec![Value::Null; LICENCE_VERSIONS.columns.len()]);
    Ok(row
        .with("id", identifier)
        .with("version", 1)
        .with("licence", licence)
        .with("number", i64::from(parts.identifier.version()))
        .with("type_number", parts.kind.number)
        .with("state", "active")
        .with("fields", Json::Object(open).to_string())
        .with("sealed", sealed)
        .with("known", known)
        .with("known_by", known_by)
        .with("valid_from", parts.validity.0)
        .with("valid_to", parts.validity.1)
        .with("seal", parts.issuer.seal.summary.id.as_str())
        .with("document", document)
        .with("operation", parts.operation.as_str())
        .with("basis", parts.basis)
        .with("item", parts.item)
        .with("case_number", parts.case_number)
        .with("caller", caller.id.as_str())
        .with("issued", parts.now))
}

fn artefact(
    parts: &Parts<'_>,
    licence: &str,
    identifier: &str,
    kind: &str,
    media_type: &str,
    octets: &[u8],
) -> Result<Row, IssueError> {
    let id = artefact_id(identifier, kind);
    let sealed = parts.key.seal(&id, kinds::ARTEFACT, octets)?;
    Ok(Row::new(
        &LICENCE_ARTEFACTS,
        vec![
            id.into(),
            1.into(),
            licence.into(),
            identifier.into(),
            kind.into(),
            media_type.into(),
            i64::try_from(octets.len()).unwrap_or(i64::MAX).into(),
            sha256(octets).into(),
            sealed.into(),
            parts.now.into(),
        ],
    ))
}

/// What brings the index to the persons of this version: those who are not of it any more find it no longer.
async fn indexing(
    app: &App,
    unsealed: &Unsealed,
    licence: &str,
    holder: &Holder,
    present: &[Row],
) -> Result<Vec<Indexing>, IssueError> {
    let mut persons =
        vec![Person { role: HOLDER.to_owned(), kind: holder.kind.clone(), number: holder.number.clone() }];
    persons.extend(holder.others.iter().map(|(role, number)| Person {
        role: role.clone(),
        kind: CITIZEN.to_owned(),
        number: number.clone(),
    }));
    let wanted = holder::rows(app, unsealed, licence, &persons).await?;
    let mut steps = Vec::with_capacity(wanted.len());
    for row in &wanted {
        match present.iter().find(|known| known.id() == row.id()) {
            None => steps.push(Indexing::Insert(row.clone())),
            Some(known) if known.value("hash") != row.value("hash") => {
                let hash = row.value("hash").clone();
                steps.push(Indexing::Update(known.clone().next_version().with("hash", hash)));
            }
            Some(_) => {}
        }
    }
    let gone = present.iter().filter(|known| !wanted.iter().any(|row| row.id() == known.id()));
    steps.extend(gone.cloned().map(Indexing::Delete));
    Ok(steps)
}

/// The level of a type's signatures.
fn level(word: &str) -> Level {
    match word {
        "b-t" => Level::BT,
        "b-lt" => Level::BLt,
        "b-lta" => Level::BLta,
        _ => Level::BB,
    }
}

fn sha256(octets: &[u8]) -> String {
    hex::encode(digest(&SHA256, octets))
}

/// Kinds of what is made of a version: 正本.
pub const ORIGINAL: &str = "original";
/// 副本.
pub const DUPLICATE: &str = "duplicate";
/// 套打, on pre-printed paper; not sealed.
pub const OVERPRINT: &str = "overprint";
/// The SD-JWT credential (RFC 9901).
pub const CREDENTIAL: &str = "credential";
/// What the offline QR symbol says.
pub const QR: &str = "qr";
/// Kind of a citizen's number (GB/T 36903).
const CITIZEN: &str = "111";
const PDF: &str = "application/pdf";
