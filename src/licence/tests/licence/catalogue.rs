//! Definitions of licence types: the shipped one passes, each rule has a definition that breaks it alone, and what compiles
//! judges the fields of licences.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use cinnabar_licence::catalogue::{Compiled, MetadataFacts, Sensitivity, TypeDefinition};
use cinnabar_licence::life::Operation;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The shipped definition of the food-operation permit.
pub const FOOD: &str = include_str!("../../../../policies/licence-templates/food-operation-permit.json");

fn definition() -> Value {
    serde_json::from_str(FOOD).expect("JSON")
}

fn compile(definition: &Value) -> Result<Compiled, Vec<cinnabar_licence::catalogue::Fault>> {
    TypeDefinition::read(definition.to_string().as_bytes())?.compile()
}

fn food() -> Compiled {
    compile(&definition()).expect("the shipped definition compiles")
}

/// Fields of a permit, with numbers of invented people and places.
pub fn fields() -> Map<String, Value> {
    let fields = json!({
        "operator": "示例市某某餐饮有限公司",
        "credit_code": "91990000MA0E000186",
        "representative": "张某某",
        "representative_id": "990101199003070015",
        "residence": "示例省示例市示例区一路1号",
        "premises": "示例省示例市示例区一路1号一层",
        "business_form": "餐饮服务经营者",
        "items": ["热食类食品制售", "冷食类食品制售"],
        "permit_number": "JY29901010000017",
        "supervisor": "示例区市场监督管理所",
        "signatory": "李某",
    });
    fields.as_object().cloned().expect("an object")
}

/// The definition with `value` at `pointer` (which exists) or at a new key of its parent.
fn with(pointer: &str, value: Value) -> Value {
    let mut definition = definition();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match definition.pointer_mut(parent).expect("the parent exists") {
        Value::Object(object) => {
            if value.is_null() {
                object.remove(key);
            } else {
                object.insert(key.to_owned(), value);
            }
        }
        Value::Array(array) => array.push(value),
        _ => panic!("no parent at {parent}"),
    }
    definition
}

/// That a definition is refused at exactly `at` (and nowhere else).
fn refused(definition: &Value, at: &str) {
    let faults = compile(definition).expect_err("it must be refused");
    let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(places, [at], "{faults:?}");
    for fault in &faults {
        assert!(!fault.zh.is_empty() && !fault.en.is_empty());
        assert!(fault.zh.chars().any(|character| character > '\u{2E7F}'), "{}", fault.zh);
    }
}

#[test]
fn the_shipped_permit_compiles() {
    let food = food();
    assert_eq!(food.fields().len(), 12);
    assert!(food.allows(Operation::Issue) && food.allows(Operation::Suspend));
    let mut open: Vec<&str> = food.up_to(Sensitivity::Open).collect();
    open.sort_unstable();
    assert_eq!(
        open,
        ["business_form", "credit_code", "items", "operator", "permit_number", "premises", "supervisor"]
    );
    let mut selective = food.selective();
    selective.sort_unstable();
    assert_eq!(selective, ["contact_phone", "representative", "representative_id", "residence", "signatory"]);
}

#[test]
fn the_other_shipped_definitions_compile() {
    let shipped = [
        (include_str!("../../../../policies/licence-templates/business-licence.json"), 10),
        (include_str!("../../../../policies/licence-templates/qualification-certificate.json"), 10),
    ];
    for (text, fields) in shipped {
        let definition: Value = serde_json::from_str(text).expect("JSON");
        let compiled = compile(&definition).expect("a shipped definition compiles");
        assert_eq!(compiled.fields().len(), fields);
        assert!(!compiled.vct().is_empty());
    }
}

#[test]
fn a_photograph_is_base64_within_its_bound_and_never_open() {
    let person = include_str!("../../../../policies/licence-templates/qualification-certificate.json");
    let mut definition: Value = serde_json::from_str(person).expect("JSON");
    let compiled = compile(&definition).expect("compiles");
    let fields = json!({
        "name": "王某某", "sex": "女", "birth": "1990年3月", "id_number": "990101199003070015",
        "profession": "建筑工程", "grade": "中级", "certificate_number": "2026990100000001",
        "approved": "2026-03-01", "photo": "iVBORw0KGgo="
    });
    let mut fields = fields.as_object().cloned().expect("an object");
    assert_eq!(compiled.validate(&fields), Ok(()));
    assert!(compiled.split(&fields).protected.contains_key("photo"));
    for wrong in ["iVBORw0KGgo", "iVBO Rw0KGgo", "====", "照片"] {
        fields.insert("photo".to_owned(), json!(wrong));
        let faults = compiled.validate(&fields).expect_err("no base64");
        assert_eq!((faults.len(), faults[0].pointer.as_str()), (1, "/photo"), "{wrong}: {faults:?}");
    }
    fields.insert("photo".to_owned(), json!("A".repeat(200_004)));
    assert!(compiled.validate(&fields).expect_err("too long")[0].en.contains("at most 200000"));
    let at = "/schema/properties/photo";
    definition["schema"]["properties"]["photo"]["x-sensitivity"] = json!("open");
    refused(&definition, &format!("{at}/x-sensitivity"));
    definition["schema"]["properties"]["photo"]["x-sensitivity"] = json!("personal");
    definition["schema"]["properties"]["photo"]["x-known"] = json!(true);
    refused(&definition, &format!("{at}/x-known"));
    definition["schema"]["properties"]["photo"]["contentEncoding"] = json!("base32");
    refused(&definition, &format!("{at}/contentEncoding"));
}

#[test]
fn codes_are_those_of_the_defining_body() {
    refused(&with("/code", json!("11990000MB0F00012G01")), "/code");
    refused(&with("/code", json!("11990000MB0F00020B001")), "/code");
    refused(&with("/code", json!("11990000MB0F00012G0A1")), "/code");
    let mut wrong = with("/code", json!("11990000MB0F000120001"));
    wrong["defining_body"]["code"] = json!("11990000MB0F000120");
    refused(&wrong, "/defining_body/code");
    refused(&with("/defining_body/level", json!(0)), "/defining_body/level");
    refused(&with("/issuing_level", json!(6)), "/issuing_level");
}

#[test]
fn rules_name_fields_that_exist_and_fit() {
    refused(&with("/number_field", json!("number")), "/number_field");
    refused(&with("/number_field", json!("contact_phone")), "/number_field");
    refused(&with("/holder_fields/name", json!("nobody")), "/holder_fields/name");
    refused(&with("/holder_fields/number", json!("items")), "/holder_fields/number");
    refused(&with("/holder_fields/number_kind", json!("1")), "/holder_fields/number_kind");
    refused(&with("/holder_fields/others", json!({"agent": "operator"})), "/holder_fields/others/agent");
    refused(&with("/queries/0/fields", json!(["operator", "colour"])), "/queries/0/fields/1");
    refused(&with("/queries/0/items", json!([])), "/queries/0/items");
    refused(&with("/queries/0/purpose", json!("Any Purpose")), "/queries/0/purpose");
    refused(&with("/validity", json!({"rule": "field", "until": "operator"})), "/validity/until");
    refused(&with("/validity", json!({"rule": "field", "until": "end"})), "/validity/until");
    refused(&with("/validity", json!({"rule": "years", "years": 0})), "/validity/years");
    refused(&with("/holder_fields/number_kind", json!("111")), "/schema/properties/credit_code/x-check");
}

#[test]
fn who_issues_has_a_seal() {
    let mut one = definition();
    one["issuers"] = json!(["organisation-1"]);
    refused(&one, "/issuers/0");
    one["seals"] = json!({"*": "99010100000001"});
    assert!(compile(&one).is_ok());
    one["seals"] = json!({"organisation-1": "99010100000001"});
    let compiled = compile(&one).expect("a seal of its own");
    assert_eq!(compiled.seal("organisation-1"), Some("99010100000001"));
    assert_eq!(compiled.seal("organisation-2"), None);
    assert!(compiled.issued_by("organisation-1") && !compiled.issued_by("organisation-2"));
    one["seals"] = json!({"organisation-1": "99010100000001", "organisation-2": "99010100000002"});
    refused(&one, "/seals/organisation-2");
}

#[test]
fn operations_hang_together() {
    refused(&with("/operations", json!(["issue"])), "/operations/0");
    refused(&with("/operations", json!(["suspend"])), "/operations");
    refused(&with("/operations", json!(["reissue"])), "/operations");
    refused(&with("/operations", json!(["cancel", "cancel"])), "/operations/1");
    assert!(TypeDefinition::read(with("/operations", json!(["paint"])).to_string().as_bytes()).is_err());
}

#[test]
fn sensitive_fields_stay_out_of_symbols_and_guesses() {
    let at = "/schema/properties/representative_id";
    refused(&with(&format!("{at}/x-known"), json!(true)), &format!("{at}/x-known"));
    refused(&with(&format!("{at}/x-qr"), json!(true)), &format!("{at}/x-qr"));
    refused(&with(&format!("{at}/x-sensitivity"), json!("personal")), &format!("{at}/x-sensitivity"));
    refused(
        &with("/schema/properties/contact_phone/x-sensitivity", json!("open")),
        "/schema/properties/contact_phone/x-sensitivity",
    );
    refused(&with("/schema/properties/items/x-qr", json!(true)), "/schema/properties/items/x-qr");
    let mut person = with("/holder", json!("natural-person"));
    let faults = compile(&person).expect_err("an open holder");
    assert_eq!(faults.len(), 2, "{faults:?}");
    person["schema"]["properties"]["operator"]["x-sensitivity"] = json!("personal");
    person["schema"]["properties"]["credit_code"]["x-sensitivity"] = json!("personal");
    assert!(compile(&person).is_ok());
    // What says nothing is personal.
    let silent = with("/schema/properties/operator/x-sensitivity", Value::Null);
    assert!(compile(&silent).expect("compiles").selective().contains(&"operator"));
}

#[test]
fn a_symbol_holds_its_fields_at_their_longest() {
    refused(&with("/schema/properties/premises/maxLength", json!(200)), "/schema/properties");
}

#[test]
fn everything_has_a_bound() {
    let at = "/schema/properties";
    refused(&with(&format!("{at}/operator/maxLength"), Value::Null), &format!("{at}/operator/maxLength"));
    refused(&with(&format!("{at}/operator/maxLength"), json!(4001)), &format!("{at}/operator/maxLength"));
    refused(&with(&format!("{at}/items/maxItems"), Value::Null), &format!("{at}/items/maxItems"));
    refused(
        &with(&format!("{at}/items/items"), json!({"type": "string"})),
        &format!("{at}/items/items/maxLength"),
    );
    let seats = |schema: Value| {
        let mut seats = json!({"title": "座位数", "x-title-en": "Seats"});
        seats.as_object_mut().expect("an object").extend(schema.as_object().cloned().expect("an object"));
        with(&format!("{at}/seats"), seats)
    };
    refused(&seats(json!({"type": "integer"})), &format!("{at}/seats"));
    refused(&seats(json!({"type": "number", "minimum": 0, "maximum": 1e300})), &format!("{at}/seats"));
    assert!(compile(&seats(json!({"type": "integer", "minimum": 0, "maximum": 9999}))).is_ok());
    refused(&seats(json!({"type": ["integer", "null"]})), &format!("{at}/seats/type"));
    refused(&seats(json!({"type": "object", "properties": {}})), &format!("{at}/seats/additionalProperties"));
    refused(
        &seats(json!({"type": "array", "maxItems": 200, "items": {"type": "string", "maxLength": 4000}})),
        "/schema",
    );
}

#[test]
fn the_vocabulary_is_closed() {
    refused(&with("/schema/$schema", json!("http://json-schema.org/draft-07/schema#")), "/schema/$schema");
    refused(&with("/schema/additionalProperties", json!(true)), "/schema/additionalProperties");
    refused(&with("/schema/patternProperties", json!({})), "/schema/patternProperties");
    refused(&with("/schema/$id", json!("https://example.invalid/")), "/schema/$id");
    let at = "/schema/properties/operator";
    refused(&with(&format!("{at}/x-sensitvity"), json!("sensitive")), &format!("{at}/x-sensitvity"));
    refused(&with(&format!("{at}/x-sensitivity"), json!("secret")), at);
    refused(&with(&format!("{at}/format"), json!("plate")), &format!("{at}/format"));
    refused(&with(&format!("{at}/x-check"), json!("plate")), &format!("{at}/x-check"));
    refused(
        &with("/schema/properties/iss", json!({"title": "甲", "x-title-en": "A", "type": "boolean"})),
        "/schema/properties/iss",
    );
    refused(
        &with(
            "/schema/properties/Name",
            json!({"title": "甲", "x-title-en": "A", "type": "boolean", "x-key": "KZ_A"}),
        ),
        "/schema/properties/Name",
    );
    refused(
        &with("/schema/properties/name", json!({"x-title-en": "A", "type": "boolean"})),
        "/schema/properties/name/title",
    );
    refused(&with(&format!("{at}/x-key"), json!("NAME")), &format!("{at}/x-key"));
    // Of two fields with one key, the later one is told; which that is hangs on the order of the map.
    let twice =
        compile(&with(&format!("{at}/x-key"), json!("KZ_LXDH"))).expect_err("two fields with one key");
    assert!(twice.len() == 1 && twice[0].pointer.ends_with("/x-key"), "{twice:?}");
    // Patterns that only a backtracking engine knows are no patterns here, nor are those that would be compiled to megabytes.
    refused(&with(&format!("{at}/pattern"), json!("^(?=a)b$")), &format!("{at}/pattern"));
    refused(&with(&format!("{at}/pattern"), json!("(?:[\\p{L}]{900}){900}")), &format!("{at}/pattern"));
}

#[test]
fn nothing_is_fetched_and_nothing_leads_on_for_ever() {
    let at = "/schema/properties/operator";
    let title = json!({"title": "甲", "x-title-en": "A"});
    let named = |extra: Value| {
        let mut schema = title.clone();
        schema.as_object_mut().expect("an object").extend(extra.as_object().cloned().expect("an object"));
        schema
    };
    refused(&with(at, json!({"$ref": "https://example.invalid/name.json"})), &format!("{at}/$ref"));
    let mut missing = with(at, json!({"$ref": "#/$defs/name"}));
    refused(&missing, &format!("{at}/$ref"));
    missing["schema"]["$defs"] = json!({"name": named(json!({"type": "string", "maxLength": 20}))});
    let compiled = compile(&missing).expect("a local reference");
    assert_eq!(compiled.field("operator").map(|field| field.title.en.as_str()), Some("A"));
    missing["schema"]["$defs"] = json!({"name": {"$ref": "#/$defs/name"}});
    refused(&missing, &format!("{at}/$ref"));
    missing["schema"]["$defs"] = json!({
        "name": named(json!({"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/name"}}))
    });
    let faults = compile(&missing).expect_err("a list of lists without end");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].en.contains("nested too deeply"), "{faults:?}");
    // References below conditions could double the work at each level.
    refused(&with("/schema/allOf", json!([{"$ref": "#/$defs/a"}])), "/schema/allOf/0/$ref");
    let mut deep = json!({});
    for _ in 0..20 {
        deep = json!({"not": deep});
    }
    let faults = compile(&with("/schema/not", deep)).expect_err("too deep");
    assert!(faults[0].en.contains("nested too deeply"), "{faults:?}");
    let wide: Vec<Value> = (0..3_000).map(|_| json!({})).collect();
    refused(&with("/schema/anyOf", Value::Array(wide)), "/schema");
}

#[test]
fn what_does_not_read_is_told() {
    for text in ["", "[]", "{\"code\": 7}", "{\"colour\": \"red\"}"] {
        let faults = TypeDefinition::read(text.as_bytes()).expect_err("no definition");
        assert_eq!(faults.len(), 1);
    }
    let long = vec![b' '; 300 * 1024];
    assert!(TypeDefinition::read(&long).expect_err("too long")[0].en.contains("too long"));
}

#[test]
fn a_permit_is_judged_field_by_field() {
    let food = food();
    assert_eq!(food.validate(&fields()), Ok(()));
    let wrong = |name: &str, value: Value, at: &str, word: &str| {
        let mut fields = fields();
        if value.is_null() {
            fields.remove(name)
        } else {
            fields.insert(name.to_owned(), value)
        };
        let faults = food.validate(&fields).expect_err("it must be refused");
        assert_eq!(faults.len(), 1, "{name}: {faults:?}");
        assert_eq!(faults[0].pointer, at, "{faults:?}");
        assert!(faults[0].en.contains(word), "{faults:?}");
    };
    wrong("operator", Value::Null, "/operator", "required");
    wrong("operator", json!("店"), "/operator", "at least 2");
    wrong("operator", json!("店".repeat(61)), "/operator", "at most 60");
    wrong("operator", json!("某店\u{202E}"), "/operator", "invisible");
    wrong("colour", json!("red"), "/colour", "no such field");
    wrong("credit_code", json!("91990000MA0E000187"), "/credit_code", "check character");
    wrong("representative_id", json!("990101199003070016"), "/representative_id", "check character");
    wrong("contact_phone", json!("12345678901"), "/contact_phone", "mobile");
    wrong("business_form", json!("街边摊"), "/business_form", "one of");
    wrong("permit_number", json!("JY2990101000001X"), "/permit_number", "pattern");
    wrong("items", json!([]), "/items", "at least 1");
    wrong("items", json!(["热食类食品制售", "热食类食品制售"]), "/items", "differ");
    wrong("items", json!([7]), "/items/0", "a text");
    wrong("items", json!(["甲\u{0}乙"]), "/items/0", "invisible");
}

#[test]
fn faults_never_repeat_a_value() {
    let food = food();
    let mut fields = fields();
    fields.insert("representative_id".to_owned(), json!("990101199003070016"));
    fields.insert("contact_phone".to_owned(), json!("23800138000"));
    fields.insert("residence".to_owned(), json!(990_101_199));
    let faults = food.validate(&fields).expect_err("three wrong ones");
    assert_eq!(faults.len(), 3, "{faults:?}");
    let told = format!("{faults:?}");
    for value in ["990101199", "23800138000"] {
        assert!(!told.contains(value), "{told}");
    }
}

#[test]
fn what_people_type_is_tidied_first() {
    let mut typed = fields();
    typed.insert("credit_code".to_owned(), json!(" 91990000ma0e000186 "));
    typed.insert("operator".to_owned(), json!("示例市某某餐饮有限公司 "));
    let food = food();
    assert!(food.validate(&typed).is_err());
    assert_eq!(food.tidied(typed), fields());
}

#[test]
fn fields_are_parted_known_and_held() {
    let food = food();
    let fields = fields();
    let split = food.split(&fields);
    assert_eq!(split.open.len() + split.protected.len(), fields.len());
    assert!(split.protected.contains_key("representative_id") && split.open.contains_key("operator"));
    let known = food.known(&fields);
    let mut names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(names, ["credit_code", "operator", "permit_number", "representative"]);
    let holder = food.holder(&fields).expect("a holder");
    assert_eq!((holder.kind.as_str(), holder.number.as_str()), ("001", "91990000MA0E000186"));
    assert_eq!(holder.others, [("representative".to_owned(), "990101199003070015".to_owned())]);
    assert!(!format!("{holder:?}").contains("MA0E"), "nothing of a holder stands in a log");
    assert_eq!(food.number(&fields).as_deref(), Some("JY29901010000017"));
    let (from, to) = food.validity("2025-03-01".parse().expect("a date"), &fields).expect("five years");
    assert_eq!((from, to), (1_740_758_400, Some(1_898_524_799)));
}

#[test]
fn metadata_has_the_standards_keys() {
    let food = food();
    let facts = MetadataFacts {
        identifier: "11990000MB0F00012G001.11990100MB0F001191.0000001.001.X",
        issuer: "示例市市场监督管理局",
        issuer_code: "11990100MB0F001191",
        issued: "2025-03-01",
        valid_from: "2025-03-01",
        ..MetadataFacts::default()
    };
    let metadata = food.metadata(&facts, &fields());
    assert_eq!(metadata["ZZMC"], "食品经营许可证");
    assert_eq!(metadata["ZZBH"], "JY29901010000017");
    assert_eq!(metadata["CZZT"], "示例市某某餐饮有限公司");
    assert_eq!(metadata["CZZTDMLX"], "统一社会信用代码");
    assert_eq!(metadata["ZZYXQJZRQ"], "长期");
    assert_eq!(metadata["KZ_JYXM"], json!(["热食类食品制售", "冷食类食品制售"]));
    // Who was given a part of the fields gets their metadata alone.
    let part = food.metadata(&facts, &Map::new());
    assert!(!part.contains_key("CZZT") && !part.contains_key("KZ_JYXM") && part.contains_key("ZZBS"));
}

#[test]
fn purposes_have_their_rules() {
    let food = food();
    assert_eq!(food.rules("any", "any", "catering-inspection").count(), 1);
    assert_eq!(food.rules("any", "000131002000", "paper-free-filing").count(), 1);
    assert_eq!(food.rules("any", "another", "paper-free-filing").count(), 0);
    assert_eq!(food.rules("any", "000131002000", "curiosity").count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is written at any place of a definition, judging it ends without a panic, and what compiles judges fields.
    #[test]
    fn any_change_is_judged(pointer in prop::sample::select(places()), value in any_value()) {
        let mut definition = definition();
        *definition.pointer_mut(&pointer).expect("a place of the definition") = value;
        if let Ok(compiled) = compile(&definition) {
            let _ = compiled.validate(&fields());
        }
    }

    /// No fields at all make judging panic, and no split loses or doubles one.
    #[test]
    fn any_fields_are_judged(extra in prop::collection::btree_map("[a-z_]{1,12}", any_value(), 0..6)) {
        let food = food_once();
        let mut all = fields();
        all.extend(extra);
        let _ = food.validate(&all);
        let split = food.split(&all);
        prop_assert_eq!(split.open.len() + split.protected.len(), all.len());
        prop_assert!(split.open.keys().all(|name| food.field(name).is_some_and(cinnabar_licence::catalogue::Field::is_open)));
    }

    /// Comparing what was made equal once makes it equal for good.
    #[test]
    fn normalising_twice_changes_nothing(text in "\\PC{0,40}") {
        let once = cinnabar_licence::catalogue::normalise(&text);
        prop_assert_eq!(cinnabar_licence::catalogue::normalise(&once), once);
    }
}

fn food_once() -> &'static Compiled {
    static FOOD: std::sync::OnceLock<Compiled> = std::sync::OnceLock::new();
    FOOD.get_or_init(food)
}

/// Every pointer into the definition.
fn places() -> Vec<String> {
    fn walk(value: &Value, at: &str, places: &mut Vec<String>) {
        places.push(at.to_owned());
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    walk(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), places);
                }
            }
            Value::Array(array) => {
                for (index, value) in array.iter().enumerate() {
                    walk(value, &format!("{at}/{index}"), places);
                }
            }
            _ => {}
        }
    }
    let mut places = Vec::new();
    walk(&definition(), "", &mut places);
    places
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "object",
            "array",
            "string",
            "date",
            "*",
            "#/$defs/a",
            "credit-code",
            "(a|b)*c"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                prop::sample::select(vec![
                    "type",
                    "items",
                    "properties",
                    "maxLength",
                    "$ref",
                    "not",
                    "enum",
                    "x-qr",
                    "title"
                ]),
                inner,
                0..4
            )
            .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}
