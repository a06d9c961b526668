//! Showing and taking licences. The licences are put on record here as issuing does it, so that these tests are of showing
//! alone.

mod agents;
mod codes;
mod copies;
mod queries;
mod races;
mod rotation;

use appliance::journal::{Act, Unit};
use appliance::licences::library::{Content, DataKey, HolderData, holder, keys::kinds};
use appliance::store::tables::{
    LICENCE_ARTEFACTS, LICENCE_SHOW_CODES, LICENCE_TYPE_VERSIONS, LICENCE_TYPES, LICENCE_VERSIONS, LICENCES,
};
use appliance::store::{Row, Table, Value};
use licence::identifier::Identifier;
use serde_json::{Value as Json, json};

use crate::house::{Answer, Credential, House};

/// A house with a licence type, two licences, the platform of holders and two departments.
pub struct World {
    pub house: House,
    /// Speaks for holders.
    pub platform: Credential,
    /// Verifies, in the organisation `inspection`.
    pub inspection: Credential,
    /// Verifies, in the organisation `health`.
    pub health: Credential,
    /// Issues licences, in the organisation `bureau`.
    pub bureau: Credential,
    pub kind: &'static str,
    _place: crate::support::Place,
}

/// Identifiers of the two licences' first versions.
pub const SHOP: &str = "SHOP0000001";
pub const CANTEEN: &str = "CANTEEN0001";
pub const TYPE: &str = "11990000MB0F00012G001";
/// Invented, in divisions that do not exist, with right check digits.
pub const COMPANY: &str = "92990101MA0TEXT12L";
pub const OTHER_COMPANY: &str = "92990101MA0TEXT20F";
pub const REPRESENTATIVE: &str = "990101198001010014";
pub const AGENT: &str = "990101199102030027";
pub const NAME: &str = "钱示例";

pub fn identifier(serial: &str, version: u16) -> String {
    Identifier::new(TYPE, "11990000MB0F00012G", serial, version).unwrap().to_string()
}

pub fn holder() -> Json {
    json!({ "kind": "001", "number": COMPANY })
}

pub fn agent() -> Json {
    json!({ "kind": "111", "number": AGENT })
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
        all.push(furnished(house, place).await);
    }
    all
}

/// A world on SQLite.
pub async fn world() -> World {
    let place = crate::support::lite();
    furnished(House::sealed("").await, place).await
}

async fn furnished(house: House, place: crate::support::Place) -> World {
    house.unseal().await;
    let bureau = house.machine("bureau-system", &["licensor"]).await;
    let platform = house.machine("citizens", &["holder-platform"]).await;
    let inspection = member(&house, "inspection", "inspection-system").await;
    let health = member(&house, "health", "health-system").await;
    let world = World { platform, inspection, health, bureau, kind: place.kind, house, _place: place };
    world.catalogue().await;
    world.licence(SHOP, COMPANY, None).await;
    world.licence(CANTEEN, OTHER_COMPANY, None).await;
    world
}

/// A verifying machine of an organisation of its own.
async fn member(house: &House, organisation: &str, id: &str) -> Credential {
    let mut officer = house.connect(&house.officer(1)).await;
    let new = json!({ "id": organisation, "name": organisation });
    assert_eq!(officer.post("/v1/organisations", &new).await.status, 201);
    let caller = json!({ "id": id, "organisation": organisation, "roles": ["verifier"] });
    assert_eq!(officer.post("/v1/callers", &caller).await.status, 201);
    let credential = house.certified(&mut officer, id).await;
    house.known(&credential).await;
    credential
}

impl World {
    /// The food-operation permit as it ships, with rules of query that tell organisations apart.
    async fn catalogue(&self) {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../policies/licence-templates/food-operation-permit.json"
        );
        let mut definition: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        definition["issuers"] = json!(["bureau"]);
        definition["queries"] = json!([
            { "purpose": "inspection", "items": ["*"], "organisations": ["inspection"],
              "fields": ["operator", "premises", "permit_number"], "document": true },
            { "purpose": "filing", "items": ["I-1", "I-2"], "organisations": ["*"],
              "fields": ["operator", "representative"] },
            { "purpose": "filing", "items": ["I-3"], "organisations": ["health"], "fields": ["operator", "residence"] }
        ]);
        definition["seals"] = json!({ "bureau": "permits" });
        let empty = |table: &'static Table| Row::new(table, vec![Value::Null; table.columns.len()]);
        let ty = empty(&LICENCE_TYPES)
            .with("id", TYPE)
            .with("version", 1)
            .with("name", "食品经营许可证")
            .with("organisation", "bureau")
            .with("published", 1)
            .with("state", "published")
            .with("updated", 1);
        let version = empty(&LICENCE_TYPE_VERSIONS)
            .with("id", format!("{TYPE}.1"))
            .with("version", 1)
            .with("type", TYPE)
            .with("number", 1)
            .with("state", "published")
            .with("definition", definition.to_string())
            .with("templates", "{}")
            .with("digest", "00")
            .with("author", "officer-1")
            .with("author_person", "officer-1")
            .with("created", 1);
        let unit =
            Unit::new(Act::system("test", "licence-type.publish", "licence-type")).insert(ty).insert(version);
        self.house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();
    }

    /// A licence in force since a day ago, found by the holder's number and by the representative's.
    pub async fn licence(&self, serial: &str, number: &str, valid_to: Option<i64>) {
        let app = &self.house.app;
        let unsealed = app.unsealed().unwrap();
        let name = identifier(serial, 1);
        let id = name.rsplitn(3, '.').nth(2).unwrap().to_owned();
        let all = json!({
            "operator": format!("示例食品{serial}"), "credit_code": number, "representative": NAME,
            "representative_id": REPRESENTATIVE, "residence": "示例省测试市样本路1号", "premises": "样本路2号",
            "business_form": "餐饮服务经营者", "items": ["热食类食品制售"], "permit_number": "JY29901010000001",
            "signatory": "孙示例"
        });
        let mut open = all.as_object().unwrap().clone();
        for protected in ["representative", "representative_id", "residence", "signatory"] {
            open.remove(protected);
        }
        let content = Content {
            fields: all.as_object().unwrap().clone(),
            holder: HolderData {
                name: format!("示例食品{serial}"),
                kind: "001".into(),
                number: number.into(),
            },
            others: vec![("representative".into(), REPRESENTATIVE.into())],
            holder_key: None,
        };
        let key = DataKey::fresh(app).unwrap();
        let wrapped = key.wrap(app, &unsealed, &id).await.unwrap();
        let sealed = key.seal(&name, kinds::FIELDS, &serde_json::to_vec(&content).unwrap()).unwrap();
        let from = crate::house::now() - 86_400;
        let licence: Vec<Value> = vec![
            id.as_str().into(),
            1.into(),
            TYPE.into(),
            1.into(),
            "bureau".into(),
            "11990000MB0F00012G".into(),
            1.into(),
            name.as_str().into(),
            "legal-person".into(),
            "active".into(),
            Value::Null,
            from.into(),
            valid_to.into(),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            wrapped.key.into(),
            wrapped.by.into(),
            1.into(),
            1.into(),
            Value::Null,
            Value::Null,
        ];
        let version: Vec<Value> = vec![
            name.as_str().into(),
            1.into(),
            id.as_str().into(),
            1.into(),
            1.into(),
            "active".into(),
            Json::Object(open).to_string().into(),
            sealed.into(),
            Value::Null,
            Value::Null,
            from.into(),
            valid_to.into(),
            Value::Null,
            Value::Null,
            "issue".into(),
            Value::Null,
            Value::Null,
            Value::Null,
            "bureau-system".into(),
            1.into(),
            Value::Null,
        ];
        let artefact = format!("{name}:original");
        let pdf = key.seal(&artefact, kinds::ARTEFACT, PDF).unwrap();
        let digest = hex::encode(crypto::DigestAlgorithm::Sha256.digest(PDF));
        let original: Vec<Value> = vec![
            artefact.into(),
            1.into(),
            id.as_str().into(),
            name.as_str().into(),
            "original".into(),
            "application/pdf".into(),
            9.into(),
            digest.into(),
            pdf.into(),
            1.into(),
        ];
        let persons = [
            holder::Person { role: "holder".into(), kind: "001".into(), number: number.into() },
            holder::Person {
                role: "representative".into(),
                kind: "111".into(),
                number: REPRESENTATIVE.into(),
            },
        ];
        let mut unit = Unit::new(Act::system("test", "licence.issue", "licence"))
            .insert(Row::new(&LICENCES, licence))
            .insert(Row::new(&LICENCE_VERSIONS, version))
            .insert(Row::new(&LICENCE_ARTEFACTS, original));
        for row in holder::rows(app, &unsealed, &id, &persons).await.unwrap() {
            unit = unit.insert(row);
        }
        unsealed.journal.commit(unit).await.unwrap();
    }

    /// Changes columns of a licence as an act of its life does.
    pub async fn change(&self, serial: &str, columns: &[(&str, Value)]) {
        let name = identifier(serial, 1);
        let id = name.rsplitn(3, '.').nth(2).unwrap();
        let mut row = self.house.app.db.row(&LICENCES, id).await.unwrap().unwrap().next_version();
        for (column, value) in columns {
            row = row.with(column, value.clone());
        }
        let unit = Unit::new(Act::system("test", "licence.change", "licence")).update(row);
        self.house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();
    }

    /// Moves the end of every open code into the past.
    pub async fn time_passes(&self) {
        let db = &self.house.app.db;
        let rows = db.rows_after(&LICENCE_SHOW_CODES, "", 1000).await.unwrap();
        for row in rows {
            let row = row.next_version().with("expires", 1_i64);
            let unit = Unit::new(Act::system("test", "time.pass", "code")).update(row);
            self.house.app.unsealed().unwrap().journal.commit(unit).await.unwrap();
        }
    }

    pub async fn post(&self, who: &Credential, path: &str, body: &Json) -> Answer {
        self.house.connect(who).await.post(path, body).await
    }

    /// Has a code given out for the shop.
    pub async fn code(&self, more: Json) -> String {
        let answer = self.show(more).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        answer.json()["code"].as_str().unwrap().to_owned()
    }

    pub async fn show(&self, more: Json) -> Answer {
        let mut body = json!({ "licence": identifier(SHOP, 1), "holder": holder() });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post(&self.platform, "/v1/show-codes", &body).await
    }

    pub async fn redeem(&self, who: &Credential, code: &str) -> Answer {
        self.post(who, "/v1/show-codes/redeem", &json!({ "code": code })).await
    }

    pub async fn looked(&self) -> Vec<Json> {
        let asked = json!({ "holder": holder() });
        let answer = self.post(&self.platform, "/v1/licence-uses/of-holder", &asked).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// That no leaf and no row holds any of these texts openly.
    pub async fn nowhere(&self, texts: &[&str]) {
        let entries = crate::seals::entries_from(&self.house, 0).await;
        for text in texts {
            assert!(
                !entries.iter().any(|entry| entry.to_string().contains(text)),
                "`{text}` stands in a leaf"
            );
        }
        for table in appliance::store::tables::ALL {
            let rows = self.house.app.db.rows_after(table, "", 10_000).await.unwrap();
            for row in rows {
                for value in &row.values {
                    let octets = match value {
                        Value::Text(text) => text.as_bytes(),
                        Value::Bytes(octets) => octets.as_slice(),
                        _ => continue,
                    };
                    for text in texts {
                        let found = octets.windows(text.len()).any(|part| part == text.as_bytes());
                        assert!(!found, "`{text}` stands in `{}`", table.name);
                    }
                }
            }
        }
    }
}

pub const PDF: &[u8] = b"%PDF-1.7\n";
