//! What is refused: every operation in every state that does not take it, other hands, types that do not list it.

use super::*;

/// A licence in a state, as one is brought.
fn brought(state: State) -> Value {
    match state {
        State::Expired => json!({ "valid_to": "2024-12-31" }),
        other => json!({ "state": other, "valid_to": "2028-12-31" }),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_refused_in_every_state_that_does_not_take_it() {
    for office in offices().await {
        let mut serial = 2_024_000_000_i64;
        for state in State::ALL {
            for operation in Operation::ALL.into_iter().filter(|operation| !operation.begins()) {
                let allowed = state.after(operation);
                serial += 1;
                let id = office.import(&serial.to_string(), &brought(state)).await;
                let who = if matches!(operation, Operation::Revoke | Operation::Withdraw) {
                    office.house.officer(1)
                } else {
                    office.own.clone()
                };
                let answer = office.act(&who, &id, operation, &said(operation)).await;
                let about = format!("{} {operation:?} {state:?} {:?}", office.kind, answer.body);
                match allowed {
                    Some(after) => {
                        assert_eq!(answer.status, 200, "{about}");
                        assert_eq!(office.state(&id).await, after, "{about}");
                    }
                    None => {
                        assert_eq!(
                            (answer.status, answer.problem().as_str()),
                            (409, "licence-state-forbids"),
                            "{about}"
                        );
                        assert_eq!(answer.json()["state"], state.as_str());
                        assert_eq!(office.events(&id).await.len(), 1, "{about}");
                    }
                }
            }
        }
        office.audited().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_elses_hand_does_anything_to_a_licence() {
    let office = office().await;
    let id = office.import("20240000001", &json!({})).await;
    let sealer = office.house.machine("sealing", &["sealer"]).await;
    for operation in Operation::ALL.into_iter().filter(|operation| !operation.begins()) {
        for (who, name) in
            [(&office.stranger, "stranger"), (&sealer, "sealer"), (&office.house.officer(8), "auditor")]
        {
            let answer = office.act(who, &id, operation, &said(operation)).await;
            assert_eq!(answer.problem(), "forbidden", "{name} {operation:?}");
        }
    }
    // What is for ever and against the holder takes a person.
    for operation in [Operation::Revoke, Operation::Withdraw] {
        assert_eq!(office.act(&office.own, &id, operation, &said(operation)).await.problem(), "forbidden");
    }
    // A security officer stops, and does not write.
    let officer = office.house.officer(1);
    let changed = office.act(&officer, &id, Operation::Change, &said(Operation::Change)).await;
    assert_eq!(changed.problem(), "forbidden");
    assert_eq!(office.act(&officer, &id, Operation::Suspend, &said(Operation::Suspend)).await.status, 200);
    assert_eq!(office.events(&id).await.len(), 2);
    let unknown = id.replace("20240000001", "20249999999");
    let answer = office.act(&officer, &unknown, Operation::Suspend, &said(Operation::Suspend)).await;
    assert_eq!(answer.problem(), "not-found");
    let answer = office.act(&office.own, &unknown, Operation::Suspend, &said(Operation::Suspend)).await;
    assert_eq!(answer.problem(), "forbidden", "who may not suspend it does not learn whether it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_does_not_list_an_operation_does_not_take_it() {
    let office = office().await;
    let code = "11990000MB0F00012G002";
    publish(&office, code, &[Operation::Import, Operation::Suspend, Operation::Resume]).await;
    let id = office.import_of(code, "20240000001", &json!({})).await;
    let refused = office.act(&office.own, &id, Operation::Cancel, &said(Operation::Cancel)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "licence-type-forbids"));
    assert_eq!(refused.json()["operation"], "cancel");
    assert_eq!(office.act(&office.own, &id, Operation::Suspend, &said(Operation::Suspend)).await.status, 200);
    let code = "11990000MB0F00012G003";
    publish(&office, code, &[Operation::Suspend, Operation::Resume]).await;
    let brought = old(code, "20240000001", &json!({}));
    let refused = office.client().await.post("/v1/licences/import", &brought).await;
    assert_eq!(refused.problem(), "licence-type-forbids");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_says_what_it_needs_and_nothing_else() {
    let office = office().await;
    let id = office.import("20240000001", &json!({})).await;
    let whole = said(Operation::Suspend);
    for (name, value, parameter) in [
        ("reason", Value::Null, "reason"),
        ("basis", Value::Null, "basis"),
        ("ground", Value::Null, "ground"),
        ("ground", json!("deceit"), "ground"),
        ("checked_to", json!("2027-01-01"), "checked_to"),
        ("fields", json!({ "operator": "x" }), "fields"),
    ] {
        let mut body = whole.clone();
        body[name] = value;
        let answer = office.act(&office.own, &id, Operation::Suspend, &body).await;
        assert_eq!(answer.problem(), "invalid-parameter", "{body}");
        assert_eq!(answer.json()["parameter"], parameter, "{body}");
    }
    let strange = office.act(&office.own, &id, Operation::Suspend, &json!({ "why": "x" })).await;
    assert_eq!(strange.problem(), "malformed-request");
    assert_eq!(office.events(&id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_does_not_lift_what_an_officer_stopped() {
    let office = office().await;
    let id = office.import("20240000001", &json!({})).await;
    let (own, officer) = (&office.own, office.house.officer(1));
    let act = async |who: &Credential, operation: Operation| {
        office.act(who, &id, operation, &said(operation)).await.status
    };
    assert_eq!(act(&officer, Operation::Suspend).await, 200);
    for operation in [Operation::Resume, Operation::Cancel] {
        let refused = office.act(own, &id, operation, &said(operation)).await;
        assert_eq!(refused.problem(), "forbidden", "{operation:?}");
    }
    assert_eq!(office.state(&id).await, State::Suspended);
    // The officer lifts it; what the machine suspended then is its own to resume.
    assert_eq!(act(&officer, Operation::Resume).await, 200);
    assert_eq!((act(own, Operation::Suspend).await, act(own, Operation::Resume).await), (200, 200));
    office.audited().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_ends_a_licence_for_ever_on_its_holders_application_only() {
    for office in offices().await {
        for (serial, operation) in [("20240000001", Operation::Cancel), ("20240000002", Operation::Transfer)]
        {
            let id = office.import(serial, &json!({})).await;
            let mut body = said(operation);
            let case = body.as_object_mut().unwrap().remove("case_number").unwrap();
            let refused = office.act(&office.own, &id, operation, &body).await;
            assert_eq!(
                (refused.problem(), &refused.json()["parameter"]),
                ("invalid-parameter".into(), &json!("case_number")),
                "{} {operation:?}",
                office.kind
            );
            // A reason is wanted of whoever does it.
            body["case_number"] = case;
            body["reason"] = Value::Null;
            let refused = office.act(&office.own, &id, operation, &body).await;
            assert_eq!(refused.json()["parameter"], "reason", "{} {operation:?}", office.kind);
            assert_eq!(office.state(&id).await, State::Active);
            assert_eq!(office.act(&office.own, &id, operation, &said(operation)).await.status, 200);
            assert_eq!(office.events(&id).await[1]["case_number"], "2026-0815");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expired_is_erased_where_its_type_neither_renews_nor_cancels() {
    let office = office().await;
    let over = json!({ "valid_to": "2024-12-31" });
    let body =
        json!({ "reason": "示例", "basis": "《个人信息保护法》第四十七条", "ground": "retention-over" });
    let officer = office.house.officer(1);
    let erase = async |id: &str| {
        let mut client = office.house.connect(&officer).await;
        client.post_with(&format!("/v1/licences/{id}/erase"), &body, &[("if-match", "*")]).await
    };
    let renewable = office.import("20240000001", &over).await;
    let refused = erase(&renewable).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "licence-state-forbids"));
    assert_eq!(
        (&refused.json()["state"], &refused.json()["operation"]),
        (&json!("expired"), &json!("renew"))
    );
    let code = "11990000MB0F00012G002";
    publish(&office, code, &[Operation::Import, Operation::Change]).await;
    let id = office.import_of(code, "20240000001", &over).await;
    let erased = erase(&id).await;
    assert_eq!(erased.status, 200, "{:?}", erased.body);
    assert_eq!(erased.json()["state"], "expired");
    office.audited().await;
}
