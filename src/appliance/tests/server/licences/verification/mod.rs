//! Verifying licences. They are put on record here as issuing and their life do it, so that these tests are of verifying
//! alone.

mod carried;
mod codes;
mod files;
mod nodes;
mod plans;
mod strangers;

use appliance::journal::{Act, Unit, generations};
use appliance::licences::library::holder;
use appliance::store::tables::{
    LICENCE_ARTEFACTS, LICENCE_TYPE_VERSIONS, LICENCE_TYPES, LICENCE_VERSIONS, LICENCES,
};
use appliance::store::{Row, Table, Value};
use licence::identifier::Identifier;
use serde_json::{Value as Json, json};

use crate::house::{Answer, Credential, House};

pub const TYPE: &str = "11990000MB0F00012G001";
pub const ISSUER: &str = "11990000MB0F00012G";
pub const OPERATOR: &str = "示例市某某餐饮（中心）有限公司";
pub const DAY: i64 = 86_400;

/// A house with a licence type and a machine that verifies.
pub struct World {
    pub house: House,
    pub verifier: Credential,
    pub kind: &'static str,
    pub place: crate::support::Place,
}

/// A licence as it is put on record.
#[derive(Clone)]
pub struct Put<'a> {
    pub serial: &'a str,
    pub number: u16,
    pub state: &'a str,
    pub ground: Option<&'a str>,
    pub from: i64,
    pub to: Option<i64>,
    /// The identifier, where it is not what it should be.
    pub identifier: Option<String>,
}

impl<'a> Put<'a> {
    /// In force since a day ago, for good.
    pub fn active(serial: &'a str) -> Self {
        let from = crate::house::now() - DAY;
        Self { serial, number: 1, state: "active", ground: None, from, to: None, identifier: None }
    }

    pub fn name(&self) -> String {
        self.identifier.clone().unwrap_or_else(|| identifier(self.serial, self.number))
    }
}

pub fn identifier(serial: &str, version: u16) -> String {
    Identifier::new(TYPE, ISSUER, serial, version).unwrap().to_string()
}

pub fn licence(serial: &str) -> String {
    format!("{TYPE}.{ISSUER}.{serial}")
}

pub async fn world() -> World {
    furnished(House::open().await, crate::support::lite()).await
}

/// A world on each database at hand.
pub async fn worlds() -> Vec<World> {
    let mut all = Vec::new();
    for place in crate::support::places() {
        let url = match &place.url {
            appliance::store::DatabaseUrl::Lite(path) => format!("sqlite:{}", path.display()),
            appliance::store::DatabaseUrl::Postgres(url) => url.clone(),
        };
        let house = House::prepared_on(&url, "", |_| {}).await;
        house.unseal().await;
        all.push(furnished(house, place).await);
    }
    all
}

async fn furnished(house: House, place: crate::support::Place) -> World {
    let verifier = house.machine("inspection", &["verifier"]).await;
    let world = World { verifier, kind: place.kind, house, place };
    world.catalogue().await;
    world
}

/// A row of these columns, the others empty.
pub fn row(table: &'static Table, columns: Vec<(&str, Value)>) -> Row {
    let empty = Row::new(table, vec![Value::Null; table.columns.len()]).with("version", 1);
    columns.into_iter().fold(empty, |row, (column, value)| row.with(column, value))
}

impl World {
    async fn commit(&self, unit: Unit) {
        self.house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();
    }

    /// The food-operation permit as it ships.
    async fn catalogue(&self) {
        let shipped = include_str!("../../../../../../policies/licence-templates/food-operation-permit.json");
        let mut definition: Json = serde_json::from_str(shipped).unwrap();
        definition["issuers"] = json!(["bureau"]);
        definition["seals"] = json!({ "bureau": "permits" });
        let of_type = row(
            &LICENCE_TYPES,
            vec![
                ("id", TYPE.into()),
                ("name", "食品经营许可证".into()),
                ("organisation", "bureau".into()),
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
                ("author", "inspection".into()),
                ("author_person", "x".into()),
                ("created", 1.into()),
            ],
        );
        let act = Act::system("test", "licence-type.publish", "licence-type");
        self.commit(Unit::new(act).insert(of_type).insert(version)).await;
    }

    /// Puts a licence on record, with the operator and the credit code for a verifier to know.
    pub async fn put(&self, put: &Put<'_>) {
        let name = put.name();
        let id = licence(put.serial);
        let row = row(
            &LICENCES,
            vec![
                ("id", id.as_str().into()),
                ("type", TYPE.into()),
                ("type_number", 1.into()),
                ("organisation", "bureau".into()),
                ("issuer", ISSUER.into()),
                ("number", i64::from(put.number).into()),
                ("identifier", name.as_str().into()),
                ("holder_kind", "legal-person".into()),
                ("state", put.state.into()),
                ("ground", put.ground.into()),
                ("valid_from", put.from.into()),
                ("valid_to", put.to.into()),
                ("data_key", vec![0_u8].into()),
                ("wrapped_by", "licences".into()),
                ("issued", 1.into()),
                ("updated", 1.into()),
            ],
        );
        let unit = Unit::new(Act::system("test", "licence.issue", &format!("licence:{id}"))).insert(row);
        self.commit(unit.insert(self.version(put, "active").await).bump(generations::LICENCES)).await;
    }

    async fn version(&self, put: &Put<'_>, state: &str) -> Row {
        let unsealed = self.house.app.unsealed().unwrap();
        let id = licence(put.serial);
        let known = [("operator", OPERATOR), ("credit_code", "91990000MA0E000186")]
            .map(|(field, value)| (field.to_owned(), licence::catalogue::normalise(value)));
        let (known, key) = holder::known_column(&self.house.app, &unsealed, &id, &known).await.unwrap();
        let open = json!({ "operator": OPERATOR, "premises": "示例路1号", "items": ["热食类食品制售"] });
        row(
            &LICENCE_VERSIONS,
            vec![
                ("id", put.name().into()),
                ("licence", id.into()),
                ("number", i64::from(put.number).into()),
                ("type_number", 1.into()),
                ("state", state.into()),
                ("fields", open.to_string().into()),
                ("sealed", vec![0_u8].into()),
                ("known", known.into()),
                ("known_by", key.into()),
                ("valid_from", put.from.into()),
                ("valid_to", put.to.into()),
                ("operation", "issue".into()),
                ("caller", "inspection".into()),
                ("issued", 1.into()),
            ],
        )
    }

    /// A newer version takes the place of the one on record.
    pub async fn replace(&self, put: &Put<'_>) {
        let db = &self.house.app.db;
        let licence = db.row(&LICENCES, &licence(put.serial)).await.unwrap().unwrap();
        let before = licence.value("identifier").as_text().unwrap().to_owned();
        let former = db.row(&LICENCE_VERSIONS, &before).await.unwrap().unwrap().next_version();
        let licence =
            licence.next_version().with("number", i64::from(put.number)).with("identifier", put.name());
        let act = Act::system("test", "licence.change", "licence");
        let unit = Unit::new(act).update(licence).update(former.with("state", "superseded").with("ended", 2));
        self.commit(unit.insert(self.version(put, "active").await).bump(generations::LICENCES)).await;
    }

    /// As if its only version had been taken over.
    pub async fn taken_over(&self, put: &Put<'_>) {
        let row = self.house.app.db.row(&LICENCE_VERSIONS, &put.name()).await.unwrap().unwrap();
        let unit = Unit::new(Act::system("test", "licence.import", "licence"));
        self.commit(unit.update(row.next_version().with("operation", "import"))).await;
    }

    /// Changes the state of a licence.
    pub async fn turn(&self, serial: &str, state: &str) {
        let row = self.house.app.db.row(&LICENCES, &licence(serial)).await.unwrap().unwrap();
        let unit = Unit::new(Act::system("test", "licence.turn", "licence"));
        let unit = unit.update(row.next_version().with("state", state)).bump(generations::LICENCES);
        self.commit(unit).await;
    }

    /// Puts a file on record as one of a version's.
    pub async fn file(&self, put: &Put<'_>, kind: &str, octets: &[u8]) {
        let row = row(
            &LICENCE_ARTEFACTS,
            vec![
                ("id", format!("{}:{kind}", put.name()).into()),
                ("licence", licence(put.serial).into()),
                ("identifier", put.name().into()),
                ("kind", kind.into()),
                ("media_type", "application/pdf".into()),
                ("length", i64::try_from(octets.len()).unwrap().into()),
                ("sha256", crate::documents::sha256(octets).into()),
                ("sealed", vec![0_u8].into()),
                ("made", 1.into()),
            ],
        );
        self.commit(Unit::new(Act::system("test", "licence.file", "licence")).insert(row)).await;
    }

    /// Asks as the verifying machine.
    pub async fn ask(&self, question: &Json) -> Answer {
        self.house.connect(&self.verifier).await.post("/v1/licence-verifications", question).await
    }

    /// The verdict on an identifier and the operator's name.
    pub async fn verdict(&self, identifier: &str) -> Json {
        let answer =
            self.ask(&json!({ "identifier": identifier, "field": "operator", "value": OPERATOR })).await;
        assert_eq!(answer.status, 200, "{} {:?}", self.kind, answer.body);
        answer.json()
    }

    pub async fn sent(&self, kind: &str, octets: &[u8]) -> Answer {
        let mut client = self.house.connect(&self.verifier).await;
        let headers = [("content-type", kind)];
        client.send(http::Method::POST, "/v1/licence-verifications", &headers, octets.to_vec()).await.unwrap()
    }
}

/// Code and names of the reasons.
pub fn found(verdict: &Json) -> (i64, Vec<&str>) {
    let names = verdict["reasons"].as_array().unwrap().iter().map(|reason| reason["name"].as_str().unwrap());
    (verdict["code"].as_i64().unwrap(), names.collect())
}
