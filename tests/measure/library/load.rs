//! Fills a library: licences with their version, fields and one small artefact really encrypted, each under a key of its own,
//! and their holders really hashed, all through the journal in units of many.

use std::ops::Range;
use std::sync::Arc;

use appliance::app::{App, Unsealed};
use appliance::ceremony::OWN_ORGANISATION;
use appliance::journal::{Act, Unit};
use appliance::licences::library::{Content, DataKey, HolderData, holder, keys::kinds};
use appliance::store::tables::{
    LICENCE_ARTEFACTS, LICENCE_TYPE_VERSIONS, LICENCE_TYPES, LICENCE_VERSIONS, LICENCES,
};
use appliance::store::{Row, Table, Value};
use licence::identifier::Identifier;
use serde_json::{Value as Json, json};

const TYPE: &str = "11990000MB0F00012G001";
const ISSUER: &str = "11990000MB0F00012G";

/// What is said of a licence by its number.
pub struct Licence {
    pub identifier: String,
    id: String,
    pub operator: String,
    /// An invented citizen's number, in a division that does not exist; not every one has a right check digit.
    pub representative: String,
    credit_code: String,
}

impl Licence {
    pub fn of(number: u32) -> Self {
        let identifier = Identifier::new(TYPE, ISSUER, format!("M{number:09}"), 1).expect("an identifier");
        Self {
            id: identifier.licence_id(),
            identifier: identifier.to_string(),
            operator: format!("示例市第{number}餐饮有限公司"),
            representative: format!("990101{:08}{:03}X", 19_500_101 + number / 1000, number % 1000),
            credit_code: format!("9199{number:014}"),
        }
    }
}

/// Puts licences of these numbers on record, the type first where there is none.
pub async fn load(app: &Arc<App>, numbers: Range<u32>) {
    catalogue(app).await;
    let unsealed = app.unsealed().expect("unsealed");
    let numbers: Vec<u32> = numbers.collect();
    // The next unit is made while one is written.
    let mut written: Option<tokio::task::JoinHandle<()>> = None;
    for many in numbers.chunks(PER_UNIT) {
        let mut parts = Vec::with_capacity(many.len() / PER_ENTRY + 1);
        for some in many.chunks(PER_ENTRY) {
            let mut unit = Unit::new(Act::system("measure", "licence.issue", "licence:batch"));
            for number in some {
                for row in rows(app, &unsealed, &Licence::of(*number)).await {
                    unit = unit.insert(row);
                }
            }
            parts.push(unit);
        }
        let unit = parts.into_iter().reduce(Unit::also).expect("not empty");
        if let Some(written) = written.take() {
            written.await.expect("written");
        }
        let journal = unsealed.journal.clone();
        written = Some(tokio::spawn(async move {
            journal.commit(unit).await.expect("committed");
        }));
    }
    if let Some(written) = written {
        written.await.expect("written");
    }
}

/// A row of these columns, the others empty.
fn row(table: &'static Table, columns: Vec<(&str, Value)>) -> Row {
    let empty = Row::new(table, vec![Value::Null; table.columns.len()]).with("version", 1);
    columns.into_iter().fold(empty, |row, (column, value)| row.with(column, value))
}

async fn rows(app: &App, unsealed: &Unsealed, licence: &Licence) -> Vec<Row> {
    let Licence { identifier, id, operator, representative, credit_code } = licence;
    let fields = json!({ "operator": operator, "credit_code": credit_code, "representative": "张某某",
        "representative_id": representative, "premises": "示例省示例市示例区一路1号" });
    let content = Content {
        fields: fields.as_object().cloned().expect("an object"),
        holder: HolderData { name: operator.clone(), kind: "001".into(), number: credit_code.clone() },
        others: vec![("representative".into(), representative.clone())],
        holder_key: None,
    };
    let open = json!({ "operator": operator, "premises": fields["premises"] });
    let key = DataKey::fresh(app).expect("a key");
    let wrapped = key.wrap(app, unsealed, id).await.expect("wrapped");
    let content = serde_json::to_vec(&content).expect("JSON");
    let sealed = key.seal(identifier, kinds::FIELDS, &content).expect("sealed");
    let known: [(String, String); 2] = [("operator", operator), ("credit_code", credit_code)]
        .map(|(field, value)| (field.to_owned(), licence::catalogue::normalise(value)));
    let (known, known_by) = holder::known_column(app, unsealed, id, &known).await.expect("hashed");
    let artefact = format!("{identifier}:qr");
    let qr = format!("CNB1:{identifier}");
    let artefact_sealed = key.seal(&artefact, kinds::ARTEFACT, qr.as_bytes()).expect("sealed");
    let digest = hex::encode(crypto::DigestAlgorithm::Sha256.digest(qr.as_bytes()));
    let persons = [("holder", "001", credit_code), ("representative", "111", representative)].map(
        |(role, kind, number)| holder::Person {
            role: role.into(),
            kind: kind.into(),
            number: number.clone(),
        },
    );
    let mut all = vec![
        row(
            &LICENCES,
            vec![
                ("id", id.as_str().into()),
                ("type", TYPE.into()),
                ("type_number", 1.into()),
                ("organisation", OWN_ORGANISATION.into()),
                ("issuer", ISSUER.into()),
                ("number", 1.into()),
                ("identifier", identifier.as_str().into()),
                ("holder_kind", "legal-person".into()),
                ("state", "active".into()),
                ("valid_from", 1_760_000_000.into()),
                ("data_key", wrapped.key.into()),
                ("wrapped_by", wrapped.by.into()),
                ("issued", 1_760_000_000_000_000.into()),
                ("updated", 1_760_000_000_000_000.into()),
            ],
        ),
        row(
            &LICENCE_VERSIONS,
            vec![
                ("id", identifier.as_str().into()),
                ("licence", id.as_str().into()),
                ("number", 1.into()),
                ("type_number", 1.into()),
                ("state", "active".into()),
                ("fields", open.to_string().into()),
                ("sealed", sealed.into()),
                ("known", known.into()),
                ("known_by", known_by.into()),
                ("valid_from", 1_760_000_000.into()),
                ("operation", "issue".into()),
                ("caller", "officer-1".into()),
                ("issued", 1_760_000_000_000_000.into()),
            ],
        ),
        row(
            &LICENCE_ARTEFACTS,
            vec![
                ("id", artefact.into()),
                ("licence", id.as_str().into()),
                ("identifier", identifier.as_str().into()),
                ("kind", "qr".into()),
                ("media_type", "text/plain".into()),
                ("length", i64::try_from(qr.len()).expect("short").into()),
                ("sha256", digest.into()),
                ("sealed", artefact_sealed.into()),
                ("made", 1_760_000_000_000_000.into()),
            ],
        ),
    ];
    all.extend(holder::rows(app, unsealed, id, &persons).await.expect("hashed"));
    all
}

/// The food-operation permit as it ships.
async fn catalogue(app: &App) {
    if app.db.row(&LICENCE_TYPES, TYPE).await.expect("read").is_some() {
        return;
    }
    let shipped = include_str!("../../../policies/licence-templates/food-operation-permit.json");
    let mut definition: Json = serde_json::from_str(shipped).expect("JSON");
    definition["issuers"] = json!([OWN_ORGANISATION]);
    definition["seals"] = json!({ OWN_ORGANISATION: "permits" });
    let of_type = row(
        &LICENCE_TYPES,
        vec![
            ("id", TYPE.into()),
            ("name", "食品经营许可证".into()),
            ("organisation", OWN_ORGANISATION.into()),
            ("newest", 1.into()),
            ("published", 1.into()),
            ("state", "published".into()),
            ("updated", 1.into()),
        ],
    );
    let version = row(
        &LICENCE_TYPE_VERSIONS,
        vec![
            ("id", format!("{TYPE}.1").into()),
            ("type", TYPE.into()),
            ("number", 1.into()),
            ("state", "published".into()),
            ("definition", definition.to_string().into()),
            ("templates", "{}".into()),
            ("digest", "00".into()),
            ("author", "officer-1".into()),
            ("author_person", "officer-1".into()),
            ("created", 1.into()),
        ],
    );
    let unit = Unit::new(Act::system("measure", "licence-type.publish", "licence-type"));
    let journal = &app.unsealed().expect("unsealed").journal;
    journal.commit(unit.insert(of_type).insert(version)).await.expect("committed");
}

/// Licences of one entry: it lists every row with its digest, and has 65,535 octets at most (decision 4).
const PER_ENTRY: usize = 40;
/// Licences of one unit of work.
const PER_UNIT: usize = 400;
