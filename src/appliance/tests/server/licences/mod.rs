//! Electronic licences over the platform API: an office that issues food-operation permits, for every module here.

mod attacks;
mod catalogue;
mod certified;
mod ending;
mod erase;
mod import_jobs;
mod issue;
mod jobs;
mod keys;
mod life;
mod refused;
mod shared;
mod showing;
mod templates;
mod verification;
mod with_seal;

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};

use crate::house::{Answer, Credential, House};

/// Code of the type that [`Office`] issues.
pub const FOOD: &str = "11990000MB0F00012G001";
/// The seal of the issuing organisation.
pub const SEAL: &str = "permits";
/// The credit code of the issuing organisation, as its seal's holder.
pub const ISSUER: &str = "11990100MB0F001191";

/// The credit code of the body that defines the type; the bureau acts for it and holds a seal under it, too.
pub const DEFINING: &str = "11990000MB0F00012G";

/// A house with the organisation `bureau`, a machine of it that may issue, a seal, and the food-operation permit published.
pub struct Office {
    pub house: House,
    /// Role `licensor`, of `bureau`.
    pub machine: Credential,
}

impl Office {
    /// On SQLite.
    pub async fn open() -> Self {
        Self::in_house(House::open().await, &definition()).await
    }

    /// One on each database at hand.
    pub async fn everywhere() -> Vec<(Self, crate::support::Place)> {
        let mut all = Vec::new();
        for (house, place) in houses().await {
            all.push((Self::in_house(house, &definition()).await, place));
        }
        all
    }

    /// In a house that is open, with this definition published.
    pub async fn in_house(house: House, definition: &Value) -> Self {
        let machine = equipped(&house).await;
        publish(&house, &machine, definition).await;
        Self { house, machine }
    }
}

/// A house on each database at hand, unsealed.
pub async fn houses() -> Vec<(House, crate::support::Place)> {
    let mut all = Vec::new();
    for place in crate::support::places() {
        let url = match &place.url {
            appliance::store::DatabaseUrl::Lite(path) => format!("sqlite:{}", path.display()),
            appliance::store::DatabaseUrl::Postgres(url) => url.clone(),
        };
        let house = House::prepared_on(&url, "", |_| {}).await;
        house.unseal().await;
        all.push((house, place));
    }
    all
}

/// Registers the issuing machine and has the seals made: that of the bureau, and that of the body that defines the type.
pub async fn equipped(house: &House) -> Credential {
    let machine = house.machine("licensing", &["licensor"]).await;
    for (seal, number) in [(SEAL, ISSUER), ("types", DEFINING)] {
        sealed_as(house, seal, number).await;
    }
    machine
}

/// Has a seal of the bureau made whose holder has this credit code.
pub async fn sealed_as(house: &House, seal: &str, number: &str) {
    let seal = json!({ "operation": "make", "seal": seal, "organisation": "bureau", "name": "示例市市场监督管理局",
        "kind": 6, "level": "city", "width_mm": 42, "division": "990100",
        "holder": { "kind": "organisation", "number": number } });
    let applied = house.apply(&house.officer(9), &seal, Some(&crate::seals::picture())).await;
    crate::seals::carried_out(house, applied).await;
}

/// Has a definition drafted by `author`, handed in by one officer and published by another; its version's number.
pub async fn publish(house: &House, author: &Credential, definition: &Value) -> i64 {
    let drafted = draft(house, author, definition).await;
    assert_eq!(drafted.status, 201, "{:?}", drafted.body);
    let drafted = drafted.json();
    let (code, number) = (drafted["type"].as_str().unwrap(), drafted["number"].as_i64().unwrap());
    for (officer, what) in [(1, "submit"), (2, "publish")] {
        let answer = step(house, &house.officer(officer), code, number, what).await;
        assert_eq!(answer.status, 200, "{what}: {:?}", answer.body);
    }
    number
}

/// Drafts a definition with the templates of the tests.
pub async fn draft(house: &House, who: &Credential, definition: &Value) -> Answer {
    let body = json!({ "definition": definition, "templates": templates() });
    house.connect(who).await.post("/v1/licence-types", &body).await
}

/// Takes a step of a version as it stands.
pub async fn step(house: &House, who: &Credential, code: &str, number: i64, what: &str) -> Answer {
    let path = format!("/v1/licence-types/{code}/versions/{number}");
    at_its_version(house, who, &path, what).await
}

/// Retires a type as it stands.
pub async fn retire(house: &House, who: &Credential, code: &str) -> Answer {
    at_its_version(house, who, &format!("/v1/licence-types/{code}"), "retire").await
}

async fn at_its_version(house: &House, who: &Credential, path: &str, what: &str) -> Answer {
    let mut client = house.connect(who).await;
    let tag = client.get(path).await.headers.get("etag").cloned();
    let tag = tag.as_ref().and_then(|tag| tag.to_str().ok()).unwrap_or("*").to_owned();
    let body = match what {
        "refuse" | "withdraw" | "retire" => json!({ "reason": "示例" }),
        _ => json!({}),
    };
    let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
    client.send(Method::POST, &format!("{path}/{what}"), &headers, body.to_string().into()).await.unwrap()
}

/// The shipped permit, issued by `bureau` under its seal.
pub fn definition() -> Value {
    let shipped = include_str!("../../../../../policies/licence-templates/food-operation-permit.json");
    let mut definition: Value = serde_json::from_str(shipped).unwrap();
    definition["issuers"] = json!(["bureau"]);
    definition["seals"] = json!({ "bureau": SEAL });
    definition
}

/// Fields of a permit, of an invented company and invented people.
pub fn fields() -> Map<String, Value> {
    let fields = json!({
        "operator": "示例市某某餐饮有限公司",
        "credit_code": "91990000MA0E000186",
        "representative": "张某某",
        "representative_id": "990101199003070015",
        "contact_phone": "13800138000",
        "residence": "示例省示例市示例区一路1号",
        "premises": "示例省示例市示例区一路1号一层",
        "business_form": "餐饮服务经营者",
        "items": ["热食类食品制售", "冷食类食品制售"],
        "permit_number": "JY29901010000017",
        "supervisor": "示例区市场监督管理所",
        "signatory": "李某",
    });
    fields.as_object().cloned().unwrap()
}

/// Small templates under the names that the shipped definition has: quick to draw, every field placed or left out.
pub fn templates() -> BTreeMap<String, String> {
    let rows = ["operator", "credit_code", "representative", "residence", "premises", "business_form"];
    let rows = rows.iter().chain(&["permit_number", "supervisor", "signatory"]);
    let mut page = String::from(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="210mm" height="297mm" viewBox="0 0 210 297">"#,
    );
    let mut settings = String::from(
        "title = \"食品经营许可证 {{permit_number}}\"\npages = [\"page.svg\"]\nfont = \"Noto Serif CJK SC\"\n\
         left-out = [\"representative_id\", \"contact_phone\"]\n",
    );
    let mut place = |id: &str, [x, y, width, height]: [u32; 4], what: &str| {
        page.push_str(&format!(
            r#"<rect id="{id}" x="{x}" y="{y}" width="{width}" height="{height}" fill="none"/>"#
        ));
        settings.push_str(&format!("[box.{id}]\n{what}\n"));
    };
    for (row, name) in (0..).zip(rows) {
        place(
            name,
            [20, 20 + 15 * row, 120, 14],
            &format!("text = \"{{{{{name}}}}}\"\nsize = 10\nmin-size = 5"),
        );
    }
    place("items", [20, 160, 120, 90], "text = \"{{items}}\"\nsize = 9\nmin-size = 5\nvalign = \"top\"");
    place("dates", [20, 255, 120, 10], "text = \"{{@validity}}\"\nsize = 9\nmin-size = 5");
    place("qr", [150, 20, 40, 40], "qr = \"{{@qr}}\"");
    place("seal", [145, 200, 50, 50], "seal = true");
    page.push_str("</svg>");
    let name = |kind: &str| (format!("food-operation-{kind}.toml"), settings.clone());
    BTreeMap::from([name("original"), name("duplicate"), name("overprint"), ("page.svg".to_owned(), page)])
}
