//! The life of licences over the platform API, on both databases.

mod import;
mod races;
mod refused;
mod steps;
mod versions;
mod visible;
mod walk;

use appliance::store::Value as Cell;
use licence::codes::{citizen_id, credit_code};
use licence::identifier::Identifier;
use licence::life::{Ground, Operation, State};
use serde_json::{Value, json};

use crate::house::{Answer, Client, Credential, House};

/// The type that licences of these tests are of.
pub const TYPE: &str = "11990000MB0F00012G001";

/// A house with a bureau that issues food-operation permits, and another that does not.
pub struct Office {
    pub house: House,
    pub own: Credential,
    pub stranger: Credential,
    /// What to call it in messages.
    pub kind: &'static str,
    /// Keeps the database.
    _place: Option<crate::support::Place>,
}

pub async fn office() -> Office {
    office_in(House::open().await, "sqlite", None).await
}

/// One for each database at hand.
pub async fn offices() -> Vec<Office> {
    let mut all = Vec::new();
    for place in crate::support::places() {
        let url = match &place.url {
            appliance::store::DatabaseUrl::Lite(path) => format!("sqlite:{}", path.display()),
            appliance::store::DatabaseUrl::Postgres(url) => url.clone(),
        };
        let house = House::prepared_on(&url, "", |_| {}).await;
        house.unseal().await;
        let kind = place.kind;
        all.push(office_in(house, kind, Some(place)).await);
    }
    all
}

async fn office_in(house: House, kind: &'static str, place: Option<crate::support::Place>) -> Office {
    let super::Office { house, machine } = super::Office::in_house(house, &super::definition()).await;
    let mut officer = house.connect(&house.officer(1)).await;
    let other = json!({ "id": "other", "name": "另一单位" });
    assert_eq!(officer.post("/v1/organisations", &other).await.status, 201);
    let caller = json!({ "id": "stranger", "organisation": "other", "roles": ["licensor"] });
    assert_eq!(officer.post("/v1/callers", &caller).await.status, 201);
    let stranger = house.certified(&mut officer, "stranger").await;
    house.known(&stranger).await;
    Office { house, own: machine, stranger, kind, _place: place }
}

/// Publishes the food-operation permit under another code, with these operations only.
pub async fn publish(office: &Office, code: &str, operations: &[Operation]) {
    let mut definition = super::definition();
    definition["code"] = code.into();
    definition["operations"] = json!(operations);
    super::publish(&office.house, &office.own, &definition).await;
}

/// A code with the check characters that make it right.
fn completed(stem: &str, open: usize, right: impl Fn(&str) -> bool) -> String {
    let letters = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let mut ends = vec![String::new()];
    for _ in 0..open {
        ends = ends.iter().flat_map(|end| letters.chars().map(move |c| format!("{end}{c}"))).collect();
    }
    ends.into_iter().map(|end| format!("{stem}{end}")).find(|code| right(code)).unwrap()
}

pub fn credit() -> String {
    completed("9199000010000010", 2, |code| credit_code(code).is_ok())
}

pub fn citizen() -> String {
    completed("99010019900307001", 1, |number| citizen_id(number).is_ok())
}

pub fn fields() -> Value {
    json!({
        "operator": "示例市小馆餐饮有限公司",
        "credit_code": credit(),
        "representative": "示例甲",
        "representative_id": citizen(),
        "residence": "示例市示范区和平路1号",
        "premises": "示例市示范区和平路1号一层",
        "business_form": "餐饮服务经营者",
        "items": ["热食类食品制售"],
        "permit_number": "JY29901000000017",
        "signatory": "示例乙"
    })
}

/// A licence to be taken over.
pub fn old(kind: &str, serial: &str, more: &Value) -> Value {
    let identifier = Identifier::new(kind, super::ISSUER, serial, 1).unwrap();
    let mut order = json!({
        "identifier": identifier.with_oid(),
        "valid_from": "2024-03-01",
        "valid_to": "2039-02-28",
        "fields": fields(),
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        order[name] = value.clone();
    }
    order
}

/// Whatever an operation needs to be said.
pub fn said(operation: Operation) -> Value {
    let mut body = json!({});
    if operation.needs_reason() {
        body["reason"] = "示例理由".into();
    }
    if operation.needs_basis() {
        body["basis"] = "《示例办法》第一条".into();
    }
    if operation.needs_ground() {
        body["ground"] = json!(Ground::of(operation).next());
    }
    match operation {
        Operation::Check => body["checked_to"] = "2027-06-30".into(),
        Operation::Transfer => {
            body["to"] = credit().into();
            body["case_number"] = "2026-0815".into();
        }
        Operation::Cancel => body["case_number"] = "2026-0815".into(),
        Operation::Change | Operation::Correct => {
            body["fields"] = json!({ "premises": format!("示例市示范区和平路{}号", body.to_string().len()) });
        }
        _ => {}
    }
    body
}

impl Office {
    pub async fn client(&self) -> Client {
        self.house.connect(&self.own).await
    }

    /// Takes a licence over; its id.
    pub async fn import(&self, serial: &str, more: &Value) -> String {
        self.import_of(TYPE, serial, more).await
    }

    pub async fn import_of(&self, kind: &str, serial: &str, more: &Value) -> String {
        let answer = self.client().await.post("/v1/licences/import", &old(kind, serial, more)).await;
        assert_eq!(answer.status, 201, "{} {:?}", self.kind, answer.body);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// An operation by somebody, whatever version the licence has.
    pub async fn act(&self, who: &Credential, id: &str, operation: Operation, body: &Value) -> Answer {
        let path = format!("/v1/licences/{id}/{}", operation.as_str());
        self.house.connect(who).await.post_with(&path, body, &[("if-match", "*")]).await
    }

    /// Events of a licence.
    pub async fn events(&self, id: &str) -> Vec<Value> {
        let answer = self.client().await.get(&format!("/v1/licences/{id}/events")).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.json()["events"].as_array().unwrap().clone()
    }

    /// The `ETag` that a licence has now.
    pub async fn tag(&self, id: &str) -> String {
        let answer = self.client().await.get(&format!("/v1/licences/{id}/events")).await;
        answer.header("etag").to_owned()
    }

    /// A column of a licence's row.
    pub async fn column(&self, id: &str, column: &str) -> Cell {
        let row = self.house.app.db.row(&appliance::store::tables::LICENCES, id).await.unwrap().unwrap();
        row.value(column).clone()
    }

    pub async fn state(&self, id: &str) -> State {
        State::parse(self.column(id, "state").await.as_text().unwrap()).unwrap()
    }

    /// The whole log against every row.
    pub async fn audited(&self) {
        crate::seals::audited(&self.house).await;
    }
}
