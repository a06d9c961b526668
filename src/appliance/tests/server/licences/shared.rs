//! The shared-service interface (GB/T 36906): its keys, codes and words, on the licences of the showing tests.

use serde_json::{Value, json};

use super::showing::{
    CANTEEN, COMPANY, NAME, OTHER_COMPANY, REPRESENTATIVE, SHOP, TYPE, World, identifier, world, worlds,
};

fn context(purpose: &str, item: &str) -> Value {
    json!({ "SXBM": item, "BJBH": "C-2026-8", "YT": purpose, "JBR": "周办事" })
}

fn about(name: &str, purpose: &str, item: &str) -> Value {
    let mut asked = context(purpose, item);
    asked["ZZBS"] = json!(name);
    let canteen = name.ends_with(&identifier(CANTEEN, 1));
    asked["CZZTDM"] = json!(if canteen { OTHER_COMPANY } else { COMPANY });
    asked["CZZTDMLXDM"] = json!("001");
    asked
}

/// How many records of looks there are.
async fn looks(world: &World) -> i64 {
    crate::seals::count(&world.house, "SELECT COUNT(*) AS n FROM licence_uses").await
}

#[tokio::test(flavor = "multi_thread")]
async fn licences_are_searched_queried_and_fetched_under_the_standards_keys() {
    for world in worlds().await {
        let shop = format!("1.2.156.3005.2.{}", identifier(SHOP, 1));
        let mut asked = context("filing", "I-3");
        asked["CZZTDM"] = json!(COMPANY);
        asked["CZZTDMLXDM"] = json!("001");
        asked["ZZLXDM"] = json!(TYPE);
        let found = world.post(&world.health, "/v1/shared/search", &asked).await;
        assert_eq!(found.status, 200, "{} {:?}", world.kind, found.body);
        assert_eq!(found.header("cache-control"), "no-store");
        let answer = found.json();
        assert_eq!((&answer["code"], &answer["message"]), (&json!(0), &json!("成功")));
        let one = &answer["data"]["ZZLB"][0];
        assert_eq!((&one["ZZBS"], &one["ZZZT"]), (&json!(shop), &json!("有效")), "{one}");
        assert_eq!(
            (&one["CZZT"], &one["KZ_ZS"]),
            (&json!("示例食品SHOP0000001"), &json!("示例省测试市样本路1号"))
        );
        assert_eq!(one["CZZTDM"], Value::Null, "the rule for this purpose does not give the number");

        // By identifier: where it stands, then the fields of the rule, then the document where a rule gives it.
        let standing =
            world.post(&world.health, "/v1/shared/query", &about(&shop, "filing", "I-1")).await.json();
        assert_eq!((&standing["code"], &standing["data"]["ZZMC"]), (&json!(0), &json!("食品经营许可证")));
        assert_eq!((&standing["data"]["CZZT"], &standing["data"]["KZ_JYZMC"]), (&Value::Null, &Value::Null));
        let fields =
            world.post(&world.health, "/v1/shared/metadata", &about(&shop, "filing", "I-1")).await.json();
        assert_eq!(fields["data"]["KZ_FDDBR"], NAME);
        assert_eq!(fields["data"]["KZ_ZS"], Value::Null, "minimum necessary");
        assert!(fields["leaf"].is_u64());
        let none = world.post(&world.health, "/v1/shared/download", &about(&shop, "filing", "I-1")).await;
        assert_eq!((none.status, none.problem().as_str()), (403, "licence-query-not-allowed"));
        let file = world
            .post(&world.inspection, "/v1/shared/download", &about(&shop, "inspection", "I-9"))
            .await
            .json();
        assert_eq!((&file["code"], &file["data"]["WJGS"]), (&json!(0), &json!("PDF")));
        assert_eq!(file["data"]["WJNR"], "JVBERi0xLjcK");
        // One record for each of the four answers that were given, in the holder's list of who looked.
        assert_eq!(looks(&world).await, 4, "{}", world.kind);
        let looked = world.looked().await;
        assert_eq!(looked.len(), 4);
        assert_eq!(looked[0]["case_number"], "C-2026-8");
        world.nowhere(&[NAME, REPRESENTATIVE, "周办事"]).await;
        crate::seals::audited(&world.house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn standings_have_their_codes_and_what_no_rule_gives_is_refused_alike() {
    let world = world().await;
    let shop = identifier(SHOP, 1);
    // No rule: one refusal, whether there is such a licence or not.
    for name in [shop.clone(), identifier("NOWHERE0001", 1)] {
        for path in ["query", "metadata", "download"] {
            let asked = about(&name, "curiosity", "I-1");
            let answer = world.post(&world.health, &format!("/v1/shared/{path}"), &asked).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (403, "licence-query-not-allowed"),
                "{path} {name}"
            );
        }
    }
    assert_eq!(looks(&world).await, 0);
    let ask = async |path: &str, name: &str| {
        let path = format!("/v1/shared/{path}");
        world.post(&world.inspection, &path, &about(name, "inspection", "I-1")).await.json()
    };
    let unknown = ask("metadata", &identifier("NOWHERE0001", 1)).await;
    assert_eq!((&unknown["code"], &unknown["message"]), (&json!(5), &json!("未查到证照")));
    // Identifiers are counted up easily: one without its holder's number is as one that there is not, each try is entered,
    // and ten are enough.
    for tried in 0..10 {
        let mut guess = about(&identifier(CANTEEN, 1), "inspection", "I-1");
        guess["CZZTDM"] = json!(COMPANY);
        let path = ["/v1/shared/query", "/v1/shared/metadata", "/v1/shared/download"][tried % 3];
        let answer = world.post(&world.inspection, path, &guess).await.json();
        assert_eq!((&answer["code"], &answer["data"]), (&json!(5), &Value::Null), "{answer}");
        assert!(answer["leaf"].is_u64());
    }
    let right = about(&identifier(CANTEEN, 1), "inspection", "I-1");
    assert_eq!(world.post(&world.inspection, "/v1/shared/query", &right).await.status, 429);
    assert_eq!(looks(&world).await, 0);
    for (state, code, word) in [("suspended", 2, "暂扣"), ("revoked", 3, "吊销")] {
        world.change(SHOP, &[("state", state.into())]).await;
        let told = ask("metadata", &shop).await;
        assert_eq!((&told["code"], &told["data"]["ZZZT"]), (&json!(code), &json!(word)), "{told}");
        assert_eq!(
            told["data"]["KZ_JYZMC"],
            Value::Null,
            "of a licence that is not in force no field is told"
        );
        assert_eq!(ask("download", &shop).await["data"]["WJNR"], Value::Null);
    }
    world.change(CANTEEN, &[("valid_from", (crate::house::now() + 86_400).into())]).await;
    let asked = about(&identifier(CANTEEN, 1), "filing", "I-1");
    assert_eq!(world.post(&world.health, "/v1/shared/query", &asked).await.json()["code"], 1);
    // The search of somebody who has none, and requests that cannot be meant.
    let mut asked = context("inspection", "I-1");
    for (key, value) in [("CZZTDM", "92990101MA0TEXT39X"), ("CZZTDMLXDM", "001"), ("ZZLXDM", TYPE)] {
        asked[key] = json!(value);
    }
    let none = world.post(&world.inspection, "/v1/shared/search", &asked).await.json();
    assert_eq!((&none["code"], none["leaf"].is_u64()), (&json!(5), true));
    let mut wrong = about(&shop, "inspection", "I-1");
    wrong["BJBH"] = json!("a case\u{202E}");
    let answer = world.post(&world.inspection, "/v1/shared/query", &wrong).await;
    assert_eq!(
        (answer.problem(), &answer.json()["parameter"]),
        ("invalid-parameter".to_owned(), &json!("BJBH"))
    );
    // Who issues does not take: that is for verifiers.
    let asked = about(&shop, "inspection", "I-1");
    assert_eq!(world.post(&world.bureau, "/v1/shared/query", &asked).await.problem(), "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_say_who_sealed_a_licence_when_and_with_which_seal() {
    for (office, place) in super::Office::everywhere().await {
        let verifier = office.house.machine("inspection", &["verifier"]).await;
        let issued = super::issue::issue(&office, &super::issue::order(super::fields())).await;
        assert_eq!(issued.status, 201, "{:?}", issued.body);
        let identifier = issued.json()["identifier"].clone();
        let mut asked = context("catering-inspection", "000131002000");
        asked["CZZTDM"] = super::fields()["credit_code"].clone();
        asked["CZZTDMLXDM"] = json!("001");
        let mut search = asked.clone();
        search["ZZLXDM"] = json!(super::FOOD);
        asked["ZZBS"] = identifier;
        // The seal gets another name afterwards: the licence bears the one it was sealed with.
        let change = json!({ "operation": "change", "seal": super::SEAL, "name": "示例市改名局" });
        let applied = office.house.apply(&office.house.officer(9), &change, None).await;
        crate::seals::carried_out(&office.house, applied).await;
        assert_eq!(crate::seals::seal(&office.house, super::SEAL).await["name"], "示例市改名局");
        let mut officer = office.house.connect(&office.house.officer(1)).await;
        let bureau = officer.get("/v1/organisations/bureau").await.json()["name"].clone();
        let mut client = office.house.connect(&verifier).await;
        let metadata = client.post("/v1/shared/metadata", &asked).await.json();
        let found = client.post("/v1/shared/search", &search).await.json();
        for told in [&metadata["data"], &found["data"]["ZZLB"][0]] {
            assert_eq!(
                (&told["ZZQZR"], &told["ZZQZMC"]),
                (&bureau, &json!("示例市市场监督管理局")),
                "{} {told}",
                place.kind
            );
            let time: jiff::Timestamp = told["ZZQZSJ"].as_str().unwrap().parse().unwrap();
            assert!((crate::house::now() - time.as_second()).abs() < 600, "{told}");
        }
    }
}
