//! What tests of electronic licences begin with: an organisation that issues, its seal, a published licence type.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::appliance::Appliance;

/// Code of the shipped food-operation permit.
pub const FOOD: &str = "11990000MB0F00012G001";
/// The credit code of the bureau that issues, as its seal's holder; invented, with right check characters.
pub const ISSUER: &str = "11990100MB0F001191";
/// The seal it issues under.
pub const SEAL: &str = "permits";
/// The machine that issues.
pub const LICENSING: &str = "licensing";

/// Folder of the shipped licence types.
#[must_use]
pub fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/licence-templates")
}

/// Fields of a food-operation permit, of an invented company and invented people.
#[must_use]
pub fn food_fields() -> Map<String, Value> {
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
    fields.as_object().cloned().unwrap_or_default()
}

impl Appliance {
    /// Registers a machine of the bureau with these roles, once; its credentials lie in `credentials/NAME`.
    #[track_caller]
    pub fn machine(&self, name: &str, roles: &[&str]) {
        self.organisation("bureau");
        let out = self.directory.join("credentials").join(name);
        if out.exists() {
            return;
        }
        let out = out.display().to_string();
        let mut arguments = vec!["caller", "add", name, "--organisation", "bureau", "--out", &out];
        for role in roles {
            arguments.extend(["--role", *role]);
        }
        self.cli_as("officer-1", &arguments).ok();
    }

    /// Publishes a shipped licence type (`food-operation-permit`, `business-licence`, `qualification-certificate`), issued by
    /// the bureau under its seal: its code is another body's, so an officer drafts it and hands it in, another publishes it.
    /// Its code.
    #[track_caller]
    pub fn published_type(&self, name: &str) -> String {
        self.published_definition(&shipped().join(format!("{name}.json")))
    }

    /// As [`Self::published_type`], of a definition whose templates are the shipped ones.
    #[track_caller]
    pub fn published_definition(&self, definition: &Path) -> String {
        self.machine(LICENSING, &["licensor"]);
        let made = self.directory.join(format!("{SEAL}.png"));
        if !made.exists() {
            self.seal_record_with(SEAL, &["--holder", "organisation", "--holder-number", ISSUER]);
        }
        let (definition, templates) = (definition.display().to_string(), shipped().display().to_string());
        let issuer = format!("bureau={SEAL}");
        let [submitter, reviewer] =
            ["officer-1", "officer-2"].map(|who| self.credential(who).0.display().to_string());
        let mut arguments = vec!["licence-type", "draft", &definition, "--templates", &templates];
        arguments.extend(["--organisation", "bureau", "--issuer", &issuer, "--json"]);
        arguments.extend(["--submitter", &submitter, "--reviewer", &reviewer]);
        let done = self.cli_as("officer-1", &arguments).ok();
        let published: Value = done.json();
        published["type"].as_str().expect("the code").to_owned()
    }
}
